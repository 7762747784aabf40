"""What groups and ports are called: `[[group]]`, `[[port]] description`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from snoop.config import effective, loader, odd
from snoop.config.names import Names
from snoop.config.problems import ConfigError
from snoop.wire import address


def names(**groups: str) -> Names:
    tables = [{"group": group.replace("_", "."), "name": name} for group, name in groups.items()]
    return Names(loader.check({"group": tables}, where="t").group)


def test_the_longest_prefix_names_a_group() -> None:
    """SAY-57."""
    given = {"239.0.0.0/8": "site", "239.1.0.0/16": "studio", "239.1.1.1": "BBC One"}
    called = names(**given)
    for group, name in (
        ("239.1.1.1", "BBC One"), ("239.1.1.2", "studio"), ("239.2.0.1", "site"),
        ("232.1.1.1", None), ("ff3e::1", None),
    ):  # fmt: skip
        assert called.of(address.parse(group)) == called.of_text(group) == name
    assert called.of_text(None) is None
    assert Names().of(address.parse("239.1.1.1")) is None
    assert Names().of_text("what is no address") is None


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("group", "10.0.0.1", "a multicast group, or a prefix such as 239.1.0.0/16"),
        ("group", "239.1.1.1/16", "a prefix"),
        ("group", "224.0.0.0/3", "a prefix"),
        ("group", 7, "a prefix"),
        ("name", "", "a text of 1 to 64 characters"),
        ("name", "x" * 65, "a text of 1 to 64 characters"),
        ("name", " BBC", "without spaces around it"),
        ("name", "BBC\n", "on one line"),
        ("name", "\x1b[2J", "on one line"),
        ("name", "a\x85b", "on one line"),
        ("name", 5, "a text"),
        ("colour", "red", "unknown key"),
    ],
)
def test_a_name_that_is_none_is_refused(key: str, value: Any, expected: str) -> None:
    with pytest.raises(ConfigError, match=rf"(?s)^t: \[\[group\]\] .*{expected}"):
        loader.check({"group": [{"group": "239.1.1.1", "name": "BBC", key: value}]}, where="t")


def test_a_description_is_held_to_the_same() -> None:
    for bad in ("", "a\tb", "x" * 65, True):
        with pytest.raises(ConfigError, match=r"p0: description = .* 1 to 64 characters"):
            loader.check({"port": [{"name": "p0", "description": bad}]}, where="t")


def test_a_group_is_named_once() -> None:
    twice = [{"group": "239.1.1.1", "name": "a"}, {"group": "239.1.1.1/32", "name": "b"}]
    with pytest.raises(ConfigError, match=r'group = "239\.1\.1\.1" is given twice'):
        loader.check({"group": twice}, where="t")


def test_what_cannot_be_seen_is_spelled() -> None:
    """A mark that turns the line around, a space that is none."""
    config = loader.check(
        {
            "group": [{"group": "239.1.1.1", "name": "a\u202eb"}],
            "port": [{"name": "p0", "description": "Büro\u00a0A"}],
        },
        where="t",
    )
    assert config.group[0].name == r"a\u202eb"
    assert config.port[0].description == r"Büro\u00a0A"


def test_names_are_shown_in_the_configuration_as_they_were_written(tmp_path: Path) -> None:
    file = tmp_path / "s.toml"
    file.write_text('[[group]]\ngroup = "239.1.1.1"\nname = "BBC"\n[[port]]\nname = "p0"\n')
    loaded = loader.load(str(file), ports=["p0,description=5 West", "p1,description=7"])
    shown = effective.whole(loaded.config)
    assert shown["group"] == [{"group": "239.1.1.1", "name": "BBC"}]
    assert [port["description"] for port in shown["port"]] == ["5 West", "7"]
    assert loaded.origins["port.p0.description"] == "command"


def test_names_that_are_odd_are_noted() -> None:
    """SAY-10."""
    groups = [
        {"group": "239.1.1.1", "name": "BBC"}, {"group": "239.1.1.2", "name": "BBC"},
        {"group": "239.1.1.3", "name": "239.9.9.9"}, {"group": "239.1.1.4", "name": "x\u200b"},
    ]  # fmt: skip
    ports = [
        {"name": "p0", "description": "p1"}, {"name": "p1", "description": "West"},
        {"name": "p2", "description": "West"},
    ]  # fmt: skip
    config = loader.check({"group": groups, "port": ports}, where="t")
    notes = "\n".join(odd.notes(config))
    for expected in (
        'name = "BBC" is given to 2 groups', "239.9.9.9.* is itself a group",
        'description = "West" is given to 2 ports', '"p1" is the name of another port',
        "characters that cannot be seen",
    ):  # fmt: skip
        assert re.search(expected, notes), (expected, notes)
    good = {"group": groups[:1], "port": [{"name": "p0", "description": "p0"}]}
    assert not odd.notes(loader.check(good, where="t"))
