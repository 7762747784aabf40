"""The tests' own frame builders: against the golden vectors, and the quick ones against scapy."""

import pytest

from unit import frames
from unit.frames import IS_EX, IS_IN, S1, S2, TO_EX, G

PACKED = {a: bytes(map(int, a.split("."))) for a in (G, S1, S2, "10.0.0.1", "10.0.0.11")}


def body(frame: bytes) -> str:
    return frame[14 + 4 * (frame[14] & 15) :].hex()


@pytest.mark.parametrize(
    ("frame", "hexed"),
    [
        (frames.v1_query(), "1100eeff00000000"),
        (frames.v2_query(), "1164ee9b00000000"),
        (frames.v2_query(G, code=10), "110afdf0ef010203"),
        (frames.v3_query(), "1164ec1e00000000027d0000"),
        (frames.v3_query(G), "110afb73ef010203027d0000"),
        (frames.v3_query(G, suppress=True), "110af373ef0102030a7d0000"),
        (frames.v3_query(G, [S1, S2]), "110a776def010203027d0002c0000201c0000202"),
        (frames.v1_report(), "1200fcfaef010203"),
        (frames.v2_report(), "1600f8faef010203"),
        (frames.leave(), "1700f7faef010203"),
        (frames.v3_report((IS_IN, G, [S1])), "220029f70000000101000001ef010203c0000201"),
        (frames.mrd_advertisement(), "3014cf6c007d0002"),
        (frames.mrd_termination(), "3200cdff"),
    ],
)
def test_builders_reproduce_the_golden_vectors(frame: bytes, hexed: str) -> None:
    """Spec 1.11, byte for byte, with scapy's encoding and checksums."""
    assert body(frame) == hexed


def test_whole_packet_of_the_golden_vector() -> None:
    """Spec 1.11: an IPv4 packet with Router Alert."""
    whole = "46c00020000040000102e9080a00000bef010203940400001600f8faef010203"
    assert frames.v2_report(flags="DF")[14:].hex() == whole


def test_quick_builders_agree_with_scapy() -> None:
    src, rq, group = PACKED["10.0.0.11"], PACKED["10.0.0.1"], PACKED[G]
    assert frames.quick_v2(0x16, group, src) == frames.v2_report()
    assert frames.quick_v2(0x12, group, src) == frames.v1_report(router_alert=True)
    assert frames.quick_v2(0x17, group, src) == frames.leave()
    assert frames.quick_v2(0x11, bytes(4), rq, code=100) == frames.v2_query()
    assert frames.quick_v2(0x11, group, rq, code=10) == frames.v2_query(G, code=10)
    assert frames.quick_report(
        [(IS_EX, group, []), (TO_EX, group, [PACKED[S1], PACKED[S2]])], src
    ) == frames.v3_report((IS_EX, G, []), (TO_EX, G, [S1, S2]))
    assert frames.quick_v3_query(bytes(4), [], rq, code=100) == frames.v3_query()
    assert frames.quick_v3_query(
        group, [PACKED[S1]], rq, code=10, suppress=True
    ) == frames.v3_query(G, [S1], suppress=True)
