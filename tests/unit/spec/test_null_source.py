"""Who asks from 0.0.0.0: test idea 79 and Q-19 (spec 4)."""

import pytest

from snoop.wire.address import text
from unit import frames
from unit.device import P1, P2, P3, R
from unit.dut import ALL, OWN, Dut, non_querier
from unit.frames import v2_report
from unit.spec.test_querier import HIGHER, asking, general_times


def test_query_from_no_address_is_only_forwarded() -> None:
    """Idea 79: Q-5, SNOOP-5; B-8; Q-19: a router port only while nobody with an address asks."""
    for dut, routers in ((asking(), set()), (Dut(), {R}), (non_querier(), {R})):
        role = dut.role()
        assert dut.hear(R, frames.v3_query(src="0.0.0.0", qrv=5, qqic=20)) == ALL - {R}
        assert dut.role() == role
        assert set(dut.mrouters()) == routers
        assert dut.querier().robustness == 2
    dut = non_querier()
    dut.hear(P1, frames.v3_query(src="0.0.0.0"))
    assert set(dut.mrouters()) == {R}


def test_null_source_never_or_always_makes_a_router_port_on_request() -> None:
    """Idea 79: the knob of decision 12, Q-19: `false`, and `true` beside a querier."""
    dut = Dut(mrouter_on_null_source=False)
    dut.hear(R, frames.v3_query(src="0.0.0.0"))
    assert dut.mrouters() == {}
    dut = asking(mrouter_on_null_source=True)
    dut.hear(R, frames.v3_query(src="0.0.0.0"))
    assert set(dut.mrouters()) == {R}
    assert dut.role() == "querier"


def test_whoever_asks_from_no_address_keeps_the_pruning_going() -> None:
    """Idea 79: Q-19: asked for, answered, refreshed, pruned, and replaced by an address."""
    dut = Dut()
    dut.hear(R, frames.v2_query(src="0.0.0.0"))
    dut.hear(P1, v2_report())
    dut.just_before(10)
    assert dut.forwards(by=P3) == ALL - {P3}, "a response time, as for any querier (Q-15)"
    dut.at(10)
    assert dut.forwards(by=P3) == {P1, R}
    assert dut.hear(P1, v2_report()) == {R}
    row = dut.querier()
    assert (row.role, text(row.address), row.port) == ("none", "0.0.0.0", R)
    for asked in range(125, 1375, 125):
        dut.at(asked)
        dut.hear(R, frames.v2_query(src="0.0.0.0"))
        dut.at(asked + 5)
        dut.hear(P1, v2_report())
        assert dut.forwards(by=P3) == {P1, R}
    dut.hear(P2, frames.v3_query(src=HIGHER))
    assert set(dut.mrouters()) == {P2}
    assert dut.forwards(by=P3) == {P1, P2}
    assert text(dut.querier().address) == HIGHER


def test_silence_of_who_asks_from_no_address_is_noticed() -> None:
    """Idea 79: Q-19: its router port lasts as long as a querier's and a response interval, and so
    does the pruning.
    """
    dut = Dut()
    dut.hear(R, frames.v2_query(src="0.0.0.0"))
    dut.just_before(265)
    assert set(dut.mrouters()) == {R}
    dut.at(265)
    assert dut.mrouters() == {}
    assert dut.forwards(by=P3) == ALL - {P3}


@pytest.mark.parametrize(("mode", "at"), [("on", 0.0), ("auto", 265.0)])
def test_our_own_querier_does_not_heed_who_has_no_address(mode: str, at: float) -> None:
    """Idea 79: Q-19: goes on, or starts, as if it were not there."""
    dut = asking(querier=mode)
    dut.hear(P3, frames.v2_query(src="0.0.0.0"))
    dut.at(125)
    dut.hear(P3, frames.v2_query(src="0.0.0.0"))
    dut.at(265)
    assert general_times(dut)[-1 if mode == "auto" else 0] == at
    assert (dut.role(), text(dut.querier().address)) == ("querier", OWN)
    assert dut.mrouters() == {}
