"""Options of a port as they hold: what is left out is as the switch's."""

from __future__ import annotations

from snoop.config.schema import Coalesce, PortTable, SwitchTable


def bypass(table: PortTable, switch: SwitchTable) -> bool:
    """Past the queueing discipline?"""
    return switch.qdisc_bypass if table.qdisc_bypass is None else table.qdisc_bypass


def isolate(table: PortTable, switch: SwitchTable) -> bool:
    """Keep the host's stack off it?"""
    return switch.isolate if table.isolate is None else table.isolate


def coalesce(table: PortTable, switch: SwitchTable) -> Coalesce:
    """Who gets runs?"""
    return switch.coalesce if table.coalesce is None else table.coalesce
