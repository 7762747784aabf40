"""Addresses and routes on the container's interface, by rtnetlink in its namespace."""

from __future__ import annotations

import errno
import socket
import struct
from collections.abc import Iterator

from snoop.containers import pairs
from snoop.containers.cni.failing import Code, Failed
from snoop.containers.cni.results import Addressing, Route
from snoop.links import addresses, rtnetlink
from snoop.links.rtnetlink import Asker, attribute

_RTMSG = struct.Struct("=BBBBBBBBI")
_RTA_DST, _RTA_OIF, _RTA_GATEWAY, _RTA_PRIORITY, _RTA_METRICS = 1, 4, 5, 6, 8
_RTAX_MTU = 2
_TABLE_MAIN, _BY_ADMINISTRATOR, _UNICAST, _ON_LINK = 254, 4, 1, 253
_FAMILIES = {4: socket.AF_INET, 6: socket.AF_INET6}


def put_on(namespace: int, name: str, ifindex: int, got: Addressing) -> None:
    """Give an interface that is up its addresses and routes. A route that is there already stays:
    of two networks the first has the way out.
    """
    if any(one.address.version == 6 for one in got.given):
        pairs.ipv6(namespace, name, on=True)  # engines switch it off
    with pairs.asking(namespace) as asker:
        for one in got.given:
            try:
                # Who gave it out has seen to it that nobody else has it.
                addresses.give(asker, ifindex, one.address, sole=True)
            except OSError as error:
                raise Failed(Code.IO, f"{name}: address {one.address}: {error.strerror}") from error
        for route in got.whole_routes:
            try:
                made, flags = _route(route, ifindex), rtnetlink.EXCLUSIVELY
                asker.tell(rtnetlink.NEWROUTE, made, flags=flags)
            except OSError as error:
                if error.errno != errno.EEXIST:
                    to = f"{route.destination} by {route.gateway or 'the link'}"
                    raise Failed(Code.IO, f"{name}: route to {to}: {error.strerror}") from error


def routed(asker: Asker, ifindex: int) -> Iterator[tuple[bytes, int]]:
    """Where its routes of the main table lead: network, b"" of a default route, and prefix."""
    for payload in asker.dump(rtnetlink.GETROUTE, bytes(_RTMSG.size)):
        bits, table = payload[1], payload[4]
        found = rtnetlink.attributes(payload[_RTMSG.size :])
        if table == _TABLE_MAIN and rtnetlink.number(found, _RTA_OIF) == ifindex:
            yield found.get(_RTA_DST, b""), bits


def _route(route: Route, ifindex: int) -> bytes:
    to = route.destination
    scope = 0 if route.gateway or to.version == 6 else _ON_LINK
    family = _FAMILIES[to.version]
    made = _RTMSG.pack(
        family, to.prefixlen, 0, 0, _TABLE_MAIN, _BY_ADMINISTRATOR, scope, _UNICAST, 0
    )
    made += attribute(_RTA_DST, to.network_address.packed)
    made += attribute(_RTA_OIF, struct.pack("=I", ifindex))
    if route.gateway:
        made += attribute(_RTA_GATEWAY, route.gateway.packed)
    if route.priority:
        made += attribute(_RTA_PRIORITY, struct.pack("=I", route.priority))
    if route.mtu:
        metric = attribute(_RTAX_MTU, struct.pack("=I", route.mtu))
        made += attribute(_RTA_METRICS, metric)
    return made
