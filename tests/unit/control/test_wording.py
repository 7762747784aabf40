"""Sentences about IGMP said of IPv6: no key that there is not, and none left behind."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import snoop
from snoop.config.schema import IgmpTable, MldTable
from snoop.control.wording import spoken
from snoop.wire.address import Family

KEY = re.compile(r"\[igmp\] ([a-z_0-9]+)")
SAID = {
    found
    for place in ("control", "cli/findings")
    for path in (Path(snoop.__file__).parent / place).rglob("*.py")
    for found in KEY.findall(path.read_text())
} & set(IgmpTable.__struct_fields__)


@pytest.mark.parametrize("key", sorted(SAID))
def test_a_key_that_is_named_is_one_of_its_table(key: str) -> None:
    """SAY-18: the line to type can be typed."""
    said = spoken(f"set [igmp] {key} = 1", Family.IPV6)
    ((table, named),) = re.findall(r"\[(\w+)\] (\w+) = 1", said)
    known = {"igmp": IgmpTable, "mld": MldTable}[table].__struct_fields__
    assert named in known
    assert (table == "mld") == (named in MldTable.__struct_fields__)


def test_a_table_without_a_key_and_other_words_are_mld_s() -> None:
    assert spoken("no IGMP in [igmp]: hosts of IGMPv2", Family.IPV6) == (
        "no MLD in [mld]: hosts of MLDv1"
    )
    assert spoken("[igmp] max_hosts", Family.IPV4) == "[igmp] max_hosts"
