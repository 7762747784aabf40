"""What is said of the file of a switch that runs, when it is no more what it was."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from snoop.config import loader
from snoop.config.standing import Standing

GOOD = '[[port]]\nname = "p0"\n'


class Loads:
    """As `snoop run` loads its file; how often."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.count = 0

    def __call__(self) -> object:
        self.count += 1
        return loader.load(str(self.path))


@pytest.fixture
def loads(tmp_path: Path) -> Loads:
    path = tmp_path / "sw.toml"
    path.write_text(GOOD)
    return Loads(path)


def replaced(path: Path, text: str) -> None:
    """As an editor does it: of a file that is written in place the time may stand still."""
    fresh = path.with_name("fresh")
    fresh.write_text(text)
    fresh.rename(path)


def test_it_is_read_only_when_another_is_there(loads: Loads) -> None:
    standing = Standing(str(loads.path), loads)
    assert [standing.fault() for _ in range(3)] == [None] * 3
    assert loads.count == 0, "it was good when the switch began"
    replaced(loads.path, "[switch]\nno = 1\n[igmp]\nnor = 2\n")
    first, *rest = [standing.fault() for _ in range(3)]
    assert first is not None
    assert first.startswith(f"{loads.path}:2: ")
    assert "nor" not in first, "one of many is enough"
    assert rest == [first] * 2
    assert loads.count == 1
    replaced(loads.path, GOOD)
    assert standing.fault() is None


def test_one_that_is_gone_is_said_until_it_is_back(loads: Loads) -> None:
    standing = Standing(str(loads.path), loads)
    loads.path.unlink()
    assert standing.fault() == f"cannot read {loads.path}: No such file or directory"
    loads.path.write_text(GOOD)
    assert standing.fault() is None


def test_a_pipe_is_left_alone(loads: Loads) -> None:
    """--config <(make-config): it has been read, and what else is there now is another's."""
    standing = Standing(str(loads.path), loads)
    loads.path.unlink()
    os.mkfifo(loads.path)
    assert standing.fault() is None
    assert Standing(None, loads).fault() is None
    assert loads.count == 0
