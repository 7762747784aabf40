"""Groups by their MAC address: static entries alone, since nobody can join one.

What is not IP goes where they say; IP frames are forwarded by their groups. A group stands among
the others as an address that is none of IP (`of_mac`). Neither a querier nor a router port matters
to them, and no port that goes down takes them along.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from snoop.proto.context import Context
from snoop.proto.dumping import require, require_distinct
from snoop.proto.effects import By, Event, EventKind, GroupChanged, Turn
from snoop.proto.groups import Full
from snoop.proto.loading import Load
from snoop.proto.statics import StaticEntry
from snoop.proto.units import Duration, Instant
from snoop.proto.views import EntryOrigin, FilterMode, GroupView, MdbRow, PortMembership
from snoop.wire.address import IPV4, Address, group_text, mac_of, why_not_by_mac

_NOBODY: frozenset[Address] = frozenset()
_Key = tuple[int, Address]


class Layer2State(NamedTuple):
    """The entries that survive: VLAN, group, port, since when."""

    entries: tuple[tuple[int, Address, int, Instant], ...]


class Layer2:
    """The static entries of a switch by MAC address."""

    __slots__ = ("_context", "_counts", "_known")

    def __init__(self, context: Context) -> None:
        """Start with none."""
        self._context = context
        self._known: dict[_Key, dict[int, Instant]] = {}  # ports, and since when
        self._counts: dict[int, int] = {}  # groups of each VLAN

    def require_room(self, entry: StaticEntry) -> None:
        """Hold them to the limit of learned ones in their VLAN (N-8)."""
        most = self._context.settings.of(entry.vid, IPV4).max_groups
        known = (entry.vid, entry.group) in self._known
        if not known and self._counts.get(entry.vid, 0) >= most:
            raise Full(f"max_groups, {most}, groups by MAC address are there: no more taken")

    def add_static(self, entry: StaticEntry, by: By, turn: Turn) -> None:
        """Add an entry, which makes sense and has room; no effect if it is there."""
        vid, group, _, port = entry
        ports = self._known.get((vid, group))
        if ports is None:
            ports = self._known[vid, group] = {}
            self._counts[vid] = self._counts.get(vid, 0) + 1
        if port not in ports:
            ports[port] = turn.now
            self._tell("added", entry, by, turn)

    def remove_static(self, entry: StaticEntry, by: By, turn: Turn) -> None:
        """Undo `add_static`; KeyError if there is no such entry."""
        vid, group, _, port = entry
        ports = self._known[vid, group]
        del ports[port]
        if not ports:
            del self._known[vid, group]
            self._counts[vid] -= 1
            if not self._counts[vid]:
                del self._counts[vid]
        self._tell("removed", entry, by, turn)

    def drop_port(self, port: int, by: By, turn: Turn) -> None:
        """Drop the entries of a port that goes away."""
        for (vid, group), ports in list(self._known.items()):
            if port in ports:
                self.remove_static(StaticEntry(vid, group, None, port), by, turn)

    def groups(self, vid: int | None = None, group: Address | None = None) -> Iterator[_Key]:
        """Yield every (vid, group), or those of one VLAN or group, sorted."""
        if group is not None and mac_of(group) is None:
            return
        for key in sorted(self._known):
            if vid in (None, key[0]) and group in (None, key[1]):
                yield key

    def view(self, vid: int, group: Address) -> GroupView | None:
        """One group as the table has it, None if it has no entry."""
        ports = self._known.get((vid, group))
        if ports is None:
            return None
        members = (
            PortMembership(port, FilterMode.INCLUDE, _NOBODY, _NOBODY, True, _NOBODY)
            for port in sorted(ports)
        )
        return GroupView(vid, group, tuple(members))

    def rows(self, wanted: Iterable[_Key], now: Instant) -> list[MdbRow]:
        """The entries of groups, by port; those of IP are left out."""
        return [
            MdbRow(
                vid=key[0],
                family=None,
                group=key[1],
                port=port,
                filter_mode=FilterMode.EXCLUDE,
                sources=(),
                group_timer=None,
                origin=EntryOrigin.STATIC,
                compatibility=None,
                uptime=Duration(now - since),
                last_reporter=None,
            )
            for key in wanted
            for port, since in sorted(self._known.get(key, {}).items())
        ]

    def _tell(self, change: str, entry: StaticEntry, by: By, turn: Turn) -> None:
        vid, group, _, port = entry
        fields = {"change": change, "group": group_text(group), "source": None, "by": by}
        turn.add(Event(EventKind.STATIC, vid, port, fields))
        turn.add(GroupChanged(vid, group))

    def dump(self) -> Layer2State:
        """What survives."""
        return Layer2State(
            tuple(
                (vid, group, port, since)
                for (vid, group), ports in self._known.items()
                for port, since in ports.items()
            )
        )

    def load(self, state: Layer2State, into: Load) -> None:
        """Take up what was dumped."""
        require_distinct("a group on a port", (each[:3] for each in state.entries))
        for vid, group, number, since in state.entries:
            require(0 <= vid < 4095 and len(group) == 16, "no VLAN, or no group")
            mac = mac_of(group)
            require(mac is not None and why_not_by_mac(mac) is None, "no group by its MAC address")
            into.require_past(since)
            if (vid, group) not in self._known:
                self._counts[vid] = self._counts.get(vid, 0) + 1
            self._known.setdefault((vid, group), {})[into.port_id(number)] = since
