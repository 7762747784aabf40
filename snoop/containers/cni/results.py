"""Addresses and routes that were given out, and results, in the words of every version."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Any, NamedTuple

from snoop.containers.cni.failing import Code, Failed

Interface = ipaddress.IPv4Interface | ipaddress.IPv6Interface
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
MOST = 256


class Given(NamedTuple):
    """An address with its prefix, and the router of that network."""

    address: Interface
    gateway: Address | None


class Route(NamedTuple):
    """A route; without `gateway` by that of an address of its family, or on the link."""

    destination: Network
    gateway: Address | None = None
    mtu: int | None = None
    priority: int | None = None


class Addressing(NamedTuple):
    """What an IPAM plugin said, or an earlier result; `dns` is passed on as it is."""

    given: tuple[Given, ...] = ()
    routes: tuple[Route, ...] = ()
    dns: Mapping[str, Any] = {}

    @property
    def whole_routes(self) -> list[Route]:
        """The routes, each with the gateway by which it goes. Groups go by none that they do not
        name: the kernel would send to its MAC address.
        """
        own = {one.address.version: one.gateway for one in reversed(self.given) if one.gateway}
        return [
            route
            if route.gateway or route.destination.is_multicast
            else route._replace(gateway=own.get(route.destination.version))
            for route in self.routes
        ]


def read(raw: Mapping[str, Any], whose: str, *, interface: int | None = None) -> Addressing:
    """Take a result apart; with `interface` only addresses of the interface of that number."""
    try:
        ips, routes, dns = raw.get("ips") or [], raw.get("routes") or [], raw.get("dns") or {}
        if len(ips) > MOST or len(routes) > MOST:
            raise ValueError(f"more than {MOST} addresses or routes")
        given = tuple(
            Given(ipaddress.ip_interface(one["address"]), _address(one.get("gateway")))
            for one in ips
            if interface is None or one.get("interface", interface) == interface
        )
        taken = tuple(
            Route(
                ipaddress.ip_network(one["dst"], strict=False),
                _address(one.get("gw")),
                _bounded(one.get("mtu")),
                _bounded(one.get("priority")),
            )
            for one in routes
        )
        return Addressing(given, taken, dict(dns))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise Failed(Code.DECODING, f"{whose} cannot be read: {error!r}") from error


def _address(said: object) -> Address | None:
    return ipaddress.ip_address(str(said)) if said else None


def _bounded(said: object) -> int | None:
    if said is None:
        return None
    if not isinstance(said, int) or not 0 <= said < 1 << 32:
        raise ValueError(f"{said!r} is no number of 32 bits")
    return said or None


def written(
    version: str,
    interfaces: list[dict[str, Any]],
    got: Addressing,
    before: Mapping[str, Any],
) -> dict[str, Any]:
    """The result of ADD: what was there `before`, then ours, the last of the interfaces being the
    container's.
    """
    first = list(before.get("interfaces") or [])
    number = len(first) + len(interfaces) - 1
    ips = []
    for one in got.given:
        ip: dict[str, Any] = {"address": str(one.address), "interface": number}
        if one.gateway:
            ip["gateway"] = str(one.gateway)
        if version < "1.0.0":
            ip["version"] = str(one.address.version)
        ips.append(ip)
    routes = []
    for route in got.routes:
        said: dict[str, Any] = {"dst": str(route.destination)}
        if route.gateway:
            said["gw"] = str(route.gateway)
        if version >= "1.1.0":
            said |= {
                key: value
                for key, value in (("mtu", route.mtu), ("priority", route.priority))
                if value
            }
        routes.append(said)
    if version < "1.1.0":
        interfaces = [{k: v for k, v in one.items() if k != "mtu"} for one in interfaces]
    return {
        "cniVersion": version,
        "interfaces": first + interfaces,
        "ips": list(before.get("ips") or []) + ips,
        "routes": list(before.get("routes") or []) + routes,
        "dns": dict(before.get("dns") or {}) | dict(got.dns),
    }
