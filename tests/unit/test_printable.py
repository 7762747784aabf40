"""What a name or a text may do to a terminal, and that one spelling stands for one name."""

from __future__ import annotations

import json
import logging

import pytest

from snoop.config import loader
from snoop.config.problems import ConfigError
from snoop.printable import kernel_name, name_of, printable
from snoop.runtime.log import setup

NAMES = {
    b"eth0": "eth0",
    b"a\x1b[31mb\x07": r"a\x1b[31mb\x07",
    b"\x7f\x01": r"\x7f\x01",
    b"bad\xff\xfe": r"bad\xff\xfe",
    "live\u202eetag".encode(): r"live\u202eetag",
    "zw\u200bsp\ufeff".encode(): r"zw\u200bsp\ufeff",
    "nel\u0085".encode(): r"nel\u0085",
    "größe-日本".encode(): "größe-日本",
    "tag\U000e0041".encode(): r"tag\U000e0041",
}


@pytest.mark.parametrize(("raw", "spelling"), NAMES.items())
def test_a_name_has_one_spelling_and_a_way_back(raw: bytes, spelling: str) -> None:
    assert name_of(raw) == spelling
    assert name_of(raw.decode("utf-8", "surrogateescape")) == spelling  # as in sys.argv
    assert name_of(spelling) == spelling
    assert kernel_name(spelling) == raw
    assert json.loads(json.dumps(spelling)) == spelling
    assert spelling.encode()  # no surrogate is left to trip over


def test_nothing_written_moves_a_cursor() -> None:
    for code in (*range(0x20), *range(0x7F, 0xA1), 0x200E, 0x2028, 0x2066, 0xD800, 0xE000):
        shown = printable(chr(code))
        assert shown.isprintable(), hex(code)
        assert shown != chr(code)
    assert printable("plain text, ünïcode → fine") == "plain text, ünïcode → fine"


LOGGER = logging.Logger("untouched")


def test_log_lines_are_escaped_and_tracebacks_keep_their_lines(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    for name in ("handlers", "level", "propagate"):  # to be as they were
        monkeypatch.setattr(logging.getLogger("snoop"), name, getattr(LOGGER, name))
    setup("info")
    log = logging.getLogger("snoop.test")
    try:
        raise ValueError("\x1b]0;title\x07")
    except ValueError:
        log.exception("from %s", "p\x1b[2J0")
    text = capfd.readouterr().err
    assert r"from p\x1b[2J0" in text
    assert r"ValueError: \x1b]0;title\x07" in text
    assert all(line.isprintable() for line in text.splitlines())
    assert len(text.splitlines()) > 3


def test_a_file_may_write_a_name_either_way() -> None:
    spelled = r"p\x1b0"
    for name in (spelled, "p\x1b0"):
        checked = loader.check(
            {
                "switch": {"report_flood": [name]},
                "port": [{"name": name}],
                "static": [{"group": "239.1.1.1", "ports": [name]}],
            },
            where="t",
        )
        assert checked.port[0].name == spelled
        assert checked.static[0].ports == [spelled]
        assert checked.switch.report_flood == [spelled]


@pytest.mark.parametrize("name", ["", "a b", "a/b", "x" * 16, "p\n"])
def test_what_is_no_interface_name_is_refused(name: str) -> None:
    if name == "p\n":
        assert loader.check({"port": [{"name": name}]}, where="t").port[0].name == r"p\x0a"
        return
    with pytest.raises(ConfigError, match="name"):
        loader.check({"port": [{"name": name}]}, where="t")
