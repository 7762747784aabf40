"""An enemy on one port, who writes tags: nothing of his gets into another VLAN, and nothing there
goes dark. Captures on every port say so, never the switch."""

from __future__ import annotations

import struct
from collections.abc import Iterator

import pytest

from netns.star import names
from netns.test_vlan_switches import Row, row
from netns.vlans import ONE, TEN, TWENTY, VlanStar, vlan_star
from snoop.lab import frames, wait_until
from snoop.lab.datagrams import payload

GROUP = "239.24.0.1"
EVIL = "02:00:00:00:0e:01"
BROADCAST = "ff:ff:ff:ff:ff:ff"


@pytest.fixture(scope="module")
def rooms() -> Iterator[VlanStar]:
    with vlan_star() as made:
        yield made


@pytest.fixture
def net(rooms: VlanStar) -> VlanStar:
    rooms.quiet()
    return rooms


def data(number: int = 0) -> bytes:
    packet = payload(9, number, 100)
    return frames.udp("10.0.0.66", "239.24.9.9", packet, mac=EVIL, port=5999)


def query() -> bytes:
    return frames.query("10.0.0.1", mac=EVIL, response=0.1, interval=1)


def report() -> bytes:
    return frames.report_v3([("TO_EX", GROUP, [])], "10.0.0.66", mac=EVIL)


def tags(*stack: tuple[int, int]) -> bytes:
    """(TPID, TCI) each, the outermost first."""
    return b"".join(struct.pack("!HH", *tag) for tag in stack)


def with_tags(frame: bytes, *stack: tuple[int, int]) -> bytes:
    return frame[:12] + tags(*stack) + frame[12:]


def outer_vid(frame: bytes) -> int | None:
    """The VLAN that whoever gets this frame on a trunk will put it in; None: its native one."""
    tpid, tci = struct.unpack("!HH", frame[12:16])
    return tci & 0xFFF if tpid == 0x8100 and tci & 0xFFF else None


def assert_within(net: VlanStar, got: dict[str, list[bytes]], vid: int) -> None:
    """Only hosts of this VLAN got any of it, and on trunks it is of this VLAN for the next switch,
    too."""
    for name, came in got.items():
        assert not came or vid in net.members[name], f"{name} got {came[0].hex()}"
        if came and len(net.members[name]) > 1:
            there = vid if net.members[name][vid] else None
            wrong = [frame for frame in came if outer_vid(frame) not in (there, vid)]
            assert not wrong, f"{name}: {wrong[0].hex()}"


@pytest.mark.parametrize("sender", [0, 6], ids=["in VLAN 10", "in the native VLAN"])
def test_every_tag_from_an_access_port(net: VlanStar, sender: int) -> None:
    """VLAN-2, VLAN-3, spec 116: all 4 096 ids; data, queries, reports: only its own passes."""
    own = next(iter(net.members[f"h{sender}"]))
    foreign = set(range(4096)) - {0, own}
    for frame in (data(), query(), report()):
        sent = [with_tags(frame, (0x8100, 5 << 13 | vid)) for vid in sorted(foreign)]
        got = net.received(sender, sent)
        assert not any(got.values()), {name: came[0].hex() for name, came in got.items() if came}
    assert net.switch.mdb(group=GROUP) == []
    routers = net.switch.show("mrouters")["mrouters"]
    assert all(each["port"] != f"p{sender}" for each in routers)


STACKS = {
    "own, then the victim's": lambda own: [(0x8100, own), (0x8100, TWENTY)],
    "priority, then the victim's": lambda own: [(0x8100, 7 << 13), (0x8100, TWENTY)],
    "own, priority, the victim's": lambda own: [(0x8100, own), (0x8100, 0), (0x8100, TWENTY)],
    "own twice, then the victim's": lambda own: [(0x8100, own), (0x8100, own), (0x8100, TWENTY)],
    "802.1ad of the victim": lambda own: [(0x88A8, TWENTY)],
    "802.1ad of its own, then the victim's": lambda own: [(0x88A8, own), (0x8100, TWENTY)],
    "own, then 802.1ad of the victim": lambda own: [(0x8100, own), (0x88A8, TWENTY)],
    "0x9100, then the victim's": lambda own: [(0x9100, TWENTY), (0x8100, TWENTY)],
    "4095, then the victim's": lambda own: [(0x8100, 4095), (0x8100, TWENTY)],
    "the victim's twice": lambda own: [(0x8100, TWENTY), (0x8100, TWENTY)],
    "the victim's, then its own": lambda own: [(0x8100, TWENTY), (0x8100, own)],
    "nothing behind the tag": lambda own: [(0x8100, own), (0x8100, TWENTY), (0x8100, 0)],
}


@pytest.mark.parametrize("stack", STACKS)
@pytest.mark.parametrize("sender", [0, 6], ids=["in VLAN 10", "in the native VLAN"])
def test_stacked_tags_never_come_out_as_another_vlan(
    net: VlanStar, sender: int, stack: str
) -> None:
    """VLAN-6: on no port, and on no trunk for the switch behind it (hopping by the native VLAN)."""
    own = next(iter(net.members[f"h{sender}"]))
    found = STACKS[stack](own)
    sent = [with_tags(frame, *found) for frame in (data(), query(), report())]
    if stack.startswith("nothing"):
        sent = [frame[: 12 + 4 * len(found)].ljust(60, b"\0") for frame in sent]
    assert_within(net, net.received(sender, sent), own)
    assert net.switch.mdb(group=GROUP) == []


def test_hopping_reaches_nobody_behind_a_second_switch() -> None:
    """The textbook's: an enemy in the native VLAN, a victim in VLAN 20 of the next switch."""
    ports = ({"p0": ONE, "t0": {"trunk": [TWENTY], "native": ONE}},
             {"p1": ONE, "p2": TWENTY, "p3": TWENTY, "t1": {"trunk": [TWENTY], "native": ONE}},
             )  # fmt: skip
    with row(ports, {ONE: (0, 1), TWENTY: (2, 3)}, asks=0) as net:
        for host in net.lab.hosts:
            host.record("all")
            host.reset()
        enemy = net.lab.h(0)
        sent = [with_tags(frame, (0x8100, outer), (0x8100, TWENTY))
                for frame in (data(), query(), report()) for outer in (ONE, 0)]  # fmt: skip
        enemy.frames([*sent, data()])
        settle(net)
        station = bytes.fromhex(EVIL.replace(":", ""))
        for i in (2, 3):
            assert [c for c in net.lab.h(i).captured() if c.frame[6:12] == station] == []
        assert any(c.frame[6:12] == station for c in net.lab.h(1).captured()), "its own VLAN works"


def settle(net: Row) -> None:
    net.settle(ONE, TWENTY)


@pytest.mark.alone
def test_a_trunk_full_of_queries_darkens_nothing() -> None:
    """4 094 VLANs on an enemy's trunk, a query of a lower address and a report in each: the stream
    of VLAN 20 loses nothing, and a join there is served meanwhile."""
    ports = {"p0": TEN, "p1": TEN, "p2": TWENTY, "p3": TWENTY, "p4": ["1-19", "21-4094"],
             "p5": {"trunk": [TEN, TWENTY], "native": ONE}}  # fmt: skip
    with vlan_star(vlans=ports, igmp={"query_interval": 20.0}) as net:
        net.h(3).join(GROUP)
        net.switch.wait_members(GROUP, {"p3"}, vlan=TWENTY)
        enemy, every = net.h(4), range(1, 4095)
        storms = [[frames.tagged(frame, vid).hex() for vid in every for _ in range(2)]
                  for frame in (query(), report())]  # fmt: skip
        stream = net.h(2).start("send", destination=GROUP, count=20_000, rate=4000, stream=4)
        for storm in storms:
            enemy.start("frames", frames=storm, rate=8000.0)
        wait_until(lambda: net.h(3).wire(GROUP).datagrams > 1000, within=20)
        net.report_in(5, "239.24.0.2", TWENTY)
        net.switch.wait_members("239.24.0.2", {"p5"}, vlan=TWENTY, timeout=2)
        sent = stream.result(30)
        net.settle(net.h(2))
        assert net.h(3).app(GROUP).unique == sent["sent"] == 20_000
        assert net.switch.members(GROUP, vlan=TWENTY) == {"p3"}
        row = net.switch.show("querier", vlan=TWENTY, family="ipv4")["queriers"][0]
        assert row["role"] == "querier"
        frame = frames.udp("10.0.0.12", GROUP, mac=net.h(2).mac)
        assert net.reached_by(2, frame, vid=TWENTY) == names(3)
        assert_within(net, net.received(4, [frames.tagged(data(), TEN)]), TEN)
        assert net.switch.show("ports")["ports"]


def test_an_enemy_who_takes_every_address_of_another_vlan_takes_none(net: VlanStar) -> None:
    """He says in VLAN 10 that he is each host of VLAN 20: their frames still reach them."""
    two, three = "02:00:00:00:0e:02", "02:00:00:00:0e:03"
    for host, mac in ((2, two), (3, three)):
        hello = frames.udp("10.0.0.2", "255.255.255.255", mac=mac, destination_mac=BROADCAST)
        net.reached_by(host, hello, vid=TWENTY)
    lies = [frames.udp("10.0.0.66", "255.255.255.255", mac=mac, destination_mac=BROADCAST)
            for mac in (two, three)]  # fmt: skip
    assert_within(net, net.received(0, lies * 10), TEN)
    to_it = frames.udp("10.0.0.2", "10.0.0.3", mac=two, destination_mac=three)
    assert net.reached_by(2, to_it, vid=TWENTY) == names(3)
