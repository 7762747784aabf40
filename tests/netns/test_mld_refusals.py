"""IPv6 groups that are never pruned, and MLD that teaches nothing.

What is refused makes neither member nor router port; a good report of the same host after it is
learned.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator

import pytest

from netns.star import MLD, Star, names, star
from snoop.lab import frames_ipv6, wait_until
from snoop.lab.frames_ipv6 import done, icmpv6, packet, pton, query, report_v1, report_v2, summed
from snoop.lab.host import Host

ALWAYS = (
    *("ff02::1", "ff02::2", "ff02::16", "ff02::6a", "ff02::fb", "ff02::1:2"),
    *("ff02::1:ff00:0", "ff02::1:ff00:1234", "ff02::1:ffff:ffff"),
)
TOLD_TO = ("ff05::8:0", "ff05::8:ffff", "ff0e::8:1")  # by `always_flood`
PRUNED = ("ff02::cc", "ff02::1:3", "ff02::c", "ff02::1:0", "ff02::1:fe00:1", "ff05::1:3",
          "ff05::9:0", "ff05::2", "ff0e::1", "ff0e::8:2", "ff3e::1")  # fmt: skip
GLOBAL, NEIGHBOUR = "2001:db8::99", "fe80::99"
GROUP, FENCE = "ff0e::6:1", "ff0e::6:2"


@pytest.fixture(scope="module")
def shared() -> Iterator[Star]:
    switch = {"unregistered": "drop", "always_flood": ["ff05::8:0/112", "ff0e::8:1"]}
    with star(4, mld={}, switch=switch) as made:
        yield made


@pytest.mark.parametrize("group", [*ALWAYS, *TOLD_TO])
def test_group_is_never_pruned(net: Star, group: str) -> None:
    """SNOOP-51, SNOOP-52: nobody joined it, somebody did."""
    assert net.reached(group, count=2) == names(1, 2, 3)
    net.report(1, ("TO_EX", group, []), ("TO_EX", FENCE, []))
    net.switch.wait_members(FENCE, {"p1"})
    assert net.reached(group, count=2) == names(1, 2, 3)


@pytest.mark.parametrize("group", PRUNED)
def test_other_group_goes_to_members_alone(net: Star, group: str) -> None:
    """SNOOP-32, SNOOP-52: next to the exempt ones, too; `unregistered` holds for both families."""
    assert net.reached(group, count=2) == set()
    if not group.startswith("ff3e"):
        net.report(1, ("TO_EX", group, []))
    else:
        net.report(1, ("ALLOW", group, [net.h(0).link_local]))
    net.switch.wait_members(group, {"p1"})
    assert net.reached(group, count=2) == names(1)


@pytest.mark.parametrize("group", ["ff00::8:1", "ff01::8:1", "ff10::1", "ff11::8:1"])
def test_scope_that_must_not_be_on_a_wire(net: Star, group: str) -> None:
    """SNOOP-58, MLD-6: its data is dropped, a report for it makes no state."""
    net.report(1, ("TO_EX", group, []), ("TO_EX", FENCE, []))
    net.switch.wait_members(FENCE, {"p1"})
    assert not net.switch.members(group)
    assert net.reached(group, count=2) == set()


def bent(body: bytes, source: str, to: str, mac: str) -> bytes:
    """A message whose checksum is off by one bit."""
    whole = summed(body, source, to)
    return packet(whole[:3] + bytes([whole[3] ^ 1]) + whole[4:], source, to, mac=mac)


def records(*listed: bytes, claimed: int | None = None) -> bytes:
    count = len(listed) if claimed is None else claimed
    return struct.pack("!BBHHH", 143, 0, 0, 0, count) + b"".join(listed)


def joins(group: str = GROUP) -> bytes:
    return frames_ipv6.record("TO_EX", group, [])


def long_query(length: int) -> bytes:
    return (struct.pack("!BBHHH", 130, 0, 0, 1000, 0) + bytes(64))[:length]


def fragment(frame: bytes) -> bytes:
    """The first of two fragments, whose header stands behind the hop-by-hop one."""
    header = struct.pack("!BBHI", 58, 0, 1, 7)
    whole = frame[:54] + b"\x2c" + frame[55:62] + header + frame[62:]
    return whole[:18] + struct.pack("!H", len(whole) - 54) + whole[20:]


MANGLED = [(joins(), bytes(3)), (joins() + joins(), b"")]
REFUSED: dict[str, Callable[[Host], bytes]] = {
    "report from a global address": lambda h: report_v2([("TO_EX", GROUP, [])], GLOBAL, mac=h.mac),
    "old report from a global address": lambda h: report_v1(GROUP, GLOBAL, mac=h.mac),
    "report from a group": lambda h: report_v1(GROUP, "ff02::2", mac=h.mac),
    "wrong checksum": lambda h: bent(records(joins()), h.link_local, "ff02::16", h.mac),
    "wrong checksum of an old report": lambda h: bent(
        frames_ipv6.message(131, GROUP), h.link_local, GROUP, h.mac
    ),
    "more records claimed than there are": lambda h: report_v2(
        [("TO_EX", GROUP, [])], h.link_local, claimed=2, mac=h.mac
    ),
    "record cut off": lambda h: icmpv6(records(joins()[:-1]), h.link_local, "ff02::16", mac=h.mac),
    "record for a host": lambda h: report_v2(
        [("TO_EX", GROUP, []), ("TO_EX", GLOBAL, [])], h.link_local, mac=h.mac
    ),
    "old report for a host": lambda h: icmpv6(
        frames_ipv6.message(131, GLOBAL), h.link_local, GROUP, mac=h.mac
    ),
    "old report cut off": lambda h: icmpv6(
        frames_ipv6.message(131, GROUP)[:-1], h.link_local, GROUP, mac=h.mac
    ),
    "fragment": lambda h: fragment(report_v2([("TO_EX", GROUP, [])], h.link_local, mac=h.mac)),
    "to a host's MAC": lambda h: report_v1(
        GROUP, h.link_local, mac=h.mac, destination_mac="02:00:00:00:01:03"
    ),
    "payload length past the frame": lambda h: lengthened(
        report_v1(GROUP, h.link_local, mac=h.mac)
    ),
    "another IP version": lambda h: another_version(report_v1(GROUP, h.link_local, mac=h.mac)),
    "unknown record type": lambda h: icmpv6(
        records(b"\x07" + joins()[1:]), h.link_local, "ff02::16", mac=h.mac
    ),
    "no records": lambda h: report_v2([], h.link_local, mac=h.mac),
    "IS_IN of nothing": lambda h: report_v2([("IS_IN", GROUP, [])], h.link_local, mac=h.mac),
    "query from a global address": lambda h: query(GLOBAL, mac=h.mac),
    "query from nowhere": lambda h: query("::", mac=h.mac),
    "query with a wrong checksum": lambda h: bent(long_query(28), h.link_local, "ff02::1", h.mac),
    "query of 23 bytes": lambda h: icmpv6(long_query(23), h.link_local, "ff02::1", mac=h.mac),
    "query of 26 bytes": lambda h: icmpv6(long_query(26), h.link_local, "ff02::1", mac=h.mac),
    "query about a host": lambda h: icmpv6(
        long_query(8) + pton(GLOBAL) + bytes(4), h.link_local, "ff02::1", mac=h.mac
    ),
    "general query to a group": lambda h: icmpv6(long_query(28), h.link_local, GROUP, mac=h.mac),
    "hello with a wrong checksum": lambda h: broken(frames_ipv6.pim_hello(NEIGHBOUR, mac=h.mac)),
    "advertisement with a wrong checksum": lambda h: broken(
        frames_ipv6.mrd_advertisement(NEIGHBOUR, mac=h.mac)
    ),
}


def lengthened(frame: bytes) -> bytes:
    return frame[:18] + struct.pack("!H", len(frame) - 54 + 1) + frame[20:]


def another_version(frame: bytes) -> bytes:
    return frame[:14] + b"\x50" + frame[15:]


def broken(frame: bytes) -> bytes:
    return frame[:-1] + bytes([frame[-1] ^ 1])


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_teaches_nothing(net: Star, name: str) -> None:
    """MLD-1 to MLD-3, MLD-6, MLD-7, V-9, SNOOP-13, SNOOP-54, B-27, B-33, spec 123, 124."""
    host = net.h(1)
    host.frames([REFUSED[name](host)])
    net.report(1, ("TO_EX", FENCE, []))
    net.switch.wait_members(FENCE, {"p1"})
    assert not net.switch.members(GROUP)
    assert net.switch.show("mrouters")["mrouters"] == []
    assert net.reached(GROUP, count=2) == set()


def option(frame: bytes, header: str) -> bytes:
    """The report with another hop-by-hop header."""
    return frame[:54] + bytes.fromhex(header) + frame[62:]


ACCEPTED: dict[str, Callable[[Host], bytes]] = {
    "from nowhere": lambda h: report_v2([("TO_EX", GROUP, [])], "::", mac=h.mac),
    "old, from nowhere": lambda h: report_v1(GROUP, "::", mac=h.mac),
    "without Router Alert": lambda h: report_v1(GROUP, h.link_local, mac=h.mac, alert=False),
    "hop limit 2": lambda h: report_v1(GROUP, h.link_local, mac=h.mac, hop_limit=2),
    "to all nodes": lambda h: report_v2(
        [("TO_EX", GROUP, [])], h.link_local, destination="ff02::1", mac=h.mac
    ),
    "Router Alert before two Pad1": lambda h: option(
        report_v1(GROUP, h.link_local, mac=h.mac), "3a00050200000000"
    ),
    "Router Alert behind PadN": lambda h: option(
        report_v1(GROUP, h.link_local, mac=h.mac), "3a00010005020000"
    ),
    "padded": lambda h: report_v1(GROUP, h.link_local, mac=h.mac) + bytes(11),
    "bytes behind the records": lambda h: icmpv6(
        records(joins()) + bytes(5), h.link_local, "ff02::16", mac=h.mac
    ),
    "behind an unknown record": lambda h: icmpv6(
        records(b"\x63" + joins()[1:], joins()), h.link_local, "ff02::16", mac=h.mac
    ),
    "behind auxiliary data": lambda h: icmpv6(
        records(b"\x04\x01" + joins("ff0e::7")[2:] + bytes(4), joins()),
        h.link_local, "ff02::16", mac=h.mac,
    ),
    "behind a scope that is refused": lambda h: report_v2(
        [("TO_EX", "ff01::7", []), ("TO_EX", GROUP, [])], h.link_local, mac=h.mac
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ACCEPTED)
def test_what_is_unusual_is_learned(net: Star, name: str) -> None:
    """MLD-3, SNOOP-53, W-7, W-8, W-20, B-1, B-25."""
    host = net.h(1)
    host.frames([ACCEPTED[name](host)])
    net.switch.wait_members(GROUP, {"p1"})
    assert net.reached(GROUP, count=2) == names(1)


def test_done_from_nowhere_and_to_anywhere_ends_it(net: Star) -> None:
    """MLD-3: as the report did, it counts."""
    host = net.h(1)
    host.frames([report_v1(GROUP, "::", mac=host.mac)])
    net.switch.wait_members(GROUP, {"p1"})
    host.frames([done(GROUP, "::", mac=host.mac)])
    net.switch.wait_members(GROUP, set(), timeout=20)


@pytest.mark.parametrize("name", ["query", "hello", "advertisement"])
def test_router_is_found_in_its_own_family(net: Star, name: str) -> None:
    """SNOOP-20, SNOOP-22, SNOOP-23, SNOOP-27, spec 132: it gets all IPv6 that is registered, and
    no IPv4 for it."""
    host = net.h(3)
    said, taken_back = {
        "query": (query(NEIGHBOUR, response=0.4, interval=1, mac=host.mac), []),
        "hello": (
            frames_ipv6.pim_hello(NEIGHBOUR, mac=host.mac),
            [frames_ipv6.pim_hello(NEIGHBOUR, holdtime=0, mac=host.mac)],
        ),
        "advertisement": (
            frames_ipv6.mrd_advertisement(NEIGHBOUR, mac=host.mac),
            [icmpv6(struct.pack("!BBH", 153, 0, 0), NEIGHBOUR, "ff02::6a", mac=host.mac)],
        ),
    }[name]
    host.frames([said])

    def routers() -> list[tuple[str, str, str]]:
        rows = net.switch.show("mrouters")["mrouters"]
        return [(row["family"], row["port"], row["address"]) for row in rows]

    wait_until(lambda: routers() == [("ipv6", "p3", NEIGHBOUR)], within=20, what="the router port")
    try:
        net.report(1, ("TO_EX", GROUP, []))
        net.report(1, ("TO_EX", "239.66.0.1", []))
        net.switch.wait_members(GROUP, {"p1"})
        net.switch.wait_members("239.66.0.1", {"p1"})
        assert net.reached(GROUP, count=2) == names(1, 3)
        assert net.reached("239.66.0.1", count=2) == names(1)
    finally:
        host.frames(taken_back)
        wait_until(lambda: routers() == [], within=20, what="it is taken back, or forgotten")


def test_link_local_groups_flood_on_request(net: Star) -> None:
    """`[mld] flood_link_local`: all of ff02::/16, and nothing else."""
    told = dict(net.switch.config)
    try:
        net.switch.configure({**told, "mld": {**MLD, "flood_link_local": True}})
        net.switch.do("reload")
        for group in ("ff02::cc", "ff02::1:3"):
            assert net.reached(group, count=2) == names(1, 2, 3)
        for group in ("ff05::1:3", "ff12::1"):
            assert net.reached(group, count=2) == set()
    finally:
        net.switch.configure(told)
        net.switch.do("reload")
    assert net.reached("ff02::cc", count=2) == set()
