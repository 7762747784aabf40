"""The switch as querier on a real wire: its queries, the election, and two switches that elect."""

from __future__ import annotations

import json
from itertools import pairwise
from statistics import mean

from netns.star import BUSY, QUERIER, QUERY, RESPONSE, ROBUSTNESS, Star, names, star
from snoop.lab import Lab, frames, wait_until

OQPI = ROBUSTNESS * QUERY + RESPONSE / 2
LOWER, HIGHER = "10.0.0.1", "10.0.0.255"


def general_queries(seen: list[bytes], source: str | None = None) -> list[bytes]:
    wanted = None if source is None else bytes(map(int, source.split(".")))
    return [
        frame
        for frame in seen
        if frame[38] == 0x11 and frame[42:46] == bytes(4) and wanted in (None, frame[26:30])
    ]


def role(net: Star) -> dict[str, object]:
    rows = [
        row for row in net.switch.show("querier", family="ipv4")["queriers"] if row["vlan"] == 0
    ]
    assert len(rows) == 1
    return dict(rows[0])


def wait_role(net: Star, name: str, within: float = 20.0, **fields: object) -> None:
    def reached() -> bool:
        row = role(net)
        return row["role"] == name and all(row[key] == value for key, value in fields.items())

    wait_until(reached, within=within, what=f"role {name} {fields}")


def role_changes(net: Star) -> list[float]:
    """When they were told, in seconds of CLOCK_REALTIME."""
    shown = net.switch.quick("show", "events", "--type", "querier", "--json")
    return [event["time"] for event in json.loads(shown)["events"]]


def test_own_general_query_is_the_golden_one(net: Star) -> None:
    """Q-2, Q-13, W-1, spec 75: on every port, byte for byte what the RFC says."""
    for host in net.lab.hosts:
        host.reset()
    mac = net.lab.port_attribute("p0", "IFLA_ADDRESS")
    wanted = frames.query(QUERIER, response=RESPONSE, interval=round(QUERY), mac=mac)
    for i in range(5):
        wait_until(lambda i=i: general_queries(net.igmp_seen(i)), within=QUERY + BUSY)
        seen = general_queries(net.igmp_seen(i))[0]
        assert seen[:6] == wanted[:6], "destination MAC 01:00:5e:00:00:01"
        assert seen[6] & 1 == 0, "a source MAC of one station"
        assert (seen[15], seen[22], seen[23]) == (0xC0, 1, 2), "TOS, TTL, protocol"
        assert seen[26:] == wanted[26:]


def test_queries_keep_their_interval(net: Star) -> None:
    """Q-1: every query interval, not sooner, not later."""
    net.h(1).reset()
    wait_until(lambda: len(general_queries(net.igmp_seen(1))) >= 4, within=4 * QUERY + BUSY)
    times = [c.time_ns for c in net.h(1).captured() if general_queries([c.frame])][:4]
    gaps = [(after - before) / 1e9 for before, after in pairwise(times)]
    assert abs(mean(gaps) - QUERY) < QUERY / 4, gaps  # one that is late comes nearer to the next


def test_startup_queries_come_quickly() -> None:
    """Q-1, TM-6, TM-7, spec 74: at once, then robustness - 1 more, each a startup interval on."""
    with Lab(2) as lab:
        lab.h(1).reset()
        lab.switch(config={"igmp": {"querier": "on", "query_interval": 4.0,
                                    "query_response_interval": 1.0, "robustness": 3,
                                    "startup_query_interval": 0.5,
                                    "querier_address": QUERIER}})  # fmt: skip

        def started() -> list[int]:
            return [c.time_ns for c in lab.h(1).captured() if general_queries([c.frame])]

        wait_until(lambda: len(started()) >= 3, within=20, what="three startup queries")
        first, _, third = started()[:3]
        assert abs((third - first) / 2e9 - 0.5) < 0.25


def test_lower_address_wins_and_is_replaced_when_it_falls_silent() -> None:
    """Q-4, Q-17, TM-5, TM-32, spec 77: silent while the other asks; OQPI later a query at once."""
    with star(4) as net:
        wait_role(net, "querier", address=QUERIER, port=None)
        net.query_from(3, LOWER, response=RESPONSE, interval=round(QUERY))
        wait_role(net, "non-querier", address=LOWER, port="p3")
        for host in net.lab.hosts:
            host.reset()

        def asked() -> list[float]:
            seen = net.h(1).captured()
            return [c.time_ns / 1e9 for c in seen if general_queries([c.frame], QUERIER)]

        wait_role(net, "querier", within=OQPI + BUSY, address=QUERIER)
        wait_until(asked, within=BUSY, what="our query")
        # Its role is told when it changes; the next query of itself is an interval later.
        assert abs(asked()[0] - role_changes(net)[-1]) < QUERY / 2


def test_higher_address_and_specific_query_change_no_role() -> None:
    """Q-4, G-3, B-7, spec 77 and 78: but both make a router port."""
    with star(4) as net:
        net.query_from(2, HIGHER)
        net.query_from(3, LOWER, group="239.11.0.1")

        def routers() -> set[tuple[str, str]]:
            rows = net.switch.show("mrouters")["mrouters"]
            return {(row["port"], row["address"]) for row in rows}

        wait_until(lambda: routers() == {("p2", HIGHER), ("p3", LOWER)}, within=20)
        assert role(net)["role"] == "querier"


def test_query_from_no_address_neither_elects_nor_attracts() -> None:
    """Q-5, SNOOP-21, B-8, spec 79: forwarded to all other ports, no router port, no role change."""
    with star(4) as net:
        for host in net.lab.hosts:
            host.reset()
        net.query_from(3, "0.0.0.0")
        for i in (0, 1, 2):
            wait_until(lambda i=i: general_queries(net.igmp_seen(i), "0.0.0.0"), within=20)
        assert role(net)["role"] == "querier"
        assert net.switch.show("mrouters")["mrouters"] == []


def test_router_port_gets_reports_and_all_registered_data() -> None:
    """SNOOP-30, SNOOP-1, spec 31: found by its query, not configured."""
    group = "239.11.0.2"
    with star(4) as net:
        net.query_from(3, HIGHER)
        wait_until(lambda: net.switch.show("mrouters")["mrouters"], within=BUSY, what="its port")
        net.h(1).join(group)
        net.switch.wait_members(group, {"p1"})
        assert net.reached(group) == names(1, 3)
        kinds = {frame[38] for frame in net.igmp_seen(3)}
        net.h(3).reset()
        net.report(1, ("IS_EX", group, []))
        wait_until(lambda: any(f[38] == 0x22 for f in net.igmp_seen(3)), within=20, what=str(kinds))


def test_pim_neighbour_is_a_router_port() -> None:
    """SNOOP-22, SNOOP-24, spec 107 and 110: a router that lost the election still gets the data;
    holdtime 0 ends it at once; the hello itself floods."""
    group = "239.11.0.3"
    with star(4) as net:
        net.h(1).join(group)
        net.switch.wait_members(group, {"p1"})
        host = net.h(3)
        host.frames([frames.pim_hello("10.0.0.2", mac=host.mac)])

        def origins() -> list[tuple[str, str]]:
            return [(r["port"], r["origin"]) for r in net.switch.show("mrouters")["mrouters"]]

        wait_until(lambda: origins() == [("p3", "pim")], within=20)
        assert net.reached(group) == names(1, 3)
        host.frames([frames.pim_hello("10.0.0.2", holdtime=0, mac=host.mac)])
        wait_until(lambda: origins() == [], within=20)
        net.lab.settle(host)
        hellos = [c.frame for c in net.h(2).captured() if c.frame[23] == 103]
        assert len(hellos) == 1, "the second hello; `reached` forgot the first"


def test_mrd_advertisement_makes_a_router_port() -> None:
    """SNOOP-23, spec 106."""
    with star(3) as net:
        host = net.h(2)
        host.frames([frames.mrd_advertisement("10.0.0.3", mac=host.mac)])

        def found() -> list[dict[str, object]]:
            return [r for r in net.switch.show("mrouters")["mrouters"] if r["origin"] == "mrd"]

        wait_until(found, within=20, what="an mrd record")
        assert found()[0]["port"] == "p2"
        assert 50 < float(str(found()[0]["timer"])) <= 61.5


def test_port_that_must_never_be_a_router_port() -> None:
    """SNOOP-26, spec 109: `mrouter = "never"`: election runs, no record, no data attracted."""
    group = "239.11.0.4"
    with star(4, ports={"p3": {"mrouter": "never"}}) as net:
        net.query_from(3, LOWER, response=RESPONSE, interval=60)
        wait_role(net, "non-querier", address=LOWER)
        assert net.switch.show("mrouters")["mrouters"] == []
        net.h(1).join(group)
        net.switch.wait_members(group, {"p1"})
        assert net.reached(group) == names(1)


def test_two_switches_elect_one_querier_and_serve_each_others_members() -> None:
    """Q-4, spec 77 and 140: two daemons back to back; the lower address asks, both prune, a stream
    crosses the trunk for a member behind the other switch, and the loser takes over."""
    group = "239.11.0.5"
    with Lab(4) as lab:
        lab.trunk("t0", "t1")
        common = {
            "querier": "on",
            "query_interval": QUERY,
            "query_response_interval": RESPONSE,
            "last_member_query_interval": 0.2,
            "startup_query_interval": 0.25,
        }
        left = lab.switch(
            ["p0", "p1", "t0"], config={"igmp": {**common, "querier_address": "10.0.0.251"}}
        )
        right = lab.switch(
            ["p2", "p3", "t1"], config={"igmp": {**common, "querier_address": "10.0.0.252"}}
        )

        def roles() -> list[tuple[str, str]]:
            rows = [s.show("querier")["queriers"][0] for s in (left, right)]
            return [(row["role"], row["address"]) for row in rows]

        elected = [("querier", "10.0.0.251"), ("non-querier", "10.0.0.251")]
        wait_until(lambda: roles() == elected, within=20, what="the election")
        lab.h(2).join(group)
        right.wait_members(group, {"p2"})
        left.wait_members(group, {"t0"})
        lab.wait_pruning(lab.h(0), lab.h(2), lab.h(1))
        lab.wait_pruning(lab.h(0), lab.h(1), lab.h(3))
        for host in lab.hosts:
            host.reset()
        lab.h(0).send(group, count=500, rate=5000)
        lab.settle(lab.h(0))
        assert [host.wire(group).unique for host in lab.hosts] == [0, 0, 500, 0]
        assert left.stop() == 0
        wait_until(
            lambda: right.show("querier")["queriers"][0]["role"] == "querier",
            within=OQPI + BUSY,
            what="the loser takes over",
        )


def test_own_queries_make_no_router_port(net: Star) -> None:
    """NET-1, V-1, B-32, spec 30: what the switch sends is not heard as a neighbour's."""
    net.h(1).reset()
    wait_until(lambda: len(general_queries(net.igmp_seen(1))) >= 2, within=2 * QUERY + BUSY)
    assert net.switch.show("mrouters")["mrouters"] == []
    assert role(net)["role"] == "querier"


def test_data_from_a_router_reaches_members_and_the_other_router() -> None:
    """SNOOP-41, spec 101."""
    group = "239.11.0.6"
    with star(5, ports={"p3": {"mrouter": "always"}}) as net:
        net.query_from(2, HIGHER)
        net.report(1, ("TO_EX", group, []))
        net.switch.wait_members(group, {"p1"})
        assert net.reached(group, sender=2) == names(1, 3)


def test_router_solicitations_come_when_a_port_comes_up() -> None:
    """SNOOP-23, TM-18, spec 112: one to three of them, to all routers, with TTL 1."""
    with star(3) as net:
        net.lab.set_port("p1", "down")
        net.h(1).reset()
        net.lab.set_port("p1", "up")

        def solicitations() -> list[bytes]:
            return [f for f in net.igmp_seen(1) if f[38] == 0x31]

        wait_until(solicitations, within=20, what="a solicitation")
        first = solicitations()[0]
        assert first[30:34] == bytes((224, 0, 0, 2))
        assert first[22] == 1
        wait_until(lambda: len(general_queries(net.igmp_seen(1))) >= 4, within=4 * QUERY + BUSY)
        assert len(solicitations()) <= 3
