"""Options of a port by a command: what holds, over which file, and what stands in a file's way."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from snoop.config import loader, port_options
from snoop.config.loader import Loaded
from snoop.config.problems import ConfigError
from snoop.config.schema_port import PortTable
from snoop.config.settings import Settings

FILE = """\
[switch]
vlan_filtering = true
[[port]]
name = "p1"
access = 10
deny_groups = ["239.255.0.0/16"]
[[port]]
name = "p9"
trunk = [10, "20-29"]
native = 1
"""


class Switch:
    """A file, and what commands make of it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.settings = Settings(self.read(FILE))

    def read(self, text: str) -> Loaded:
        self.path.write_text(text)
        return loader.load(str(self.path))

    def set(self, port: str, *words: str) -> PortTable:
        self.settings.assign(port, port_options.assigned(port, words))
        return self.port(port)

    def port(self, name: str) -> PortTable:
        return next(port for port in self.settings.config.port if port.name == name)

    def origins(self, port: str) -> dict[str, str]:
        shown: dict[str, str] = self.settings.shown()["origins"]
        prefix = f"port.{port}."
        return {
            key.removeprefix(prefix): origin
            for key, origin in shown.items()
            if key.startswith(prefix) and origin != "default"
        }

    def refuses(self, port: str, *words: str) -> list[str]:
        before = self.settings.config
        with pytest.raises(ConfigError) as caught:
            self.set(port, *words)
        assert self.settings.config is before, "nothing is changed"
        return [line.replace(str(self.path), "f") for line in caught.value.problems]


@pytest.fixture
def switch(tmp_path: Path) -> Switch:
    return Switch(tmp_path / "x.toml")


def vlans(port: PortTable) -> tuple[Any, ...]:
    return port.access, port.trunk, port.native


def test_a_command_holds_over_the_file_until_it_is_put_back(switch: Switch) -> None:
    """SAY-59."""
    assert vlans(switch.set("p1", "access=20")) == (20, None, None)
    assert switch.origins("p1") == {"access": "command", "deny_groups": "file"}
    assert switch.set("p1", "fast_leave=on", "max_groups=7").max_groups == 7
    switch.settings.reload(switch.read(FILE.replace("access = 10", "access = 30")))
    assert vlans(switch.port("p1")) == (20, None, None), "the command wins over the file"
    assert switch.port("p1").max_groups == 7
    assert vlans(switch.set("p1", "access=")) == (30, None, None), "what the file says now"
    assert switch.origins("p1") == {
        "access": "file", "deny_groups": "file", "fast_leave": "command", "max_groups": "command",
    }  # fmt: skip
    switch.set("p1", "fast_leave=", "max_groups=")
    assert switch.settings.config == loader.load(str(switch.path)).config


def test_a_port_becomes_a_trunk_and_an_access_port_again(switch: Switch) -> None:
    """Either takes the other's place, of the file and of earlier commands."""
    assert vlans(switch.set("p1", "trunk=10,20-29", "native=5")) == (None, [10, "20-29"], 5)
    assert switch.origins("p1")["access"] == "command", "by command it is none"
    assert vlans(switch.set("p1", "access=7")) == (7, None, None)
    assert vlans(switch.set("p1", "trunk=3", "trunk=4-5")) == (None, [3, "4-5"], None)
    assert vlans(switch.set("p1", "trunk=")) == (10, None, None)
    assert vlans(switch.set("p9", "access=4")) == (4, None, None)
    assert vlans(switch.set("p9", "access=")) == (None, [10, "20-29"], 1)


def test_default_is_as_if_the_file_did_not_have_it(switch: Switch) -> None:
    assert vlans(switch.set("p9", "native=default")) == (None, [10, "20-29"], None)
    assert vlans(switch.set("p1", "access=default")) == (None, None, None)
    assert switch.set("p1", "deny_groups=default").deny_groups == []
    assert switch.origins("p1") == {"access": "command", "deny_groups": "command"}
    assert vlans(switch.set("p9", "native=")) == (None, [10, "20-29"], 1)


def test_options_of_ipv6_and_texts(switch: Switch) -> None:
    port = switch.set("p1", "mld.mrouter=never", "description=5 West", "split_horizon=7")
    assert port.mld.mrouter is not None
    assert (port.mld.mrouter.value, port.description, port.split_horizon) == (
        "never", "5 West", "7",
    )  # fmt: skip
    assert switch.origins("p1")["mld"] == "command"
    assert switch.set("p1", "mld.mrouter=").mld.mrouter is None
    lists = switch.set("p1", "allow_groups=239.1.1.1, 239.2.0.0/16").allow_groups
    assert [str(one) for one in lists] == ["239.1.1.1", "239.2.0.0/16"]


@pytest.mark.parametrize(
    ("port", "words", "lines"),
    [
        ("p1", ["access=4095"],
         ["[[port]] p1: access = 4095 is not allowed: a whole number from 1 to 4094"]),
        ("p1", ["access=20", "trunk=10"], ["[[port]] p1: access = 20 is not allowed: not beside "
                                           "trunk, whose VLAN without tags is native"]),
        ("p1", ["native=1"], ["[[port]] p1: native = 1 is not allowed: only with trunk, and this "
                              "port has access = 10"]),
        ("p9", ["trunk=default"], ["f:10: [[port]] p9: native = 1 is not allowed: only with "
                                   "trunk"]),
        ("p9", ["trunk=29-20"], ['[[port]] p9: trunk = "29-20" is not allowed: a range from the '
                                 'lower VLAN to the higher (did you mean "20-29"?)']),
        ("p1", ["mrouter=maybe", "max_groups=-1"],
         ['[[port]] p1: mrouter = "maybe" is not allowed: "auto", "always", "never"',
          "[[port]] p1: max_groups = -1 is not allowed: a whole number from 0 to 1000000"]),
        ("p1", ["acces=20"], ['port set p1: unknown option "acces" (did you mean "access"?)']),
        ("p1", ["access", "name=x", "access=1", "access=2"],
         ['port set p1: "access" is not option=value', 'port set p1: "name=x" is not option=value',
          "port set p1: access is given twice"]),
        ("p1", ["=5"], None),
        ("p1", ["fast_leave=tracked", "explicit_tracking=false"],
         ['[[port]] p1: fast_leave = "tracked" is not allowed: needs explicit_tracking = true']),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_as_of_a_file(
    switch: Switch, port: str, words: list[str], lines: list[str] | None
) -> None:
    said = switch.refuses(port, *words)
    assert lines is None or said == lines
    assert switch.origins("p1") == {"access": "file", "deny_groups": "file"}


def test_a_reload_that_a_command_stands_in_the_way_of_names_it(switch: Switch) -> None:
    switch.set("p1", "access=20", "explicit_tracking=false")
    before = switch.settings.config
    for text, said in (
        ('[[port]]\nname = "p1"\n',
         "`snoop port set p1 access=20` in the way: [[port]] p1: access = 20 is not allowed: only "
         "with [switch] vlan_filtering = true"),
        (FILE.replace("access = 10", 'fast_leave = "tracked"'),
         "`snoop port set p1 access=20`, `snoop port set p1 explicit_tracking=false` in the way: "
         'f:5: [[port]] p1: fast_leave = "tracked" is not allowed: needs explicit_tracking = true'),
    ):  # fmt: skip
        with pytest.raises(ConfigError) as caught:
            switch.settings.reload(switch.read(text))
        assert [line.replace(str(switch.path), "f") for line in caught.value.problems] == [said]
        assert switch.settings.config is before
    switch.set("p1", "explicit_tracking=")
    switch.settings.reload(switch.read(FILE.replace("access = 10", 'fast_leave = "tracked"')))


def test_a_port_that_leaves_the_file_takes_its_commands_along(switch: Switch) -> None:
    switch.set("p9", "access=4")
    assert switch.settings.reload(switch.read(FILE[: FILE.rindex("[[port]]")])) == ["p9"]
    assert switch.settings.reload(switch.read(FILE)) == []
    assert vlans(switch.port("p9")) == (None, [10, "20-29"], 1)


def test_a_file_that_is_wrong_by_itself_is_not_blamed_on_a_command(switch: Switch) -> None:
    switch.set("p1", "access=20")
    with pytest.raises(ConfigError) as caught:
        switch.read(FILE.replace("native = 1", "native = 0"))
    assert "in the way" not in str(caught.value)


def test_a_command_does_not_read_the_file(switch: Switch) -> None:
    switch.path.write_text("nonsense")
    assert vlans(switch.set("p1", "access=20")) == (20, None, None)


@pytest.mark.parametrize(
    "words",
    [
        ["trunk=" + ",".join(["1-4094"] * 400)], ["trunk=,"], ["trunk=1,,2"], ["trunk=١"],
        ["access=" + "9" * 5000], ["access=1e3"], ["access=\x00"], ["mld.=1"], ["mld.mld.x=1"],
        ["mld=x"], ["name=\x1b[2J"], ["description=\n"], ["description= "], ["igmp_rate=nan"],
        ["deny_groups=1.2.3.4/24"], ["deny_groups=239.1.1.1/8"], ["split_horizon=" + "x" * 65],
        ["==="], ["access= 10"], ["access=010x"], ["coalesce=auto,off"], ["sticky=yes"],
    ],
)  # fmt: skip
def test_hostile_words_are_refused_or_taken_but_never_a_traceback(
    switch: Switch, words: list[str]
) -> None:
    said: tuple[str, ...] = ()
    try:
        switch.set("p1", *words)
    except ConfigError as error:
        said = error.problems
    assert all(len(line) < 600 for line in said)
