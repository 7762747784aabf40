"""Explicit tracking: which hosts of a port want a group, and what each of them said (SM-64, SM-65).

A host is told apart by MAC and address together: several hosts may share 0.0.0.0, and a proxy may
speak for several addresses. But a MAC with one address is one host, also where it spoke from
0.0.0.0 before it had that, or speaks so again (SAY-3). What a host is known to want is never less
than what it wants: lists that may be incomplete are added up, lists that grow too long become
"everything".

Hosts that are not in the list may still be there: those that were silent before tracking began,
those over the limit, and v1/v2 hosts that heard another's report and kept quiet. `unknown_until`
says until when that is possible; the list decides nothing before then.
"""

from collections.abc import Callable, Collection, Iterator
from typing import Final, NamedTuple

from snoop.proto.dumping import require, require_addresses, require_distinct, require_instants
from snoop.proto.units import STOPPED, Instant
from snoop.proto.views import FilterMode
from snoop.wire.address import UNSPECIFIED, Address, Family
from snoop.wire.messages import ALLOW, BLOCK, IS_EX, IS_IN, TO_EX, TO_IN, RecordType

Reporter = bytes
"""MAC address (6 bytes) and IP address (16 bytes) of the sender of a report."""

_NONE: Final[frozenset[Address]] = frozenset()
NO_ADDRESS: Final = (UNSPECIFIED, bytes(16))  # 0.0.0.0 and ::
_COMPARED_MAX: Final = 64  # hosts looked through for a MAC; among more, each name is a host


def reporter(mac: bytes, address: Address) -> Reporter:
    """The name of a host."""
    return mac + address


def reporter_address(who: Reporter) -> Address:
    """The IP address in a host's name."""
    return who[6:]


def reporter_mac(who: Reporter) -> bytes:
    """The MAC address in a host's name."""
    return who[:6]


class HostState(NamedTuple):
    """A host that survives."""

    who: Reporter
    exclude: bool
    sources: tuple[Address, ...]
    until: Instant


class HostsState(NamedTuple):
    """Hosts that survive."""

    unknown_until: Instant
    hosts: tuple[HostState, ...]


class Host:
    """What one host wants of one group until `until`."""

    __slots__ = ("exclude", "sources", "until", "who")

    def __init__(self, who: Reporter) -> None:
        """Start wanting nothing."""
        self.who = who
        self.exclude = False
        self.sources: frozenset[Address] = _NONE
        self.until: Instant = STOPPED

    @property
    def filter_mode(self) -> FilterMode:
        """The filter mode by its name."""
        return FilterMode.EXCLUDE if self.exclude else FilterMode.INCLUDE

    @property
    def is_gone(self) -> bool:
        """True when the host wants nothing."""
        return not self.exclude and not self.sources

    def wants(self, source: Address) -> bool:
        """Tell whether the host wants data of `source`."""
        return (source in self.sources) != self.exclude

    def apply(self, kind: RecordType, listed: Collection[Address], max_sources: int) -> None:
        """Follow one record of this host (RFC 9776 5.1, 5.2)."""
        named = frozenset(listed) if listed else _NONE  # an empty frozenset is 216 bytes each
        if kind is TO_EX or kind is IS_EX:
            self.exclude, self.sources = True, named
        elif kind is TO_IN:
            self.exclude, self.sources = False, named
        elif kind is IS_IN or kind is ALLOW:
            # IS_IN is not the whole list: it is split over reports (W-25), and a host in EXCLUDE
            # answers Q(G, S) with those sources of S that it wants.
            if self.exclude:
                self.sources -= named
            else:
                self.sources |= named
        elif kind is BLOCK:
            if self.exclude:
                self.sources |= named
            else:
                self.sources -= named
        else:
            raise AssertionError(kind)
        if len(self.sources) > max_sources:
            self.exclude, self.sources = True, _NONE

    def dump(self) -> HostState:
        """What survives."""
        sources = tuple(sorted(self.sources)) if self.sources else ()
        return HostState(self.who, self.exclude, sources, self.until)

    @classmethod
    def load(cls, state: HostState, who: Reporter, of: Family) -> "Host":
        """The host that was dumped; `who` is its name, shared with others."""
        require(len(who) == 22, "not a host's name")
        require_instants(state.until)
        host = cls(who)
        host.exclude, host.until = state.exclude, state.until
        if state.sources:
            require_addresses(of, state.sources)
            require_distinct("a source of a host", state.sources)
            host.sources = frozenset(state.sources)
        return host


class Hosts:
    """The hosts of one (VLAN, group, port).

    Most entries have one host, and there are many entries: the first host is held without a
    dictionary around it.
    """

    __slots__ = ("_many", "_sole", "source_count", "unknown_until")

    def __init__(self) -> None:
        """Start with none."""
        self._sole: Host | None = None
        self._many: dict[Reporter, Host] | None = None
        self.source_count = 0  # of all hosts together
        self.unknown_until: Instant = STOPPED

    def __len__(self) -> int:
        """How many hosts are listed, silent ones included."""
        if self._many is not None:
            return len(self._many)
        return 0 if self._sole is None else 1

    def __iter__(self) -> Iterator[Host]:
        """Go through the hosts listed, silent ones included."""
        if self._many is not None:
            return iter(self._many.values())
        return iter(()) if self._sole is None else iter((self._sole,))

    def hear(
        self,
        who: Reporter,
        kind: RecordType,
        listed: Collection[Address],
        *,
        now: Instant,
        until: Instant,
        max_sources: int,
        room: int,
        source_room: int,
    ) -> bool:
        """Note one record of `who`; False if it is a new host and there is no `room` for it.

        A host may list `max_sources`, and no more than `source_room` that were not there before.
        """
        host = self._same(who)
        before = 0 if host is None else len(host.sources)
        max_sources = min(max_sources, before + source_room)
        if host is None:
            host = Host(who)
            host.apply(kind, listed, max_sources)
            if host.is_gone:
                return True
            if room <= 0:
                self.doubt(until)
                return False
            self._add(host)
            self.source_count += len(host.sources)
        else:
            if host.until <= now:
                host.exclude, host.sources = False, _NONE
            if host.who != who and who[6:] not in NO_ADDRESS:
                self._rename(host, who)
            host.apply(kind, listed, max_sources)
            self.source_count += len(host.sources) - before
            if host.is_gone:
                self._remove(host)
        host.until = until
        return True

    def lists(self, who: Reporter) -> bool:
        """Tell whether a host is listed, a silent one included."""
        return self._same(who) is not None

    def wants_any(self, who: Reporter, listed: Collection[Address]) -> bool:
        """Tell whether a host is known to want data of one of these sources."""
        host = self._same(who)
        return host is not None and any(host.wants(source) for source in listed)

    def doubt(self, until: Instant) -> None:
        """Take note that till then others than those listed may want the group (SM-65)."""
        self.unknown_until = until

    def purge(self, now: Instant) -> int:
        """Forget hosts that have been silent for a membership interval; return how many."""
        silent = [host for host in self if host.until <= now]
        for host in silent:
            self._remove(host)
        return len(silent)

    def is_complete(self, now: Instant) -> bool:
        """Tell whether nobody but the hosts listed can want the group."""
        return self.unknown_until <= now

    def is_empty(self, now: Instant) -> bool:
        """Tell whether no listed host wants anything."""
        return not any(host.until > now for host in self)

    def _get(self, who: Reporter) -> Host | None:
        if self._many is not None:
            return self._many.get(who)
        sole = self._sole
        return sole if sole is not None and sole.who == who else None

    def _same(self, who: Reporter) -> Host | None:
        """The host that `who` is: listed by that name, or the only one of its MAC (SAY-3).

        Of 0.0.0.0 and one address it is one; with two addresses it may be anybody behind a proxy.
        """
        host = self._get(who)
        if host is not None or not 0 < len(self) <= _COMPARED_MAX:
            return host
        mac = who[:6]
        alike = [host for host in self if host.who[:6] == mac]
        if len(alike) != 1:
            return None
        is_one = who[6:] in NO_ADDRESS or alike[0].who[6:] in NO_ADDRESS
        return alike[0] if is_one else None

    def _rename(self, host: Host, who: Reporter) -> None:
        """Have a host that had no address be known by the one it has now."""
        if self._many is not None:
            del self._many[host.who]
            self._many[who] = host
        host.who = who

    def _add(self, host: Host) -> None:
        if self._many is not None:
            self._many[host.who] = host
        elif self._sole is None:
            self._sole = host
        else:
            self._many = {self._sole.who: self._sole, host.who: host}
            self._sole = None

    def _remove(self, host: Host) -> None:
        if self._many is not None:
            del self._many[host.who]
        else:
            self._sole = None
        self.source_count -= len(host.sources)

    def dump(self) -> HostsState:
        """What survives."""
        return HostsState(self.unknown_until, tuple([host.dump() for host in self]))

    @classmethod
    def load(cls, state: HostsState, shared: Callable[[Reporter], Reporter], of: Family) -> "Hosts":
        """The hosts that were dumped; `shared` has one object for equal names."""
        require_instants(state.unknown_until)
        hosts = cls()
        hosts.unknown_until = state.unknown_until
        for each in state.hosts:
            host = Host.load(each, shared(each.who), of)
            require(hosts._get(host.who) is None, "a host twice")
            hosts._add(host)
            hosts.source_count += len(host.sources)
        return hosts
