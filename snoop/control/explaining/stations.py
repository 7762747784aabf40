"""Why a frame to one station goes where it goes: what the forwarding database has."""

from __future__ import annotations

from snoop.control.causes import Cause
from snoop.control.explaining.case import Case, Told, ago
from snoop.proto.units import Duration
from snoop.runtime.port import Port
from snoop.table.seen import FdbEntry
from snoop.wire.address import mac_text


def told(port: Port, case: Case) -> Told:
    """Say why a port gets a frame to a station that is known, or does not."""
    dst = case.question.heading.dst
    mac = mac_text(dst)
    known = next((one for one in case.stations if one.mac == dst), None)
    if known is None:  # it has aged out since the verdict
        return Told("forward_unicast", f"{mac} was there a moment ago")
    name = case.plane.ports.name
    age = f"last heard {ago(Duration(known.age_ns))}"
    if case.forwarded(port):
        if port.id == known.port:
            kept = ", and stays: [[port]] sticky" if port.table.sticky else ""
            return Told("station", f"{mac} is behind it, {age}{kept}", mac=dst)
        return Told(
            Cause.MAC_CLAIMED,
            f"{mac} is claimed here as well, {ago(Duration(known.claimed_ns))}, and served at "
            f"both: its own port is {name(known.port)} (`snoop check`)",
            mac=dst,
        )
    if known.port == case.ingress.id:
        return Told("same_port", f"not sent: {mac} is behind {name(known.port)}, where it came in")
    return Told("elsewhere", f"not sent: {mac} is behind {name(known.port)}, {age}")


def behind(port: Port, case: Case) -> list[FdbEntry]:
    """Give the stations behind a port, last heard first."""
    return sorted((one for one in case.stations if one.port == port.id), key=lambda one: one.age_ns)
