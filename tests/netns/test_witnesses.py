"""Who answers queries and who does not, by real hosts: `show witnesses` and `expire` (SAY-1).

A kernel host whose reverse-path filter is on does not hear a querier of another network (W-1). One
whose reports are made by hand has no kernel that answers for it: it has fallen silent.
"""

from __future__ import annotations

import json
from typing import Any

from netns.star import BUSY, GMI, SLACK, Star, star
from snoop.lab import wait_until
from snoop.lab.host import Host

GROUP, OTHER = "239.27.0.1", "239.27.0.2"


def host_of(net: Star, port: str) -> dict[str, Any]:
    """The last host heard on a port."""
    rows = net.switch.show("witnesses")["hosts"]
    found: dict[str, Any] = min(
        (row for row in rows if row["port"] == port), key=lambda row: row["last_heard"]
    )
    return found


def gone(net: Star, port: str, group: str = GROUP) -> dict[str, Any] | None:
    rows = net.switch.show("witnesses")["gone"]
    return next((row for row in rows if (row["port"], row["group"]) == (port, group)), None)


def is_gone(net: Star, port: str, group: str = GROUP) -> dict[str, Any]:
    wait_until(lambda: gone(net, port, group), within=GMI + BUSY, what=f"{group} ends at {port}")
    row = gone(net, port, group)
    assert row is not None
    return row


def filters(host: Host, value: str) -> None:
    for path in ("all", "eth0"):
        host.call("sysctl", path=f"net/ipv4/conf/{path}/rp_filter", value=value)


def test_host_that_does_not_hear_the_querier_is_seen_not_to_answer() -> None:
    """SAY-1, W-1: the querier's address is of another network, one host filters by reverse path."""
    with star(3, igmp={"querier_address": "192.168.99.1"}) as net:
        deaf, hears = net.h(1), net.h(2)
        filters(deaf, "1")
        for host in (deaf, hears):
            host.join(GROUP)
        row = is_gone(net, "p1")
        assert (row["how"], row["address"], row["mac"]) == ("expired", deaf.address, deaf.mac)
        assert row["unanswered"] >= 2
        assert row["last_heard"] >= GMI - SLACK
        seen = net.switch.show("witnesses")
        closed = [query for query in seen["asked"] if not query["left"] and query["age"] < GMI]
        assert {query["address"] for query in closed} == {"192.168.99.1"}
        assert all("p1" not in query["answered"] for query in closed)
        assert any("p1" in query["silent"] and query["answers"] for query in closed)
        assert not any("p2" in query["silent"] for query in closed)
        assert host_of(net, "p2")["answered"] < GMI
        assert gone(net, "p2") is None
        filters(deaf, "0")
        deaf.join(OTHER)
        wait_until(
            lambda: "p1" in net.switch.show("witnesses")["asked"][0]["answered"],
            within=20,
            what="the host answers",
        )
        assert host_of(net, "p1")["unanswered"] == 0


def test_host_that_falls_silent_is_counted_and_named_in_the_event() -> None:
    """SAY-1: and the hosts of other ports are not."""
    with star(3) as net:
        net.h(2).join(GROUP)
        net.report(1, ("TO_EX", GROUP, []), source="10.0.0.77", mac="02:00:00:00:77:01")
        wait_until(
            lambda: any(row["unanswered"] for row in net.switch.show("hosts")["hosts"]),
            within=20,
            what="a query goes unanswered",
        )
        rows = {row["port"]: row for row in net.switch.show("hosts")["hosts"]}
        assert rows["p1"]["address"] == "10.0.0.77"
        assert rows["p1"]["unanswered"] >= 1
        assert rows["p1"]["last_heard"] == rows["p1"]["first_heard"] > 0.4
        assert rows["p2"]["unanswered"] == 0
        row = is_gone(net, "p1")
        assert (row["how"], row["address"]) == ("expired", "10.0.0.77")
        assert row["unanswered"] in (2, 3)  # of the third the time to answer may just have ended
        words = ("show", "events", "--type", "expire", "--group", GROUP, "--json")
        (event,) = json.loads(net.switch.quick(*words))["events"]
        assert (event["reporter"], event["mac"]) == ("10.0.0.77", "02:00:00:00:77:01")
        assert event["unanswered"] == row["unanswered"]
        assert abs(event["last_heard"] - GMI) < SLACK


def test_host_that_left_is_not_silent() -> None:
    """SAY-1: nor is one whose cable was pulled."""
    with star(3) as net:
        host = net.h(1)
        host.join(GROUP)
        wait_until(lambda: net.switch.show("mdb")["mdb"], within=20, what="joined")
        host.leave(GROUP)
        row = is_gone(net, "p1")
        assert (row["how"], row["address"], row["unanswered"], row["others"]) == (
            "left", host.address, 0, [],
        )  # fmt: skip
        count = len(net.switch.show("witnesses")["asked"])
        wait_until(
            lambda: count == 8 or len(net.switch.show("witnesses")["asked"]) > count + 2,
            within=20,
            what="it is asked in vain",
        )
        seen = host_of(net, "p1")
        assert (seen["left"], seen["unanswered"]) == (True, 0)
        assert not any("p1" in query["silent"] for query in net.switch.show("witnesses")["asked"])
        host.join(OTHER)
        wait_until(lambda: net.switch.show("mdb")["mdb"], within=20, what="joined again")
        net.lab.set_port("p1", "down")
        row = is_gone(net, "p1", OTHER)
        assert (row["how"], row["address"]) == ("port_down", host.address)
        assert host_of(net, "p1")["left"] is True
