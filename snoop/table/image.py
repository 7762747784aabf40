"""Packs a `Delta` into the structures of `native/include/fp_contract.h`.

One `struct.Struct` per C structure; `tests/unit/test_contract.py` compares their sizes with the
compiled ones.  Integers are native-endian, addresses are bytes as on the wire, masks are four
64-bit words with port p in bit p % 64 of word p // 64.
"""

from __future__ import annotations

import struct

from snoop.proto.units import Ports
from snoop.table.mdb import Delta, VlanRow
from snoop.table.members import VLAN_DEFAULT
from snoop.wire.address import ANY, Address

ROW = struct.Struct("=16s16s4QHBBB3x")
"""`struct fp_row`: group, source, ports[4], vlan, op, flags, prefix_bits."""

VLAN = struct.Struct("=4Q4QHBBB3x")
"""`struct fp_vlan`: unregistered, mrouters, vlan, op, flags, family."""

MEMBERS = struct.Struct("=4Q4QHB5x")
"""`struct fp_members`: ports, untagged, vlan, op."""

_DELETE, _SET = 0, 1  # enum fp_row_op
_ANY_SOURCE, _ALWAYS_FLOOD = 1, 2  # enum fp_row_flag
_ACTIVE, _DROP_UNREGISTERED, _BRIDGED, _AHEAD = 1, 2, 4, 8  # enum fp_vlan_flag
_WORD = (1 << 64) - 1


def pack_rows(delta: Delta) -> tuple[bytearray, int]:
    """The group rows of a delta as an array of `struct fp_row`, deletes first, and their count."""
    count = len(delta.deletes) + len(delta.upserts) + len(delta.floods) + len(delta.flood_deletes)
    image = bytearray(count * ROW.size)
    at = 0
    for vid, group, source in delta.deletes:
        _pack_row(image, at, vid, group, source, 0, _DELETE)
        at += ROW.size
    for row in delta.upserts:
        _pack_row(image, at, row.vid, row.group, row.source, row.ports, _SET)
        at += ROW.size
    for operation, prefixes in ((_DELETE, delta.flood_deletes), (_SET, delta.floods)):
        for group, bits in prefixes:
            flags = _ALWAYS_FLOOD | _ANY_SOURCE
            ROW.pack_into(image, at, group, ANY, 0, 0, 0, 0, VLAN_DEFAULT, operation, flags, bits)
            at += ROW.size
    return image, count


def pack_vlans(delta: Delta) -> tuple[bytearray, int]:
    """The VLAN rows of a delta as an array of `struct fp_vlan`, deletes first, and their count."""
    image = bytearray()
    if not (delta.vlans or delta.vlan_deletes):
        return image, 0
    for vid, family in delta.vlan_deletes:
        image += VLAN.pack(*(0,) * 8, vid, _DELETE, 0, family)
    for row in delta.vlans:
        image += _pack_vlan(row)
    return image, len(image) // VLAN.size


def _pack_vlan(row: VlanRow) -> bytes:
    flags = _ACTIVE if row.active else 0
    if not row.unregistered_mrouters:
        flags |= _DROP_UNREGISTERED
    flags |= _BRIDGED if row.bridged else 0
    flags |= _AHEAD if row.ahead else 0
    return VLAN.pack(
        *words(row.unregistered),
        *words(row.mrouters),
        row.vid,
        _SET,
        flags,
        row.family,
    )


def pack_members(delta: Delta) -> tuple[bytearray, int]:
    """Who is in which VLAN as an array of `struct fp_members`, deletes first, and their count."""
    image = bytearray()
    if not (delta.members or delta.member_deletes):
        return image, 0
    for vid in delta.member_deletes:
        image += MEMBERS.pack(*(0,) * 8, vid, _DELETE)
    for row in delta.members:
        image += MEMBERS.pack(*words(row.ports), *words(row.untagged), row.vid, _SET)
    return image, len(image) // MEMBERS.size


def _pack_row(
    image: bytearray,
    at: int,
    vid: int,
    group: Address,
    source: Address,
    ports: Ports,
    operation: int,
) -> None:
    flags = _ANY_SOURCE if source == ANY else 0
    ROW.pack_into(image, at, group, source, *words(ports), vid, operation, flags, 0)


def words(ports: Ports) -> tuple[int, int, int, int]:
    """A port set as the four words of a C mask, lowest ports first."""
    return (
        ports & _WORD,
        ports >> 64 & _WORD,
        ports >> 128 & _WORD,
        ports >> 192 & _WORD,
    )
