"""What `explain` adds about who asks the hosts of a VLAN: without answers memberships end.

Every line names the configuration key that matters, as in `hints`.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import takewhile

from snoop.control.explaining.case import Case, listed
from snoop.proto.hosts import NO_ADDRESS
from snoop.proto.params import QuerierMode
from snoop.proto.views import Departure, QuerierRow, Role, RouterOrigin
from snoop.runtime import clock
from snoop.wire import address
from snoop.wire.address import UNSPECIFIED, Address, Family

_VAIN_MIN = 2  # queries: one may be lost


def notes(case: Case, group: Address) -> Iterator[str]:
    """Who asks, and what is wrong with that."""
    if not case.params.enabled:
        return
    if not case.querier:
        yield (
            "no querier is known: nobody asks the hosts again, and memberships end "
            '([igmp] querier = "on")'
        )
    for row in case.plane.engine.queriers(clock.now(), [case.vid]):
        if row.family is address.family(group):
            yield from _asker(case, row)
    yield from _unanswered(case, group)


def _asker(case: Case, row: QuerierRow) -> Iterator[str]:
    ports = case.plane.ports
    others = {
        router.address
        for rows in case.mrouters.values()
        for router in rows
        if router.origin is RouterOrigin.QUERY
    }
    if row.role is Role.QUERIER and row.address in (None, UNSPECIFIED):
        yield (
            "our own queries come from 0.0.0.0: other switches do not take us for a router "
            "([igmp] querier_address)"
        )
    doubled = [port.name for port in ports if case.counts(port)["query_own_address"]]
    if doubled:
        yield (
            f"queries come in at {', '.join(doubled)} with our own address ([igmp] querier_address)"
        )
    others |= {row.address} if row.role is Role.QUERIER else set()
    asking = sorted(each for each in others if each not in (None, UNSPECIFIED))
    if len(asking) > 1:
        names = listed([address.text(each) for each in asking])
        yield f"more than one querier: {names} (`snoop show mrouters`)"
    if row.role is not Role.NON_QUERIER or row.address is None or row.port is None:
        return
    who = f"{address.text(row.address)} at {ports.name(row.port)}"
    own = case.params
    if own.querier is QuerierMode.ON:
        yield (
            f"our querier gave way to {who}, whose values hold "
            f"([[port]] querier_guard = true for {ports.name(row.port)} refuses it)"
        )
    protocol = "MLD" if case.family is Family.IPV6 else "IGMP"
    if row.version < own.version:
        yield (
            f"the querier {who} speaks {protocol}v{row.version}, so hosts answer in "
            f"v{row.version}: streams go by their group, whatever sources a host asks for"
        )


def _unanswered(case: Case, group: Address) -> Iterator[str]:
    """SAY-1: hosts that wanted it fell silent, and nobody at all answers the queries.

    That is seen; why is not, but an address that no host has a route to is one that they drop.
    """
    witnesses, now = case.plane.engine.witnesses, clock.now()
    asked = [row for row in witnesses.asked(now, [case.vid]) if row.family is case.family]
    over = [row for row in asked if not row.left]
    vain = list(takewhile(lambda row: not row.answers, over))
    silent = [
        row
        for row in witnesses.gone(now, vid=case.vid, group=group)
        if row.how is Departure.EXPIRED and row.address not in NO_ADDRESS and not case.is_slow(row)
    ]
    if len(vain) < _VAIN_MIN or not silent:
        return
    querier, host = vain[0].address, silent[0].address
    text = f"nobody answered the last {len(vain)} queries of {address.text(querier)}"
    if case.family is Family.IPV6 or querier[:15] == host[:15] or querier == UNSPECIFIED:
        yield f"{text}: a firewall, or a switch between, may drop IGMP"
    else:
        yield (
            f"{text}, which is not of the network of {address.text(host)}: a host with rp_filter "
            "drops queries of an address it has no route to (sysctl net.ipv4.conf.all.rp_filter)"
        )
