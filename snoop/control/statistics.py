"""Ports, counters and streams as documents: the fast path's numbers joined with the engine's.

The fast path counts since it was made and the engine since it began; `clear counters` moves a
baseline here and leaves both alone, so that metrics never run backwards.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Mapping
from typing import NamedTuple

from snoop.config.schema import Health
from snoop.control import arrived, documents, paths, vlans
from snoop.control.counters import dropped
from snoop.control.explaining.question import datagram
from snoop.control.rates import STILL, Look, Rate
from snoop.control.rows import Wanted, family, seconds
from snoop.fastpath import DROPS, REASONS
from snoop.links.ethtool import Device, Devices
from snoop.printable import natural
from snoop.proto.units import SECOND, Instant
from snoop.proto.views import FilterMode, HostRow
from snoop.runtime import clock
from snoop.runtime.plane import Plane
from snoop.runtime.port import Port
from snoop.runtime.ports import OUTSIDE
from snoop.table.seen import Stream
from snoop.wire import address
from snoop.wire.address import Address

# How long a stream is silent before its row shows what would become of its next frame.
IDLE_NS = SECOND


class ClearedState(NamedTuple):
    """What had been counted when `clear counters` was said: of the switch, and of ports."""

    switch: dict[str, int]
    ports: dict[str, dict[str, int]]


class Counters:
    """Counters of the switch and of its ports, less what was cleared."""

    def __init__(self, plane: Plane) -> None:
        self._plane = plane
        self._switch: dict[str, int] = {}
        self._ports: dict[int, tuple[Port, dict[str, int]]] = {}

    def total(self) -> dict[str, int]:
        """Counters of the switch since it began."""
        plane = self._plane
        joined = _joined(plane.ports.counted(), plane.engine.counters())
        return {**joined, "internal_errors": plane.internal_errors}

    def port_total(self, port: Port) -> dict[str, int]:
        """Counters of a port since it was made a port."""
        engine = self._plane.engine
        frames = self._plane.ports.counters(port)
        return _joined(frames, engine.port_counters(port.id))

    def switch(self) -> dict[str, int]:
        return _less(self.total(), self._switch)

    def port(self, port: Port) -> dict[str, int]:
        of, base = self._ports.get(port.id, (port, {}))
        return _less(self.port_total(port), base if of is port else {})

    def balance(self) -> dict[str, documents.Balance]:
        """Conservation: frames taken less verdicts, by port, since each was made a port.

        The counters move while they are read, so a difference counts only if it stays.
        """
        shown = {}
        for port in self._plane.ports:
            frames = self._plane.ports.counters(port)
            verdicts = sum(frames[name] for name in REASONS)
            shown[port.name] = documents.Balance(
                rx_frames=frames["rx_frames"], unbalanced=frames["rx_frames"] - verdicts
            )
        return shown

    def clear(self, wanted: Wanted) -> None:
        """Count from now on: some ports, or everything."""
        if wanted.ports is None:
            self._switch = self.total()
        for port in self._plane.ports:
            if wanted.has(port.id):
                self._ports[port.id] = port, self.port_total(port)

    def dump(self) -> ClearedState:
        """What survives."""
        ports = {
            of.name: dict(base)
            for number, (of, base) in self._ports.items()
            if self._plane.ports.get(number) is of
        }
        return ClearedState(dict(self._switch), ports)

    def take_up(self, state: ClearedState) -> None:
        """Go on from what another process has cleared."""
        self._switch = dict(state.switch)
        for port in self._plane.ports:
            if port.name in state.ports:
                self._ports[port.id] = port, dict(state.ports[port.name])

    def show(self, wanted: Wanted) -> documents.Counters:
        """`show counters`."""
        return documents.Counters(
            counters=self.switch(),
            ports={
                port.name: self.port(port)
                for port in sorted(self._plane.ports, key=lambda port: natural(port.name))
                if wanted.has(port.id)
            },
        )


def _joined(frames: Mapping[str, int], control: Mapping[str, int]) -> dict[str, int]:
    """Both sets. Frames are counted once by the fast path, whose verdicts add up to rx_frames; a
    name the control plane uses too gets `control_` there (a punted frame refused on a second look).
    """
    renamed = {f"control_{name}" if name in frames else name: n for name, n in control.items()}
    return {**frames, **renamed}


def _less(total: Mapping[str, int], base: Mapping[str, int]) -> dict[str, int]:
    return {name: value - min(value, base.get(name, 0)) for name, value in sorted(total.items())}


def ports(
    plane: Plane, counters: Counters, devices: Devices, some: Iterable[Port]
) -> list[documents.Port]:
    """Rows of `show ports`."""
    return [
        _port(
            plane,
            port,
            counters.port(port),
            None if port.link is None else devices.of(port.link),
        )
        for port in some
    ]


def _outside(plane: Plane, port: Port, counts: Mapping[str, int]) -> int:
    """What it refused since it is in the VLANs that it is in, and since that was cleared."""
    if port.outside is None:
        return 0
    since = plane.ports.counters(port).get(OUTSIDE, 0) - port.outside
    return min(counts.get(OUTSIDE, 0), since)


def _port(
    plane: Plane, port: Port, counts: dict[str, int], device: Device | None
) -> documents.Port:
    """One row of `show ports`."""
    link = port.link
    lost, pruned, refused = dropped(counts)
    return documents.Port(
        name=port.name,
        ifindex=link.ifindex if link is not None else None,
        state=port.state.value,
        mrouter=port.table.mrouter.value,
        fast_leave=port.table.fast_leave.value,
        mtu=link.mtu if link is not None else None,
        mac=link.mac.hex(":") if link is not None else None,
        isolated=port.isolated,
        takes_runs=port.runs.takes,
        takes_runs_because=port.runs.because,
        lro=device is not None and device.large_receive,
        addresses=sorted(link.addresses) if link is not None else [],
        loop=port.held is not None,
        loop_with=port.held_with,
        vlan_filtered=_outside(plane, port, counts),
        problem=port.problem or port.held or port.notice or plane.ports.absent.get(port.name),
        state_bytes=plane.engine.port_state_bytes(port.id),
        state_max_bytes=port.table.max_state << 20,
        rx_frames=counts.get("rx_frames", 0),
        rx_bytes=counts.get("rx_bytes", 0),
        tx_frames=counts.get("tx_frames", 0),
        tx_bytes=counts.get("tx_bytes", 0),
        drops={name: count for name, count in counts.items() if name in DROPS and count},
        notice=port.notice,
        isolated_because=port.isolated_because,
        uppers=plane.ports.isolation.guests(port.link),
        link_kind=link.kind if link is not None else "",
        lost=lost,
        pruned=pruned,
        refused=refused,
        speed_mbit=None if device is None else device.speed,
        description=port.table.description,
        vlans=vlans.tagging(vlans.of(plane, port)),
        split_horizon=port.table.split_horizon,
        direct=port.direct.mac is not None,
        direct_because=port.direct.because,
        kind="host" if port.is_host else "port",
        groups=plane.engine.port_groups(port.id),
        group_limit=port.table.max_groups or None,
        device=port.table.device,
    )


def stream_key(stream: Stream) -> Hashable:
    return (stream.vlan, stream.source, stream.group, stream.port)


def streams_wanted(seen: Iterable[Stream], wanted: Wanted) -> list[Stream]:
    """Those of `show streams`, of whatever host."""
    return [
        stream
        for stream in seen
        if wanted.takes(vid=stream.vlan, group=stream.group, port=stream.port)
        and wanted.source in (None, stream.source)
    ]


def of_host(
    some: Iterable[Stream], own: Collection[Address], joined: Iterable[HostRow]
) -> list[Stream]:
    """Those that a host sends from one of its `own` addresses, or that it has `joined`."""
    wants: dict[tuple[int, Address], list[HostRow]] = {}
    for row in joined:
        wants.setdefault((row.vid, row.group), []).append(row)
    return [
        stream
        for stream in some
        if stream.source in own
        or any(
            (stream.source in row.sources) is (row.filter_mode is FilterMode.INCLUDE)
            for row in wants.get((stream.vlan, stream.group), ())
        )
    ]


def streams(
    plane: Plane, kept: Iterable[Stream], look: Look | None, *, settled: bool = True
) -> list[documents.Stream]:
    """Rows of `show streams`, at the rates of a look; without, nothing is said of them.

    Not `settled`: an idle stream's verdict is that of its last frame.
    """
    now = clock.now()
    return [
        _stream(
            plane,
            one,
            STILL if look is None else look.rate(stream_key(one), one),
            now,
            settled=settled,
        )
        for one in kept
    ]


def _stream(
    plane: Plane, stream: Stream, rate: Rate, now: Instant, *, settled: bool
) -> documents.Stream:
    idle = max(0, now - stream.last_ns)
    egress, reason = stream.egress, stream.reason
    names = plane.names.of(stream.vlan, stream.group, stream.source, stream.port)
    off = plane.config.switch.health is Health.OFF  # what is known from before it was is old
    # Of frames whose MAC address is not the group's no question is built that would be theirs.
    if settled and idle > IDLE_NS and reason != "mac_ip_mismatch":
        # Members may have come and gone since its last frame (SAY-17).
        verdict = plane.fastpath.explain(
            stream.port, datagram(stream.group, stream.source, stream.vlan)
        )
        egress, reason = verdict.ports, verdict.reason
    return documents.Stream(
        vlan=stream.vlan,
        family=family(address.family(stream.group)),
        source=address.text(stream.source),
        group=address.text(stream.group),
        port=plane.ports.name(stream.port),
        frames=stream.frames,
        bytes=stream.bytes,
        frames_per_s=round(rate.frames_per_s, 3),
        bits_per_s=round(rate.bits_per_s, 1),
        # The fast path does not look for members of what floods anyway (SAY-4).
        registered=plane.engine.group_view(stream.vlan, stream.group) is not None,
        egress=plane.ports.names(egress),
        reason=reason,
        age=seconds(max(0, now - stream.first_ns)),
        idle=seconds(idle),
        ttl=stream.ttl,
        name=names.name,
        announced=names.announced,
        path=paths.path(stream),
        path_cause=paths.cause(stream, egress),
        path_because=paths.because(stream, egress, plane.kernel),
        health=None if off else arrived.row(stream.health, now),
    )
