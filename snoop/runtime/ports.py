"""The ports of the switch: a name from the configuration, an id for the fast path, a state.

`reconcile` compares what each port should be with what netlink says, opens and closes it in the
fast path, and returns the changes the protocol must hear of. A port that cannot be opened is down
with its reason beside it, and tried again; it never takes the others with it.
"""

from __future__ import annotations

import difflib
import logging
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import count

from snoop.config import effective, resolve
from snoop.config.bounds import PORTS_MAX
from snoop.config.schema import SwitchTable
from snoop.config.schema_port import Coalesce, PortTable
from snoop.links.claims import ClaimTable, Unclaimed
from snoop.links.direct import Direct
from snoop.links.interfaces import Link
from snoop.links.runs import Runs
from snoop.printable import name_of, natural
from snoop.runtime import clock, depths
from snoop.runtime.egress import Egress, NeighbourTable
from snoop.runtime.isolation import Isolation
from snoop.runtime.openings import Openings
from snoop.runtime.port import (
    LinkTable,
    NoSuchPort,
    Port,
    PortPath,
    State,
    reason,
    why_down,
)
from snoop.runtime.programs import Wanted
from snoop.table.members import EVERYBODY, Members, compile_members
from snoop.table.seen import PortOpened, PortSetup, Stream

_log = logging.getLogger("snoop.port")

_NO_MAC = bytes(6)


class Ports:
    """Every configured port, by name and by id."""

    def __init__(
        self,
        fastpath: PortPath,
        switch: SwitchTable,
        neighbours: NeighbourTable,
        claims: ClaimTable | None = None,
        openings: Openings | None = None,
    ) -> None:
        self._fastpath = fastpath
        self._openings = openings
        self._programs = None if openings is None else openings.programs
        self._claims = claims or Unclaimed()
        self._neighbours = neighbours
        self.egress = Egress(switch, neighbours)
        self.isolation = Isolation(switch, neighbours)
        self._routers = 0
        self._switch = switch
        self._by_name: dict[str, Port] = {}
        self._by_id: dict[int, Port] = {}
        self._staged = False
        self._horizons: dict[str, int] = {}
        self._gone: dict[str, int] = {}
        self._used: set[int] = set()
        self.refused: dict[str, str] = {}
        """What a pattern matches and cannot be a port, and why."""
        self.absent: Mapping[str, str] = {}
        """Why the host's own interface is not as it should be, by port."""

    def __iter__(self) -> Iterator[Port]:
        return iter(list(self._by_name.values()))

    def add(self, table: PortTable) -> Port:
        """Give a port the lowest free id; it is missing until `reconcile`."""
        number = next(n for n in range(PORTS_MAX) if n not in self._by_id)
        port = Port(id=number, table=table)
        if number in self._used:
            port.before, port.since = self._fastpath.counters(number), clock.now()
        self._used.add(number)
        self._by_name[table.name] = self._by_id[number] = port
        return port

    def remove(self, port: Port) -> None:
        """Close and forget a port, but not what it has counted."""
        self._close(port)
        for name, value in self.counters(port).items():
            self._gone[name] = self._gone.get(name, 0) + value
        del self._by_name[port.name], self._by_id[port.id]
        _log.info("%s: a port no longer", port.name)

    def counters(self, port: Port) -> dict[str, int]:
        """What the fast path has counted since it is a port: the number had others before."""
        now = self._fastpath.counters(port.id)
        return {name: value - port.before.get(name, 0) for name, value in now.items()}

    def streams(self) -> Iterator[Stream]:
        """The multicast flows that the ports have sent; not those of others of their numbers."""
        since = {port.id: port.since for port in self if port.since is not None}
        for stream in self._fastpath.streams():
            if stream.last_ns >= since.get(stream.port, 0):
                yield stream

    def counted(self) -> dict[str, int]:
        """The same of all ports, and of those that are gone."""
        whole = dict(self._gone)
        for port in self:
            for name, value in self.counters(port).items():
                whole[name] = whole.get(name, 0) + value
        return whole

    def configure(self, switch: SwitchTable, tables: Iterable[PortTable]) -> None:
        """Take changed options of ports that stay. Options of the socket itself reopen it."""
        self._switch = self.egress.switch = self.isolation.switch = switch
        for table in tables:
            port = self._by_name[table.name]
            port.table = table
            if port.link is None:
                continue
            if port.asked_bypass != self.egress.bypasses(table, port.link.ifindex):
                self._close(port)  # `reconcile` opens it again, as for a changed isolation.
            else:
                self._set(port)

    def find(self, name: str) -> Port | None:
        """The port of that name."""
        return self._by_name.get(name)

    def named(self, name: str) -> Port:
        """The port of that name; NoSuchPort if this switch has none."""
        port = self._by_name.get(name_of(name))
        if port is None:
            near = difflib.get_close_matches(name, self._by_name, n=1)
            names = ", ".join(self._by_name) or "there are none"
            hint = f'did you mean "{near[0]}"?' if near else f"ports: {names}"
            raise NoSuchPort(f'no port "{name}" on this switch; {hint}')
        return port

    def get(self, number: int) -> Port | None:
        return self._by_id.get(number)

    def name(self, number: int) -> str:
        """The name of a port id; of one just removed, its number."""
        port = self._by_id.get(number)
        return port.name if port is not None else f"#{number}"

    @property
    def sticky(self) -> int:
        """The ports whose addresses never move away."""
        return sum(1 << port.id for port in self if port.table.sticky)

    def description(self, name: str) -> str | None:
        """What the file calls a port."""
        port = self._by_name.get(name)
        return None if port is None else port.table.description

    def names(self, mask: int) -> list[str]:
        """The names in a port set, in order of name."""
        named = (port.name for port in self._by_id.values() if mask >> port.id & 1)
        return sorted(named, key=natural)

    def mask(self, names: Iterable[str]) -> int:
        """The port set of these names; a name that is no port adds nothing."""
        ports = (self._by_name.get(name) for name in names)
        return sum(1 << port.id for port in ports if port is not None)

    def macs(self) -> list[bytes]:
        """The addresses of the ports that are there."""
        return [port.link.mac for port in self if port.link is not None and port.link.mac]

    def members(self) -> Iterable[Members]:
        """Who is in which VLAN, whether or not the engine has an instance there (VLAN-3)."""
        if not self._switch.vlan_filtering:
            return EVERYBODY
        of_ports = ((port.id, resolve.port_vlans(self._switch, port.table)) for port in self)
        return compile_members({port: vlans for port, vlans in of_ports if vlans is not None})

    def reconcile(self, links: LinkTable, *, wait: bool = False) -> list[tuple[Port, State]]:
        """Make every port what its link is now; what changed, in order.

        Unless told to `wait`, a port that takes long to open is down until it is asked for again.
        """
        changes = self._reconcile(links)
        if wait and self._openings is not None:
            self._openings.wait()
            changes += self._reconcile(links)
        self._begin_programs()
        return changes

    def attached(self) -> None:
        """Take the programs that are there; a publish then lets the kernel serve their ports."""
        for wanted, program in self._programs.taken() if self._programs is not None else ():
            failure = self._fastpath.attached(wanted.port, program)
            port = self._by_id.get(wanted.port)
            if failure is None or port is None:
                continue  # it was closed meanwhile
            port.later = False
            port.isolated = failure == 0 and port.asked_isolation
            port.isolated_because = os.strerror(failure) if failure else None
            self._uncover(port)
            self._say_isolation(port)
            self._set(port)
        self._begin_programs()

    def _begin_programs(self) -> None:
        """Who has streams gets his first."""
        if self._programs is not None:
            self._programs.begin(lambda number: self._fastpath.counters(number)["rx_frames"])

    def _uncover(self, port: Port) -> None:
        if self._programs is not None and port.link is not None:
            self._programs.forget(port.id, port.link.ifindex)

    def _reconcile(self, links: LinkTable) -> list[tuple[Port, State]]:
        changes: list[tuple[Port, State]] = []
        found = {port.name: links.by_name(port.table.device) for port in self}
        self._neighbours.follow([link.ifindex for link in found.values() if link is not None])
        for port in self:
            gone = self._follow(port, found[port.name])
            up = port.state is State.UP
            if port.told_up and (gone or not up):
                changes.append((port, State.DOWN))
                port.told_up = False
            if up and not port.told_up:
                changes.append((port, State.UP))
                port.told_up = True
        return changes

    def settle_runs(self, routers: int) -> list[Port]:
        """Stage who gets runs and who is handed frames directly, as things are; `routers`: ports
        with a router behind them, in whatever VLAN. The ports for which runs changed.
        """
        self._routers = routers
        changed = []
        for port in self:
            found, way = self._runs(port), self._direct(port)
            if port.link is not None and (
                (found.takes, way.mac) != (port.runs.takes, port.direct.mac)
            ):
                self._set(port)
            port.direct = way
            if found != port.runs:
                port.runs = found
                changed.append(port)
        return changed

    def _follow(self, port: Port, link: Link | None) -> bool:
        """Open, close or set one port; True if the interface it had is gone."""
        gone = port.link is not None and (link is None or link.ifindex != port.link.ifindex)
        if gone or port.opening not in (0, 0 if link is None else link.ifindex):
            self._close(port)
        if link is None:
            state = State.MISSING
            port.problem = None
        else:
            if port.link is None:
                self._open(port, link)
            elif self._takes_opening(port, link):
                # One gap in the traffic, nothing forgotten.
                self._close(port)
                self._open(port, link)
            elif link != port.link:
                changed = (link.up, link.mtu) != (port.link.up, port.link.mtu)
                port.link = link
                if changed:
                    self._set(port)
            self._say_isolation(port)
            state = State.UP if port.link is not None and link.up else State.DOWN
        port.state = state
        if state is not port.said and not port.opening:
            _log.info("%s: %s%s", port.name, state.value, why_down(port))
            port.said = state
        return gone

    def _takes_opening(self, port: Port, link: Link) -> bool:
        """Traffic control or a filter came or went, or what isolates it and is not our program."""
        if port.asked_bypass != self.egress.bypasses(port.table, link.ifindex):
            return True
        if port.setup is not None and port.setup.rings_only != self.egress.rings_only(link.ifindex):
            return True
        wanted = self.isolation.wanted(port.table, link)
        if wanted == port.asked_isolation:
            return False
        waits = self._programs if port.later else None
        if waits is not None and not waits.isolate(link.ifindex, wanted):
            return True
        if not self._fastpath.port_isolate(port.id, wanted):
            return True
        port.asked_isolation = port.isolated = wanted
        return False

    def _say_isolation(self, port: Port) -> None:
        if port.link is None:
            return
        notice = self.isolation.notice(port.table, port.link, port.isolated_because)
        if notice != port.notice:
            if notice:
                _log.warning("%s: %s", port.name, notice)
            elif port.isolated:
                _log.info("%s: the host's stack is kept off it again", port.name)
            port.notice = notice

    @property
    def is_staged(self) -> bool:
        """Are port states staged in the fast path? They need a publish."""
        return self._staged

    def published(self) -> None:
        """What was staged is effective."""
        self._staged = False

    def faulty(self) -> bool:
        """Is there a port whose interface exists but could not be opened?"""
        return any(port.problem is not None for port in self)

    def reopen(self, port: Port) -> None:
        """New rings for an open port whose old ones have stopped. Its state in the table stays."""
        assert port.link is not None
        try:
            kept = port.setup is not None and port.setup.rings_only
            setup = self._setup(port, rings_only=kept)
            opened = self._fastpath.port_reopen(port.id, port.link.ifindex, setup)
        except OSError as error:
            # Its old rings take nothing in either: down, said, and tried again as a whole.
            self._close(port)
            self._failed(port, error)
            return
        port.isolated = port.asked_isolation if opened.later else opened.isolated

    def _open(self, port: Port, link: Link) -> None:
        port.asked_isolation = self.isolation.wanted(port.table, link)
        port.asked_bypass = self.egress.bypasses(port.table, link.ifindex)
        try:
            self._claims.take(link.ifindex)
            setup = self._setup(port, rings_only=self.egress.rings_only(link.ifindex))
            opened = self._opened(port, link, setup)
        except OSError as error:
            self._claims.drop(link.ifindex)
            port.opening = 0
            self._failed(port, error)
            return
        port.opening = link.ifindex if opened is None else 0
        if opened is None:
            return
        port.problem = None
        port.link = link
        port.later = opened.later
        port.isolated = port.asked_isolation if port.later else opened.isolated
        port.isolated_because = None
        if port.later and self._programs is not None:
            self._programs.want(Wanted(port.id, link.ifindex, setup))
        elif port.asked_isolation:
            port.isolated_because = opened.why_not
            self._uncover(port)
        self._set(port)

    def _opened(self, port: Port, link: Link, setup: PortSetup) -> PortOpened | None:
        """None: not yet."""
        if self._openings is None:
            return self._fastpath.port_open(port.id, link.ifindex, setup)
        prepared = self._openings.take(link.ifindex, setup)
        return None if prepared is None else self._fastpath.adopt(port.id, prepared, setup)

    def _setup(self, port: Port, *, rings_only: bool) -> PortSetup:
        """How a port is to be opened; its rings are as deep as those of others allow."""
        if port.setup is None:
            ports = len(self._by_id)
            used = sum(one.setup.ring_slots for one in self if one.setup is not None)
            slots = depths.ring_slots(self._switch, ports, used)
            port.setup = PortSetup(
                shortcut=self._switch.shortcut,
                ring_slots=slots,
                control_slots=max(256, slots // 4),
                punt_bytes=depths.punt_bytes(ports),
            )
        port.setup = replace(
            port.setup,
            qdisc_bypass=port.asked_bypass,
            isolate=port.asked_isolation,
            later=self._programs is not None,
            rings_only=rings_only,
        )
        return port.setup

    def _failed(self, port: Port, error: OSError) -> None:
        problem = f"cannot be opened: {reason(error)}"
        if problem != port.problem:
            _log.error("%s: %s; it stays down", port.name, problem)
        port.problem = problem

    def _close(self, port: Port) -> None:
        if port.opening and self._openings is not None:
            self._openings.leave(port.opening)
            self._claims.drop(port.opening)
        port.opening = 0
        if port.link is not None:
            self._uncover(port)
            self._fastpath.port_close(port.id)
            self._claims.drop(port.link.ifindex)
            port.link = None
        port.problem = None

    def _set(self, port: Port) -> None:
        assert port.link is not None
        self._staged = True
        vlans = resolve.port_vlans(self._switch, port.table)
        mac = self._direct(port).mac
        self._fastpath.port_set(
            port.id,
            up=port.link.up,
            mtu=port.link.mtu,
            coalesce=self._runs(port).takes,
            watched=effective.coalesce(port.table, self._switch) is Coalesce.AUTO,
            sticky=port.table.sticky,
            igmp_rate=port.table.igmp_rate,
            igmp_burst=port.table.igmp_burst,
            filters=vlans is not None,
            pvid=0 if vlans is None else vlans.pvid,
            horizon=self._horizon(port),
            ahead=resolve.port_params(self._switch, port.table).ahead,
            peer=mac is not None,
            peer_mac=mac or _NO_MAC,
        )

    def _horizon(self, port: Port) -> int:
        """The number of its split horizon's name: the same for as long as a port has the name."""
        name = port.table.split_horizon
        if not name:
            return 0
        if name not in self._horizons:
            used = {other.table.split_horizon for other in self}
            kept = {known: n for known, n in self._horizons.items() if known in used}
            kept[name] = next(n for n in count(1) if n not in kept.values())
            self._horizons = kept
        return self._horizons[name]

    def _runs(self, port: Port) -> Runs:
        ifindex = None if port.link is None else port.link.ifindex
        return self.egress.runs(port.table, ifindex, router=bool(self._routers >> port.id & 1))

    def _direct(self, port: Port) -> Direct:
        return self.egress.direct(port.table, None if port.link is None else port.link.ifindex)
