"""The guides say what is so: each command of theirs exists, each key, each file is a good one."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

import snoop
from snoop.config import loader, words
from snoop.config.loader import TABLES
from unit.test_interface import resolved

ROOT = Path(snoop.__file__).parent
GUIDES = ROOT / "guides"
PAGES = sorted(page.name for page in GUIDES.glob("*.md"))
TOLD = {
    page.relative_to(ROOT.parent).as_posix(): page
    for page in (
        *GUIDES.glob("*.md"),
        ROOT.parent / "README.md",
        ROOT / "TROUBLESHOOTING.md",
        ROOT / "share/README.md",
    )
}


def commands(text: str) -> list[list[str]]:
    """The words of each `snoop …` of a page, in a sentence or on a line of its own."""
    lines = re.findall(r"^ *(?:\$ )?snoop ([a-z-].*)$", text, re.MULTILINE)
    lines = [re.split(r" +[#&|>]", line)[0] for line in lines]
    return [line.split() for line in re.findall(r"`snoop ([^`]+)`", text) + lines]


@pytest.mark.parametrize("page", TOLD.values(), ids=TOLD)
def test_every_command_exists_with_its_options(page: Path) -> None:
    found = commands(page.read_text("utf-8"))
    assert found
    for line in found:
        command, rest = resolved(line)
        known = {
            option for param in command.params for option in (*param.opts, *param.secondary_opts)
        }
        assert {word for word in rest if word.startswith("--")} <= known, line
        # `show` alone is a screen, and a page may speak of `snoop mdb` as such.
        assert len(line) == 1 or not hasattr(command, "commands"), f"{line}: no such command"


@pytest.mark.parametrize("page", PAGES)
def test_every_key_exists(page: str) -> None:
    text = (GUIDES / page).read_text("utf-8")
    named = re.findall(r"`(\[+)(\w+)\]+ (\w+)", text)
    assert named or page in ("docker.md", "kubernetes.md", "podman.md")
    for _, table, key in named:
        assert key in words.keys(TABLES[table])[0], f"[{table}] {key}"


@pytest.mark.parametrize("page", PAGES)
def test_every_file_is_a_good_one(page: str) -> None:
    files = re.findall(r"```toml\n(.*?)```", (GUIDES / page).read_text("utf-8"), re.DOTALL)
    assert files or page == "kubernetes.md"
    for file in files:
        tables = tomllib.loads(file)
        if tables.keys() & TABLES.keys():  # else it is podman's
            # A piece of a file may leave out what stands above on its page.
            loader.check({"switch": {"vlan_filtering": True}, **tables}, where=page)
