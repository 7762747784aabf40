"""The loop guard: one switch by literal times, and whole networks of them against a graph.

The network passes probes on as cables, other bridges and switches of this kind do; what is asked of
it is what a user would ask: no loop is left, and whoever could reach each other still can.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

from hypothesis import given, settings
from hypothesis import strategies as st

from snoop.proto.loops import PASSED_MAX, SWITCHES_MAX, LoopGuard
from snoop.proto.units import SECOND, Instant
from snoop.wire import probe
from snoop.wire.probe import Probe

OURS, LOWER, HIGHER = b"B" * 8, b"A" * 8, b"C" * 8
MAC = b"\x02\0\0\0\0\x01"
ALL = 0xFF
chance = (number.to_bytes(16) for number in count(1))


def at(seconds: float) -> Instant:
    return Instant(round((100 + seconds) * SECOND))


def beat(guard: LoopGuard, *ports: int, now: float, vid: int = 0) -> dict[int, bytes]:
    made = guard.beat([(port, [vid]) for port in ports], lambda _: next(chance), at(now))
    return {one.port: probe.build(one, MAC) for one in made}


def looped(guard: LoopGuard, sent: int, came: int, *, now: float) -> None:
    guard.receive(came, 0, beat(guard, sent, now=now)[sent], at(now))


def held(guard: LoopGuard, now: float, up: int = ALL) -> set[int]:
    guard.settle(up, at(now))
    return set(guard.held)


def test_the_port_with_the_higher_id_is_held_whichever_way_the_probe_came() -> None:
    """LOOP-2"""
    for sent, came in ((1, 3), (3, 1)):
        guard = LoopGuard(OURS)
        looped(guard, sent, came, now=0)
        assert held(guard, 0) == {3}
        assert guard.held[3].by == 1


def test_a_loop_that_goes_on_is_told_of_once() -> None:
    """LOOP-8: each change is news to other switches, which ask everybody anew."""
    guard = LoopGuard(OURS)
    looped(guard, 1, 3, now=0)
    assert [change.port for change in guard.settle(ALL, at(0))] == [3]
    for now in (1, 2, 3):
        looped(guard, 3, 1, now=now)
        assert guard.settle(ALL, at(now)) == []
    assert guard.held[3].since == at(0)


def test_a_port_that_gets_its_own_probe_back_is_held() -> None:
    """LOOP-2: a host, or a loop, behind it sends back what it gets."""
    guard = LoopGuard(OURS)
    looped(guard, 2, 2, now=0)
    assert held(guard, 0) == {2}


def test_a_port_is_let_go_when_its_loop_was_not_seen_for_some_beats() -> None:
    """LOOP-4"""
    guard = LoopGuard(OURS)
    looped(guard, 1, 2, now=0)
    looped(guard, 2, 1, now=1)
    assert held(guard, 4.4) == {2}
    assert held(guard, 4.6) == set()


def test_a_port_is_let_go_at_once_when_the_other_one_goes_down() -> None:
    """LOOP-4: a second link stands in for the first."""
    guard = LoopGuard(OURS)
    looped(guard, 1, 2, now=0)
    assert held(guard, 0) == {2}
    assert held(guard, 0.1, up=ALL & ~(1 << 1)) == set()


def test_of_two_held_ports_one_stands_in_and_the_other_stays_held() -> None:
    """LOOP-4: three cables; the loop of the two that are left is known already."""
    guard = LoopGuard(OURS)
    for one, other in ((2, 3), (1, 3), (1, 2)):
        looped(guard, one, other, now=0)
    assert held(guard, 0) == {2, 3}
    assert held(guard, 0.1, up=ALL & ~(1 << 1)) == {3}


def test_what_nobody_was_sent_holds_nobody() -> None:
    """LOOP-1: our id, a port, a key that was guessed, one that is old, one in another VLAN."""
    guard = LoopGuard(OURS)
    real = beat(guard, 1, now=0)[1]
    forged = probe.build(Probe(OURS, 1, 0, b"k" * 16, "sw0 p1"), MAC)
    assert guard.receive(2, 0, forged, at(0)).refused
    assert guard.receive(2, 0, real, at(4.1)).refused
    assert guard.receive(2, 0, real[:40], at(0)).refused
    assert guard.receive(2, 0, real[:34] + b"other" + real[39:], at(0)).refused
    assert not guard.receive(2, 7, real, at(0)).refused
    assert held(guard, 0) == set()


def test_a_probe_says_no_more_than_its_key() -> None:
    """LOOP-1: the port in it is for people; who changes it holds what he was sent by."""
    guard = LoopGuard(OURS)
    sent = probe.parse(beat(guard, 1, now=0)[1])
    assert sent is not None
    guard.receive(1, 0, probe.build(sent._replace(port=5, vid=9), MAC), at(0))
    assert held(guard, 0) == {1}


def test_anothers_probe_is_passed_on_once() -> None:
    """LOOP-5"""
    guard = LoopGuard(OURS)
    frame = probe.build(Probe(LOWER, 1, 0, b"k" * 16, ""), MAC)
    passed = guard.receive(1, 0, frame, at(0)).passed
    assert passed is not None
    again = probe.parse(passed)
    assert again == Probe(LOWER, 1, 0, b"k" * 16, "", (OURS,))
    assert guard.receive(2, 0, frame, at(1)).passed is None
    assert guard.receive(2, 0, passed, at(1)).passed is None
    assert guard.receive(2, 5, frame, at(1)).passed is not None


def test_that_another_has_held_a_port_is_news_once() -> None:
    """LOOP-8: from a switch that is known; by whichever way it is heard."""
    guard = LoopGuard(OURS)

    def heard(changes: int, port: int = 1) -> bool:
        frame = probe.build(Probe(LOWER, 1, 0, next(chance), "", (), changes), MAC)
        return guard.receive(port, 0, frame, at(0)).changed

    assert [heard(3), heard(3), heard(4), heard(4, 2), heard(4), heard(6)] == [
        False, False, True, False, False, True,
    ]  # fmt: skip


def test_what_it_holds_and_lets_go_it_tells() -> None:
    """LOOP-8"""
    guard = LoopGuard(OURS)
    looped(guard, 1, 2, now=0)

    def told() -> int:
        sent = probe.parse(beat(guard, 3, now=9)[3])
        assert sent is not None
        return sent.changes

    assert (told(), held(guard, 0), told(), held(guard, 9), told()) == (0, {2}, 1, set(), 2)


def test_of_others_only_so_many_are_known() -> None:
    guard = LoopGuard(OURS)
    for number in range(SWITCHES_MAX + 50):
        guard.receive(
            1, 0, probe.build(Probe(number.to_bytes(8), 1, 0, next(chance), ""), MAC), at(0)
        )
    assert len(guard._others) == SWITCHES_MAX  # no public name: only what it costs


def test_a_probe_with_a_full_path_is_passed_on_as_it_is() -> None:
    """LOOP-5"""
    guard = LoopGuard(OURS)
    frame = probe.build(Probe(LOWER, 1, 0, b"k" * 16, "x" * 70, (HIGHER,) * 16), MAC)
    assert guard.receive(1, 0, frame, at(0)).passed == frame


def test_the_switch_with_the_lowest_id_goes_first_and_not_for_ever() -> None:
    """LOOP-6"""
    for other, waits in ((LOWER, True), (HIGHER, False)):
        guard = LoopGuard(OURS)
        for second in range(4):
            frame = beat(guard, 1, now=second)[1]
            sent = probe.parse(frame)
            assert sent is not None
            guard.receive(2, 0, probe.passed_on(frame, sent, other), at(second))
            assert held(guard, second) == (set() if waits and second < 3 else {2})


def test_what_others_send_makes_it_no_larger() -> None:
    guard = LoopGuard(OURS)
    for number in range(PASSED_MAX + 50):
        frame = probe.build(Probe(number.to_bytes(8), 1, 0, next(chance), ""), MAC)
        guard.receive(1, 0, frame, at(0))
    assert len(guard._passed) == PASSED_MAX  # no public name: only what it costs


def test_a_port_that_is_none_any_more_leaves_nothing() -> None:
    guard = LoopGuard(OURS)
    sent = beat(guard, 2, now=0)[2]
    looped(guard, 1, 2, now=0)
    held(guard, 0)
    guard.forget(2)
    assert held(guard, 0) == set()
    assert guard.receive(1, 0, sent, at(0)).refused


@given(st.binary(max_size=120))
def test_any_bytes_are_refused_or_somebodys(payload: bytes) -> None:
    guard = LoopGuard(OURS)
    heard = guard.receive(1, 0, probe.GROUP_MAC + MAC + b"\x08\x00" + payload, at(0))
    assert heard.refused or heard.passed
    assert held(guard, 0) == set()


class Network:
    """Switches with a guard each, bridges without, and cables: (node, port) to (node, port)."""

    def __init__(self, ids: list[int], bridges: int, cables: list[tuple[int, int]]) -> None:
        self.guards = [LoopGuard(number.to_bytes(8)) for number in ids]
        self.nodes = len(ids) + bridges
        self.cables = cables
        self.ends: dict[tuple[int, int], tuple[int, int]] = {}
        ports = [count() for _ in range(self.nodes)]
        self.used = []
        for one, other in cables:
            near, far = (one, next(ports[one])), (other, next(ports[other]))
            self.ends[near], self.ends[far] = far, near
            self.used.append((near, far))

    def ports(self, node: int) -> list[int]:
        return [port for at_node, port in self.ends if at_node == node]

    def is_held(self, node: int, port: int) -> bool:
        return node < len(self.guards) and port in self.guards[node].held

    def send(self, node: int, port: int, frame: bytes, now: Instant) -> None:
        waiting, seen = [(node, port, frame)], set()
        while waiting:
            *sent, frame = waiting.pop(0)
            if tuple(sent) in seen:
                continue
            seen.add(tuple(sent))
            came, at_port = self.ends[sent[0], sent[1]]
            passed: bytes | None = frame
            if came < len(self.guards):
                passed = self.guards[came].receive(at_port, 0, frame, now).passed
                if passed is None or self.is_held(came, at_port):
                    continue
            waiting += [
                (came, other, passed)
                for other in self.ports(came)
                if other != at_port and not self.is_held(came, other)
            ]

    def run(self, order: list[int], second: int, *, together: bool) -> None:
        """A second, in which each switch has its beat, in that order; `together`: they follow what
        they hear when all have had theirs.
        """
        for step, node in enumerate(order):
            now = at(second + step / (len(order) + 1))
            guard = self.guards[node]
            wanted = [(port, [0]) for port in self.ports(node)]
            for one in guard.beat(wanted, lambda _: next(chance), now):
                self.send(node, one.port, probe.build(one, MAC), now)
            if not together or node == order[-1]:
                for each in self.guards:
                    each.settle((1 << 64) - 1, now)

    def active(self) -> Iterator[tuple[int, int]]:
        for near, far in self.used:
            if not (self.is_held(*near) or self.is_held(*far)):
                yield near[0], far[0]

    @staticmethod
    def parts(nodes: int, cables: list[tuple[int, int]]) -> int:
        """How many networks that do not reach each other."""
        of = list(range(nodes))
        for one, other in cables:
            of = [of[one] if each == of[other] else each for each in of]
        return len(set(of))


@st.composite
def networks(draw: st.DrawFn) -> tuple[Network, list[int]]:
    switches, bridges = draw(st.integers(1, 4)), draw(st.integers(0, 2))
    nodes = switches + bridges
    ids = draw(st.lists(st.integers(1, 99), min_size=switches, max_size=switches, unique=True))
    cable = st.tuples(st.integers(0, switches - 1), st.integers(0, nodes - 1))
    cables = draw(st.lists(cable, min_size=1, max_size=8))
    return Network(ids, bridges, cables), draw(st.permutations(range(switches)))


@settings(max_examples=200)
@given(networks(), st.booleans())
def test_no_network_keeps_a_loop_or_loses_anybody(
    made: tuple[Network, list[int]], together: bool
) -> None:
    """LOOP-2, 5, 6: any switches, bridges and cables: what forwards in the end is a forest that
    joins what the cables join, and it stays so.
    """
    network, order = made
    for second in range(12):
        network.run(order, second, together=together)
    for second in range(12, 16):
        network.run(order, second, together=together)
        left = list(network.active())
        parts = network.parts(network.nodes, network.cables)
        assert network.parts(network.nodes, left) == parts, "somebody is cut off"
        assert len(left) == network.nodes - parts, "a loop is left"
