"""What senders call their groups: sessions by their announcements (`wire/sap.py`, `wire/sdp.py`).

A host may announce anything, so nothing is decided by it: it is a name to be shown, beside the one
that the operator gave, and never in its place (SAY-64).

- A session is its announcer's, by his port, VLAN and address, and the owner that it names; it is
  replaced by its next version, ends when he takes it back, and when he has been silent for an hour
  or ten of his intervals (SAY-63, RFC 2974 4).
- Of several that name one group those of the stream's own source come first, then those that name
  the source, of equals those from the port where the stream comes in, for an address is easily made
  up, then the one that was there first (SAY-64): who comes later takes nobody's name.
- A host has HOST_MAX sessions, a port PORT_MAX, one port of one group FLOW_MAX; when there are
  TOTAL_MAX, the port that has most gives way to one that has fewer (SAY-62).
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from snoop.proto.dumping import require, require_distinct, require_instants
from snoop.proto.units import SECOND, Duration, Instant
from snoop.wire import address, sap, sdp
from snoop.wire.address import Address
from snoop.wire.errors import WireError
from snoop.wire.sap import Announcement

HOST_MAX: Final = 64
PORT_MAX: Final = 256
TOTAL_MAX: Final = 2048
FLOW_MAX: Final = 2
NAMED_MAX: Final = 16
"""Sessions that name one group."""
SILENT_MIN: Final = Duration(3600 * SECOND)
INTERVALS: Final = 10

Place = tuple[int, Address]
"""VLAN and group."""


class Key(NamedTuple):
    """Which session."""

    port: int
    vid: int
    announcer: Address
    owner: bytes


class SessionState(NamedTuple):
    """One of them, for another process: its port by name, the sources of a flow None for any."""

    port: str
    vid: int
    announcer: Address
    owner: bytes
    mac: bytes
    message: int
    name: str
    flows: tuple[tuple[Address, tuple[Address, ...] | None], ...]
    since: Instant
    heard: Instant
    until: Instant


@dataclass(slots=True)
class Session:
    """A session as it was announced last."""

    key: Key
    mac: bytes
    message: int
    name: str
    flows: tuple[sdp.Flow, ...]
    since: Instant
    heard: Instant
    until: Instant


class Announced:
    """The sessions that are announced to one switch."""

    def __init__(self) -> None:
        self._sessions: dict[Key, Session] = {}
        self._places: dict[Place, list[Session]] = {}
        self._of_port: Counter[int] = Counter()
        self._of_host: Counter[tuple[int, bytes]] = Counter()

    def __len__(self) -> int:
        return len(self._sessions)

    def receive(self, *, port: int, vid: int, frame: bytes, now: Instant) -> str:
        """Take an announcement; the name of the counter that moves."""
        try:
            heard = sap.read(frame)
            if heard.deletes:
                self._delete(port, vid, heard)
                return "rx_announcement"
            session = sdp.parse(heard.description)
        except WireError as error:
            return error.counter
        return self._take(Key(port, vid, heard.announcer, session.owner), heard, session, now)

    def name(
        self, vid: int, group: Address, source: Address | None = None, port: int | None = None
    ) -> str | None:
        """What a group is called, or one stream of it that comes in at `port` (SAY-64).

        None: nobody says.
        """
        found = self._places.get((vid, group))
        if not found:
            return None
        ranked = ((self._rank(one, group, source), one) for one in found)
        fitting = [
            (rank, port not in (None, one.key.port), one.since, one.name)
            for rank, one in ranked
            if rank is not None
        ]
        return min(fitting)[3] if fitting else None

    def sessions(self) -> Iterator[Session]:
        """All of them, in the order in which they came."""
        yield from self._sessions.values()

    def expire(self, now: Instant) -> None:
        """Forget whoever has been silent for too long (SAY-63)."""
        for session in [one for one in self._sessions.values() if one.until <= now]:
            self._remove(session)

    def forget(self, port: int | None = None) -> None:
        """Forget all, or what came in at a port that is none any more."""
        for session in [one for one in self._sessions.values() if port in (None, one.key.port)]:
            self._remove(session)

    # What survives -------------------------------------------------------------------------------

    def dump(self, names: Mapping[int, str]) -> tuple[SessionState, ...]:
        """All of them; `names` of the ports."""
        return tuple(
            SessionState(
                names[one.key.port], *one.key[1:], one.mac, one.message, one.name,
                tuple((group, None if sources is None else tuple(sources))
                      for group, sources in one.flows),
                one.since, one.heard, one.until,
            )
            for one in self._sessions.values()
            if one.key.port in names
        )  # fmt: skip

    def load(self, states: Iterable[SessionState], numbers: Mapping[str, int]) -> None:
        """Know what another process knew, of the ports that there are, as far as there is room."""
        for state in states:
            if state.port not in numbers:
                continue
            key = Key(numbers[state.port], state.vid, state.announcer, state.owner)
            flows = tuple(
                sdp.Flow(group, None if sources is None else frozenset(sources))
                for group, sources in state.flows
            )
            self._keep(Session(key, *state[4:7], flows, *state[8:]))

    @staticmethod
    def require_sense(states: tuple[SessionState, ...], now: Instant) -> None:
        """BadState for what nobody can have announced."""
        require(len(states) <= TOTAL_MAX, "too many sessions")
        require_distinct("a session", (one[:4] for one in states))
        for one in states:
            require(0 <= one.vid < 4096 and len(one.mac) == 6, "a session from nowhere")
            require(len(one.owner) <= sdp.OWNER_BYTES_MAX, "a session of nobody")
            # Not "as `clean` leaves it": what it takes out may change how the rest composes.
            is_shown = 0 < len(one.name) <= sdp.NAME_CHARS_MAX and one.name.isprintable()
            require(is_shown, "a name that is none")
            require(0 < len(one.flows) <= sdp.GROUPS_MAX, "a session without groups")
            sources = [each for _, some in one.flows for each in some or ()]
            require(len(sources) <= sdp.GROUPS_MAX * sdp.SOURCES_MAX, "too many sources")
            addresses = [one.announcer, *sources, *(group for group, _ in one.flows)]
            require(all(len(each) == 16 for each in addresses), "no address")
            groups = (group for group, _ in one.flows)
            require(all(address.is_multicast(group) for group in groups), "no group")
            require_instants(one.since, one.heard, one.until)
            require(one.since <= one.heard <= now, "announced later than now")

    # Inside --------------------------------------------------------------------------------------

    def _take(self, key: Key, heard: Announcement, session: sdp.Session, now: Instant) -> str:
        old = self._sessions.get(key)
        if old is not None:
            since, interval = old.since, now - old.heard
            self._remove(old)
        else:
            since, interval = now, 0
        until = Instant(now + max(SILENT_MIN, INTERVALS * interval))
        taken = Session(
            key, heard.mac, heard.message, session.name, session.flows, since, now, until
        )
        return "rx_announcement" if self._keep(taken) else "announcement_limit"

    def _keep(self, session: Session) -> bool:
        """False: there is no room for it."""
        key = session.key
        if not self._has_room(key, session.mac):
            return False
        places = self._free(session)
        if not places:
            return False
        self._sessions[key] = session
        self._of_port[key.port] += 1
        self._of_host[key.port, session.mac] += 1
        for place in places:
            self._places.setdefault(place, []).append(session)
        return True

    def _has_room(self, key: Key, mac: bytes) -> bool:
        if self._of_host[key.port, mac] >= HOST_MAX or self._of_port[key.port] >= PORT_MAX:
            return False
        if len(self._sessions) < TOTAL_MAX:
            return True
        largest, count = self._of_port.most_common(1)[0]
        if count <= self._of_port[key.port] + 1:
            return False
        newest = max(
            (one for one in self._sessions.values() if one.key.port == largest),
            key=lambda one: one.since,
        )
        self._remove(newest)
        return True

    def _free(self, session: Session) -> list[Place]:
        """Of its groups those that are not named by too many."""
        vid, port = session.key.vid, session.key.port
        free = []
        for group in dict.fromkeys(flow.group for flow in session.flows):
            known = self._places.get((vid, group), ())
            own = sum(one.key.port == port for one in known)
            if own < FLOW_MAX and len(known) < NAMED_MAX:
                free.append((vid, group))
        return free

    def _delete(self, port: int, vid: int, heard: Announcement) -> None:
        """RFC 2974 4.3: of his own, by the owner that he names, or else by the message."""
        owner = sdp.owner_of_deleted(heard.description)
        if owner is not None:
            named = self._sessions.get(Key(port, vid, heard.announcer, owner))
            ends = [] if named is None else [named]
        else:
            his = port, vid, heard.announcer
            ends = [
                one
                for one in self._sessions.values()
                if one.message == heard.message and one.key[:3] == his
            ]
        for one in ends:
            self._remove(one)

    def _remove(self, session: Session) -> None:
        del self._sessions[session.key]
        port, mac = session.key.port, session.mac
        self._of_port[port] -= 1
        self._of_host[port, mac] -= 1
        if not self._of_host[port, mac]:
            del self._of_host[port, mac]
        for group in dict.fromkeys(flow.group for flow in session.flows):
            place = session.key.vid, group
            rest = [one for one in self._places.get(place, ()) if one is not session]
            if rest:
                self._places[place] = rest
            else:
                self._places.pop(place, None)

    def _rank(self, session: Session, group: Address, source: Address | None) -> int | None:
        """0 is believed most; None: it is of other sources."""
        if source is None:
            return 0
        sources: set[Address] | None = set()
        for flow in session.flows:
            if flow.group != group:
                continue
            if flow.sources is None:
                sources = None
                break
            assert sources is not None
            sources |= flow.sources
        if sources is not None and source not in sources:
            return None
        if session.key.announcer == source:
            return 0
        return 1 if sources is not None else 2
