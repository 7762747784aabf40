"""Source-specific joins through the kernel: only the wanted sources arrive, port by port."""

from __future__ import annotations

from netns.star import BUSY, LMQT, Star, names
from snoop.lab import frames

A, B, C = "10.0.0.101", "10.0.0.102", "10.0.0.103"


def test_only_the_wanted_source_arrives(net: Star) -> None:
    """SNOOP-33, SNOOP-37, spec 140: IP_ADD_SOURCE_MEMBERSHIP in 232/8."""
    group = "232.2.0.1"
    net.h(1).join(group, A)
    row = net.switch.wait_row(group, "p1", filter_mode="include", forwarding={A})
    assert row["group_timer"] is None
    assert net.reached_from([A, B], group) == {A: names(1), B: set()}


def test_each_port_gets_its_own_sources(net: Star) -> None:
    """Spec 72, SM-60: the union over ports is per source, not per group."""
    group = "232.2.0.2"
    net.h(1).join(group, A)
    net.h(2).join(group, A, B)
    net.switch.wait_row(group, "p1", forwarding={A})
    net.switch.wait_row(group, "p2", forwarding={A, B})
    assert net.reached_from([A, B, C], group) == {A: names(1, 2), B: names(2), C: set()}


def test_dropping_one_source_prunes_only_that_one(net: Star) -> None:
    """Spec 52, SM-6: BLOCK{A} is checked for the last member time, then A is gone, B stays."""
    group = "232.2.0.3"
    net.h(1).join(group, A, B)
    net.switch.wait_row(group, "p1", forwarding={A, B})
    net.h(1).filter(group, "include", [B])
    net.switch.wait_row(group, "p1", forwarding={B}, timeout=LMQT + BUSY)
    assert net.reached_from([A, B], group) == {A: set(), B: names(1)}


def test_adding_a_source_keeps_the_others(net: Star) -> None:
    """Spec 51, SM-5."""
    group = "232.2.0.4"
    net.h(1).join(group, A)
    net.switch.wait_row(group, "p1", forwarding={A})
    net.h(1).filter(group, "include", [A, B])
    net.switch.wait_row(group, "p1", forwarding={A, B})
    assert net.reached_from([A, B, C], group) == {A: names(1), B: names(1), C: set()}


def test_leaving_a_source_group_prunes_it(net: Star) -> None:
    """Section 3.2: TO_IN{} (or BLOCK of all) on INCLUDE(A) is the SSM leave."""
    group = "232.2.0.5"
    net.h(1).join(group, A)
    net.switch.wait_row(group, "p1", forwarding={A})
    net.h(1).leave(group)
    net.switch.wait_members(group, set(), timeout=LMQT + BUSY)
    assert net.reached(group, source=A) == set()


def test_kernel_exclude_filter_blocks_a_source(net: Star) -> None:
    """SM-7, SM-10: MCAST_MSFILTER EXCLUDE{A}: A is pruned, everybody else flows."""
    group = "239.3.0.6"
    net.h(1).filter(group, "exclude", [A])
    net.switch.wait_row(group, "p1", filter_mode="exclude", blocked={A}, timeout=LMQT + BUSY)
    assert net.reached_from([A, B], group) == {A: set(), B: names(1)}


def test_any_source_join_in_the_ssm_range_creates_nothing(net: Star) -> None:
    """Spec 69, SM-46, B-28: TO_EX and v2 reports are ignored there; ALLOW in the same report is
    not.
    """
    group, other = "232.2.0.7", "232.2.0.8"
    net.report(1, ("TO_EX", group, []), ("ALLOW", other, [A]))
    net.h(1).frames([frames.report_v2(group, net.h(1).address, mac=net.h(1).mac)])
    net.switch.wait_row(other, "p1", forwarding={A}, compatibility="igmpv3")
    net.lab.settle(net.h(1))
    assert net.switch.members(group) == set()


def test_from_any_source_to_one_source(net: Star) -> None:
    """SM-12: EXCLUDE{} then TO_IN{A}: after the last member time only A is left."""
    group = "239.3.0.9"
    net.h(1).join(group)
    net.switch.wait_row(group, "p1", filter_mode="exclude")
    net.h(1).filter(group, "include", [A])
    net.switch.wait_row(group, "p1", filter_mode="include", forwarding={A}, timeout=LMQT + BUSY)
    assert net.reached_from([A, B], group) == {A: names(1), B: set()}
