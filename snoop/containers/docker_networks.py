"""A Docker network of this driver: what `docker network create` says of it, checked and remembered.

**Gateway.** A switch is no router: a default route is right only where somebody answers for it.
Docker before 28 reserves the first address of a subnet, or of its --ip-range, as the gateway's and
does not tell a driver whether anybody asked for that; a container that is in a bridge network too
would lose its way out to an address that nobody has. So the gateway is answered where it was
certainly meant: Docker says so (28, which asks us whether to reserve one), it cannot be the first
of anything, it is an address of the host's place on the switch, or `-o gateway=on`.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from msgspec import Struct

from snoop.containers.docker_words import NewNetwork, Pool

GENERIC = "com.docker.network.generic"
_INTERNAL, _IPV6 = "com.docker.network.internal", "com.docker.network.enable_ipv6"
_MTU = "com.docker.network.driver.mtu"  # what compose files write for every driver
OPTIONS = ("switch", "vlan", "mtu", "gateway")
_GATEWAY = ("auto", "on", "off")
_MTU_MAX = 65535
_MTU_MIN = {4: 68, 6: 1280}
_RANGE = 4  # addresses that an --ip-range has at least: fewer would be no use


class Refused(Exception):
    """What Docker shows its user: a sentence."""


class Gateway(Struct, frozen=True):
    """Of one subnet: the address, and whether it was certainly asked for."""

    address: str
    meant: bool


class Network(Struct, frozen=True, kw_only=True):
    """Of one network, what outlives its creation."""

    switch: str = "sw0"
    vlan: int | None = None
    mtu: int | None = None
    gateway: Literal["auto", "on", "off"] = "auto"
    internal: bool = False
    gateways: tuple[Gateway, ...] = ()

    def routers(self, hosts: Sequence[str]) -> dict[int, str]:
        """The default gateway by IP version, where the host itself has the addresses `hosts`."""
        if self.internal or self.gateway == "off":
            return {}
        there = {ipaddress.ip_address(each) for each in hosts}
        found: dict[int, str] = {}
        for each in self.gateways:
            address = ipaddress.ip_address(each.address)
            if self.gateway == "on" or each.meant or address in there:
                found.setdefault(address.version, each.address)
        return found


def network(asked: NewNetwork, *, told: bool) -> Network:
    """What a request says; `told`: this Docker names a gateway only where one was asked for."""
    options = asked.options or {}
    given = _given(options)
    pools = [*(asked.ipv4 or ()), *(asked.ipv6 or ())]
    return Network(
        switch=_switch(given.get("switch", "sw0")),
        vlan=_number("vlan", given.get("vlan"), 1, 4094),
        mtu=_number("mtu", given.get("mtu"), _MTU_MIN[6 if asked.ipv6 else 4], _MTU_MAX),
        gateway=_one_of("gateway", given.get("gateway", "auto"), _GATEWAY),
        internal=options.get(_INTERNAL) is True,
        gateways=tuple(_gateway(each, told) for each in pools if each.gateway),
    )


def _given(options: Mapping[str, Any]) -> dict[str, str]:
    """Those of `-o`."""
    generic = options.get(GENERIC)
    if generic is None:
        generic = {}
    if not isinstance(generic, dict) or not all(isinstance(v, str) for v in generic.values()):
        raise Refused(f"{GENERIC} is no table of words")
    given = {"mtu" if key == _MTU else key: value for key, value in generic.items()}
    for key in given:
        if key not in OPTIONS:
            raise Refused(f'no option "{_short(key)}"; there are {", ".join(OPTIONS)}')
    return given


def _switch(name: str) -> str:
    if not name or "/" in name or name in (".", "..") or not name.isprintable() or len(name) > 64:
        raise Refused(f'switch = "{_short(name)}" is no name of a switch; `snoop list` has them')
    return name


def _number(key: str, text: str | None, low: int, high: int) -> int | None:
    if text is None:
        return None
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else -1
    if not low <= number <= high:
        raise Refused(f'{key} = "{_short(text)}": must be {low} to {high}')
    return number


def _one_of(key: str, text: str, words: Sequence[Any]) -> Any:
    if text not in words:
        raise Refused(f'{key} = "{_short(text)}": must be {", ".join(words[:-1])} or {words[-1]}')
    return text


def _gateway(pool: Pool, told: bool) -> Gateway:
    try:
        address = ipaddress.ip_interface(pool.gateway).ip
        subnet = ipaddress.ip_network(pool.pool, strict=False)
    except ValueError as error:
        raise Refused(f"no gateway of a subnet: {_short(str(error))}") from error
    first = address == subnet.network_address + 1 or int(address) % _RANGE == 0
    return Gateway(str(address), told or not first)


def _short(text: str) -> str:
    return text if len(text) <= 40 else text[:40] + "…"
