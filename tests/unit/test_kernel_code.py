"""The bytecode that is checked in is what its source makes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

NATIVE = Path(__file__).parents[2] / "native"


def test_bytecode_is_what_the_source_makes() -> None:
    made = subprocess.run([sys.executable, NATIVE / "bpf" / "build.py", "--check"], check=False)
    assert made.returncode == 0, "run native/bpf/build.py"
