"""256 ports need more open files than a process usually gets."""

from __future__ import annotations

import resource
from collections.abc import Iterator

import pytest

from snoop.daemon.limits import DESCRIPTORS, allow_descriptors
from snoop.fastpath import PORTS_MAX

# Two rings, three transmit sockets, the link of the program at its ingress, the sockets' knot.
PER_PORT = 7


@pytest.fixture(autouse=True)
def limits() -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_soft_limit_is_raised_as_far_as_all_ports_need_or_the_hard_one_allows() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
    allow_descriptors()
    soft, after = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert after == hard
    assert soft == (DESCRIPTORS if hard == resource.RLIM_INFINITY else min(DESCRIPTORS, hard))
    assert DESCRIPTORS > PORTS_MAX * PER_PORT + 256


def test_higher_limit_is_left_alone() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard <= DESCRIPTORS:
        pytest.skip(f"the hard limit of open files is only {hard}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (DESCRIPTORS + 1, hard))
    allow_descriptors()
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == (DESCRIPTORS + 1, hard)
