"""Where a received control frame goes (spec 5.1); its bytes go unchanged (SNOOP-9).

Never back out of its ingress or another port of its split horizon, never to another VLAN. What is
learned from it is decided elsewhere.
"""

from typing import Final

from snoop.proto import counters
from snoop.proto.context import Context
from snoop.proto.effects import Frame, Turn
from snoop.proto.instance import Instance
from snoop.proto.params import QueryScope
from snoop.proto.port import Port
from snoop.proto.units import Ports
from snoop.wire import messages
from snoop.wire.address import ANY, IPV4, IPV6, Family
from snoop.wire.messages import Message, Query, Report

_OTHERS: Final[dict[type, str]] = {
    messages.Leave: "leave",
    messages.MrdAdvertisement: "mrd_advertisement",
    messages.MrdSolicitation: "mrd_solicitation",
    messages.MrdTermination: "mrd_termination",
    messages.Dvmrp: "dvmrp",
    messages.Unknown: "unknown",
}


_REPORTS: Final = counters.REPORTS[IPV4]


def name(message: Message) -> str:
    """What the message is called in counters: `rx_` or `tx_` goes before it."""
    if isinstance(message, Report):
        if message.family is IPV4:
            return _REPORTS[message.version]
        return counters.REPORTS[IPV6][message.version]
    if isinstance(message, Query):
        return counters.QUERIES[message.family][message.version]
    if isinstance(message, messages.Leave) and message.family is IPV6:
        return "mld_done"
    return _OTHERS[type(message)]


def to_routers(
    context: Context,
    instance: Instance | None,
    family: Family,
    port: Port,
    frame: Frame,
    counter: str,
    turn: Turn,
) -> None:
    """Forward a report, a leave or a fragment (SNOOP-1, 3, 4, 13); None: an unknown instance."""
    ports = context.always_mrouters[family] if instance is None else instance.mrouters.ports
    if not ports & context.up_in[frame.vid]:
        port.counts["report_no_router"] += 1
    ports |= context.params.report_flood
    context.send(ports & ~port.horizon, frame, counter, turn, came_from=port.id)


def flood(context: Context, port: Port, frame: Frame, counter: str, turn: Turn) -> None:
    """Forward to every other port (SNOOP-7, 8, 23)."""
    context.send(context.up & ~port.horizon, frame, counter, turn, came_from=port.id)


def query_ports(context: Context, instance: Instance | None, query: Query) -> Ports:
    """Where a received query goes, also to where it came from (SNOOP-7); None as above."""
    if query.group == ANY or context.params.specific_query_scope is QueryScope.ALL:
        return context.up
    if instance is None:
        return context.always_mrouters[query.family]
    group = instance.groups.get(query.group)
    return instance.mrouters.ports | (group.ports if group is not None else 0)
