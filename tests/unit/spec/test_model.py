"""The reference model against the worked examples of the specification.

These are the same examples the engine is held to; a model that fails one of them could not
be used to judge it.
"""

import pytest

from unit.model import BLOCKED, EXCLUDE, INCLUDE, SECOND, Entry, Model, Settings

G, P = "G", 1


def model(**settings: object) -> Model:
    return Model(Settings(**settings), now=0)


def entry(m: Model) -> Entry:
    return m.entries[0, G, P]


def put(m: Model, mode: str, running: dict, blocked: set = frozenset(), group: int = 0) -> None:
    m.entries[0, G, P] = Entry(
        mode=mode,
        group_expiry=m.now + group * SECOND,
        sources={s: m.now + t * SECOND for s, t in running.items()}
        | dict.fromkeys(blocked, BLOCKED),
    )


def seconds_left(m: Model) -> dict:
    return {s: 0 if e == BLOCKED else (e - m.now) / SECOND for s, e in entry(m).sources.items()}


@pytest.mark.parametrize(
    ("start", "record", "mode", "sources", "group_left"),
    [
        # SM-1 .. SM-12 with every timer at 100 s before; None: no entry afterwards.
        ((INCLUDE, "1", ""), ("IS_IN", "2"), INCLUDE, {"1": 100, "2": 270}, None),
        ((INCLUDE, "12", ""), ("IS_EX", "23"), EXCLUDE, {"2": 100, "3": 0}, 270),
        ((EXCLUDE, "1", "2"), ("IS_IN", "2"), EXCLUDE, {"1": 100, "2": 270}, 100),
        ((EXCLUDE, "1", "2"), ("IS_EX", "23"), EXCLUDE, {"2": 0, "3": 270}, 270),
        ((INCLUDE, "1", ""), ("ALLOW", "2"), INCLUDE, {"1": 100, "2": 270}, None),
        ((INCLUDE, "12", ""), ("BLOCK", "1"), INCLUDE, {"1": 2, "2": 100}, None),
        ((INCLUDE, "12", ""), ("TO_EX", "23"), EXCLUDE, {"2": 2, "3": 0}, 270),
        ((INCLUDE, "1", ""), ("TO_IN", "3"), INCLUDE, {"1": 2, "3": 270}, None),
        ((EXCLUDE, "", "2"), ("ALLOW", "2"), EXCLUDE, {"2": 270}, 100),
        ((EXCLUDE, "", ""), ("BLOCK", "1"), EXCLUDE, {"1": 2}, 100),
        ((EXCLUDE, "1", ""), ("TO_EX", "2"), EXCLUDE, {"2": 2}, 270),
        ((EXCLUDE, "1", "2"), ("TO_IN", ""), EXCLUDE, {"1": 2, "2": 0}, 2),
    ],
)
def test_each_row_of_the_table_as_the_querier(start, record, mode, sources, group_left) -> None:
    """SM-1 to SM-12 with the query-driven timers of SM-23 and SM-24."""
    m = model(sends_queries=True)
    put(m, start[0], dict.fromkeys(start[1], 100), set(start[2]), group=100)
    m.record(0, P, record[0], G, set(record[1]))
    assert entry(m).mode == mode
    assert seconds_left(m) == sources
    if group_left is not None:
        assert (entry(m).group_expiry - m.now) / SECOND == group_left


def test_new_sources_take_the_old_group_timer_when_nobody_asks() -> None:
    """SM-10 and SM-11 as a non-querier: GT(current) and GT(old), not GMI, not LMQT."""
    m = model()
    put(m, EXCLUDE, {}, group=50)
    m.record(0, P, "TO_EX", G, {"2"})
    assert seconds_left(m) == {"2": 50}
    assert entry(m).group_expiry == 270 * SECOND
    put(m, EXCLUDE, {}, group=50)
    m.record(0, P, "BLOCK", G, {"2"})
    assert seconds_left(m) == {"2": 50}


def test_expiry_of_the_group_keeps_running_sources_and_forgets_blocked_ones() -> None:
    """Spec 3.1, last row."""
    m = model()
    put(m, EXCLUDE, {"1": 20}, {"2"}, group=10)
    m.elapse(10 * SECOND)
    assert entry(m).mode == INCLUDE
    assert seconds_left(m) == {"1": 10}
    m.elapse(30 * SECOND)
    assert m.entries == {}


def test_adopted_values_follow_the_worked_example() -> None:
    """TM-35: QRV 3, QQIC 60, MRT 10 s."""
    m = model()
    m.hear_general("10.0.0.1", 10 * SECOND, robustness=3, interval=60 * SECOND)
    assert (m.gmi, m.oqpi, m.ovhpi, m.lmqt) == tuple(n * SECOND for n in (200, 185, 190, 3))
    m.elapse(185 * SECOND)
    assert (m.querier, m.gmi) == (None, 270 * SECOND)
