"""Why a port does not have a group, by what was seen of this group there, and of nothing else.

A join that was refused and whose, a membership that ended and how, hosts that are heard and never
asked; else what the configuration would do, or a router that is not believed.
"""

from __future__ import annotations

from snoop.control.causes import Cause
from snoop.control.explaining import hints, stations
from snoop.control.explaining.case import Case, Told, ago
from snoop.control.rows import seconds
from snoop.proto.hosts import NO_ADDRESS
from snoop.proto.params import FastLeave
from snoop.proto.units import Duration
from snoop.proto.views import Departure, DepartureRow, Disbelief, Refusal, RefusalRow
from snoop.runtime import clock
from snoop.runtime.port import Port
from snoop.wire import address
from snoop.wire.address import Address, Family

_TAKEN = (Refusal.SOURCE_LIMIT, Refusal.HOST_LIMIT)  # for less than it said
_CAUSES = {
    Refusal.FILTER: Cause.FILTER,
    Refusal.SSM: Cause.SSM_RANGE,
    Refusal.VERSION: Cause.VERSION_IGNORED,
    Refusal.ROUTER_ALERT: Cause.ROUTER_ALERT,
    Refusal.TTL: Cause.TTL_CHECK,
    Refusal.PORT_LIMIT: Cause.PORT_LIMIT,
    Refusal.TABLE_FULL: Cause.TABLE_FULL,
    Refusal.STATE_LIMIT: Cause.STATE_LIMIT,
    Refusal.VLAN_LIMIT: Cause.VLAN_LIMIT,
}
_SHUNNED = {
    Disbelief.NEVER: (
        Cause.ROUTER_REFUSED,
        '[[port]] mrouter = "never" does not believe it',
        '[[port]] mrouter = "auto"',
    ),
    Disbelief.GUARD: (
        Cause.QUERIER_DISPLACED,
        "[[port]] querier_guard = true does not believe it",
        '[[port]] mrouter = "always", if a router is there',
    ),
    Disbelief.LIMIT: (
        Cause.MROUTER_LIMIT,
        "there was no room to remember it",
        "snoop show witnesses: the routers that are not believed",
    ),
}
_REFUSED = {
    Refusal.SSM: "it names no source, or is of IGMPv1 or v2, and the group is in [igmp] ssm_ranges",
    Refusal.VERSION: "[igmp] ignore_v1 or ignore_v2 takes no reports of its version",
    Refusal.ROUTER_ALERT: "it has no Router Alert option ([igmp] require_router_alert)",
    Refusal.TTL: "its TTL is not 1 ([igmp] ttl_check)",
    Refusal.TABLE_FULL: "the table was full ([igmp] max_groups)",
    Refusal.STATE_LIMIT: "there was no room ([[port]] max_state, [igmp] max_state)",
    Refusal.VLAN_LIMIT: "there was no room for its VLAN (`snoop show querier`)",
}


def told(port: Port, case: Case, group: Address) -> Told | None:
    """Say why the port does not have the group, None if nothing is known of it."""
    gone = case.plane.engine.witnesses.gone(clock.now(), [port.id], vid=case.vid, group=group)
    last = _last_refused(port, case, group)
    if last is not None and not any(row.age < last.age for row in gone):
        return _refused(last, port, case, group)
    if gone:
        return _departed(gone[0], port, case, group)
    if key := hints.barred(port.table, group):
        return Told(Cause.FILTER, f"{key} would refuse a join")
    return _other_vlan(port, case, group) or _router(port, case)


def refused(port: Port, case: Case, group: Address) -> Told | None:
    """Say whose join of the group was refused there, None if nobody's was."""
    last = _last_refused(port, case, group)
    return None if last is None else _refused(last, port, case, group)


def _last_refused(port: Port, case: Case, group: Address) -> RefusalRow | None:
    seen = case.plane.engine.witnesses
    rows = seen.refused(clock.now(), [port.id], vid=case.vid, group=group)
    return min(
        (row for row in rows if row.why not in _TAKEN), key=lambda row: row.age, default=None
    )


def _refused(row: RefusalRow, port: Port, case: Case, group: Address) -> Told:
    why = _REFUSED.get(row.why, "")
    if row.why is Refusal.FILTER:
        why = hints.barred(port.table, group) or "[[port]] deny_groups or allow_groups"
    elif row.why is Refusal.PORT_LIMIT:
        why = f"[[port]] max_groups = {case.own(port).max_groups} was reached"
    return Told(
        _CAUSES[row.why],
        f"the join of {named(row.address, row.mac)}, {ago(row.age)}, was refused: {why}",
        host=row.address,
        mac=row.mac,
        last_heard=seconds(row.age),
    )


def _departed(row: DepartureRow, port: Port, case: Case, group: Address) -> Told:
    """A membership that ended: whose, how, and what brings it back."""
    host, then = named(row.address, row.mac), ago(row.age)
    others = ", ".join(named(addr, mac) for mac, addr in row.others)
    also = f"; {others} wanted it too" if others else ""
    heard = None if row.last_heard is None else Duration(row.age + row.last_heard)
    ask = f"snoop query --group {address.text(group)} --port {port.name}"
    cause: str = "left"
    do: str | None = None
    elsewhere = _moved_to(row, case)
    if row.how is Departure.EXPIRED and elsewhere is not None:
        cause = "left"
        because = f"{host} has been heard at {elsewhere} since; its membership here ended {then}"
    elif row.how is Departure.EXPIRED:
        cause, because = Cause.SILENT_HOST, _silent(host, heard, row.unanswered, then)
        if case.is_slow(row):
            because += (
                "; hosts of IGMPv1 take 10 s to answer, whatever they are asked: [igmp] "
                "query_response_interval"
            )
        on = "the host" if row.address in NO_ADDRESS else address.text(row.address)
        do = f"on {on}: ip maddr show; tcpdump -ni any igmp"
    elif row.how is Departure.FAST_LEAVE and port.table.fast_leave is FastLeave.ON:
        cause, do = Cause.FAST_LEAVE, '[[port]] fast_leave = "tracked"'
        because = (
            f'{host} left it {then}, and [[port]] fast_leave = "on" takes the group from all its '
            'hosts when one leaves: "tracked" does not'
        )
    elif row.how in (Departure.LEFT, Departure.FAST_LEAVE):
        because = f"{host} left it {then}"
    elif row.how is Departure.CLEARED:
        cause, do = "cleared", ask
        because = f"`snoop clear mdb` forgot the membership of {host} {then}"
    elif row.how is Departure.PORT_DOWN:
        cause, do = Cause.PORT_DOWN, ask
        because = f"the membership of {host} ended when the port went down, {then}"
    elif row.how is Departure.VLAN_LEFT:
        cause, do = "left", ask
        because = f"the membership of {host} ended when the port left the VLAN, {then}"
    elif row.how is Departure.DISABLED:
        cause, do = Cause.SNOOPING_OFF, ask
        because = f"the membership of {host} ended when snooping was switched off, {then}"
    else:
        cause = Cause.PORT_LIMIT
        because = f"the membership of {host} was over a limit that was lowered, {then}"
    return Told(
        cause,
        because + also,
        host=row.address,
        mac=row.mac,
        last_heard=seconds(heard),
        unanswered=row.unanswered,
        do=do,
    )


def _moved_to(row: DepartureRow, case: Case) -> str | None:
    """The port where the host of an ended membership was heard later, None if nowhere."""
    silent = row.age + (row.last_heard or 0)
    for one in case.plane.engine.witnesses.hosts(clock.now(), vid=row.vid):
        if one.mac == row.mac and one.port != row.port and one.last_heard < silent:
            return case.plane.ports.name(one.port)
    return None


def _silent(host: str, heard: Duration | None, unanswered: int | None, then: str) -> str:
    ended = f"its membership ended {then}"
    if heard is None:
        return f"{host} fell silent; {ended}"
    if not unanswered:
        return f"{host} last reported {ago(heard)}; {ended}"
    queries = f"{unanswered} {'query' if unanswered == 1 else 'queries'}"
    return f"{host} last reported {ago(heard)}, did not answer {queries}; {ended}"


def _other_vlan(port: Port, case: Case, group: Address) -> Told | None:
    """A member behind the port, of another VLAN (SAY-18)."""
    for row in case.elsewhere:
        if row.port == port.id:
            where = f"in VLAN {row.vid}" if row.vid else "untagged"
            who = "a host" if row.last_reporter is None else address.text(row.last_reporter)
            return Told(
                Cause.WRONG_VLAN,
                f"{who} behind it has joined it {where}",
                host=row.last_reporter,
                do=f"snoop show mdb --group {address.text(group)}",
            )
    return None


def _router(port: Port, case: Case) -> Told | None:
    """A router there would get every group: whether there is one that is not believed."""
    engine = case.plane.engine
    shunned = engine.witnesses.shunned(clock.now(), [port.id], vid=case.vid)
    last = min(shunned, key=lambda row: row.age, default=None)
    if last is not None:
        who = (
            f"{address.text(last.address)} said by its {last.origin} {ago(last.age)} that it is a "
            "router, and "
        )
        cause, said, do = _SHUNNED[last.why]
        return Told(cause, who + said, host=last.address, last_heard=seconds(last.age), do=do)
    counts = case.counts(port)
    if (
        case.family is Family.IPV4
        and counts["query_null_source"]
        and not case.plane.config.igmp.mrouter_on_null_source
    ):
        return Told(
            Cause.ROUTER_UNKNOWN,
            "the queries from 0.0.0.0 that came from there make no router port: "
            "[igmp] mrouter_on_null_source",
            do='[[port]] mrouter = "always"',
        )
    return None


def unasked(port: Port, case: Case, group: Address) -> Told:
    """Nobody behind the port has asked for the group: who is heard there at all."""
    text = address.text(group)
    because = f"no host behind it has joined {text}"
    heard = stations.behind(port, case)
    if not heard:
        return Told(Cause.NOT_JOINED, because)
    last = heard[0]
    host = next(
        (
            row.address
            for row in case.plane.engine.witnesses.hosts(clock.now(), [port.id], vid=case.vid)
            if row.mac == last.mac and row.family is case.family and row.address not in NO_ADDRESS
        ),
        None,
    )
    return Told(
        Cause.NOT_JOINED,
        because,
        host=host,
        mac=last.mac,
        last_heard=seconds(last.age_ns),
        do=f"on the host: ip maddr show; ip route get {text}",
    )


def named(addr: Address, mac: bytes) -> str:
    """A host by its address and its MAC address; one that has none by the latter."""
    if addr in NO_ADDRESS:
        return f"{address.mac_text(mac)} (a host without an address)"
    return f"{address.text(addr)} ({address.mac_text(mac)})"
