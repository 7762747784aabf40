"""The bytes handed to the C fast path, field by field as `fp_contract.h` lays them out."""

import re
import struct
from pathlib import Path

from snoop.table import image
from snoop.table.mdb import Delta, Row, VlanRow
from snoop.table.members import VLAN_DEFAULT
from snoop.wire.address import ANY, Family, parse

CONTRACT = Path(__file__).parents[3] / "native" / "include" / "fp_contract.h"
SIZES = {"uint8_t": 1, "uint16_t": 2, "uint32_t": 4, "uint64_t": 8}
G, S = parse("239.1.2.3"), parse("192.0.2.1")


def fields_of(struct_name: str) -> list[tuple[str, int, int]]:
    """(name, size of an element, count) of each field of a struct of the contract header."""
    body = re.search(rf"struct {struct_name} {{(.*?)\n}};", CONTRACT.read_text(), re.DOTALL)
    assert body
    lines = re.sub(r"/\*.*?\*/", "", body[1], flags=re.DOTALL)
    return [
        (name, SIZES[kind], int(count) if count.isdigit() else constant(count) if count else 1)
        for kind, name, count in re.findall(r"(uint\d+_t) (\w+)(?:\[(\w+)\])?;", lines)
    ]


def read(struct_name: str, data: bytes) -> dict[str, object]:
    """Read one struct by the header's own text, not by image.py's format."""
    values: dict[str, object] = {}
    offset = 0
    for name, size, count in fields_of(struct_name):
        if size == 1 and count > 1:
            values[name] = data[offset : offset + count]
        else:
            code = {1: "B", 2: "H", 4: "I", 8: "Q"}[size]
            found = struct.unpack_from(f"={count}{code}", data, offset)
            values[name] = found if count > 1 else found[0]
        offset += size * count
    assert offset == len(data)
    return values


def constant(name: str) -> int:
    found = re.search(rf"\b{name}(?: =)? (\d+)", CONTRACT.read_text())
    assert found
    return int(found[1])


def test_row_is_packed_as_the_header_states() -> None:
    ports = 1 | 1 << 64 | 1 << 255
    data, count = image.pack_rows(Delta(upserts=(Row(7, G, S, ports), Row(7, G, ANY, 0))))
    assert (count, len(data)) == (2, 2 * image.ROW.size)
    assert read("fp_row", bytes(data[: image.ROW.size])) == {
        "group": G,
        "source": S,
        "ports": (1, 1, 0, 1 << 63),
        "vlan": 7,
        "op": constant("FP_ROW_SET"),
        "flags": 0,
        "prefix_bits": 0,
        "pad": bytes(3),
    }
    second = read("fp_row", bytes(data[image.ROW.size :]))
    assert (second["source"], second["flags"]) == (ANY, constant("FP_ROW_ANY_SOURCE"))


def test_deletes_come_before_upserts_and_name_the_row() -> None:
    data, count = image.pack_rows(Delta(upserts=(Row(7, G, S, 1),), deletes=((7, G, ANY),)))
    first = read("fp_row", bytes(data[: image.ROW.size]))
    assert count == 2
    assert (first["op"], first["source"], first["vlan"]) == (constant("FP_ROW_DELETE"), ANY, 7)
    assert first["flags"] == constant("FP_ROW_ANY_SOURCE")


def test_always_flood_rows_belong_to_every_vlan() -> None:
    """SNOOP-42."""
    data, count = image.pack_rows(Delta(floods=((G, 104),)))
    row = read("fp_row", bytes(data))
    assert count == 1
    assert row["vlan"] == constant("FP_VLAN_ANY") == VLAN_DEFAULT
    assert row["flags"] & constant("FP_ROW_ALWAYS_FLOOD")
    assert row["prefix_bits"] == 104


def test_vlan_row_is_packed_as_the_header_states() -> None:
    row = VlanRow(10, Family.IPV4, True, mrouters=1 << 65, unregistered=(1 << 256) - 1)
    other = VlanRow(10, Family.IPV6, True, 1, 1)
    data, count = image.pack_vlans(Delta(vlans=(row, other)))
    assert count == 2
    assert read("fp_vlan", bytes(data[image.VLAN.size :]))["family"] == constant("FP_FAMILY_IPV6")
    assert read("fp_vlan", bytes(data[: image.VLAN.size])) == {
        "unregistered": ((1 << 64) - 1,) * 4,
        "mrouters": (0, 2, 0, 0),
        "vlan": 10,
        "op": constant("FP_ROW_SET"),
        "flags": constant("FP_VLAN_ACTIVE"),
        "family": constant("FP_FAMILY_IPV4"),
        "pad": bytes(3),
    }


def test_joins_served_ahead_are_a_flag() -> None:
    row = VlanRow(10, Family.IPV4, True, 1, 0, ahead=True)
    data, _ = image.pack_vlans(Delta(vlans=(row,)))
    assert image.VLAN.unpack(data)[10] == 1 | 8


def test_bridged_family_is_a_flag() -> None:
    """SNOOP-34."""
    data, _ = image.pack_vlans(Delta(vlans=(VlanRow(10, Family.IPV6, True, 1, 0, bridged=True),)))
    flags = constant("FP_VLAN_ACTIVE") | constant("FP_VLAN_BRIDGED")
    assert read("fp_vlan", bytes(data))["flags"] == flags


def test_inactive_vlan_and_policy_drop_are_flags() -> None:
    """Q-15; SNOOP-32 and the deviation `drop`."""
    row = VlanRow(10, Family.IPV4, False, 1, 0, unregistered_mrouters=False)
    data, _ = image.pack_vlans(Delta(vlans=(row,), vlan_deletes=((4, Family.IPV4),)))
    gone, kept = data[: image.VLAN.size], data[image.VLAN.size :]
    assert read("fp_vlan", bytes(gone))["op"] == constant("FP_ROW_DELETE")
    assert read("fp_vlan", bytes(kept))["flags"] == constant("FP_VLAN_DROP_UNREGISTERED")
