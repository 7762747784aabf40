"""`[[port]] match`: which interfaces a pattern makes ports, which not, and what commands add."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from snoop.config import given_ports, loader, patterns
from snoop.config.problems import ConfigError
from snoop.config.settings import Settings
from unit.fake_fastpath import link


class Case:
    """A file with these `[[port]]` tables, in effect among interfaces that come and go."""

    def __init__(self, directory: Path, *ports: str, arguments: tuple[str, ...] = ()) -> None:
        self.path = directory / "sw.toml"
        self.arguments = arguments
        self.write(*ports)
        self.settings = Settings(self.load())

    def write(self, *ports: str) -> None:
        self.path.write_text("[switch]\nvlan_filtering = true\n" + "".join(
            f"[[port]]\n{one}\n" for one in ports
        ))  # fmt: skip

    def load(self) -> loader.Loaded:
        return loader.load(str(self.path), ports=self.arguments)

    def see(self, *names: str, **changes: object) -> bool:
        return self.settings.see([link(name, 1 + n, **changes) for n, name in enumerate(names)])

    def ports(self) -> dict[str, int | None]:
        """The access VLAN of each."""
        return {port.name: port.access for port in self.settings.current.named}

    def shown(self) -> dict[str, Any]:
        return self.settings.shown()


def refusal(directory: Path, *ports: str) -> str:
    with pytest.raises(ConfigError) as caught:
        Case(directory, *ports)
    return str(caught.value)


def test_interfaces_that_match_are_ports_while_they_are_there(tmp_path: Path) -> None:
    case = Case(tmp_path, 'name = "up0"', 'match = "veth*"\naccess = 10')
    assert case.ports() == {"up0": None}
    assert case.see("lo", "veth1", "eth0", "veth2")
    assert case.ports() == {"up0": None, "veth1": 10, "veth2": 10}
    assert not case.see("veth2", "veth1", "dummy0")
    assert case.see("veth2")
    assert case.ports() == {"up0": None, "veth2": 10}


def test_first_table_that_names_or_matches_holds(tmp_path: Path) -> None:
    case = Case(
        tmp_path, 'name = "veth1"\naccess = 5', 'match = "veth*"\naccess = 10', 'match = "v*"'
    )
    case.see("veth1", "veth2", "vnet0")
    assert case.ports() == {"veth1": 5, "veth2": 10, "vnet0": None}


def test_table_that_never_holds_is_refused(tmp_path: Path) -> None:
    said = refusal(tmp_path, 'match = "veth*"', 'name = "veth1"')
    assert said.endswith(
        'sw.toml:6: [[port]] veth1: match = "veth*" above it has it: put it before that'
    )
    assert "is given twice" in refusal(tmp_path, 'match = "veth*"', 'match = "veth*"')


def test_name_and_match_are_one_too_many_and_neither_too_few(tmp_path: Path) -> None:
    said = refusal(tmp_path, 'name = "p0"\nmatch = "p*"')
    assert said.endswith("sw.toml:5: [[port]] p0: match stands in place of name: give one")
    assert 'the key "name" is missing' in refusal(tmp_path, "access = 3")
    assert "a shell pattern" in refusal(tmp_path, 'match = "veth *"')


def test_what_cannot_be_a_port_is_refused_by_name(tmp_path: Path) -> None:
    case = Case(tmp_path, 'match = "*"')
    case.settings.see([
        link("lo", 1, loopback=True, ethernet=False), link("tun0", 2, ethernet=False),
        *(link(f"veth{n}", 10 + n) for n in range(300)),
    ])  # fmt: skip
    refused = case.settings.matched.refused
    assert refused["tun0"] == "it is no Ethernet interface"
    assert refused["lo"] == "a loopback is no Ethernet interface"
    assert refused["veth256"] == "256 ports are the most"
    assert len(case.ports()) == 256
    assert len(refused) == 2 + 44


def test_ports_that_are_there_stay_when_there_are_too_many(tmp_path: Path) -> None:
    case = Case(tmp_path, 'match = "*"')
    case.see(*(f"veth{n}" for n in range(100, 356)))
    assert not case.see(*(f"veth{n}" for n in range(356)))
    assert "veth99" not in case.ports()


def test_options_on_the_command_line_are_over_those_of_the_pattern(tmp_path: Path) -> None:
    case = Case(
        tmp_path,
        'match = "veth*"\naccess = 10\nsticky = true',
        arguments=("veth7,access=20", "up0"),
    )
    case.see("veth7", "veth8")
    assert case.ports() == {"veth7": 20, "up0": None, "veth8": 10}
    origins = case.shown()["origins"]
    assert origins["port.veth7.access"] == "command"
    assert origins["port.veth7.sticky"] == origins["port.veth8.access"] == "file"
    assert case.settings.giver("veth7") == "file"
    assert case.settings.giver("veth8") == "pattern"


def test_options_set_of_a_port_by_pattern_go_with_it(tmp_path: Path) -> None:
    case = Case(tmp_path, 'match = "veth*"\naccess = 10')
    case.see("veth1", "veth2")
    case.settings.assign("veth1", {"access": 20})
    assert case.ports() == {"veth1": 20, "veth2": 10}
    assert case.shown()["origins"]["port.veth1.access"] == "command"
    assert case.settings.reload(case.load()) == []
    assert case.ports() == {"veth1": 20, "veth2": 10}
    case.see("veth2")
    case.see("veth1", "veth2")
    assert case.ports() == {"veth1": 10, "veth2": 10}


def test_added_port_holds_over_reloads_until_it_is_removed(tmp_path: Path) -> None:
    case = Case(tmp_path, 'name = "p0"', 'match = "veth*"\naccess = 10')
    case.settings.add("veth5", {"access": 30})
    case.settings.add("p7", {})
    assert case.ports() == {"p0": None, "veth5": 30, "p7": None}
    case.see("veth5", "veth6")
    case.write('name = "p0"\naccess = 2', 'name = "p1"')
    assert case.settings.reload(case.load()) == []
    assert case.ports() == {"p0": 2, "p1": None, "veth5": 30, "p7": None}
    assert [case.settings.giver(n) for n in ("p0", "veth5", "x")] == ["file", "command", ""]
    assert case.shown()["origins"]["port.veth5.access"] == "command"
    case.settings.assign("p7", {"access": 4})
    case.settings.remove("p7")
    assert case.ports() == {"p0": 2, "p1": None, "veth5": 30}


def test_added_port_that_is_not_allowed_changes_nothing(tmp_path: Path) -> None:
    case = Case(tmp_path, 'name = "p0"')
    with pytest.raises(ConfigError):
        case.settings.add("p1", {"access": 5000})
    with pytest.raises(ConfigError):
        case.settings.add("x" * 20, {})
    assert case.ports() == {"p0": None}


def test_reload_that_would_not_go_with_an_added_port_names_the_command(tmp_path: Path) -> None:
    case = Case(tmp_path, 'name = "p0"')
    case.settings.add("p1", {"access": 5})
    case.path.write_text('[[port]]\nname = "p0"\n')
    with pytest.raises(ConfigError, match="`snoop port add p1,access=5` in the way"):
        case.settings.reload(case.load())
    assert case.ports() == {"p0": None, "p1": 5}


def test_static_entries_may_name_what_a_pattern_may_bring(tmp_path: Path) -> None:
    ports = '[[port]]\nmatch = "veth*"\naccess = 10\n'
    static = '[[static]]\ngroup = "239.1.1.1"\nports = ["{}"]\n'
    path = tmp_path / "sw.toml"
    path.write_text("[switch]\nvlan_filtering = true\n" + ports + static.format("veth9"))
    config = loader.load(str(path)).config
    from snoop.config import resolve

    assert resolve.statics(config, port_id=lambda name: None) == set()
    (entry,) = resolve.statics(config, port_id=lambda name: 3)
    assert (entry.port, entry.vid) == (3, 10)
    path.write_text("[switch]\nvlan_filtering = true\n" + ports + static.format("eth9"))
    with pytest.raises(ConfigError, match="a port of this switch"):
        loader.load(str(path))


def test_show_config_is_a_file_again(tmp_path: Path) -> None:
    """What a pattern has made stands before it, by name."""
    from snoop.config import toml

    case = Case(tmp_path, 'match = "veth*"\naccess = 10')
    case.see("veth1")
    rows = case.shown()["port"]
    assert [(row.get("name"), row.get("match")) for row in rows] == [
        ("veth1", None), (None, "veth*"),
    ]  # fmt: skip
    plain = [{key: value for key, value in row.items() if value is not None} for row in rows]
    again = loader.check({"switch": {"vlan_filtering": True}, "port": plain}, where="t")
    assert patterns.of(again, "veth2") is not None
    assert toml.lines({"port": plain})


def test_appended_tables_are_those_of_no_file(tmp_path: Path) -> None:
    given = {"port": [{"name": "p0"}, {"match": "veth*"}]}
    commands = given_ports.Commanded({"p0": {}, "veth1": {"access": 2}}, ("p9",))
    assert given_ports.appended(given, commands) == ["p9", "veth1"]
