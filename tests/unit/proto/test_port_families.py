"""`[[port]] mld`: what a port's settings say of IPv6 holds for IPv6, and for nothing else."""

from __future__ import annotations

import pytest

from snoop.proto.params import FastLeave, MrouterMode, PortParams
from unit.device import P1, P2, R
from unit.families import IGMP, MLD, Words
from unit.frames import TO_EX, TO_IN
from unit.proto_lab import Lab


def lab(of: Words, port: int, **own: object) -> Lab:
    """Somebody asks at R; `port` has settings of its own for IPv6."""
    mld = PortParams(name=f"p{port}", **own)  # type: ignore[arg-type]  # keywords are the callee's
    return of.follower(port={port: {"mld": mld}})


BOTH = pytest.mark.parametrize(("of", "holds"), [(IGMP, False), (MLD, True)], ids=["igmp", "mld"])


@BOTH
def test_a_leave_acts_at_once(of: Words, holds: bool) -> None:
    """SM-64."""
    switch = lab(of, P1, fast_leave=FastLeave.ON)
    switch.hear(P1, of.says(TO_EX))
    switch.hear(P1, of.says(TO_IN))
    assert (switch.entry(P1, of.group) is None) is holds


@BOTH
def test_a_port_is_always_a_router_s(of: Words, holds: bool) -> None:
    """SNOOP-26."""
    switch = lab(of, P2, mrouter=MrouterMode.ALWAYS)
    assert switch.mrouters() == ({R, P2} if holds else {R})
    switch.hear(P1, of.says(TO_EX))
    assert switch.reaches(of.group, of.s1) == ({P1, P2} if holds else {P1})


@BOTH
def test_a_router_is_not_believed(of: Words, holds: bool) -> None:
    """SNOOP-26."""
    switch = lab(of, P2, mrouter=MrouterMode.NEVER)
    switch.hear(P2, of.query(src=of.higher))
    assert (P2 in switch.mrouters()) is not holds
    assert switch.count("mrouter_refused") == holds


@BOTH
def test_queries_elect_nobody(of: Words, holds: bool) -> None:
    """Q-18."""
    mld = PortParams(name="p2", querier_guard=True)
    switch = of.lab(port={P2: {"mld": mld}})
    switch.hear(P2, of.query())
    assert switch.role() == ("none" if holds else "non-querier")


@BOTH
def test_hosts_are_not_tracked(of: Words, holds: bool) -> None:
    switch = lab(of, P1, explicit_tracking=False)
    switch.hear(P1, of.says(TO_EX))
    rows = switch.engine.hosts(switch.now)
    assert (rows == []) is holds


@BOTH
def test_what_nobody_joined_is_kept_from_a_port(of: Words, holds: bool) -> None:
    """SNOOP-32."""
    switch = lab(of, P1, flood_unregistered=False)
    assert (P1 in switch.reaches(of.another, of.s1)) is not holds
