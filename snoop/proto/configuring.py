"""New settings of a switch and of its ports, while it works.

What was learned stays learned as far as they allow it. What changes of one VLAN, or of the VLANs of
a port, is no concern of any other: only instances that may have to follow are looked at.
"""

from collections.abc import Container, Iterable, Mapping

from snoop.proto.effects import Turn
from snoop.proto.instance import Instance
from snoop.proto.params import Params, PortParams
from snoop.proto.port import Port
from snoop.proto.state import Parts
from snoop.proto.vlans import EVERY, Moved, Vids
from snoop.wire.address import Family


def configure(parts: Parts, params: Params, ports: Mapping[int, PortParams], turn: Turn) -> None:
    """Take new settings; of `ports` those that exist."""
    context, instances = parts.context, parts.instances
    enabled: set[tuple[int, Family]] = set()
    where: Vids = 0
    same = context.params == params
    if not same:
        enabled, where = instances.enabled(), EVERY
        context.take(params)
        for instance in instances:
            instance.scope.follow()
    moves: list[tuple[Port, Moved]] = []
    for number, port in context.ports.items():
        wanted = ports.get(number, port.params)
        if same and wanted == port.params:
            continue
        only_moves = same and port.differs_in_vlans_alone(wanted)
        before = context.vlans.of(port.bit)
        moved = context.configure_port(port, wanted)
        if moved.left or moved.joined:
            moves.append((port, moved))
        if only_moves:
            where |= moved.left | moved.joined
        else:
            where |= before | context.vlans.of(port.bit)
            port.witnesses.forget()  # it may be allowed now
    follow(parts, instances.among(where), enabled, turn)
    for port, moved in moves:
        parts.carrier.move(port, moved, turn)
    instances.sweep(turn)


def follow(
    parts: Parts,
    where: Iterable[Instance],
    were_enabled: Container[tuple[int, Family]],
    turn: Turn,
) -> None:
    """Have these instances, and those that begin now, follow the settings, which are in force."""
    context, instances = parts.context, parts.instances
    where = [*where, *instances.open_configured(turn)]
    for port in context.ports.values():
        if port.is_restricted:
            for instance in where:
                instance.port_configured(port, turn)
    instances.configured(where, were_enabled, turn)
    instances.sweep(turn)
    ports_changed(parts, where, turn)


def ports_changed(parts: Parts, where: Iterable[Instance], turn: Turn) -> None:
    """Recompute what depends on the ports' settings, in these instances."""
    parts.context.refresh_masks()
    for instance in where:
        if parts.instances.holds(instance):
            instance.ports_changed(turn)
