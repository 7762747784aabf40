"""Interfaces that say in their alias that they are ports: which are, and what holds before them."""

from __future__ import annotations

from pathlib import Path

import pytest

from snoop.config import aliases, loader
from snoop.config.problems import ConfigError
from snoop.config.settings import Settings
from unit.fake_fastpath import link

FILTERING = "[switch]\nvlan_filtering = true\n"


class Case:
    """A file, and interfaces with what they say."""

    def __init__(self, directory: Path, text: str = FILTERING) -> None:
        self.path = directory / "sw.toml"
        self.path.write_text(text)
        self.settings = Settings(loader.load(str(self.path)))

    def see(self, kind: str = "veth", /, **said: str) -> bool:
        pairs = enumerate(said.items(), 1)
        return self.settings.see([link(name, n, alias=s, kind=kind) for n, (name, s) in pairs])

    def reload(self, text: str) -> list[str]:
        self.path.write_text(text)
        return self.settings.reload(loader.load(str(self.path)))

    @property
    def access(self) -> dict[str, int | None]:
        return {port.name: port.access for port in self.settings.current.named}

    def origin(self, key: str) -> str:
        return str(self.settings.shown()["origins"][key])


def test_interface_is_a_port_while_it_is_there_and_says_so(tmp_path: Path) -> None:
    case = Case(tmp_path)
    assert case.see(v1="snoop:sw0,access=10,description=a web server", v2="snoop:sw0", v3="mine")
    assert case.access == {"v1": 10, "v2": None}
    assert case.settings.giver("v1") == "interface"
    assert case.origin("port.v1.access") == "interface"
    assert case.origin("port.v1.mrouter") == "default"
    (port,) = [one for one in case.settings.current.named if one.name == "v1"]
    assert port.description == "a web server"
    assert not case.see(v1="snoop:sw0,access=10,description=a web server", v2="snoop:sw0", v4="")
    assert case.see(v1="snoop:sw0,access=20", v2="")
    assert case.access == {"v1": 20}
    assert case.see()
    assert case.access == {}


def test_other_switch_and_other_words_are_nobodys(tmp_path: Path) -> None:
    case = Case(tmp_path)
    assert not case.see(v1="snoop:sw1,access=10", v2="snoop:sw00", v3="snoop:", v4="snoop", v5="")
    assert case.settings.refused == {}


@pytest.mark.parametrize(
    ("alias", "why"),
    [
        ("snoop:sw0 access=10", "allowed is snoop:SWITCH[,OPTION=VALUE…]"),
        ("snoop:sw0,access=5000", "access = 5000 is not allowed"),
        ("snoop:sw0,nonsense=1", 'unknown option "nonsense"'),
        ("snoop:sw0,", "is not option=value"),
        ("snoop:sw0,access=10,native=3", "native"),
        ("snoop:sw0,name=p9", "is not option=value"),
        ("snoop:sw0,access=\u202e1", "access"),
    ],
)
def test_alias_that_is_wrong_makes_no_port_and_disturbs_none(
    tmp_path: Path, alias: str, why: str
) -> None:
    case = Case(tmp_path)
    case.see(v1="snoop:sw0,access=10", v2=alias)
    assert case.access == {"v1": 10}
    assert why in case.settings.refused["v2"]
    assert case.settings.refused["v2"].isprintable()


def test_hardware_is_no_port_by_its_alias(tmp_path: Path) -> None:
    """It comes back from a container with the alias that it got there."""
    case = Case(tmp_path)
    assert not case.see("", eth0="snoop:sw0")
    assert "hardware" in case.settings.refused["eth0"]


def test_access_without_filtering_is_refused_and_the_others_stay(tmp_path: Path) -> None:
    case = Case(tmp_path, "")
    case.see(v1="snoop:sw0", v2="snoop:sw0,access=10")
    assert case.access == {"v1": None}
    assert "vlan_filtering" in case.settings.refused["v2"]
    case.reload(FILTERING)
    assert case.access == {"v1": None, "v2": 10}
    assert case.settings.refused == {}


def test_file_and_command_hold_before_an_alias_and_that_before_a_pattern(tmp_path: Path) -> None:
    text = FILTERING + '[[port]]\nname = "v1"\naccess = 5\n[[port]]\nmatch = "v*"\naccess = 6\n'
    case = Case(tmp_path, text)
    case.settings.add("v2", {"access": 7})
    case.see(v1="snoop:sw0,access=10", v2="snoop:sw0,access=10", v3="snoop:sw0,mrouter=never")
    assert case.access == {"v1": 5, "v2": 7, "v3": None}
    assert [case.settings.giver(name) for name in ("v1", "v2", "v3")] == [
        "file", "command", "interface",
    ]  # fmt: skip
    assert case.origin("port.v3.access") == "default"
    case.settings.remove("v2")
    case.reload(FILTERING)
    assert case.access == {"v1": 10, "v2": 10, "v3": None}


def test_alias_that_goes_leaves_the_interface_to_its_pattern(tmp_path: Path) -> None:
    case = Case(tmp_path, FILTERING + '[[port]]\nmatch = "v*"\naccess = 6\n')
    case.see(v1="snoop:sw0,access=10")
    assert case.access == {"v1": 10}
    assert case.see(v1="")
    assert case.access == {"v1": 6}
    assert case.settings.giver("v1") == "pattern"


def test_what_is_set_of_it_holds_until_it_goes(tmp_path: Path) -> None:
    case = Case(tmp_path)
    case.see(v1="snoop:sw0,access=10")
    case.settings.assign("v1", {"access": 30})
    assert case.access == {"v1": 30}
    assert case.origin("port.v1.access") == "command"
    assert case.reload(FILTERING) == []
    assert case.access == {"v1": 30}
    case.see()
    assert case.access == {}
    case.see(v1="snoop:sw0,access=10")
    assert case.access == {"v1": 10}


def test_reload_that_would_take_its_options_away_is_refused_and_names_it(tmp_path: Path) -> None:
    case = Case(tmp_path)
    case.see(v1="snoop:sw0,access=10")
    with pytest.raises(ConfigError, match=r"the alias of v1 \(access=10\) in the way: .*access"):
        case.reload("")
    assert case.access == {"v1": 10}


def test_more_than_there_may_be_are_left_out_and_those_there_first(tmp_path: Path) -> None:
    case = Case(tmp_path)
    most = {f"w{n}": "snoop:sw0" for n in range(256)}
    case.see(**most)
    case.see(a0="snoop:sw0", **most)
    assert case.access.keys() == most.keys()
    assert "256" in case.settings.refused["a0"]


def test_what_an_interface_can_keep_is_bounded() -> None:
    assert aliases.spelled("sw0", ",access=10") == "snoop:sw0,access=10"
    with pytest.raises(ConfigError, match="255 bytes"):
        aliases.spelled("sw0", ",description=" + "x" * 250)


def test_characters_that_move_a_cursor_are_shown_not_obeyed(tmp_path: Path) -> None:
    case = Case(tmp_path)
    case.see(v1="snoop:sw0,description=\x1b[2J")
    (port,) = case.settings.current.named
    assert port.description == "\\x1b[2J"
