"""`snoop decode` and the captures `snoop capture` writes, against scapy's own frames."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import pytest
from scapy.layers.inet import IP, UDP, IPOption_Router_Alert
from scapy.layers.inet6 import (
    ICMPv6MLDMultAddrRec,
    ICMPv6MLQuery2,
    ICMPv6MLReport2,
    IPv6,
    IPv6ExtHdrHopByHop,
    RouterAlert,
)
from scapy.layers.l2 import Dot1Q, Ether
from scapy.utils import PcapNgReader, wrpcap

from snoop.cli import main
from snoop.cli.formats.pcapng import Writer
from vectors import Vector, load

MAC = "01:00:5e:00:00:16"


def igmp(message: str, dst: str = "224.0.0.22") -> Any:
    """An IGMP message, its bytes in hex, as hosts send it."""
    body = bytes.fromhex(message)
    options = [IPOption_Router_Alert()]
    return Ether(dst=MAC) / IP(src="10.0.0.11", dst=dst, ttl=1, proto=2, options=options) / body


# Two records: 239.1.2.3 TO_EX {} and 232.1.1.1 IS_IN {10.0.0.9, 10.0.0.8}.
REPORT = "2200eae200000002 04000000ef010203 01000002e8010101 0a0000090a000008"


def decode(tmp_path: Path, capsys: Any, *packets: Any) -> list[str]:
    file = tmp_path / "x.pcap"
    wrpcap(str(file), list(packets))
    status = main.run(["decode", str(file)])
    said = capsys.readouterr()
    assert status == 0, said.err
    return said.out.splitlines()


@pytest.mark.parametrize(
    ("packet", "text"),
    [
        (igmp(REPORT), "10.0.0.11 > 224.0.0.22 v3 report 239.1.2.3 TO_EX {}; "
         "232.1.1.1 IS_IN {10.0.0.9, 10.0.0.8}"),
        (igmp("1600f8faef010203", "239.1.2.3"), "v2 report 239.1.2.3"),
        (igmp("1200fcfaef010203", "239.1.2.3"), "v1 report 239.1.2.3"),
        (igmp("1700f7faef010203", "224.0.0.2"), "v2 leave 239.1.2.3"),
        (igmp("1164ee9b00000000", "224.0.0.1"), "v2 general query, answer in 10 s"),
        (igmp("110a776def010203027d0002c0000201c0000202", "239.1.2.3"),
         "v3 query for 239.1.2.3, answer in 1 s, QRV 2, QQI 125 s, sources {192.0.2.1, 192.0.2.2}"),
        (igmp("110af373ef0102030a7d0000", "239.1.2.3"), "QRV 2, QQI 125 s, S"),
        (igmp("16000001ef010203"), "BAD CHECKSUM"),
        (igmp("2200ddfe00000001"), "MALFORMED: 1 records announced, 0 there"),
        (igmp("3100ceff"), "multicast router solicitation"),
        (Ether(dst=MAC) / Dot1Q(vlan=7) / IP(src="10.0.0.11", dst="239.1.2.3", ttl=9, proto=2)
         / bytes.fromhex("1600f8faef010203"), " vlan 7 10.0.0.11 > 239.1.2.3 v2 report "
         "239.1.2.3, ttl 9, no router alert"),
        (Ether() / IPv6(src="fe80::1", dst="ff02::16", hlim=1)
         / IPv6ExtHdrHopByHop(options=[RouterAlert()])
         / ICMPv6MLReport2(records=[ICMPv6MLDMultAddrRec(rtype=4, dst="ff3e::1")]),
         "fe80::1 > ff02::16 MLDv2 report ff3e::1 TO_EX {}"),
        (Ether() / IPv6(src="fe80::1", dst="ff02::1", hlim=1)
         / IPv6ExtHdrHopByHop(options=[RouterAlert()]) / ICMPv6MLQuery2(mrd=10000, QQIC=125),
         "MLDv2 general query, answer in 10 s"),
    ],
)  # fmt: skip
def test_a_message_is_one_line(tmp_path: Path, capsys: Any, packet: Any, text: str) -> None:
    (line,) = decode(tmp_path, capsys, packet)
    assert text in line


def test_other_packets_are_left_out(tmp_path: Path, capsys: Any) -> None:
    data = Ether() / IP(src="10.0.0.1", dst="239.1.2.3") / UDP(dport=5000) / b"x"
    assert decode(tmp_path, capsys, data, igmp(REPORT), data) != []
    assert len(decode(tmp_path, capsys, data, igmp(REPORT), data)) == 1


def test_no_cut_of_a_report_is_a_traceback(tmp_path: Path, capsys: Any) -> None:
    """Every prefix of a frame, as a capture cut short has it."""
    whole = bytes(igmp(REPORT))
    lines = decode(tmp_path, capsys, *[Ether(whole[:end]) for end in range(14, len(whole))])
    assert any("MALFORMED" in line or "too short" in line for line in lines)


def test_a_capture_carries_frame_time_port_and_comment(tmp_path: Path, capsys: Any) -> None:
    """scapy and tcpdump read what the writer wrote."""
    buffer = io.BytesIO()
    writer = Writer(buffer)
    frame = bytes(igmp(REPORT))
    writer.frame(port="p1", time=1_700_000_000.25, frame=frame, comment="join", direction="in")
    writer.frame(port="p2", time=1_700_000_001.5, frame=frame[:61], comment="", direction="out")
    file = tmp_path / "x.pcapng"
    file.write_bytes(buffer.getvalue())
    with PcapNgReader(str(file)) as reader:
        first, second = reader.read_all()
    assert bytes(first) == frame
    assert float(first.time) == pytest.approx(1_700_000_000.25, abs=1e-6)
    assert b"join" in b"".join([first.comment] if first.comment else first.comments)
    assert (first.sniffed_on, second.sniffed_on) == ("p1", "p2")
    assert len(bytes(second)) == 61
    assert main.run(["decode", str(file)]) == 0
    assert "v3 report 239.1.2.3 TO_EX {}" in capsys.readouterr().out


def test_a_file_cut_in_the_middle_is_an_error_of_one_line(tmp_path: Path, capsys: Any) -> None:
    file = tmp_path / "x.pcap"
    wrpcap(str(file), [igmp(REPORT)])
    for end in (0, 3, 24, 30, len(file.read_bytes()) - 1):
        cut = tmp_path / "cut.pcap"
        cut.write_bytes(file.read_bytes()[:end])
        status = main.run(["decode", str(cut)])
        said = capsys.readouterr()
        assert status in (0, 1)
        assert said.err.count("\n") == (1 if status else 0)


@pytest.mark.parametrize("vector", load("mld_frames.txt"), ids=range(len(load("mld_frames.txt"))))
def test_frames_of_ipv6_are_told_as_the_codec_reads_them(
    vector: Vector, tmp_path: Path, capsys: Any
) -> None:
    """A line for every good message, whatever stands before it; broken ones are lines too."""
    told = decode(tmp_path, capsys, vector.data)
    reading = vector.reading
    if reading.startswith(("!not_control", "!truncated", "!ipv6_error")):
        return  # none, or as far as it can be read
    (line,) = told
    if reading.startswith("!"):
        what = {"!mld_fragment": "MLD fragment", "!mld_checksum": "(BAD CHECKSUM|too short)"}
        assert re.search(what.get(reading, ""), line)
    else:
        kind = re.sub(r"^(mld \w+( v[12])?|mrd \w+|pim hello).*", r"\1", reading)
        said = {"mld leave": "MLDv1 done", "pim hello": "PIM hello"}.get(kind)
        words = re.match(r"mld (\w+) v([12])", kind)
        if words:
            said = (
                f"MLDv{words[2]} {'general query|MLDv. query' if words[1] == 'query' else 'report'}"
            )
        assert re.search(said or kind.replace("mrd", "multicast router"), line)
        assert "BAD" not in line
        assert "MALFORMED" not in line
