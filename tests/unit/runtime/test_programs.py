"""Programs that come when their ports are there: behind a curtain, the busiest port's first."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from snoop.runtime.programs import AT_ONCE, Programs, Wanted
from snoop.table.seen import PortSetup
from unit import HANGS_S

LATER = PortSetup(later=True)


class Kernel:
    """A fast path and nftables, both as quick as the test wants them."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.go.set()
        self.made: list[int] = []
        self.discarded: list[int] = []
        self.drawn: set[int] = set()
        self.refuses = False
        self.busy = False
        self.told = threading.Semaphore(0)
        self.programs = Programs(self, self, self.told.release, lambda: self.busy)

    def attach(self, ifindex: int, setup: PortSetup) -> int:
        del setup
        assert self.go.wait(HANGS_S)
        self.made.append(ifindex)
        return ifindex

    def discard(self, prepared: int) -> None:
        self.discarded.append(prepared)

    def draw(self, ifindex: int) -> bool:
        if not self.refuses:
            self.drawn.add(ifindex)
        return not self.refuses

    def lift(self, ifindex: int) -> None:
        self.drawn.discard(ifindex)

    def close(self) -> None:
        self.drawn.clear()

    def want(self, *ports: int) -> None:
        for port in ports:
            self.programs.want(Wanted(port, 100 + port, LATER))

    def taken(self) -> list[int]:
        assert self.told.acquire(timeout=HANGS_S)
        taken = self.programs.taken()
        for wanted, _ in taken:
            self.programs.forget(wanted.port, wanted.ifindex)
        return [wanted.port for wanted, _ in taken]


@pytest.fixture
def kernel() -> Iterator[Kernel]:
    made = Kernel()
    yield made
    made.go.set()
    made.programs.close()


def test_a_port_goes_without_its_program_only_behind_a_curtain(kernel: Kernel) -> None:
    assert kernel.programs.cover(7, LATER).later
    assert kernel.drawn == {7}
    kernel.refuses = True
    assert not kernel.programs.cover(8, LATER).later
    assert kernel.programs.cover(9, PortSetup(later=True, isolate=False)).later
    assert kernel.drawn == {7}


def test_the_busiest_ports_have_theirs_first_and_some_at_once(kernel: Kernel) -> None:
    kernel.want(*range(AT_ONCE + 2))
    kernel.programs.begin(lambda port: port)
    assert kernel.taken() == list(range(AT_ONCE + 1, 1, -1))
    kernel.programs.begin(lambda port: port)
    assert kernel.taken() == [1, 0]
    kernel.programs.begin(lambda port: port)
    assert kernel.programs.taken() == []


def test_the_curtain_stays_until_the_program_is_there(kernel: Kernel) -> None:
    kernel.go.clear()
    kernel.programs.cover(101, LATER)
    kernel.want(1)
    kernel.programs.begin(lambda port: port)
    assert kernel.programs.taken() == []
    assert kernel.drawn == {101}
    kernel.go.set()
    assert kernel.taken() == [1]
    assert kernel.drawn == set()


def test_what_a_port_was_covered_for_in_vain_is_uncovered(kernel: Kernel) -> None:
    kernel.programs.cover(101, LATER)
    kernel.want(1)
    kernel.programs.uncover(101)  # of an opening before, which nobody took
    assert kernel.drawn == {101}
    kernel.programs.cover(102, LATER)
    kernel.programs.uncover(102)
    assert kernel.drawn == {101}


def test_none_is_made_while_ports_are_being_opened(kernel: Kernel) -> None:
    kernel.busy = True
    kernel.want(1)
    kernel.programs.begin(lambda port: port)
    assert not kernel.told.acquire(timeout=0.05)
    kernel.busy = False
    assert kernel.taken() == [1]


def test_at_the_end_what_was_made_is_taken_back(kernel: Kernel) -> None:
    kernel.programs.cover(101, LATER)
    kernel.want(1)
    kernel.programs.begin(lambda port: port)
    assert kernel.told.acquire(timeout=HANGS_S)
    kernel.programs.close()
    assert (kernel.discarded, kernel.drawn) == ([101], set())
    kernel.want(2)
    kernel.programs.begin(lambda port: port)
    assert kernel.made == [101]


def test_a_hand_over_is_to_wait_until_every_program_is_its_ports(kernel: Kernel) -> None:
    """What only a thread holds is handed to nobody, and would lie before the next one's."""
    assert not kernel.programs.unsettled
    kernel.go.clear()
    kernel.want(1)
    assert kernel.programs.unsettled, "it waits"
    kernel.programs.begin(lambda _: 0)
    assert kernel.programs.unsettled, "it is under way"
    kernel.go.set()
    assert kernel.told.acquire(timeout=HANGS_S)
    assert kernel.programs.unsettled, "nobody has taken it"
    ((wanted, _),) = kernel.programs.taken()
    kernel.programs.forget(wanted.port, wanted.ifindex)
    assert not kernel.programs.unsettled
