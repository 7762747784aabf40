"""Last member queries: asking the others on a port whether anybody still wants what one gave up.

A `Check` is what is still to be asked about one (VLAN, group, port): the group, sources, or both,
each with its own number of repeats left and its own next time (SM-23, SM-24). What comes up at the
same time goes out together (SM-25). The timers themselves are in the membership, lowered when the
question is first asked; a check only sends. It outlives our being the querier (Q-8) and ends with
the membership.
"""

from typing import TYPE_CHECKING

from snoop.proto import asking
from snoop.proto.effects import Effect
from snoop.proto.membership import Ask, Membership
from snoop.proto.units import NEVER, STOPPED, Instant, Ports, after
from snoop.wire.address import Address

if TYPE_CHECKING:
    from snoop.proto.group import Group


class _Repeats:
    """How often a question is still to be sent, and when next."""

    __slots__ = ("at", "left")

    def __init__(self, left: int, at: Instant) -> None:
        self.left = left
        self.at = at


class Check:
    """The questions pending about one group on one port."""

    __slots__ = ("_group", "_group_repeats", "_port", "_source_repeats", "armed")

    def __init__(self, group: "Group", port: int) -> None:
        """Start with nothing to ask."""
        self._group = group
        self._port = port
        self._group_repeats: _Repeats | None = None
        self._source_repeats: dict[Address, _Repeats] = {}
        self.armed: Instant = STOPPED

    def take(self, member: Membership, ask: Ask, now: Instant) -> bool:
        """Lower timers and note what to ask; tell whether that is anything new.

        What is being asked already, its timer no higher than LMQT, is not asked anew: a host says
        everything RV times.
        """
        timings = self._group.vlan.timings
        deadline = after(now, timings.lmqt)
        fresh = False
        if ask.group:
            lowered = member.lower_group(deadline)
            if lowered or self._group_repeats is None:
                self._group_repeats = _Repeats(timings.lmqc, now)
                fresh = True
        if self._group.vlan.params.version == 3:
            for source in member.lower_sources(ask.sources, deadline):
                self._source_repeats[source] = _Repeats(timings.lmqc, now)
                fresh = True
        return fresh

    def fire(self, now: Instant, effects: list[Effect]) -> Instant:
        """Send what is due; return when to send again."""
        group = self._group
        member = group.members[self._port]
        timings = group.vlan.timings
        high = after(now, timings.lmqt)
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
            self._send_sources(refreshed, True, effects)
        if lowered:
            self._send_sources(lowered, False, effects)
        return self._next()

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
        repeats.at = after(now, self._group.vlan.timings.last_member_query_interval)
        if not repeats.left:
            self._group_repeats = None
        self._send((), suppress, effects)
        return True

    def _send_sources(self, sources: list[Address], suppress: bool, effects: list[Effect]) -> None:
        for start in range(0, len(sources), asking.SOURCES_MAX):
            self._send(tuple(sources[start : start + asking.SOURCES_MAX]), suppress, effects)

    def _send(self, sources: tuple[Address, ...], suppress: bool, effects: list[Effect]) -> None:
        group = self._group
        asking.specific(group.vlan, self._ports(), group.address, sources, suppress, effects)

    def _ports(self) -> Ports:
        """Q-12: another router that hears this lowers its own timers, so let it hear everybody."""
        mrouters = self._group.vlan.mrouters.ports
        if not mrouters & self._group.vlan.switch.up:
            return 1 << self._port
        return self._group.ports | mrouters

    def _next(self) -> Instant:
        nearest = min((repeats.at for repeats in self._source_repeats.values()), default=NEVER)
        if self._group_repeats is not None:
            nearest = min(nearest, self._group_repeats.at)
        if nearest < NEVER:
            return nearest
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
    group.doubt(after(now, vlan.timings.lmqt), now, ask=False)
    group.settle(member, now)
