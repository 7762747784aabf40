"""Checks of what ports and static entries say of VLANs, which one key alone does not tell."""

from __future__ import annotations

from collections.abc import Iterator

from snoop.config import resolve
from snoop.config.problems import Problem, Unknown
from snoop.config.schema import Config, StaticTable
from snoop.config.schema_port import PortTable
from snoop.config.words import shown
from snoop.proto.vlans import ranges

SAID = 8
_KEYS = ("access", "trunk", "native")


def problems(config: Config, unknown: Unknown) -> Iterator[Problem]:
    """All of them, but what only follows from what is `unknown`."""
    for table, ports in (("port", config.port), ("host", config.host)):
        for at, port in enumerate(ports):
            yield from _port((table, at), port, config, unknown)
    if unknown.has("switch", None, "vlan_filtering") or not config.switch.vlan_filtering:
        return
    for at, vlan in enumerate(config.vlan):
        if not vlan.vid and not unknown.has("vlan", at, "vid"):
            text = (
                "[[vlan]] vid = 0 is not allowed: with vlan_filtering every frame has a VLAN, "
                "from 1 to 4094"
            )
            yield Problem(text, "vlan", at, "vid")
    for at, static in enumerate(config.static):
        if not unknown.has("static", at, "vlan"):
            yield from _static(at, static, config, unknown)


def are_open(unknown: Unknown) -> bool:
    """Tell whether it is not known what VLAN a port's frames without a tag have."""
    return unknown.has("switch", None, "vlan_filtering") or any(
        unknown.any(table, key) for table in ("port", "host") for key in _KEYS
    )


def _port(
    place: tuple[str, int], port: PortTable, config: Config, unknown: Unknown
) -> Iterator[Problem]:
    """A port is access, or a trunk that may have a native VLAN."""
    where = f"{port.where}:"
    given = {key: getattr(port, key) for key in _KEYS if getattr(port, key) is not None}
    if not config.switch.vlan_filtering and not unknown.has("switch", None, "vlan_filtering"):
        for key, value in given.items():
            if unknown.has(*place, key):
                continue
            text = (
                f"{where} {key} = {shown(value)} is not allowed: only with [switch] "
                "vlan_filtering = true"
            )
            yield Problem(text, *place, key)
    if "access" in given and "trunk" in given:
        text = (
            f"{where} access = {port.access} is not allowed: not beside trunk, whose VLAN without "
            "tags is native"
        )
        yield Problem(text, *place, "access")
    elif "native" in given and port.trunk is None and not unknown.has(*place, "trunk"):
        beside = f", and this port has access = {port.access}" if "access" in given else ""
        text = f"{where} native = {port.native} is not allowed: only with trunk{beside}"
        yield Problem(text, *place, "native")
    for one in port.trunk or ():
        first, _, last = str(one).partition("-")
        if last and int(first) > int(last):
            text = (
                f'{where} trunk = "{one}" is not allowed: a range from the lower VLAN to the '
                f'higher (did you mean "{last}-{first}"?)'
            )
            yield Problem(text, *place, "trunk")


def _static(at: int, static: StaticTable, config: Config, unknown: Unknown) -> Iterator[Problem]:
    """Left out, the VLAN of an entry is that of its ports' frames without a tag."""
    where = f"[[static]] {static.group}:"
    if static.vlan == 0:
        text = (
            f"{where} vlan = 0 is not allowed: with vlan_filtering a VLAN from 1 to 4094; left "
            "out, that of each port's frames without a tag"
        )
        yield Problem(text, "static", at, "vlan")
    if static.vlan is not None:
        return
    places = (("port", config.port), ("host", config.host))
    for table, number, port in (
        (of, n, one) for of, ports in places for n, one in enumerate(ports)
    ):
        if port.name not in static.ports or any(unknown.has(table, number, k) for k in _KEYS):
            continue
        if not resolve.pvid(port):
            vlans = resolve.port_vlans(config.switch, port)
            there = ", ".join(ranges(vlans.all)[:SAID]) if vlans else ""
            text = (
                f'{where} ports = "{port.name}" is not allowed without vlan: a trunk without '
                f"native, of VLAN {there}"
            )
            yield Problem(text, "static", at, "ports")
