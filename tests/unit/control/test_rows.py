"""State as JSON: the fields of INTERFACE.md 3, exactly, sorted and filtered."""

from __future__ import annotations

import json
from typing import Any

from snoop.control import requests, rows
from snoop.control.matching import Groups
from snoop.control.rows import Wanted
from snoop.proto.units import seconds
from snoop.proto.views import FilterMode, HostRow, MdbRow, MrouterRow, QuerierRow, SourceRow
from snoop.wire.address import Family, parse

G1, G2 = parse("239.1.1.1"), parse("239.1.1.10")
S1, S2 = parse("10.0.0.9"), parse("10.0.0.10")


def name(port: int) -> str:
    return f"p{port}"


def row(
    group: bytes = G1,
    port: int = 0,
    *,
    vid: int = 0,
    mode: FilterMode = FilterMode.EXCLUDE,
    sources: tuple[SourceRow, ...] = (),
    origin: str = "dynamic",
) -> MdbRow:
    return MdbRow(
        vid=vid,
        family=Family.IPV4,
        group=group,
        port=port,
        filter_mode=mode,
        sources=sources,
        group_timer=seconds(258.1) if mode is FilterMode.EXCLUDE else None,
        origin=origin,
        compatibility="igmpv3",
        uptime=seconds(3),
        last_reporter=S1,
    )


def plain(made: object) -> Any:
    """As a client gets it."""
    return json.loads(requests.encode(made))


def mdb(given: list[MdbRow], wanted: Wanted) -> Any:
    return plain(rows.mdb(given, name, wanted))


def test_an_mdb_row_has_the_fields_of_the_contract() -> None:
    """INTERFACE.md 3, `show mdb`."""
    sources = (SourceRow(S2, None, False), SourceRow(S1, seconds(12.5), True))
    (shown,) = mdb([row(sources=sources)], Wanted())
    assert shown == {
        "vlan": 0,
        "family": "ipv4",
        "group": "239.1.1.1",
        "port": "p0",
        "filter_mode": "exclude",
        "sources": [
            {"address": "10.0.0.9", "timer": 12.5, "forwarding": True},
            {"address": "10.0.0.10", "timer": None, "forwarding": False},
        ],
        "group_timer": 258.1,
        "origin": "dynamic",
        "compatibility": "igmpv3",
        "uptime": 3.0,
        "last_reporter": "10.0.0.9",
        "name": None,
        "announced": None,
    }


def test_an_include_row_has_no_group_timer() -> None:
    (shown,) = mdb([row(mode=FilterMode.INCLUDE)], Wanted())
    assert shown["filter_mode"] == "include"
    assert shown["group_timer"] is None


def test_mdb_is_sorted_by_vlan_group_and_port_name() -> None:
    """239.1.1.9 sorts before 239.1.1.10: by number, not by text."""
    nine = parse("239.1.1.9")
    given = [row(G2, 0), row(G1, 1, vid=5), row(nine, 2), row(nine, 1), row(G1, 0, vid=5)]
    shown = mdb(given, Wanted())
    assert [(r["vlan"], r["group"], r["port"]) for r in shown] == [
        (0, "239.1.1.9", "p1"),
        (0, "239.1.1.9", "p2"),
        (0, "239.1.1.10", "p0"),
        (5, "239.1.1.1", "p0"),
        (5, "239.1.1.1", "p1"),
    ]


def test_filters_are_joined_by_and() -> None:
    given = [row(G1, 0), row(G1, 1), row(G2, 1), row(G2, 1, vid=7)]
    shown = mdb(given, Wanted(vid=0, groups=Groups(G2, G2), ports=0b10))
    assert [(r["vlan"], r["group"], r["port"]) for r in shown] == [(0, "239.1.1.10", "p1")]
    assert len(mdb(given, Wanted(ports=0b10))) == 3
    assert len(mdb(given, Wanted(vid=7))) == 1


def test_mrouter_and_querier_rows_have_the_fields_of_the_contract() -> None:
    """INTERFACE.md 3, `show mrouters` and `show querier`."""
    mrouter = MrouterRow(
        vid=0, family=Family.IPV4, port=1, origin="static", address=None, timer=None,
        uptime=seconds(1),
    )  # fmt: skip
    assert plain(rows.mrouters([mrouter], name, Wanted())) == [
        {"vlan": 0, "family": "ipv4", "port": "p1", "origin": "static", "address": None,
         "timer": None, "uptime": 1.0}
    ]  # fmt: skip
    querier = QuerierRow(
        vid=0, family=Family.IPV4, role="non-querier", address=S1, port=2, version=3,
        timer=seconds(255), query_interval=seconds(125), query_response_interval=seconds(10),
        robustness=2, uptime=seconds(4), last_member_query_interval=seconds(1),
        group_membership_interval=seconds(270),
    )  # fmt: skip
    (shown,) = plain(rows.queriers([querier], name, lambda vid, _: vid == 0, Wanted()))
    contract = {
        "vlan": 0, "family": "ipv4", "role": "non-querier", "address": "10.0.0.9", "port": "p2",
        "version": 3, "timer": 255.0, "query_interval": 125.0, "query_response_interval": 10.0,
        "robustness": 2, "uptime": 4.0, "pruning": True,
    }  # fmt: skip
    assert {key: shown[key] for key in contract} == contract


def test_a_host_row_has_the_fields_of_the_contract() -> None:
    """INTERFACE.md 3, `show hosts`."""
    host = HostRow(
        vid=0, family=Family.IPV4, group=G1, port=1, address=S1, mac=bytes(5) + b"\x09",
        filter_mode=FilterMode.INCLUDE, sources=(S2, S1), timer=seconds(2), version=3,
        first_heard=seconds(300), last_heard=seconds(258), unanswered=2,
    )  # fmt: skip
    (shown,) = plain(rows.hosts([host], name, Wanted()))
    assert {key: value for key, value in shown.items() if key != "mac"} == {
        "vlan": 0, "family": "ipv4", "group": "239.1.1.1", "port": "p1", "address": "10.0.0.9",
        "filter_mode": "include", "sources": ["10.0.0.9", "10.0.0.10"], "timer": 2.0,
        "first_heard": 300.0, "last_heard": 258.0, "unanswered": 2,
        "name": None, "announced": None,
    }  # fmt: skip
