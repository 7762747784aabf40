"""What each port is in the fast path from the next publish on.

Its link's state and size, its VLAN, its limits, whether it gets runs and whom it can be handed to
directly: what the configuration says and what is known of the neighbour, together.
"""

from __future__ import annotations

from collections.abc import Collection
from itertools import count

from snoop.config import effective, resolve
from snoop.config.schema import SwitchTable
from snoop.config.schema_port import Coalesce
from snoop.links.direct import Direct
from snoop.links.runs import Runs
from snoop.runtime.egress import Egress
from snoop.runtime.port import Port, PortPath

_NO_MAC = bytes(6)


class Staging:
    """Of `ports`, a view of all there are."""

    def __init__(
        self, fastpath: PortPath, switch: SwitchTable, egress: Egress, ports: Collection[Port]
    ) -> None:
        self.switch = switch
        self._fastpath = fastpath
        self._egress = egress
        self._ports = ports
        self._routers = 0
        self._horizons: dict[str, int] = {}
        self.waits = False
        """Are port states staged in the fast path? They need a publish."""

    def published(self) -> None:
        """What was staged is effective."""
        self.waits = False

    def settle_runs(self, routers: int) -> list[Port]:
        """Stage who gets runs and who is handed frames directly, as things are; `routers`: ports
        with a router behind them, in whatever VLAN. The ports for which runs changed.
        """
        self._routers = routers
        changed = []
        for port in self._ports:
            found, way = self._runs(port), self._direct(port)
            if port.link is not None and (
                (found.takes, way.mac) != (port.runs.takes, port.direct.mac)
            ):
                self.set(port)
            port.direct = way
            if found != port.runs:
                port.runs = found
                changed.append(port)
        return changed

    def set(self, port: Port) -> None:
        """An open port, as it is now."""
        assert port.link is not None
        self.waits = True
        vlans = resolve.port_vlans(self.switch, port.table)
        mac = self._direct(port).mac
        self._fastpath.port_set(
            port.id,
            up=port.link.up and port.held is None and not port.dismissed,
            mtu=port.link.mtu,
            coalesce=self._runs(port).takes,
            watched=effective.coalesce(port.table, self.switch) is Coalesce.AUTO,
            sticky=port.table.sticky,
            igmp_rate=port.table.igmp_rate,
            igmp_burst=port.table.igmp_burst,
            filters=vlans is not None,
            pvid=0 if vlans is None else vlans.pvid,
            horizon=self._horizon(port),
            ahead=resolve.port_params(self.switch, port.table).ahead,
            peer=mac is not None,
            peer_mac=mac or _NO_MAC,
            guard=self.switch.loop_guard,
            held=port.held is not None,
            reserved=self.switch.group_fwd_mask,
            storm_limit=port.table.storm_limit,
            names=self.switch.announced_names,
            rings_only=port.rings_only,
        )

    def _horizon(self, port: Port) -> int:
        """The number of its split horizon's name: the same for as long as a port has the name."""
        name = port.table.split_horizon
        if not name:
            return 0
        if name not in self._horizons:
            used = {other.table.split_horizon for other in self._ports}
            kept = {known: n for known, n in self._horizons.items() if known in used}
            kept[name] = next(n for n in count(1) if n not in kept.values())
            self._horizons = kept
        return self._horizons[name]

    def _runs(self, port: Port) -> Runs:
        ifindex = None if port.link is None else port.link.ifindex
        return self._egress.runs(port.table, ifindex, router=bool(self._routers >> port.id & 1))

    def _direct(self, port: Port) -> Direct:
        return self._egress.direct(port.table, None if port.link is None else port.link.ifindex)
