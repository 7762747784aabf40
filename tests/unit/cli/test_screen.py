"""`snoop watch` without its terminal: what is drawn, and what the keys do (SAY-12)."""

from __future__ import annotations

import dataclasses
from typing import Any

import msgspec
import pytest

from snoop.cli import human, panel
from snoop.cli.panel import Guests, Rates
from snoop.cli.screen import LEGEND, Line, Size, render, rows, warnings
from snoop.cli.summary import Everything
from snoop.cli.view import View, press
from snoop.control.documents import Status
from snoop.control.witnessed import Witness
from unit import shown


def document(groups: int = 3, ports: int = 4) -> Everything:
    """Group n has members p1 and p2; group 1 has a stream from p0 that only p1 gets."""
    names = [f"p{n}" for n in range(ports)]
    mdb = [shown.entry(name, f"239.1.1.{n}") for n in range(1, groups + 1) for name in ("p1", "p2")]
    streams = [
        shown.stream(group="239.1.1.1", egress=["p1", "p3"], bits_per_s=3e6),
        shown.stream(group="239.9.9.9", bits_per_s=1e6, registered=False),
    ]
    return Everything(
        status=Status(switch="sw0", version="0", pid=1, uptime=75.0, rows=1, balance={}),
        ports=[shown.port(name) for name in names],
        queriers=[shown.querier("none", None, port=None)],
        mrouters=[shown.mrouter("10.0.0.1")],
        mdb=mdb,
        streams=streams,
    )


@pytest.mark.parametrize(
    ("group", "said"),
    [
        ("ff02::1:ff00:10", []),
        ("ff0e::1", ["IPv6: no querier, memberships will end"]),
    ],
)
def test_groups_that_every_host_joins_need_no_querier(group: str, said: list[str]) -> None:
    """SAY-19: as `check` has it, and each family for itself."""
    nobody = shown.querier("none", None, port=None, family="ipv6")
    seen = dataclasses.replace(
        document(),
        queriers=[shown.querier(), nobody],
        mdb=[shown.entry("p1", "239.1.1.1"), shown.entry("p1", group, family="ipv6")],
    )
    assert warnings(seen) == said


def draw(view: View, *, width: int = 80, height: int = 24, **what: Any) -> list[str]:
    return [line.text for line in drawn(view, width=width, height=height, **what)]


def drawn(view: View, *, width: int = 80, height: int = 24, **what: Any) -> list[Line]:
    lines = render(document(**what), view, Size(width, height))
    assert len(lines) == height
    assert max(len(line.text) for line in lines) <= width
    return lines


def push(view: View, *keys: str, **what: Any) -> list[str]:
    """Press the keys, each on a screen that is drawn."""
    draw(view, **what)
    for key in keys:
        assert press(view, key)
        draw(view, **what)
    return draw(view, **what)


@pytest.mark.parametrize("size", [(80, 24), (60, 10), (40, 5), (200, 60), (20, 3)])
@pytest.mark.parametrize(("groups", "ports"), [(3, 4), (200, 4), (200, 64), (0, 1), (0, 0)])
def test_it_fits_a_terminal_of_any_size(groups: int, ports: int, size: tuple[int, int]) -> None:
    width, height = size
    lines = draw(View(), width=width, height=height, groups=groups, ports=ports)
    assert lines[-1].startswith("? legend"[:width])


def test_the_matrix_says_who_gets_what() -> None:
    lines = draw(View(sort="group"))
    row = next(line.split() for line in lines if line.startswith("239.1.1.1 "))
    # In at p0, member p1 gets it, member p2 does not, p3 gets it as a router port; 2 members.
    assert row[-5:] == ["2", ">", "●", "○", "r"]
    flooded = next(line.split() for line in lines if line.startswith("239.9.9.9"))
    assert flooded[-5:] == ["0", ">", "f", "·", "·"]
    assert any("no querier, memberships will end" in line for line in lines)


def test_every_port_of_64_is_reached_at_80_columns() -> None:
    """SAY-12: to the right a port at a time, and at once to either end."""
    view, seen = View(), set()
    for _ in range(64):
        heading = next(line for line in push(view, ports=64) if line.startswith("Group"))
        seen |= set(heading.split()[3:])
        press(view, "right")
    assert seen == {f"p{n}" for n in range(64)}
    assert view.left == 63
    assert "ports p63-p63 of 64" in " ".join(push(view, ports=64))
    push(view, "<", ports=64)
    assert view.left == 0
    push(view, ">", "left", ports=64)
    assert view.left == 62
    assert "ports p62-p63 of 64" in " ".join(push(view, ports=64))


def test_every_group_is_reached_by_lines_pages_and_ends() -> None:
    view = View(sort="group")
    seen: list[str] = []
    for _ in range(40):
        lines = push(view, groups=200)
        seen += [line.split()[0] for line in lines if line.startswith("239.")]
        press(view, "pagedown")
    assert len(set(seen)) == 201
    assert view.at == 200
    for key, at in (
        ("up", 199), ("down", 200), ("down", 200), ("home", 0), ("up", 0), ("end", 200),
        ("pageup", 200 - (view.room - 1)), ("g", 0), ("j", 1), ("k", 0), ("G", 200),
    ):  # fmt: skip
        push(view, key, groups=200)
        assert view.at == at, key


def test_the_chosen_row_is_on_the_screen() -> None:
    view = View(sort="group")
    for key in ("end", "pageup", "pageup", "up", "home", "pagedown", "down"):
        push(view, key, groups=100)
        chosen = [line for line in drawn(view, groups=100) if line.style == "reverse"]
        assert [line.text.split()[0] for line in chosen] == [view.labels[view.at]]


def test_a_smaller_table_or_terminal_keeps_the_place_within_it() -> None:
    view = View(sort="group", at=10_000, top=9_000, left=500)
    lines = draw(view, groups=50)
    assert any(line.startswith("239.9.9.9") for line in lines)
    assert (view.at, view.left) == (50, 3)
    draw(view, groups=3, height=8)
    assert view.at == 3
    draw(view, groups=0, ports=0)


def test_search_finds_groups_and_ports() -> None:
    """The next from where one is, round the end, backwards; a port comes into view."""
    view = View(sort="group")
    push(view, "/", *"1.7", "enter", groups=99)
    assert view.labels[view.at] == "239.1.1.7"
    push(view, "n", groups=99)
    assert view.labels[view.at] == "239.1.1.70"
    push(view, "N", "N", groups=99)
    assert view.labels[view.at] == "239.1.1.79"
    push(view, "/", *"p50", "enter", groups=9, ports=64)
    assert view.left == 50
    push(view, "/", "9", "escape", groups=9)
    assert view.search == "p50"
    push(view, "/", *"nothing", "enter", "n", groups=9)
    assert view.left == 3  # there are no more


def test_keys_sort_and_filter() -> None:
    view = View()
    assert [row.group for row in rows(document(), view)][:2] == ["239.1.1.1", "239.9.9.9"]
    push(view, "s")
    assert [row.group for row in rows(document(), view)][-1] == "239.9.9.9"
    push(view, "u")
    assert [row.group for row in rows(document(), view)] == ["239.9.9.9"]
    push(view, "m")
    assert "239.9.9.9" not in [row.group for row in rows(document(), view)]
    push(view, "m", "f", *"9.9x", "backspace", "enter")
    assert view.filter == "9.9"
    assert [row.group for row in rows(document(), view)] == ["239.9.9.9"]
    assert "filter 9.9" in " ".join(push(view, "f", "x", "escape"))
    assert not press(view, "q")


def test_the_legend_explains_every_sign_and_key() -> None:
    view = View()
    lines = push(view, "?")
    for sign in "●○rf>·":
        assert any(f"  {sign}  " in line for line in lines)
    assert all(line in lines for line in LEGEND if line)
    assert max(map(len, LEGEND)) <= 80
    push(view, "q")  # closes it
    assert not view.legend


def test_what_is_typed_is_no_command() -> None:
    view = View()
    push(view, "f", "q", "?", "up", "enter")
    assert (view.filter, view.legend) == ("q?", False)
    push(view, "f", *"x" * 100)
    assert view.typing == ("filter", "q?" + "x" * 62)


# Ports -------------------------------------------------------------------------------------------


def heard(port: str, address: str, **changes: Any) -> Witness:
    values: dict[str, Any] = {
        "vlan": 0, "family": "ipv4", "port": port, "address": address, "mac": "02:00:00:00:01:0b",
        "version": 3, "first_heard": 100.0, "last_heard": 70.0, "answered": 70.0, "unanswered": 2,
        "left": False, "moved": False, **changes,
    }  # fmt: skip
    return msgspec.convert(values, Witness)


def test_the_panel_shows_rates_against_the_link_and_hosts() -> None:
    """SAY-12."""
    made = document(ports=64)
    fast = msgspec.structs.replace(made.ports[1], speed_mbit=10_000, rx_bytes=0, lost=7)
    made.ports[1] = fast
    guests = Guests([heard("p1", "10.0.0.11"), heard("p1", "10.0.0.12")], [])
    view = View(page="ports")
    carried = {"p1": Rates(2.5e9, 4e6)}
    lines = [line.text for line in panel.ports(made, view, Size(80, 24), carried, guests)]
    row = next(line for line in lines if line.startswith("p1 "))
    assert row.split() == [
        "p1", "up", "10", "Gbit/s", "2.5", "Gbit/s", "25%", "4", "Mbit/s", "<1%", "7", "3", "2",
    ]  # fmt: skip
    assert "1-17 of 64" in " ".join(lines)
    assert max(map(len, lines)) <= 80
    press(view, "end")
    lines = [line.text for line in panel.ports(made, view, Size(80, 24), carried, guests)]
    assert any(line.startswith("p63 ") for line in lines)


def test_enter_shows_the_hosts_of_a_port_and_escape_goes_back() -> None:
    made, size = document(), Size(80, 24)
    guests = Guests(
        [heard("p1", "10.0.0.12"), heard("p1", "10.0.0.9", version=2), heard("p2", "10.0.0.7")],
        [shown.host("p1", "10.0.0.12"), shown.host("p1", "10.0.0.12", group="239.1.1.2", vlan=7)],
    )
    view = View()
    push(view, "p")
    panel.ports(made, view, size, {}, guests)
    for key in ("down", "enter"):
        press(view, key)
    assert (view.page, view.port) == ("hosts", "p1")
    lines = [line.text for line in panel.hosts(made, view, size, {}, guests)]
    found = [line.split() for line in lines if line.startswith("10.")]
    assert found == [
        ["10.0.0.9", "02:00:00:00:01:0b", "v2", "1m10s", "2", "0"],
        ["10.0.0.12", "02:00:00:00:01:0b", "v3", "1m10s", "2", "2:", "239.1.2.3,", "239.1.1.2%7"],
    ]
    assert "p1 up  mtu 1500" in " ".join(lines)
    press(view, "escape")
    assert view.page == "ports"
    press(view, "escape")
    assert view.page == "groups"


def test_rates_come_from_two_looks() -> None:
    old, new = shown.port("p1", rx_bytes=1000, tx_bytes=0), shown.port("p1", rx_bytes=3000)
    (made,) = panel.rates({"p1": old}, [new], 2.0).values()
    assert made == Rates(into=8000.0, out=new.tx_bytes * 4.0)
    assert panel.rates({}, [new], 2.0) == {"p1": Rates()}
    assert panel.rates({"p1": new}, [old], 2.0) == {"p1": Rates()}  # cleared in between
    assert panel.rates({"p1": old}, [new], 0.0) == {"p1": Rates()}


@pytest.mark.parametrize(
    ("mbit", "text"),
    [(None, ""), (0, ""), (100, "100 Mbit/s"), (2500, "2.5 Gbit/s"), (400_000, "400 Gbit/s")],
)
def test_speeds_are_those_on_the_box(mbit: int | None, text: str) -> None:
    assert panel.speed(mbit) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, "–"), (0.04, "0.0s"), (9.94, "9.9s"), (42.9, "42s"), (258.1, "4m18s"),
     (11_100, "3h05m"), (187_200, "2d04h")],
)  # fmt: skip
def test_ages_are_short(seconds: float | None, text: str) -> None:
    assert human.age(seconds) == text


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0"),
        (1234, "1234"),
        (12_345, "12.3k"),
        (999_999, "1000k"),
        (4_560_000, "4.56M"),
        (9999, "9999"),
        (10_000, "10k"),
        (99.5, "99.5"),
        (100.4, "100"),
        (999_400, "999k"),
        (999_500, "1000k"),
        (1_000_000, "1M"),
        (12_345_600_000_000_000_000, "12346P"),
    ],
)
def test_counts_are_short(number: float, text: str) -> None:
    assert human.count(number) == text


@pytest.mark.parametrize(
    ("rate", "text"),
    [(0, "0 bit/s"), (112_960.4, "113 kbit/s"), (3e6, "3 Mbit/s"), (6.2e9, "6.2 Gbit/s")],
)
def test_rates_are_short(rate: float, text: str) -> None:
    assert human.bit_rate(rate) == text
