"""Topology changes told by a spanning tree around the switch (SNOOP-12): the kernel's own."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from snoop.lab import Lab, frames, wait_until
from snoop.lab.host import Host
from snoop.lab.switch import Snoop

SECONDS = 100  # of the kernel bridge's times
BUSY = 15.0
SILENT, SPEAKING = "02:00:00:00:77:01", "02:00:00:00:77:02"


@pytest.fixture
def lab() -> Iterator[Lab]:
    with Lab(3) as made:
        yield made


def quiet_querier(lab: Lab) -> Snoop:
    """One that has asked when it started, and asks of itself no more."""
    igmp = {"querier": "on", "querier_address": "10.0.0.254", "query_response_interval": 0.4,
            "startup_query_interval": 0.1}  # fmt: skip
    switch = lab.switch(["p0", "p1", "p2", "a0"], config={"igmp": igmp})
    switch.wait_pruning()
    return switch


def queries(host: Host) -> int:
    return sum(one.frame[14 + 24] == 0x11 for one in host.captured() if is_igmp(one.frame))


def is_igmp(frame: bytes) -> bool:
    return frame[12:14] == b"\x08\x00" and frame[23] == 2


def known(switch: Snoop) -> set[str]:
    return {row["mac"] for row in switch.show("fdb")["fdb"]}


def speaks(host: Host, mac: str) -> None:
    host.frames([frames.udp(host.address, "255.255.255.255", mac=mac,
                            destination_mac="ff:ff:ff:ff:ff:ff")])  # fmt: skip


def test_a_change_in_the_kernels_spanning_tree_asks_hosts_and_ages_addresses(lab: Lab) -> None:
    """SNOOP-12: told by the root's BPDUs; who speaks stays known, who is silent is flooded to."""
    lab.trunk("a0", "x0")
    lab.trunk("x1", "y1")
    switch = quiet_querier(lab)
    bridge = lab.bridge(["x1"], snooping=False, querier=False)
    index, new = (lab.link.link_lookup(ifname=name)[0] for name in (bridge.name, "x0"))
    lab.h(1).record("control")
    for mac in (SILENT, SPEAKING):
        speaks(lab.h(2), mac)
    wait_until(lambda: {SILENT, SPEAKING} <= known(switch), within=BUSY)
    events = switch.events("topology", timeout=30.0)
    asked = queries(lab.h(1))
    # A new port listens and learns for two seconds each, as short as that can be; then it forwards.
    lab.link.link("set", index=index, kind="bridge", br_stp_state=1, br_hello_time=SECONDS,
                  br_forward_delay=2 * SECONDS, br_max_age=6 * SECONDS)  # fmt: skip
    lab.link.link("set", index=new, master=index)
    job = lab.h(2).start(
        "frames", rate=20.0, repeat=600,
        frames=[frames.udp(lab.h(2).address, "10.0.0.254", mac=SPEAKING,
                           destination_mac="02:00:00:00:77:99").hex()],
    )  # fmt: skip
    event = next(events)
    assert event["port"] == "a0"
    assert event["forgotten"] >= 1
    wait_until(lambda: queries(lab.h(1)) > asked, within=BUSY)
    wait_until(lambda: SPEAKING in known(switch), within=BUSY, what="who speaks is known")
    assert SILENT not in known(switch)
    del job


def bpdu(mac: str, kind: str) -> bytes:
    source = bytes.fromhex(mac.replace(":", ""))
    return (
        bytes.fromhex("0180c2000000") + source + bytes.fromhex("0007424203" + kind).ljust(48, b"\0")
    )


def test_a_host_that_tells_of_changes_all_the_time_gains_little(lab: Lab) -> None:
    """SNOOP-12: 2000 notifications, one query more, and data goes on."""
    lab.trunk("a0", "a1")
    lab.set_port("a1", "down")
    switch = quiet_querier(lab)
    lab.h(1).join("239.1.2.3")
    switch.wait_member("239.1.2.3", "p1")
    lab.h(1).record("control")
    lab.h(1).reset()
    before = queries(lab.h(1))
    flood = lab.h(2).start(
        "frames", frames=[bpdu(lab.h(2).mac, "00000080").hex()], rate=2000.0, repeat=2000
    )
    lab.h(0).send("239.1.2.3", count=500, rate=1000)
    flood.result(60)
    lab.settle(lab.h(0), [lab.h(1)])
    assert lab.h(1).wire("239.1.2.3").unique == 500
    shown = json.loads(switch.quick("show", "events", "--type", "topology", "--json"))
    assert len(shown["events"]) == 1
    assert queries(lab.h(1)) <= before + 2  # and the one for the group, if it was under way
