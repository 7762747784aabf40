"""The ports of the switch: a name from the configuration, an id for the fast path, a state.

`reconcile` compares what each port should be with what netlink says, opens and closes it in the
fast path, and returns the changes the protocol must hear of. A port that cannot be opened is down
with its reason beside it, and tried again; it never takes the others with it.
"""

from __future__ import annotations

import difflib
import logging
from collections.abc import Iterable, Iterator, Mapping

from snoop.config import resolve
from snoop.config.bounds import PORTS_MAX
from snoop.config.schema import SwitchTable
from snoop.config.schema_port import PortTable
from snoop.links.claims import ClaimTable, Unclaimed
from snoop.links.interfaces import Link
from snoop.printable import name_of, natural
from snoop.proto.vlans import PortVlans
from snoop.runtime import clock
from snoop.runtime.egress import Egress, NeighbourTable
from snoop.runtime.isolation import Isolation
from snoop.runtime.opener import Opener
from snoop.runtime.openings import Openings
from snoop.runtime.port import (
    LinkTable,
    NoSuchPort,
    Port,
    PortPath,
    State,
    why_down,
)
from snoop.runtime.staging import Staging
from snoop.table.members import EVERYBODY, Members, compile_members
from snoop.table.seen import Stream

_log = logging.getLogger("snoop.port")

OUTSIDE = "vlan_filtered"


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
        self._neighbours = neighbours
        self._switch = switch
        self._by_name: dict[str, Port] = {}
        self._by_id: dict[int, Port] = {}
        self._egress = Egress(switch, neighbours)
        self.isolation = Isolation(switch, neighbours)
        self.staging = Staging(fastpath, switch, self._egress, self._by_id.values())
        self.opener = Opener(
            fastpath,
            ports=self._by_id.values(),
            egress=self._egress,
            staging=self.staging,
            isolation=self.isolation,
            claims=claims or Unclaimed(),
            openings=openings,
        )
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

    def dismiss(self, port: Port) -> None:
        """Have a port found no more by its name, and forward nothing from the next publish on; it
        keeps its number until it is removed.
        """
        del self._by_name[port.name]
        port.dismissed = True
        if port.link is not None:
            self.staging.set(port)

    @property
    def dismissed(self) -> list[Port]:
        """Those that are to be removed."""
        return [port for port in self._by_id.values() if port.dismissed]

    def remove(self, port: Port) -> None:
        """Close and forget a port that was dismissed, but not what it has counted."""
        self.opener.close(port)
        for name, value in self.counters(port).items():
            self._gone[name] = self._gone.get(name, 0) + value
        del self._by_id[port.id]
        _log.info("%s: a port no longer", port.name)

    def counters(self, port: Port) -> dict[str, int]:
        """What the fast path has counted since it is a port: the number had others before."""
        now = self._fastpath.counters(port.id)
        return {name: value - port.before.get(name, 0) for name, value in now.items()}

    def look(self) -> None:
        """Every LOOK_SECONDS: by now no frame is judged by the VLANs of before."""
        for port in self._by_id.values():
            if port.outside is None:
                port.outside = self.counters(port).get(OUTSIDE, 0)

    def vlans(self, port: Port) -> PortVlans | None:
        """The VLANs that it is in; None: in all."""
        return resolve.port_vlans(self._switch, port.table)

    def count_from(self, name: str, counts: Mapping[str, int]) -> None:
        """Have a port count on from what another process has counted; that of one that is gone
        stays in the sums.
        """
        port = self._by_name.get(name)
        if port is None:
            self.count_gone(counts)
            return
        known = self._fastpath.counters(port.id)
        port.before = {name: -value for name, value in counts.items() if name in known}

    def count_gone(self, counts: Mapping[str, int]) -> None:
        """Have this in the sums."""
        for name, value in counts.items():
            self._gone[name] = self._gone.get(name, 0) + value

    @property
    def gone(self) -> dict[str, int]:
        """What ports that are gone have counted."""
        return dict(self._gone)

    def streams(self) -> Iterator[Stream]:
        """The multicast flows that the ports have sent; not those of others of their numbers."""
        since = {port.id: port.since for port in self if port.since is not None}
        for stream in self._fastpath.streams():
            if stream.last_ns >= since.get(stream.port, 0):
                yield stream

    def counted(self) -> dict[str, int]:
        """The same of all ports, and of those that are gone."""
        whole = dict(self._gone)
        for port in self._by_id.values():
            for name, value in self.counters(port).items():
                whole[name] = whole.get(name, 0) + value
        return whole

    def configure(self, switch: SwitchTable, tables: Iterable[PortTable]) -> None:
        """Take changed options of ports that stay; `reconcile` follows those of the sockets."""
        before = self._switch
        self._switch = self._egress.switch = self.isolation.switch = self.staging.switch = switch
        for table in tables:
            port = self._by_name[table.name]
            if resolve.port_vlans(before, port.table) != resolve.port_vlans(switch, table):
                port.outside = None
            port.table = table
            if port.link is not None:
                self.staging.set(port)

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
        of_ports = ((port.id, self.vlans(port)) for port in self)
        return compile_members({port: vlans for port, vlans in of_ports if vlans is not None})

    def reconcile(self, links: LinkTable, *, wait: bool = False) -> list[tuple[Port, State]]:
        """Make every port what its link is now; what changed, in order.

        Unless told to `wait`, which only the start can afford, a port that takes long to open is
        down until it is asked for again.
        """
        changes = self._reconcile(links)
        if wait and self.opener.wait():
            changes += self._reconcile(links)
        self.opener.begin_programs()
        return changes

    def _reconcile(self, links: LinkTable) -> list[tuple[Port, State]]:
        changes: list[tuple[Port, State]] = []
        found = {port.name: links.by_name(port.table.device) for port in self}
        there = [*found.values(), *(port.link for port in self.dismissed)]
        self._neighbours.follow([link.ifindex for link in there if link is not None])
        for port in self:
            gone = self._follow(port, found[port.name])
            up = port.state is State.UP and port.held is None
            if port.told_up and (gone or not up):
                changes.append((port, State.DOWN))
                port.told_up = False
            if up and not port.told_up:
                changes.append((port, State.UP))
                port.told_up = True
        return changes

    def _follow(self, port: Port, link: Link | None) -> bool:
        """Open, close or set one port; True if the interface it had is gone."""
        gone = port.link is not None and (link is None or link.ifindex != port.link.ifindex)
        if gone or port.opening not in (0, 0 if link is None else link.ifindex):
            self.opener.close(port)
        if link is None:
            state = State.MISSING
            port.problem = None
        else:
            if port.link is None:
                self.opener.open(port, link)
            elif self.opener.takes_opening(port, link):
                # One gap in the traffic, nothing forgotten: it stays up while it opens again.
                self.opener.close(port)
                self.opener.open(port, link)
            elif link != port.link:
                before, port.link = port.link, link
                changed = (link.up, link.mtu) != (before.up, before.mtu)
                if link.up and before.up and link.carrier_changes != before.carrier_changes:
                    self._fastpath.port_flapped(port.id)
                if changed:
                    self.staging.set(port)
            self.opener.say_isolation(port)
            opens_again = port.opening and port.told_up and not gone
            state = State.UP if link.up and (port.link is not None or opens_again) else State.DOWN
        port.state = state
        if state is not port.said and not port.opening:
            _log.info("%s: %s%s", port.name, state.value, why_down(port))
            port.said = state
        return gone

    def faulty(self) -> bool:
        """Is there a port whose interface exists but could not be opened?"""
        return any(port.problem is not None for port in self)
