"""All that is wrong with a file is said at once, each with its place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from snoop.config import loader
from snoop.config.problems import ConfigError

FILE = """\
[switch]
ring_slots = 100
unregistred = "drop"

[igmp]
robustness = 9
querier_address = "127.0.0.1"

# a comment
[[port]]
name = "p0"

[[port]]
  name = "p0"
mrouter = "yes"

[[vlan]]
vid = 7
query_interval = 5
query_response_interval = 6

[[static]]
group = "239.1.1.1"
ports = ["p1"]

[metrics]
listen = "127.0.0.1:99999"
"""


def wrong(path: Path, text: str, **given: Any) -> tuple[str, ...]:
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        loader.load(str(path), **given)
    return tuple(line.replace(str(path), "f") for line in caught.value.problems)


def test_everything_that_is_wrong_is_said_at_once_with_its_line(tmp_path: Path) -> None:
    """SAY-10."""
    assert wrong(tmp_path / "x.toml", FILE) == (
        "f:2: [switch] ring_slots = 100 is not allowed: 0, or a power of two from 32 to 65536",
        'f:3: [switch] unknown key "unregistred" (did you mean "unregistered"?)',
        "f:6: [igmp] robustness = 9 is not allowed: a whole number from 1 to 7",
        'f:7: [igmp] querier_address = "127.0.0.1" is not allowed: a unicast IPv4 address such as '
        "10.0.0.254, or 0.0.0.0",
        'f:15: [[port]] p0: mrouter = "yes" is not allowed: "auto", "always", "never"',
        "f:20: [[vlan]] 7: query_response_interval = 6 is not allowed: at most query_interval, 5",
        'f:14: [[port]] name = "p0" is given twice: allowed is once',
        'f:24: [[static]] 239.1.1.1: ports = "p1" is not allowed: a port of this switch '
        "(known: p0)",
        'f:27: [metrics] listen = "127.0.0.1:99999" is not allowed: a port is 0 to 65535',
    )


def test_a_port_given_on_the_command_line_is_not_blamed_on_the_file(tmp_path: Path) -> None:
    """SAY-10."""
    said = wrong(
        tmp_path / "x.toml",
        '[[port]]\nname = "p0"\nmrouter = "yes"\nfast_leave = "of"\n',
        ports=["p0,mrouter=no", "p1,max_groups=x", "p2,mruter=never"],
        overrides={"switch": {"name": "/"}},
    )
    assert [line.split(": ")[0] for line in said] == [
        "--port p2,mruter=never",
        "command line",
        "command line",
        "f:4",
        "command line",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("table", "text"),
    [
        ({"switch": {"ring_slots": 16}}, "a power of two from 32 to 65536"),
        ({"switch": {"ring_slots": 131072}}, "a power of two from 32 to 65536"),
        ({"switch": {"ring_slots": True}}, "a power of two from 32 to 65536"),
        ({"metrics": {"listen": ":65536"}}, "a port is 0 to 65535"),
        ({"metrics": {"listen": "10.0.0.999:9570"}}, '"10.0.0.999" is no IP address'),
        ({"metrics": {"listen": "[::zz]:9570"}}, '"::zz" is no IP address'),
    ],
)
def test_bounds_of_the_fast_path_and_the_endpoint(table: dict[str, Any], text: str) -> None:
    """SAY-10: what `run` would only find out by trying."""
    with pytest.raises(ConfigError, match=text):
        loader.check(table, where="t")


@pytest.mark.parametrize("listen", ["", ":0", "127.0.0.1:65535", "[::1]:9570", "localhost:1"])
def test_where_an_endpoint_may_listen(listen: str) -> None:
    assert loader.check({"metrics": {"listen": listen}}, where="t").metrics.listen == listen


def test_a_name_that_cannot_be_known_is_not_called_wrong() -> None:
    """A mistake that is the consequence of another one is not said."""
    with pytest.raises(ConfigError) as caught:
        loader.check(
            {
                "port": [{"nam": "p1"}, {"name": "p2"}],
                "static": [{"group": "239.1.1.1", "ports": ["p1"]}],
            },
            where="t",
        )
    assert caught.value.problems == (
        't: [[port]] 1: unknown key "nam" (did you mean "name"?)',
        't: [[port]] 1: the key "name" is missing',
    )


def test_as_one_line_it_is_bounded() -> None:
    """What a reload tells its client."""
    ports = [{"name": f"p{n}", "mrouter": "x"} for n in range(40)]
    with pytest.raises(ConfigError) as caught:
        loader.check({"port": ports}, where="t")
    assert len(caught.value.problems) == 40
    assert str(caught.value).count(" is not allowed") == 8
    assert str(caught.value).endswith("; and 32 more")


def test_a_file_with_long_texts_has_no_lines(tmp_path: Path) -> None:
    """A line inside of one looks like any other."""
    text = '[switch]\nname = """\n[igmp]\nrobustness = 9"""\n[igmp]\nrobustness = 9\n'
    assert all(line.startswith("f: ") for line in wrong(tmp_path / "x.toml", text))


def test_a_port_on_the_command_line_beside_a_file_without_ports(tmp_path: Path) -> None:
    said = wrong(tmp_path / "x.toml", "[igmp]\nrobustness = 9\n", ports=["p0,mrouter=no"])
    assert [line.split(": ")[0] for line in said] == ["f:2", "command line"]
