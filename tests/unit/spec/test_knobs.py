"""Options and limits of the engine that no numbered test idea names; the ids are the rules'."""

import pytest

from unit import frames
from unit.device import P1, P2, P3, P4, Entry, R
from unit.dut import ALL, OWN, Dut, non_querier, own_querier
from unit.frames import (
    ALLOW,
    BLOCK,
    IS_IN,
    RQ,
    S1,
    S2,
    TO_EX,
    TO_IN,
    G,
    leave,
    v2_report,
    v3_report,
)


def join(dut: Dut, group: str, port: int = P1, src: str = frames.HOST) -> frozenset[int]:
    return dut.hear(port, v3_report((TO_EX, group, []), src=src))


# Older versions ----------------------------------------------------------------------------------


def test_v1_messages_are_ignored_on_request() -> None:
    """SM-47: ignore_v1: neither membership nor mode."""
    dut = non_querier(ignore_v1=True)
    dut.hear(P1, frames.v1_report())
    assert dut.groups() == set()
    dut.hear(P1, v2_report())
    assert dut.compatibility(P1) == "igmpv2"


def test_v2_messages_are_ignored_on_request() -> None:
    """SM-47: ignore_v2: reports and leaves; v3 goes on."""
    dut = own_querier(ignore_v2=True)
    dut.hear(P1, v2_report())
    assert dut.groups() == set()
    join(dut, G)
    dut.hear(P1, leave())
    assert dut.entry(P1) == Entry("exclude", 270.0, {})


def test_compatibility_can_be_switched_off() -> None:
    """SM-47: compat_disable: a v2 report does not cost v3 hosts their source filters."""
    dut = non_querier(compat_disable=True)
    dut.hear(P1, v3_report((TO_IN, G, [S1, S2])))
    dut.hear(P1, v2_report())
    assert P1 not in dut.mdb_ports_in_mode("igmpv2")
    dut.hear(P2, v3_report((IS_IN, G, [S1])))
    dut.hear(P2, v3_report((BLOCK, G, [S2])))
    assert dut.compatibility(P2) == "igmpv3"


def test_ssm_range_can_be_changed() -> None:
    """SM-46: configurable."""
    dut = non_querier(ssm_ranges=["239.232.0.0/16"])
    join(dut, "239.232.1.1")
    assert dut.groups() == set()
    join(dut, "232.1.1.1")
    assert dut.groups() == {"232.1.1.1"}


# Groups a port may or may not have ---------------------------------------------------------------


def test_denied_groups_are_not_learned() -> None:
    """Interface 4, deny_groups: refused, counted, and the router is not asked for them either."""
    dut = non_querier(port_params={P1: {"deny_groups": ["239.255.0.0/16"]}})
    assert join(dut, "239.255.1.1") == frozenset()
    assert dut.groups() == set()
    assert dut.count("group_filtered", P1) == 1
    join(dut, "239.255.1.1", P2)
    assert dut.groups(P2) == {"239.255.1.1"}
    assert dut.forwards("239.255.1.1", by=P3) == {P2, R}


def test_allowed_groups_exclude_all_others() -> None:
    """Interface 4, allow_groups."""
    dut = non_querier(port_params={P1: {"allow_groups": ["239.1.0.0/16"]}})
    join(dut, G)
    join(dut, "239.2.0.1")
    assert dut.groups() == {G}


def test_refused_group_does_not_take_the_rest_of_the_report_with_it() -> None:
    """Interface 4: records are judged one by one."""
    dut = non_querier(port_params={P1: {"deny_groups": ["239.255.0.0/16"]}})
    report = v3_report((TO_EX, "239.255.1.1", []), (TO_EX, G, []))
    assert dut.hear(P1, report) == {R}
    assert dut.groups() == {G}


def test_tracked_hosts_are_bounded() -> None:
    """Hosts over the limit are not tracked, their membership is."""
    dut = non_querier(max_hosts=5)
    for n in range(20):
        join(dut, G, src=f"10.0.0.{100 + n}")
    assert len(list(dut.engine.hosts(dut.now))) == 5
    assert dut.groups() == {G}


def test_untracked_host_keeps_a_tracked_port_from_fast_leave() -> None:
    """SM-64: the tracked set is not known to be all, so its last leave proves nothing."""
    dut = own_querier(max_hosts=1, port_params={P1: {"fast_leave": "tracked"}})
    join(dut, G, src="10.0.0.11")
    join(dut, G, src="10.0.0.12")
    dut.hear(P1, v3_report((TO_IN, G, []), src="10.0.0.11"))
    assert P1 in dut.forwards()
    assert dut.entry(P1) == Entry("exclude", 2.0, {})


# Who asks ----------------------------------------------------------------------------------------


def test_duplicate_of_our_address_changes_no_role() -> None:
    """Q-7: equal address from another port: told, not obeyed."""
    dut = own_querier()
    dut.hear(P1, frames.v3_query(src=OWN))
    assert dut.role() == "querier"
    assert dut.events("warning")


def test_older_querier_is_a_warning() -> None:
    """Q-10: told once, not at every query; and that it displaced us (Q-18)."""
    dut = own_querier()
    for _ in range(5):
        dut.hear(P1, frames.v2_query(src="10.0.0.9"))
    reasons = [str(e.fields["reason"]) for e in dut.events() if e.kind == "warning"]
    assert len(reasons) == 2
    assert "version 2" in reasons[0]
    assert "our querier gave way" in reasons[1]


def test_without_an_address_there_is_a_warning() -> None:
    """Q-6: the switches behind us will not take our port for a router port."""
    dut = Dut(querier="on", querier_address="0.0.0.0")
    assert dut.events("warning")


def test_querier_whose_values_differ_is_a_warning() -> None:
    """TM-20: robustness and interval should agree across the link."""
    dut = Dut()
    dut.zero()
    dut.hear(R, frames.v3_query(qrv=3, qqic=60))
    assert dut.events("warning")


def test_rfc_3376_profile_counts_one_response_interval_in_adopted_values_too() -> None:
    """G-0, G-1 with TM-35: 3 x 60 + 10."""
    dut = Dut(timer_profile="rfc3376")
    dut.hear(R, frames.v3_query(qrv=3, qqic=60))
    dut.hear(P1, v2_report())
    assert dut.entry(P1) == Entry("exclude", 190.0, {})


# Operator's commands -----------------------------------------------------------------------------


def addr(dotted: str) -> bytes:
    return bytes(10) + b"\xff\xff" + bytes(map(int, dotted.split(".")))


def test_clear_forgets_what_it_names_and_no_more() -> None:
    """Interface 2: `snoop clear mdb` by group, by port, and all."""
    dut = non_querier()
    for port in (P1, P2):
        for group in (G, "239.1.2.4"):
            join(dut, group, port)
    clear = dut.engine.clear
    dut.take(clear(vid=0, group=addr(G), port=P1, now=dut.now))
    assert (dut.groups(P1), dut.groups(P2)) == ({"239.1.2.4"}, {G, "239.1.2.4"})
    assert dut.forwards(by=P3) == {P2, R}
    dut.take(clear(vid=None, group=None, port=P2, now=dut.now))
    assert (dut.groups(P1), dut.groups(P2)) == ({"239.1.2.4"}, set())
    dut.take(clear(vid=None, group=None, port=None, now=dut.now))
    assert dut.groups() == set()
    dut.wait(300)


def test_clear_keeps_static_entries() -> None:
    """Interface 2: forget dynamic state."""
    dut = non_querier()
    dut.add_static(P1)
    join(dut, G, P2)
    dut.take(dut.engine.clear(vid=None, group=None, port=None, now=dut.now))
    assert dut.forwards(by=P3) == {P1, R}


def test_operators_query_goes_out_now() -> None:
    """Interface 2: `snoop query`, general and for a group, on all ports or one."""
    dut = own_querier()
    dut.take(dut.engine.query(vid=0, group=None, port=None, now=dut.now))
    assert [t.ports for t in dut.general_queries()] == [ALL]
    join(dut, G)
    dut.take(dut.engine.query(vid=0, group=addr(G), port=P1, now=dut.now))
    asked = dut.specific_queries()
    assert [(t.ports, t.sent.group) for t in asked] == [({P1}, G)]


def test_static_entry_that_is_not_there_is_a_key_error() -> None:
    dut = Dut()
    with pytest.raises(KeyError):
        dut.remove_static(P1)
    with pytest.raises(KeyError):
        dut.engine.mrouter_del(vid=0, port=P1, now=dut.now)


def test_static_entry_outlives_its_link() -> None:
    """SM-67 is about what was learned: the operator's entry is there again with the link."""
    dut = non_querier()
    dut.add_static(P1, source=S1)
    dut.port_down(P1)
    dut.port_up(P1)
    assert dut.forwards(src=S1, by=P3) == {P1, R}
    assert dut.forwards(src=S2, by=P3) == {R}


# Reload ------------------------------------------------------------------------------------------


def test_reload_loses_no_membership_router_or_querier() -> None:
    """Memberships survive a configuration reload; new values count from now on."""
    dut = non_querier()
    join(dut, G)
    dut.hear(P2, v3_report((ALLOW, "239.1.2.4", [S1])))
    dut.hear(P3, frames.pim_hello())
    before = (dut.entry(P1), dut.entry(P2, "239.1.2.4"), dut.mrouters(), dut.role())
    dut.configure(last_member_query_interval=0.5, max_sources=10, unregistered="mrouters")
    assert (dut.entry(P1), dut.entry(P2, "239.1.2.4"), dut.mrouters(), dut.role()) == before
    assert dut.forwards(by=P2) == {P1, P3, R}


def test_reload_can_make_us_the_querier_and_unmake_us() -> None:
    """Q-1 at run time: a query at once, then none."""
    dut = Dut()
    dut.wait(300)
    dut.zero()
    dut.configure(querier="on", querier_address=OWN)
    assert dut.role() == "querier"
    assert [t.at for t in dut.general_queries()] == [0.0]
    dut.at(50)
    dut.configure(querier="off")
    assert dut.role() == "none"
    asked = len(dut.general_queries())
    dut.at(1000)
    assert len(dut.general_queries()) == asked


def test_reload_of_a_lower_address_wins_the_election_back() -> None:
    """Q-4 with a changed querier address: the next General Query of rq is from a higher one."""
    dut = own_querier(querier_address="10.0.0.50")
    dut.hear(R, frames.v3_query(src="10.0.0.9"))
    assert dut.role() == "non-querier"
    dut.configure(querier_address="10.0.0.5")
    dut.hear(R, frames.v3_query(src="10.0.0.9"))
    dut.wait(256)
    assert dut.role() == "querier"


def test_reload_can_bar_a_router_port() -> None:
    """SNOOP-26: `never` takes learned records away, `always` needs none."""
    dut = non_querier()
    dut.configure(ports={R: {"mrouter": "never"}})
    assert dut.mrouters() == {}
    assert dut.hear(P1, v2_report()) == frozenset()
    dut.configure(ports={R: {"mrouter": "always"}})
    assert dut.hear(P1, v2_report()) == {R}


def test_reload_of_denied_groups_forgets_them() -> None:
    """Interface 4: the new list holds for what is learned already."""
    dut = non_querier()
    join(dut, G)
    join(dut, "239.255.1.1")
    dut.configure(ports={P1: {"deny_groups": ["239.255.0.0/16"]}})
    join(dut, "239.255.1.1")
    dut.rq()
    dut.wait(270)
    assert dut.groups() == set()


def test_reload_of_robustness_counts_for_the_next_timer() -> None:
    """TM-33: running timers are not rewritten."""
    dut = own_querier()
    join(dut, G, P1)
    dut.configure(robustness=3)
    assert dut.entry(P1) == Entry("exclude", 270.0, {})
    join(dut, G, P2)
    assert dut.entry(P2) == Entry("exclude", 3 * 125 + 20.0, {})
    dut.hear(P1, leave())
    assert dut.entry(P1) == Entry("exclude", 3.0, {})


def test_the_heard_querier_is_not_forgotten_by_a_reload() -> None:
    """RQ's adopted values stay adopted."""
    dut = Dut()
    dut.hear(R, frames.v3_query(src=RQ, qrv=3, qqic=60))
    dut.configure(max_groups=100)
    assert dut.querier().robustness == 3


@pytest.mark.parametrize("group", ["10.0.0.1", "224.0.0.5"])
def test_static_entry_for_what_is_never_pruned_is_refused(group: str) -> None:
    """SNOOP-15, SNOOP-31: our own misuse is a ValueError that says what is allowed."""
    dut = Dut()
    with pytest.raises(ValueError, match="allowed"):
        dut.add_static(P1, group)


def test_static_router_port_is_told() -> None:
    """Interface 3, monitor."""
    dut = Dut()
    dut.zero()
    dut.mrouter(P4)
    assert [(e.kind, e.port) for e in dut.events()] == [("mrouter", P4)]
