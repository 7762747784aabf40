"""All fourteen ways an INCLUDE/EXCLUDE entry changes, judged by what is really forwarded, in both
families.

Twelve rows of the state tables (spec 3.2) and the two expiries. The reports are crafted
and nobody answers the queries that follow, so each case is seen at once and after LMQT. Sources:
A to E are listed in records, Z never is.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from ipaddress import ip_address
from typing import NamedTuple

import pytest

from netns.star import BUSY, Star, names, star
from snoop.lab import frames, wait_until
from snoop.lab.datagrams import payload
from snoop.waiting import comes
from unit.state_table import ROWS, Row

LETTERS = "ABCDEZ"


class Spoken(NamedTuple):
    """A family's sources by letter, and its groups by number."""

    sources: dict[str, str]
    groups: str

    def listed(self, letters: str) -> list[str]:
        return [self.sources[letter] for letter in letters]


IGMP = Spoken({each: f"192.0.2.{i}" for i, each in enumerate(LETTERS, start=1)}, "239.4.0.{}")
MLD = Spoken({each: f"2001:db8::{i}" for i, each in enumerate(LETTERS, start=1)}, "ff0e::4:{}")
BOTH = {"igmp": IGMP, "mld": MLD}
A, B, *_ = EVERY = tuple(IGMP.sources.values())
QUERY, RESPONSE, LAST_MEMBER = 3.0, 0.4, 1.0  # LMQT: time to see what holds before it
LMQT, GMI = 2 * LAST_MEMBER, 2 * QUERY + 2 * RESPONSE
TIMERS = {
    "query_interval": QUERY,
    "query_response_interval": RESPONSE,
    "last_member_query_interval": LAST_MEMBER,
}
MLD_TIMERS = {
    name.replace("last_member", "last_listener"): seconds for name, seconds in TIMERS.items()
}
each = pytest.mark.parametrize("spoken", BOTH.values(), ids=BOTH)


@pytest.fixture(scope="module")
def own() -> Iterator[Star]:
    with star(4, igmp=TIMERS, mld=MLD_TIMERS) as made:
        yield made


def forwarded(net: Star, group: str, host: int = 1) -> set[str]:
    """Sources whose frames reach the host."""
    reached = net.reached_from((MLD if ":" in group else IGMP).sources.values(), group)
    assert all(hosts <= names(1, 2) for hosts in reached.values())
    return {source for source, hosts in reached.items() if f"h{host}" in hosts}


def reached_state(
    net: Star, group: str, forwarding: set[str], *, until: float, port: str = "p1"
) -> None:
    """Until the entry forwards these of the sources, or until then; asks the table, as `forwarded`
    asks the wire.
    """

    every = set((MLD if ":" in group else IGMP).sources.values())

    def same() -> bool:
        row = net.switch.row(group, port)
        return (set() if row is None else passes(row, every)) == forwarding

    comes(same, within=max(0.0, until - time.monotonic()))


def passes(row: dict[str, object], every: set[str]) -> set[str]:
    sources = row["sources"]
    assert isinstance(sources, list)
    wanted = {s["address"] for s in sources if s["forwarding"]}
    blocked = {s["address"] for s in sources if not s["forwarding"]}
    return wanted if row["filter_mode"] == "include" else every - blocked


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_row_of_the_state_tables(own: Star, row: Row) -> None:
    """SM-1 to SM-12, SM-26: spec 47-59 on real forwarding, at once and after the check.

    What a busy machine has looked at after its time says nothing: then once more, of another group.
    """
    for number in range(int(row.id[3:]), 100, 20):
        begun = time.monotonic()
        for spoken in BOTH.values():
            for kind, listed in (*row.before.reports(), (row.record, row.listed)):
                own.report(1, (kind, spoken.groups.format(number), spoken.listed(listed)))
        seen = []
        for filtered, lasts in ((row.after, LMQT), (row.unanswered, GMI)):
            letters = "".join(filter(filtered.forwards, LETTERS))
            for spoken in BOTH.values():
                group, wanted = spoken.groups.format(number), set(spoken.listed(letters))
                reached_state(own, group, wanted, until=begun + lasts)
                seen.append((forwarded(own, group), wanted))
            if time.monotonic() > begun + lasts:
                break
        else:
            assert [got for got, _ in seen] == [wanted for _, wanted in seen]
            return
    raise AssertionError(f"not within the time that the states last, in five groups: {seen}")


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


@each
def test_exclude_port_also_gets_what_another_port_includes(own: Star, spoken: Spoken) -> None:
    """Spec 72, SNOOP-37: one port's (S,G) row must not hide another's any-source member."""
    group, (a, b, *_) = spoken.groups.format(103), spoken.listed(LETTERS)
    own.report(1, ("IS_EX", group, []))
    own.report(2, ("IS_IN", group, [a]))
    own.switch.wait_members(group, {"p1", "p2"})
    assert own.reached_from([a, b], group) == {a: names(1, 2), b: names(1)}


@each
def test_port_that_excludes_a_source_misses_only_that_one(own: Star, spoken: Spoken) -> None:
    """Spec 72: p1 EXCLUDE{A}, p2 INCLUDE{A}: A to p2 alone, everything else to p1 alone."""
    group, (a, b, *_) = spoken.groups.format(104), spoken.listed(LETTERS)
    own.report(1, ("IS_EX", group, [a]))
    own.report(2, ("IS_IN", group, [a]))
    own.switch.wait_members(group, {"p1", "p2"})
    assert own.reached_from([a, b], group) == {a: names(2), b: names(1)}


@each
def test_refresh_during_the_check_keeps_the_source(own: Star, spoken: Spoken) -> None:
    """Spec 60: TO_IN{} on EXCLUDE({A},{B}), A reported again in time: INCLUDE{A} is left."""
    group, (a, b, *_) = spoken.groups.format(105), spoken.listed(LETTERS)
    own.report(1, ("IS_IN", group, [a]))
    own.report(1, ("IS_EX", group, [a, b]))
    own.report(1, ("TO_IN", group, []))
    own.report(1, ("IS_IN", group, [a]))
    own.switch.wait_row(group, "p1", filter_mode="include", forwarding={a}, timeout=LMQT + BUSY)
    assert forwarded(own, group) == {a}


@each
def test_entry_with_too_many_sources_widens(own: Star, spoken: Spoken) -> None:
    """SM-68, spec 73: over max_sources INCLUDE becomes EXCLUDE{}: never less than wanted."""
    group, first = spoken.groups.format(106), ip_address(spoken.sources["A"])
    many = [str(first + i) for i in range(10, 90)]
    own.report(1, ("IS_IN", group, many))
    own.switch.wait_row(group, "p1", filter_mode="exclude")
    assert forwarded(own, group) == set(spoken.listed(LETTERS))
