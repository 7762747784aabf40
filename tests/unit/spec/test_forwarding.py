"""Where IGMP and data go: test ideas 88-102 (spec 6).

Data is decided by the reference decision of `snoop.table`, fed by the engine's effects alone.
"""

import pytest

from unit import frames
from unit.device import P1, P2, P3, P4, P5, R
from unit.dut import ALL, Dut, non_querier, own_querier
from unit.frames import BLOCK, S1, S2, TO_EX, TO_IN, G, leave, v1_report, v2_report, v3_report

UNKNOWN = "239.99.0.1"


@pytest.mark.parametrize(
    "frame",
    [
        v1_report(),
        v2_report(),
        leave(),
        v3_report((TO_EX, G, [])),
        v3_report((BLOCK, G, [S1])),
    ],
    ids=["v1", "v2", "leave", "v3-join", "v3-block"],
)
def test_reports_and_leaves_go_to_router_ports_only(frame: bytes) -> None:
    """Idea 88: SNOOP-1, SNOOP-3; B-12: P2 is a member of the group the v2 report is sent to."""
    dut = non_querier()
    dut.hear(P2, v2_report(src="10.0.0.12"))
    assert dut.hear(P1, frame) == {R}
    assert dut.hear(R, frame) == frozenset()


def test_report_from_a_router_port_goes_to_the_other_router_port() -> None:
    """Idea 88: SM-61: learned on the router port as well."""
    dut = non_querier()
    dut.hear(P5, frames.pim_hello())
    assert dut.hear(R, v2_report()) == {P5}
    assert dut.groups(R) == {G}


def test_every_host_of_a_group_is_heard_by_the_router() -> None:
    """Idea 89: SNOOP-14: no suppression between ports, no aggregation."""
    dut = non_querier()
    for last, port in enumerate((P1, P2, P3)):
        assert dut.hear(port, v2_report(src=f"10.0.0.{11 + last}")) == {R}
    assert [port for port in (P1, P2, P3) if dut.entry(port)] == [P1, P2, P3]


def test_report_flood_lets_analysers_listen() -> None:
    """Idea 90: SNOOP-2."""
    dut = non_querier()
    dut.configure(report_flood=sum(1 << port for port in ALL))
    assert dut.hear(P1, v2_report()) == ALL - {P1}
    dut.configure(report_flood=1 << P4)
    assert dut.hear(P1, v2_report()) == {R, P4}
    dut.configure(report_flood=0)
    assert dut.hear(P1, v2_report()) == {R}


def test_report_without_a_router_is_learned_and_goes_nowhere() -> None:
    """Idea 91: SNOOP-4."""
    dut = own_querier(router=False)
    assert dut.hear(P1, v2_report()) == frozenset()
    assert dut.groups(P1) == {G}
    assert dut.count("report_no_router", P1) == 1


@pytest.mark.parametrize("sources", [[], [S1]], ids=["group", "sources"])
def test_specific_query_is_forwarded_whoever_is_a_member(sources: list[str]) -> None:
    """Idea 92: SNOOP-7; B-11."""
    query = frames.v3_query(G, sources)
    dut = non_querier()
    assert dut.hear(R, query) == ALL - {R}
    dut.hear(P1, v2_report())
    assert dut.hear(R, query) == ALL - {R}


def test_specific_query_to_members_and_routers_on_request() -> None:
    """Idea 92: SNOOP-7 `members`: nobody: router ports only; else the members too."""
    dut = non_querier(specific_query_scope="members")
    dut.hear(P5, frames.pim_hello())
    assert dut.hear(R, frames.v3_query(G)) == {P5}
    dut.hear(P1, v2_report())
    assert dut.hear(R, frames.v3_query(G)) == {P1, P5}
    assert dut.hear(R, frames.v3_query()) == ALL - {R}


def test_general_query_goes_to_all_other_ports() -> None:
    """Idea 92: SNOOP-7, Q-13; also while there is no state at all."""
    dut = Dut()
    assert dut.hear(R, frames.v3_query()) == ALL - {R}
    assert dut.hear(P3, frames.v2_query(src="10.0.0.77")) == ALL - {P3}


def test_data_goes_to_members_and_routers_and_never_back() -> None:
    """Idea 93: SNOOP-30."""
    dut = non_querier()
    dut.hear(P1, v2_report())
    assert dut.forwards(by=P2) == {P1, R}
    assert dut.forwards(by=R) == {P1}
    assert dut.forwards(by=P1) == {R}


@pytest.mark.parametrize("last", [1, 5, 18, 251])
def test_link_local_groups_go_everywhere_whatever_was_reported(last: int) -> None:
    """Idea 94: SNOOP-31; B-15."""
    dut = non_querier(unregistered="mrouters")
    group = f"224.0.0.{last}"
    assert dut.forwards(group, by=P2) == ALL - {P2}
    dut.hear(P1, v2_report(group))
    assert dut.forwards(group, by=P2) == ALL - {P2}


def test_unregistered_groups_follow_the_policy() -> None:
    """Idea 95: SNOOP-32."""
    assert non_querier().forwards(UNKNOWN, by=P2) == ALL - {P2}
    assert non_querier(unregistered="mrouters").forwards(UNKNOWN, by=P2) == {R}
    forced = non_querier(unregistered="mrouters", port_params={P4: {"flood_unregistered": True}})
    assert forced.forwards(UNKNOWN, by=P2) == {R, P4}
    nobody = own_querier(router=False, unregistered="mrouters")
    nobody.wait(10)
    assert nobody.forwards(UNKNOWN, by=P2) == frozenset()


def test_port_kept_out_of_the_flood_and_policy_drop() -> None:
    """Idea 95: the override the other way round, and the operator's deviation `drop`."""
    dut = non_querier(
        port_params={P4: {"flood_unregistered": False}, R: {"flood_unregistered": False}}
    )
    assert dut.forwards(UNKNOWN, by=P2) == ALL - {P2, P4}, "router ports always get it"
    assert non_querier(unregistered="drop").forwards(UNKNOWN, by=P2) == frozenset()


def test_policy_change_at_run_time_is_published() -> None:
    """Idea 95: a reload loses no membership."""
    dut = non_querier()
    dut.hear(P1, v2_report())
    dut.configure(unregistered="mrouters")
    assert dut.forwards(UNKNOWN, by=P2) == {R}
    assert dut.forwards(by=P2) == {P1, R}
    dut.configure(ports={P4: {"flood_unregistered": True}})
    assert dut.forwards(UNKNOWN, by=P2) == {R, P4}


def test_groups_that_share_a_mac_are_different_groups() -> None:
    """Idea 96: SNOOP-35 in ip mode; B-16."""
    dut = non_querier(unregistered="mrouters")
    dut.hear(P1, v2_report("224.1.2.3"))
    assert frames.mac_of("224.1.2.3") == frames.mac_of("239.129.2.3")
    assert dut.forwards("224.1.2.3", by=P2) == {P1, R}
    assert dut.forwards("239.129.2.3", by=P2) == {R}


def test_alias_of_a_link_local_mac_is_pruned_in_ip_mode() -> None:
    """Idea 97: SNOOP-35; B-16."""
    dut = non_querier()
    dut.hear(P1, v2_report("224.128.0.1"))
    assert dut.forwards("224.128.0.1", by=P2) == {P1, R}
    assert dut.forwards("224.0.0.1", by=P2) == ALL - {P2}


@pytest.mark.parametrize("make", [non_querier, own_querier])
def test_stream_does_not_flood_after_the_last_leave(make) -> None:
    """Idea 98: SM-69; B-9: R only for GMI, then unregistered."""
    dut = make(unregistered="flood")
    dut.wait(10)
    dut.zero()
    dut.hear(P1, v2_report())
    dut.hear(P1, leave())
    dut.hear(R, frames.v3_query(G))
    dut.at(2)
    assert dut.groups() == set()
    assert dut.forwards(by=P2) == {R}
    dut.just_before(272)
    if make is own_querier:
        assert dut.forwards(by=P2) == {R}
        dut.at(272)
    else:
        dut.hear(R, frames.v3_query())
        assert dut.forwards(by=P2) == {R}
        dut.at(272)
    assert dut.forwards(by=P2) == ALL - {P2}


def test_tombstone_after_a_fast_leave_lasts_gmi_too() -> None:
    """Idea 98: SM-69, SM-64: from the leave on, whatever timer the member still had."""
    dut = non_querier(port_params={P1: {"fast_leave": "on"}})
    dut.rq()
    dut.hear(P1, v2_report())
    dut.at(100)
    dut.hear(P1, leave())
    dut.just_before(370)
    assert dut.forwards(by=P2) == {R}
    dut.at(370)
    assert dut.forwards(by=P2) == ALL - {P2}


def test_tombstone_is_lifted_by_the_next_member() -> None:
    """Idea 98: SM-69: and its end does not touch the new member."""
    dut = non_querier()
    dut.rq()
    dut.hear(P1, v2_report())
    dut.hear(R, frames.v3_query(G))
    dut.at(100)
    dut.hear(P2, v2_report())
    dut.at(280)
    assert dut.forwards(by=P3) == {P2, R}


def test_fragments_of_data_follow_the_first() -> None:
    """Idea 99: SNOOP-39."""
    dut = non_querier()
    dut.hear(P1, v2_report())
    for frame in (frames.data(flags="MF"), frames.data(frag=3), frames.data(options=[])):
        assert dut.hear(P2, frame) == {P1, R}


def test_data_with_router_alert_is_forwarded_like_any_other() -> None:
    """Idea 99: SNOOP-39: options do not matter, RA on data is not punted."""
    dut = non_querier()
    dut.hear(P1, v2_report())
    frame = frames.data(router_alert=True)
    assert dut.hear(P2, frame) == {P1, R}
    assert not dut.table.decide(P2, frame).punt


def test_mac_and_group_that_do_not_match_flood_and_teach_nothing() -> None:
    """Idea 100: SNOOP-40."""
    dut = non_querier(unregistered="mrouters")
    dut.hear(P1, v2_report())
    unicast = frames.data("10.0.0.5", mac="01:00:5e:00:00:05")
    assert dut.hear(P2, unicast) == ALL - {P2}
    other = frames.data(G, mac="01:00:5e:01:02:04")
    assert dut.hear(P2, other) == ALL - {P2}
    assert dut.table.decide(P2, other).reason == "mac_ip_mismatch"
    dut.punt(P3, v2_report(mac="01:00:5e:01:02:04"))
    assert dut.groups(P3) == set()


def test_data_from_a_router_reaches_the_second_router() -> None:
    """Idea 101: SNOOP-41."""
    dut = non_querier()
    dut.hear(P5, frames.pim_hello())
    dut.hear(P1, v2_report())
    assert dut.forwards(by=R) == {P1, P5}
    assert dut.forwards(src="0.0.0.0", by=P2) == {P1, P5, R}


def test_ptp_follows_the_policy_unless_listed() -> None:
    """Idea 102: SNOOP-42; B-17: the default list has 224.0.1.129."""
    ptp, other = "224.0.1.129", "224.0.1.130"
    listed = non_querier(unregistered="mrouters")
    assert listed.forwards(ptp, by=P2) == ALL - {P2}
    assert listed.forwards(other, by=P2) == {R}
    listed.configure(always_flood=[])
    assert listed.forwards(ptp, by=P2) == {R}
    listed.configure(always_flood=["224.0.1.129", other])
    assert listed.forwards(other, by=P2) == ALL - {P2}


def test_static_members_are_not_forgotten() -> None:
    """Idea 93: SM-60: static ports are part of the set and outlive leaves, queries and time."""
    dut = non_querier()
    dut.add_static(P2)
    dut.add_static(P3, source=S1)
    dut.hear(P1, v2_report())
    assert dut.forwards(src=S1, by=P4) == {P1, P2, P3, R}
    assert dut.forwards(src=S2, by=P4) == {P1, P2, R}
    dut.hear(P2, v3_report((TO_IN, G, [])))
    dut.hear(R, frames.v3_query(G))
    dut.rq()
    dut.at(600)
    assert dut.forwards(src=S1, by=P4) == {P2, P3, R}
    assert dut.forwards(src=S2, by=P4) == {P2, R}
    dut.remove_static(P2)
    assert dut.forwards(src=S2, by=P4) == {R}


def addr(dotted: str) -> bytes:
    """A v4-mapped address."""
    return bytes(10) + b"\xff\xff" + bytes(map(int, dotted.split(".")))
