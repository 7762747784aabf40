"""All fourteen ways an INCLUDE/EXCLUDE entry changes, judged by what is really forwarded.

Twelve rows of the state tables (spec 3.2) and the two expiries. The reports are crafted
and nobody answers the queries that follow, so each case is seen at once and after LMQT. Sources:
A to E are listed in records, Z never is.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from netns.star import SLACK, Star, names, star
from snoop.lab import frames, wait_until
from snoop.lab.datagrams import payload
from unit.state_table import ROWS, Filter, Row

ADDRESS = {letter: f"192.0.2.{number}" for number, letter in enumerate("ABCDEZ", start=1)}
A, B, *_ = EVERY = tuple(ADDRESS.values())
QUERY, RESPONSE, LAST_MEMBER = 2.0, 0.4, 0.6  # LMQT: time to see what holds before it
LMQT, GMI = 2 * LAST_MEMBER, 2 * QUERY + 2 * RESPONSE
TIMERS = {
    "query_interval": QUERY,
    "query_response_interval": RESPONSE,
    "last_member_query_interval": LAST_MEMBER,
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
    """Until the entry forwards these of the sources; asks the table, `forwarded` asks the wire."""

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


def named(wanted: Filter) -> set[str]:
    return {source for letter, source in ADDRESS.items() if wanted.forwards(letter)}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_row_of_the_state_tables(own: Star, row: Row) -> None:
    """SM-1 to SM-12, SM-26: spec 47-59 on real forwarding, at once and after the check."""
    group = f"239.4.0.{int(row.id[3:])}"
    for kind, listed in (*row.before.reports(), (row.record, row.listed)):
        own.report(1, (kind, group, [ADDRESS[source] for source in listed]))
    for filtered in (row.after, row.unanswered):
        wait_state(own, group, named(filtered))
        assert forwarded(own, group) == named(filtered)


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
    own.switch.wait_row(group, "p1", filter_mode="include", timeout=GMI, forwarding={A})
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
    assert forwarded(own, group) == set(EVERY) - {B}
    own.switch.wait_row(group, "p1", filter_mode="exclude", blocked={A, B}, timeout=GMI)
    assert forwarded(own, group) == set(EVERY) - {A, B}


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
    own.switch.wait_row(
        group, "p1", filter_mode="include", forwarding={A}, timeout=LMQT + SLACK + 2
    )
    assert forwarded(own, group) == {A}


def test_entry_with_too_many_sources_widens(own: Star) -> None:
    """SM-68, spec 73: over max_sources INCLUDE becomes EXCLUDE{}: never less than wanted."""
    group = "239.4.1.6"
    many = [f"198.51.100.{i}" for i in range(1, 101)]
    own.report(1, ("IS_IN", group, many))
    own.switch.wait_row(group, "p1", filter_mode="exclude")
    assert forwarded(own, group) == set(EVERY)
