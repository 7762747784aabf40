"""Rings that stopped are opened again: at once the first time, ever later for who comes again."""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import Any

from snoop.config import loader
from snoop.links.asking import Asking
from snoop.proto.units import SECOND, Instant
from snoop.runtime.ports import Ports
from snoop.runtime.rings import RingWatch
from unit.fake_fastpath import FakeFastPath, FakeLinks, FakeNeighbours, link


def scene(count: int = 3) -> tuple[FakeFastPath, Ports, RingWatch]:
    names = [f"p{n}" for n in range(count)]
    checked = loader.check({"port": [{"name": name} for name in names]}, where="t")
    fastpath = FakeFastPath()
    ports = Ports(fastpath, checked.switch, FakeNeighbours())
    for table in checked.port:
        ports.add(table)
    ports.reconcile(FakeLinks({name: link(name, n + 1) for n, name in enumerate(names)}))
    return fastpath, ports, RingWatch(fastpath, ports)


def at(seconds: float) -> Instant:
    return Instant(round(seconds * SECOND) + 1000 * SECOND)


def test_a_stopped_ring_is_opened_at_the_next_look_and_no_other_is() -> None:
    fastpath, _, watch = scene()
    assert watch.look(at(0)) == []
    fastpath.stuck = {1}
    assert [port.name for port, _ in watch.look(at(0.25))] == ["p1"]
    assert watch.look(at(0.5)) == []
    assert fastpath.reopened == [1]


def test_who_comes_again_waits_longer_up_to_eight_seconds() -> None:
    fastpath, _, watch = scene()
    opened = []
    for quarter in range(4 * 40):
        fastpath.stuck = {1}
        opened += [quarter / 4 for _ in watch.look(at(quarter / 4))]
    assert opened == [0, 1, 3, 7, 15, 23, 31, 39]


def test_after_thirty_quiet_seconds_it_is_a_first_time_again() -> None:
    fastpath, _, watch = scene()
    for seconds in (0, 1, 31, 32):
        fastpath.stuck = {1}
        assert watch.look(at(seconds)), seconds


def test_two_a_look_those_first_that_wait_longest() -> None:
    fastpath, _, watch = scene(5)
    fastpath.stuck = {0, 1, 2, 3, 4}
    watch.look(at(0))
    watch.look(at(0.25))
    fastpath.stuck |= {0, 1}
    watch.look(at(3))
    assert fastpath.reopened == [0, 1, 2, 3, 4, 0]


def test_a_port_that_does_not_open_again_is_down_with_its_reason() -> None:
    fastpath, ports, watch = scene()
    fastpath.stuck, fastpath.refused = {1}, {2: errno.ENOMEM}
    assert [port.name for port, _ in watch.look(at(0))] == ["p1"]
    port = ports.named("p1")
    assert not port.opened
    assert port.problem is not None
    assert ports.faulty()
    assert 1 not in fastpath.opened


def test_a_program_that_somebody_took_away_is_put_back_by_the_next_look() -> None:
    fastpath, _, watch = scene()
    fastpath.lost = {2}
    ((port, why),) = watch.look(at(0))
    assert (port.name, why) == ("p2", "somebody took its program off the interface")
    assert watch.look(at(0.25)) == []
    assert fastpath.reopened == [2]


def test_while_the_kernel_is_still_asked_about_programs_it_is_not_asked_again() -> None:
    """And what it says in the end is for the look after it."""
    fastpath, ports, _ = scene()
    asked: list[tuple[Callable[[], object], Callable[[object], None]]] = []

    class Slow(Asking):
        def ask(self, question: Any, answered: Any) -> None:
            asked.append((question, answered))

    watch = RingWatch(fastpath, ports, Slow())
    fastpath.lost = {1}
    assert watch.look(at(0)) == watch.look(at(0.25)) == []
    ((question, answered),) = asked
    answered(question())
    assert [port.name for port, _ in watch.look(at(0.5))] == ["p1"]
    assert len(asked) == 2
    assert watch.look(at(60)) == [], "it was put back; what is there now is not known yet"


def test_where_no_descriptor_is_free_rings_are_looked_at_all_the_same() -> None:
    fastpath, _, watch = scene()

    def program(port: int) -> int:
        raise OSError(errno.EMFILE, "Too many open files")

    fastpath.program = program  # type: ignore[method-assign]
    fastpath.stuck = {1}
    assert [port.name for port, _ in watch.look(at(0))] == ["p1"]
