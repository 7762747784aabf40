"""Tables into a pipe and on terminals of any width from 60: nothing broken, nothing left behind."""

from __future__ import annotations

from typing import Any

import pytest

from snoop.cli import human, overview, tables
from snoop.cli.layout import Table, paragraph
from snoop.cli.summary import Everything
from snoop.control import documents
from snoop.control.tagged import Tagging
from snoop.control.witnessed import Asked, Gone, Refused, Shunned, Witness
from unit import shown
from unit.cli.conftest import Daemon

WIDTHS = [60, 80, 200, None]
NAMES = ["p1", "p2", "p10"]
MANY = [f"10.100.100.{n}" for n in range(100, 120)]
LONG = "239.100.100.200"


def mdb() -> list[documents.Entry]:
    wanted = [shown.source(address, 12.0) for address in MANY]
    return [
        shown.entry("p1", LONG, filter_mode="include", sources=wanted, last_reporter=MANY[0]),
        shown.entry("p10", LONG, vlan=4094),
        shown.entry("p2", LONG, vlan=4094),
    ]


def full() -> dict[str, documents.Document]:
    """Every noun, with rows as long as they get."""
    ports = [
        shown.port(name, rx_frames=10**9, rx_bytes=10**12, tx_frames=10**9, tx_bytes=10**12,
                   lost=123_456, pruned=987_654, takes_runs=False, fast_leave="tracked",
                   takes_runs_because="a router is behind it", problem="no carrier" + " at all" * 9,
                   direct=True,
                   vlans=Tagging(pvid=1, tagged=[f"{vid}" for vid in range(2, 4094, 2)]))
        for name in NAMES
    ]  # fmt: skip
    streams = [
        shown.stream(group=LONG, source=MANY[0], egress=[f"p{n}" for n in range(20)], path=path)
        for path in ("kernel", "ring")
    ]
    hosts = [shown.host("p1", MANY[0], group=LONG, sources=MANY, filter_mode="include")]
    return {
        "mdb": documents.Mdb(switch="sw0", mdb=mdb()),
        "mrouters": documents.Mrouters(mrouters=[shown.mrouter(MANY[0])]),
        "querier": documents.Queriers(queriers=[shown.querier("non-querier", MANY[0], vlan=4094)]),
        "ports": documents.Ports(ports=ports),
        "counters": documents.Counters(counters={"rx_frames": 5}, ports={"p1": {"rx_frames": 5}}),
        "fdb": documents.Fdb(fdb=[shown.station("p1", vlan=4094, rival="p10")]),
        "hosts": documents.Hosts(hosts=hosts),
        "streams": documents.Streams(streams=streams),
        "witnesses": witnesses(),
        "vlans": documents.Vlans(vlans=vlans()),
    }


def vlans() -> list[documents.Vlan]:
    """One on many ports, and one on none that anybody gave a name."""
    ports = [(f"p{n}", n > 6) for n in range(1, 64)]
    return [
        shown.vlan(10, *ports, name="video " * 10), shown.vlan(4094, ("p1", True), families=[]),
    ]  # fmt: skip


def witnesses() -> documents.Witnesses:
    """One row of everything, and two of hosts."""
    key: dict[str, Any] = {"vlan": 4094, "family": "ipv4", "port": "p10"}
    who: dict[str, Any] = {**key, "address": MANY[0], "mac": "02:00:00:00:01:0b"}
    heard: dict[str, Any] = {
        **who, "version": 3, "first_heard": 90_000.0, "last_heard": 4.0, "answered": None,
        "unanswered": 2, "left": False, "moved": False,
    }  # fmt: skip
    return documents.Witnesses(
        hosts=[Witness(**heard), Witness(**{**heard, "left": True})],
        refused=[Refused(**who, group=LONG, why="table_full", count=7, age=4.0)],
        gone=[Gone(**who, group=LONG, how="expired", age=4.0, last_heard=280.0, unanswered=2,
                   others=[])],
        asked=[Asked(**{**key, "port": None}, address=MANY[0], version=3, age=1.0, left=0.0,
                     answers=2, ports=NAMES, answered=NAMES, silent=["p2"])],
        routers=[Shunned(**key, address=MANY[0], origin="query", why="never", count=3, age=1.0)],
    )  # fmt: skip


def test_what_was_witnessed_stands_below_the_hosts() -> None:
    """SAY-1, SAY-2: each part with its title, and none without rows."""
    shows = list(tables.beside(witnesses()))
    titles = [part.strip() for part in shows if isinstance(part, str)]
    assert titles == [
        "Queries, and who answered:",
        "Memberships that ended:",
        "Joins that were refused:",
        "Routers that are not believed:",
    ]
    lines = [part.text()[-1].split() for part in shows if isinstance(part, Table)]
    assert lines == [
        ["4094", MANY[0], "–", "v3", "1.0s", "2", "p1,", "p2,", "p10", "p2"],
        ["4094", LONG, "p10", "expired", MANY[0], "02:00:00:00:01:0b", "4.0s", "2"],
        ["4094", LONG, "p10", "table_full", MANY[0], "02:00:00:00:01:0b", "7", "4.0s"],
        ["4094", "p10", MANY[0], "query", "never", "3", "1.0s"],
    ]
    assert [line.split()[-1] for line in tables.NOUNS["witnesses"].table(witnesses()).text()] == [
        "Missed", "2", "left",
    ]  # fmt: skip
    assert not list(tables.beside(documents.Witnesses(refused=[])))


def test_a_port_that_is_held_does_not_stand_there_as_up() -> None:
    """LOOP-3"""
    ports = [shown.port("p1", loop=True, loop_with="p2", problem="held"), shown.port("p2")]
    document = documents.Ports(ports=ports)
    lines = tables.NOUNS["ports"].table(document).text()
    assert [line.split()[:2] for line in lines[1:3]] == [["p1", "held"], ["p2", "up"]]


def words(lines: list[str]) -> list[str]:
    return sorted(word for line in lines for word in line.split())


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("what", tables.NOUNS)
def test_every_table_fits_and_breaks_no_word(what: str, width: int | None) -> None:
    """SAY-16."""
    table: Table = tables.NOUNS[what].table(full()[what])
    lines = table.text(width)
    assert all(line == line.rstrip() for line in lines)
    assert max(map(len, lines)) <= (width or 10_000)
    if width is None:
        assert len(lines) == 1 + len(table.lines) + len(table.notes)
    assert words(lines) == words(table.text())


@pytest.mark.parametrize("width", WIDTHS)
def test_the_overview_fits_too(width: int | None) -> None:
    """SAY-16."""
    document = full()
    seen = Everything(
        status=documents.Status(switch="sw0", version="0", pid=1, uptime=75.0, rows=1, balance={}),
        ports=document["ports"].ports,  # type: ignore[attr-defined]
        queriers=[shown.querier()],
        mrouters=[shown.mrouter(MANY[0], port=name) for name in NAMES],
        mdb=mdb(),
        streams=document["streams"].streams,  # type: ignore[attr-defined]
    )
    lines: list[str] = []
    for part in overview.render(seen):
        lines += part.text(width) if isinstance(part, Table) else paragraph(part, width)
    assert all(line == line.rstrip() for line in lines)
    assert max(map(len, lines)) <= (width or 10_000)
    title = "2 groups,\n2 streams (1 of 2 in the kernel) with"
    assert any(title in str(part) for part in overview.render(seen))
    rows = [line.split()[0] for line in lines if line.startswith("p")]
    assert rows[:3] == NAMES


def test_ports_stand_in_the_order_of_their_numbers(daemon: Daemon, snoop: Any) -> None:
    """SAY-16: p2 before p10, in tables and in JSON."""
    lines = tables.mdb(documents.Mdb(switch="sw0", mdb=mdb())).text()
    assert [line.split()[2] for line in lines[1:]] == ["p1", "p2", "p10"]
    assert human.ports(["p10", "p2", "p9", "eth0", "p1"]) == "eth0, p1, p2, p9, p10 (5)"


def test_ports_in_a_row_are_a_range() -> None:
    """SAY-16."""
    assert human.ports(["p2", *(f"p{n}" for n in range(4, 64))]) == "p2, p4-p63 (61)"
    assert human.ports(["p1", "p2"]) == "p1, p2"
    assert human.ports(["a08", "a09", "a10"]) == "a08-a10"
    assert human.ports(["lan", "wan"]) == "lan, wan"
    assert human.ports([]) == ""
    assert [human.many(n, "group") for n in (0, 1, 2)] == ["0 groups", "1 group", "2 groups"]


def test_explain_says_equal_reasons_once(daemon: Daemon, snoop: Any) -> None:
    """SAY-16: 64 ports are not 64 lines."""
    daemon.do(daemon.scene.join, 1)
    out = snoop("explain", "--port", "p0", "--group", "239.1.2.3").out
    (row,) = (line for line in out.splitlines() if "no host behind it has joined" in line)
    assert row.startswith("p2, p3  no ")
    assert len(row) > 60  # a line into a pipe, however long


def test_a_column_stands_right_of_the_one_it_is_put_after() -> None:
    made = Table(("A", "B", "C"), [("1", "2", "3"), ("4", "5", "6")])
    made.insert("B", "New", [None, "x"])
    assert list(made.headings) == ["A", "B", "New", "C"]
    assert [list(line) for line in made.lines] == [["1", "2", "", "3"], ["4", "5", "x", "6"]]


def test_a_table_keeps_its_gaps_as_long_as_it_fits() -> None:
    """Three columns of 2 with two gaps of 2 are 10 wide."""
    made = Table(("AA", "BB", "CC"), [("11", "22", "33")])
    assert made.text(10) == ["AA  BB  CC", "11  22  33"]
    assert made.text(9) == ["AA BB CC", "11 22 33"]
    assert made.text(8) == ["AA BB CC", "11 22 33"]
    assert made.text(7) == ["AA BB", "    CC", "11 22", "    33"]


def test_what_is_blocked_is_named_behind_all_but() -> None:
    sources = [shown.source("10.0.0.1", 9.0), shown.source("10.0.0.2", forwarding=False)]
    rows = [shown.entry("p1", sources=sources), shown.entry("p2", sources=sources[:1])]
    lines = tables.mdb(documents.Mdb(switch="sw0", mdb=rows)).lines
    assert [line[3] for line in lines] == ["all but 10.0.0.2", "any"]
