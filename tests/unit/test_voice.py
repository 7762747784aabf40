"""One voice: rulers of one form, docstrings of one mood, and no file too long to be taken in."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = sorted(
    path for top in ("snoop", "netns-lab", "tests") for path in (ROOT / top).rglob("*.py")
)
LINES_MAX = 450
WIDTH = 99
# A docstring names what one gets ("The ports of a group."), asks what is answered ("Is it up?"), or
# says what to do ("Send a query."): it does not return, and nobody sends.
OTHER_MOODS = {
    "Return", "Returns", "Accepts", "Adds", "Answers", "Checks", "Closes", "Creates", "Decides",
    "Deletes", "Ends", "Forgets", "Gets", "Gives", "Holds", "Keeps", "Makes", "Opens", "Prints",
    "Puts", "Removes", "Reopens", "Sends", "Starts", "Stops", "Takes", "Tells", "Waits", "Writes",
}  # fmt: skip


def docstrings(path: Path) -> Iterator[tuple[int, str]]:
    """Those of functions."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            said = ast.get_docstring(node)
            if said:
                yield node.lineno, said


@pytest.mark.parametrize("path", FILES, ids=[str(path.relative_to(ROOT)) for path in FILES])
def test_a_file_speaks_as_the_others_do(path: Path) -> None:
    lines = path.read_text().splitlines()
    assert len(lines) <= LINES_MAX, "split it by feature"
    for number, line in enumerate(lines, 1):
        if re.search(r"^ *#.*-{5,}$", line):
            assert re.fullmatch(r" *# [^-\s].* -+", line), f"{number}: # What follows ----"
            assert len(line) == WIDTH, f"{number}: up to column {WIDTH}"
            assert not line.lstrip(" #")[0].islower(), f"{number}: a capital"
    for number, said in docstrings(path):
        assert said.split()[0] not in OTHER_MOODS, f"{number}: {said.splitlines()[0]}"
