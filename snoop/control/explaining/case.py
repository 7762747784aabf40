"""One question, with what the switch knows about it; and what is said of one port."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from snoop.config import resolve
from snoop.control.explaining.question import Question
from snoop.fastpath import Verdict
from snoop.proto.params import Params, PortParams
from snoop.proto.units import SECOND, Duration, Ports
from snoop.proto.views import DepartureRow, HostRow, MdbRow, MrouterRow
from snoop.runtime import clock
from snoop.runtime.plane import Plane
from snoop.runtime.port import Port, State
from snoop.table.seen import FdbEntry, Stream
from snoop.wire.address import Address, Family

_V1_RESPONSE = 10 * SECOND


@dataclass(frozen=True, slots=True)
class Case:
    """What the engine and the fast path know of the question.

    `stations` are those of its VLAN, `streams` those of its group there; in other VLANs its group
    has the streams `strays` and the members `elsewhere`. `counts` of a port is what it counted
    since that was cleared.
    """

    plane: Plane
    question: Question
    verdict: Verdict
    vid: int
    registered: bool
    querier: bool
    members: dict[int, list[MdbRow]]
    mrouters: dict[int, list[MrouterRow]]
    hosts: list[HostRow]
    stations: list[FdbEntry]
    streams: list[Stream]
    strays: list[Stream]
    elsewhere: list[MdbRow]
    counts: Callable[[Port], Mapping[str, int]]
    family: Family = Family.IPV4

    @property
    def params(self) -> Params:
        """What holds for its family in its VLAN."""
        both = self.plane.params
        own = both if self.family is Family.IPV4 or both.mld is None else both.mld
        return dict(own.vlans).get(self.vid, own)

    def own(self, port: Port) -> PortParams:
        """What a port's settings say of its family."""
        return resolve.port_params(self.plane.config.switch, port.table).of(self.family)

    @property
    def ingress(self) -> Port:
        return self.question.port

    @property
    def group(self) -> Address | None:
        return self.question.group

    @property
    def source(self) -> Address | None:
        return self.question.source

    def is_slow(self, gone: DepartureRow) -> bool:
        """Was it of IGMPv1, and had less time to answer than it takes (RFC 1112)?"""
        if self.family is Family.IPV6:
            return False
        engine, now = self.plane.engine, clock.now()
        heard = engine.witnesses.hosts(now, [gone.port], vid=gone.vid)
        asking = engine.queriers(now, [gone.vid])
        return any(one.mac == gone.mac and one.version == 1 for one in heard) and any(
            one.query_response_interval < _V1_RESPONSE for one in asking
        )

    @property
    def live(self) -> Stream | None:
        """The stream that it is about: of several sources the one that sent last."""
        here = (
            one
            for one in self.streams
            if one.port == self.ingress.id and self.source in (None, one.source)
        )
        return max(here, key=lambda one: one.last_ns, default=None)

    @property
    def reach(self) -> Ports:
        """The ports that anything may leave by that came in so."""
        switch, ports = self.plane.config.switch, 0
        horizon = self.ingress.table.split_horizon
        for port in self.plane.ports:
            own = resolve.port_vlans(switch, port.table)
            together = horizon is not None and port.table.split_horizon == horizon
            if port.state is State.UP and (own is None or own.has(self.vid)) and not together:
                ports |= 1 << port.id
        return ports & ~(1 << self.ingress.id)

    def forwarded(self, port: Port) -> bool:
        """Does the frame leave by the port?"""
        return bool(self.verdict.ports >> port.id & 1)


def listed(names: Collection[str], most: int = 4) -> str:
    """a, b, c, d, …"""
    return ", ".join([*list(names)[:most], *(["…"] if len(names) > most else [])])


def ago(duration: Duration) -> str:
    """12 s ago, 4 min ago, 3 h ago."""
    whole = round(duration / SECOND)
    for seconds, unit, most in ((1, "s", 120), (60, "min", 7200), (3600, "h", 172_800)):
        if whole < most:
            return f"{whole // seconds} {unit} ago"
    return f"{whole // 86_400} days ago"


class Told(NamedTuple):
    """Why a port gets the frame or not: a stable word, a sentence, and whom it is about.

    `cause` is one of those in `INTERFACE.md` 3; times in seconds; `do` a line to type or a key.
    """

    cause: str
    because: str
    host: Address | None = None
    mac: bytes | None = None
    last_heard: float | None = None
    unanswered: int | None = None
    do: str | None = None
