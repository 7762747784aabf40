"""Checks of `[[host]]`: what it may not share with others, and what does not go together."""

from __future__ import annotations

from collections.abc import Iterator

from snoop.config.problems import Problem, Unknown
from snoop.config.schema import Config
from snoop.config.schema_port import HostTable
from snoop.wire.address import Family

_IPV6_MTU = 1280  # RFC 8200 5


def problems(config: Config, unknown: Unknown) -> Iterator[Problem]:
    """All of them, but what only follows from what is `unknown`."""
    ports = {port.name: port for port in config.port if port.match is None}
    taken: dict[str, str] = {}
    addresses: set[object] = set()
    macs: dict[str, str] = {}
    for at, host in enumerate(config.host):
        if not unknown.has("host", at, "interface"):
            for name in (host.name, host.device):
                other = ports[name].where if name in ports else taken.get(name)
                if other is not None:
                    what = "it is" if name == host.name else f"its port would be {name},"
                    text = f"{host.where}: {what} {other}, too: allowed is once"
                    yield Problem(text, "host", at, "interface")
                    break
            taken |= dict.fromkeys((host.name, host.device), host.where)
        for each in host.addresses:
            if each.address in addresses:
                text = f"{host.where}: addresses = {each} is given twice: allowed is once"
                yield Problem(text, "host", at, "addresses")
            addresses.add(each.address)
        yield from _same_mac(at, host, macs)
        if host.mtu is not None and host.mtu < _IPV6_MTU and _has_ipv6(host):
            text = (
                f"{host.where}: mtu = {host.mtu} is not allowed with an IPv6 address: from "
                f"{_IPV6_MTU} on"
            )
            yield Problem(text, "host", at, "mtu")


def _same_mac(at: int, host: HostTable, macs: dict[str, str]) -> Iterator[Problem]:
    if host.mac is None:
        return
    where = macs.get(host.mac.lower())
    if where is not None:
        text = f"{host.where}: mac = {host.mac} is that of {where}, too: allowed is once"
        yield Problem(text, "host", at, "mac")
    macs[host.mac.lower()] = host.where


def _has_ipv6(host: HostTable) -> bool:
    return any(each.address.family is Family.IPV6 for each in host.addresses)
