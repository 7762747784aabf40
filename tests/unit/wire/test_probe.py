"""The probe of the loop guard, with scapy as another reader and writer of it."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from snoop.wire import probe
from snoop.wire.probe import KEY_BYTES, LABEL_BYTES_MAX, PATH_MAX, SWITCH_BYTES, Probe

fields = pytest.importorskip("scapy.fields")
packet = pytest.importorskip("scapy.packet")
inet = pytest.importorskip("scapy.layers.inet")
l2 = pytest.importorskip("scapy.layers.l2")

MAC = "02:00:00:00:00:07"
switches = st.binary(min_size=SWITCH_BYTES, max_size=SWITCH_BYTES)
probes = st.builds(
    Probe,
    switch=switches,
    port=st.integers(0, 255),
    vid=st.integers(0, 4095),
    key=st.binary(min_size=KEY_BYTES, max_size=KEY_BYTES),
    label=st.text(st.characters(codec="ascii"), max_size=LABEL_BYTES_MAX),
    path=st.lists(switches, max_size=PATH_MAX).map(tuple),
    changes=st.integers(0, (1 << 32) - 1),
)


class Payload(packet.Packet):  # type: ignore[misc,name-defined]  # scapy has no types
    """What the page of the format says (snoop/wire/probe.py), in scapy's words."""

    fields_desc: ClassVar[list[Any]] = [
        fields.StrFixedLenField("magic", b"snoop", 5),
        fields.ByteField("version", 1),
        fields.StrFixedLenField("switch", bytes(8), 8),
        fields.ShortField("port", 0),
        fields.ShortField("vid", 0),
        fields.IntField("changes", 0),
        fields.StrFixedLenField("key", bytes(16), 16),
        fields.FieldLenField("size", None, length_of="label", fmt="B"),
        fields.StrLenField("label", b"", length_from=lambda one: one.size),
        fields.FieldLenField("hops", None, count_of="path", fmt="B"),
        fields.FieldListField(
            "path", [], fields.StrFixedLenField("", bytes(8), 8), count_from=lambda one: one.hops
        ),
    ]


def frame_of(one: Probe) -> bytes:
    return probe.build(one, bytes.fromhex(MAC.replace(":", "")))


def written(one: Probe) -> Any:
    ip = inet.IP(src="0.0.0.0", dst="224.0.0.254", proto=253, ttl=1)
    return l2.Ether(dst="01:00:5e:00:00:fe", src=MAC) / ip / Payload(
        switch=one.switch, port=one.port, vid=one.vid, key=one.key,
        label=one.label.encode(), path=list(one.path), changes=one.changes,
    )  # fmt: skip


@given(probes)
def test_scapy_reads_what_we_write(one: Probe) -> None:
    frame = frame_of(one)
    ether = l2.Ether(frame)
    assert (ether.dst, ether.src, ether.type) == ("01:00:5e:00:00:fe", MAC, 0x0800)
    ip = ether[inet.IP]
    assert (ip.src, ip.dst, ip.proto, ip.ttl) == ("0.0.0.0", "224.0.0.254", 253, 1)
    del ip.chksum
    assert bytes(ip.__class__(bytes(ip)))[10:12] == frame[24:26], "its own checksum"
    read = Payload(bytes(ip.payload))
    assert (read.magic, read.version, read.switch, read.key) == (b"snoop", 1, one.switch, one.key)
    assert (read.port, read.vid, read.label) == (one.port, one.vid, one.label.encode())
    assert (read.path, read.changes) == (list(one.path), one.changes)


@given(probes, st.binary(max_size=40))
def test_we_read_what_scapy_writes_whole_padded_and_not_cut(one: Probe, padding: bytes) -> None:
    frame = bytes(written(one))
    assert probe.parse(frame) == one
    assert probe.parse(frame + padding) == one
    for size in range(len(frame)):
        assert probe.parse(frame[:size]) is None


@given(probes)
def test_what_is_not_ours_is_none(one: Probe) -> None:
    for at in range(34, 40):  # the magic and the version
        frame = bytearray(frame_of(one))
        frame[at] ^= 1
        assert probe.parse(bytes(frame)) is None
    size = 34 + 38
    too_long = frame_of(one)[:size] + b"\x41" + bytes(400)
    assert probe.parse(too_long) is None
    too_far = frame_of(one._replace(label="", path=()))[: size + 1] + b"\x11" + bytes(400)
    assert probe.parse(too_far) is None


@given(probes, switches)
def test_passed_on_it_says_who_did_while_there_is_room(one: Probe, switch: bytes) -> None:
    passed = probe.passed_on(frame_of(one), one, switch)
    path = (*one.path, switch) if len(one.path) < PATH_MAX else one.path
    assert probe.parse(passed) == one._replace(path=path)
    assert l2.Ether(passed).src == MAC
