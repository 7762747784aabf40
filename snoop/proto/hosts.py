"""Explicit tracking: which hosts of a port want a group, and what each of them said (SM-64, SM-65).

A host is told apart by MAC and address together: several hosts may share 0.0.0.0, and a proxy may
speak for several addresses. What a host is known to want is never less than what it wants: lists
that may be incomplete are added up, lists that grow too long become "everything".

Hosts that are not in the list may still be there: those that were silent before tracking began,
those over the limit, and v1/v2 hosts that heard another's report and kept quiet. `unknown_until`
says until when that is possible; the list decides nothing before then.
"""

from collections.abc import Iterable
from typing import Final

from snoop.proto.units import STOPPED, Instant
from snoop.proto.views import FilterMode
from snoop.wire.address import Address
from snoop.wire.messages import RecordType

Reporter = bytes
"""MAC address (6 bytes) and IP address (16 bytes) of the sender of a report."""

_NONE: Final[frozenset[Address]] = frozenset()


def reporter(mac: bytes, address: Address) -> Reporter:
    """Return the name of a host."""
    return mac + address


def reporter_address(who: Reporter) -> Address:
    """Return the IP address in a host's name."""
    return who[6:]


def reporter_mac(who: Reporter) -> bytes:
    """Return the MAC address in a host's name."""
    return who[:6]


class Host:
    """What one host wants of one group until `until`."""

    __slots__ = ("exclude", "sources", "until")

    def __init__(self) -> None:
        """Start wanting nothing."""
        self.exclude = False
        self.sources: frozenset[Address] = _NONE
        self.until: Instant = STOPPED

    @property
    def filter_mode(self) -> FilterMode:
        """Return the filter mode by its name."""
        return FilterMode.EXCLUDE if self.exclude else FilterMode.INCLUDE

    @property
    def is_gone(self) -> bool:
        """True when the host wants nothing."""
        return not self.exclude and not self.sources

    def wants(self, source: Address) -> bool:
        """Tell whether the host wants data of `source`."""
        return (source in self.sources) != self.exclude

    def apply(self, kind: RecordType, listed: Iterable[Address], max_sources: int) -> None:
        """Follow one record of this host (RFC 9776 5.1, 5.2)."""
        match kind:
            case RecordType.TO_IN:
                self.exclude, self.sources = False, frozenset(listed)
            case RecordType.TO_EX | RecordType.IS_EX:
                self.exclude, self.sources = True, frozenset(listed)
            case RecordType.IS_IN | RecordType.ALLOW:
                # IS_IN is not the whole list: it is split over reports (W-25), and a host in
                # EXCLUDE answers Q(G, S) with those sources of S that it wants.
                if self.exclude:
                    self.sources -= frozenset(listed)
                else:
                    self.sources |= frozenset(listed)
            case RecordType.BLOCK:
                if self.exclude:
                    self.sources |= frozenset(listed)
                else:
                    self.sources -= frozenset(listed)
            case _:
                raise AssertionError(kind)
        if len(self.sources) > max_sources:
            self.exclude, self.sources = True, _NONE


class Hosts:
    """The hosts of one (VLAN, group, port)."""

    __slots__ = ("known", "unknown_until")

    def __init__(self) -> None:
        """Start with none."""
        self.known: dict[Reporter, Host] = {}
        self.unknown_until: Instant = STOPPED

    def hear(
        self,
        who: Reporter,
        kind: RecordType,
        listed: Iterable[Address],
        *,
        now: Instant,
        until: Instant,
        max_sources: int,
        room: int,
    ) -> bool:
        """Note one record of `who`; False if it is a new host and there is no `room` for it."""
        host = self.known.get(who)
        if host is None:
            host = Host()
            host.apply(kind, listed, max_sources)
            if host.is_gone:
                return True
            if room <= 0:
                self.unknown_until = until
                return False
            self.known[who] = host
        else:
            if host.until <= now:
                host.exclude, host.sources = False, _NONE
            host.apply(kind, listed, max_sources)
            if host.is_gone:
                del self.known[who]
        host.until = until
        return True

    def purge(self, now: Instant) -> int:
        """Forget hosts that have been silent for a membership interval; return how many."""
        over = [who for who, host in self.known.items() if host.until <= now]
        for who in over:
            del self.known[who]
        return len(over)

    def is_complete(self, now: Instant) -> bool:
        """Tell whether nobody but the hosts listed can want the group."""
        return self.unknown_until <= now

    def anyone_wants(self, source: Address, now: Instant) -> bool:
        """Tell whether a listed host wants data of `source`."""
        return any(host.until > now and host.wants(source) for host in self.known.values())

    def anyone_wants_all(self, now: Instant) -> bool:
        """Tell whether a listed host is in EXCLUDE mode."""
        return any(host.until > now and host.exclude for host in self.known.values())

    def is_empty(self, now: Instant) -> bool:
        """Tell whether no listed host wants anything."""
        return not any(host.until > now for host in self.known.values())
