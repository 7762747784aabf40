"""What a port has seen of its hosts: who was heard when, what they were refused, who has gone.

For people who look for what is wrong (SAY-2, SAY-1): nothing is decided by it, nobody is charged
for it, and it begins anew with the process. Each of them is bounded, and a port's hosts push out
what is known of its own hosts only. Whether a host answers is in `asked`.

A host is told apart as in `hosts`: by MAC and address, but a MAC with one address is one host.
"""

from collections.abc import Iterator
from typing import Final, TypeVar

from snoop.proto.hosts import NO_ADDRESS, Reporter
from snoop.proto.units import SECOND, STOPPED, Instant
from snoop.proto.views import Departure, Disbelief, Refusal, RouterOrigin
from snoop.proto.vlans import Vids
from snoop.wire.address import MAPPED, Address, Family, family

REFUSALS_MAX: Final = 64  # a port; the one not heard for longest goes
# Most hosts speak both families, and of IPv6 each joins two groups or three by itself.
HOSTS_MAX: Final = 512  # a port; the one not heard for longest goes
DEPARTURES_MAX: Final = 256  # a port; the oldest goes
OTHERS_MAX: Final = 4  # hosts of a departure that are named besides
SHUNNED_MAX: Final = 16  # routers a port; the one not heard for longest goes

# What the port itself is refused, whichever of its hosts asks.
_OF_PORT: Final = frozenset(
    (
        Refusal.FILTER,
        Refusal.PORT_LIMIT,
        Refusal.TABLE_FULL,
        Refusal.STATE_LIMIT,
        Refusal.VLAN_LIMIT,
    )
)
_RANKED_AGAIN: Final = SECOND  # who was heard a moment ago keeps its place: most reports cost less

_Key = TypeVar("_Key")
_Seen = TypeVar("_Seen")


class Heard:
    """One host: when it was heard first and last, when it answered, what it spoke last.

    `left`: the last it said was that it leaves, so that it may want nothing any more.
    """

    __slots__ = ("answered", "at", "first", "generation", "left", "who")

    def __init__(self, who: Reporter, now: Instant) -> None:
        """Start with a host that has only just been heard."""
        self.who = who
        self.first = now
        self.at = now
        self.answered: Instant = STOPPED
        self.generation = 3
        self.left = False


class Refused:
    """Joins of one group that were refused for one reason."""

    __slots__ = ("at", "count", "who")

    def __init__(self) -> None:
        """Start with none."""
        self.who: Reporter = b""
        self.at = Instant(0)
        self.count = 0


class Shunned:
    """Words of one router that are not believed, and why not."""

    __slots__ = ("at", "count", "why")

    def __init__(self) -> None:
        """Start with none."""
        self.why = Disbelief.NEVER
        self.at = Instant(0)
        self.count = 0


class Gone:
    """A membership that ended: how, when, and whose it was.

    `heard` is when that host had been heard last, None if that is no longer known, and `unanswered`
    what it had left unanswered by then. `others` wanted it as well, for all that was known.
    """

    __slots__ = ("at", "heard", "how", "others", "unanswered", "who")

    def __init__(
        self,
        how: Departure,
        who: Reporter,
        at: Instant,
        *,
        heard: Instant | None,
        unanswered: int | None,
        others: tuple[Reporter, ...],
    ) -> None:
        """Note it down."""
        self.how = how
        self.who = who
        self.at = at
        self.heard = heard
        self.unanswered = unanswered
        self.others = others


class Witnesses:
    """What one port has seen, what was seen last at the end."""

    __slots__ = ("_gone", "_hosts", "_leavers", "_macs", "_refused", "_shunned")

    def __init__(self) -> None:
        """Start with nothing."""
        self._refused: dict[tuple[int, Address, Refusal], Refused] = {}
        self._hosts: dict[tuple[int, Reporter], Heard] = {}
        self._macs: dict[tuple[int, bytes], list[Heard]] = {}  # the same hosts
        self._gone: dict[tuple[int, Address], Gone] = {}
        self._leavers: dict[tuple[int, Address], tuple[Reporter, Instant]] = {}
        self._shunned: dict[tuple[int, Address, RouterOrigin], Shunned] = {}

    # Hosts ---------------------------------------------------------------------------------------

    def hear(self, vid: int, who: Reporter, generation: int, now: Instant) -> Heard:
        """Take note that a host spoke."""
        heard = self._hosts.get((vid, who)) or self.find(vid, who)
        if heard is None:
            heard = self._meet(vid, who, now)
        elif now - heard.at > _RANKED_AGAIN:
            del self._hosts[vid, heard.who]
            if who[6:] not in NO_ADDRESS:
                heard.who = who
            self._hosts[vid, heard.who] = heard
        heard.at = now
        heard.generation = generation
        heard.left = False
        return heard

    def find(self, vid: int, who: Reporter) -> Heard | None:
        """What is known of a host, None if nothing is.

        It may be known without its address, or be the only one of its MAC and have said none now.
        """
        heard = self._hosts.get((vid, who))
        if heard is not None:
            return heard
        alike = self._macs.get((vid, _kin(who)), ())
        if len(alike) == 1 and (who[6:] in NO_ADDRESS or alike[0].who[6:] in NO_ADDRESS):
            return alike[0]
        return None

    def hosts(self) -> Iterator[tuple[int, Heard]]:
        """Go through the hosts and their VLANs, the one not heard for longest first."""
        for (vid, _), heard in self._hosts.items():
            yield vid, heard

    def excuse(self, vid: int | None = None, of: Family | None = None) -> None:
        """Expect no answers till hosts are heard again: they may have left unheard."""
        for (number, who), heard in self._hosts.items():
            if vid in (None, number) and of in (None, family(who[6:])):
                heard.left = True

    def forget_in(self, vids: Vids) -> None:
        """Expect no answers in VLANs that the port has left, and forget what was refused there."""
        for (number, _), heard in self._hosts.items():
            if vids >> number & 1:
                heard.left = True
        for refused in [key for key in self._refused if vids >> key[0] & 1]:
            del self._refused[refused]
        for shunned in [key for key in self._shunned if vids >> key[0] & 1]:
            del self._shunned[shunned]

    def _meet(self, vid: int, who: Reporter, now: Instant) -> Heard:
        if len(self._hosts) >= HOSTS_MAX:
            number, name = next(iter(self._hosts))
            mac = number, _kin(name)
            alike = self._macs[mac]
            alike.remove(self._hosts.pop((number, name)))
            if not alike:
                del self._macs[mac]
        heard = self._hosts[vid, who] = Heard(who, now)
        self._macs.setdefault((vid, _kin(who)), []).append(heard)
        return heard

    # Refusals ------------------------------------------------------------------------------------

    def refuse(self, vid: int, group: Address, why: Refusal, who: Reporter, now: Instant) -> None:
        """Remember a join that was refused."""
        key = vid, group, why
        known = self._refused.get(key) or Refused()
        _keep(self._refused, key, known, REFUSALS_MAX)
        known.who, known.at = who, now
        known.count += 1

    def admit(self, vid: int, group: Address, who: Reporter) -> None:
        """Take note that the port has the group after all, by a report of `who`."""
        self._drop(vid, group, who, _OF_PORT)
        self._gone.pop((vid, group), None)
        self._leavers.pop((vid, group), None)

    def leave(self, vid: int, group: Address, who: Reporter) -> None:
        """Take note that `who` no longer wants what it was refused."""
        if self._refused:
            self._drop(vid, group, who, frozenset())

    def _drop(self, vid: int, group: Address, who: Reporter, also: frozenset[Refusal]) -> None:
        if not self._refused:
            return
        for why in Refusal:
            known = self._refused.get((vid, group, why))
            if known is not None and (known.who == who or why in also):
                del self._refused[vid, group, why]

    def forget(
        self, vid: int | None = None, group: Address | None = None, of: Family | None = None
    ) -> None:
        """Forget what was refused, of one VLAN or group or family, or all and the routers, too."""
        if vid is None and group is None and of is None:
            self._shunned.clear()
        for key in list(self._refused):
            if vid in (None, key[0]) and group in (None, key[1]) and of in (None, family(key[1])):
                del self._refused[key]

    def refusals(self) -> Iterator[tuple[int, Address, Refusal, Refused]]:
        """Go through what was refused, however long ago."""
        for (vid, group, why), known in self._refused.items():
            yield vid, group, why, known

    # Routers -------------------------------------------------------------------------------------

    def shun(
        self, vid: int, address: Address, origin: RouterOrigin, why: Disbelief, now: Instant
    ) -> None:
        """Remember a router that is not believed."""
        key = vid, address, origin
        known = self._shunned.get(key) or Shunned()
        _keep(self._shunned, key, known, SHUNNED_MAX)
        known.why, known.at = why, now
        known.count += 1

    def believe(self, vid: int, address: Address, origin: RouterOrigin) -> None:
        """Take note that a router is believed after all."""
        self._shunned.pop((vid, address, origin), None)

    def shunned(self) -> Iterator[tuple[int, Address, RouterOrigin, Shunned]]:
        """Go through the routers that are not believed, however long ago they spoke."""
        for (vid, address, origin), known in self._shunned.items():
            yield vid, address, origin, known

    # Departures ----------------------------------------------------------------------------------

    def say_leaving(self, vid: int, group: Address, who: Reporter, until: Instant) -> None:
        """Take note that `who` left a group that may have other members; see `leaver`."""
        _keep(self._leavers, (vid, group), (who, until), DEPARTURES_MAX)

    def leaver(self, vid: int, group: Address) -> tuple[Reporter, Instant] | None:
        """Who left a group last; and till when a membership lasts that is reported later."""
        return self._leavers.get((vid, group))

    def depart(self, vid: int, group: Address, gone: Gone) -> None:
        """Remember a membership that ended."""
        self._leavers.pop((vid, group), None)
        _keep(self._gone, (vid, group), gone, DEPARTURES_MAX)

    def departures(self) -> Iterator[tuple[int, Address, Gone]]:
        """Go through the memberships that ended and were not taken up again."""
        for (vid, group), gone in self._gone.items():
            yield vid, group, gone


def _kin(who: Reporter) -> bytes:
    """What names of one host have in common: its MAC, and the family it speaks."""
    return who[:18] if who[6:18] == MAPPED else who[:6]


def _keep(table: dict[_Key, _Seen], key: _Key, seen: _Seen, most: int) -> None:
    """Put `seen` at the end; the first goes if there is no room."""
    if table.pop(key, None) is None and len(table) >= most:
        del table[next(iter(table))]
    table[key] = seen
