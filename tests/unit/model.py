"""An independent model of IGMP membership, to compare the engine with.

Written from the tables of the standard (spec 3.1-3.4, 2.1, 2.2) and from nothing else; it imports
nothing of `snoop`.  It is slow and obvious on purpose: absolute expiry times in dictionaries, a
full scan whenever time passes, set algebra spelled as in the tables.  If it and the engine differ,
one of them misreads the standard.

Times are integers (nanoseconds); addresses are any hashable that orders like the address does
(the tests use `ipaddress.IPv4Address`).
"""

from __future__ import annotations

from dataclasses import dataclass, field

SECOND = 1_000_000_000
INCLUDE, EXCLUDE = "include", "exclude"
NEVER = 1 << 62
BLOCKED = 0  # "timer = 0": a listed source of EXCLUDE that is not forwarded (set Y)


@dataclass
class Entry:
    """State of one (vid, group, port), spec 3.1.  Expiries are absolute, BLOCKED means timer 0."""

    mode: str = INCLUDE
    group_expiry: int = 0
    sources: dict = field(default_factory=dict)
    v1_expiry: int = 0
    v2_expiry: int = 0

    def running(self) -> set:
        """X in EXCLUDE, A in INCLUDE."""
        return {s for s, expiry in self.sources.items() if expiry != BLOCKED}

    def blocked(self) -> set:
        """Y."""
        return {s for s, expiry in self.sources.items() if expiry == BLOCKED}


@dataclass
class Settings:
    """The configured variables of spec 2.1, in nanoseconds where they are times."""

    robustness: int = 2
    query_interval: int = 125 * SECOND
    query_response_interval: int = 10 * SECOND
    last_member_query_interval: int = 1 * SECOND
    response_intervals_in_gmi: int = 2  # G-1: 2 is RFC 9776, 1 is RFC 3376
    sends_queries: bool = False
    address: object = None
    is_ssm: object = staticmethod(lambda group: False)
    fast_leave_ports: frozenset = frozenset()


class Model:
    """Membership of every (vid, group, port) of one family, plus who the querier is."""

    def __init__(self, settings: Settings, now: int) -> None:
        self.settings = settings
        self.now = now
        self.entries: dict = {}
        self.older_expiry = 0
        self.querier = None  # address of the elected other querier
        self.querier_expiry = NEVER
        self.forget_querier()

    # Variables: spec 2.1 and 2.2 -----------------------------------------------------------------

    def forget_querier(self) -> None:
        """TM-36: back to the configured values."""
        self.querier = None
        self.querier_expiry = NEVER
        self.rv = self.settings.robustness
        self.qi = self.settings.query_interval
        self.qri = self.settings.query_response_interval

    def _at_most_double(self, duration: int, own_responses_halved: int) -> int:
        """Q-18: never longer than twice what our own values would give."""
        own = self.settings
        rounds = own.robustness * own.query_interval
        return min(duration, 2 * (rounds + own_responses_halved * own.query_response_interval // 2))

    @property
    def gmi(self) -> int:  # TM-4
        responses = self.settings.response_intervals_in_gmi
        return self._at_most_double(self.rv * self.qi + responses * self.qri, 2 * responses)

    @property
    def oqpi(self) -> int:  # TM-5
        return self._at_most_double(self.rv * self.qi + self.qri // 2, 1)

    @property
    def ovhpi(self) -> int:  # TM-13
        return self._at_most_double(self.rv * self.qi + self.qri, 2)

    @property
    def lmqt(self) -> int:  # TM-9, TM-10
        return self.rv * self.settings.last_member_query_interval

    def we_are_querier(self) -> bool:
        return self.settings.sends_queries and self.querier is None

    # Time ----------------------------------------------------------------------------------------

    def elapse(self, now: int) -> None:
        """Let time pass up to and including `now`, one expiry instant after the other."""
        assert now >= self.now
        while True:
            due = [self.querier_expiry]
            for entry in self.entries.values():
                due += [expiry for expiry in entry.sources.values() if expiry != BLOCKED]
                if entry.mode == EXCLUDE:
                    due.append(entry.group_expiry)
            instant = min(due)
            if instant > now:
                break
            self.now = instant
            if self.querier_expiry <= instant:
                self.forget_querier()
            for key in list(self.entries):
                self._expire(key, instant)
        self.now = now

    def _expire(self, key: tuple, instant: int) -> None:
        entry = self.entries[key]
        for source, expiry in list(entry.sources.items()):
            if expiry != BLOCKED and expiry <= instant:
                if entry.mode == INCLUDE:
                    del entry.sources[source]
                else:
                    entry.sources[source] = BLOCKED
        if entry.mode == EXCLUDE and entry.group_expiry <= instant:
            entry.mode = INCLUDE
            entry.group_expiry = 0
            entry.sources = {s: e for s, e in entry.sources.items() if e != BLOCKED}
        self._drop_if_empty(key)

    def _drop_if_empty(self, key: tuple) -> None:
        """INCLUDE(nothing) is no entry."""
        if self.entries[key].mode == INCLUDE and not self.entries[key].sources:
            del self.entries[key]

    # What hosts say ------------------------------------------------------------------------------

    def compatibility(self, vid: int, group, port: int) -> str:
        """Spec 3.4: the first table."""
        entry = self.entries.get((vid, group, port), Entry())
        if entry.v1_expiry > self.now:
            return "igmpv1"
        if entry.v2_expiry > self.now:
            return "igmpv2"
        return "igmpv3"

    def _kept(self, vid: int, port: int, group) -> bool:
        """SM-46, Q-18: ignored in the SSM range; but of hosts that were made older by a query it
        says that they are there."""
        entry = self.entries.get((vid, group, port))
        if not self.settings.is_ssm(group):
            return False
        if entry is not None and self.now < self.older_expiry:
            for source in entry.running():
                entry.sources[source] = max(entry.sources[source], self.now + self.gmi)
        return True

    def hear_older_query(self) -> None:
        """TM-14: hosts hold its sender to be there for 400 s."""
        self.older_expiry = self.now + 400 * SECOND

    def v1_report(self, vid: int, port: int, group) -> None:
        if not self._kept(vid, port, group):
            self._apply(vid, port, "IS_EX", group, set())
            self.entries[vid, group, port].v1_expiry = self.now + self.ovhpi

    def v2_report(self, vid: int, port: int, group) -> None:
        if not self._kept(vid, port, group):
            self._apply(vid, port, "IS_EX", group, set())
            self.entries[vid, group, port].v2_expiry = self.now + self.ovhpi

    def leave(self, vid: int, port: int, group) -> None:
        if not self.settings.is_ssm(group):  # SM-46
            self.record(vid, port, "TO_IN", group, set())

    def record(self, vid: int, port: int, kind: str, group, sources: set) -> None:
        """One record of a v3 report, after the rules of compatibility and of the SSM range."""
        mode = self.compatibility(vid, group, port)
        if self.settings.is_ssm(group) and kind in ("IS_EX", "TO_EX"):  # SM-46
            return
        if mode in ("igmpv1", "igmpv2"):  # SM-42
            if kind == "BLOCK":
                return
            if kind == "TO_EX":
                sources = set()
        if mode == "igmpv1" and kind == "TO_IN":  # SM-43
            return
        self._apply(vid, port, kind, group, set(sources))

    def _apply(self, vid: int, port: int, kind: str, group, given: set) -> None:
        """Spec 3.2, SM-1 to SM-12; `given` is the set the table calls A or B."""
        key = (vid, group, port)
        entry = self.entries.setdefault(key, Entry())
        gmi = self.now + self.gmi
        old_group_expiry = entry.group_expiry
        listed = entry.sources

        if port in self.settings.fast_leave_ports:  # SM-64
            if kind == "TO_IN" and not given:
                del self.entries[key]
                return
            if kind == "BLOCK" and entry.mode == INCLUDE and entry.running() <= given:
                del self.entries[key]
                return

        def keep(wanted: set) -> None:
            for source in list(listed):
                if source not in wanted:
                    del listed[source]

        def start(chosen: set, expiry: int) -> None:
            for source in chosen:
                listed[source] = expiry

        if entry.mode == INCLUDE:
            a, b = entry.running(), given
            match kind:
                case "IS_IN" | "ALLOW":  # SM-1, SM-5
                    start(b, gmi)
                case "BLOCK":  # SM-6
                    self._query_sources(entry, a & b)
                case "TO_IN":  # SM-8
                    start(b, gmi)
                    self._query_sources(entry, a - b)
                case "IS_EX" | "TO_EX":  # SM-2, SM-7
                    entry.mode = EXCLUDE
                    start(b - a, BLOCKED)
                    keep((a & b) | (b - a))
                    entry.group_expiry = gmi
                    if kind == "TO_EX":
                        self._query_sources(entry, a & b)
                case _:
                    raise AssertionError(kind)
        else:
            x, y, a = entry.running(), entry.blocked(), given
            match kind:
                case "IS_IN" | "ALLOW":  # SM-3, SM-9
                    start(a, gmi)
                case "IS_EX":  # SM-4
                    start(a - x - y, gmi)
                    keep((a - y) | (y & a))
                    entry.group_expiry = gmi
                case "BLOCK":  # SM-10
                    start(a - x - y, old_group_expiry)
                    self._query_sources(entry, a - y)
                case "TO_EX":  # SM-11
                    start(a - x - y, old_group_expiry)
                    keep((a - y) | (y & a))
                    self._query_sources(entry, a - y)
                    entry.group_expiry = gmi
                case "TO_IN":  # SM-12
                    start(a, gmi)
                    self._query_sources(entry, x - a)
                    self._query_group(entry)
                case _:
                    raise AssertionError(kind)
        self._drop_if_empty(key)

    # Queries: spec 3.3 ---------------------------------------------------------------------------

    def _query_group(self, entry: Entry) -> None:
        if self.we_are_querier():  # SM-66
            entry.group_expiry = min(entry.group_expiry, self.now + self.lmqt)  # SM-23

    def _query_sources(self, entry: Entry, sources: set) -> None:
        if self.we_are_querier():
            for source in sources:  # SM-24
                entry.sources[source] = min(entry.sources[source], self.now + self.lmqt)

    def hear_general(
        self, address, max_response: int, robustness: int = 0, interval: int = 0
    ) -> None:
        """A General Query; robustness and interval 0 where not carried (v1, v2, W-15)."""
        if not self._would_win(address):
            return  # a higher address changes nothing
        self.querier = address
        self.rv = robustness or self.settings.robustness  # TM-30, TM-31
        interval = interval or self.settings.query_interval
        self.qi = min(interval, 2 * self.settings.query_interval)
        max_response = min(max_response, self.qi)
        self.qri = max(self.settings.query_response_interval, max_response)  # TM-34
        self.querier_expiry = self.now + self.oqpi

    def _would_win(self, address) -> bool:
        """Q-4: nobody with a lower address asks, and we do not either."""
        rivals = [r for r in (self.querier, self.settings.address) if r is not None]
        if self.querier is None and not self.settings.sends_queries:
            rivals = []
        return all(address <= rival for rival in rivals)

    def hear_specific(
        self, address, vid: int, group, sources: set, max_response: int, suppress: bool
    ) -> None:
        """A Q(G) or Q(G, A) of another router: SM-20 to SM-22, SM-28, SM-29, Q-18."""
        if suppress or not self._would_win(address):
            return
        own = self.settings.robustness * self.settings.last_member_query_interval
        limit = self.now + max(max_response * self.rv, own)  # never below our own LMQT
        for (its_vid, its_group, _), entry in self.entries.items():
            if (its_vid, its_group) != (vid, group):
                continue
            if entry.v1_expiry > self.now:
                continue  # RFC 1112: a v1 host does not answer it
            if not sources:
                if entry.mode == EXCLUDE:
                    entry.group_expiry = min(entry.group_expiry, limit)
                continue
            for source in sources & entry.running():
                entry.sources[source] = min(entry.sources[source], limit)

    def port_gone(self, port: int) -> None:
        """SM-67."""
        self.entries = {key: entry for key, entry in self.entries.items() if key[2] != port}

    # The answer ----------------------------------------------------------------------------------

    def forwards(self, vid: int, group, source, port: int) -> bool:
        """Spec 3.1: does data of this source leave by this port (router ports apart)?"""
        entry = self.entries.get((vid, group, port))
        if entry is None:
            return False
        timer = entry.sources.get(source)
        if entry.mode == INCLUDE:
            return timer is not None and timer != BLOCKED
        return timer is None or timer != BLOCKED
