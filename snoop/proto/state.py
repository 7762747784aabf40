"""The whole state of an engine, dumped and loaded (`dumping` says how).

A dump is one value; `runtime.saved` makes bytes of it. Loading makes everything anew and only then
looks at what the settings say now: what was dumped under the same ones comes back as it was, what
another configuration allows no more is left out afterwards (`fitting`).
"""

from collections.abc import Mapping
from typing import NamedTuple

from snoop.proto.carrier import Carrier, CarrierState
from snoop.proto.context import Context, ContextState
from snoop.proto.dumping import Dump, require, require_distinct
from snoop.proto.effects import GroupChanged, Turn
from snoop.proto.instances import Instances, InstancesState
from snoop.proto.layer2 import Layer2, Layer2State
from snoop.proto.loading import PORTS_MAX, Load
from snoop.proto.params import PortParams
from snoop.proto.port import Port, PortState
from snoop.proto.solicitor import Solicitor, SolicitorState
from snoop.proto.units import Instant


class EngineState(NamedTuple):
    """All that survives; `mark` and the limits are of the settings it was dumped under.

    `timers` is how many timers there have been so far.
    """

    taken: Instant
    enabled: bool
    mark: int
    max_groups_total: int
    max_hosts: int
    max_state: int
    timers: int
    ports: tuple[PortState, ...]
    context: ContextState
    instances: InstancesState
    carrier: CarrierState
    solicitor: SolicitorState
    mld_enabled: bool = False
    layer2: Layer2State = Layer2State(())


class Parts(NamedTuple):
    """What an engine consists of."""

    context: Context
    solicitor: Solicitor
    instances: Instances
    carrier: Carrier
    layer2: Layer2


def dump_all(parts: Parts, now: Instant) -> EngineState:
    """All that survives. Changes nothing."""
    context = parts.context
    out = Dump(now, {port.holdings: port.id for port in context.ports.values()})
    params = context.params
    return EngineState(
        taken=now,
        enabled=params.enabled,
        mark=context.settings.mark,
        max_groups_total=params.effective_max_groups_total,
        max_hosts=params.max_hosts,
        max_state=params.max_state,
        timers=context.deadlines.numbered,
        ports=tuple(port.dump() for port in context.ports.values()),
        context=context.dump(out),
        instances=parts.instances.dump(out),
        carrier=parts.carrier.dump(),
        solicitor=parts.solicitor.dump(),
        mld_enabled=context.settings.mld.params.enabled,
        layer2=parts.layer2.dump(),
    )


def load_all(
    state: EngineState, parts: Parts, ports: Mapping[int, PortParams], turn: Turn
) -> tuple[list[Port], bool]:
    """Take up what was dumped in `parts`, which are new, and have all of it looked at.

    Return the ports that are there no more, and whether anything is set otherwise than it was.
    """
    context = parts.context
    into = Load(context, turn.now)
    require(state.taken <= turn.now, "dumped later than now: of another boot?")
    gone, same = _load_ports(state, context, ports, into)
    context.refresh_masks()
    context.deadlines.go_on(state.timers)
    parts.instances.load(state.instances, into)
    context.load(state.context, into.port_id)
    parts.carrier.load(state.carrier, into)
    parts.solicitor.load(state.solicitor, into)
    parts.layer2.load(state.layer2, into)
    into.reorder()
    for instance in parts.instances:
        instance.scope.vlan_changed(turn)
        for group in instance.groups:
            instance.scope.group_changed(group.address, turn)
    for key in parts.layer2.groups():
        turn.add(GroupChanged(*key))
    return gone, not same or state.mark != context.settings.mark


def _load_ports(
    state: EngineState, context: Context, ports: Mapping[int, PortParams], into: Load
) -> tuple[list[Port], bool]:
    """Make the ports; tell which are gone, and whether they are set as they were."""
    require_distinct("the name of a port", (each.name for each in state.ports))
    there = {own.name: port for port, own in ports.items()}
    if len(there) != len(ports):
        raise ValueError("two ports of one name")
    gone: list[Port] = []
    same = len(state.ports) == len(ports)
    for each in state.ports:
        known = there.pop(each.name, None)
        number = PORTS_MAX + len(gone) if known is None else known
        own = PortParams(name=each.name or "?") if known is None else ports[known]
        into.require_past(each.added, each.up_since)
        context.add_port(number, own, each.added)
        port = context.ports[number]
        port.load(each)
        into.stands_for(each.id, port)
        same = same and (each.id, each.mark) == (known, port.mark)
        if known is None:
            gone.append(port)
    for number in there.values():
        context.add_port(number, ports[number], into.now)
    return gone, same
