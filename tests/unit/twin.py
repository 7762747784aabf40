"""Two engines that are told the same; one of them is dumped, packed, unpacked and loaded meanwhile.

`Twin` is called like an `Engine`. Every call goes to both and has to come to the same in both: the
effects, the rows, the errors, the next deadline; and what the two would dump is equal at every
restart. So nothing that a dump forgets goes unseen for longer than it takes to matter.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from snoop.proto.effects import Effect, Event, EventKind
from snoop.proto.engine import Engine
from snoop.proto.params import Params, PortParams
from snoop.proto.state import EngineState
from snoop.proto.units import Instant
from snoop.proto.views import HostRow
from snoop.runtime import saved


def reloaded(engine: Engine, params: Params, ports: Mapping[int, PortParams], now: int) -> Engine:
    """The engine that another process would have: nothing but bytes goes over."""
    data = saved.pack(engine.dump(Instant(now)))
    loaded, effects = Engine.load(
        saved.unpack(data, EngineState), params=params, ports=ports, now=Instant(now)
    )
    announced = {type(effect).__name__ for effect in effects}
    assert announced <= {"VlanChanged", "GroupChanged"}, effects
    assert saved.pack(loaded.dump(Instant(now))) == data
    return loaded


class Twin:
    """Restarts one of the two at about every `every`th call."""

    def __init__(self, *, params: Params, now: Instant, every: int = 8, seed: int = 0) -> None:
        self.restarts = 0
        self._rng = random.Random(seed)
        self._every = every
        self._now = now
        self._params = params
        self._ports: dict[int, PortParams] = {}
        self._one = Engine(params=params, now=now)
        self._other = Engine(params=params, now=now)

    def restart(self) -> None:
        self.restarts += 1
        assert self._one.dump(self._now) == self._other.dump(self._now)
        self._other = reloaded(self._other, self._params, self._ports, self._now)

    def port_add(self, port: int, params: PortParams, *, now: Instant) -> list[Effect]:
        done: list[Effect] = self._both("port_add", port, params, now=now)
        self._ports[port] = params
        return done

    def port_remove(self, port: int, *, now: Instant) -> list[Effect]:
        done: list[Effect] = self._both("port_remove", port, now=now)
        del self._ports[port]
        return done

    def configure(
        self, params: Params, ports: Mapping[int, PortParams], *, now: Instant
    ) -> list[Effect]:
        done: list[Effect] = self._both("configure", params, ports, now=now)
        self._params = params
        self._ports.update({port: own for port, own in ports.items() if port in self._ports})
        return done

    def advance(self, now: Instant, *most: int) -> list[Effect]:
        self._now = now
        done: list[Effect] = self._both("advance", now, *most)
        return done

    def __getattr__(self, name: str) -> Any:
        method = partial(self._both, name)
        setattr(self, name, method)  # the same the next time
        return method

    def _both(self, name: str, *args: Any, **named: Any) -> Any:
        self._now = named.get("now", self._now)
        if self._rng.randrange(self._every) == 0:
            self.restart()
        one, other = (_called(engine, name, args, named) for engine in (self._one, self._other))
        assert _lasting(one) == _lasting(other), name
        assert self._one.next_deadline() == self._other.next_deadline(), name
        if isinstance(one, Exception):
            raise one
        return one


def _called(engine: Engine, name: str, args: tuple[Any, ...], named: dict[str, Any]) -> Any:
    try:
        result = getattr(engine, name)(*args, **named)
    except (KeyError, ValueError) as error:
        return Raised(repr(error))
    return list(result) if isinstance(result, Iterator) else result


def _lasting(result: Any) -> Any:
    """Without what was seen of hosts, which begins anew with the process (SAY-1)."""
    return [_kept(each) for each in result] if isinstance(result, list) else result


def _kept(each: Any) -> Any:
    if isinstance(each, HostRow):
        return replace(each, version=None, first_heard=None, last_heard=None, unanswered=None)
    if isinstance(each, Event) and each.kind in (EventKind.EXPIRE, EventKind.LEAVE):
        seen = {"last_heard", "unanswered"}
        if each.kind is EventKind.EXPIRE:  # that it was a leave that ended it is such a thing
            seen |= {"reporter", "mac"}
        fields = {name: said for name, said in each.fields.items() if name not in seen}
        return each._replace(fields=fields)
    return each


class Raised(KeyError):
    """What both raised, equal if it says the same."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Raised) and self.args == other.args

    def __hash__(self) -> int:
        return hash(self.args)
