"""What C and Python must agree on, held against the compiled module and the header's own text."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from snoop._native import ffi, lib

from snoop import fastpath
from snoop.control.counters import LOST, PRUNED, REFUSED, dropped
from snoop.fastpath import DROPS, REASONS, STATS, Action, switch
from snoop.runtime import depths, ports
from snoop.table import image
from snoop.table.mdb import Delta, Row, VlanRow
from snoop.table.members import ALL_PORTS, VLAN_DEFAULT, Members
from snoop.wire.address import ANY, Family, parse
from unit.reference import Reason

HEADER = Path(__file__).parents[2] / "native" / "include" / "fp_contract.h"
TEXT = HEADER.read_text()
CODE = re.sub(r"/\*.*?\*/", "", TEXT, flags=re.DOTALL)
STRUCTS = re.findall(r"^struct (\w+) \{", CODE, re.MULTILINE)
G, S = parse("239.1.2.3"), parse("192.0.2.1")
kept: list[object] = []  # what the structs below lie in: an item of a cffi array does not hold it


def rows(delta: Delta) -> list[object]:
    """What C reads of a packed delta."""
    packed, count = image.pack_rows(delta)
    return structs("struct fp_row[]", packed, count)


def vlans(delta: Delta) -> list[object]:
    packed, count = image.pack_vlans(delta)
    return structs("struct fp_vlan[]", packed, count)


def structs(kind: str, packed: bytes, count: int) -> list[object]:
    array = ffi.from_buffer(kind, packed)
    kept.append(array)
    return list(array[0:count])


def test_packed_structures_have_the_compiled_sizes() -> None:
    assert image.ROW.size == ffi.sizeof("struct fp_row")
    assert image.VLAN.size == ffi.sizeof("struct fp_vlan")
    assert image.MEMBERS.size == ffi.sizeof("struct fp_members")
    assert switch._PUNTED.size == ffi.sizeof("struct fp_punted")  # no public name: only its size
    assert lib.FP_FRAME_BYTES_MAX + ffi.sizeof("struct fp_punted") <= switch._DRAIN_BYTES


def test_packed_row_is_read_by_c_as_it_was_meant() -> None:
    mask = 1 | 1 << 64 | 1 << 130 | 1 << 255
    delta = Delta(
        upserts=(Row(7, G, S, mask), Row(4094, G, ANY, 0)),
        deletes=((8, G, S),),
        floods=((S, 120),),
        flood_deletes=((G, 128),),
    )
    deleted, source, group, unflood, flood = rows(delta)
    assert (deleted.op, deleted.vlan, bytes(deleted.group)) == (lib.FP_ROW_DELETE, 8, G)
    assert (source.op, source.vlan, source.flags) == (lib.FP_ROW_SET, 7, 0)
    assert (bytes(source.group), bytes(source.source)) == (G, S)
    assert list(source.ports) == [1, 1, 4, 1 << 63]
    assert (group.vlan, group.flags) == (4094, lib.FP_ROW_ANY_SOURCE)
    always = lib.FP_ROW_ALWAYS_FLOOD | lib.FP_ROW_ANY_SOURCE
    assert (flood.op, flood.flags, flood.vlan) == (lib.FP_ROW_SET, always, lib.FP_VLAN_ANY)
    assert (unflood.op, unflood.flags) == (lib.FP_ROW_DELETE, always)
    assert bytes(flood.group) == S
    assert (flood.prefix_bits, unflood.prefix_bits) == (120, 128)


def test_packed_vlan_is_read_by_c_as_it_was_meant() -> None:
    delta = Delta(
        vlans=(
            VlanRow(10, Family.IPV4, True, mrouters=1 << 200, unregistered=ALL_PORTS),
            VlanRow(VLAN_DEFAULT, Family.IPV4, False, 3, 4, unregistered_mrouters=False),
            VlanRow(11, Family.IPV6, True, 5, 6, bridged=True),
        ),
        vlan_deletes=((20, Family.IPV6),),
    )
    deleted, active, default, other = vlans(delta)
    assert (deleted.op, deleted.vlan, deleted.family) == (lib.FP_ROW_DELETE, 20, Family.IPV6)
    assert (active.op, active.vlan, active.flags) == (lib.FP_ROW_SET, 10, lib.FP_VLAN_ACTIVE)
    assert list(active.mrouters) == [0, 0, 0, 1 << 8]
    assert list(active.unregistered) == [(1 << 64) - 1] * 4
    assert (default.vlan, default.flags) == (lib.FP_VLAN_ANY, lib.FP_VLAN_DROP_UNREGISTERED)
    assert (default.mrouters[0], default.unregistered[0]) == (3, 4)
    assert other.flags == lib.FP_VLAN_ACTIVE | lib.FP_VLAN_BRIDGED
    assert (active.family, other.family) == (Family.IPV4, Family.IPV6)


def test_packed_members_are_read_by_c_as_they_were_meant() -> None:
    delta = Delta(members=(Members(4094, 7 | 1 << 64, 1 << 128),), member_deletes=(20,))
    packed, count = image.pack_members(delta)
    deleted, members = structs("struct fp_members[]", packed, count)
    assert (deleted.op, deleted.vlan) == (lib.FP_ROW_DELETE, 20)
    assert (members.op, members.vlan) == (lib.FP_ROW_SET, 4094)
    assert list(members.ports) == [7, 1, 0, 0]
    assert list(members.untagged) == [0, 0, 1, 0]


def test_constants_of_the_table_layer_are_the_contracts() -> None:
    assert lib.FP_VLAN_ANY == VLAN_DEFAULT
    assert {lib.FP_FAMILY_IPV4, lib.FP_FAMILY_IPV6} == set(Family)
    assert ALL_PORTS.bit_length() == lib.FP_PORTS_MAX == 64 * lib.FP_MASK_WORDS
    assert len(image.words(ALL_PORTS)) == lib.FP_MASK_WORDS
    assert len(G) == lib.FP_ADDRESS_BYTES


def test_constants_of_the_runtime_are_the_contracts() -> None:
    assert ports.PORTS_MAX == lib.FP_PORTS_MAX
    assert depths.RING_SLOT_BYTES == lib.FP_SLOT_BYTES


def test_versions_agree() -> None:
    stated = re.search(r"#define FP_CONTRACT_VERSION (\d+)", TEXT)
    assert stated
    assert int(stated[1]) == lib.FP_CONTRACT_VERSION
    assert lib.fp_contract_version() == lib.FP_CONTRACT_VERSION == fastpath.CONTRACT_VERSION


def test_every_reason_and_counter_has_a_name_of_its_own() -> None:
    names = [*REASONS, *STATS]
    assert len(REASONS) == lib.FP_REASON_MAX
    assert len(STATS) == lib.FP_STAT_MAX
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name) for name in names)


def test_every_reason_does_what_its_constant_says() -> None:
    """FP_DROP_* drop, FP_FORWARD_* forward, FP_FLOOD_* flood, FP_PUNT_* punt."""
    enum = re.search(r"enum fp_reason \{(.*?)\};", CODE, re.DOTALL)
    assert enum
    constants = re.findall(r"\bFP_(\w+?)_\w+", enum[1])[: lib.FP_REASON_MAX]
    assert [action.name for action in REASONS.values()] == constants


def test_every_reason_of_the_reference_is_one_of_the_switch() -> None:
    assert {reason.value for reason in Reason} <= REASONS.keys()


def test_every_drop_reason_counts_as_a_drop() -> None:
    assert {name for name, action in REASONS.items() if action is Action.DROP} <= set(DROPS)
    assert set(DROPS) <= {*REASONS, *STATS}


def test_every_drop_is_lost_pruned_or_refused() -> None:
    """SAY-15."""
    assert sorted([*LOST, *PRUNED, *REFUSED]) == sorted([*DROPS, "punt_stale"])
    every = dict.fromkeys(DROPS, 1)
    assert sum(dropped(every)) == len(DROPS)


def test_header_has_only_what_cffi_and_the_compiler_read_alike() -> None:
    """No includes, conditions, guards, computed or parenthesised macros, no C11 extras."""
    directives = re.findall(r"^\s*#.*$", CODE, re.MULTILINE)
    assert directives
    assert all(re.fullmatch(r"#define [A-Z][A-Z0-9_]* \d+", line.strip()) for line in directives)
    for word in (
        "_Atomic",
        "_Static_assert",
        "__attribute__",
        "extern",
        "...",
        "typedef",
        "inline",
    ):
        assert word not in CODE, word
    assert not re.search(r"\blong\b|\bshort\b|\bdouble\b|\bfloat\b", CODE)
    assert not re.search(r"\(\s*\*", CODE), "function pointer"
    assert not re.search(r":\s*\d+\s*;", CODE), "bit-field"


@pytest.mark.parametrize("name", STRUCTS)
def test_structures_have_no_hidden_padding(name: str) -> None:
    """Fields of fixed width, each at the end of the one before: every compiler lays it out so."""
    struct = ffi.typeof(f"struct {name}")
    end = 0
    for field, description in struct.fields:
        assert description.offset == end, field
        end += ffi.sizeof(description.type)
        element = description.type
        while element.kind == "array":
            element = element.item
        if element.cname.removeprefix("struct ") in STRUCTS:
            continue
        assert re.fullmatch(r"u?int(8|16|32|64)_t", element.cname), field
    assert ffi.sizeof(struct) == end
