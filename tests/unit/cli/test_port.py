"""`snoop port set`: what it says, in what words it refuses, what is told of it."""

from __future__ import annotations

from typing import Any

import pytest

from snoop.control.requests import Events
from unit.cli.conftest import Daemon


def test_what_is_set_is_said_and_shown(daemon: Daemon, snoop: Any) -> None:
    said = snoop("port", "set", "p1", "fast_leave=on", "max_groups=9")
    assert (said.status, said.out) == (0, 'p1: fast_leave = "on"\np1: max_groups = 9\n')
    assert daemon.scene.plane.ports.named("p1").table.max_groups == 9
    said = snoop("port", "set", "--json", "p1", "max_groups=", "mld.max_groups=3")
    assert said.json == {
        "port": "p1",
        "options": {"max_groups": 0, "mld.max_groups": 3},
        "origins": {"max_groups": "default", "mld.max_groups": "command"},
    }
    assert snoop("port", "set", "p1", "mld.max_groups=").out == (
        "p1: mld.max_groups = 0 (the default)\n"
    )


def test_it_is_an_event_of_its_port(daemon: Daemon, snoop: Any) -> None:
    snoop("port", "set", "p1", "fast_leave=on")
    snoop("port", "set", "p1", "fast_leave=on")
    snoop("reload")
    events = daemon.scene.ask(Events(types=("config",)))["events"]
    assert [(one["port"], one["by"], one.get("options")) for one in events] == [
        ("p1", "command", ["fast_leave=on"]),
        (None, "file", None),
    ]


def test_an_event_has_options_as_they_are_typed_and_no_longer_than_needed(
    daemon: Daemon, snoop: Any
) -> None:
    daemon.scene.raw["switch"] = {"vlan_filtering": True}
    assert snoop("reload").status == 0
    snoop("port", "set", "p1", "trunk=" + ",".join(str(vid) for vid in range(1, 4095, 2)))
    (event,) = daemon.scene.ask(Events(types=("config",), port="p1"))["events"]
    trunk, access = sorted(event["options"], key=len, reverse=True)
    assert (access, trunk[:13], len(trunk)) == ("access=default", "trunk=1,3,5,7", 200)


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("p7", "access=1"), 'snoop: no port "p7" on this switch; '),
        (("p1", "access=20"), "snoop: [[port]] p1: access = 20 is not allowed: only with [switch] "
                              "vlan_filtering = true"),
        (("p1", "max_groups=x", "mrouter=x"), "snoop: [[port]] p1: max_groups = \"x\" is not "
         "allowed: a whole number from 0 to 1000000; [[port]] p1: mrouter = \"x\" is not allowed"),
        (("p1", "acces=1"), 'snoop: port set p1: unknown option "acces" (did you mean "access"?)'),
        (("p1",), "snoop: Missing argument 'OPTION=VALUE...'"),
        (("p1", "trunk=" + "1," * 20_000), "snoop: "),
    ],
)  # fmt: skip
def test_what_is_refused_changes_nothing(
    daemon: Daemon, snoop: Any, words: tuple[str, ...], line: str
) -> None:
    before = daemon.scene.settings.config
    said = snoop("port", "set", *words)
    assert (said.status, said.out) == (2, "")
    assert said.err.startswith(line), said.err
    assert daemon.scene.settings.config is before


def test_a_reload_that_it_stands_in_the_way_of_is_refused(daemon: Daemon, snoop: Any) -> None:
    snoop("port", "set", "p1", "explicit_tracking=false")
    ports = [{"name": f"p{n}", "fast_leave": "tracked"} for n in range(4)]
    daemon.scene.raw["port"] = ports
    said = snoop("reload")
    assert said.status == 2
    assert said.err == (
        "snoop: kept the configuration: `snoop port set p1 explicit_tracking=false` in the way: "
        'command line: [[port]] p1: fast_leave = "tracked" is not allowed: needs '
        "explicit_tracking = true\n"
    )
    snoop("port", "set", "p1", "explicit_tracking=")
    assert snoop("reload").out == "reloaded\n"
