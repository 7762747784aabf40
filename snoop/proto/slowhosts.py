"""Hosts that have heard an IGMPv1 query, which anybody can send, are slow to answer.

Version 1 has no response time in its queries: hosts take up to ten seconds (RFC 1112), and those of
every version do so for as long as they hold a v1 router to be there (RFC 9776 7.2.1), whatever our
own queries say. Where a membership lasts less than that, one forged query would end it (Q-18); so
it lasts twice as long while hosts may be slow. With the default intervals nothing changes.
"""

from typing import TYPE_CHECKING, Final

from snoop.proto.units import STOPPED, Duration, Instant, after, seconds

if TYPE_CHECKING:
    from snoop.proto.vlan import Vlan

_V1_RESPONSE: Final = seconds(10)  # RFC 1112; a v1 query is read as one with code 100 (spec 1.3)


class SlowHosts:
    """Whether the hosts of one VLAN may be slow, and what follows for memberships."""

    __slots__ = ("_until", "_vlan")

    def __init__(self, vlan: "Vlan") -> None:
        """Start with hosts that do as they are told."""
        self._vlan = vlan
        self._until: Instant = STOPPED

    def membership_interval(self, now: Instant) -> Duration:
        """Return how long a membership lasts that is reported now."""
        gmi = self._vlan.timings.gmi
        if self._until <= now:
            return gmi
        return max(gmi, Duration(2 * self._vlan.params.timings.gmi))

    def hear_v1_query(self, now: Instant) -> None:
        """Take note that hosts hear a v1 General Query; what runs out too early is put off once."""
        own = self._vlan.params.timings
        if own.query_response_interval >= _V1_RESPONSE:
            return
        first = self._until <= now
        self._until = after(now, Duration(own.ovhpi + _V1_RESPONSE))
        if not first:
            return
        floor = after(now, Duration(2 * own.gmi))
        for group in self._vlan.groups.values():
            for member in group.members.values():
                member.put_off(floor)
