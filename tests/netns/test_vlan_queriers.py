"""Each VLAN has its own querier in each family: address, times, version, election.

The cases of the kernel's `bridge_vlan_mcast.sh` are here too, seen from the wires.
"""

from __future__ import annotations

import struct
from itertools import pairwise
from statistics import mean
from typing import Any

from netns.star import BUSY, RESPONSE, SLACK
from netns.vlans import ADDRESSES, ONE, TEN, TWENTY, VlanStar, access, vlan_star
from snoop.lab import frames, frames_ipv6, wait_until
from snoop.lab.host import Captured

GENERAL4, GENERAL6 = bytes.fromhex("01005e000001"), bytes.fromhex("333300000001")
CONTROL_TAG = 6 << 13
INTERVALS = {TEN: 1.0, TWENTY: 2.0}
LOWER = {"ipv4": "10.0.1.1", "ipv6": "fe80::1"}
GROUP = "239.21.0.1"


def own(**more: Any) -> list[dict[str, Any]]:
    """The two VLANs with an address and an interval each; `more` by the name of the VLAN."""
    return [
        {
            "vid": vid,
            "querier_address": address,
            "query_interval": INTERVALS[vid],
            "mld": {"query_interval": INTERVALS[vid]},
            **more.get(f"vlan{vid}", {}),
        }
        for vid, address in ADDRESSES.items()
    ]


def questions(net: VlanStar, i: int) -> list[tuple[int | None, str, bytes, int, Captured]]:
    """Of the general queries that a host got: tag, family, sender's address, interval (0: old
    versions have none), frame."""
    found = []
    for each in net.h(i).captured():
        frame, tag = each.frame, None
        if frame[12:14] == b"\x81\x00":
            tag = struct.unpack("!H", frame[14:16])[0]
            frame = frame[:12] + frame[16:]
        if frame[:6] == GENERAL4 and frame[23] == 2 and frame[38] == 0x11:
            interval = frame[47] if len(frame) > 47 else 0
            found.append((tag, "ipv4", frame[26:30], interval, each))
        elif frame[:6] == GENERAL6 and frame[20] == 0 and frame[62] == 130:
            interval = frame[87] if len(frame) > 87 else 0
            found.append((tag, "ipv6", frame[22:38], interval, each))
    return found


def heard(net: VlanStar, i: int) -> set[tuple[int | None, str, str, int]]:
    """The same without the frames; of IPv6 senders only that they are link-local."""
    seen = set()
    for tag, family, source, interval, _ in questions(net, i):
        who = ".".join(map(str, source)) if family == "ipv4" else source[:2].hex()
        seen.add((tag, family, who, interval))
    return seen


def role(net: VlanStar, vid: int, family: str) -> dict[str, Any]:
    rows = net.switch.show("querier", vlan=vid, family=family)["queriers"]
    assert len(rows) == 1, rows
    return dict(rows[0])


def test_every_vlan_is_asked_by_its_own_querier_tagged_as_each_port_has_it() -> None:
    """Q-16, VLAN-5: priority 6 on trunks, no tag on access ports; the native VLAN untagged."""
    with vlan_star(own=own(), ipv6=True) as net:
        for host in net.lab.hosts:
            host.reset()
        mine = {
            TEN: {("ipv4", "10.0.10.254", 1), ("ipv6", "fe80", 1)},
            TWENTY: {("ipv4", "10.0.20.254", 2), ("ipv6", "fe80", 2)},
            ONE: {("ipv4", "10.0.0.254", 1), ("ipv6", "fe80", 1)},
        }
        for i in range(7):
            wanted = {
                (CONTROL_TAG | vid if tagged else None, *each)
                for vid, tagged in net.members[f"h{i}"].items()
                for each in mine[vid]
            }
            wait_until(lambda i=i, w=wanted: heard(net, i) == w, within=20,
                       what=f"h{i} hears {wanted}")  # fmt: skip
        for vid, i in ((TEN, 1), (TWENTY, 2)):
            for family in ("ipv4", "ipv6"):
                assert_interval(net, i, family, INTERVALS[vid])


def assert_interval(net: VlanStar, i: int, family: str, interval: float) -> None:
    def times() -> list[int]:
        return [each.time_ns for _, of, _, _, each in questions(net, i) if of == family]

    wait_until(lambda: len(times()) >= 4, within=5 * interval + BUSY, what=f"queries at h{i}")
    gaps = [(after - before) / 1e9 for before, after in pairwise(times()[-4:])]
    assert abs(mean(gaps) - interval) < interval / 4, (i, family, gaps)


def test_an_election_in_one_vlan_changes_nothing_in_the_other() -> None:
    """Q-4, VLAN-1: lost in VLAN 10 to an untagged query, in VLAN 20 to a tagged one, each family
    for itself; the rest asks on in its time."""
    with vlan_star(own=own(), ipv6=True) as net:
        ask = {
            "ipv4": lambda mac: frames.query(LOWER["ipv4"], mac=mac, response=0.4, interval=1),
            "ipv6": lambda mac: frames_ipv6.query(LOWER["ipv6"], mac=mac, response=0.4, interval=1),
        }
        cases = ((TEN, 1, None), (TWENTY, 4, TWENTY))
        for family, make in ask.items():
            for vid, i, tag in cases:
                host = net.h(i)
                frame = make(host.mac)
                host.frames([frame if tag is None else frames.tagged(frame, tag)])
                wait_until(lambda v=vid, f=family: role(net, v, f)["role"] == "non-querier",
                           within=20, what=f"VLAN {vid} lost")  # fmt: skip
                assert role(net, vid, family)["port"] == f"p{i}"
                others = [
                    (v, f) for v in (ONE, TEN, TWENTY) for f in ask if (v, f) != (vid, family)
                ]
                assert {role(net, *each)["role"] for each in others} == {"querier"}
                net.h(2 if vid == TEN else 1).reset()
                assert_interval(net, 2 if vid == TEN else 1, family,
                                INTERVALS[TWENTY if vid == TEN else TEN])  # fmt: skip
                wait_until(lambda v=vid, f=family: role(net, v, f)["role"] == "querier",
                           within=20, what=f"VLAN {vid} is taken back")  # fmt: skip


def test_a_foreign_query_of_one_vlan_makes_its_port_a_router_port_there_only() -> None:
    """SNOOP-5, spec 117: on a trunk; what is joined in the other VLAN does not go there."""
    with vlan_star(own=own()) as net:
        trunk = net.h(4)
        query = frames.query("10.0.99.1", mac=trunk.mac, response=0.4)
        trunk.frames([frames.tagged(query, TEN)])
        wait_until(
            lambda: [
                (row["vlan"], row["port"]) for row in net.switch.show("mrouters")["mrouters"]
            ] == [(TEN, "p4")],
            within=20,
        )  # fmt: skip
        net.report_in(1, GROUP, TEN)
        net.report_in(3, GROUP, TWENTY)
        net.switch.wait_members(GROUP, {"p1"}, vlan=TEN)
        net.switch.wait_members(GROUP, {"p3"}, vlan=TWENTY)
        frame = frames.udp("10.0.0.10", GROUP, mac=net.h(0).mac)
        assert net.reached_by(0, frame, vid=TEN) == {"h1", "h4"}
        assert net.reached_by(2, frame, vid=TWENTY) == {"h3"}
        for host in net.lab.hosts:
            host.record("control")
            host.reset()
        net.report_in(1, GROUP, TEN, "IS_EX")
        net.report_in(3, GROUP, TWENTY, "IS_EX")
        net.settle(net.h(3))

        def told() -> list[bytes]:
            return [c.frame for c in trunk.captured() if c.frame[42:43] == b"\x22"]

        reports = wait_until(told, within=BUSY, what="the report at the router")
        assert [struct.unpack("!H", frame[14:16])[0] & 0xFFF for frame in reports] == [TEN]


def test_versions_startup_and_last_member_times_are_each_vlans_own() -> None:
    """`bridge_vlan_mcast.sh`: vlmc_igmp_mld_version, startup_query, last_member, query_intvl."""
    mine = own(
        vlan10={
            "version": 2, "last_member_query_interval": 0.2, "startup_query_count": 4,
            "startup_query_interval": 0.3, "query_interval": 5.0,
            "mld": {"version": 1, "query_interval": 5.0},
        },
        vlan20={
            "last_member_query_interval": 0.6, "startup_query_count": 1,
            "startup_query_interval": 0.3, "query_interval": 5.0,
        },
    )  # fmt: skip
    with vlan_star(own=mine, ipv6=True, pruning=False) as net:

        def lengths(i: int, family: str) -> list[int]:
            """IGMP or MLD octets of each general query; 8 and 24 are those of the old versions."""
            head = {"ipv4": 38, "ipv6": 62}[family]
            return [len(each.frame) - head for _, of, _, _, each in questions(net, i)
                    if of == family]  # fmt: skip

        wait_until(lambda: len(lengths(1, "ipv4")) >= 4, within=20, what="four startup queries")
        assert lengths(1, "ipv4")[:4] == [8] * 4
        assert lengths(2, "ipv4") == [12], "VLAN 20 asks once at its start"
        for i, length in ((1, 24), (2, 28)):
            wait_until(lambda i=i: lengths(i, "ipv6"), within=BUSY, what=f"MLD at h{i}")
            assert lengths(i, "ipv6")[0] == length
        for i, vid, interval in ((1, TEN, 0.2), (2, TWENTY, 0.6)):
            net.switch.wait_pruning(vlan=vid)
            host = net.h(i)
            host.join(GROUP)
            net.switch.wait_members(GROUP, {f"p{i}"}, vlan=vid)
            host.reset()
            host.leave(GROUP)
            net.switch.wait_members(GROUP, set(), vlan=vid)
            times = [c.time_ns for c in host.captured() if asks_for(c.frame, GROUP)]
            first, second = times[:2]  # a leave that is said again is asked about again
            assert interval / 2 <= (second - first) / 1e9 <= interval + SLACK


def asks_for(frame: bytes, group: str) -> bool:
    """An untagged query of this IPv4 group."""
    return (
        frame[23] == 2 and frame[38] == 0x11 and frame[42:46] == bytes(map(int, group.split(".")))
    )


def test_memberships_age_by_the_times_of_their_vlan() -> None:
    """vlmc_membership_test: GMI is that of the VLAN; a silent host of VLAN 10 goes first."""
    mine = own(vlan20={"query_interval": 4.0})
    with vlan_star(own=mine) as net:
        net.report_in(2, GROUP, TWENTY)
        twenty = net.switch.wait_row(GROUP, "p2", vlan=TWENTY)["group_timer"]
        net.report_in(1, GROUP, TEN)
        ten = net.switch.wait_row(GROUP, "p1", vlan=TEN)["group_timer"]
        assert 0 < ten <= 2 * 1.0 + 2 * RESPONSE < twenty <= 2 * 4.0 + 2 * RESPONSE
        net.switch.wait_members(GROUP, set(), vlan=TEN, timeout=20)
        assert net.switch.members(GROUP, vlan=TWENTY) == {"p2"}


def test_unregistered_streams_go_to_the_router_ports_of_their_vlan() -> None:
    """vlmc_router_port_test: `unregistered = "mrouters"`, a static router port in VLAN 10 and one
    that is so in all its VLANs."""
    with vlan_star(own=own(), switch={"unregistered": "mrouters"}) as net:
        frame = frames.udp("10.0.0.10", "239.21.9.9", mac=net.h(0).mac)
        assert net.reached_by(0, frame, vid=TEN) == set()
        net.switch.do("mrouter", "add", "--port", "p4", "--vlan", str(TEN))
        assert net.reached_by(0, frame, vid=TEN) == {"h4"}
        assert net.reached_by(2, frame, vid=TWENTY) == set()
        net.switch.do("mrouter", "add", "--port", "p1")
        assert net.reached_by(0, frame, vid=TEN) == {"h1", "h4"}
        assert net.reached_by(2, frame, vid=TWENTY) == set()
        net.switch.do("mrouter", "del", "--port", "p4", "--vlan", str(TEN))
        assert net.reached_by(0, frame, vid=TEN) == {"h1"}


def test_with_queriers_off_nobody_is_asked_and_everything_floods_in_its_vlan() -> None:
    """vlmc_querier_test, Q-15: nobody asks; a join prunes nothing before somebody does."""
    with vlan_star(igmp={"querier": "off"}, own=(), pruning=False) as net:
        net.report_in(1, GROUP, TEN)
        net.switch.wait_members(GROUP, {"p1"}, vlan=TEN)
        frame = frames.udp("10.0.0.10", GROUP, mac=net.h(0).mac)
        assert net.reached_by(0, frame, vid=TEN) == access(TEN) - {"h0"}
        assert net.reached_by(2, frame, vid=TWENTY) == access(TWENTY) - {"h2"}
        asker = net.h(4)
        query = frames.query("10.0.99.1", mac=asker.mac, response=0.4, interval=2)
        asker.frames([frames.tagged(query, TEN)])
        net.report_in(1, GROUP, TEN)
        wait_until(lambda: net.reached_by(0, frame, vid=TEN) == {"h1", "h4"}, within=20)
        assert net.reached_by(2, frame, vid=TWENTY) == access(TWENTY) - {"h2"}
        assert all(not questions(net, i) for i in (2, 3, 6))
