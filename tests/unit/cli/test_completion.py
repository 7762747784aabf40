"""What the shells complete: through bash, zsh and fish themselves (SAY-58)."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from snoop.control import sockets
from snoop.waiting import wait_until
from unit import HANGS_S
from unit.cli.conftest import Daemon

BIN = Path(sys.executable).parent
Complete = Callable[..., list[str]]

BASH = r"""
eval "$(snoop completion bash)"
COMP_LINE=$1 COMP_POINT=${#1} COMP_WORDBREAKS=$' \t\n"\'><=;|&(:'
IFS=$'\n' COMP_WORDS=($2) COMP_CWORD=$((${#COMP_WORDS[@]} - 1)) IFS=$' \t\n'
_snoop_completion snoop
printf '%s\n' "${COMPREPLY[@]}"
"""
ZSH = r"""
compdef() { : }
compadd() { local name=${@[-1]}; print -l -- ${(P)name} }
_describe() { local name=$3; print -l -- ${${${${(P)name}//\\:/@}%%:*}//@/:} }
eval "$(snoop completion zsh)"
words=("${(@f)2}") CURRENT=$#words
[[ $1 == *' ' ]] && words[-1]=''
_snoop_completion
"""
FISH = r"""
snoop completion fish | source
complete -C "$argv[1]" | string replace -r '\t.*' ''
"""


def parts(line: str, *, cut: str) -> str:
    """The words of a line as a shell has them, a line each; bash cuts at `cut`."""
    words = []
    for word in line.split(" "):
        for mark in cut:
            word = word.replace(mark, f"\n{mark}\n")
        words += word.split("\n")
    return "\n".join(words)


@pytest.fixture(params=["bash", "zsh", "fish"])
def complete(request: pytest.FixtureRequest) -> Complete:
    """What a shell suggests at the end of a line."""
    shell = request.param
    script = {"bash": BASH, "zsh": ZSH, "fish": FISH}[shell]

    def run(line: str, **environment: str) -> list[str]:
        command = [shell, *(["-f"] if shell == "zsh" else []), "-c", script]
        if shell != "fish":
            command += [shell, line, parts(line, cut=":=" if shell == "bash" else "")]
        else:
            command.append(line)
        path = f"{BIN}:{os.environ['PATH']}"
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=HANGS_S, check=False,
            env={**os.environ, "PATH": path, "HOME": "/nonexistent", **environment},
        )  # fmt: skip
        assert done.stderr == ""
        return done.stdout.split()

    return run


@pytest.fixture
def asked(complete: Complete) -> Complete:
    """What a shell suggests once a switch has answered: nobody waits for a completion for more than
    a second, which is little where others have the processors.
    """

    def run(line: str, **environment: str) -> list[str]:
        return wait_until(lambda: complete(line, **environment), within=HANGS_S, what=line)

    return run


def test_options_of_a_port_and_their_words_are_completed(asked: Complete, daemon: Daemon) -> None:
    at = {"SNOOP_SOCKET": str(daemon.path)}
    assert asked("snoop port set p", **at) == ["p0", "p1", "p2", "p3"]
    assert asked("snoop port set p1 acc", **at) == ["access="]
    bash = not asked("snoop port set p1 mrouter=a", **at)[0].startswith("mrouter=")
    before = "" if bash else "mrouter="
    words = [f"{before}{word}" for word in ("always", "auto")]
    assert asked("snoop port set p1 mrouter=a", **at) == words
    assert asked("snoop run --port p1,acc", **at) == ["p1,access="]


def test_what_a_switch_has_is_completed(asked: Complete, daemon: Daemon) -> None:
    daemon.do(daemon.scene.join, 1)
    at = {"SNOOP_SOCKET": str(daemon.path)}
    assert asked("snoop show mdb --port ", **at) == ["p0", "p1", "p2", "p3"]
    assert asked("snoop show mdb --group 239", **at) == ["239.1.2.3"]
    assert asked("snoop show events --host 10", **at) == ["10.0.0.11"]
    assert asked("snoop show mdb --vlan ", **at) == ["0"]
    assert asked(f"snoop --socket {daemon.path} mdb add 239") == ["239.1.2.3"]


def test_words_with_colons_and_equals_signs_are_completed_whole(
    asked: Complete, daemon: Daemon, request: pytest.FixtureRequest
) -> None:
    """Bash has the word up to the last of them and wants the rest, the others all of it."""
    daemon.do(daemon.scene.join, 1)
    at = {"SNOOP_SOCKET": str(daemon.path)}
    rest = request.node.callspec.params["complete"] == "bash"
    mac = "00:00:00:01:0b" if rest else "02:00:00:00:01:0b"
    assert asked("snoop show events --host 02:00", **at) == [mac]
    had = "" if rest else "--port="
    ports = [f"{had}p{number}" for number in range(4)]
    assert asked("snoop show mdb --port=p", **at) == ports


def test_interfaces_are_completed_for_run(complete: Complete) -> None:
    names = {name for _, name in socket.if_nameindex()} - {"lo"}
    assert set(complete("snoop run --port ")) == names
    assert set(complete("snoop config check --port ")) == names


def test_without_a_switch_there_is_nothing_and_at_once(complete: Complete, tmp_path: Path) -> None:
    nobody = {"SNOOP_SOCKET": str(tmp_path / "no.sock")}
    for option in ("--port", "--group", "--vlan"):
        assert complete(f"snoop show mdb {option} ", **nobody) == []
    assert "mrouters" in complete("snoop show m", **nobody)


def test_switches_are_completed_by_their_sockets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody is asked: a dead one is one of them."""
    from snoop.cli import suggest
    from snoop.cli.main import cli

    for name in ("studio", "sw0"):
        with socket.socket(socket.AF_UNIX) as one:
            one.bind(str(tmp_path / f"{name}.sock"))
    (tmp_path / "sw1.sock").touch()
    monkeypatch.setattr(sockets, "directories", lambda: (tmp_path,))
    option = next(param for param in cli.params if param.name == "name")
    with cli.make_context("snoop", ["show"]) as context:
        offered = option.type.shell_complete(context, option, "s")
        assert [item.value for item in offered] == ["studio", "sw0"]
        assert suggest.switches(context, option, "x") == []
