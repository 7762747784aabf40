"""A frame as people have it: what `explain --frame` takes."""

from __future__ import annotations

import io
from typing import Any

import pytest

from snoop.cli import hexdump
from unit.cli.conftest import Daemon

DIGITS = "01005e010203020000000009080045000024" + "00" * 42
TCPDUMP = """\
07:57:29.123456 IP 10.0.0.9.5004 > 239.1.2.3.5004: UDP, length 8
\t0x0000:  0100 5e01 0203 0200 0000 0009 0800 4500  ..^...........E.
\t0x0010:  0024 0000 0000 0000 0000 0000 0000 0000  .$..............
\t0x0020:  0000 0000 0000 0000 0000 0000 0000 0000  ................
\t0x0030:  0000 0000 0000 0000 0000 0000            ............
"""
WIRESHARK = """\
0000   01 00 5e 01 02 03 02 00 00 00 00 09 08 00 45 00   ..^...........E.
0010   00 24 00 00 00 00 00 00 00 00 00 00 00 00 00 00   .$..............
0020   00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00   ................
0030   00 00 00 00 00 00 00 00 00 00 00 00               ............
"""
XXD = """\
00000000: 0100 5e01 0203 0200 0000 0009 0800 4500  ..^...........E.
00000010: 0024 0000 0000 0000 0000 0000 0000 0000  .$..............
00000020: 0000 0000 0000 0000 0000 0000 0000 0000  ................
00000030: 0000 0000 0000 0000 0000 0000            ............
"""


@pytest.mark.parametrize(
    "text",
    [
        DIGITS,
        DIGITS.upper(),
        "0x" + DIGITS,
        ":".join(DIGITS[at : at + 2] for at in range(0, 120, 2)),
        " ".join(DIGITS[at : at + 4] for at in range(0, 120, 4)),
        "".join(f"\\x{DIGITS[at : at + 2]}" for at in range(0, 120, 2)),
        "\n".join(DIGITS[at : at + 30] for at in range(0, 120, 30)) + "\n",
        TCPDUMP,
        WIRESHARK,
        XXD,
    ],
    ids=["plain", "upper", "0x", "colons", "fours", "c", "lines", "tcpdump", "wireshark", "xxd"],
)
def test_hex_is_taken_however_it_is_printed(text: str) -> None:
    assert hexdump.digits(text) == DIGITS


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "there is no frame"),
        (" \n", "there is no frame"),
        ("01005", "5 hexadecimal digits make no whole bytes"),
        ("0100zz", '"z" is not a hexadecimal digit'),
        (TCPDUMP * 2, "these are 2 frames; give one"),
        (TCPDUMP.replace("5e01", "5g01"), '"g" is not a hexadecimal digit'),
    ],
)
def test_what_is_no_frame_is_said(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        hexdump.digits(text)


def test_explain_reads_a_dump_from_standard_input(
    daemon: Daemon, snoop: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(TCPDUMP.encode())))
    said = snoop("explain", "--port", "p0", "--frame", "-")
    assert said.status == 0
    assert said.out.splitlines()[0] == "02:00:00:00:00:09 -> 01:00:5e:01:02:03, in at p0"
    assert "dropped: its IPv4 header is bad" in said.out


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--port", "p0"], "one of --group, --to and --frame"),
        (["--port", "p0", "--group", "239.1.2.3", "--to", "10.0.0.1"], "one of --group"),
        (["--port", "p0", "--group", "239.1.2.3", "--tagged", "1", "--untagged"], "--untagged"),
        (["--port", "p0", "--group", "239.1.2.3", "--vlan", "1", "--tagged", "1"], "--tagged"),
        (["--stream", "--to", "10.0.0.1"], "--stream needs --group"),
        (["--port", "p0", "--frame", "xy"], '"x" is not a hexadecimal digit'),
        (["--port", "p0", "--frame", "0102"], "has 2 bytes"),
        (["--port", "p0", "--frame", "00" * 20, "--ttl", "1"], "also its ttl"),
        (["--port", "p0", "--frame", "00" * 20, "--vlan", "1"], "also its vlan"),
        (["--port", "p0", "--group", "239.1.2.3", "--protocol", "quic"], "no IP protocol"),
        (["--port", "p0", "--group", "239.1.2.3", "--protocol", "256"], "no IP protocol"),
        (["--port", "p0", "--group", "239.1.2.3", "--ttl", "256"], "--ttl"),
        (["--port", "p0", "--group", "239.1.2.3", "--size", "59"], "--size"),
        (["--port", "p0", "--to", "10.0.0.77"], "ip neigh show 10.0.0.77"),
        (["--port", "p9", "--to", "ff:ff:ff:ff:ff:ff"], 'no port "p9"'),
    ],
)
def test_a_question_that_makes_no_frame_is_refused_in_a_line(
    daemon: Daemon, snoop: Any, words: list[str], says: str
) -> None:
    said = snoop("explain", *words)
    assert said.status == 2
    assert len(said.err.splitlines()) == 1
    assert says in said.err
    assert said.out == ""
