"""Whose membership it was that ends, and how: noted down, and said by its event (SAY-1).

A leave ends a membership only once nobody else on the port answers; then it has ended by the leave
if all that anybody wanted was said before that. Otherwise its hosts have fallen silent.
"""

from typing import Final

from snoop.proto.hosts import Host, Reporter, reporter_address, reporter_mac
from snoop.proto.membership import Membership
from snoop.proto.port import Port
from snoop.proto.scope import Scope
from snoop.proto.units import SECOND, Duration, Instant
from snoop.proto.views import Departure
from snoop.proto.witnesses import OTHERS_MAX, Gone
from snoop.wire.address import Address, mac_text, text

_HOW: Final = {
    "cleared": Departure.CLEARED,
    "port down": Departure.PORT_DOWN,
    "left the VLAN": Departure.VLAN_LEFT,
    "disabled": Departure.DISABLED,
}


def dropped(reason: str) -> Departure:
    """How a membership ends that is dropped, by the reason that its event gives: else a limit."""
    return _HOW.get(reason, Departure.LIMIT)


def depart(
    scope: Scope,
    port: Port,
    group: Address,
    member: Membership,
    how: Departure,
    *,
    end: Instant,
    now: Instant,
) -> dict[str, object]:
    """Note down that a membership ends, by its timers at `end`; return its event's fields."""
    who, others = member.reporter, _believed(scope, member, end)
    if how is Departure.EXPIRED:
        leaver = port.witnesses.leaver(scope.vid, group)
        if leaver is not None and _ended_by(leaver, member, others, now):
            how, who = Departure.LEFT, leaver[0]
        elif others:
            who = others[0].who
    if how is not Departure.EXPIRED:
        scope.asked.excuse(port.bit, now)
    gone = Gone(
        how,
        who,
        now,
        heard=None,
        unanswered=None,
        others=tuple([host.who for host in others if host.who != who][:OTHERS_MAX]),
    )
    heard = port.witnesses.find(scope.vid, who)
    if heard is not None:
        gone.heard = heard.at
        gone.unanswered = scope.asked.unanswered(
            port.bit, heard.generation, heard.at, now, Duration(0)
        )
    port.witnesses.depart(scope.vid, group, gone)
    return {
        "reporter": text(reporter_address(who)),
        "mac": mac_text(reporter_mac(who)),
        "last_heard": None if gone.heard is None else round((now - gone.heard) / SECOND, 6),
        "unanswered": gone.unanswered,
    }


def _believed(scope: Scope, member: Membership, end: Instant) -> list[Host]:
    """The hosts tracked that may still have wanted it, the one heard last first.

    Those that answered one query together end together, and so does the membership.
    """
    if member.hosts is None:
        return []
    silent = end - scope.params.timings.query_response_interval
    hosts = [host for host in member.hosts if host.until > silent]
    return sorted(hosts, key=lambda host: -host.until)


def _ended_by(
    leaver: tuple[Reporter, Instant], member: Membership, others: list[Host], now: Instant
) -> bool:
    """Tell whether nobody has reported since the leave."""
    who, until = leaver
    if others:
        return others[0].until < until
    return now < until and member.reporter == who
