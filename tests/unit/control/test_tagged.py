"""Sets of VLANs of what a switch says of its ports, which may be of another version, or none."""

from __future__ import annotations

import msgspec
import pytest

from snoop.control.tagged import Tagging, vids


def test_vlans_of_a_port_are_a_bit_each() -> None:
    assert vids(Tagging(pvid=5, tagged=["7", "9-11"])) == 1 << 5 | 1 << 7 | 0b111 << 9
    assert vids(Tagging(pvid=None, tagged=[])) == 0


def test_ranges_without_end_make_no_number_without_end() -> None:
    assert vids(Tagging(pvid=None, tagged=["1-99999999999"])).bit_length() <= 4096
    assert vids(Tagging(pvid=None, tagged=["99999999999"])).bit_length() <= 4096


@pytest.mark.parametrize("pvid", [-1, 4096, 1 << 40])
def test_a_vlan_that_is_none_is_no_document(pvid: int) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"pvid": pvid, "tagged": []}, Tagging)
