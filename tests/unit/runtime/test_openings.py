"""Ports that are being opened: taken when they are there, given back when nobody wants them."""

from __future__ import annotations

import errno
import threading
from collections.abc import Iterator

import pytest
from msgspec import structs

from snoop.config import loader
from snoop.runtime.openings import THREADS, Openings
from snoop.runtime.port import State
from snoop.runtime.ports import Ports
from snoop.table.seen import PortSetup
from unit import HANGS_S
from unit.fake_fastpath import AsideFastPath, FakeLinks, FakeNeighbours, link


class Slow:
    """A fast path whose ports are made when the test says so."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.discarded: list[int] = []
        self.told = threading.Semaphore(0)
        self.refuse: OSError | None = None

    def prepare(self, ifindex: int, setup: PortSetup) -> int:
        del setup
        assert self.go.wait(HANGS_S)
        if self.refuse is not None:
            raise self.refuse
        return ifindex

    def discard(self, prepared: int) -> None:
        self.discarded.append(prepared)

    def reap(self) -> int:
        return 0


@pytest.fixture
def slow() -> Iterator[Slow]:
    made = Slow()
    yield made
    made.go.set()


def test_a_port_is_taken_when_it_is_there(slow: Slow) -> None:
    openings = Openings(slow, slow.told.release)
    assert openings.take(7, PortSetup()) is None
    assert openings.take(7, PortSetup()) is None
    slow.go.set()
    assert slow.told.acquire(timeout=HANGS_S)
    assert openings.take(7, PortSetup()) == 7
    openings.close()
    assert slow.discarded == []


def test_what_nobody_takes_is_given_back(slow: Slow) -> None:
    openings = Openings(slow, slow.told.release)
    openings.take(7, PortSetup())
    openings.take(8, PortSetup())
    openings.leave(7)
    slow.go.set()
    openings.wait()
    assert openings.take(8, PortSetup()) == 8
    openings.take(9, PortSetup())
    openings.close()
    assert sorted(slow.discarded) in ([7, 9], [7])  # the last may not have begun


def test_who_is_waited_for_need_not_wait_for_all_before() -> None:
    """W-8: a port of a command, beside as many of a pattern as there are threads, and more."""
    slow, told = Slow(), threading.Semaphore(0)
    free = {99}
    made = slow.prepare
    slow.prepare = lambda ifindex, setup: (  # type: ignore[method-assign]
        ifindex if ifindex in free else made(ifindex, setup)
    )
    openings = Openings(slow, told.release)
    for ifindex in (*range(1, 2 * THREADS), 99):
        assert openings.take(ifindex, PortSetup()) is None
    openings.hurry(99)
    while (taken := openings.take(99, PortSetup())) is None:
        assert told.acquire(timeout=HANGS_S)
    assert taken == 99
    openings.hurry(1)  # it has begun: it stays where it is
    openings.hurry(1000)  # nobody asked for that
    slow.go.set()
    openings.close()
    assert 99 not in slow.discarded
    assert slow.discarded.count(1) == 1


def test_a_port_that_is_wanted_otherwise_is_made_again(slow: Slow) -> None:
    openings = Openings(slow, slow.told.release)
    openings.take(7, PortSetup())
    slow.go.set()
    openings.wait()
    assert openings.take(7, PortSetup(isolate=False)) is None
    openings.wait()
    assert openings.take(7, PortSetup(isolate=False)) == 7
    openings.close()
    assert slow.discarded == [7]


def test_what_cannot_be_opened_says_so_and_is_begun_anew(slow: Slow) -> None:
    openings = Openings(slow, slow.told.release)
    slow.refuse = OSError(19, "socket: No such device")
    openings.take(7, PortSetup())
    slow.go.set()
    openings.wait()
    with pytest.raises(OSError, match="No such device"):
        openings.take(7, PortSetup())
    slow.refuse = None
    assert openings.take(7, PortSetup()) is None
    openings.wait()
    assert openings.take(7, PortSetup()) == 7
    openings.close()


def test_a_port_that_opens_again_was_never_down() -> None:
    """Its members would be forgotten; only what is gone or cannot be opened is down."""
    fastpath, told = AsideFastPath(), threading.Semaphore(0)
    openings = Openings(fastpath, told.release)
    checked = loader.check({"port": [{"name": "p0"}]}, where="t")
    neighbours = FakeNeighbours()
    ports = Ports(fastpath, checked.switch, neighbours, openings=openings)
    port = ports.add(checked.port[0])
    links = FakeLinks({"p0": link("p0", 7)})
    assert ports.reconcile(links, wait=True) == [(port, State.UP)]
    ports.configure(checked.switch, [structs.replace(port.table, isolate=False)])
    assert ports.reconcile(links) == []
    assert (port.state, port.opened) == (State.UP, False)
    assert told.acquire(timeout=HANGS_S)
    assert told.acquire(timeout=HANGS_S)
    assert ports.reconcile(links) == []
    assert (port.state, port.opened) == (State.UP, True)
    fastpath.refused = {7: errno.ENOMEM}
    ports.configure(checked.switch, [structs.replace(port.table, isolate=True)])
    assert ports.reconcile(links, wait=True) == [(port, State.DOWN)]
    assert port.problem is not None
    openings.close()


def test_a_port_opens_when_it_is_known_what_its_interface_is() -> None:
    """Somebody else may use it; who waits for the port is served first all the same."""
    checked = loader.check({"port": [{"name": "p0"}]}, where="t")
    fastpath, told = AsideFastPath(), threading.Semaphore(0)
    openings = Openings(fastpath, told.release)
    neighbours = FakeNeighbours()
    ports = Ports(fastpath, checked.switch, neighbours, openings=openings)
    port, links = ports.add(checked.port[0]), FakeLinks({"p0": link("p0", 7)})
    neighbours.unknown = {7}
    assert ports.reconcile(links) == []
    assert (port.opening, openings.busy, port.state) == (7, False, State.DOWN)
    ports.opener.hurry(port)
    neighbours.unknown, neighbours.sitting = set(), {7: {"macvlan0"}}
    ports.reconcile(links)
    assert openings.busy
    while not port.opened:
        assert told.acquire(timeout=HANGS_S)
        ports.reconcile(links)
    assert not port.asked_isolation
    assert port.state is State.UP
    openings.close()
