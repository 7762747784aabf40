"""The map of the C files in native/README.md: whole, and nothing includes what stands below it."""

from __future__ import annotations

import re
from pathlib import Path

NATIVE = Path(__file__).parents[2] / "native"
SOURCES = sorted((NATIVE / "src").glob("fp_*.[ch]"))


def rows() -> list[list[str]]:
    section = (NATIVE / "README.md").read_text().split("## Files")[1].split("\n## ")[0]
    return [re.findall(r"`(fp_\w+)`", row) for row in section.splitlines() if "`fp_" in row]


def test_every_file_is_on_the_map_once() -> None:
    mapped = [stem for row in rows() for stem in row]
    assert sorted(mapped) == sorted({path.stem for path in SOURCES})


def test_files_include_only_their_row_and_what_stands_before_it() -> None:
    row_of = {stem: index for index, row in enumerate(rows()) for stem in row}
    for path in SOURCES:
        for included in re.findall(r'#include "(fp_\w+)\.h"', path.read_text()):
            assert row_of[included] <= row_of[path.stem], f"{path.name} includes {included}.h"
