"""`snoop list`: which switches there are."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

import pytest

from snoop.cli import main
from snoop.control import sockets
from unit.cli.conftest import Daemon


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the switch of the fixture has its socket, `sw.sock`."""
    monkeypatch.setattr(sockets, "SHARED", tmp_path)
    monkeypatch.setattr(sockets, "USERS", tmp_path / "nobody")
    monkeypatch.setattr(sockets, "TEMPORARY", tmp_path / "nowhere")
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    return tmp_path


def test_a_switch_that_runs_and_one_that_died(daemon: Daemon, snoop: Any, directory: Path) -> None:
    """INTERFACE.md 3: a socket nobody listens at is a dead switch's."""
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(directory / "old.sock"))
    (directory / "notes.sock").write_text("no socket")
    dead, running = snoop("list", "--json").json["switches"]
    assert dead == {
        "name": "old", "socket": str(directory / "old.sock"), "state": "dead",
        "pid": None, "ports": None,
    }  # fmt: skip
    assert (running["name"], running["state"], running["ports"]) == ("sw", "running", 4)
    assert running["pid"] > 1
    head, *lines = snoop("list").out.splitlines()
    assert head.split() == ["Name", "State", "Pid", "Ports", "Socket"]
    said = [line.split()[:2] for line in lines]
    assert ["old", "dead"] in said
    assert ["sw", "running"] in said


def test_who_forgets_the_name_is_told_who_runs(
    daemon: Daemon, directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (directory / "notes.sock").write_text("no socket")
    assert main.run(["--name", "sw0", "show", "mdb"]) == 3
    assert capsys.readouterr().err.endswith("with --name or --socket. Running: sw\n")


def test_who_knows_a_switch_by_its_process_alone(
    daemon: Daemon,
    directory: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A unit does: its file may call the switch anything."""
    monkeypatch.setenv("SNOOP_SOCKET", str(directory / "another.sock"))
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(directory / "old.sock"))
    assert main.run(["restart", "--pid", str(os.getpid())]) == 1
    assert capsys.readouterr().err == "snoop: only a process can hand over\n", "it was asked"
    assert main.run(["restart", "--pid", "1"]) == 3
    said = capsys.readouterr().err
    assert said == "snoop: no switch in the runtime directories is process 1. Running: sw\n"
    assert main.run(["-n", "sw", "restart", "--pid", "1"]) == 2


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("shwo", " Did you mean 'show'?"), ("chekc", " Did you mean 'check'?"), ("x", "")],
)
def test_who_mistypes_a_command_is_told_which_is_like_it(
    typed: str, meant: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main.run([typed]) == 2
    said = f"snoop: No such command '{typed}'.{meant}".removesuffix(".")
    assert capsys.readouterr().err == f"{said} (see `snoop --help`)\n"


def test_sockets_of_a_user_are_looked_for_too(
    daemon: Daemon, snoop: Any, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = directory / "user" / "snoop"
    own.mkdir(parents=True)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(own.parent))
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(own / "mine.sock"))
    found = {row["name"]: row["state"] for row in snoop("list", "--json").json["switches"]}
    assert found == {"sw": "running", "mine": "dead"}


def test_no_switches_is_a_line(snoop: Any, directory: Path) -> None:
    (directory / "sw.sock").unlink()
    said = snoop("list")
    assert (said.status, said.out) == (0, f"no switches: no socket in {directory}\n")
