"""The VLAN of a frame: why it is in that one, whom it cannot reach there, how it leaves.

All of it is said of a switch that filters; without `vlan_filtering` there is nothing to say.
"""

from __future__ import annotations

from snoop.control import vlans
from snoop.control.causes import Cause
from snoop.control.explaining import evidence
from snoop.control.explaining.case import Case, Told, ago
from snoop.control.explaining.heading import ETHERTYPE_SERVICE
from snoop.control.reasons import REASONS
from snoop.control.tagged import spelled
from snoop.proto.views import Departure, MdbRow
from snoop.proto.vlans import PortVlans, ranges
from snoop.runtime import clock
from snoop.runtime.port import Port
from snoop.wire import address


def because(case: Case) -> str | None:
    """Say why the frame is in its VLAN, or in none."""
    own = vlans.of(case.plane, case.ingress)
    if own is None:
        return None
    heading, name = case.question.heading, case.ingress.name
    if heading.tag:
        return f"its tag says VLAN {heading.tag}"
    brings = "it has no tag"
    if heading.tag == 0:
        brings = "its tag has a priority alone (VID 0)"
    elif heading.ethertype == ETHERTYPE_SERVICE:
        brings = "its tag is a service tag (0x88a8), which counts as none"
    if not own.pvid:
        return f"{brings}, and {name} has no native VLAN"
    of = "native VLAN" if own.tagged else "VLAN"
    return f"{brings}: the {of} of {name} is {own.pvid}"


def refused(case: Case) -> Told:
    """Say why the port it comes in at does not take it (VLAN-3), and what to type."""
    own = vlans.of(case.plane, case.ingress)
    name, vid = case.ingress.name, case.question.heading.tag
    if own is None:  # the table is of a moment ago
        return Told(Cause.VLAN_FILTERED, REASONS[Cause.VLAN_FILTERED].because or "")
    if not vid:
        return Told(
            Cause.VLAN_FILTERED,
            f"dropped: {because(case)}",
            do=f"snoop port set {name} native=VID, the VLAN that such frames are of",
        )
    return Told(
        Cause.VLAN_FILTERED,
        f"dropped: {name} is not in VLAN {vid} (it is in {spelled(own.all)})",
        do=admit(name, own, vid),
    )


def admit(name: str, own: PortVlans, vid: int) -> str:
    """Say what to type for a port to take a VLAN with a tag."""
    if not own.tagged:
        return f"snoop port set {name} trunk={vid} native={own.pvid}, or let it send without a tag"
    return f"snoop port set {name} trunk={','.join(ranges(own.tagged | 1 << vid))}"


def apart(case: Case, port: Port) -> Told | None:
    """Say that a port is out of reach: not in the VLAN, or of the same split horizon."""
    own = vlans.of(case.plane, port)
    if own is not None and not own.has(case.vid):
        return _outside(case, port, own)
    horizon = port.table.split_horizon
    if horizon is None or horizon != case.ingress.table.split_horizon:
        return None
    said = f'split_horizon = "{horizon}" is also that of {case.ingress.name}, where it came in'
    row = next(iter(case.members.get(port.id, ())), None)
    if row is None:
        return Told(Cause.SPLIT_HORIZON, said)
    return Told(
        Cause.SPLIT_HORIZON,
        f"{said}, so what {_who(row)} there has joined does not reach it",
        host=row.last_reporter,
        do=f"take [[port]] split_horizon from {port.name}, if it is not meant so",
    )


def _outside(case: Case, port: Port, own: PortVlans) -> Told:
    because, group = f"not in VLAN {case.vid}", case.group
    row = next(iter(case.members.get(port.id, ())), None)
    if row is not None and row.origin == "static" and group is not None:
        return Told(
            Cause.STATIC_OUTSIDE,
            f"{because}: the static entry that it has there never delivers",
            do=f"{admit(port.name, own, case.vid)}; or snoop mdb del {address.text(group)} "
            f"--port {port.name} --vlan {case.vid}",
        )
    if group is None:
        return Told("not_in_vlan", because)
    gone = case.plane.engine.witnesses.gone(clock.now(), [port.id], vid=case.vid, group=group)
    left = next((row for row in gone if row.how is Departure.VLAN_LEFT), None)
    if left is not None:
        who = evidence.named(left.address, left.mac)
        ended = f"the membership of {who} ended when the port left it, {ago(left.age)}"
        return Told(Cause.WRONG_VLAN, f"{because}: {ended}", host=left.address, mac=left.mac)
    other = next((row for row in case.elsewhere if row.port == port.id), None)
    if other is None or case.registered:
        return Told("not_in_vlan", because)
    return Told(
        Cause.WRONG_VLAN,
        f"{because}: {_who(other)} behind it has joined it in VLAN {other.vid}",
        host=other.last_reporter,
        do=f"snoop show mdb --group {address.text(group)}",
    )


def _who(row: MdbRow) -> str:
    if row.origin == "static":
        return "a static entry"
    return "a host" if row.last_reporter is None else address.text(row.last_reporter)


def tagged(case: Case, port: Port) -> bool | None:
    """Say whether the frame leaves there with a tag; None where tags stay as they are."""
    if vlans.of(case.plane, port) is None or case.verdict.untagged is None:
        return None
    return not case.verdict.untagged >> port.id & 1


def listed(case: Case, port: Port) -> Told:
    """Say why a port gets what is not IP and has an entry by its MAC address, or not (L2-3)."""
    mac = address.mac_text(case.question.heading.dst)
    if case.forwarded(port):
        return Told("static", f"static entry of {mac}: [[static]] or `snoop mdb add`")
    return Told("no_member", f"pruned: static entries send {mac} to other ports only")
