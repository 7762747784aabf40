"""What there is, shown: the contract's JSON, tables of 80 columns, the formats of others."""

from __future__ import annotations

from typing import Any

import pytest

from snoop.fastpath import Action, Verdict
from snoop.runtime import clock
from snoop.table.seen import Stream
from snoop.wire import address
from unit.cli.conftest import Daemon
from unit.scene import G

SOURCE = address.parse("10.0.0.10")


def test_show_mdb_json_is_the_document_of_the_contract(daemon: Daemon, snoop: Any) -> None:
    daemon.do(daemon.scene.join, 1)
    said = snoop("show", "mdb", "--json")
    assert said.status == 0
    assert said.json["switch"] == "sw0"
    (row,) = said.json["mdb"]
    assert set(row) == {
        "vlan", "family", "group", "port", "filter_mode", "sources", "group_timer", "origin",
        "compatibility", "uptime", "last_reporter", "name", "announced",
    }  # fmt: skip
    assert (row["group"], row["port"], row["filter_mode"]) == ("239.1.2.3", "p1", "exclude")
    assert snoop("show", "groups", "--json").json["mdb"][0]["group"] == "239.1.2.3"
    assert snoop("show", "mdb", "--json", "--port", "p2").json["mdb"] == []


@pytest.mark.parametrize(
    ("what", "key"),
    [
        ("mdb", "mdb"),
        ("mrouters", "mrouters"),
        ("querier", "queriers"),
        ("ports", "ports"),
        ("counters", "counters"),
        ("fdb", "fdb"),
        ("hosts", "hosts"),
        ("streams", "streams"),
        ("witnesses", "hosts"),
        ("config", "igmp"),
    ],
)
def test_every_show_has_json_and_a_table_of_80_columns(
    daemon: Daemon, snoop: Any, what: str, key: str
) -> None:
    """INTERFACE.md 2."""
    daemon.do(daemon.scene.join, 1)
    daemon.fastpath.seen = [stream()]
    said = snoop("show", what, "--json")
    assert said.status == 0
    assert key in said.json
    table = snoop("show", what)
    assert table.status == 0
    assert table.out.strip()
    assert max(len(line) for line in table.out.splitlines()) <= 80


def stream(**changes: Any) -> Stream:
    now = clock.now()
    values: dict[str, Any] = {
        "vlan": 0, "source": SOURCE, "group": G, "port": 0, "frames": 1001, "bytes": 142_142,
        "first_ns": now - 10_000_000_000, "last_ns": now, "egress": 0b0010, "registered": True,
        "reason": "forward_group", **changes,
    }  # fmt: skip
    return Stream(**values)


def test_show_streams_has_the_fields_of_the_contract(daemon: Daemon, snoop: Any) -> None:
    daemon.fastpath.seen = [stream()]
    (row,) = snoop("show", "streams", "--json").json["streams"]
    assert {
        "vlan", "family", "source", "group", "port", "frames", "bytes", "frames_per_s",
        "bits_per_s", "registered", "egress", "age", "idle",
    } <= set(row)  # fmt: skip
    assert (row["source"], row["egress"], row["frames"]) == ("10.0.0.10", ["p1"], 1001)
    assert row["frames_per_s"] == pytest.approx(100, rel=0.05)
    assert row["bits_per_s"] == pytest.approx(100 * 142 * 8, rel=0.05)


def test_a_stream_is_registered_if_its_group_has_members(daemon: Daemon, snoop: Any) -> None:
    """SAY-4: the fast path does not look for members of what floods anyway."""
    daemon.do(daemon.scene.join, 1)
    other = address.parse("239.9.9.9")
    flood = {"registered": False, "egress": 0b1110}
    for reason, mark in [("flood_no_querier", "~"), ("flood_always", "+")]:
        daemon.fastpath.seen = [stream(reason=reason, **flood)]
        (row,) = snoop("show", "streams", "--json").json["streams"]
        assert (row["registered"], row["reason"]) == (True, reason)
        _, line, note = snoop("show", "streams").out.splitlines()
        assert line.endswith(f"p1-p3 {mark}")
        assert note.startswith(f"{mark} ")
        assert "nobody" not in note
    daemon.fastpath.seen = [stream(group=other, reason="forward_unregistered", **flood)]
    (row,) = snoop("show", "streams", "--json").json["streams"]
    assert row["registered"] is False
    assert "* nobody has joined" in snoop("show", "streams").out


def test_an_idle_stream_shows_what_holds_now(daemon: Daemon, snoop: Any) -> None:
    """SAY-17."""
    now = clock.now()
    daemon.fastpath.verdict = Verdict(Action.DROP, "no_member", 0, False, False)
    for silent, egress in ((0.5, ["p1"]), (1.5, [])):
        daemon.fastpath.seen = [stream(last_ns=now - int(silent * 1e9))]
        (row,) = snoop("show", "streams", "--json").json["streams"]
        assert row["egress"] == egress
    assert row["reason"] == "no_member"


def test_show_ports_has_the_fields_of_the_contract(daemon: Daemon, snoop: Any) -> None:
    daemon.fastpath.counts[1] = {"rx_frames": 3, "no_member": 2, "forward_group": 1, "tx_full": 4}
    rows = snoop("show", "ports", "--json").json["ports"]
    assert [row["name"] for row in rows] == ["p0", "p1", "p2", "p3"]
    assert {
        "name", "ifindex", "state", "mrouter", "fast_leave", "rx_frames", "rx_bytes", "tx_frames",
        "tx_bytes", "drops",
    } <= set(rows[1])  # fmt: skip
    assert rows[1]["drops"] == {"no_member": 2, "tx_full": 4}
    assert (rows[1]["lost"], rows[1]["pruned"], rows[1]["refused"]) == (4, 2, 0)
    assert (rows[1]["state"], rows[1]["ifindex"]) == ("up", 11)


def test_lost_and_pruned_are_told_apart(daemon: Daemon, snoop: Any) -> None:
    """SAY-15: what nobody asked for is no loss, wherever it is shown."""
    daemon.fastpath.counts[1] = {"rx_frames": 509, "no_member": 500, "tx_mtu": 6, "ip_error": 3}
    assert "6 lost, 500 pruned, 3 refused" in snoop("show").out
    head, *lines = snoop("show", "ports").out.splitlines()
    assert head.split()[-2:] == ["Lost", "Pruned"]
    assert next(line.split()[-2:] for line in lines if line.startswith("p1 ")) == ["6", "500"]
    assert "p1: 3 refused (ip_error 3)" in (line.rstrip() for line in lines)


def test_every_counter_is_explained(daemon: Daemon, snoop: Any) -> None:
    """INTERFACE.md 3: names are stable and listed with one line each."""
    lines = snoop("show", "counters", "--explain", "--json").json
    assert all(lines.values())
    shown = snoop("show", "counters", "--json").json
    assert set(shown["counters"]) == set(lines)
    assert "mdb" not in snoop("show", "counters", "--explain").err


def test_explain_prints_a_reason_a_port_and_json_of_the_contract(
    daemon: Daemon, snoop: Any
) -> None:
    daemon.do(daemon.scene.join, 1)
    words = ("explain", "--port", "p0", "--group", "239.1.2.3")
    answer = snoop(*words, "--json").json
    assert {"action", "reason", "ports", "why"} <= set(answer)
    assert all({"port", "forwarded", "because", "cause"} <= set(why) for why in answer["why"])
    text = snoop(*words)
    assert text.status == 0
    assert "member by the IGMPv3 report of 10.0.0.11" in " ".join(text.out.split())
    daemon.fastpath.seen = [stream()]
    assert (
        "10.0.0.10 -> 239.1.2.3, in at p0"
        in snoop("explain", "--group", "239.1.2.3", "--stream").out
    )


def test_bridge_format_is_what_the_bridge_tool_prints(daemon: Daemon, snoop: Any) -> None:
    daemon.do(daemon.scene.join, 1)
    snoop("mdb", "add", "239.5.5.5", "--port", "p2", "--source", "10.0.0.9")
    snoop("mrouter", "add", "--port", "p3")
    (document,) = snoop("show", "mdb", "--format", "bridge").json
    dynamic, static = document["mdb"]
    assert {key: dynamic[key] for key in ("dev", "port", "grp", "state", "filter_mode")} == {
        "dev": "sw0", "port": "p1", "grp": "239.1.2.3", "state": "temp", "filter_mode": "exclude",
    }  # fmt: skip
    assert 0 < float(dynamic["timer"]) <= 270
    assert len(dynamic["timer"]) == 7
    assert {key: static[key] for key in ("port", "grp", "src", "state", "timer")} == {
        "port": "p2", "grp": "239.5.5.5", "src": "10.0.0.9", "state": "permanent",
        "timer": "   0.00",
    }  # fmt: skip
    assert document["router"]["sw0"][0]["port"] == "p3"
    assert document["router"]["sw0"][0]["type"] == "permanent"


def test_yang_format_keeps_the_rules_of_rfc_7951(daemon: Daemon, snoop: Any) -> None:
    """spec section 8, J-1 to J-9."""
    daemon.do(daemon.scene.join, 1)
    document = snoop("show", "mdb", "--format", "yang").json
    protocol, mld = document["ietf-routing:routing"]["control-plane-protocols"][
        "control-plane-protocol"
    ]
    assert mld["type"] == "ietf-igmp-mld-snooping:mld-snooping"
    assert protocol["type"] == "ietf-igmp-mld-snooping:igmp-snooping"
    instance = protocol["ietf-igmp-mld-snooping:igmp-snooping-instance"]
    (group,) = instance["group"]
    assert group["mac-address"] == "01:00:5e:01:02:03"
    assert isinstance(group["up-time"], int)
    assert 1 <= group["expire"] <= 65535
    (source,) = group["source"]
    assert source["address"] == "*"
    assert source["bridge-outgoing-interface"] == ["p1"]
    assert source["host-count"] == 1
    assert "static-l2-multicast-group" not in instance
    received = {
        one["name"]: one["statistics"]["received"] for one in instance["interfaces"]["interface"]
    }
    assert received["p1"]["membership-report-v3-count"] == "1"


def test_overview_fits_80_by_24(daemon: Daemon, snoop: Any) -> None:
    daemon.do(daemon.scene.join, 1)
    lines = snoop("show").out.splitlines()
    assert len(lines) <= 24
    assert max(map(len, lines)) <= 80
    assert "this switch is the querier (10.0.0.254)" in "\n".join(lines)
