"""Last member queries: asking the others on a port whether anybody still wants what one gave up.

A `Check` is what is still to be asked about one (VLAN, group, port): the group, sources, or both,
each with its own number of repeats left and its own next time (SM-23, SM-24). What comes up at the
same time goes out together (SM-25). The timers themselves are in the membership, lowered when the
question is first asked; a check only sends. It outlives our being the querier (Q-8) and ends with
the membership.

A host may leave and join a thousand times a second, and every port that holds the group may have to
hear what is asked. So a port is asked about a group once a last member query interval and a few
times besides, and so are all of its ports together: what comes up after that waits for its turn.
"""

from typing import TYPE_CHECKING, Final

from snoop.proto import asking
from snoop.proto.effects import Effect
from snoop.proto.membership import Ask, Membership
from snoop.proto.units import NEVER, STOPPED, Duration, Instant, Ports, after
from snoop.wire.address import Address

if TYPE_CHECKING:
    from snoop.proto.group import Group


_HASTY_MAX: Final = 4


class _Repeats:
    """How often a question is still to be sent, and when next."""

    __slots__ = ("at", "left")

    def __init__(self, left: int, at: Instant) -> None:
        self.left = left
        self.at = at


class Check:
    """The questions pending about one group on one port."""

    __slots__ = (
        "_asked_at",
        "_group",
        "_group_repeats",
        "_hasty",
        "_port",
        "_source_repeats",
        "armed",
    )

    def __init__(self, group: "Group", port: int) -> None:
        """Start with nothing to ask."""
        self._group = group
        self._port = port
        self._group_repeats: _Repeats | None = None
        self._source_repeats: dict[Address, _Repeats] = {}
        self._asked_at: Instant = STOPPED
        self._hasty = 0  # questions out of turn, since the port was last left alone
        self.armed: Instant = STOPPED

    def take(self, member: Membership, ask: Ask, now: Instant) -> bool:
        """Lower timers and note what to ask; tell whether that is anything new.

        What is being asked already, its timer no higher than LMQT, is not asked anew: a host says
        everything RV times.
        """
        timings = self._group.vlan.timings
        turn = self._turn(now)
        # The last of fewer questions than two may come late; then there is time to answer it.
        deadline = max(self._lowered(now), after(turn, timings.last_member_query_interval))
        fresh = False
        if ask.group:
            lowered = member.lower_group(deadline)
            if lowered or self._group_repeats is None:
                self._group_repeats = _Repeats(timings.lmqc, turn)
                fresh = True
        if self._group.vlan.params.version == 3:
            for source in member.lower_sources(ask.sources, deadline):
                self._source_repeats[source] = _Repeats(timings.lmqc, turn)
                fresh = True
        return fresh

    def fire(self, now: Instant, effects: list[Effect]) -> Instant:
        """Send what is due; return when to send again."""
        group = self._group
        member = group.members[self._port]
        timings = group.vlan.timings
        high = self._lowered(now)
        interval = timings.last_member_query_interval
        with_group = self._send_group(member, high, now, effects)
        refreshed: list[Address] = []
        lowered: list[Address] = []
        for source, repeats in list(self._source_repeats.items()):
            timer = member.sources.get(source, STOPPED)
            if not timer:  # deleted or blocked meanwhile: nobody to ask about
                del self._source_repeats[source]
                continue
            if repeats.at > now:
                continue
            (refreshed if timer > high else lowered).append(source)
            repeats.left -= 1
            repeats.at = after(now, interval)
            if not repeats.left:
                del self._source_repeats[source]
        if refreshed and not with_group:  # SM-24: Q(G) makes this one superfluous
            self._send_sources(refreshed, True, now, effects)
        if lowered:
            self._send_sources(lowered, False, now, effects)
        return self._next(now)

    def _send_group(
        self, member: Membership, high: Instant, now: Instant, effects: list[Effect]
    ) -> bool:
        repeats = self._group_repeats
        if repeats is None or repeats.at > now:
            return False
        version = self._group.vlan.params.version
        suppress = member.group_timer > high
        if not member.exclude or (suppress and version < 3):
            # No group timer any more; or somebody answered, and v2 has no flag to say so.
            self._group_repeats = None
            return False
        repeats.left -= 1
        repeats.at = after(now, self._interval())
        if not repeats.left:
            self._group_repeats = None
        if self._group.asked_all_at == now:  # for another port, and heard by this one
            self._asked_at = now
        else:
            self._send((), suppress, now, effects)
        return True

    def _send_sources(
        self, sources: list[Address], suppress: bool, now: Instant, effects: list[Effect]
    ) -> None:
        for start in range(0, len(sources), asking.SOURCES_MAX):
            self._send(tuple(sources[start : start + asking.SOURCES_MAX]), suppress, now, effects)

    def _send(
        self, sources: tuple[Address, ...], suppress: bool, now: Instant, effects: list[Effect]
    ) -> None:
        group = self._group
        ports = self._ports()
        self._asked_at = now
        if not sources and ports != 1 << self._port:
            group.asked_all_at = now
        asking.specific(group.vlan, ports, group.address, sources, suppress, effects)

    def _interval(self) -> Duration:
        return self._group.vlan.timings.last_member_query_interval

    def _lowered(self, now: Instant) -> Instant:
        """Return what a timer is lowered to by a question that goes out now (TM-10)."""
        return after(now, self._group.vlan.slow_hosts.last_member_time(now))

    def _turn(self, now: Instant) -> Instant:
        """Return when to ask: now, or an interval after the port was asked last."""
        asked = max(self._asked_at, self._group.asked_all_at)
        turn = STOPPED if asked == STOPPED else after(asked, self._interval())
        if turn <= now:
            self._hasty = 0
        elif self._hasty >= _HASTY_MAX:
            return turn
        else:
            self._hasty += 1
        return now

    def _ports(self) -> Ports:
        """Q-12: another router that hears this lowers its own timers, so let it hear everybody."""
        mrouters = self._group.vlan.mrouters.ports
        if not mrouters & self._group.vlan.switch.up:
            return 1 << self._port
        return self._group.ports | mrouters

    def _next(self, now: Instant) -> Instant:
        nearest = min((repeats.at for repeats in self._source_repeats.values()), default=NEVER)
        if self._group_repeats is not None:
            nearest = min(nearest, self._group_repeats.at)
        if nearest < NEVER:
            return nearest
        over = after(self._asked_at, self._interval())
        if self._asked_at and over > now:  # to remember that it was asked
            return over
        if self._group.checks is not None:
            self._group.checks.pop(self._port, None)
        return STOPPED


def start(
    group: "Group", port: int, member: Membership, ask: Ask, now: Instant, effects: list[Effect]
) -> None:
    """Do what a table row's "send Q" says, if this switch is the one to do it (SM-66, Q-9)."""
    vlan = group.vlan
    if not ask or not vlan.querier.is_querier or vlan.params.version == 1:
        return
    if group.checks is None:
        group.checks = {}
    check = group.checks.setdefault(port, Check(group, port))
    if check.take(member, ask, now):
        again = check.fire(now, effects)
        if again:
            vlan.switch.deadlines.arm(check, again)
        else:
            vlan.switch.deadlines.disarm(check)
    elif not check.armed:
        del group.checks[port]
    group.doubt(after(now, vlan.slow_hosts.last_member_time(now)), now, ask=False)
    group.settle(member, now)
