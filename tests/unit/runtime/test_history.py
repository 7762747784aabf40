"""What has happened is kept in rings that nobody else's flood empties."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from snoop.proto.effects import EventKind
from snoop.runtime import history
from snoop.runtime.fanout import LINE_BYTES
from snoop.runtime.history import BYTES_MAX, PORT_MAX, RINGS_MAX, SWITCH_MAX, History

JOIN, QUERY, QUERIER, CLEAR = EventKind.JOIN, EventKind.QUERY, EventKind.QUERIER, EventKind.CLEAR


def add(
    past: History,
    port: str | None,
    number: int,
    *,
    kind: EventKind = JOIN,
    vlan: int = 0,
    filling: int = 0,
) -> None:
    line = json.dumps({"port": port, "number": number, "filling": "x" * filling}).encode()
    past.append(kind, vlan, port, line)


def kept(past: History) -> list[tuple[str | None, int]]:
    items: Iterable[Any] = map(msgspec.json.decode, past.lines())
    return [(item["port"], item["number"]) for item in items]


def test_what_happened_is_told_in_its_order_whichever_port_it_was_at() -> None:
    past = History()
    for number in range(9):
        add(past, [None, "p0", "p1"][number % 3], number)
    assert kept(past) == [([None, "p0", "p1"][number % 3], number) for number in range(9)]


def test_a_port_that_floods_pushes_out_its_own_only() -> None:
    past = History()
    for number in range(5):
        add(past, "p0", number)
        add(past, None, number, kind=CLEAR)
    for number in range(10 * PORT_MAX):
        add(past, "p1", number)
    assert [number for port, number in kept(past) if port == "p0"] == [0, 1, 2, 3, 4]
    assert [number for port, number in kept(past) if port is None] == [0, 1, 2, 3, 4]
    last = range(9 * PORT_MAX, 10 * PORT_MAX)
    assert [number for port, number in kept(past) if port == "p1"] == list(last)


def test_what_a_host_makes_the_switch_say_does_not_push_out_what_operators_did() -> None:
    """Leaves make it ask, reports with a tag make queriers: both are no port's."""
    past = History()
    add(past, None, 1, kind=CLEAR)
    for number in range(2 * SWITCH_MAX):
        add(past, None, number, kind=QUERY)
        add(past, None, number, kind=QUERIER, vlan=7)
        add(past, None, number, kind=QUERY, vlan=7)
    assert kept(past)[0] == (None, 1)
    assert len(kept(past)) == 1 + 3 * SWITCH_MAX


def test_all_together_have_a_bound_in_bytes_and_who_has_little_loses_nothing() -> None:
    past = History()
    for number in range(3):
        add(past, "quiet", number)
    loud = [f"p{number}" for number in range(40)]
    for number in range(PORT_MAX):
        for port in loud:
            add(past, port, number, filling=1000)
    lines = past.lines()
    weight = sum(len(line) + LINE_BYTES for line in lines)
    assert BYTES_MAX - 2000 < weight <= BYTES_MAX
    assert [number for port, number in kept(past) if port == "quiet"] == [0, 1, 2]
    shares = [sum(port == one for port, _ in kept(past)) for one in loud]
    assert max(shares) - min(shares) <= 2
    # Somebody who comes later gets his share, from those who have more.
    for number in range(50):
        add(past, "late", number, filling=1000)
    assert sum(port == "late" for port, _ in kept(past)) == 50
    assert [number for port, number in kept(past) if port == "quiet"] == [0, 1, 2]


def test_a_line_that_is_larger_than_everything_leaves_the_others_alone() -> None:
    past = History()
    add(past, "p0", 1)
    add(past, "p1", 2, filling=BYTES_MAX)
    assert kept(past) == [("p0", 1)]


def test_ports_that_are_gone_are_forgotten_longest_silent_first() -> None:
    past = History()
    for number in range(RINGS_MAX):
        add(past, f"veth{number}", number)
    add(past, "veth0", 0)
    add(past, "new", 0)
    names = {port for port, _ in kept(past)}
    assert len(names) == RINGS_MAX
    assert {"veth0", "new"} <= names
    assert "veth1" not in names
    assert past.knows("veth0")
    assert not past.knows("veth1")


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 600)), max_size=300))
def test_it_is_what_a_slow_model_keeps(events: list[tuple[int, int]]) -> None:
    """No ring over its number, all within the bytes, the rest as it came."""
    past = History()
    small = {"PORT_MAX": 20, "BYTES_MAX": 8000}
    before = {name: getattr(history, name) for name in small}
    for name, value in small.items():
        setattr(history, name, value)
    try:
        rings: dict[str, list[tuple[int, int]]] = {}
        for number, (port, filling) in enumerate(events):
            add(past, f"p{port}", number, filling=filling)
            weight = len(json.dumps({"port": "p0", "number": number, "filling": "x" * filling}))
            ring = rings.setdefault(f"p{port}", [])
            ring.append((number, weight + LINE_BYTES))
            if len(ring) > 20:
                ring.pop(0)

            def held(one: list[tuple[int, int]]) -> int:
                return sum(weight for _, weight in one)

            while sum(map(held, rings.values())) > 8000:
                (ring if held(ring) > 8000 // len(rings) else max(rings.values(), key=held)).pop(0)
        model = sorted((number, port) for port, ring in rings.items() for number, _ in ring)
        assert kept(past) == [(port, number) for number, port in model]
    finally:
        for name, value in before.items():
            setattr(history, name, value)
