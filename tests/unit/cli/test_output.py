"""Whatever the streams are: no traceback, plain characters, one line if nothing can be written."""

from __future__ import annotations

import contextlib
import io
import subprocess
import sys
from typing import Any

import click
import pytest

from snoop.cli import main
from unit import HANGS_S
from unit.cli.conftest import Daemon
from unit.cli.test_show import stream

NOUNS = ("mdb", "mrouters", "querier", "ports", "counters", "fdb", "hosts", "streams", "config")
COMMANDS = [
    *(["show", what] for what in NOUNS),
    *(["show", what, "--json"] for what in NOUNS),
    ["show"],
    ["show", "--json"],
    ["show", "counters", "--explain"],
    ["show", "mdb", "--format", "bridge"],
    ["show", "mdb", "--format", "yang"],
    ["explain", "--port", "p0", "--group", "239.1.2.3"],
    ["explain", "--port", "p0", "--group", "239.1.2.3", "--json"],
    ["check"],
    ["check", "--json"],
    ["reload", "--json"],
    ["config", "example"],
    ["manual"],
    ["completion", "bash"],
    ["--version"],
]


def commands(group: Any, *path: str) -> list[tuple[str, ...]]:
    """Every command there is, by the words that call it."""
    context = click.Context(group)
    found: list[tuple[str, ...]] = []
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        found.append((*path, name))
        if isinstance(command, click.Group):
            found += commands(command, *path, name)
    return found


def encoded(monkeypatch: pytest.MonkeyPatch, encoding: str, words: list[str]) -> tuple[int, bytes]:
    """Exit status and what came out, of a command whose streams have that encoding."""
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding, write_through=True)
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", stream)
        patch.setattr(sys, "stderr", stream)
        status = main.run(words)
    return status, raw.getvalue()


@pytest.mark.parametrize("encoding", ["ascii", "iso-8859-1"])
def test_every_command_speaks_any_encoding(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch, encoding: str
) -> None:
    """SAY-11."""
    daemon.do(daemon.scene.join, 1)
    daemon.fastpath.seen = [stream(), stream(group=b"\0" * 12 + b"\xef\1\1\1", registered=False)]
    socket = ["--socket", str(daemon.path)]
    helps = [[*words, "--help"] for words in commands(main.cli)]
    for words in [*COMMANDS, *helps]:
        status, out = encoded(monkeypatch, encoding, socket + words)
        text = out.decode(encoding)  # nothing but what the stream can take
        assert status in ((0, 1) if words[0] == "check" else (0,)), (words, text)
        assert text.strip() or words[0] == "reload", words
        assert "\\u" not in text, words
    _, out = encoded(monkeypatch, encoding, ["run", "--help"])
    assert b"--port IF[,OPTION=VALUE...]" in out


def test_a_full_disk_is_one_line_for_every_command(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SAY-11."""
    for words in COMMANDS:
        said = io.StringIO()
        # Closing it fails as well.
        with (
            contextlib.suppress(OSError),
            open("/dev/full", "w") as full,
            monkeypatch.context() as patch,
        ):
            patch.setattr(sys, "stdout", full)
            patch.setattr(sys, "stderr", said)
            assert main.run(["--socket", str(daemon.path), *words]) == 1, words
        assert said.getvalue() == (
            "snoop: cannot write what was asked for: No space left on device\n"
        ), words


@pytest.mark.parametrize(
    ("shell", "status", "err"),
    [
        ("> /dev/full", 1, "snoop: cannot write what was asked for: No space left on device\n"),
        ("> /dev/full 2> /dev/full", 1, ""),
        (">&-", 0, ""),
        ("| head -n 1 > /dev/null; exit ${PIPESTATUS[0]}", None, ""),
    ],
)
def test_the_process_ends_quietly_too(shell: str, status: int | None, err: str) -> None:
    """SAY-11: what is left in a buffer is not tried again when the interpreter ends."""
    done = subprocess.run(
        ["bash", "-c", f"{sys.executable} -m snoop manual {shell}"],
        capture_output=True,
        text=True,
        timeout=HANGS_S,
        check=False,
    )
    assert done.stderr == err
    assert status is None or done.returncode == status
