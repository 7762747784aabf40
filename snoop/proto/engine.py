"""The protocol engine: inputs and `now` in, a list of effects out.

    effects = engine.receive(port=3, frame=data, now=clock.now())
    deadline = engine.next_deadline()          # None: nothing to wait for
    effects = engine.advance(clock.now())      # when it has come

The engine does nothing by itself: it reads no clock, sends nothing, publishes nothing. The caller
carries the effects out and asks for the views that they name. `now` never goes back. Nothing a peer
sends makes it raise; a port or an entry that does not exist does (KeyError), and so does a value of
an operator that makes no sense (ValueError).

Timers that are due are dealt with before anything else an input brings, so a membership that ends
at an instant is gone for a frame of that instant; none ends earlier (TM-40). Where thousands are
due at once they are dealt with a part at a time.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from snoop.proto import receiving, rows
from snoop.proto.carrier import Carrier
from snoop.proto.counters import Counts, total
from snoop.proto.deadlines import ALL
from snoop.proto.effects import Effect, Event
from snoop.proto.instances import Instances
from snoop.proto.params import MrouterMode, Params, PortParams
from snoop.proto.port import Port
from snoop.proto.solicitor import Solicitor
from snoop.proto.switch import Switch
from snoop.proto.units import Instant
from snoop.proto.views import GroupView, HostRow, MdbRow, MrouterRow, QuerierRow, VlanView
from snoop.proto.vlan import Vlan
from snoop.wire.address import (
    ANY,
    MAPPED,
    Address,
    Family,
    is_bad_source,
    is_link_local_group,
    is_multicast,
    text,
)

# A port's whole table may be due at one instant; a frame waits for no more than this.
_DUE_PER_FRAME: Final = 64


class Full(Exception):
    """What an operator wants is over a limit; the text names it."""


class Engine:
    """One switch. Port ids 0 to 255 are given by the caller."""

    def __init__(self, *, params: Params, now: Instant) -> None:
        """Start without ports; VLAN 0 and those with settings are there from the start."""
        self._switch = Switch(params)
        self._solicitor = Solicitor(self._switch)
        self._instances = Instances(self._switch, self._solicitor, now)
        self._carrier = Carrier(self._switch, self._instances, self._solicitor, now)
        self._open_configured(now, [])

    # -- ports ---------------------------------------------------------------------------------

    def port_add(self, port: int, params: PortParams, *, now: Instant) -> list[Effect]:
        """Add a port, which starts down. ValueError if the id is taken or out of range."""
        switch = self._switch
        if port in switch.ports or not 0 <= port < 256:
            raise ValueError(f"port id {port} is taken, or not in 0..255")
        effects = self.advance(now)
        switch.ports[port] = Port(port, params, max_hosts=switch.params.max_hosts, now=now)
        self._ports_changed(effects)
        return effects

    def port_up(self, port: int, *, now: Instant) -> list[Effect]:
        """Take note that a port came up; no effect if it was."""
        effects = self.advance(now)
        self._carrier.up(self._switch.ports[port], now, effects)
        return effects

    def port_down(self, port: int, *, now: Instant) -> list[Effect]:
        """Take note that a port went down: what was learned on it goes (SM-67).

        Of thousands of memberships a part goes at once and the rest in `advance`; the port comes up
        again when all have gone.
        """
        effects = self.advance(now)
        self._carrier.down(self._switch.ports[port], now, effects)
        self._instances.sweep(effects)
        return effects

    def port_remove(self, port: int, *, now: Instant) -> list[Effect]:
        """Forget a port with all that hangs on it, static entries included."""
        effects = self.advance(now)
        self._carrier.forget(self._switch.ports[port], now, effects)
        self._instances.sweep(effects)
        for vlan in self._switch.vlans.values():
            vlan.drop_statics(port, effects)
            vlan.mrouters.drop_port(port, now, effects, static=True)
        self._instances.sweep(effects)
        state = self._switch.ports.pop(port)
        self._switch.retire(state.counts)
        self._ports_changed(effects)
        return effects

    # -- time and frames -----------------------------------------------------------------------

    def receive(self, *, port: int, frame: bytes, now: Instant) -> list[Effect]:
        """Take a control frame that the fast path handed up."""
        switch = self._switch
        effects: list[Effect] = []
        if switch.deadlines.is_due(now):
            switch.deadlines.advance(now, effects, _DUE_PER_FRAME)
            self._instances.sweep(effects)
        state = switch.ports.get(port)
        if state is None:
            return effects  # handed up before the port was removed
        if state.up:
            receiving.receive(switch, self._instances, state, frame, now, effects)
            if switch.emptied:
                self._instances.sweep(effects)
        else:
            state.counts["port_down"] += 1
        return effects

    def advance(self, now: Instant, most: int = ALL) -> list[Effect]:
        """Do what is due at `now`: all, or the first `most` timers, which is then said again."""
        effects: list[Effect] = []
        self._switch.deadlines.advance(now, effects, most)
        self._instances.sweep(effects)
        return effects

    def next_deadline(self) -> Instant | None:
        """Return when `advance` should be called next.

        It may then have nothing to do: a timer that was put off is looked at, and armed again.
        """
        return self._switch.deadlines.next()

    # -- settings ------------------------------------------------------------------------------

    def configure(
        self, params: Params, ports: Mapping[int, PortParams], *, now: Instant
    ) -> list[Effect]:
        """Take new settings; of `ports` those that exist. What was learned stays learned."""
        effects = self.advance(now)
        switch = self._switch
        was_enabled = switch.params.enabled
        switch.configure(params)
        self._open_configured(now, effects)
        for port, state in switch.ports.items():
            state.configure(ports.get(port, state.params), max_hosts=params.max_hosts)
            for vlan in switch.vlans.values():
                if state.params.mrouter is MrouterMode.NEVER:
                    vlan.mrouters.drop_port(port, now, effects, static=False)
                if state.params.querier_guard:
                    vlan.mrouters.forget_queries(port, now, effects)
                if not state.params.explicit_tracking:
                    vlan.drop_hosts(port)
        for vlan in switch.vlans.values():
            for group in vlan.groups.values():
                group.is_ssm = group.address in switch.ssm
            if was_enabled and not params.enabled:
                vlan.disable(now, effects)
            elif params.enabled:
                if switch.up and not self._instances.is_waiting(vlan.vid):
                    vlan.querier.start(now, effects)
                vlan.querier.configure(now, effects)
            vlan.emptied()  # it may be that only its settings held it (W-6)
        self._instances.sweep(effects)
        self._ports_changed(effects)
        effects.append(Event("config", 0, None, {}))
        return effects

    def _open_configured(self, now: Instant, effects: list[Effect]) -> None:
        """Have the VLANs that have settings of their own: a querier need not wait for a host."""
        for vid in self._switch.vlan_params:
            self._instances.open(vid, now, effects)

    # -- operator ------------------------------------------------------------------------------

    def static_add(
        self, *, vid: int, group: Address, source: Address | None, port: int, now: Instant
    ) -> list[Effect]:
        """Add a static entry; `source` None for any. KeyError: no such port; Full: no room."""
        self._require_port(port)
        _require_group(group)
        if source is not None and (source[:12] != MAPPED or is_bad_source(source)):
            raise ValueError(f"source {text(source)} is not allowed: a unicast IPv4 address")
        if vid in self._switch.vlans:
            _require_room(self._switch.vlans[vid], group, source, port)
        effects = self.advance(now)
        vlan = self._vlan(vid, now, effects)
        vlan.open(group, now).add_static(port, source, now)
        effects.append(vlan.group_changed(group))
        return effects

    def static_del(
        self, *, vid: int, group: Address, source: Address | None, port: int, now: Instant
    ) -> list[Effect]:
        """Remove a static entry; KeyError if it is not there."""
        effects = self.advance(now)
        vlan = self._switch.vlans[vid]
        vlan.groups[group].remove_static(port, source)
        effects.append(vlan.group_changed(group))
        self._instances.sweep(effects)
        return effects

    def mrouter_add(self, *, vid: int, port: int, now: Instant) -> list[Effect]:
        """Add a static router port. KeyError: no such port."""
        effects = self.advance(now)
        self._require_port(port)
        self._vlan(vid, now, effects).mrouters.add_static(port, now, effects)
        return effects

    def mrouter_del(self, *, vid: int, port: int, now: Instant) -> list[Effect]:
        """Remove a static router port; KeyError if it is none."""
        effects = self.advance(now)
        self._switch.vlans[vid].mrouters.remove_static(port, effects)
        self._instances.sweep(effects)
        return effects

    def clear(
        self, *, vid: int | None, group: Address | None, port: int | None, now: Instant
    ) -> list[Effect]:
        """Forget memberships, those that match all that is not None; static entries stay."""
        effects = self.advance(now)
        for vlan in self._switch.vlans.values():
            if vid is None or vlan.vid == vid:
                vlan.drop_members(
                    now, effects, group=group, port=port, bury=False, reason="cleared"
                )
        self._instances.sweep(effects)
        return effects

    def clear_counters(self) -> None:
        """Set all counters to zero."""
        self._switch.clear_counters()

    def query(
        self, *, vid: int, group: Address | None, port: int | None, now: Instant
    ) -> list[Effect]:
        """Send a General Query, or one about `group`, on `port` or on all. Cuts nobody off.

        While another querier is known the query comes from 0.0.0.0, like all that we send in its
        place; KeyError: no such port or VLAN.
        """
        effects = self.advance(now)
        if port is not None:
            self._require_port(port)
        ports = self._switch.up if port is None else 1 << port
        vlan = self._switch.vlans[vid]
        if group is not None:
            _require_group(group)
        vlan.querier.ask(ports, ANY if group is None else group, effects)
        return effects

    # -- state for the table compiler ----------------------------------------------------------

    def groups(self) -> Iterator[tuple[int, Address]]:
        """Yield every (vid, group) known: members, static entries, tombstones."""
        for vid, vlan in self._switch.vlans.items():
            for address in vlan.groups:
                yield vid, address

    def group_view(self, vid: int, group: Address) -> GroupView | None:
        """Return one group, None if it is unregistered."""
        vlan = self._switch.vlans.get(vid)
        state = None if vlan is None else vlan.groups.get(group)
        return None if state is None else state.view()

    def vids(self) -> list[int]:
        """Return the VLANs that have any state, lowest first."""
        return sorted(self._switch.vlans)

    def has_vlan(self, vid: int) -> bool:
        """Tell whether anything is known of a VLAN; its row may go if not."""
        return vid in self._switch.vlans

    def vlan_view(self, vid: int, family: Family) -> VlanView:
        """Return what holds for a VLAN; one without state is like one without a querier."""
        vlan = self._switch.vlans.get(vid)
        if vlan is not None and family is Family.IPV4:
            return vlan.view()
        nobody = Vlan(self._switch, vid)
        view = nobody.view()
        nobody.dissolve()
        return view

    # -- state for people ----------------------------------------------------------------------

    def keys(
        self, *, vid: int | None = None, group: Address | None = None
    ) -> Iterator[tuple[int, Address]]:
        """Yield (vid, group) of the groups that match, sorted: to ask for rows in parts."""
        return rows.keys(self._switch, vid, group)

    def mdb(self, now: Instant, wanted: rows.Keys | None = None) -> list[MdbRow]:
        """Return the entries of groups (None: all), by VLAN, group, port; dynamic before static."""
        return rows.mdb(self._switch, self.keys() if wanted is None else wanted, now)

    def mrouters(self, now: Instant, vids: Iterable[int] | None = None) -> list[MrouterRow]:
        """Return every reason for a router port of VLANs (None: all), by VLAN and port."""
        return [row for _, vlan in self._vlans(vids) for row in vlan.mrouters.rows(now)]

    def queriers(self, now: Instant, vids: Iterable[int] | None = None) -> list[QuerierRow]:
        """Return one row per VLAN that is known (Q-17), of `vids` (None: all)."""
        return [vlan.querier.row(now) for _, vlan in self._vlans(vids)]

    def hosts(self, now: Instant, wanted: rows.Keys | None = None) -> list[HostRow]:
        """Return the tracked hosts of groups (None: all), by VLAN, group, port, address."""
        return rows.hosts(self._switch, self.keys() if wanted is None else wanted, now)

    def group_counts(self) -> tuple[dict[int, int], dict[int, int]]:
        """Return how many groups have members or static entries: by VLAN, and by port."""
        vlans = {
            vid: sum(group.is_held for group in vlan.groups.values()) for vid, vlan in self._vlans()
        }
        ports = dict.fromkeys(self._switch.ports, 0)
        for _, vlan in self._vlans():
            for group in vlan.groups.values():
                for port in group.members.keys() | (group.statics or {}).keys():
                    ports[port] += 1
        return vlans, ports

    def counters(self) -> Counts:
        """Return the counters of the switch: all ports and what belongs to none."""
        switch = self._switch
        return total([switch.counts, *(port.counts for port in switch.ports.values())])

    def port_counters(self, port: int) -> Counts:
        """Return the counters of one port."""
        return dict(self._switch.ports[port].counts)

    def port_state_bytes(self, port: int) -> int:
        """Return what one port's hosts have made the switch remember, as `shares` counts it."""
        return self._switch.ports[port].state_bytes

    # ------------------------------------------------------------------------------------------

    def _vlans(self, vids: Iterable[int] | None = None) -> list[tuple[int, Vlan]]:
        vlans = self._switch.vlans
        if vids is None:
            return sorted(vlans.items())
        return [(vid, vlans[vid]) for vid in sorted(vids) if vid in vlans]

    def _vlan(self, vid: int, now: Instant, effects: list[Effect]) -> Vlan:
        if not 0 <= vid <= 4094:
            raise ValueError(f"vlan {vid} is not allowed: 0 to 4094")
        return self._instances.open(vid, now, effects)

    def _require_port(self, port: int) -> None:
        if port not in self._switch.ports:
            raise KeyError(port)

    def _ports_changed(self, effects: list[Effect]) -> None:
        """Recompute what depends on the ports' settings, in every VLAN."""
        self._switch.refresh_masks()
        for vlan in self._switch.vlans.values():
            vlan.mrouters.settle([])
            effects.append(vlan.changed())
            effects += [vlan.group_changed(g.address) for g in vlan.groups.values() if g.spared]


def _require_group(group: Address) -> None:
    if group[:12] != MAPPED or not is_multicast(group) or is_link_local_group(group):
        raise ValueError(f"group {text(group)} is not allowed: 224.0.1.0 to 239.255.255.255")


def _require_room(vlan: Vlan, group: Address, source: Address | None, port: int) -> None:
    """Hold static entries to the limits of learned ones, each on its own (N-8, SM-68)."""
    known = vlan.groups.get(group)
    statics = {} if known is None or known.statics is None else known.statics
    params = vlan.params
    if not statics and vlan.static_groups >= params.max_groups:
        raise Full(f"max_groups, {params.max_groups}, static groups are there: no more taken")
    static = statics.get(port)
    if source is None or static is None or source in static.sources:
        return
    if len(static.sources) >= params.max_sources:
        raise Full(
            f"max_sources, {params.max_sources}, static sources of {text(group)} are there: "
            "no more taken"
        )
