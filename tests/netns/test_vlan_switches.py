"""Switches on trunks: hosts of two VLANs on each, one querier a VLAN for all.

    h0 (10)           h2 (10)           h4 (10)
        s0 ── a0 a1 ── s1 ── b0 b1 ── s2
    h1 (20)           h3 (20)           h5 (20)

The middle one asks in both VLANs. Infix's igmp_vlan and bridge_vlan_separation are here, on two.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest

from netns.star import BUSY, IGMP, LAST_MEMBER, MLD, ROBUSTNESS, verdicts
from netns.vlans import ADDRESSES, TEN, TWENTY
from snoop.lab import Lab, wait_until
from snoop.lab.switch import Snoop

LMQT = ROBUSTNESS * LAST_MEMBER
GROUP, OTHER = "239.22.0.1", "239.22.0.2"
BOTH = [TEN, TWENTY]
MINE = {TEN: (0, 2, 4), TWENTY: (1, 3, 5)}
ROWS = ({"p0": TEN, "p1": TWENTY, "a0": BOTH}, {"p2": TEN, "p3": TWENTY, "a1": BOTH, "b0": BOTH},
        {"p4": TEN, "p5": TWENTY, "b1": BOTH})  # fmt: skip


class Row:
    """Some switches; `mine` are the numbers of the hosts in each VLAN, on access ports."""

    def __init__(
        self, lab: Lab, switches: list[Snoop], mine: Mapping[int, tuple[int, ...]]
    ) -> None:
        self.lab, self.switches, self.mine = lab, switches, mine

    def settle(self, *vids: int) -> None:
        """What was sent in these VLANs, then in the others, is delivered or dropped."""
        for vid in (*vids, *(self.mine.keys() - set(vids))):
            first, *others = (self.lab.h(i) for i in self.mine[vid])
            self.lab.settle(first, others)

    def reached(self, group: str, sender: int, *, stream: int) -> set[str]:
        """The hosts that get all of 200 datagrams of a kernel host; nobody gets one twice."""
        for host in self.lab.hosts:
            host.reset()
        self.lab.h(sender).send(group, count=200, rate=4000, stream=stream)
        vid = next(vid for vid, of in self.mine.items() if sender in of)
        others = [self.lab.h(i) for i in self.mine[vid] if i != sender]
        self.lab.settle(self.lab.h(sender), others)
        self.settle(vid)
        reached = set()
        for host in self.lab.hosts:
            got = host.wire(group)
            if got.datagrams:
                assert got.datagrams == got.unique == 200, f"{host.name}: {got}"
                reached.add(host.name)
        return reached

    def conserved(self) -> None:
        reasons = verdicts()
        for switch in self.switches:
            for port, counts in switch.show("counters")["ports"].items():
                accounted = sum(counts[name] for name in reasons)
                assert counts["rx_frames"] == accounted, (switch.socket, port)


@contextmanager
def row(
    ports: tuple[Mapping[str, Any], ...],
    mine: Mapping[int, tuple[int, ...]],
    *,
    asks: int,
    **how: Any,
) -> Iterator[Row]:
    """Switches with these ports and trunks between them; the one numbered `asks` is querier."""
    with Lab(sum(map(len, mine.values())), **how) as lab:
        ends = [name for each in ports for name in each if not name.startswith("p")]
        for one, other in zip(ends[::2], ends[1::2], strict=True):
            lab.trunk(one, other)
        switches = []
        for number, names in enumerate(ports):
            on = "on" if number == asks else "off"
            addresses = dict(zip(mine, ADDRESSES.values(), strict=True))
            config = {
                "igmp": {**IGMP, "querier": on},
                "mld": {**MLD, "querier": on},
                "vlan": [{"vid": vid, "querier_address": at} for vid, at in addresses.items()],
            }
            switches.append(lab.switch(list(names), config=config, vlans=names))
        for switch in switches:
            for vid in mine:
                switch.wait_pruning(vlan=vid)
        yield Row(lab, switches, mine)
        for switch in switches:
            assert switch.process is not None
            assert switch.process.poll() is None, switch.log


@pytest.fixture(scope="module")
def three() -> Iterator[Row]:
    with row(ROWS, MINE, asks=1) as made:
        yield made
        made.conserved()


def test_a_stream_crosses_the_trunks_to_the_members_of_its_vlan(three: Row) -> None:
    """VLAN-1, VLAN-5, SNOOP-30: joined at both ends, in both VLANs; the same group and ports."""
    lab = three.lab
    lab.h(4).join(GROUP)
    lab.h(1).join(GROUP)
    three.switches[1].wait_members(GROUP, {"b0"}, vlan=TEN)
    three.switches[1].wait_members(GROUP, {"a1"}, vlan=TWENTY)
    three.switches[2].wait_members(GROUP, {"p4"}, vlan=TEN)
    assert three.reached(GROUP, 2, stream=1) == {"h4"}
    assert three.reached(GROUP, 3, stream=2) == {"h1"}
    lab.h(2).join(GROUP)
    three.switches[1].wait_members(GROUP, {"p2", "b0"}, vlan=TEN)
    assert three.reached(GROUP, 5, stream=3) >= {"h1"}
    lab.h(0).join(GROUP)
    three.switches[1].wait_members(GROUP, {"p2", "b0", "a1"}, vlan=TEN)
    assert three.reached(GROUP, 4, stream=4) == {"h0", "h2"}
    assert three.reached(GROUP, 0, stream=5) == {"h2", "h4"}


def test_a_leave_behind_two_trunks_ends_the_stream_there_and_only_there(three: Row) -> None:
    """TM-20, VLAN-1: the querier in the middle asks, the last switch prunes; a member nearer keeps
    every datagram, and so does VLAN 20."""
    lab, group = three.lab, "239.22.0.3"
    for i in (2, 4, 5):
        lab.h(i).join(group)
    three.switches[1].wait_members(group, {"p2", "b0"}, vlan=TEN)
    three.switches[1].wait_members(group, {"b0"}, vlan=TWENTY)
    for host in lab.hosts:
        host.reset()
    jobs = [lab.h(i).start("send", destination=group, count=1 << 20, rate=500, stream=6 + i)
            for i in (0, 1)]  # fmt: skip
    wait_until(lambda: lab.h(4).wire(group).datagrams > 20, within=20)
    lab.h(4).leave(group)
    three.switches[1].wait_members(group, {"p2"}, vlan=TEN, timeout=LMQT + BUSY)
    three.switches[2].wait_members(group, set(), vlan=TEN, timeout=LMQT + BUSY)
    come = lab.h(2).wire(group).datagrams
    wait_until(lambda: lab.h(2).wire(group).datagrams > come + 100, within=BUSY)
    sent = [job.stop()["sent"] for job in jobs]
    three.settle(TEN, TWENTY)
    assert [lab.h(2).app(group).unique, lab.h(5).app(group).unique] == sent
    assert 20 < lab.h(4).wire(group).datagrams <= sent[0] - 100
    assert lab.h(3).wire(group).frames == 0


def test_only_the_middle_one_asks_and_the_others_know_where_it_is(three: Row) -> None:
    """Q-4, SNOOP-20: each VLAN's querier with its address, behind the trunk."""
    for number, port in ((0, "a0"), (2, "b1")):
        for vid, address in ADDRESSES.items():
            rows = three.switches[number].show("querier", vlan=vid, family="ipv4")["queriers"]
            found = [(each["role"], each["address"], each["port"]) for each in rows]
            assert found == [("non-querier", address, port)]
            routers = three.switches[number].show("mrouters", vlan=vid)["mrouters"]
            assert {(each["port"], each["address"]) for each in routers
                    if each["family"] == "ipv4"} == {(port, address)}  # fmt: skip


INFIX = ({"p0": 55, "p1": 77, "t0": [55, 77]}, {"p2": 55, "p3": 77, "t1": [55, 77]})


def test_infix_igmp_vlan() -> None:
    """Senders of 224.1.1.1 in VLAN 55 and 224.2.2.2 in VLAN 77 at opposite ends: each floods in its
    VLAN until somebody joins, then goes where it was joined; never into the other."""
    with row(INFIX, {55: (0, 2), 77: (1, 3)}, asks=0) as net:
        assert net.reached("224.1.1.1", 0, stream=1) == {"h2"}
        assert net.reached("224.2.2.2", 3, stream=2) == {"h1"}
        net.lab.h(1).join("224.2.2.2")
        net.switches[0].wait_members("224.2.2.2", {"p1"}, vlan=77)
        assert net.reached("224.2.2.2", 3, stream=3) == {"h1"}
        assert net.reached("224.1.1.1", 0, stream=4) == {"h2"}
        assert net.reached("224.2.2.2", 0, stream=5) == {"h2"}
        net.conserved()


def test_infix_bridge_vlan_separation() -> None:
    """One subnet in both VLANs: ping and broadcast pass inside each, over the trunk, not across."""
    with row(INFIX, {55: (0, 2), 77: (1, 3)}, asks=0) as net:
        lab = net.lab

        def pings(one: int, other: int, patience: str = "-w10") -> bool:
            to = lab.h(other).address
            return lab.h(one).run(["ping", "-c1", patience, to]).returncode == 0

        assert pings(0, 2)
        assert pings(1, 3)
        assert not any(pings(*pair, "-W1") for pair in ((0, 3), (1, 2), (0, 1), (1, 0)))
        for host in lab.hosts:
            host.record("all")
            host.reset()
        lab.h(0).run(["ping", "-b", "-c1", "-W1", "10.0.0.255"])
        net.settle(55)
        wanted = bytes((10, 0, 0, 255))
        heard = [h.name for h in lab.hosts if any(c.frame[30:34] == wanted for c in h.captured())]
        assert heard == ["h2"]
        net.conserved()
