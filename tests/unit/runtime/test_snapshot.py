"""The file of a snapshot, and what is in it when nobody can be trusted."""

from __future__ import annotations

import logging
import os
import random
import stat
from pathlib import Path
from typing import Any

import msgspec
import pytest

from snoop.daemon import resuming, surviving
from snoop.daemon.surviving import SwitchState
from snoop.proto.dumping import BadState
from snoop.proto.units import SECOND, Instant
from snoop.runtime import clock, saved, snapshot
from snoop.runtime.snapshot import Snapshot
from unit.runtime.test_surviving import after, lived


def test_it_is_beside_the_socket_and_its_owner_s_alone(tmp_path: Path) -> None:
    file = Snapshot(tmp_path / "sw0.sock")
    assert file.read() is None
    assert file.write(b"one")
    assert file.write(b"another")
    assert file.read() == b"another"
    assert stat.S_IMODE((tmp_path / "sw0.state").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["sw0.state"]


def test_it_is_lost_when_it_is_gone_or_another_is_in_its_place(tmp_path: Path) -> None:
    file = Snapshot(tmp_path / "sw0.sock")
    assert not file.is_lost, "none was written"
    for lose in (lambda: file.path.unlink(), lambda: file.path.write_bytes(b"something else")):
        file.write(b"one")
        assert not file.is_lost
        lose()
        assert file.is_lost
    Snapshot(tmp_path / "sw0.sock").write(b"by a child")
    assert file.is_lost
    file.remember()
    assert not file.is_lost


def test_who_is_killed_while_he_writes_leaves_the_one_before(tmp_path: Path) -> None:
    file = Snapshot(tmp_path / "sw0.sock")
    file.write(b"before")
    (tmp_path / "sw0.state.4711").write_bytes(b"tor")
    assert file.read() == b"before"
    for pid in (4712, 4713):
        (tmp_path / f"sw0.state.{pid}").write_bytes(b"tor")
    file.sweep(4712)
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".4711", ".4713", ".state"]
    assert resuming.found(file, lived().settings.config) is None, "it is no state"
    assert not list(tmp_path.iterdir())
    file.write(b"another")
    (tmp_path / "sw0.state.4711").write_bytes(b"tor")
    file.remove()
    assert not list(tmp_path.iterdir())


def test_who_has_lost_his_parent_replaces_nothing(tmp_path: Path) -> None:
    file = Snapshot(tmp_path / "sw0.sock")
    file.write(b"of the next")
    assert not file.write(b"of the dead", still=os.getpid())
    assert file.write(b"of the next", still=os.getppid())
    assert file.read() == b"of the next"
    assert len(list(tmp_path.iterdir())) == 1


def test_what_is_no_file_of_ours_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = Snapshot(tmp_path / "sw0.sock")
    file.path.symlink_to("/etc/hostname")
    with pytest.raises(BadState, match="cannot be read"):
        file.read()
    file.path.unlink()
    os.mkfifo(file.path)
    with pytest.raises(BadState, match="not a file of ours"):
        file.read()
    file.path.unlink()
    file.path.mkdir()
    with pytest.raises(BadState, match="not a file of ours"):
        file.read()
    file.path.rmdir()
    file.write(b"four")
    with monkeypatch.context() as patched:
        patched.setattr(snapshot, "BYTES_MAX", 3)
        with pytest.raises(BadState, match="more than 3 bytes"):
            file.read()
    if os.geteuid():
        monkeypatch.setattr(os, "geteuid", lambda: 4711)
    else:
        os.chown(file.path, 4711, -1)
    with pytest.raises(BadState, match="not a file of ours"):
        file.read()


@pytest.mark.parametrize(("age", "ended", "used"), [
    (0, True, True), (59, True, True), (61, True, False),
    (61, False, True), (500, False, True), (600, False, False),
])  # fmt: skip
def test_a_state_is_of_use_for_as_long_as_what_is_in_it(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    age: int,
    ended: bool,
    used: bool,
) -> None:
    """Members are remembered for 260 s, or twice that where another querier says so."""
    monkeypatch.setattr(clock, "now", lambda: Instant(1_000_000 * SECOND))
    scene = lived()
    counters = scene.answers.counters
    taken = surviving.take("sw0", scene.settings, scene.plane, counters, ended=ended)
    file = Snapshot(tmp_path / "sw0.sock")
    file.write(saved.pack(taken._replace(taken=Instant(taken.taken - age * SECOND))))
    state = resuming.found(file, scene.settings.config)
    assert (state is not None) is used is file.path.exists()
    assert ("begun anew" in caplog.text) is not used


def test_what_is_refused_is_named_and_out_of_the_way(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Once, and nothing is written or removed at the other end of a link."""
    precious = tmp_path / "precious"
    precious.write_bytes(b"precious")
    file = Snapshot(tmp_path / "sw0.sock")
    config = lived().settings.config
    assert resuming.found(file, config) is None
    for put in (lambda: file.path.symlink_to(precious), lambda: os.mkfifo(file.path)):
        put()
        assert resuming.found(file, config) is None
        assert not os.path.lexists(file.path)
    file.write(b"snoop state of nobody")
    assert resuming.found(file, config) is None
    said = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert [record.levelname for record in said] == ["WARNING"] * 3
    assert all(str(file.path) in record.getMessage() for record in said)
    assert precious.read_bytes() == b"precious"


def spoiled(tree: Any, rng: random.Random) -> Any:
    """The same with something somewhere put in another's place."""
    if isinstance(tree, list) and tree and rng.random() < 0.95:
        at = rng.randrange(len(tree))
        return [*tree[:at], spoiled(tree[at], rng), *tree[at + 1 :]]
    if isinstance(tree, dict) and tree and rng.random() < 0.95:
        key = rng.choice(list(tree))
        return {**tree, key: spoiled(tree[key], rng)}
    odd: list[Any] = [0, -1, 1, 255, 1 << 40, (1 << 63) - 1, "", "p2", b"", bytes(16), None, [], {}]
    return rng.choice(odd)


@pytest.mark.parametrize("seed", range(8))
def test_whatever_is_in_it_is_gone_on_from_or_refused(seed: int) -> None:
    """With a checksum that is right: nothing else is raised, and never half of it holds."""
    rng = random.Random(seed)
    scene = lived()
    taken = surviving.take("sw0", scene.settings, scene.plane, scene.answers.counters)
    tree = msgspec.msgpack.decode(msgspec.msgpack.encode(taken))
    for _ in range(40):
        try:
            state = surviving.opened(saved.pack(spoiled(tree, rng)), "sw0")
        except BadState:
            continue
        other = after(scene, state)
        assert isinstance(state, SwitchState)
        if other.plane.refused is not None:
            assert other.members() == {"p3"}, other.plane.refused
