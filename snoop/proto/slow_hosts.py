"""Hosts that have heard an older query, which anybody can send, are not what they were.

Version 1 has no response time in its queries: hosts take up to ten seconds (RFC 1112), and those of
every version do so for as long as they hold a v1 router to be there (RFC 9776 7.2.1), whatever our
own queries say. Where a membership lasts less than that, one forged query would end it; so it lasts
twice as long while hosts may be slow, which is as long as a stranger's values may make it (Q-18).
With the default intervals nothing changes; with a membership interval of less than some seven
seconds even twice that is too short.

To a specific query they are as slow: Linux takes it for a general one of version 1. So whatever
such a query would end lasts until they have had time to answer it.

After a query of version 1 or 2 they report in that version, without sources: in the SSM range that
says nothing (SM-46), but it does say that they are still there for what they asked for before.
"""

from typing import Final, NamedTuple

from snoop.proto.dumping import require_instants
from snoop.proto.scope import Scope
from snoop.proto.units import STOPPED, Duration, Instant, after, seconds

_V1_RESPONSE: Final = seconds(10)  # RFC 1112; a v1 query is read as one with code 100 (spec 1.3)
_OLDER_PRESENT: Final = seconds(400)  # TM-14: how long a host holds such a router to be there


class SlowHostsState(NamedTuple):
    """Until when hosts may be slow, or made to speak an older version."""

    v1_until: Instant
    older_until: Instant


class SlowHosts:
    """Whether the hosts of one instance may be slow, and what follows for memberships."""

    __slots__ = ("_older_until", "_scope", "_v1_until")

    def __init__(self, scope: Scope) -> None:
        """Start with hosts that do as they are told."""
        self._scope = scope
        self._v1_until: Instant = STOPPED
        self._older_until: Instant = STOPPED

    def are_made_older(self, now: Instant) -> bool:
        """Tell whether hosts of version 3 may be made to speak an older one."""
        return self._older_until > now

    def answer_time(self, now: Instant) -> Duration:
        """What slow hosts take to answer, with time to ask; nothing while none are slow."""
        if self._v1_until <= now:
            return Duration(0)
        own = self._scope.params.timings
        return Duration(_V1_RESPONSE + own.lmqc * own.last_member_query_interval)

    def last_member_time(self, now: Instant) -> Duration:
        """What a question after a leave leaves a membership (TM-10)."""
        return max(self._scope.timings.lmqt, self.answer_time(now))

    def membership_interval(self, now: Instant) -> Duration:
        """How long a membership lasts that is reported now."""
        gmi = self._scope.timings.gmi
        if self._v1_until <= now or not self._outlast_memberships:
            return gmi
        return max(gmi, Duration(2 * self._scope.params.timings.gmi))

    def hear_older_query(self, now: Instant) -> None:
        """Take note that hosts hear a query of version 1 or 2, a specific one maybe."""
        self._older_until = after(now, self._present)
        self._scope.asked.made_older(self._older_until)

    def hear_v1_query(self, now: Instant) -> Instant | None:
        """Take note that hosts hear a v1 General Query.

        Return when the memberships that there are may end at the earliest, None if it is as before.
        """
        first = self._v1_until <= now
        self._be_slow(now)
        if not first or not self._outlast_memberships:
            return None
        return after(now, Duration(2 * self._scope.params.timings.gmi))

    def hear_v1_report(self, now: Instant) -> None:
        """Take note that a host is in that mode still: some go by the interval a router names."""
        if self._v1_until > now:
            self._be_slow(now)

    def _be_slow(self, now: Instant) -> None:
        self._v1_until = after(now, self._present)
        self._scope.asked.made_slow(self._v1_until, _V1_RESPONSE)

    @property
    def _outlast_memberships(self) -> bool:
        """True if hosts may take longer than our intervals allow for."""
        return self._scope.params.timings.query_response_interval < _V1_RESPONSE

    @property
    def _present(self) -> Duration:
        """How long hosts hold an older router to be there."""
        return max(_OLDER_PRESENT, Duration(self._scope.params.timings.ovhpi + _V1_RESPONSE))

    def dump(self) -> SlowHostsState:
        """What survives."""
        return SlowHostsState(self._v1_until, self._older_until)

    def load(self, state: SlowHostsState) -> None:
        """Take up what was dumped."""
        require_instants(*state)
        self._v1_until, self._older_until = state
