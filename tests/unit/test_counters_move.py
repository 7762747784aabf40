"""Every counter has a test that moves it, and every key of the configuration a reader."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

import snoop
from snoop.config import schema
from snoop.fastpath import REASONS, STATS
from snoop.proto.counters import COUNTERS
from snoop.wire import compose
from unit.device import P1, R
from unit.families import MLD
from unit.frames import ALLOW, BLOCK, IS_EX, IS_IN, OTHER, RQ, S1
from unit.proto_lab import Lab, follower, frame, old_report, query, record, v3

ROOT = Path(snoop.__file__).parents[1]
ADVERTISEMENT = compose.build_mrd_advertisement(interval_s=20, query_interval_s=125, robustness=2)
TABLES = [getattr(schema, name) for name in dir(schema) if name.endswith("Table")]


def fragment() -> bytes:
    whole = bytearray(v3(record(IS_EX)))
    whole[20] |= 0x20  # more fragments
    whole[24:26] = bytes(2)
    total = sum(int.from_bytes(whole[at : at + 2]) for at in range(14, 38, 2))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    whole[24:26] = (total ^ 0xFFFF).to_bytes(2)
    return bytes(whole)


@pytest.mark.parametrize(
    ("port", "data", "moved"),
    [
        (P1, v3(record(IS_IN, sources=[S1])), {"record_is_in": P1, "tx_report_v3": R}),
        (P1, v3(record(ALLOW, sources=[S1])), {"record_allow": P1}),
        (P1, v3(record(BLOCK, sources=[S1])), {"record_block": P1}),
        (P1, old_report(1), {"rx_report_v1": P1, "tx_report_v1": R}),
        (P1, old_report(2), {"rx_report_v2": P1, "tx_report_v2": R}),
        (R, query(version=1), {"rx_query_v1": R, "tx_query_v1": P1}),
        (R, query(version=2), {"rx_query_v2": R, "tx_query_v2": P1}),
        (P1, fragment(), {"igmp_fragment": P1, "tx_fragment": R}),
        (
            R,
            frame(ADVERTISEMENT, src=RQ, dst="224.0.0.106"),
            {"rx_mrd_advertisement": R, "tx_mrd_advertisement": P1},
        ),
        (
            P1,
            frame(compose.build_mrd_solicitation(), src=OTHER, dst="224.0.0.2"),
            {"rx_mrd_solicitation": P1, "tx_mrd_solicitation": R},
        ),
        (
            R,
            frame(compose.build_mrd_termination(), src=RQ, dst="224.0.0.106"),
            {"rx_mrd_termination": R, "tx_mrd_termination": P1},
        ),
        (
            R,
            frame(b"\x13\x01\xec\xfe\x00\x00\x00\x00", src=RQ, dst="224.0.0.4"),
            {"rx_dvmrp": R, "tx_dvmrp": P1},
        ),
        (
            P1,
            frame(b"\x99\x00\x66\xff\x00\x00\x00\x00", src=OTHER, dst="224.0.0.22"),
            {"rx_unknown": P1, "tx_unknown": R},
        ),
    ],
    ids=lambda value: "+".join(value) if isinstance(value, dict) else "",
)
def test_message_moves_its_counters(port: int, data: bytes, moved: dict[str, int]) -> None:
    lab: Lab = follower()
    before = {name: lab.count(name, where) for name, where in moved.items()}
    lab.hear(port, data)
    assert {name: lab.count(name, where) for name, where in moved.items()} == {
        name: number + 1 for name, number in before.items()
    }


@pytest.mark.parametrize(
    ("port", "data", "moved"),
    [
        (P1, MLD.old_report(), {"rx_mld_report_v1": P1, "tx_mld_report_v1": R}),
        (P1, MLD.says(IS_EX), {"rx_mld_report_v2": P1, "tx_mld_report_v2": R, "record_is_ex": P1}),
        (P1, MLD.leave(), {"rx_mld_done": P1, "tx_mld_done": R, "record_to_in": P1}),
        (R, MLD.query(), {"rx_mld_query_v2": R, "rx_mld_query_general": R, "tx_mld_query_v2": P1}),
        (R, MLD.query(MLD.group, old=True), {"rx_mld_query_v1": R, "rx_mld_query_group": R}),
        (R, MLD.query(MLD.group, [MLD.s1]), {"rx_mld_query_source": R}),
    ],
)
def test_message_of_mld_moves_its_counters(port: int, data: bytes, moved: dict[str, int]) -> None:
    lab = MLD.follower()
    before = {name: lab.count(name, where) for name, where in moved.items()}
    lab.hear(port, data)
    assert {name: lab.count(name, where) for name, where in moved.items()} == {
        name: number + 1 for name, number in before.items()
    }


def test_every_counter_is_named_in_some_test() -> None:
    """Whoever adds one adds a test that moves it (snoop/README.md, Recipes)."""
    tests = "\n".join(
        path.read_text()
        for top in ("tests", "native/tests", "netns-lab")
        for path in sorted((ROOT / top).rglob("*"))
        if path.suffix in (".py", ".c", ".h")
    )
    words = set(re.findall(r"\w+", tests))
    fp = [word.removeprefix("FP_") for word in words if word.startswith("FP_")]
    words |= {name.lower() for word in fp for name in (word, re.sub(r"^[A-Z]+_", "", word))}
    assert [name for name in (*COUNTERS, *REASONS, *STATS) if name not in words] == []


@cache
def attributes_read() -> set[str]:
    return {
        node.attr
        for path in (ROOT / "snoop").rglob("*.py")
        if path.name != "schema.py" and path.parent.name != "lab"
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute)
    }


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.__name__)
def test_every_key_reaches_a_reader(table: type) -> None:
    """No option does nothing."""
    read = attributes_read()
    keys = table.__struct_fields__  # type: ignore[attr-defined]  # a msgspec struct's
    assert [key for key in keys if key not in read] == []
