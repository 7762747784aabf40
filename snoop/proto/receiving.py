"""One control frame from a port: checked, counted, learned from, forwarded.

Nothing a peer sends raises past `receive`. The order is that of spec 1.10; what the wire layer
refuses is counted under the name it gives, and only fragments of that still go anywhere.
"""

from typing import Final

from snoop.proto import forwarding, queries
from snoop.proto.context import Context
from snoop.proto.effects import EventKind, Frame, Turn
from snoop.proto.hosts import reporter
from snoop.proto.instance import Instance
from snoop.proto.instances import Instances
from snoop.proto.params import NullSource, Params
from snoop.proto.port import Port
from snoop.proto.reports import HostMessage
from snoop.proto.units import SECOND, Duration, after, seconds
from snoop.proto.views import Disbelief, Refusal, RouterOrigin
from snoop.proto.witnesses import REFUSALS_MAX, Heard
from snoop.wire import control, messages
from snoop.wire.address import ANY, IPV4, IPV6, UNSPECIFIED, is_never_learned, text
from snoop.wire.control import Control
from snoop.wire.errors import WireError
from snoop.wire.ipv4 import PROTOCOL_IGMP
from snoop.wire.ipv6 import PROTOCOL_ICMPV6
from snoop.wire.messages import Generation, Leave, Query, Record, RecordType, Report
from snoop.wire.pim import HOLDTIME_DEFAULT_S, HOLDTIME_FOREVER, Hello

# Tuples: building a union type costs more than the test.
_FROM_HOSTS: Final = (Report, Leave)
_FLOODED: Final = (messages.Unknown, messages.MrdSolicitation)
_NO_ROUTER_ALERT: Final = (Hello, messages.Dvmrp)
_VERSIONED: Final = (Report, Query)
_ANSWERS: Final = (RecordType.IS_IN, RecordType.IS_EX)

_MULTICAST_MACS: Final = (b"\x01\x00\x5e", b"\x33\x33")
_FRAGMENTS: Final = ("igmp_fragment", "mld_fragment")
_DVMRP_LIFETIME: Final = seconds(35)  # TM-17
_MRD_INTERVALS: Final = range(4, 181)  # RFC 4286 3.2: seconds between advertisements
_MRD_LIFETIMES: Final = Duration(3 * SECOND + 3 * SECOND // 40)  # TM-16: 3 * 1.025, per second


def receive(
    context: Context,
    instances: Instances,
    port: Port,
    frame: Frame,
    turn: Turn,
) -> None:
    """Take one frame that came in on `port`, which is up."""
    counts = port.counts
    try:
        parsed = control.parse(frame.data)
    except WireError as error:
        _refuse(context, instances, port, frame, error, turn)
        return
    ether, ip, message = parsed
    family = ip.family
    params = context.params
    if ether.src == params.switch_mac:  # V-1
        counts["own_frame"] += 1
        return
    if family is IPV6:
        params = context.settings.mld.of(frame.vid)
    if isinstance(message, Hello):
        counts["rx_pim_hello" if family is IPV4 else "rx_pim6_hello"] += 1
        if params.enabled and _disbelief(params, port, parsed, 0) is None:
            taken = instances.draft(frame.vid, family, port, turn)
            if not isinstance(taken, Refusal):
                _hear_hello(taken, port, parsed, turn)
                instances.keep(taken, turn)
        return  # the fast path floods it
    name = forwarding.name(message)
    counts["rx_" + name] += 1
    if not params.enabled:
        counts["disabled"] += 1
        forwarding.flood(context, port, frame, "tx_" + name, turn)
        return
    if isinstance(message, _FLOODED):
        forwarding.flood(context, port, frame, "tx_" + name, turn)
        return
    if isinstance(message, _VERSIONED):
        generation = message.version if family is IPV4 else message.version + 1
    else:
        generation = 2 if isinstance(message, Leave) else 0  # routers say nothing of hosts
    why = _disbelief(params, port, parsed, generation)
    draft = None
    if why is None:
        taken = instances.draft(frame.vid, family, port, turn)
        if isinstance(taken, Refusal):
            why = taken
        else:
            draft = taken
    known = draft or instances.get(frame.vid, family)
    if why is not None and isinstance(message, _FROM_HOSTS):
        _refuse_host(known, port, frame.vid, parsed, message, generation, why, turn)
    if isinstance(message, _FROM_HOSTS):
        if draft is None or _hear_host(draft, port, parsed, message, generation, turn):
            forwarding.to_routers(context, known, family, port, frame, "tx_" + name, turn)
    elif isinstance(message, Query):
        ports = forwarding.query_ports(context, known, message) & ~port.horizon
        _count_query(port, parsed, message)
        if draft is not None:
            _hear_query(draft, port, parsed, message, turn)
            if draft.querier.heard is message:  # believed: hosts are to answer it
                ports_up = ports & draft.scope.up
                queries.witness(draft.scope, message, parsed.ip.src, port.id, ports_up, turn)
        context.send(ports, frame, "tx_" + name, turn, came_from=port.id)
    else:
        if draft is not None:
            _hear_router(draft, port, parsed, turn)
        forwarding.flood(context, port, frame, "tx_" + name, turn)
    if draft is not None:
        instances.keep(draft, turn)


def _hear_host(
    instance: Instance,
    port: Port,
    parsed: Control,
    message: Report | Leave,
    generation: int,
    turn: Turn,
) -> bool:
    """Learn from a report or a leave; False if the port may have nothing of what it asks for."""
    own = instance.scope.params
    if isinstance(message, Report):
        records = message.records
        port.counts["record_unknown"] += message.skipped_records
        port.counts["record_bad_source"] += message.bad_sources
        if generation > own.generation and generation == 3:  # SNOOP-17
            newest = "IGMPv3" if own.family is IPV4 else "MLDv2"
            reason = f"{newest} hosts, but our version is set to {own.version}"
            instance.scope.warn(EventKind.WARNING, port.id, reason, turn)
    elif own.generation == 1:  # a v1 querier knows no leave
        port.counts["compat_ignored"] += 1
        return True
    else:
        records = (Record(RecordType.TO_IN, message.group, ()),)  # SM-41
    who = reporter(parsed.ether.src, parsed.ip.src)
    heard = port.witnesses.hear(instance.scope.vid, who, generation, turn.now)
    if isinstance(message, Report):
        _credit(instance, port, heard, message, generation, turn)
    said = HostMessage(instance, port, turn, heard=heard, who=who, generation=generation)
    permitted = not records
    for record in records:
        if said.take(record):
            permitted = True
    return permitted


def _refuse(
    context: Context,
    instances: Instances,
    port: Port,
    frame: Frame,
    error: WireError,
    turn: Turn,
) -> None:
    """Count what the wire layer refused, and forward what is forwarded all the same."""
    port.counts[error.counter] += 1
    ether, ip = error.ether, error.ip
    if ether is None or ip is None or ether.src == context.params.switch_mac:
        return
    protocol = PROTOCOL_IGMP if ip.family is IPV4 else PROTOCOL_ICMPV6
    if ip.protocol != protocol or not ether.dst.startswith(_MULTICAST_MACS):
        return
    params = context.settings.of(frame.vid, ip.family)
    if not params.enabled:  # VLAN-8: a bridge does not look inside
        forwarding.flood(context, port, frame, "tx_unknown", turn)
    elif error.counter in _FRAGMENTS:  # SNOOP-13
        known = instances.get(frame.vid, ip.family)
        forwarding.to_routers(context, known, ip.family, port, frame, "tx_fragment", turn)


def _disbelief(params: Params, port: Port, parsed: Control, generation: int) -> Refusal | None:
    """Apply the policies about who is believed, W-7, W-8, SM-47: why nothing is learned."""
    _, ip, message = parsed
    why = None
    if ip.ttl != 1:
        port.counts["ttl_not_one"] += 1
        if params.ttl_check:
            why = Refusal.TTL
    if generation in params.ignored:
        port.counts["version_ignored"] += 1
        why = Refusal.VERSION
    # IGMPv1 senders, DVMRP and PIM never set the option.
    exempt = ip.router_alert or generation == 1 or isinstance(message, _NO_ROUTER_ALERT)
    if params.require_router_alert and not exempt:
        port.counts["no_router_alert"] += 1
        why = Refusal.ROUTER_ALERT
    return why


def _credit(
    instance: Instance, port: Port, heard: Heard, report: Report, generation: int, turn: Turn
) -> None:
    """Take note that a host has answered, if that is what it did.

    A change of state is nobody's answer; a report of an older version may be a join as well.
    """
    asked = instance.scope.asked
    if generation == 3:
        if not report.records or report.records[0].type not in _ANSWERS:
            return
    else:
        # Where reports go, too: who hears one for its group keeps quiet.
        others = instance.mrouters.ports | instance.params.report_flood
        asked.overhear(port.bit | others, turn.now)
        if not asked.is_open(turn.now):
            return
    asked.answer(port.bit, heard.answered, turn.now)
    heard.answered = turn.now


def _refuse_host(
    instance: Instance | None,
    port: Port,
    vid: int,
    parsed: Control,
    message: Report | Leave,
    generation: int,
    why: Refusal,
    turn: Turn,
) -> None:
    """Remember a host that is not believed, and its joins, as many as are remembered at all."""
    who = reporter(parsed.ether.src, parsed.ip.src)
    heard = port.witnesses.hear(vid, who, generation, turn.now)
    if isinstance(message, Leave):
        heard.left = True
        return
    if instance is not None:
        _credit(instance, port, heard, message, generation, turn)
    for kind, group, sources in message.records[:REFUSALS_MAX]:
        joins_all = kind is RecordType.IS_EX or kind is RecordType.TO_EX
        if kind is RecordType.BLOCK or (kind is RecordType.TO_IN and not sources):
            heard.left = True
        elif (joins_all or sources) and not is_never_learned(group):
            port.witnesses.refuse(vid, group, why, who, turn.now)


def _count_query(port: Port, parsed: Control, query: Query) -> None:
    counts = port.counts
    kind = "general"
    if query.group != ANY:
        kind = "source" if query.sources else "group"
    counts[f"rx_query_{kind}" if query.family is IPV4 else f"rx_mld_query_{kind}"] += 1
    if parsed.ip.src == UNSPECIFIED:
        counts["query_null_source"] += 1


def _hear_query(instance: Instance, port: Port, parsed: Control, query: Query, turn: Turn) -> None:
    src = parsed.ip.src
    instance.scope.tell(
        EventKind.QUERY,
        port.id,
        turn,
        direction="received",
        version=query.version,
        address=text(src),
        group=None if query.group == ANY else text(query.group),
        sources=[text(source) for source in query.sources],
    )
    if query.generation < Generation.SOURCES:
        instance.slow_hosts.hear_older_query(turn.now)
    if query.generation is Generation.WITHOUT_LEAVE and query.group == ANY:
        floor = instance.slow_hosts.hear_v1_query(turn.now)
        if floor is not None:
            instance.groups.put_off(floor)
    if port.of(query.family).querier_guard:
        port.counts["querier_guarded"] += 1
        why = Disbelief.GUARD
        port.witnesses.shun(instance.scope.vid, src, RouterOrigin.QUERY, why, turn.now)
        reason = "query on a port with querier_guard: passed on, not believed"
        instance.scope.warn(EventKind.WARNING, port.id, reason, turn, address=text(src))
        return
    if query.group == ANY:
        if src == UNSPECIFIED:
            instance.querier.hear_null(query, port, turn)
        elif not _is_taken(parsed):
            port.counts["query_unheard"] += 1
        else:
            instance.querier.hear_general(query, src, port, turn)
    else:
        instance.querier.hear_specific(query, src, port)
        if parsed.ip.ttl == 1 and _is_taken(parsed) and instance.querier.may_lower(src, port):
            _lower_timers(instance, query, turn)
        elif not query.suppress and query.group in instance.groups:
            port.counts["query_lowers_nothing"] += 1
    null_too = instance.params.mrouter_on_null_source is NullSource.YES
    if src != UNSPECIFIED or (null_too and query.group != ANY):  # SNOOP-21
        lifetime = instance.scope.timings.oqpi  # TM-15
        instance.mrouters.hear_query(port, src, lifetime, turn)


def _is_taken(parsed: Control) -> bool:
    """Tell whether hosts take a query: those of MLD look at more than it says (RFC 9777 6.2)."""
    ip = parsed.ip
    return ip.family is IPV4 or (ip.ttl == 1 and ip.router_alert)


def _lower_timers(instance: Instance, query: Query, turn: Turn) -> None:
    """A question was put to the hosts: no answer means nobody is left (SM-20..22, 28, 29).

    If it was: who sent it may have seen to it that they do not hear it, so before anything ends the
    switch asks too (Q-18, `last_word`).
    """
    group = instance.groups.get(query.group)
    if group is None or query.suppress:
        return
    timings = instance.scope.timings
    # Max Resp Code 0 leaves no time to answer; nobody's membership may hang on that.
    interval = query.max_response_ns or timings.last_member_query_interval
    now = turn.now
    floor = instance.last_word.floor(now)
    deadline = after(now, max(Duration(interval * timings.lmqc), floor))
    lowered = False
    for member in group.members.values():
        if member.compatibility(now) == 1:  # RFC 1112: its hosts know no specific query
            continue
        if query.sources:
            lowered = bool(member.lower_sources(query.sources, deadline)) or lowered
        else:
            lowered = member.lower_group(deadline) or lowered
        group.settle(member, now)
    if lowered:
        group.doubt(deadline, now, ask=True)


def _hear_hello(instance: Instance, port: Port, parsed: Control, turn: Turn) -> None:
    """SNOOP-24: a PIM router is there, for as long as it says."""
    src, hello = parsed.ip.src, parsed.message
    assert isinstance(hello, Hello)
    if src == UNSPECIFIED:
        return
    if hello.holdtime_s == 0:
        instance.mrouters.forget(port, src, RouterOrigin.PIM, turn)
        return
    held = HOLDTIME_DEFAULT_S if hello.holdtime_s is None else hello.holdtime_s
    lifetime = None if held == HOLDTIME_FOREVER else Duration(held * SECOND)
    instance.mrouters.hear(port, src, RouterOrigin.PIM, lifetime, turn)


def _hear_router(instance: Instance, port: Port, parsed: Control, turn: Turn) -> None:
    """SNOOP-23, SNOOP-25: a router says that it is there, or that it goes."""
    src = parsed.ip.src
    if src == UNSPECIFIED:
        return
    match parsed.message:
        case messages.MrdAdvertisement(interval_s=interval_s):
            if not instance.params.mrd:
                return
            if interval_s not in _MRD_INTERVALS:
                port.counts["malformed"] += 1
                return
            lifetime = Duration(interval_s * _MRD_LIFETIMES)
            instance.mrouters.hear(port, src, RouterOrigin.MRD, lifetime, turn)
        case messages.MrdTermination():
            instance.mrouters.forget(port, src, RouterOrigin.MRD, turn)
        case messages.Dvmrp():
            instance.mrouters.hear(port, src, RouterOrigin.DVMRP, _DVMRP_LIFETIME, turn)
        case _:
            raise AssertionError(parsed.message)
