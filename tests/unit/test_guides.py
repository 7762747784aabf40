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

GUIDES = Path(snoop.__file__).parent / "guides"
PAGES = ["linux-bridge.md", "libvirt.md", "qemu.md"]


def commands(text: str) -> list[list[str]]:
    """The words of each `snoop …` of a page."""
    return [line.split() for line in re.findall(r"`snoop ([^`]+)`", text)]


@pytest.mark.parametrize("page", PAGES)
def test_every_command_exists_with_its_options(page: str) -> None:
    found = commands((GUIDES / page).read_text("utf-8"))
    assert found
    for line in found:
        command, rest = resolved(line)
        known = {
            option for param in command.params for option in (*param.opts, *param.secondary_opts)
        }
        assert {word for word in rest if word.startswith("--")} <= known, line
        assert not hasattr(command, "commands"), f"{line}: no such command"


@pytest.mark.parametrize("page", PAGES)
def test_every_key_exists(page: str) -> None:
    text = (GUIDES / page).read_text("utf-8")
    named = re.findall(r"`(\[+)(\w+)\]+ (\w+)`", text)
    assert named
    for _, table, key in named:
        assert key in words.keys(TABLES[table])[0], f"[{table}] {key}"


@pytest.mark.parametrize("page", PAGES)
def test_every_file_is_a_good_one(page: str) -> None:
    files = re.findall(r"```toml\n(.*?)```", (GUIDES / page).read_text("utf-8"), re.DOTALL)
    assert files
    for file in files:
        loader.check(tomllib.loads(file), where=page)
