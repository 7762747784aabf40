"""Rows of the page: one letter a cell, from the documents of a switch."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from snoop.control import documents, witnessed
from snoop.control.tagged import Tagging
from snoop.web import matrix
from snoop.web.matrix import Known, Numbers, Row
from unit.shown import entry, mrouter, port, source, stream

G = "239.1.2.3"
PORTS = [port(name) for name in ("p0", "p1", "p2", "p3")]
REFUSED = witnessed.Refused(
    vlan=0, family="ipv4", group=G, port="p2", why="filter", address="10.0.0.3",
    mac="02:00:00:00:00:03", count=1, age=1.0,
)  # fmt: skip


def of(
    *streams: documents.Stream, mdb: list[documents.Entry] | None = None, **known: object
) -> Row:
    made = Known(ports=PORTS, streams=list(streams), mdb=matrix.by_place(mdb or []))
    for name, value in known.items():
        setattr(made, name, value)
    rows, more = matrix.rows(made, Numbers())
    assert (len(rows), more) == (1, 0)
    return rows[0]


def only(address: str) -> documents.Entry:
    """Of a host that wants one source."""
    return entry("p1", G, filter_mode="include", sources=[source(address, 9.0)])


def live(**changes: object) -> documents.Stream:
    return stream(
        **{"group": G, "port": "p0", "source": "10.0.0.9", "vlan": 0, "idle": 0.0, "age": 60.0,
           "frames": 6000, "bytes": 600, "egress": [], **changes}  # type: ignore[arg-type]
    )  # fmt: skip


@pytest.mark.parametrize(
    ("egress", "mdb", "more", "cells"),
    [
        (["p1"], [entry("p1", G)], {}, "impp"),
        ([], [entry("p1", G)], {}, "ixpp"),
        (["p1", "p2"], [entry("p1", G)], {}, "imfp"),
        (["p1"], [entry("p1", G, origin="static")], {}, "ispp"),
        (["p2"], [], {"mrouters": [mrouter(None, "p2")]}, "ipqp"),
        ([], [], {"refused": [REFUSED]}, "iprp"),
        ([], [only("10.0.0.8")], {}, "iopp"),
        (["p1"], [only("10.0.0.9")], {}, "impp"),
    ],
    ids=["member", "missing", "flooded", "static", "router", "refused", "other", "source"],
)  # fmt: skip
def test_a_cell_says_what_a_port_has_to_do_with_a_stream(
    egress: list[str], mdb: list[documents.Entry], more: dict[str, object], cells: str
) -> None:
    row = of(live(egress=egress), mdb=mdb, **more)
    assert row.cells == cells
    assert row.wrong == bool({"x", "r", "w"} & set(cells))


def test_a_stream_that_stopped_leaves_its_members_waiting() -> None:
    """Ten of its gaps are enough, three seconds at least."""
    mdb = [entry("p1", G)]
    assert of(live(egress=["p1"], idle=2.9), mdb=mdb).cells == "impp"
    still = of(live(egress=["p1"], idle=3.1), mdb=mdb)
    assert (still.cells, still.state, still.wrong) == ("iwpp", "stopped", True)
    slow = live(egress=["p1"], idle=3.1, age=60.0, frames=31)
    assert of(slow, mdb=mdb).cells == "impp"


def test_a_group_without_a_stream_is_a_row() -> None:
    row = of(mdb=[entry("p1", G), entry("p3", G, origin="static")])
    assert (row.source, row.state, row.cells) == (None, "none", ".w.s")
    assert not of(mdb=[entry("p1", "224.0.0.251")]).wrong


def test_a_group_that_was_asked_for_in_vain_is_a_row() -> None:
    """Whoever misses it looks for it, be there no stream and no member."""
    row = of(refused=[REFUSED])
    assert (row.group, row.family, row.state, row.cells) == (G, "ipv4", "none", "..r.")
    assert (row.wrong, row.members, row.name) == (True, 0, None)
    row = of(refused=[replace(REFUSED, name="BBC One", announced="One")])
    assert (row.name, row.announced) == ("BBC One", "One")


def test_a_stream_that_no_frame_of_fits_through_a_port_does_not_get_there() -> None:
    """Unless none was lost: what a sender's kernel leaves whole is cut at the egress."""
    lost = {"tx_mtu": 1}
    ports = [port("p0"), port("p1", mtu=1000, drops=lost), port("p2"), port("p3", mtu=1000)]
    for bytes_, cells in ((1018, "immm"), (1019, "ixmm")):
        one = live(egress=["p1", "p2", "p3"], frames=10, bytes=10 * bytes_)
        mdb = [entry("p1", G), entry("p2", G), entry("p3", G)]
        assert of(one, mdb=mdb, ports=ports).cells == cells


@pytest.mark.parametrize(("damaged", "recently"), [(None, False), (59.0, True), (61.0, False)])
def test_a_stream_that_is_not_whole_is_trouble_while_it_lasts(
    damaged: float | None, recently: bool
) -> None:
    found = documents.Health(
        kind="rtp", packets=900, lost=3, reordered=1, duplicates=2, longest_gap_ms=39.6,
        continuity_errors=0, restarts=4, damaged=damaged,
    )  # fmt: skip
    row = of(live(egress=["p1"], health=found), mdb=[entry("p1", G)])
    assert row.health == matrix.Came(
        kind="rtp", lost=3, reordered=1, duplicates=2, continuity_errors=0, restarts=4,
        longest_gap_ms=40, recently=recently,
    )  # fmt: skip
    assert row.wrong is recently
    assert of(live()).health is None


def test_ports_apart_and_down() -> None:
    ports = [
        port("p0"),
        port("p1", vlans=Tagging(pvid=20, tagged=[])),
        port("p2", state="down"),
        port("p3", vlans=Tagging(pvid=None, tagged=["5-9"])),
    ]
    row = of(live(vlan=7, egress=["p3"]), ports=ports)
    assert row.cells == "i-df"
    ports[2] = port("p2", loop=True, loop_with="p0")
    assert of(live(vlan=7, egress=["p3"]), ports=ports).cells == "i-hf"


def test_of_too_many_the_wanted_and_the_fastest_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matrix, "ROWS_MAX", 2)
    streams = [
        live(source=f"10.0.0.{number}", registered=number == 1, bits_per_s=float(number))
        for number in (1, 2, 3)
    ]
    numbers = Numbers()
    rows, more = matrix.rows(Known(ports=PORTS, streams=streams), numbers)
    assert ([row.source for row in rows], more) == (["10.0.0.1", "10.0.0.3"], 1)
    again, _ = matrix.rows(Known(ports=PORTS, streams=streams[1:]), numbers)
    assert again[-1].id == rows[-1].id  # the same for as long as it is there
