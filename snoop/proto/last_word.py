"""Nobody is cut off unasked: our own question before a membership ends by somebody else's doing.

A stranger's query says "who does not answer is gone". That holds only if the hosts hear it, and
there are queries that a switch takes and a host does not: from the host's own address or from
outside its network (reverse-path filters), with a source route, without Router Alert, with a Max
Resp of an hour (F-1); or the stranger wins the election and asks no more (F-2). So as long as
others ask, the port whose membership is about to end is asked by this switch, from 0.0.0.0 as for
any reminder (Q-14, RFC 4541 2.1.1), which every host takes. Hosts that are there answer; then
nothing ends.

Two ways: `confirm`, one group and fast, where a specific query has lowered timers (SM-20, SM-29);
`remind`, all of a port at once, where a membership runs out because nobody asked in time. Each is
bounded by its own clock, whatever comes in: one question a group and last member query interval,
one a port and half a query response interval.

Over IPv6 there is no 0.0.0.0 to ask from (MLD-4), and a General Query from our own address could
elect us. So `remind` asks about each group that is about to end, which elects nobody.
"""

from collections.abc import Mapping
from typing import NamedTuple

from snoop.proto import queries
from snoop.proto.dumping import require_addresses
from snoop.proto.effects import Turn
from snoop.proto.loading import Load
from snoop.proto.membership import Membership
from snoop.proto.mrouter import Mrouters
from snoop.proto.presence import Presence
from snoop.proto.querier import Querier
from snoop.proto.scope import Scope
from snoop.proto.slow_hosts import SlowHosts
from snoop.proto.units import Duration, Instant, Ports, after
from snoop.wire.address import ANY, Address, Family


class ReminderState(NamedTuple):
    """What a port was asked last, and when; `group` ANY: everything."""

    port: int
    group: Address
    at: Instant


class LastWord:
    """Asks in one instance, and remembers what a port was asked of late."""

    __slots__ = ("_mrouters", "_presence", "_querier", "_reminded", "_scope", "_slow_hosts")

    def __init__(
        self,
        scope: Scope,
        querier: Querier,
        mrouters: Mrouters,
        presence: Presence,
        slow_hosts: SlowHosts,
    ) -> None:
        """Start with nobody asked."""
        self._scope = scope
        self._querier = querier
        self._mrouters = mrouters
        self._presence = presence
        self._slow_hosts = slow_hosts
        self._reminded: dict[tuple[int, Address], Instant] = {}  # the oldest first

    @property
    def lead(self) -> Duration:
        """How long before its end a membership's port is reminded."""
        return self._scope.params.timings.query_response_interval

    def floor(self, now: Instant) -> Duration:
        """The least time a specific query of another leaves a membership (Q-18).

        Our own last member query time, what slow hosts take, and never so little that our question
        does not fit in.
        """
        own = self._scope.params.timings
        slow = self._slow_hosts.answer_time(now)
        return max(own.lmqt, Duration(2 * own.last_member_query_interval), slow)

    def first_question(self, now: Instant) -> Instant:
        """When to confirm first what was lowered now: once less than LMQC times in all."""
        own = self._scope.params.timings
        fast = max(own.lmqt, Duration(2 * own.last_member_query_interval))
        return Instant(now + fast - own.last_member_query_interval * max(1, own.lmqc - 1))

    def confirm(self, group: Address, members: Mapping[int, Membership], turn: Turn) -> None:
        """Ask the ports on which `group` or a source of it is about to end; others are spared."""
        soon = after(turn.now, self.floor(turn.now))
        at_end: Ports = 0
        in_part: Ports = 0
        sources: set[Address] = set()
        for port, member in members.items():
            if self._mrouters.ports >> port & 1:  # gets the group all the same
                continue
            if member.exclude and member.group_timer <= soon:
                at_end |= 1 << port
                continue
            ending = [source for source, timer in member.sources.items() if 0 < timer <= soon]
            if ending:
                in_part |= 1 << port
                sources.update(ending)
        if at_end:
            self._confirm(at_end, group, (), turn)
        if in_part:
            listed = sorted(sources)[: queries.sources_max(self._scope)]
            self._confirm(in_part, group, tuple(listed), turn)

    def remind(self, port: int, group: Address, turn: Turn) -> None:
        """Ask everything of a port on which the membership of `group` is about to end."""
        scope, mrouters = self._scope, self._mrouters
        if self._querier.is_querier or not self._presence.others or mrouters.ports >> port & 1:
            return
        about = ANY if scope.family is Family.IPV4 else group
        if not self._may_ask(port, about, turn.now):
            return
        # Answers to the second question come before what the first one was asked for ends.
        response = Duration(self.lead // 4)
        ports = 1 << port & scope.up
        queries.remind(scope, ports, about, self._querier.heard, turn, response=response)

    def _may_ask(self, port: int, about: Address, now: Instant) -> bool:
        """Tell whether the port was not asked that just now, and remember that it is."""
        pause = Duration(self.lead // 2)
        while self._reminded:
            oldest = next(iter(self._reminded))
            if now < after(self._reminded[oldest], pause):
                break
            del self._reminded[oldest]
        if (port, about) in self._reminded:
            return False
        self._reminded[port, about] = now
        return True

    def reset(self) -> None:
        """Forget who was asked: snooping was switched off."""
        self._reminded.clear()

    def forget(self, port: int) -> None:
        """Forget that `port` was asked: it goes away."""
        for key in [key for key in self._reminded if key[0] == port]:
            del self._reminded[key]

    def dump(self) -> tuple[ReminderState, ...]:
        """What survives: which ports were asked what and when."""
        return tuple(ReminderState(*key, at) for key, at in self._reminded.items())

    def load(self, state: tuple[ReminderState, ...], into: Load) -> None:
        """Take up what was dumped."""
        for number, about, at in sorted(state, key=lambda each: each.at):
            if about != ANY:
                require_addresses(self._scope.family, (about,))
            into.require_past(at)
            self._reminded[into.port_id(number), about] = at

    def _confirm(
        self, ports: Ports, group: Address, sources: tuple[Address, ...], turn: Turn
    ) -> None:
        """As the querier we ask in our own name, else from 0.0.0.0 in the version of who asked."""
        ours, heard = self._querier.is_querier, self._querier.heard
        spoken = self._scope.params.version if ours or heard is None else heard.version
        queries.confirm(self._scope, ports, group, sources, turn, spoken=spoken, in_our_name=ours)
