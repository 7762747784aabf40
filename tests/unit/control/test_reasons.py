"""Every word that the switch says has its text beside it, in one place."""

from __future__ import annotations

import pytest

from snoop import fastpath
from snoop.control.counters import STATS
from snoop.control.reasons import REASONS
from snoop.control.requests import Explain
from snoop.fastpath import Action, Verdict
from unit.scene import Scene

# What each port has joined decides, so `explain` has an answer for each.
BY_PORT = {
    "forward_group", "forward_source", "forward_unregistered", "forward_unicast", "no_member",
    "no_egress", "same_port", "forward_l2_group", "split_horizon", "storm_to_routers",
}  # fmt: skip


def test_every_verdict_and_counter_of_the_contract_has_a_text() -> None:
    """And none is left of one that went."""
    assert REASONS.keys() == fastpath.REASONS.keys()
    assert STATS.keys() == set(fastpath.STATS)
    assert all(reason.counts for reason in REASONS.values())


def test_a_verdict_that_is_the_same_for_all_ports_is_explained() -> None:
    assert {name for name, reason in REASONS.items() if reason.because is None} == BY_PORT


@pytest.mark.parametrize("reason", sorted(REASONS.keys() - BY_PORT))
def test_explain_says_it_of_every_port(reason: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also of one that drops: that nobody has joined would be untrue."""
    scene = Scene(switch={"unregistered": "flood"}).start()
    verdict = Verdict(fastpath.REASONS[reason], reason, 0, False, False)
    monkeypatch.setattr(scene.fastpath, "explain", lambda port, frame: verdict)
    answer = scene.ask(Explain(port="p0", group="239.1.2.3"))
    assert answer["reason"] == reason
    said = {why["because"] for why in answer["why"] if why["port"] != "p0"}
    if reason == "flood_no_querier":  # We are the querier, and new.
        assert said == {line for line in said if line.startswith("flooded: the querier is new")}
    else:
        assert said == {REASONS[reason].because}
    protocol = {"punt_mld": "MLD", "punt_probe": "a probe"}.get(reason, "IGMP")
    word = {Action.DROP: "dropped", Action.FLOOD: "flooded", Action.PUNT: protocol}
    assert all(line.startswith(word[verdict.action]) for line in said)
