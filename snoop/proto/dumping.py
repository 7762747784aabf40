"""State that survives: what every owner needs to dump itself, and to check what it loads.

Each owner of state has, beside its fields, a named tuple of plain values, `…State`, and a `dump`
and a `load` of it: whoever adds a field sees both. A field that another one follows from is not in
it, and neither is what the configuration says. New fields go to the end, with a default, so that
what an older version wrote is still read.

Instants are dumped as they are: within one boot they hold across processes. What comes back from a
dump behaves as what was dumped would have, also in the order in which equal deadlines fire and in
when it wakes up. What was dumped may be anybody's by the time it is loaded, so all of it is
checked, and whatever is wrong is a `BadState`.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from snoop.proto.deadlines import Owner
from snoop.proto.units import NEVER, STOPPED, Instant
from snoop.wire.address import ANY, Address, Family, family
from snoop.wire.messages import Query


class BadState(ValueError):
    """What was to be loaded is not a state of an engine; the text says what is wrong with it."""


class Timer(NamedTuple):
    """When an owner fires, `STOPPED` for never, and as which of those that fire then."""

    at: Instant
    number: int


def timer_of(owner: Owner) -> Timer:
    """The timer of `owner`."""
    return Timer(owner.armed, owner.armed_as)


class Dump:
    """One dump under way."""

    __slots__ = ("_numbers", "_ranks", "now")

    def __init__(self, now: Instant, numbers: Mapping[object, int]) -> None:
        """`numbers` are the ids of the ports by what each holds."""
        self.now = now
        self._numbers = dict(numbers)
        self._ranks: dict[int, dict[object, int]] = {}

    def number(self, holdings: object) -> int:
        """Whose holdings these are: a port's id, or below 0 a port's that was removed."""
        return self._numbers.setdefault(holdings, -1 - len(self._numbers))

    def rank(self, item: object, among: Iterable[object]) -> int:
        """Where `item` stands in `among`, which is one object throughout the dump."""
        ranks = self._ranks.get(id(among))
        if ranks is None:
            ranks = self._ranks[id(among)] = {each: rank for rank, each in enumerate(among)}
        return ranks[item]


def require(holds: bool, what: str) -> None:
    """Refuse a state that `what` is wrong with."""
    if not holds:
        raise BadState(what)


def require_instants(*values: int) -> None:
    """Hold to what a deadline can be."""
    if min(values) < STOPPED or max(values) > NEVER:
        raise BadState(f"not an instant among {values}")


def require_addresses(of: Family, addresses: Iterable[Address]) -> None:
    """Hold to addresses of one family."""
    for address in addresses:
        if len(address) != 16 or family(address) is not of:
            raise BadState(f"{address.hex()} is no IPv{of} address")


def require_distinct(what: str, keys: Iterable[object]) -> None:
    """Refuse a list that names something twice."""
    keys = list(keys)
    if len(set(keys)) != len(keys):
        raise BadState(f"{what} twice")


def require_general(query: Query, of: Family) -> None:
    """Hold to what a General Query of a family can say."""
    newest = 3 if of is Family.IPV4 else 2
    general = query.family is of and query.group == ANY and not query.sources
    require(1 <= query.version <= newest and general, "no such query")
    require(0 <= query.qrv < 256 and 0 <= query.qqi_s < 1 << 16, "no such values of a query")
    require_instants(query.max_response_ns)
