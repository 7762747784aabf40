"""Where a received control frame goes (spec 5.1); its bytes go unchanged (SNOOP-9).

Never back out of its ingress, never to another VLAN. What is learned from it is decided elsewhere.
"""

from typing import Final

from snoop.proto.effects import Effect
from snoop.proto.params import QueryScope
from snoop.proto.port import Port
from snoop.proto.switch import Switch
from snoop.proto.units import Ports
from snoop.proto.vlan import Vlan
from snoop.wire.address import ANY
from snoop.wire.messages import (
    Dvmrp,
    Leave,
    Message,
    MrdAdvertisement,
    MrdSolicitation,
    MrdTermination,
    Query,
    Report,
    Unknown,
)

_QUERY: Final = {1: "query_v1", 2: "query_v2", 3: "query_v3"}
_REPORT: Final = {1: "report_v1", 2: "report_v2", 3: "report_v3"}
_OTHERS: Final[dict[type, str]] = {
    Leave: "leave",
    MrdAdvertisement: "mrd_advertisement",
    MrdSolicitation: "mrd_solicitation",
    MrdTermination: "mrd_termination",
    Dvmrp: "dvmrp",
    Unknown: "unknown",
}


def name(message: Message) -> str:
    """Return what the message is called in counters: `rx_` or `tx_` goes before it."""
    if isinstance(message, Report):
        return _REPORT[message.version]
    if isinstance(message, Query):
        return _QUERY[message.version]
    return _OTHERS[type(message)]


def to_routers(
    switch: Switch,
    vlan: Vlan | None,
    port: Port,
    frame: bytes,
    counter: str,
    effects: list[Effect],
) -> None:
    """Forward a report, a leave or a fragment (SNOOP-1, 3, 4, 13); `vlan` None: an unknown one."""
    ports = switch.always_mrouters if vlan is None else vlan.mrouters.ports
    if not ports & switch.up:
        port.counts["report_no_router"] += 1
    switch.send((ports | switch.params.report_flood) & ~port.bit, frame, counter, effects)


def flood(switch: Switch, port: Port, frame: bytes, counter: str, effects: list[Effect]) -> None:
    """Forward to every other port (SNOOP-7, 8, 23)."""
    switch.send(switch.up & ~port.bit, frame, counter, effects)


def query_ports(vlan: Vlan, query: Query) -> Ports:
    """Return where a received query goes, its ingress included (SNOOP-7)."""
    switch = vlan.switch
    if query.group == ANY or switch.params.specific_query_scope is QueryScope.ALL:
        return switch.up
    group = vlan.groups.get(query.group)
    return vlan.mrouters.ports | (group.ports if group is not None else 0)
