"""What `explain` adds about the ports on a frame's way: what is lost there, who else is there.

And of all ports what troubles every stream: a loop, a storm.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Iterator, Mapping

from snoop.config import effective
from snoop.config.schema_port import Coalesce
from snoop.control.explaining.case import Case, listed
from snoop.control.storm import STORMS, UNREGISTERED, came_in
from snoop.proto.units import SECOND
from snoop.runtime import clock
from snoop.runtime.plane import Plane
from snoop.runtime.port import Port
from snoop.wire.address import Family

_LOOK_SECONDS = 0.1
_FULL = 0.9
_PARTIAL = ("macvlan", "macvtap")
Counts = Mapping[str, int]

_COMES_IN = {
    "ring_full": "frames that came in at {} were lost before the switch could take them: less "
    "traffic, or [switch] workers = 2",
    "ring_stuck": "the receive ring of {} stopped at an offload that the kernel cannot describe, "
    "and what came meanwhile was lost: ethtool -K INTERFACE tx-udp-fragmentation off behind it",
    "truncated": "frames that came in at {} were captured short: ethtool -K {} lro off",
}
_GOES_OUT = {
    "tx_full": "frames to {} were lost because its egress was full: what is behind it is slower "
    "than its streams",
    "tx_offload": "frames to {} could not be cut: an offload inside a tunnel: ethtool -K TUNNEL "
    "tso off gso off",
    "tx_error": "frames to {} could not be sent: dmesg",
}
_UNFIT = ("tx_mtu", "tx_down")
_JOINS = {
    "malformed": "IGMP that breaks its own rules came in at {}: a join may be among it",
    "igmp_checksum": "IGMP with a bad checksum came in at {}: a join may be among it",
    "rate_limited": "IGMP that came in at {} was over [[port]] igmp_rate: joins and leaves may be "
    "among what was refused",
    "punt_full": "IGMP that came in at {} was more than the control plane can take: joins and "
    "leaves may be among what was lost",
    "host_limit": "hosts at {} are not tracked, for want of room: [igmp] max_hosts",
}
_IPV6 = {"malformed": "mld_malformed", "igmp_checksum": "mld_checksum"}


def notes(case: Case) -> Iterator[str]:
    """What is known of the ports that the frame, or a join of its group, passes."""
    ingress = case.ingress
    out = [port for port in case.plane.ports if case.forwarded(port)]
    others = [port for port in case.plane.ports if port is not ingress]
    yield from _counted(case, _COMES_IN, [ingress])
    yield from _counted(case, _GOES_OUT, out)
    if case.group is not None:
        own = _IPV6 if case.family is Family.IPV6 else {}
        joins = {own.get(name, name): text for name, text in _JOINS.items()}
        yield from _counted(case, joins, others)
    for port in (ingress, *out):
        if port.link is not None and port.link.kind in _PARTIAL:
            yield (
                f"{port.name} is a {port.link.kind} interface: unless its mode is passthru, the "
                "kernel hands it no unicast of others"
            )
    switch = case.plane.config.switch
    always = [
        port.name
        for port in out
        if port.id in case.mrouters and effective.coalesce(port.table, switch) is Coalesce.ALWAYS
    ]
    if always:
        yield (
            f'[[port]] coalesce = "always" sends runs of datagrams to {listed(always)}, and a '
            "router is there: it drops them"
        )
    held, most = case.plane.fastpath.fdb_count, switch.fdb_max
    if case.verdict.reason == "flood_unknown_unicast" and held >= _FULL * most:
        yield (
            f"{held} unicast addresses of at most {most} are known, others flood: [switch] fdb_max"
        )
    yield from _shared([ingress, *out])
    yield from _looped(case)


def lost(case: Case) -> dict[str, int]:
    """What the switch itself has lost on the frame's way, by port; no 0."""
    found = {case.ingress.name: sum(case.counts(case.ingress)[name] for name in _COMES_IN)}
    for port in case.plane.ports:
        if case.forwarded(port):
            found[port.name] = sum(case.counts(port)[name] for name in (*_GOES_OUT, *_UNFIT))
    return {name: count for name, count in found.items() if count}


def _counted(case: Case, known: Mapping[str, str], ports: Collection[Port]) -> Iterator[str]:
    for name, text in known.items():
        counts = {port.name: case.counts(port)[name] for port in ports}
        at = [port for port, count in counts.items() if count]
        if at:
            yield f"{text.replace('{}', listed(at))} ({name} {sum(counts.values())})"


def _shared(ports: Iterable[Port]) -> Iterator[str]:
    """Ports that the host's own stack sees or speaks on as well, one line for a reason."""
    reasons: dict[str, list[str]] = {}
    for port in ports:
        why = port.notice
        if port.isolated_because is not None:  # as `check` says it
            why = f"the host's own stack sees what comes in there as well: {port.isolated_because}"
        if why is not None:
            reasons.setdefault(why, []).append(port.name)
    for why, names in reasons.items():
        yield f"{listed(names)}: {why}"


def _looped(case: Case) -> Iterator[str]:
    """SAY-18: a frame of ours that comes in has been round."""
    counts = {port.name: case.counts(port)["own_frame"] for port in case.plane.ports}
    at = [name for name, count in counts.items() if count]
    if at and not case.plane.config.switch.loop_guard:
        yield (
            f"a loop at {listed(at)}: frames of our own came back in (own_frame "
            f"{sum(counts.values())}), so what floods goes round (`ip link set {at[-1]} down`)"
        )


async def storms(plane: Plane, counts: Mapping[str, Counts]) -> list[str]:
    """The storms there are, by a look at what has been counted and another a moment later.

    `counts`: by port, since they were cleared. Where too little has come for a storm nobody waits.
    """
    floods = plane.config.switch.unregistered.value == "flood"
    names = {name: one for name, one in STORMS.items() if floods or name != UNREGISTERED}
    if not any(
        came_in(of, name)[0] >= one.most for of in counts.values() for name, one in names.items()
    ):
        return []
    ports = list(plane.ports)
    before, since = {port.id: plane.fastpath.counters(port.id) for port in ports}, clock.now()
    await asyncio.sleep(_LOOK_SECONDS)
    found = []
    for port in ports:
        now = plane.fastpath.counters(port.id)
        for name, one in names.items():
            frames, over = came_in(now, name)
            frames_before, over_before = came_in(before[port.id], name)
            rate = (frames - frames_before) * SECOND / (clock.now() - since)
            if rate >= one.most:
                limit = (
                    f", and storm_limit lets {port.table.storm_limit} pass"
                    if over > over_before
                    else ""
                )
                found.append(f"a storm: {rate:.0f} {one.words} come in at {port.name}{limit}")
    return found
