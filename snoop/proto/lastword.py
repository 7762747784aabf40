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
"""

from typing import TYPE_CHECKING

from snoop.proto import asking
from snoop.proto.effects import Effect
from snoop.proto.units import Duration, Instant, Ports, after
from snoop.wire.address import ANY, Address

if TYPE_CHECKING:
    from snoop.proto.group import Group
    from snoop.proto.vlan import Vlan


def lead(vlan: "Vlan") -> Duration:
    """Return how long before its end a membership's port is reminded."""
    return vlan.params.timings.query_response_interval


def floor(vlan: "Vlan", now: Instant) -> Duration:
    """Return the least time a specific query of another leaves a membership (Q-18).

    Our own last member query time, what slow hosts take, and never so little that our question does
    not fit in.
    """
    own = vlan.params.timings
    slow = vlan.slow_hosts.answer_time(now)
    return max(own.lmqt, Duration(2 * own.last_member_query_interval), slow)


def first_question(vlan: "Vlan", now: Instant) -> Instant:
    """Return when to confirm first what was lowered now: once less than LMQC times in all."""
    own = vlan.params.timings
    fast = max(own.lmqt, Duration(2 * own.last_member_query_interval))
    return Instant(now + fast - own.last_member_query_interval * max(1, own.lmqc - 1))


def confirm(group: "Group", now: Instant, effects: list[Effect]) -> None:
    """Ask the ports on which `group` or a source of it is about to end; others are spared."""
    vlan = group.vlan
    soon = after(now, floor(vlan, now))
    at_end: Ports = 0
    in_part: Ports = 0
    sources: set[Address] = set()
    for port, member in group.members.items():
        if vlan.mrouters.ports >> port & 1:  # gets the group all the same
            continue
        if member.exclude and member.group_timer <= soon:
            at_end |= 1 << port
            continue
        ending = [source for source, timer in member.sources.items() if 0 < timer <= soon]
        if ending:
            in_part |= 1 << port
            sources.update(ending)
    if at_end:
        asking.confirm(vlan, at_end, group.address, (), effects)
    if in_part:
        listed = sorted(sources)[: asking.SOURCES_MAX]
        asking.confirm(vlan, in_part, group.address, tuple(listed), effects)


def remind(vlan: "Vlan", port: int, now: Instant, effects: list[Effect]) -> None:
    """Ask everything of a port on which a membership is about to end."""
    switch = vlan.switch
    presence = vlan.presence
    if vlan.querier.is_querier or not presence.others or vlan.mrouters.ports >> port & 1:
        return
    last = presence.reminded.get(port)
    if last is not None and now < after(last, Duration(lead(vlan) // 2)):
        return
    presence.reminded[port] = now
    # Answers to the second question come before what the first one was asked for ends.
    response = Duration(lead(vlan) // 4)
    asking.remind(vlan, 1 << port & switch.up, ANY, vlan.querier.heard, effects, response=response)


def ask_everybody(vlan: "Vlan", effects: list[Effect]) -> None:
    """Ask on all ports but router ports, because the VLAN begins to prune (Q-15)."""
    ports = vlan.switch.up & ~vlan.mrouters.ports
    response = Duration(lead(vlan) // 2)
    asking.remind(vlan, ports, ANY, vlan.querier.heard, effects, response=response)
