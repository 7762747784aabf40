"""Commands as a user without any rights, and as root of a user namespace of his.

Who is nobody may not even read where some Pythons are installed, so he is shown those directories
alone.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

import snoop

ROOT = Path(snoop.__file__).parents[1]
UID = 65534
NOBODY = [
    "env", "-u", "XDG_RUNTIME_DIR",
    "setpriv", f"--reuid={UID}", f"--regid={UID}", "--clear-groups", "--inh-caps=-all",
]  # fmt: skip


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory that anybody may enter, which pytest's own are not."""
    with tempfile.TemporaryDirectory(prefix="snoop-kit-") as made:
        Path(made).chmod(0o755)
        yield Path(made)


def run(place: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """The command in the place, with nothing of this run about it."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    return subprocess.run(
        command, cwd=place, env=kept, capture_output=True, text=True, timeout=150, check=False
    )


def opened(stash: Path | str) -> list[str]:
    """Lines of a shell that shows closed parents of our directories open to anybody, as a mount
    namespace has them; `stash`: an empty directory.
    """
    wanted = {Path(sys.base_prefix), ROOT}
    closed = {
        parent
        for path in wanted
        for parent in (list(reversed(path.parents)))
        if not parent.stat().st_mode & 0o001
    }
    hidden = {path for path in wanted if closed & set(path.parents)}
    lines = ["set -e"]
    for i, path in enumerate(hidden):
        lines += [f"mkdir {stash}/{i}", f"mount --bind {shlex.quote(str(path))} {stash}/{i}"]
    for path in closed:
        lines += [f"mount -t tmpfs -o mode=755 none {shlex.quote(str(path))}"]
    for i, path in enumerate(hidden):
        at = shlex.quote(str(path))
        lines += [f"mkdir -p {at}", f"mount --bind {stash}/{i} {at}"]
    return lines


def run_as_nobody(place: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """The same as an unprivileged user, to whom closed parents of our directories stand open."""
    with tempfile.TemporaryDirectory(prefix="snoop-kit-") as stash:
        script = "\n".join([*opened(stash), f'cd {place}; exec {shlex.join(NOBODY)} "$@"'])
        return run(place, "unshare", "-m", "sh", "-c", script, "sh", *command)


def given(capabilities: Iterable[str]) -> list[str]:
    """As setpriv takes them."""
    return [f"+{name.removeprefix('CAP_').lower()}" for name in capabilities]


def with_ambient(capabilities: Iterable[str], *, stash: Path, owns: Path) -> list[str]:
    """What runs a command as that user with these capabilities, as a unit's User= and
    AmbientCapabilities= do; he gets the directory `owns`, and is in no other group.
    """
    stash.mkdir()
    lines = [*opened(stash), f"chown -R {UID}:{UID} {owns}", 'exec "$@"']
    sets = ",".join(given(capabilities))
    return [
        "unshare", "-m", "sh", "-c", "\n".join(lines), "sh",
        "setpriv", f"--reuid={UID}", f"--regid={UID}", "--clear-groups",
        "--inh-caps", sets, "--ambient-caps", sets,
    ]  # fmt: skip


def run_rootless(place: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """As root of a user namespace that is nobody outside."""
    allowed = run(place, *NOBODY, "unshare", "-Urn", "true")
    assert allowed.returncode == 0, f"users have no namespaces of their own: {allowed.stderr}"
    return run_as_nobody(place, "unshare", "-Urn", *command)
