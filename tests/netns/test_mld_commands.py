"""Issue 11: every command that knows a group knows IPv6 ones, on a switch with hosts of both."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from netns.star import Star, star
from snoop.control.client import Refused
from snoop.lab import frames_ipv6, wait_until

ANY, ONE, NAMED, OLD = "ff0e::29:1", "ff3e::29:1", "ff0e::29:9", "ff0e::29:2"
V4 = "239.29.1.1"
DENIED = "ff0e::66:1"


@pytest.fixture(scope="module")
def net() -> Iterator[Star]:
    """h1 and h2 have joined, h3 by MLDv1; h0 sends. Both families have a querier of ours."""
    ports = {
        "p1": {"deny_groups": ["ff0e::66:0/112"]},
        "p2": {"mld": {"mrouter": "always"}},
    }
    group = [{"group": NAMED, "name": "Nine"}]
    mld = {"query_interval": 60.0}
    with star(4, quiet_ipv6=False, mld=mld, ports=ports, group=group) as made:
        made.h(3).mld_version(1)
        made.h(1).join(ANY)
        made.h(1).join(DENIED)
        made.h(2).join(ONE, made.h(0).address6)
        made.h(3).join(OLD)
        made.h(3).join(DENIED)
        made.h(1).join(V4)
        for group_, ports_ in ((ANY, {"p1"}), (ONE, {"p2"}), (OLD, {"p3"}), (V4, {"p1"})):
            made.switch.wait_members(group_, ports_)
        # Its first report may come from `::`, before its address is known to be its own.
        last = made.h(1).link_local
        wait_until(lambda: made.switch.row(ANY, "p1")["last_reporter"] == last, within=20)
        yield made


def shown(net: Star, what: str, *words: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(net.switch.quick("show", what, *words, "--json"))[what]
    return found


def test_rows_say_their_family_and_version(net: Star) -> None:
    """interface 3: `family`, `compatibility`."""
    rows = {row["group"]: row for row in shown(net, "mdb")}
    assert (rows[ANY]["family"], rows[ANY]["compatibility"]) == ("ipv6", "mldv2")
    assert rows[ANY]["filter_mode"] == "exclude"
    assert rows[ANY]["last_reporter"] == net.h(1).link_local
    assert rows[OLD]["compatibility"] == "mldv1"
    assert [one["address"] for one in rows[ONE]["sources"]] == [net.h(0).address6]
    assert (rows[V4]["family"], rows[V4]["compatibility"]) == ("ipv4", "igmpv3")
    (host,) = [row for row in shown(net, "hosts") if row["group"] == ANY]
    assert (host["family"], host["address"]) == ("ipv6", net.h(1).link_local)


@pytest.mark.parametrize("what", ["mdb", "mrouters", "hosts", "streams"])
def test_every_show_is_of_one_family_if_asked(net: Star, what: str) -> None:
    net.reached(ANY)
    net.reached(V4)
    both, six, four = (
        shown(net, what, *words) for words in ([], ["--family", "ipv6"], ["--family", "ipv4"])
    )
    assert {row["family"] for row in six} == {"ipv6"}
    assert {row["family"] for row in four} <= {"ipv4"}
    assert len(six) + len(four) == len(both)
    queriers = json.loads(net.switch.quick("show", "querier", "--family", "ipv6", "--json"))
    (row,) = queriers["queriers"]
    assert (row["role"], row["version"], row["pruning"]) == ("querier", 2, True)
    assert row["address"].startswith("fe80::")
    for other in ("ports", "fdb", "counters", "config"):
        net.switch.quick("show", other, "--family", "ipv6", "--json")


def test_static_entries_and_router_ports(net: Star) -> None:
    """`mdb add`, `mrouter add`, and what they refuse."""
    switch, source = net.switch, "2001:db8::29"
    switch.quick("mdb", "add", NAMED, "--source", source, "--port", "p3")
    (row,) = shown(net, "mdb", "--group", NAMED)
    assert (row["origin"], row["name"], row["sources"][0]["address"]) == ("static", "Nine", source)
    assert net.reached(NAMED, source=source) == {"h2", "h3"}, "and the router port"
    assert net.reached(NAMED, source="2001:db8::30") == {"h2"}
    switch.quick("mdb", "del", NAMED, "--source", source, "--port", "p3")
    switch.quick("mrouter", "add", "--family", "ipv6", "--port", "p3")
    assert net.reached(ANY) == {"h1", "h2", "h3"}
    assert net.reached(V4) == {"h1"}, "no router port of IPv4"
    switch.quick("mrouter", "del", "--family", "ipv6", "--port", "p3")
    for refused, said in (
        (lambda: switch.add("ff02::1:ff00:1", "p1"), "goes to every port anyway"),
        (lambda: switch.add("ff01::1", "p1"), "scope 2 or more"),
        (lambda: switch.add(ANY, "p1", source="10.0.0.1"), "a unicast IPv6 address"),
        (lambda: switch.delete_mrouter("p3", family="ipv6"), "no static router port of vlan 0"),
        (lambda: switch.query(ANY, family="ipv4"), "is not of ipv4"),
    ):
        with pytest.raises(Refused, match=said):
            refused()


def test_queries_and_forgetting(net: Star) -> None:
    """`query`, `clear`: of the family that is meant."""
    host = net.h(1)
    host.record("control")
    net.switch.quick("query", "--group", ANY)
    net.switch.quick("query", "--family", "ipv6")
    wait_until(lambda: len(net.igmp_seen(1)) >= 2, within=20, what="the queries")
    net.switch.quick("clear", "mdb", "--family", "ipv6", "--group", OLD)
    assert shown(net, "mdb", "--group", OLD) == []
    assert shown(net, "mdb", "--group", V4)
    net.switch.quick("query", "--family", "ipv6")
    net.switch.wait_members(OLD, {"p3"})


def test_explain_says_whose_report_and_which_router(net: Star) -> None:
    answer = net.switch.explain(port="p0", group=ANY)
    why = {row["port"]: row for row in answer["why"]}
    assert (answer["action"], answer["ports"]) == ("forward", ["p1", "p2"])
    assert f"member by the MLDv2 report of {net.h(1).link_local}" in why["p1"]["because"]
    assert why["p2"]["because"] == 'router port: [[port]] mrouter = "always"'
    assert (why["p3"]["cause"], why["p3"]["forwarded"]) == ("not_joined", False)
    refused = {row["port"]: row for row in net.switch.explain(port="p0", group=DENIED)["why"]}
    assert "was refused: [[port]] deny_groups" in refused["p1"]["because"]
    everywhere = net.switch.explain(port="p0", group="ff02::1:ff00:12")
    assert (everywhere["action"], everywhere["ports"]) == ("flood", ["p1", "p2", "p3"])
    assert net.switch.explain(port="p0", group="ff01::1")["reason"] == "ipv6_scope"


def test_explain_reads_mld_given_in_hex(net: Star) -> None:
    host = net.h(3)
    report = frames_ipv6.report_v2([("TO_EX", DENIED, [])], host.link_local, mac=host.mac)
    answer = net.switch.explain(port="p3", frame=report.hex())
    assert (answer["reason"], answer["ports"]) == ("punt_mld", ["p2"])
    assert "rx_mld_report_v2" in answer["counters"]
    answer = net.switch.explain(port="p1", frame=report.hex())
    assert any("is refused: [[port]] deny_groups" in note for note in answer["notes"])


def test_check_names_who_asks_in_vain(net: Star) -> None:
    done = net.switch.run("check", "--json")
    found = json.loads(done.stdout)["findings"]
    assert [one for one in found if one["severity"] == "problem"] == []
    (refused,) = [one for one in found if one["cause"] == "filter"]
    assert (refused["family"], refused["host"]) == ("ipv6", net.h(1).link_local)


def test_events_of_a_family(net: Star) -> None:
    events = json.loads(net.switch.quick("show", "events", "--family", "ipv6", "--json"))["events"]
    assert {event["family"] for event in events} == {"ipv6"}
    joins = [event["group"] for event in events if event["event"] == "join"]
    assert {ANY, ONE, OLD} <= set(joins)
    assert V4 not in joins


def test_other_formats(net: Star) -> None:
    """As `bridge mdb` prints it, and by RFC 9166."""
    (table,) = json.loads(net.switch.quick("show", "mdb", "--format", "bridge", "--group", ONE))
    whole, one = table["mdb"]
    assert (whole["grp"], whole["filter_mode"], whole["port"]) == (ONE, "include", "p2")
    assert [source["address"] for source in whole["source_list"]] == [net.h(0).address6]
    assert (one["src"], one["state"]) == (net.h(0).address6, "temp")
    tree = json.loads(net.switch.quick("show", "mdb", "--format", "yang"))
    protocols = tree["ietf-routing:routing"]["control-plane-protocols"]["control-plane-protocol"]
    mld = next(each for each in protocols if each["name"] == "mld-vlan0")
    instance = mld["ietf-igmp-mld-snooping:mld-snooping-instance"]
    assert instance["mld-version"] == 2
    assert {ANY, ONE, OLD} <= {group["address"] for group in instance["group"]}


def test_tables_name_the_family_where_nothing_else_does(net: Star) -> None:
    text = net.switch.do("show", "querier")
    assert re.search(r"VLAN +IP +Role", text)
    assert re.search(r"v6 +querier +fe80::", text)
    assert "MLDv2" in net.switch.do("show")
