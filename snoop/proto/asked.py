"""The General Queries that hosts were asked, and which ports answered them (SAY-1).

Observed for people: nothing is decided by it, and it begins anew with the process. Only what was
put to all ports counts, by the querier or in its place, and only where it went out. What may be the
host's right is not held against it: a query of an instant in which it spoke, one while it was still
answering another, one of an older version that somebody else answered (RFC 2236 3: hosts that hear
another's report of their group keep quiet).
"""

from collections.abc import Iterator
from typing import Final

from snoop.proto.units import MILLISECOND, STOPPED, Duration, Instant, Ports, after
from snoop.wire.address import Address

ASKED_MAX: Final = 8  # queries remembered of an instance

LATE: Final = Duration(500 * MILLISECOND)  # an answer may wait so long in queues


class AskedQuery:
    """A General Query and what became of it.

    `port` is where it came in, None for our own; `until` when hosts must have answered. Port sets:
    `ports` where it went out, `waiting` those of them with members, `answered`, and `overheard`,
    where hosts of older versions may have kept quiet because of another's report.
    """

    __slots__ = (
        "address",
        "answered",
        "answers",
        "at",
        "generation",
        "is_older",
        "overheard",
        "port",
        "ports",
        "until",
        "waiting",
    )

    def __init__(self, address: Address, port: int | None, generation: int, at: Instant) -> None:
        """Start put to nobody."""
        self.address = address
        self.port = port
        self.generation = generation
        self.at = at
        self.until = at
        self.is_older = generation < 3
        self.ports: Ports = 0
        self.waiting: Ports = 0
        self.answered: Ports = 0
        self.overheard: Ports = 0
        self.answers = 0  # hosts

    @property
    def silent(self) -> Ports:
        """The ports with members where nobody has answered, and nobody may keep quiet."""
        return self.waiting & ~self.answered & ~self.overheard

    def credit(self, port: Ports, before: Instant) -> None:
        """Take an answer of a host on `port` that had answered last at `before`."""
        if self.ports & port:
            self.answered |= port
            if before < self.at:
                self.answers += 1

    def calls_for(self, port: Ports, generation: int) -> bool:
        """Tell whether a host of that generation on `port` had to answer."""
        may_keep_quiet = generation < 3 or self.is_older
        return bool(self.ports & port) and not (may_keep_quiet and self.overheard & port)


class Asked:
    """The last queries of one instance."""

    __slots__ = ("_earlier", "_last", "_older_until", "_queries", "_slow", "_slow_until")

    def __init__(self) -> None:
        """Start with none."""
        self._queries: tuple[AskedQuery, ...] = ()
        self._last: AskedQuery | None = None
        self._earlier: tuple[AskedQuery, ...] = ()  # of others, still open when that was asked
        self._older_until: Instant = STOPPED
        self._slow_until: Instant = STOPPED
        self._slow = Duration(0)

    def __iter__(self) -> Iterator[AskedQuery]:
        """Go through them, the oldest first."""
        return iter(self._queries)

    def made_older(self, until: Instant) -> None:
        """Take note that till then hosts may speak an older version than they could."""
        self._older_until = until

    def made_slow(self, until: Instant, response: Duration) -> None:
        """Take note that till then hosts may take so long to answer, whatever they are told."""
        self._slow_until, self._slow = until, response

    def put(
        self,
        *,
        address: Address,
        port: int | None,
        generation: int,
        response: Duration,
        ports: Ports,
        waiting: Ports,
        now: Instant,
    ) -> None:
        """Take note of a General Query that went out on `ports`; see `AskedQuery`.

        One more of the same asker before hosts had to answer is the same question.
        """
        last = self._last
        if (
            last is None
            or last.until <= now
            or (last.address, last.port) != (address, port)
            or ports & ~last.ports
        ):
            last = self._last = AskedQuery(address, port, generation, now)
            slow = self._slow if self._slow_until > now else 0
            last.until = after(now, Duration(max(response, slow)))
            self._earlier = tuple([each for each in self._queries if now <= each.until + LATE])
            self._queries = (*self._queries[1 - ASKED_MAX :], last)
        last.is_older = last.is_older or generation < 3 or self._older_until > now
        last.ports |= ports
        last.waiting |= waiting

    def is_open(self, now: Instant) -> bool:
        """Tell whether a report may still answer a query."""
        last = self._last
        return last is not None and now <= last.until + LATE

    def answer(self, port: Ports, before: Instant, now: Instant) -> None:
        """Take the answer of a host that had answered last at `before`, however late it is."""
        last = self._last
        if last is None:
            return
        last.credit(port, before)
        for query in self._earlier:
            if now <= query.until + LATE:
                query.credit(port, before)

    def overhear(self, ports: Ports, now: Instant) -> None:
        """Take note that hosts on `ports` may have heard an older report than of version 3."""
        for query in self._open(now):
            query.overheard |= ports

    def excuse(self, port: Ports, now: Instant) -> None:
        """Expect no answer from `port` if it is time for one: who had to answer may have left."""
        for query in self._open(now):
            query.waiting &= ~port

    def _open(self, now: Instant) -> Iterator[AskedQuery]:
        return (query for query in self._queries if now <= query.until + LATE)

    def unanswered(
        self, port: Ports, generation: int, heard: Instant, now: Instant, late: Duration
    ) -> int:
        """How many queries a host on `port`, heard last at `heard`, has left unanswered.

        Of the last `ASKED_MAX`, and of those that overlap the first: hosts answer both at once.
        `late`: how much later than it had to an answer may still come.
        """
        count = 0
        over: Instant = STOPPED
        for query in self._queries:
            if query.at < over:
                continue
            over = query.until
            if heard < query.at and query.until + late <= now and query.calls_for(port, generation):
                count += 1
        return count
