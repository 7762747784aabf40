"""What is seldom meant of VLANs: who is in them, and what they are called.

As in `odd`, nothing in here is refused.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import lru_cache

from snoop.config import resolve
from snoop.config.schema import Config
from snoop.config.schema_port import PortTable
from snoop.proto.vlans import ranges

_SAID = 8


def notes(config: Config) -> Iterator[str]:
    """All of them."""
    for name, times in Counter(vlan.name for vlan in config.vlan if vlan.name).items():
        if times > 1:
            yield f'[[vlan]] name = "{name}" is given to {times} VLANs'
    horizons = Counter(port.split_horizon for port in config.tables)
    for port in config.tables:
        if port.split_horizon is not None and horizons[port.split_horizon] == 1:
            yield (
                f'{port.where}: split_horizon = "{port.split_horizon}" is that of no other '
                "port: it keeps nothing apart"
            )
    if config.switch.vlan_filtering:
        yield from _members(config)
        yield from _statics(config)


def _members(config: Config) -> Iterator[str]:
    """Of the VLANs that ports have."""
    masks = _masks(config)
    once = twice = 0
    for mask in masks.values():
        twice |= once & mask
        once |= mask
    for port in config.tables:
        yield from _overlaps(port)
        if alone := masks[port.name] & once & ~twice:
            yield (
                f"{port.where}: no other port is in VLAN {_said(alone)}: what comes in "
                "there goes nowhere"
            )
    for vlan in config.vlan:
        if not once >> vlan.vid & 1:
            yield f"[[vlan]] {vlan.vid}: no port is in it"


def _overlaps(port: PortTable) -> Iterator[str]:
    if twice := _twice(tuple(port.trunk or ())):
        yield f"{port.where}: trunk has VLAN {_said(twice)} more than once"


@lru_cache(512)
def _twice(listed: tuple[int | str, ...]) -> int:
    seen = twice = 0
    for one in listed:
        mask = resolve.span(one)
        twice |= seen & mask
        seen |= mask
    return twice


def _statics(config: Config) -> Iterator[str]:
    """Entries that never deliver."""
    masks = _masks(config)
    for static, vid, name in resolve.static_entries(config):
        if not masks[name] >> vid & 1:
            yield (
                f"[[static]] {static.group}: {name} is not in VLAN {vid} and gets nothing; it is "
                f"in {_said(masks[name])}"
            )


def _masks(config: Config) -> dict[str, int]:
    """Every port's VLANs, a bit each."""
    found = ((port.name, resolve.port_vlans(config.switch, port)) for port in config.tables)
    return {name: vlans.all for name, vlans in found if vlans is not None}


def _said(mask: int) -> str:
    there = ranges(mask)
    more = len(there) - _SAID
    return ", ".join(there[:_SAID]) + (f" and {more} more" if more > 0 else "")
