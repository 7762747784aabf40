"""Keys from what a terminal sends, however the reads cut it (SAY-12)."""

from __future__ import annotations

import pytest

from snoop.cli.keys import Keys

PRESSED = {
    b"\x1b[A": ["up"], b"\x1bOB": ["down"], b"\x1b[C": ["right"], b"\x1b[D": ["left"],
    b"\x1b[5~": ["pageup"], b"\x1b[6~": ["pagedown"], b"\x1b[H": ["home"], b"\x1bOF": ["end"],
    b"\x1b[1~": ["home"], b"\x1b[4~": ["end"], b"\x1b[7~": ["home"], b"\x1b[8~": ["end"],
    b"\x1b[1;5C": ["right"], b"\x1b[5;2~": ["pageup"], b"\r": ["enter"], b"\n": ["enter"],
    b"\x7f": ["backspace"], b"\b": ["backspace"], b"\t": ["tab"], b"q": ["q"], b" ": [" "],
    "ä".encode(): ["ä"], "€".encode(): ["€"], "😀".encode(): ["😀"],
    b"\x1b[15~": [], b"\x1b[<0;3;4M": [], b"\x00": [], b"\x1b[200~x\x1b[201~": ["x"],
    b"jk\x1b[Aq": ["j", "k", "up", "q"], b"\xff": [], b"\xc3(": ["("], b"\x1bx": ["escape", "x"],
}  # fmt: skip


@pytest.mark.parametrize(("sent", "keys"), PRESSED.items(), ids=repr)
def test_a_key_is_the_same_wherever_a_read_ends(sent: bytes, keys: list[str]) -> None:
    for cut in range(len(sent) + 1):
        read = Keys()
        assert read.feed(sent[:cut]) + read.feed(sent[cut:]) == keys
        assert not read.waiting
    read = Keys()
    assert [key for byte in sent for key in read.feed(bytes([byte]))] == keys


def test_all_keys_at_once_are_all_keys() -> None:
    read = Keys()
    assert read.feed(b"".join(PRESSED)) == [key for keys in PRESSED.values() for key in keys]


def test_an_escape_alone_is_one_once_nothing_follows() -> None:
    read = Keys()
    assert read.feed(b"\x1b") == []
    assert read.waiting
    assert read.settle() == ["escape"]
    assert read.settle() == []
    assert read.feed(b"\x1b[") == []
    assert read.settle() == []  # half of a key is none
    assert read.feed(b"A") == ["A"]


def test_a_sequence_without_end_is_given_up() -> None:
    read = Keys()
    assert read.feed(b"\x1b[" + b"1;" * 100) == []
    assert not read.waiting
    assert read.feed(b"q") == ["q"]
