"""What is said of VLANs: `show vlans`, the column of `show ports`, the formats of iproute2."""

from __future__ import annotations

from typing import Any

import pytest

from snoop.cli import panel, screen, tables, vlans
from snoop.cli.formats import bridge
from snoop.cli.panel import Guests
from snoop.cli.screen import Size
from snoop.cli.summary import Everything
from snoop.cli.view import View, press
from snoop.control import documents
from snoop.control.tagged import Tagging
from unit import shown
from unit.scene import Scene

SWITCH = {"vlan_filtering": True, "no_querier": "prune"}
PORTS: list[dict[str, Any]] = [
    {"name": "p0"},
    {"name": "p1", "access": 10},
    {"name": "p2", "access": 10, "split_horizon": "mesh"},
    {"name": "p3", "trunk": [10, "20-22"], "native": 1},
]
VLANS = [{"vid": 10, "name": "video"}, {"vid": 99, "name": "nowhere"}]


def scene(**tables: Any) -> Scene:
    return Scene(**{"switch": SWITCH, "port": PORTS, "vlan": VLANS, **tables}).start()


def asked(made: Scene, **filters: Any) -> dict[str, Any]:
    from snoop.control.requests import Show

    document: dict[str, Any] = made.ask(Show(what="vlans", **filters))
    return document


def test_vlans_are_those_that_have_a_port() -> None:
    document = asked(scene())
    assert document["filtering"] is True
    assert [row["vid"] for row in document["vlans"]] == [1, 10, 20, 21, 22]
    assert [row["name"] for row in document["vlans"]] == [None, "video", None, None, None]
    assert document["vlans"][1]["ports"] == [
        {"port": "p1", "tagged": False, "pvid": True},
        {"port": "p2", "tagged": False, "pvid": True},
        {"port": "p3", "tagged": True, "pvid": False},
    ]
    assert [one["family"] for one in document["vlans"][0]["families"]] == ["ipv4", "ipv6"]
    assert "vlan_names" not in document


def test_filters_choose_vlans_ports_and_families() -> None:
    made = scene()
    assert [row["vid"] for row in asked(made, vlan=20)["vlans"]] == [20]
    assert asked(made, vlan=99)["vlans"] == []
    assert [row["vid"] for row in asked(made, port="p1")["vlans"]] == [10]
    (row,) = asked(made, vlan=10, port=("p2", "p3"), family="ipv6")["vlans"]
    assert [one["port"] for one in row["ports"]] == ["p2", "p3"]
    assert [one["family"] for one in row["families"]] == ["ipv6"]


def test_groups_are_counted_by_vlan_and_family() -> None:
    made = scene(switch={"no_querier": "prune"}, port=[{"name": f"p{n}"} for n in range(4)])
    made.join(1)
    document = asked(made)
    assert document["filtering"] is False
    (row,) = (row for row in document["vlans"] if row["vid"] == 0)
    assert row["ports"] == []
    assert {one["family"]: one["groups"] for one in row["families"]} == {"ipv4": 1, "ipv6": 0}
    assert row["families"][0]["role"] == "querier"


def test_a_port_says_its_vlans_and_its_horizon() -> None:
    ports = scene().ports()
    assert ports["p0"]["vlans"] == {"pvid": 1, "tagged": []}
    assert ports["p2"]["split_horizon"] == "mesh"
    assert ports["p3"]["vlans"] == {"pvid": 1, "tagged": ["10", "20-22"]}
    assert scene(port=[{"name": "p0", "trunk": [7]}]).ports()["p0"]["vlans"] == {
        "pvid": None, "tagged": ["7"],
    }  # fmt: skip
    unfiltered = scene(switch={}, port=[{"name": "p0"}]).ports()["p0"]
    assert unfiltered["vlans"] is unfiltered["split_horizon"] is None


@pytest.mark.parametrize(
    ("pvid", "tagged", "text"),
    [
        (10, [], "10"),
        (1, ["10", "20-29"], "10,20-29 native 1"),
        (None, ["10"], "10"),
        (None, [str(n) for n in range(2, 4094, 2)], "2,4,6,…,4092"),
    ],
)
def test_the_vlans_of_a_port_in_a_cell(pvid: int | None, tagged: list[str], text: str) -> None:
    assert vlans.of_port(Tagging(pvid=pvid, tagged=tagged)) == text
    assert vlans.of_port(None) is None


def test_the_table_marks_the_pvid() -> None:
    rows = [shown.vlan(10, ("p1", False), ("p2", False), ("p3", False), ("p9", True), name="video")]
    lines = vlans.table_of(documents.Vlans(vlans=rows)).text(80)
    assert lines[0].split() == ["VLAN", "Name", "Ports", "IGMP", "MLD", "Groups"]
    assert lines[1].split() == [
        "10", "video", "p1-p3", "PVID;", "p9", "tagged", "querier", "–", "2",
    ]  # fmt: skip


def test_vlans_that_are_alike_are_one_row() -> None:
    """All of a trunk's 4 094 would be as many lines."""
    trunk = [shown.vlan(vid, ("p9", True), families=[]) for vid in range(2, 4095)]
    trunk[8] = shown.vlan(10, ("p9", True), families=[], name="video")
    trunk[28] = shown.vlan(30, ("p9", True))
    lines = vlans.table_of(documents.Vlans(vlans=trunk)).lines
    assert [line[0] for line in lines] == ["2-9", "10", "11-29", "30", "31-4094"]


def test_without_filtering_one_sentence_says_it() -> None:
    rows = [shown.vlan(vid, families=[]) for vid in (0, *range(10, 40))]
    *_, note = vlans.table_of(documents.Vlans(vlans=rows, filtering=False)).text()
    assert note.startswith("this switch does not filter by VLAN")
    assert note.endswith(
        "seen so far: untagged, " + ", ".join(map(str, range(10, 25))) + " and 15 more"
    )


def test_names_stand_below_other_tables() -> None:
    document = documents.Mdb(
        switch="sw0", mdb=[shown.entry("p1", vlan=10), shown.entry("p1", vlan=20)],
        vlan_names={10: "video", 30: "voice"},
    )  # fmt: skip
    assert vlans.name(tables.mdb(document), document).notes == ["VLANs: 10 video"]
    made = scene()
    from snoop.control.requests import Show

    assert made.ask(Show(what="fdb"))["vlan_names"] == {"10": "video", "99": "nowhere"}
    assert "vlan_names" not in made.ask(Show(what="status"))


def test_the_bridge_tool_prints_vlans_so() -> None:
    """iproute2, bridge/vlan.c: a port, then a VLAN a line; flags in this order."""
    document = documents.Vlans(
        vlans=[
            shown.vlan(1, ("p1", False), ("p9", False)),
            shown.vlan(10, ("p9", True), ("p10", False)),
        ]
    )  # fmt: skip
    assert bridge.vlan_lines(document).split("\n") == [
        "port              vlan-id  ",
        "p1                1 PVID Egress Untagged",
        "p9                1 PVID Egress Untagged",
        "                  10",
        "p10               10 PVID Egress Untagged",
    ]
    assert bridge.vlans(document)[1] == {
        "ifname": "p9",
        "vlans": [{"vlan": 1, "flags": ["PVID", "Egress Untagged"]}, {"vlan": 10}],
    }


def test_the_bridge_tool_prints_the_vlan_of_entries_and_router_ports() -> None:
    """iproute2, bridge/mdb.c: `vid` where it is not 0."""
    table = documents.Mdb(switch="sw0", mdb=[shown.entry("p1", vlan=10), shown.entry("p1")])
    routers = [shown.mrouter("10.0.0.1", vlan=10), shown.mrouter("10.0.0.2", vlan=20)]
    (document,) = bridge.mdb(table, routers)
    assert [entry.get("vid") for entry in document["mdb"]] == [10, None]
    assert [entry["vid"] for entry in document["router"]["sw0"]] == [10, 20]


def everything(**rows: Any) -> Everything:
    status = documents.Status(switch="s", version="1", pid=1, uptime=1.0, rows=0, balance={})
    kinds = ("queriers", "mrouters", "mdb", "streams", "ports")
    nothing: dict[str, Any] = {key: [] for key in kinds}
    return Everything(status=status, **{**nothing, **rows})


def test_watch_shows_one_vlan_by_its_id_or_name() -> None:
    table = [shown.entry("p1", f"239.1.1.{n}", vlan=vid) for n, vid in enumerate((0, 10, 100))]
    document = everything(mdb=table, vlan_names={10: "Video", 100: "voice"})
    view = View()
    assert len(screen.rows(document, view)) == 3
    for typed, groups in (("10", [1]), ("video", [1]), ("0", [0]), ("vo", []), ("", [0, 1, 2])):
        press(view, "v")
        for _ in range(8):
            press(view, "backspace")
        for key in (*typed, "enter"):
            press(view, key)
        assert [row.group for row in screen.rows(document, view)] == [
            f"239.1.1.{n}" for n in groups
        ]
    press(view, "f")
    for key in (*"voice", "enter"):
        press(view, key)
    assert [row.vlan for row in screen.rows(document, view)] == [100]


def test_watch_says_of_which_vlan_a_querier_is() -> None:
    asking = [shown.querier(vlan=vid, address=f"10.{vid}.0.254") for vid in (1, 10)]
    document = everything(queriers=asking)
    for typed, text in (
        ("", "vlan 1 querier: 10.1.0.254 (this"),
        ("10", "vlan 10 querier: 10.10."),
    ):
        lines = screen.render(document, View(vlan=typed), Size(80, 24))
        assert lines[1].text.startswith(text)


@pytest.mark.parametrize("width", [60, 80, 200])
def test_watch_has_the_vlans_of_ports(width: int) -> None:
    ports = [shown.port("p1", vlans=Tagging(pvid=1, tagged=["10", "20-29"])), shown.port("p2")]
    document = everything(ports=ports)
    lines = panel.ports(document, View(page="ports"), Size(width, 24), {}, Guests([], []))
    assert all(len(line.text) <= width for line in lines)
    assert width < 80 or any("10,20-29 native 1" in line.text for line in lines)
    view = View(page="hosts", port="p1")
    lines = panel.hosts(document, view, Size(200, 24), {}, Guests([], []))
    assert any("vlan 10,20-29 native 1" in line.text for line in lines)
