"""The same where ports are in VLANs or horizons: no frame gets to every host, so what is waited for
is what the switch has seen.
"""

from __future__ import annotations

from netns.star import Star
from netns.troublemakers import Set, goes_on
from snoop.lab import frames, wait_until


def is_refused(i: int, vid: int | None = None) -> Set:
    """A host reports in a VLAN that its port does not take, or without a tag; again and again:
    what is refused in the moment after a change of VLANs counts for those before.
    """

    def make(net: Star, group: str) -> None:
        host = net.h(i)
        report = frames.report_v3([("TO_EX", group, [])], host.address, mac=host.mac)
        goes_on(host, report if vid is None else frames.tagged(report, vid))
        wait_until(
            lambda: net.switch.show("counters")["ports"][f"p{i}"]["vlan_filtered"],
            within=20,
            what="a frame of another VLAN",
        )

    return make


def sends_within(net: Star, group: str) -> None:
    """As `sends`, where not every host is to be reached."""
    net.h(0).send(group, count=20, rate=1000)
    wait_until(lambda: net.switch.show("streams", group=group)["streams"], within=20, what=group)


def reports_as(i: int, source: str) -> Set:
    """A host joins from that address."""

    def make(net: Star, group: str) -> None:
        net.report(i, ("TO_EX", group, []), source=source)
        net.switch.wait_members(group, {f"p{i}"})

    return make


def asks_within(source: str) -> Set:
    """As `asks`, likewise."""

    def make(net: Star, group: str) -> None:
        net.query_from(3, source)
        wait_until(lambda: net.switch.show("mrouters")["mrouters"], within=20, what="a router")

    return make


def moves_to(port: str, vid: int) -> Set:
    """A port is put into another VLAN."""
    return lambda net, group: net.switch.do("port", "set", port, f"access={vid}")


def moves_back(port: str) -> Set:
    """It is where the file has it again."""
    return lambda net, group: net.switch.do("port", "set", port, "access=")
