"""What is installed: the Debian package, built here, in a layer over this machine's files.

`native/packaging/try` does it: installs, verifies the units, starts the switch as the unit does,
asks it, and purges it. `native/packaging/try-units` has systemd run it.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

PACKAGING = Path(__file__).parents[2] / "native/packaging"
NEEDS = ("dh", "dpkg-buildpackage", "unshare", "/usr/bin/python3")


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    missing = [need for need in NEEDS if not shutil.which(need)]
    if missing or not new_enough():
        pytest.skip(f"no Debian with Python 3.11 or later: {missing or 'an older one'}")
    place = tmp_path_factory.mktemp("package")
    quick = {**os.environ, "DEB_BUILD_OPTIONS": "noopt"}
    done = subprocess.run([PACKAGING / "deb", place], env=quick, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return Path(done.stdout.split()[-1])


def new_enough() -> bool:
    asked = "import ensurepip, sys; sys.exit(sys.version_info < (3, 11))"
    return subprocess.run(["/usr/bin/python3", "-c", asked], capture_output=True).returncode == 0


def held(package: Path) -> list[str]:
    """The files in it."""
    told = subprocess.run(["dpkg-deb", "-c", package], capture_output=True, text=True, check=True)
    return [re.split(r" \./", line)[1].split(" -> ")[0] for line in told.stdout.splitlines()[1:]]


def test_the_package_is_installed_starts_and_goes_without_a_trace(package: Path) -> None:
    done = subprocess.run([PACKAGING / "try", package], capture_output=True, text=True, timeout=400)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "== all is well" in done.stdout


def test_its_units_run_under_systemd(package: Path) -> None:
    """systemd as PID 1: start, reload, crash, a user of its own, and what keeps it in (F-14)."""
    command = [PACKAGING / "try-units", package]
    done = subprocess.run(command, capture_output=True, text=True, timeout=400)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "== all is well" in done.stdout


def test_the_package_holds_what_the_switch_ships(package: Path) -> None:
    files = held(package)
    beside = Path(__file__).parents[2] / "snoop"
    shipped = [path for path in beside.rglob("*") if path.is_file() and path.suffix != ".pyc"]
    for path in shipped:
        if path.suffix != ".so":
            there = f"/snoop/{path.relative_to(beside)}"
            assert any(each.endswith(there) for each in files), there
    assert [each for each in files if "snoop/_native" in each and each.endswith(".abi3.so")]
