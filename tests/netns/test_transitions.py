"""All fourteen ways an INCLUDE/EXCLUDE entry changes, judged by what is really forwarded.

Twelve rows of the state tables (spec 3.2) and the two expiries. The reports are crafted
and nobody answers the queries that follow, so each case is seen at once and after LMQT. Sources:
A, B, C are listed in records, D never is.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from netns.star import SLACK, Star, names, star
from testbed import frames
from testbed.datagrams import payload
from testbed.lab import wait_until

A, B, C, D = (f"192.0.2.{i}" for i in (1, 2, 3, 9))
EVERY = (A, B, C, D)
QUERY, RESPONSE, LAST_MEMBER = 2.0, 0.4, 0.6  # LMQT: time to see what holds before it
LMQT, GMI = 2 * LAST_MEMBER, 2 * QUERY + 2 * RESPONSE
TIMERS = {
    "query_interval": QUERY,
    "query_response_interval": RESPONSE,
    "last_member_query_interval": LAST_MEMBER,
}
Record = tuple[str, list[str]]

# id: (records that make the state, the record, forwarded at once, forwarded after LMQT)
ROWS: dict[str, tuple[list[Record], Record, set[str], set[str]]] = {
    "SM-1": ([("IS_IN", [A])], ("IS_IN", [B]), {A, B}, {A, B}),
    "SM-2": ([("IS_IN", [A, B])], ("IS_EX", [B, C]), {A, B, D}, {A, B, D}),
    "SM-3": ([("IS_IN", [A]), ("IS_EX", [A, B])], ("IS_IN", [B]), {A, B, C, D}, {A, B, C, D}),
    "SM-4": ([("IS_IN", [A]), ("IS_EX", [A, B])], ("IS_EX", [B, C]), {A, C, D}, {A, C, D}),
    "SM-5": ([("IS_IN", [A])], ("ALLOW", [B]), {A, B}, {A, B}),
    "SM-6": ([("IS_IN", [A, B])], ("BLOCK", [A]), {A, B}, {B}),
    "SM-7": ([("IS_IN", [A, B])], ("TO_EX", [B, C]), {A, B, D}, {A, D}),
    "SM-8": ([("IS_IN", [A])], ("TO_IN", [C]), {A, C}, {C}),
    "SM-9": ([("IS_EX", [B])], ("ALLOW", [B]), {A, B, C, D}, {A, B, C, D}),
    "SM-10": ([("IS_EX", [])], ("BLOCK", [A]), {A, B, C, D}, {B, C, D}),
    "SM-11": ([("IS_IN", [A]), ("IS_EX", [A])], ("TO_EX", [B]), {A, B, C, D}, {A, C, D}),
    "SM-12": ([("IS_IN", [A]), ("IS_EX", [A, B])], ("TO_IN", []), {A, C, D}, set()),
}


@pytest.fixture(scope="module")
def own() -> Iterator[Star]:
    with star(4, igmp=TIMERS) as made:
        yield made


def forwarded(net: Star, group: str, host: int = 1) -> set[str]:
    """Sources whose frames reach the host."""
    reached = net.reached_from(EVERY, group)
    assert all(hosts <= names(1, 2) for hosts in reached.values())
    return {source for source, hosts in reached.items() if f"h{host}" in hosts}


def wait_state(net: Star, group: str, forwarding: set[str], port: str = "p1") -> None:
    """Until the entry forwards these of A, B, C, D; asks the table, `forwarded` asks the wire."""

    def same() -> bool:
        row = net.switch.row(group, port)
        return (set() if row is None else passes(row)) == forwarding

    wait_until(same, within=LMQT + SLACK + 2, what=f"{group} forwards {sorted(forwarding)}")


def passes(row: dict[str, object]) -> set[str]:
    sources = row["sources"]
    assert isinstance(sources, list)
    wanted = {s["address"] for s in sources if s["forwarding"]}
    blocked = {s["address"] for s in sources if not s["forwarding"]}
    return wanted if row["filter_mode"] == "include" else set(EVERY) - blocked


@pytest.mark.parametrize("row", ROWS)
def test_row_of_the_state_tables(own: Star, row: str) -> None:
    """SM-1 to SM-12, SM-26: spec 47-59 on real forwarding, at once and after the check."""
    state, record, at_once, checked = ROWS[row]
    group = f"239.4.0.{int(row[3:])}"
    for kind, sources in state:
        own.report(1, (kind, group, sources))
    own.report(1, (record[0], group, record[1]))
    wait_state(own, group, at_once)
    assert forwarded(own, group) == at_once
    wait_state(own, group, checked)
    assert forwarded(own, group) == checked


def test_group_timer_ends_and_leaves_the_running_sources(own: Star) -> None:
    """Spec 61, B-24: EXCLUDE({A},{B}) falls back to INCLUDE{A}; A flows without a gap."""
    group = "239.4.1.1"
    count, rate = round(GMI / 2 * 200), 200
    stream = [
        frames.udp(A, group, payload(7, i, 100), mac=own.h(0).mac).hex() for i in range(count)
    ]
    own.report(1, ("IS_IN", group, [A]))
    own.report(1, ("IS_EX", group, [A, B]))
    own.switch.wait_row(group, "p1", filter_mode="exclude", forwarding={A}, blocked={B})
    # A's timer is renewed just before the group timer ends and so outlives it.
    wait_until(
        lambda: (own.switch.row(group, "p1") or {}).get("group_timer", 9) < GMI / 3,
        within=GMI,
        what="most of the group timer is over",
    )
    own.report(1, ("ALLOW", group, [A]))
    own.h(1).reset()
    steady = own.h(0).start("frames", frames=stream, rate=rate)
    own.switch.wait_row(group, "p1", filter_mode="include", within=GMI, forwarding={A})
    steady.result()
    own.lab.settle(own.h(0))
    assert own.h(1).wire(group, A).unique == count
    assert forwarded(own, group) == {A}


def test_source_timer_ends_in_exclude_and_blocks_the_source(own: Star) -> None:
    """Spec 62: the record stays with timer 0, the source is pruned, unlisted ones still flow."""
    group = "239.4.1.2"
    own.report(1, ("IS_IN", group, [A]))
    own.report(1, ("IS_EX", group, [A, B]))
    wait_until(
        lambda: (own.switch.row(group, "p1") or {}).get("group_timer", 9) < GMI / 2,
        within=GMI,
        what="half of the group timer is over",
    )
    own.report(1, ("IS_EX", group, [A, B]))  # renews the group timer, not A's
    assert forwarded(own, group) == {A, C, D}
    own.switch.wait_row(group, "p1", filter_mode="exclude", blocked={A, B}, within=GMI)
    assert forwarded(own, group) == {C, D}


def test_exclude_port_also_gets_what_another_port_includes(own: Star) -> None:
    """Spec 72, SNOOP-37: one port's (S,G) row must not hide another's any-source member."""
    group = "239.4.1.3"
    own.report(1, ("IS_EX", group, []))
    own.report(2, ("IS_IN", group, [A]))
    own.switch.wait_members(group, {"p1", "p2"})
    assert own.reached_from([A, B], group) == {A: names(1, 2), B: names(1)}


def test_port_that_excludes_a_source_misses_only_that_one(own: Star) -> None:
    """Spec 72: p1 EXCLUDE{A}, p2 INCLUDE{A}: A to p2 alone, everything else to p1 alone."""
    group = "239.4.1.4"
    own.report(1, ("IS_EX", group, [A]))
    own.report(2, ("IS_IN", group, [A]))
    own.switch.wait_members(group, {"p1", "p2"})
    assert own.reached_from([A, B], group) == {A: names(2), B: names(1)}


def test_refresh_during_the_check_keeps_the_source(own: Star) -> None:
    """Spec 60: TO_IN{} on EXCLUDE({A},{B}), A reported again in time: INCLUDE{A} is left."""
    group = "239.4.1.5"
    own.report(1, ("IS_IN", group, [A]))
    own.report(1, ("IS_EX", group, [A, B]))
    own.report(1, ("TO_IN", group, []))
    own.report(1, ("IS_IN", group, [A]))
    own.switch.wait_row(group, "p1", filter_mode="include", forwarding={A}, within=LMQT + SLACK + 2)
    assert forwarded(own, group) == {A}


def test_entry_with_too_many_sources_widens(own: Star) -> None:
    """SM-68, spec 73: over max_sources INCLUDE becomes EXCLUDE{}: never less than wanted."""
    group = "239.4.1.6"
    many = [f"198.51.100.{i}" for i in range(1, 101)]
    own.report(1, ("IS_IN", group, many))
    own.switch.wait_row(group, "p1", filter_mode="exclude")
    assert forwarded(own, group) == set(EVERY)
