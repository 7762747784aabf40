"""A host that joins gets its stream though the control plane has not read its report yet (SM-70).

The control plane is one thread: it is stopped as a debugger would stop it, while the loop runs on.
"""

from __future__ import annotations

import contextlib
import ctypes
import itertools
import os
from collections.abc import Iterator

import pytest

from netns.star import Star, names, star
from snoop.lab import frames

_SEIZE, _INTERRUPT, _DETACH = 0x4206, 0x4207, 17
_WALL = 0x40000000  # <sys/wait.h>, not in `os`
_libc = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
_libc.ptrace.restype = ctypes.c_long
# What has been joined does not end while the control plane stands still.
CALM = {"query_interval": 60.0}
groups = (f"239.71.0.{n}" for n in itertools.count(1))


@pytest.fixture(scope="module")
def filtered() -> Iterator[Star]:
    """p1 denies a range; what nobody has joined goes to routers alone."""
    ports = {"p1": {"deny_groups": ["239.72.0.0/16"]}}
    with star(4, igmp=CALM, switch={"unregistered": "mrouters"}, ports=ports) as made:
        yield made


@pytest.fixture(scope="module")
def shared() -> Iterator[Star]:
    with star(igmp=CALM) as made:
        yield made


def ptrace(request: int, tid: int) -> None:
    if _libc.ptrace(request, tid, None, None) < 0:
        raise OSError(ctypes.get_errno(), f"ptrace {request:#x}")


@contextlib.contextmanager
def undecided(net: Star) -> Iterator[None]:
    """The control plane stands still: its thread is the process's first."""
    assert net.switch.process is not None
    tid = net.switch.process.pid
    ptrace(_SEIZE, tid)
    try:
        ptrace(_INTERRUPT, tid)
        os.waitpid(tid, _WALL)
        yield
    finally:
        ptrace(_DETACH, tid)


def test_a_join_is_served_before_it_is_decided(net: Star) -> None:
    """SM-70: a registered group; who did not join gets nothing; then the row says the same."""
    group = next(groups)
    net.h(3).join(group)
    net.switch.wait_members(group, {"p3"})
    with undecided(net):
        assert net.reached(group) == names(3)
        net.report(1, ("TO_EX", group, []))
        assert net.reached(group) == names(1, 3)
        net.h(2).frames([frames.report_v2(group, net.h(2).address, mac=net.h(2).mac)])
        assert net.reached(group) == names(1, 2, 3)
    net.switch.wait_members(group, {"p1", "p2", "p3"})
    assert net.reached(group) == names(1, 2, 3)


def test_a_source_is_served_before_it_is_decided(net: Star) -> None:
    """SM-70 and SM-46: what was asked for, and nothing that would be ignored."""
    group, wanted, other = "232.71.0.1", "10.0.0.71", "10.0.0.72"
    net.report(4, ("ALLOW", group, [other]))
    net.switch.wait_members(group, {"p4"})
    with undecided(net):
        net.report(1, ("ALLOW", group, [wanted]))
        net.report(2, ("TO_EX", group, []))
        assert net.reached_from([wanted, other], group) == {wanted: names(1), other: names(4)}


def test_a_join_that_may_be_refused_waits(filtered: Star) -> None:
    """SM-70: where a filter stands a port gets nothing ahead, and nothing later that it denies."""
    denied, allowed = "239.72.0.1", next(groups)
    with undecided(filtered):
        for group in (denied, allowed):
            filtered.report(1, ("TO_EX", group, []))
            filtered.report(2, ("TO_EX", group, []))
            assert filtered.reached(group) == names(2)
    filtered.switch.wait_members(denied, {"p2"})
    filtered.switch.wait_members(allowed, {"p1", "p2"})
    assert filtered.reached(denied) == names(2)
    assert filtered.switch.counters("p1")["group_filtered"] == 1
