"""What a port lets in: prefix lists over groups, and a token bucket over frames."""

from collections.abc import Iterable
from typing import NamedTuple

from snoop.proto.dumping import require_instants
from snoop.proto.units import SECOND, Instant
from snoop.wire.address import Address, Family, Prefix, family


class PrefixList:
    """A set of groups given by prefixes; an address is tested with one lookup per length."""

    __slots__ = ("_networks",)

    def __init__(self, prefixes: Iterable[Prefix]) -> None:
        """Take prefixes in their 128-bit form."""
        networks: dict[int, set[int]] = {}
        for network, length in prefixes:
            shift = 128 - length
            networks.setdefault(shift, set()).add(int.from_bytes(network) >> shift)
        self._networks = tuple(networks.items())

    def __bool__(self) -> bool:
        """Tell whether there is any prefix."""
        return bool(self._networks)

    def __contains__(self, group: Address) -> bool:
        """Tell whether a prefix covers `group`."""
        number = int.from_bytes(group)
        return any(number >> shift in network for shift, network in self._networks)


class GroupFilter:
    """`deny_groups` and `allow_groups` of a port, those of one family."""

    __slots__ = ("_allowed", "_denied", "is_open")

    def __init__(self, of: Family, denied: Iterable[Prefix], allowed: Iterable[Prefix]) -> None:
        """Take both lists; an `allowed` without the family allows everything that is not denied."""
        self._denied = PrefixList(each for each in denied if family(each[0]) is of)
        self._allowed = PrefixList(each for each in allowed if family(each[0]) is of)
        self.is_open = not self._denied and not self._allowed

    def permits(self, group: Address) -> bool:
        """Tell whether `group` may be joined."""
        if group in self._denied:
            return False
        return not self._allowed or group in self._allowed


class BucketState(NamedTuple):
    """Its credit at an instant."""

    credit: int
    since: Instant


class TokenBucket:
    """Lets `rate` frames a second through, `burst` of them at once; rate 0 lets all through.

    Kept in nanoseconds of credit, so that nothing is rounded away between two frames.
    """

    __slots__ = ("_cost", "_credit", "_full", "_since")

    def __init__(self, rate: int, burst: int, *, now: Instant) -> None:
        """Start full."""
        self._cost = SECOND // rate if rate else 0
        self._full = burst * self._cost
        self._credit = self._full
        self._since = now

    def take(self, now: Instant) -> bool:
        """Take one token; False if there is none."""
        cost = self._cost
        if not cost:
            return True
        credit = min(self._full, self._credit + now - self._since)
        self._since = now
        if credit < cost:
            self._credit = credit
            return False
        self._credit = credit - cost
        return True

    def dump(self) -> BucketState:
        """What survives."""
        return BucketState(self._credit, self._since)

    def load(self, state: BucketState) -> None:
        """Take up what was dumped."""
        require_instants(state.credit, state.since)
        self._credit = min(self._full, state.credit)
        self._since = state.since
