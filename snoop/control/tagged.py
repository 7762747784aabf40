"""Rows about VLANs: those of `show vlans`, and which of them a port is in."""

from __future__ import annotations

from msgspec import Struct


class Tagging(Struct, frozen=True, kw_only=True, gc=False):
    """The VLANs of a port: `pvid`, in and out without a tag (None: none), and `tagged` ranges."""

    pvid: int | None
    tagged: list[str]


class VlanPort(Struct, frozen=True, kw_only=True, gc=False):
    """A port of a VLAN: whether it leaves there with a tag, and whether what has none is of it."""

    port: str
    tagged: bool
    pvid: bool


class VlanFamily(Struct, frozen=True, kw_only=True, gc=False):
    """What one family does in a VLAN; `groups`: those with members or static entries."""

    family: str
    role: str
    pruning: bool
    groups: int


class Vlan(Struct, frozen=True, kw_only=True):
    """A VLAN; `ports` are empty where the switch does not filter: all are in it."""

    vid: int
    name: str | None
    ports: list[VlanPort]
    families: list[VlanFamily]
