"""`snoop watch` without its terminal: what is drawn, and what the keys do."""

from __future__ import annotations

import io

import pytest
from rich.console import Console, ConsoleDimensions

from snoop.cli import human
from snoop.cli.screen import View, lines, render
from snoop.cli.summary import Everything
from snoop.cli.watch import KEYS, press
from snoop.control.documents import Status
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


def draw(view: View, *, width: int = 80, height: int = 24, **what: int) -> list[str]:
    size = ConsoleDimensions(width, height)
    console = Console(width=width, height=height, record=True, file=io.StringIO())
    console.print(render(document(**what), view, size, KEYS))
    return console.export_text().splitlines()


@pytest.mark.parametrize(("groups", "ports"), [(3, 4), (200, 4), (200, 60), (0, 1)])
def test_it_fits_80_by_24_with_any_number_of_groups_and_ports(groups: int, ports: int) -> None:
    drawn = draw(View(), groups=groups, ports=ports)
    assert len(drawn) <= 24
    assert max(map(len, drawn)) <= 80
    assert any("q quit" in line for line in drawn)


def test_the_matrix_says_who_gets_what() -> None:
    drawn = draw(View(sort="group"))
    row = next(line.split() for line in drawn if line.startswith("239.1.1.1 "))
    # In at p0, member p1 gets it, member p2 does not, p3 gets it as a router port.
    assert row[-4:] == [">", "●", "○", "r"]
    flooded = next(line.split() for line in drawn if line.startswith("239.9.9.9"))
    assert flooded[-4:] == [">", "f", "·", "·"]
    assert any("no querier, memberships will end" in line for line in drawn)


def test_ports_that_do_not_fit_are_said() -> None:
    assert any("ports do not fit" in line for line in draw(View(), ports=60))


def test_keys_sort_filter_and_scroll() -> None:
    view = View()
    assert [line.group for line in lines(document(), view)][:2] == ["239.1.1.1", "239.9.9.9"]
    assert press(view, "s")
    assert [line.group for line in lines(document(), view)][-1] == "239.9.9.9"
    press(view, "u")
    assert [line.group for line in lines(document(), view)] == ["239.9.9.9"]
    press(view, "m")
    assert "239.9.9.9" not in [line.group for line in lines(document(), view)]
    press(view, "m")
    for key in "/9.9x\x7f\r":
        press(view, key)
    assert view.filter == "9.9"
    assert [line.group for line in lines(document(), view)] == ["239.9.9.9"]
    press(view, "/")
    press(view, "\x1b")
    assert view.filter == "9.9"
    assert not press(view, "q")


def test_scrolling_stops_at_the_end() -> None:
    view = View(sort="group", scroll=10_000)
    drawn = draw(view, groups=50)
    assert any(line.startswith("239.9.9.9") for line in drawn)
    assert view.scroll < 51


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, "–"), (0.04, "0.0s"), (9.94, "9.9s"), (42.9, "42s"), (258.1, "4m18s"),
     (11_100, "3h05m"), (187_200, "2d04h")],
)  # fmt: skip
def test_ages_are_short(seconds: float | None, text: str) -> None:
    assert human.age(seconds) == text


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0"), (1234, "1234"), (12_345, "12.3k"), (999_999, "1000k"), (4_560_000, "4.56M")],
)
def test_counts_are_short(number: int, text: str) -> None:
    assert human.count(number) == text


@pytest.mark.parametrize(
    ("rate", "text"),
    [(0, "0 bit/s"), (112_960.4, "113 kbit/s"), (3e6, "3 Mbit/s"), (6.2e9, "6.2 Gbit/s")],
)
def test_rates_are_short(rate: float, text: str) -> None:
    assert human.bit_rate(rate) == text
