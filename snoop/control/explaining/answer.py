"""The answer of `explain`: the live fast path's verdict, then a reason for every port.

The verdict is not computed here. The frame of the question is handed to `FastPath.explain`, which
reads the table that forwards; the reasons are those of `reasons.py`, or come from the engine's
views, and name the configuration key that would change the answer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from snoop.config.names import Called
from snoop.control import documents, paths, wording
from snoop.control.causes import Cause
from snoop.control.explaining import control, hints, members, stations, tagging, ways, whole
from snoop.control.explaining.case import Case, Told
from snoop.control.explaining.heading import ETHERTYPE_IPV6, TAG_BYTES
from snoop.control.explaining.question import Question, asked
from snoop.control.parts import Parts, picked
from snoop.control.reasons import REASONS
from snoop.control.requests import Explain
from snoop.control.rows import text
from snoop.fastpath import Action
from snoop.printable import natural
from snoop.proto.views import MdbRow, MrouterRow
from snoop.runtime import clock
from snoop.runtime.plane import Plane
from snoop.runtime.port import Port, State
from snoop.table.seen import FdbEntry, Stream
from snoop.wire import ether
from snoop.wire.address import Family, mac_text

_FRAME_BYTES_MAX = 2048  # of it that are shown

Why = Callable[[Port], Told]
Counted = Callable[[Port], Mapping[str, int]]


async def explain(plane: Plane, counts: Counted, request: Explain) -> documents.Explained:
    """Answer `snoop explain`; `counts` of a port is what it counted since that was cleared."""
    question, counts = asked(plane, request), _once(counts)
    found = await picked(plane.fastpath.fdb(), lambda one: True)
    streams = await picked(plane.ports.streams(), lambda one: one.group == question.group)
    engine = plane.engine
    joined = await Parts().all(
        [] if question.group is None else engine.keys(group=question.group),
        lambda keys: engine.mdb(clock.now(), keys),
    )
    storms = await ways.storms(plane, {port.name: counts(port) for port in plane.ports})
    case = _case(plane, question, found, streams, joined, counts)
    verdict, why, ports = case.verdict, _reasons(case), case.verdict.ports
    counters, notes = [verdict.reason], []
    if verdict.action is Action.PUNT:
        routers = sum(1 << port.id for port in plane.ports if members.router(port, case))
        outcome = control.outcome(case, routers)
        ports, why = outcome.ports, _passed_on(case, outcome)
        counters += outcome.counters
        notes += outcome.notes
    if case.group is not None and verdict.action is not Action.PUNT:
        notes += hints.notes(case, case.group)
    notes += [*ways.notes(case), *storms]
    rows = [
        _row(case, port, _too_large(case, port, bool(ports >> port.id & 1), why(port)))
        for port in sorted(plane.ports, key=lambda port: natural(port.name))
    ]
    live = case.live
    notes += whole.notes(case)
    names = (
        Called()
        if case.group is None
        else plane.names.of(case.vid, case.group, case.source, case.ingress.id)
    )
    return documents.Explained(
        action=verdict.action.name.lower(),
        reason=verdict.reason,
        ports=plane.ports.names(ports),
        registered=case.registered,
        why=rows,
        notes=[_words(note, case, case.ingress) for note in notes],
        counters=counters,
        punted=verdict.punt,
        frame=_frame(case),
        name=names.name,
        announced=names.announced,
        path=None if live is None else paths.path(live),
        path_cause=None if live is None else paths.cause(live, ports),
        path_because=None if live is None else paths.because(live, ports, plane.kernel),
    )


def _once(counts: Counted) -> Counted:
    """What each port counted, read once for an answer that asks for it again and again."""
    known: dict[int, Mapping[str, int]] = {}

    def of(port: Port) -> Mapping[str, int]:
        if port.id not in known:
            known[port.id] = counts(port)
        return known[port.id]

    return of


def _case(
    plane: Plane,
    question: Question,
    found: list[FdbEntry],
    streams: list[Stream],
    joined: list[MdbRow],
    counts: Counted,
) -> Case:
    verdict = plane.fastpath.explain(question.port.id, question.frame)
    vid, group = verdict.vlan, question.group
    engine, now = plane.engine, clock.now()
    here: dict[int, list[MdbRow]] = {}
    for row in joined:
        if row.vid == vid:
            here.setdefault(row.port, []).append(row)
    ipv6 = question.heading.ethertype == ETHERTYPE_IPV6
    family = Family.IPV6 if ipv6 else Family.IPV4
    mrouters: dict[int, list[MrouterRow]] = {}
    for router in engine.mrouters(now, [vid]):
        if (router.vid, router.family) == (vid, family):
            mrouters.setdefault(router.port, []).append(router)
    return Case(
        plane=plane,
        question=question,
        verdict=verdict,
        vid=vid,
        registered=group is not None and engine.group_view(vid, group) is not None,
        querier=any(
            row.address is not None and row.family is family for row in engine.queriers(now, [vid])
        ),
        members=here,
        mrouters=mrouters,
        hosts=[] if group is None else engine.hosts(now, engine.keys(vid=vid, group=group)),
        stations=[one for one in found if one.vlan == vid],
        streams=[one for one in streams if one.vlan == vid],
        strays=[one for one in streams if one.vlan != vid and _can_be(plane, one)],
        elsewhere=[row for row in joined if row.vid != vid],
        counts=counts,
        family=family,
    )


def _can_be(plane: Plane, stream: Stream) -> bool:
    """Is there still the port where it came in, and in its VLAN?"""
    port = plane.ports.get(stream.port)
    if port is None:
        return False
    vlans = plane.ports.vlans(port)
    return vlans is None or vlans.has(stream.vlan)


def _reasons(case: Case) -> Why:
    """What is said of each port, by the kind of verdict."""
    reason, group = case.verdict.reason, case.group
    everywhere, cause = REASONS[reason].because, reason
    if reason == "flood_no_querier" and not case.params.enabled:
        everywhere, cause = "flooded: [igmp] enabled = false", Cause.SNOOPING_OFF
    elif reason == "flood_no_querier" and case.querier:
        cause = "querier_new"
        everywhere = (
            "flooded: the querier is new, and until its hosts have had one "
            "query_response_interval to answer nothing is pruned"
        )
    elif reason == "flood_no_querier":
        cause = Cause.NO_QUERIER

    filtered = tagging.refused(case) if reason == Cause.VLAN_FILTERED else None

    def why(port: Port) -> Told:
        if (shut := _shut(case, port)) is not None:
            return shut
        if filtered is not None:
            return filtered
        if (out := tagging.apart(case, port)) is not None:
            return out
        if everywhere is not None:
            return Told(cause, everywhere)
        if reason == "no_egress" and group is None:
            return Told(reason, "not sent: no other port is up")
        if group is None and case.question.heading.dst[0] & 1:
            return tagging.listed(case, port)
        if group is not None:
            return members.told(port, case, group)
        return stations.told(port, case)

    return why


def _passed_on(case: Case, outcome: control.Outcome) -> Why:
    """What is said of each port of a frame that the control plane sends on."""

    def why(port: Port) -> Told:
        if (shut := _shut(case, port) or tagging.apart(case, port)) is not None:
            return shut
        router = members.router(port, case) if outcome.routers else None
        if router is not None:
            return router
        return Told(case.verdict.reason, outcome.because)

    return why


def _shut(case: Case, port: Port) -> Told | None:
    """What holds whatever comes: it came in there, or there is nowhere to go."""
    if port is case.ingress:
        return Told("ingress", "ingress: a frame never leaves by the port it came in")
    if port.state is State.MISSING:
        return Told(Cause.PORT_MISSING, port.problem or "its interface does not exist")
    if port.state is not State.UP:
        if port.problem:
            return Told(Cause.PORT_FAULT, port.problem, do=f"ip -d link show {port.name}")
        do = f"ip link set {port.name} up, at both ends"
        return Told(Cause.PORT_DOWN, "it is down", do=do)
    if port.held is not None:
        return Told(
            Cause.LOOP,
            port.held,
            do=f"ip link set {port.name} down, or take a cable of the loop out",
        )
    return None


def _too_large(case: Case, port: Port, forwarded: bool, why: Told) -> tuple[bool, Told]:
    """SAY-13: what the table sends there and the interface does not take.

    Of a stream only where frames were lost so: those that the sender's kernel left whole are cut at
    the egress.
    """
    size = case.question.frame_bytes
    if not forwarded or size is None or port.link is None:
        return forwarded, why
    tag = 0 if case.question.heading.tag is None else TAG_BYTES
    most = port.link.mtu + ether.HEADER_BYTES + tag
    lost = case.question.exact or case.counts(port)["tx_mtu"]
    if size <= most or not lost:
        return forwarded, why
    do = f"ip link set {port.name} mtu {size - most + port.link.mtu}, at both ends"
    its = "it has" if case.question.exact else "its frames have"
    because = (
        f"lost: {its} {size} bytes, and an MTU of {port.link.mtu} takes {most} (tx_mtu); "
        f"otherwise {why.because}"
    )
    return False, why._replace(cause=Cause.MTU, because=because, do=do)


def _words(said: str, case: Case, port: Port) -> str:
    """In the words of the frame's family and of the port."""
    words = wording.spoken(said, case.family)
    return wording.of_host(words) if port.is_host else words


def _row(case: Case, port: Port, said: tuple[bool, Told]) -> documents.Why:
    forwarded, why = said
    return documents.Why(
        port=port.name,
        forwarded=forwarded,
        because=_words(why.because, case, port),
        cause=why.cause,
        host=text(why.host),
        mac=None if why.mac is None else mac_text(why.mac),
        last_heard=why.last_heard,
        unanswered=why.unanswered,
        do=None if why.do is None else _words(why.do, case, port),
        description=port.table.description,
        tagged=tagging.tagged(case, port) if forwarded else None,
    )


def _frame(case: Case) -> documents.Headers:
    """The frame as it was read."""
    question, heading = case.question, case.question.heading
    named = question.exact or question.source is not None
    return documents.Headers(
        hex=question.frame[:_FRAME_BYTES_MAX].hex(),
        bytes=len(question.frame),
        vlan=case.vid,
        tag=heading.tag,
        source_mac=mac_text(heading.src),
        destination_mac=mac_text(heading.dst),
        ethertype=heading.ethertype,
        source=text(heading.source) if named else None,
        destination=text(heading.destination),
        protocol=heading.protocol,
        ttl=heading.ttl,
        vlan_because=tagging.because(case),
        vlan_name=next(
            (vlan.name for vlan in case.plane.config.vlan if vlan.vid == case.vid), None
        ),
    )
