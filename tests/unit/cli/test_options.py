"""Options given more than once: all of them count, or none (SAY-9)."""

from __future__ import annotations

from typing import Any

import click
import pytest

from snoop.cli import main
from snoop.cli.options import Once
from unit.cli.conftest import Daemon
from unit.cli.test_commands import ALL_HOSTS
from unit.cli.test_output import commands

GROUP = "239.5.5.5"


def ports(snoop: Any, what: str, *filters: str) -> set[str]:
    document = snoop("show", what, *filters, "--json").json
    return {row.get("port") or row["name"] for row in document[what]}


def test_static_entries_and_router_ports_take_several_ports(daemon: Daemon, snoop: Any) -> None:
    """SAY-9."""
    both = ("--port", "p0", "--port", "p1", "--port", "p1")
    assert snoop("mdb", "add", GROUP, *both).status == 0
    assert ports(snoop, "mdb") == {"p0", "p1"}
    assert snoop("mrouter", "add", *both).status == 0
    assert ports(snoop, "mrouters") == {"p0", "p1"}
    assert snoop("mrouter", "del", *both).status == 0
    assert snoop("mdb", "del", GROUP, *both).status == 0
    assert ports(snoop, "mdb") == ports(snoop, "mrouters") == set()


def test_nothing_is_begun_with_a_name_that_is_wrong(daemon: Daemon, snoop: Any) -> None:
    """SAY-9."""
    for words in (("mdb", "add", GROUP), ("mrouter", "add"), ("clear", "mdb"), ("query",)):
        said = snoop(*words, "--port", "p0", "--port", "p9")
        assert (said.status, said.out) == (2, ""), words
        assert "p9" in said.err
    assert ports(snoop, "mdb") == ports(snoop, "mrouters") == set()


def test_filters_take_several_ports(daemon: Daemon, snoop: Any) -> None:
    """SAY-9."""
    for port in (0, 1, 2):
        daemon.do(daemon.scene.join, port)
    both = ("--port", "p0", "--port", "p2")
    assert ports(snoop, "mdb", *both) == ports(snoop, "ports", *both) == {"p0", "p2"}
    assert set(snoop("show", "counters", *both, "--json").json["ports"]) == {"p0", "p2"}
    assert snoop("clear", "fdb", *both).status == 0
    assert daemon.fastpath.flushed[-2:] == [(0, None), (2, None)]
    before = len(daemon.fastpath.injected)
    assert snoop("query", *both).status == 0
    sent = daemon.fastpath.injected[before:]
    assert {ports for ports, frame, *_ in sent if frame[:6] == ALL_HOSTS} == {0b001, 0b100}
    assert snoop("clear", "counters", *both).status == 0
    assert snoop("clear", "mdb", *both).status == 0
    assert ports(snoop, "mdb") == {"p1"}


@pytest.mark.parametrize(
    ("words", "option"),
    [
        (["mdb", "add", GROUP, "--port", "p0", "--vlan", "1", "--vlan", "2"], "--vlan"),
        (["mdb", "add", GROUP, "--port", "p0", *["--source", "10.0.0.1"] * 2], "--source"),
        (["show", "mdb", "--group", GROUP, "--group", "239.1.1.1"], "--group"),
        (["show", "--watch", "1", "--watch", "2"], "--watch"),
        (["query", "--vlan", "1", "--vlan=2"], "--vlan"),
        (["--name", "a", "-n", "b", "show"], "-n"),
    ],
)
def test_what_is_given_once_is_refused_twice(snoop: Any, words: list[str], option: str) -> None:
    """SAY-9."""
    said = snoop(*words)
    assert (said.status, said.out) == (2, "")
    assert f"{option} is given twice" in said.err
    assert len(said.err.splitlines()) == 1


def test_every_option_counts_once_or_always() -> None:
    """SAY-9: of every command there is."""
    for words in [(), *commands(main.cli)]:
        command: Any = main.cli
        for word in words:
            command = command.get_command(click.Context(command), word)
        for option in command.params:
            if isinstance(option, click.Option) and option.name != "version":
                assert isinstance(option, Once), (words, option.name)
