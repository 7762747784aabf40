"""What native/README.md says of the C files: the map of them, and the words threads share."""

from __future__ import annotations

import re
from pathlib import Path

NATIVE = Path(__file__).parents[2] / "native"
SOURCES = sorted((NATIVE / "src").glob("fp_*.[ch]"))


def section(title: str) -> list[str]:
    text = (NATIVE / "README.md").read_text().split(f"## {title}\n")[1].split("\n## ")[0]
    return [line for line in text.splitlines() if line.startswith("|")][2:]


def rows() -> list[list[str]]:
    return [re.findall(r"`(fp_\w+)`", row) for row in section("Files")]


def test_every_file_is_on_the_map_once() -> None:
    mapped = [stem for row in rows() for stem in row]
    assert sorted(mapped) == sorted({path.stem for path in SOURCES})


def test_files_include_only_their_row_and_what_stands_before_it() -> None:
    row_of = {stem: index for index, row in enumerate(rows()) for stem in row}
    for path in SOURCES:
        for included in re.findall(r'#include "(fp_\w+)\.h"', path.read_text()):
            assert row_of[included] <= row_of[path.stem], f"{path.name} includes {included}.h"


def test_every_shared_word_has_a_row() -> None:
    """Declared `_Atomic` in a header: who writes it, who reads it, in which order."""
    named = " ".join(row.split("|")[1] for row in section("Words shared between threads"))
    words = set(re.findall(r"\w+", named))
    for path in NATIVE.glob("src/*.h"):
        for word in re.findall(r"_Atomic(?:\s+\w+\s+|\([^)]*\)\s*\*?)(\w+)", path.read_text()):
            assert word in words, f"{word} of {path.name}"
