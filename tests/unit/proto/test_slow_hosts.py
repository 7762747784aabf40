"""One IGMPv1 query makes hosts slow to answer, and must not cut them (Q-18)."""

from __future__ import annotations

import pytest

from unit import frames
from unit.device import P1, P2, Entry, R
from unit.dut import Dut

V2 = {"query_interval": 1.0, "query_response_interval": 0.4}
GMI = 2.8
HIGHER = "10.0.0.9"


def short(**more: object) -> Dut:
    return Dut(querier="on", querier_address="10.0.0.1", **V2, **more)


def test_memberships_outlast_hosts_that_a_v1_query_made_slow() -> None:
    dut = short()
    dut.hear(P1, frames.v2_report())
    dut.at(2)
    dut.hear(P2, frames.v1_query(src=HIGHER))
    assert dut.entry(P1) == Entry("exclude", 2 * GMI, {})
    dut.at(7.5)
    assert dut.entry(P1) is not None
    dut.at(7.7)
    assert dut.entry(P1) is None


def test_what_is_reported_meanwhile_lasts_as_long() -> None:
    dut = short()
    dut.hear(P2, frames.v1_query(src=HIGHER))
    dut.hear(P1, frames.v2_report())
    assert dut.entry(P1) == Entry("exclude", 2 * GMI, {})
    dut.at(401)
    dut.hear(P1, frames.v2_report())
    assert dut.entry(P1) == Entry("exclude", GMI, {})


def test_hosts_that_still_answer_in_v1_are_still_slow() -> None:
    dut = short()
    dut.hear(P2, frames.v1_query(src=HIGHER))
    for second in range(0, 800, 5):
        dut.at(second)
        dut.hear(P1, frames.v1_report())
        assert dut.entry(P1) == Entry("exclude", 2 * GMI, {})


def test_v1_queries_again_and_again_keep_nobody_alive() -> None:
    dut = short()
    dut.hear(P1, frames.v2_report())
    for second in range(8):
        dut.at(second)
        dut.hear(P2, frames.v1_query(src=HIGHER))
    assert dut.entry(P1) is None


@pytest.mark.parametrize("source", [HIGHER, "0.0.0.0"])
def test_default_intervals_leave_hosts_time_enough(source: str) -> None:
    dut = Dut(querier="on", querier_address="10.0.0.1")
    dut.hear(P1, frames.v2_report())
    dut.at(2)
    dut.hear(R, frames.v1_query(src=source))
    assert dut.entry(P1) == Entry("exclude", 268.0, {})
