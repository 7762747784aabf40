"""Why a port gets a group or not: whose report took it there, which policy keeps it away.

Each reason names the configuration key that would change the answer.
"""

from __future__ import annotations

from snoop.control.causes import Cause
from snoop.control.explaining import evidence
from snoop.control.explaining.case import Case, Told
from snoop.control.rows import seconds, text
from snoop.fastpath import Action
from snoop.proto.hosts import NO_ADDRESS
from snoop.proto.params import MrouterMode
from snoop.proto.views import FilterMode, HostRow, MdbRow
from snoop.runtime.port import Port
from snoop.wire import address
from snoop.wire.address import Address, Family


def told(port: Port, case: Case, group: Address) -> Told:
    """Say why a port gets the group, or does not."""
    if case.forwarded(port):
        known = _member(port, case)
        made = router(port, case)
        if known is not None and made is not None and known.cause == "member":
            known = known._replace(because=f"{known.because}; also {made.because}")
        known = known or made
        if known is None and case.registered:
            return Told(
                "no_room",
                "as an unregistered group: there was no room for a join of its hosts, and this may "
                "be what they want (`snoop check`)",
            )
        if known is not None:
            return known
        policy, vain = _unregistered(port, case, group), evidence.refused(port, case, group)
        return policy if vain is None else _both(policy.because, vain)
    if not case.registered:
        policy, seen = _unregistered(port, case, group), evidence.told(port, case, group)
        return policy if seen is None else _both(policy.because, seen)
    return _not_wanted(port, case, group)


def router(port: Port, case: Case) -> Told | None:
    """Say what makes it a router port; router ports get every group."""
    own = case.own(port)
    if own.mrouter is MrouterMode.ALWAYS:
        return _reaching(case, Told("router", 'router port: [[port]] mrouter = "always"'))
    for row in case.mrouters.get(port.id, ()):
        if row.origin == "static":
            return _reaching(case, Told("router", "router port: `snoop mrouter add`"))
        ends = "" if row.timer is None else f", {seconds(row.timer):.0f} s left"
        because = f"router port by the {row.origin} of {text(row.address)}{ends}"
        return _reaching(case, Told("router", because, host=row.address))
    return None


def _reaching(case: Case, router: Told) -> Told:
    """What a router does with it (RFC 1812 5.3.1)."""
    heading = case.question.heading
    if case.group is None or heading.ttl != 1 or case.verdict.action is Action.PUNT:
        return router
    return router._replace(
        cause=Cause.TTL_ONE,
        because=f"{router.because}; its TTL is 1, so a router there sends it no further",
        do="on the sender: set IP_MULTICAST_TTL to more than the routers on the way",
    )


def _member(port: Port, case: Case) -> Told | None:
    """Name the membership that takes this frame to the port."""
    for row in case.members.get(port.id, ()):
        if not _takes(row, case.source):
            continue
        if row.origin == "static" or any(
            one.static and one.address == case.source for one in row.sources
        ):
            return Told("static", "static entry: [[static]] or `snoop mdb add`")
        wants = "any source"
        if row.filter_mode is FilterMode.EXCLUDE and _listed(row, forwarding=False):
            wants = f"all sources but {_listed(row, forwarding=False)}"
        if row.filter_mode is FilterMode.INCLUDE:
            wants = f"source {_listed(row, forwarding=True)}"
        last = "" if row.last_reporter is None else f" of {_reporter(case, row)}"
        timers = [row.group_timer, *(source.timer for source in row.sources)]
        left = max((timer for timer in timers if timer is not None), default=None)
        ends = f", {seconds(left):.0f} s left" if left is not None else ""
        if not case.querier:
            ends += ", and no querier refreshes it"
        host = _host(case, row)
        because = f"member by the {_version(host)}report{last}: wants {wants}{ends}"
        return _heard(host, Told("member", because, host=row.last_reporter))
    return None


def _reporter(case: Case, row: MdbRow) -> str:
    """Whoever reported last; one without an address by its MAC address, if that is known."""
    last = row.last_reporter
    if last is None or last not in NO_ADDRESS:
        return text(last) or ""
    macs = (host.mac for host in case.hosts if (host.port, host.address) == (row.port, last))
    return evidence.named(last, mac) if (mac := next(macs, None)) else text(last) or ""


def _host(case: Case, row: MdbRow) -> HostRow | None:
    """The host that reported last, if it is tracked."""
    hosts = (x for x in case.hosts if (x.port, x.address) == (row.port, row.last_reporter))
    return next(hosts, None)


def _heard(host: HostRow | None, member: Told) -> Told:
    """What was seen of the host."""
    if host is None:
        return member
    unanswered = host.unanswered or 0
    silent = f", and did not answer the last {unanswered} queries" if unanswered > 1 else ""
    return member._replace(
        because=member.because + silent,
        mac=host.mac,
        last_heard=seconds(host.last_heard),
        unanswered=host.unanswered,
    )


def _unregistered(port: Port, case: Case, group: Address) -> Told:
    """Nobody has joined the group: the policy."""
    made = router(port, case)
    policy = case.plane.config.switch.unregistered.value
    nobody = f"nobody has joined {text(group)}"
    if made is not None and policy != "drop":
        return made
    own = case.own(port)
    if own.flood_unregistered is True:
        return Told("unregistered", f"flooded: {nobody}, and [[port]] flood_unregistered = true")
    if own.flood_unregistered is False:
        return Told("unregistered", f"pruned: {nobody}, and [[port]] flood_unregistered = false")
    if policy == "flood":
        return Told("unregistered", f'flooded: {nobody}, and [switch] unregistered = "flood"')
    return Told("unregistered", f'pruned: {nobody}, and [switch] unregistered = "{policy}"')


def _not_wanted(port: Port, case: Case, group: Address) -> Told:
    """The group is registered, but not here."""
    for row in case.members.get(port.id, ()):
        if row.filter_mode is FilterMode.EXCLUDE:
            return Told(
                "excluded",
                f"pruned: its hosts want no {text(case.source)} "
                f"(they exclude {_listed(row, forwarding=False)})",
                host=row.last_reporter,
            )
        wanted = _listed(row, forwarding=True)
        if case.source is None:
            return Told(
                Cause.OTHER_SOURCE,
                f"pruned for other sources: its hosts want only {wanted}; ask again with --source",
                host=row.last_reporter,
            )
        return Told(
            Cause.OTHER_SOURCE,
            f"pruned: its hosts want only {wanted or 'other sources'}",
            host=row.last_reporter,
        )
    seen = evidence.told(port, case, group)
    if not case.members:
        kept = (
            f"pruned: {text(group)} has no member left, and until it is forgotten it goes to "
            "router ports only"
        )
        return Told("no_member", kept) if seen is None else _both(kept, seen)
    if seen is not None:
        return _both(f"pruned: no host behind it is a member of {text(group)}", seen)
    return _both("pruned", evidence.unasked(port, case, group), ": ")


def _both(rule: str, seen: Told, between: str = "; ") -> Told:
    """What the switch does, and what was seen."""
    return seen._replace(because=f"{rule}{between}{seen.because}")


def _takes(row: MdbRow, source: Address | None) -> bool:
    """Does this membership take a frame of `source` (None: one that nobody names)?"""
    for each in row.sources:
        if each.address == source:
            return each.forwarding
    return row.filter_mode is FilterMode.EXCLUDE


def _listed(row: MdbRow, *, forwarding: bool) -> str:
    sources = sorted(one.address for one in row.sources if one.forwarding is forwarding)
    return ", ".join(address.text(source) for source in sources)


def _version(host: HostRow | None) -> str:
    """What the host speaks, which need not be what its port is in compatibility mode with."""
    if host is None or host.version is None:
        return ""
    return f"{'MLD' if host.family is Family.IPV6 else 'IGMP'}v{host.version} "
