"""An engine that was dumped and loaded goes on as if nothing had been (design: never dark).

`Twin` holds one that lives through restarts to one that does not, call by call. What another
configuration does not allow, and what is no state at all, is in `test_loading`.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

import pytest

from snoop.proto import params as settings
from snoop.proto.effects import Effect
from snoop.proto.engine import Engine
from snoop.proto.groups import Full
from snoop.proto.statics import StaticEntry
from snoop.proto.units import Instant, seconds
from snoop.wire.address import Family, parse
from unit import proto_lab as kit
from unit.crossing import hand_up
from unit.device import START
from unit.frames import ALLOW, BLOCK, IS_EX, IS_IN, TO_EX, TO_IN, G
from unit.runtime.test_garbage import collected
from unit.twin import Twin, reloaded

GROUPS = [f"239.5.0.{n}" for n in range(10)] + ["232.5.0.1", "232.5.0.2"]
SOURCES = [f"192.0.2.{n}" for n in range(1, 5)]
ROUTERS = ["10.0.0.1", "10.0.0.200", "0.0.0.0"]
LAPSES = [0, 0, 0.05, 0.5, 1, 2, 10, 60, 125, 260]


class Life:
    """A switch with tight limits, and everything that can happen to it, in random order."""

    def __init__(self, seed: int, *, every: int) -> None:
        self.rng = random.Random(seed)
        self.now = Instant(START)
        own = settings.Params(
            querier_address=parse(kit.OWN),
            vlans=((7, settings.Params(query_interval=seconds(60))),),
        )
        self.params = replace(
            own,
            querier=self.rng.choice(list(settings.QuerierMode)),
            max_groups=8,
            max_groups_total=20,
            max_sources=3,
            max_hosts=8,
            max_state=60_000,
        )
        self.ports = {
            0: settings.PortParams(name="r"),
            1: settings.PortParams(name="a", fast_leave=settings.FastLeave.ON, max_state=20_000),
            2: settings.PortParams(name="b", fast_leave=settings.FastLeave.TRACKED),
            3: settings.PortParams(name="c", max_groups=4),
        }
        self.engine = Twin(params=self.params, now=self.now, every=every, seed=seed)
        for port, params in self.ports.items():
            self.engine.port_add(port, params, now=self.now)
            self.engine.port_up(port, now=self.now)

    def step(self) -> None:
        rng, engine, now = self.rng, self.engine, self.now
        port, vid = rng.choice(list(self.ports)), rng.choice((0, 0, 0, 5, 7, rng.randrange(30)))
        group, source = parse(rng.choice(GROUPS)), rng.choice([None, *map(parse, SOURCES)])
        entry = StaticEntry(vid, group, source, port)
        others: list[Callable[[], list[Effect]]] = [
            lambda: engine.port_down(port, now=now),
            lambda: engine.port_up(port, now=now),
            lambda: engine.static_add(entry, now=now),
            lambda: engine.static_del(entry, now=now),
            lambda: engine.mrouter_add(vid=vid, port=port, now=now),
            lambda: engine.mrouter_del(vid=vid, port=port, now=now),
            lambda: engine.query(vid=vid, group=rng.choice((None, group)), port=None, now=now),
            lambda: engine.clear(vid=None, group=group, port=rng.choice((None, port)), now=now),
            self.configure,
            self.replug,
        ]
        choice = rng.random()
        if choice < 0.2:
            self.elapse(seconds(rng.choice(LAPSES)))
        elif choice < 0.85:
            hand_up(engine, port=port, frame=self.frame(vid), now=now)
        else:
            with suppress(KeyError, Full):
                rng.choice(others)()

    def elapse(self, duration: int) -> None:
        """Mostly in time, at times in one go, a few of the timers at once or all."""
        target = Instant(self.now + duration)
        if self.rng.random() < 0.1:
            self.now = target
        while (due := self.engine.next_deadline()) is not None and due <= target:
            self.now = max(self.now, due)
            self.engine.advance(self.now, *self.rng.choice([(), (2,)]))
        self.now = target

    def frame(self, vid: int) -> bytes:
        rng = self.rng
        group, listed = rng.choice(GROUPS), rng.sample(SOURCES, rng.randrange(4))
        host = f"10.0.1.{rng.randrange(6)}"
        kinds = [
            kit.record(rng.choice(tuple(ALL)), group, listed) for _ in range(rng.randint(1, 2))
        ]
        match rng.randrange(12):
            case 0 | 1 | 2 | 3 | 4:
                return kit.v3(*kinds, src=host, vid=vid)
            case 5 | 6:
                return kit.old_report(rng.choice((1, 2)), group, src=host, vid=vid)
            case 7:
                return kit.leave(group, src=host, vid=vid)
            case 8:
                version = rng.choice((1, 2, 3, 3))
                src, qqi = rng.choice(ROUTERS), rng.choice((20, 125))
                return kit.query(src=src, version=version, qqi=qqi, vid=vid)
            case 9:
                return kit.query(group, listed, src=rng.choice(ROUTERS), vid=vid)
            case 10:
                return kit.hello(rng.choice((0, 30, 0xFFFF)))
            case _:
                return kit.frame(b"\x30" + bytes(7), src=ROUTERS[0], dst="224.0.0.106", vid=vid)

    def configure(self) -> list[Effect]:
        rng = self.rng
        self.params = replace(
            self.params,
            enabled=rng.random() < 0.9,
            querier=rng.choice(list(settings.QuerierMode)),
            version=rng.choice((3, 3, 3, 2, 1)),
            no_querier=rng.choice(list(settings.NoQuerier)),
            mrouter_on_null_source=rng.choice(list(settings.NullSource)),
            lite_exclude_filter=rng.random() < 0.2,
            max_groups=rng.choice((6, 8)),
        )
        if 2 in self.ports:
            self.ports[2] = replace(
                self.ports[2],
                mrouter=rng.choice(list(settings.MrouterMode)),
                querier_guard=rng.random() < 0.3,
                fast_leave=settings.FastLeave.OFF,
                explicit_tracking=rng.random() < 0.5,
            )
        return self.engine.configure(self.params, dict(self.ports), now=self.now)

    def replug(self) -> list[Effect]:
        """A port is taken away, or another put in."""
        port = self.rng.choice((3, 4))
        if port in self.ports:
            del self.ports[port]
            return self.engine.port_remove(port, now=self.now)
        self.ports[port] = settings.PortParams(name=f"new{port}")
        done = self.engine.port_add(port, self.ports[port], now=self.now)
        return done + self.engine.port_up(port, now=self.now)

    def look(self) -> None:
        """What people and the table compiler see is the same, too."""
        engine = self.engine
        for rows in (engine.mdb, engine.hosts, engine.mrouters, engine.queriers):
            rows(self.now)
        for vid, group in engine.groups():
            engine.group_view(vid, group)
        for vid in engine.vids():
            engine.vlan_view(vid, Family.IPV4)
        engine.counters()
        for port in self.ports:
            engine.port_counters(port)
            engine.port_state_bytes(port)


ALL = (IS_IN, IS_EX, TO_IN, TO_EX, ALLOW, BLOCK)


@pytest.mark.parametrize("seed", range(6))
def test_an_engine_that_is_restarted_is_like_one_that_is_not(seed: int) -> None:
    """Effects, rows, errors, deadlines and dumps, at every step of a random life."""
    life = Life(seed, every=12)
    for number in range(500):
        life.step()
        if number % 20 == 0:
            life.look()
    assert life.engine.restarts > 30


def test_memberships_survive_in_the_middle_of_a_port_that_goes_down() -> None:
    """Of what is done a part at a time the rest is done after the restart, and no more."""
    life = Life(1, every=40)
    life.engine.configure(settings.Params(), {0: life.ports[0]}, now=life.now)
    for vid in range(40):
        records = [kit.record(TO_EX, f"239.9.{vid}.{n}") for n in range(12)]
        hand_up(life.engine, port=0, frame=kit.v3(*records, vid=vid), now=life.now)
        hand_up(life.engine, port=0, frame=kit.query(vid=vid), now=life.now)
    life.engine.port_down(0, now=life.now)
    life.engine.restart()
    life.engine.port_up(0, now=life.now)
    life.elapse(seconds(0.001))
    life.look()
    life.elapse(seconds(300))
    life.look()


def test_the_last_of_all_ports_survives_wherever_it_is_named() -> None:
    """Sets of more than 64 ports are no numbers that a state can hold."""
    now, last = Instant(START), 255
    params = settings.Params(querier_address=parse(kit.OWN), querier=settings.QuerierMode.ON)
    engine = Twin(params=params, now=now, every=10**9)
    for port in (0, last):
        engine.port_add(port, settings.PortParams(name=f"p{port}"), now=now)
        engine.port_up(port, now=now)
    now = Instant(now + seconds(40))
    engine.advance(now)  # all are asked
    hand_up(engine, port=last, frame=kit.v3(kit.record(TO_EX, G)), now=now)
    (known,) = engine.dump(now).instances.known
    assert known.querier.schedule.asked == (0, last)
    engine.restart()
    engine.group_view(0, parse(G))
    engine.advance(Instant(now + seconds(500)))


def test_what_ran_out_meanwhile_runs_out_in_the_next_turn() -> None:
    """A process that was away for longer than a membership lasts."""
    lab = kit.querier()
    lab.hear(1, kit.old_report(2, G))
    dumped = lab.engine.dump(lab.now)
    later = Instant(lab.now + seconds(1000))
    engine, _ = Engine.load(dumped, params=lab.params, ports=lab.port_params, now=later)
    assert len(engine.mdb(later)) == 1
    assert (engine.next_deadline() or later) < later
    kinds = [getattr(effect, "kind", "") for effect in engine.advance(later)]
    assert kinds.count("expire") == 1
    assert kinds.count("query") == 1, "what was missed is not caught up with"
    assert engine.mdb(later) == []
    assert engine.group_view(0, parse(G)) is not None  # a tombstone, from now on
    engine.advance(Instant(later + seconds(270)))
    assert engine.group_view(0, parse(G)) is None


def test_a_dump_is_of_its_moment() -> None:
    """Nothing that happens afterwards changes it."""
    life = Life(3, every=10**9)
    for _ in range(300):
        life.step()
    dumped = life.engine.dump(life.now)
    as_text = repr(dumped)
    for _ in range(300):
        life.step()
    assert repr(dumped) == as_text


def test_names_of_hosts_are_shared_again() -> None:
    """Else a restart would cost memory for each entry of a host."""
    lab = kit.querier()
    lab.hear(1, kit.v3(*(kit.record(TO_EX, f"239.7.0.{n}") for n in range(20))))
    engine = reloaded(lab.engine, lab.params, lab.port_params, lab.now)
    states = engine.dump(lab.now).instances.known[0].groups.known
    assert len({id(each.members[0].reporter) for each in states}) == 1


def test_loading_leaves_no_ring() -> None:
    """The collector would have to look at everything (`garbage`)."""
    lab = kit.querier()
    for vid in range(1, 10):
        lab.hear(1, kit.v3(kit.record(ALLOW, "232.1.1.1", SOURCES[:2]), vid=vid))
        lab.hear(1, kit.v3(kit.record(BLOCK, "232.1.1.1", SOURCES[:1]), vid=vid))
    dumped = lab.engine.dump(lab.now)
    lab.engine, _ = Engine.load(dumped, params=lab.params, ports=lab.port_params, now=lab.now)
    with collected() as found:
        lab.clear()
        lab.at(lab.time + 2000)
        lab.clear()
        assert lab.engine.vids() == [0]
    assert not found
