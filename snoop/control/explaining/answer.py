"""Why a frame goes where it goes: the live fast path's verdict, then a reason for every port.

The verdict is not computed here. A frame as the question describes it is built and handed to
`FastPath.explain`, which reads the table that forwards; the reasons are those of `reasons.py`, or
come from the engine's views, and name the configuration key that would change the answer.
"""

from __future__ import annotations

from dataclasses import dataclass

from snoop.control import documents
from snoop.control.explaining import hints
from snoop.control.reasons import REASONS
from snoop.control.rows import seconds, text
from snoop.printable import natural
from snoop.proto.views import FilterMode, MdbRow, MrouterRow
from snoop.runtime import clock
from snoop.runtime.plane import Plane
from snoop.runtime.ports import Port, State
from snoop.wire import address, ether, ipv4
from snoop.wire.address import Address, Family

# RFC 5737: an address nobody has, for "some source".
SOME_SOURCE = address.parse("192.0.2.1")
_SOURCE_MAC = b"\x02\0\0\0\0\x01"
_TAG_BYTES = 4
_UDP, _UDP_EMPTY = 17, bytes.fromhex("138c138c00080000")


@dataclass(frozen=True, slots=True)
class _Case:
    """One question, with what the engine knows about it."""

    ingress: Port
    vid: int
    group: Address
    source: Address | None
    reason: str
    forwarded: int
    registered: bool
    querier: bool
    members: dict[int, list[MdbRow]]
    mrouters: dict[int, list[MrouterRow]]


def explain(
    plane: Plane,
    *,
    port: Port,
    group: Address,
    source: Address | None,
    vid: int,
    frame_bytes: int | None = None,
) -> documents.Explained:
    """`snoop explain`."""
    verdict = plane.fastpath.explain(port.id, frame(group, source or SOME_SOURCE, vid))
    engine, now = plane.engine, clock.now()
    members: dict[int, list[MdbRow]] = {}
    for row in engine.mdb(now, engine.keys(vid=vid, group=group)):
        members.setdefault(row.port, []).append(row)
    mrouters: dict[int, list[MrouterRow]] = {}
    for router in engine.mrouters(now, [vid]):
        if (router.vid, router.family) == (vid, Family.IPV4):
            mrouters.setdefault(router.port, []).append(router)
    case = _Case(
        ingress=port,
        vid=vid,
        group=group,
        source=source,
        reason=verdict.reason,
        forwarded=verdict.ports,
        registered=engine.group_view(vid, group) is not None,
        querier=any(row.address is not None for row in engine.queriers(now, [vid])),
        members=members,
        mrouters=mrouters,
    )
    return documents.Explained(
        action=verdict.action.name.lower(),
        reason=verdict.reason,
        ports=plane.ports.names(verdict.ports),
        registered=case.registered,
        why=[
            _too_large(plane, each, vid, frame_bytes, _why(plane, each, case))
            for each in sorted(plane.ports, key=lambda each: natural(each.name))
        ],
        notes=list(
            hints.notes(plane, vid, group, registered=case.registered, querier=case.querier)
        ),
    )


def _why(plane: Plane, port: Port, case: _Case) -> documents.Why:
    return documents.Why(
        port=port.name,
        forwarded=bool(case.forwarded >> port.id & 1),
        because=_because(plane, port, case),
    )


def _too_large(
    plane: Plane, port: Port, vid: int, frame_bytes: int | None, why: documents.Why
) -> documents.Why:
    """SAY-13: what the table sends there and the interface does not take.

    Only where frames were lost so: those that the sender's kernel left whole are cut at the egress.
    """
    if not why.forwarded or frame_bytes is None or port.link is None:
        return why
    most = port.link.mtu + ether.HEADER_BYTES + (_TAG_BYTES if vid else 0)
    if frame_bytes <= most or not plane.fastpath.counters(port.id)["tx_mtu"]:
        return why
    because = (
        f"lost: its frames have {frame_bytes} bytes, and an MTU of {port.link.mtu} takes {most} "
        f"(ip link set {port.name} mtu {frame_bytes - most + port.link.mtu}, at both ends); "
        f"otherwise {why.because}"
    )
    return documents.Why(port=port.name, forwarded=False, because=because)


def frame(group: Address, source: Address, vid: int) -> bytes:
    """A UDP frame of `source` to `group`; an IPv6 group gets only its Ethernet header right."""
    mac = ether.multicast_mac(group)
    if address.family(group) is Family.IPV6:
        return ether.tagged(ether.build(mac, _SOURCE_MAC, bytes(46), 0x86DD), vid or None)
    packet = ipv4.build(source, group, _UDP, _UDP_EMPTY, ttl=16, tos=0, router_alert=False)
    return ether.tagged(ether.build(mac, _SOURCE_MAC, packet.ljust(46, b"\0")), vid or None)


def _because(plane: Plane, port: Port, case: _Case) -> str:
    """One line for one port."""
    forwarded = bool(case.forwarded >> port.id & 1)
    if port is case.ingress:
        return "ingress: a frame never leaves by the port it came in"
    if port.state is not State.UP:
        what = "its interface does not exist" if port.state is State.MISSING else "it is down"
        return port.problem or what
    if case.reason == "flood_no_querier" and not plane.config.igmp.enabled:
        return "flooded: [igmp] enabled = false"
    if case.reason == "flood_no_querier" and case.querier:
        return (
            "flooded: the querier is new, and until its hosts have had one "
            "query_response_interval to answer nothing is pruned"
        )
    everywhere = REASONS[case.reason].because
    if everywhere is not None:
        return everywhere
    if forwarded:
        known = _member(port, case) or _router(port, case)
        if known is None and case.registered:
            return (
                "as an unregistered group: there was no room for a join of its hosts, "
                "and this may be what they want (`snoop check`)"
            )
        return known or _unregistered(plane, port, case)
    if not case.registered:
        return _unregistered(plane, port, case) + hints.refused(plane, port, case.vid, case.group)
    return _not_wanted(plane, port, case)


def _member(port: Port, case: _Case) -> str | None:
    """The membership that takes this frame to the port."""
    for row in case.members.get(port.id, ()):
        if not _takes(row, case.source):
            continue
        if row.origin == "static" or any(
            one.static and one.address == case.source for one in row.sources
        ):
            return "static entry: [[static]] or `snoop mdb add`"
        wants = "any source"
        if row.filter_mode is FilterMode.EXCLUDE and _listed(row, forwarding=False):
            wants = f"all sources but {_listed(row, forwarding=False)}"
        if row.filter_mode is FilterMode.INCLUDE:
            wants = f"source {_listed(row, forwarding=True)}"
        last = f" of {text(row.last_reporter)}" if row.last_reporter is not None else ""
        timers = [row.group_timer, *(source.timer for source in row.sources)]
        left = max((timer for timer in timers if timer is not None), default=None)
        ends = f", {seconds(left):.0f} s left" if left is not None else ""
        if not case.querier:
            ends += ", and no querier refreshes it"
        return f"member by the {_version(row)} report{last}: wants {wants}{ends}"
    return None


def _router(port: Port, case: _Case) -> str | None:
    """The reason that makes it a router port; router ports get every group."""
    if port.table.mrouter.value == "always":
        return 'router port: [[port]] mrouter = "always"'
    for row in case.mrouters.get(port.id, ()):
        if row.origin == "static":
            return "router port: `snoop mrouter add`"
        ends = "" if row.timer is None else f", {seconds(row.timer):.0f} s left"
        return f"router port by the {row.origin} of {text(row.address)}{ends}"
    return None


def _unregistered(plane: Plane, port: Port, case: _Case) -> str:
    """Nobody has joined the group: the policy."""
    router = _router(port, case)
    policy = plane.config.switch.unregistered.value
    nobody = f"nobody has joined {text(case.group)}"
    if router is not None and policy != "drop":
        return router
    if port.table.flood_unregistered is True:
        return f"flooded: {nobody}, and [[port]] flood_unregistered = true"
    if port.table.flood_unregistered is False:
        return f"pruned: {nobody}, and [[port]] flood_unregistered = false"
    if policy == "flood":
        return f'flooded: {nobody}, and [switch] unregistered = "flood"'
    return f'pruned: {nobody}, and [switch] unregistered = "{policy}"'


def _not_wanted(plane: Plane, port: Port, case: _Case) -> str:
    """The group is registered, but not here."""
    for row in case.members.get(port.id, ()):
        if row.filter_mode is FilterMode.EXCLUDE:
            return (
                f"pruned: its hosts want no {text(case.source)} "
                f"(they exclude {_listed(row, forwarding=False)})"
            )
        if case.source is None:
            return (
                f"pruned for other sources: its hosts want only {_listed(row, forwarding=True)}; "
                "ask again with --source"
            )
        return f"pruned: its hosts want only {_listed(row, forwarding=True) or 'other sources'}"
    refused = hints.refused(plane, port, case.vid, case.group)
    if not case.members:
        return (
            f"pruned: the last member of {text(case.group)}, here or elsewhere, has left or fell "
            f"silent; until it is forgotten it goes to router ports only{refused}"
        )
    if refused:
        return f"pruned: no host behind it is a member of {text(case.group)}{refused}"
    return (
        f"pruned: no host behind it has joined {text(case.group)} "
        '([[static]] or [[port]] mrouter = "always" would send it)'
    )


def _takes(row: MdbRow, source: Address | None) -> bool:
    """Does this membership take a frame of `source` (None: one that nobody names)?"""
    for each in row.sources:
        if each.address == source:
            return each.forwarding
    return row.filter_mode is FilterMode.EXCLUDE


def _listed(row: MdbRow, *, forwarding: bool) -> str:
    sources = sorted(one.address for one in row.sources if one.forwarding is forwarding)
    return ", ".join(address.text(source) for source in sources)


def _version(row: MdbRow) -> str:
    return row.compatibility.replace("igmp", "IGMP").replace("mld", "MLD")
