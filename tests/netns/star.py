"""The star that most netns tests share: five kernel hosts around one switch with short timers.

h0 is the usual sender, h1 to h4 the receivers. `reached` asks the question every test comes down
to: which hosts does a frame get to? It counts at the hosts and proves absence by a later marker.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from netns.discovery import is_addressed
from snoop.lab import Lab, frames, frames_ipv6, wait_until
from snoop.lab.datagrams import payload
from snoop.lab.host import Host
from snoop.lab.switch import Snoop

QUERY, RESPONSE, LAST_MEMBER, ROBUSTNESS = 1.0, 0.4, 0.2, 2
LMQT = ROBUSTNESS * LAST_MEMBER
GMI = ROBUSTNESS * QUERY + 2 * RESPONSE  # RFC 9776 section 8.4
QUERIER = "10.0.0.254"
IGMP = {
    "querier": "on",
    "querier_address": QUERIER,
    "query_interval": QUERY,
    "query_response_interval": RESPONSE,
    "last_member_query_interval": LAST_MEMBER,
    "startup_query_interval": 0.25,
}
MLD = {
    "querier": "on",
    "query_interval": QUERY,
    "query_response_interval": RESPONSE,
    "last_listener_query_interval": LAST_MEMBER,
    "startup_query_interval": 0.25,
}
SLACK = 0.6  # what a busy machine may add to a time of the switch's own, seconds
BUSY = 20.0  # and to that of all that takes place beside it
streams = itertools.count(1000)


class Star:
    def __init__(self, lab: Lab, switch: Snoop) -> None:
        self.lab, self.switch = lab, switch

    def h(self, i: int) -> Host:
        return self.lab.h(i)

    def reached(
        self,
        group: str,
        *,
        source: str | None = None,
        sender: int = 0,
        count: int = 10,
        size: int = 100,
        vid: int | None = None,
        **how: Any,
    ) -> set[str]:
        """Send `count` datagrams as raw frames from `source`; the hosts that got them all.

        AssertionError when a host got only some, one twice, or one that is not as it was sent.
        """
        own = self.h(sender).link_local if ":" in group else self.h(sender).address
        return self.reached_from([source or own], group, sender=sender,
                                 count=count, size=size, vid=vid, **how).popitem()[1]  # fmt: skip

    def reached_from(
        self,
        sources: Iterable[str],
        group: str,
        *,
        sender: int = 0,
        count: int = 5,
        size: int = 100,
        vid: int | None = None,
        **how: Any,
    ) -> dict[str, set[str]]:
        """The same for several sources at once: source -> names of the hosts."""
        sources = list(sources)
        origin = self.h(sender)
        for host in self.lab.hosts:
            host.reset()
        batch = []
        for source in sources:
            stream = next(streams)
            for i in range(count):
                data = payload(stream, i, size)
                udp = frames_ipv6.udp if ":" in group else frames.udp
                frame = udp(source, group, data, mac=origin.mac, **how)
                batch.append(frame if vid is None else frames.tagged(frame, vid))
        assert origin.frames(batch)["refused"] == 0
        self.settle(origin)
        result: dict[str, set[str]] = {source: set() for source in sources}
        for host in self.lab.hosts:
            seen = host.wire_by_source(group, sources, vid=vid)
            for source in sources:
                got = seen[source]
                if got.datagrams:
                    assert got.datagrams == got.unique == count, f"{host.name}: {source} {got}"
                    result[source].add(host.name)
        return result

    def come_through(self, sender: Host, receiver: Host, group: str, **how: Any) -> None:
        """All that it sent to the group before has come out at a receiver, or never will: also
        where neighbours queue it on the way. The last alone has an odd size.
        """
        sender.send(group, size=201, stream=1 << 20, **how)
        wait_until(lambda: receiver.app(group).bytes % 2, within=BUSY, what="the last arrives")

    def settle(self, sender: Host) -> None:
        """All that it sent before is delivered or dropped."""
        self.lab.settle(sender)

    def report(self, port: int, *records: tuple[str, str, Iterable[str]], **how: Any) -> None:
        """A crafted report of the latest version from the host on that port; nobody answers
        queries for it.
        """
        host = self.h(port)
        how = {"mac": host.mac, **how}
        if ":" in records[0][1]:
            host.frames([frames_ipv6.report_v2(records, how.pop("source", host.link_local), **how)])
        else:
            host.frames([frames.report_v3(records, how.pop("source", host.address), **how)])

    def query_from(self, port: int, source: str, group: str = "0.0.0.0", **how: Any) -> None:
        host = self.h(port)
        host.frames([frames.query(source, group, mac=host.mac, **how)])

    def happened(self, kind: str, group: str) -> list[float]:
        """When the switch told these events: seconds of CLOCK_REALTIME, whoever looks how late."""
        shown = self.switch.quick("show", "events", "--type", kind, "--group", group, "--json")
        return [event["time"] for event in json.loads(shown)["events"]]

    def igmp_seen(self, i: int) -> list[bytes]:
        """IGMP and MLD frames that the host received since the last reset."""
        return [captured.frame for captured in self.h(i).captured()]

    def quiet(self) -> None:
        """Every host out of every group, every dynamic entry forgotten."""
        for host in self.lab.hosts:
            host.igmp_version(0)
            if host.address6:
                host.mld_version(0)
            host.call("leave_all")
            host.record("control")
        self.switch.quick("clear", "mdb")
        for host in self.lab.hosts:
            host.reset()

    def conserved(self) -> None:
        """For every port: what was received is what was forwarded, punted and dropped by reason."""
        reasons = verdicts()

        def odd() -> dict[str, dict[str, int]]:
            """Of the ports for which it does not hold, the counters that it is about."""
            return {
                port: {name: counts[name] for name in ("rx_frames", *reasons) if counts[name]}
                for port, counts in self.switch.show("counters")["ports"].items()
                if counts["rx_frames"] != sum(counts[name] for name in reasons)
            }

        # Hosts speak by themselves: of a frame under way one counter may have moved already.
        with suppress(AssertionError):
            wait_until(lambda: not odd(), within=BUSY)
        assert odd() == {}


def verdicts() -> list[str]:
    """Counter names of which every received frame moves exactly one."""
    from snoop.fastpath import FastPath

    return list(FastPath.reasons())


@contextmanager
def star(
    hosts: int = 5,
    *,
    igmp: Mapping[str, Any] | None = None,
    mld: Mapping[str, Any] | None = None,
    switch: Mapping[str, Any] | None = None,
    ports: Mapping[str, Mapping[str, Any]] | None = None,
    pruning: bool = True,
    mtu: int = 1500,
    quiet_ipv6: bool = True,
    **tables: Any,
) -> Iterator[Star]:
    """A star of its own; `igmp` and `switch` change keys of those tables, `ports` of that port.

    With `mld`, which changes keys of `MLD`, it is querier of both families.
    """
    with Lab(hosts, mtu=mtu, quiet_ipv6=quiet_ipv6) as lab:
        options = [{"name": port, **(ports or {}).get(port, {})} for port in lab.ports]
        config = {"switch": dict(switch or {}), "igmp": {**IGMP, **(igmp or {})}, **tables}
        if mld is not None:
            config["mld"] = {**MLD, **mld}
        made = Star(lab, lab.switch(options, config=config))
        if pruning:
            lab.wait_pruning(lab.h(0), lab.h(1), lab.h(-1))
            if mld is not None:
                lab.wait_pruning(lab.h(0), lab.h(1), lab.h(-1), ipv6=True)
                wait_until(
                    lambda: quiet_ipv6 or all(map(is_addressed, lab.hosts)),
                    within=20,
                    what="hosts report from addresses of their own, not from :: (MLD-3)",
                )
            made.quiet()
        yield made
        assert made.switch.process.poll() is None, made.switch.log
        made.conserved()


def names(*numbers: int) -> set[str]:
    return {f"h{i}" for i in numbers}
