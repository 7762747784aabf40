"""Where control sockets are: who makes one and who looks for it agree."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from snoop.control import client, sockets


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine of our own, with /run that root alone may write to: here nobody is root."""
    for name, where in (("SHARED", "run/snoop"), ("USERS", "run/user"), ("TEMPORARY", "tmp")):
        monkeypatch.setattr(sockets, name, tmp_path / where)
        (tmp_path / where).parent.mkdir(exist_ok=True)
    (tmp_path / "tmp").mkdir()
    allowed = os.access

    def access(path: Path, mode: int, **options: bool) -> bool:
        return path not in (tmp_path / "run/snoop", tmp_path / "run") and allowed(path, mode)

    monkeypatch.setattr(os, "access", access)
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    monkeypatch.delenv("SNOOP_SOCKET", raising=False)
    return tmp_path


def uid() -> int:
    return os.geteuid()  # no user namespace here


def test_root_shares_run(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda *_, **__: True)
    session = run / "session"
    (session / "snoop").mkdir(parents=True, mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(session))
    assert sockets.directory() == run / "run/snoop"
    assert sockets.directories() == (run / "run/snoop", session / "snoop")


def test_a_user_has_his_session_then_run_user_then_tmp(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert sockets.directory() == run / f"tmp/snoop-{uid()}"
    at_login = run / f"run/user/{uid()}"
    at_login.mkdir(parents=True, mode=0o700)
    assert sockets.directory() == at_login / "snoop"
    session = run / "session"
    session.mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(session))
    assert sockets.directory() == session / "snoop"
    monkeypatch.setenv("XDG_RUNTIME_DIR", "session")
    assert sockets.directory() == at_login / "snoop", "it must be absolute"


def test_one_that_others_may_write_to_is_not_believed(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = run / "session"
    (session / "snoop").mkdir(parents=True)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(session))
    (session / "snoop").chmod(0o777)
    assert sockets.directories() == (run / "run/snoop",)
    (session / "snoop").chmod(0o700)
    session.chmod(0o777)
    assert sockets.directory() == run / f"tmp/snoop-{uid()}"


def test_another_user_s_directory_is_not_believed(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody puts a socket where another user looks for his own."""
    session = run / "session"
    (session / "snoop").mkdir(parents=True, mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(session))
    (run / f"tmp/snoop-{uid()}").mkdir(mode=0o700)
    ours = session / "snoop", run / f"tmp/snoop-{uid()}"
    assert sockets.directories() == (*ours, run / "run/snoop")
    theirs = os.geteuid() + 1
    monkeypatch.setattr(os, "geteuid", lambda: theirs)
    monkeypatch.setattr(sockets, "_uid", lambda: theirs - 1)
    assert sockets.directories() == (run / "run/snoop",)
    with pytest.raises(sockets.Unsafe, match="not this user's alone"):
        sockets.make(ours[1])


def test_a_directory_laid_out_in_tmp_by_another_is_refused(run: Path) -> None:
    ours = sockets.directory()
    (run / "elsewhere").mkdir()
    ours.symlink_to(run / "elsewhere")
    assert ours not in sockets.directories()
    with pytest.raises(sockets.Unsafe, match="set XDG_RUNTIME_DIR"):
        sockets.make(ours)
    ours.unlink()
    sockets.make(ours)
    assert stat.S_IMODE(ours.stat().st_mode) == 0o700
    assert sockets.directories() == (ours, run / "run/snoop")


def test_a_switch_that_is_there_is_found_wherever_it_is(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own, shared = sockets.directory(), run / "run/snoop"
    for where in (own, shared):
        sockets.make(where)
    assert client.socket_path() == str(own / "sw0.sock"), "none is there: as `run` would have it"
    (shared / "sw0.sock").touch()
    assert client.socket_path() == str(shared / "sw0.sock"), "that of root"
    assert client.socket_path(begins=True) == str(own / "sw0.sock")
    (own / "sw0.sock").touch()
    assert client.socket_path(name="sw0") == str(own / "sw0.sock"), "his own comes first"
    monkeypatch.setenv("SNOOP_SOCKET", "/elsewhere")
    assert client.socket_path(begins=True) == "/elsewhere"
    assert client.socket_path(name="sw0") == str(own / "sw0.sock")
    assert client.socket_path(name="sw0", path="/here") == "/here"


@pytest.mark.parametrize(
    ("mapped", "wanted"),
    [("0 1000 1", 1000), ("0 1000 1\n1 100000 65536", 1000), ("0 0 4294967295", 0)],
)
def test_both_sides_of_a_user_namespace_mean_the_same_user(
    run: Path, monkeypatch: pytest.MonkeyPatch, mapped: str, wanted: int
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    read = Path.read_text
    monkeypatch.setattr(
        Path, "read_text",
        lambda path, **how: mapped if path.name == "uid_map" else read(path, **how),
    )  # fmt: skip
    assert sockets.directory() == run / f"tmp/snoop-{wanted}"
