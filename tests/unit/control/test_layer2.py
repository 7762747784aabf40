"""Static entries by MAC address: asked for, shown, explained, refused (L2-3)."""

from __future__ import annotations

from typing import Any

import pytest

from snoop.cli import tables
from snoop.cli.formats import bridge
from snoop.control import documents
from snoop.control.requests import Events, Explain, RequestError, Show, Static
from snoop.wire.address import ANY, of_mac, parse_mac
from unit.scene import Scene
from unit.shown import entry

MAC = "01:00:00:01:02:03"
GROUP = of_mac(parse_mac(MAC))


def scene(**tables_: Any) -> Scene:
    return Scene(**tables_).start()


def test_it_is_added_shown_and_taken_back() -> None:
    made = scene()
    made.ask(Static(add=True, group=MAC.upper().replace(":", "-"), port=("p1", "p2")))
    rows = made.ask(Show(what="mdb"))["mdb"]
    assert [(row["family"], row["group"], row["port"]) for row in rows] == [
        ("l2", MAC, "p1"), ("l2", MAC, "p2"),
    ]  # fmt: skip
    assert rows[0] | {"uptime": 0} == {
        "vlan": 0, "family": "l2", "group": MAC, "port": "p1", "filter_mode": "exclude",
        "sources": [], "group_timer": None, "origin": "static", "compatibility": None,
        "uptime": 0, "last_reporter": None, "name": None, "announced": None,
    }  # fmt: skip
    made.ask(Static(add=False, group=MAC, port="p1"))
    (row,) = made.ask(Show(what="mdb", group=MAC))["mdb"]
    assert row["port"] == "p2"
    with pytest.raises(RequestError, match=f"no static entry of {MAC} on p1"):
        made.ask(Static(add=False, group=MAC, port="p1"))


def test_filters_take_it() -> None:
    made = scene(group=[{"group": "239.0.0.0/8", "name": "all"}])
    made.ask(Static(add=True, group=MAC, port="p1"))
    made.ask(Static(add=True, group="239.1.1.1", port="p1"))

    def groups(**filters: Any) -> list[str]:
        return [row["group"] for row in made.ask(Show(what="mdb", **filters))["mdb"]]

    assert groups() == ["239.1.1.1", MAC]
    assert groups(group=MAC) == [MAC]
    assert groups(group="01:00:00:00:00:01") == []
    assert groups(family="ipv4") == ["239.1.1.1"]
    assert groups(family="ipv6") == []
    assert groups(port="p2") == []
    assert groups(group="239.0.0.0/8") == ["239.1.1.1"]
    assert made.ask(Show(what="mdb", count=True, group=MAC))["count"]["entries"] == 1


def test_events_tell_it_and_are_chosen_by_it() -> None:
    made = scene(group=[{"group": "239.0.0.0/8", "name": "all"}])
    made.ask(Static(add=True, group="239.1.1.1", port="p1"))
    made.ask(Static(add=True, group=MAC, port="p1"))
    told = made.ask(Events(group=MAC))["events"]
    assert [line["group"] for line in told] == [MAC]


@pytest.mark.parametrize(
    ("group", "text"),
    [
        ("02:00:00:00:00:01", "not the MAC address of a group"),
        ("00:00:00:00:00:00", "not the MAC address of a group"),
        ("ff:ff:ff:ff:ff:ff", "broadcast"),
        ("01:00:5e:01:02:03", "of 32 IPv4 groups, 224.1.2.3 and others"),
        ("33:33:00:00:00:01", "of the IPv6 groups"),
        ("01:80:c2:00:00:0e", "reserved"),
        ("01:00:00:01:02:  ", "is not a multicast group"),
        ("01:00:00:01:02", "is not a multicast group"),
    ],
)  # fmt: skip
def test_what_is_none_is_refused(group: str, text: str) -> None:
    made = scene()
    for add in (True, False) if "is not a" in text else (True,):
        with pytest.raises(RequestError, match=text) as caught:
            made.ask(Static(add=add, group=group, port="p1"))
        assert caught.value.code == 2


def test_a_source_is_refused() -> None:
    made = scene()
    with pytest.raises(RequestError, match="a group by its MAC address has none"):
        made.ask(Static(add=True, group=MAC, port="p1", source="10.0.0.9"))


def test_the_file_has_them_and_takes_them_back() -> None:
    made = scene(static=[{"group": MAC, "ports": ["p1", "p2"]}])
    assert made.fastpath.rows[0, GROUP, ANY] == 0b110
    made.configure(static=[{"group": MAC, "ports": ["p2"]}])
    assert made.fastpath.rows[0, GROUP, ANY] == 0b100
    made.configure(static=[])
    assert (0, GROUP, ANY) not in made.fastpath.rows


def test_without_a_vlan_it_is_of_each_ports_own() -> None:
    made = scene(switch={"vlan_filtering": True}, port=[{"name": "p0", "access": 10}])
    made.ask(Static(add=True, group=MAC, port="p0"))
    (row,) = made.ask(Show(what="mdb"))["mdb"]
    assert row["vlan"] == 10


def test_it_is_a_line_of_the_table_and_the_kernels_words_for_it() -> None:
    row = entry(
        "p1", MAC, family="l2", origin="static", compatibility=None, group_timer=None,
        last_reporter=None, vlan=10,
    )  # fmt: skip
    document = documents.Mdb(switch="sw0", mdb=[row])
    (line,) = tables.mdb(document).lines
    assert list(line) == ["10", MAC, "p1", "any", "static", "–", "–"]
    (kernels,) = bridge.mdb(document, [])
    assert kernels["mdb"] == [
        {
            "index": 0, "dev": "sw0", "port": "p1", "grp": MAC, "state": "permanent",
            "protocol": "static", "flags": [], "vid": 10, "timer": "   0.00",
        }
    ]  # fmt: skip


def test_explain_takes_it_for_the_group() -> None:
    made = scene()
    said = made.ask(Explain(port="p0", group=MAC))
    assert said == made.ask(Explain(port="p0", to=MAC))
