"""What Docker asks of a network driver: the bodies of the remote driver protocol, as structs.

Docker sends more than is read here, `null` for what is empty, and numbers as it likes: what is not
needed is passed over, what is must be right. An id becomes part of an interface's name, and nothing
but letters and digits.
"""

from __future__ import annotations

from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta, Struct

Asked = TypeVar("Asked", bound=Struct)
Id = Annotated[str, Meta(pattern="^[0-9A-Za-z]{12,128}$")]
Text = Annotated[str, Meta(max_length=4096)]

BODY_BYTES_MAX = 1 << 20
_NAMES = {
    "network": "NetworkID", "endpoint": "EndpointID", "options": "Options", "ipv4": "IPv4Data",
    "ipv6": "IPv6Data", "interface": "Interface", "sandbox": "SandboxKey", "pool": "Pool",
    "gateway": "Gateway", "address": "Address", "address6": "AddressIPv6", "mac": "MacAddress",
}  # fmt: skip


class _Body(Struct, frozen=True, kw_only=True, rename=_NAMES.get):
    """One of these names a field, or its own."""


class Malformed(Exception):
    """A body that is none: one line."""


class Nothing(_Body, frozen=True, kw_only=True):
    """Of what is answered whatever is asked."""


class Pool(_Body, frozen=True, kw_only=True):
    """A subnet of a network, and the address that is kept for its gateway, as 10.5.0.1/24."""

    pool: Text = ""
    gateway: Text = ""


class NewNetwork(_Body, frozen=True, kw_only=True):
    """`docker network create`."""

    network: Id
    options: dict[str, Any] | None = None
    ipv4: list[Pool] | None = None
    ipv6: list[Pool] | None = None


class OfNetwork(_Body, frozen=True, kw_only=True):
    """What is said of a network alone."""

    network: Id


class OfEndpoint(_Body, frozen=True, kw_only=True):
    """What is said of a container's place in a network alone; of an endpoint that we wire."""

    network: Id
    endpoint: Id
    options: dict[str, Any] | None = None


class Interface(_Body, frozen=True, kw_only=True):
    """What Docker has decided of an interface; empty: the driver may."""

    address: Text = ""
    address6: Text = ""
    mac: Text = ""


class NewEndpoint(OfEndpoint, frozen=True, kw_only=True):
    """A container is about to get a place in a network."""

    interface: Interface | None = None


class Joining(OfEndpoint, frozen=True, kw_only=True):
    """It takes its place; `sandbox` is the same for all the networks of a container."""

    sandbox: Text = ""


def read(kind: type[Asked], body: bytes) -> Asked:
    """The body of a request; an empty one is one without fields."""
    try:
        return msgspec.json.decode(body or b"{}", type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Malformed(f"this is no request of Docker: {error}") from error
