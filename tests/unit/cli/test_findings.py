"""`snoop check`: each kind of trouble is found, said and told apart from a healthy switch."""

from __future__ import annotations

from typing import Any

import pytest

from snoop.cli.findings import ALIKE_MAX, COUNTERS, look, shortened
from snoop.control.counters import everything
from unit.cli.healthy import facts
from unit.shown import entry, mrouter, port, querier, source, station, stream


def damaged(**changes: Any) -> dict[str, Any]:
    """`health` of a stream, whole unless it is said."""
    return {
        "kind": "rtp", "packets": 100, "lost": 0, "reordered": 0, "duplicates": 0,
        "longest_gap_ms": 4.0, "continuity_errors": 0, "damaged": None, **changes,
    }  # fmt: skip


def test_every_counter_that_is_looked_at_exists() -> None:
    assert COUNTERS
    assert set(COUNTERS) <= set(everything())


def test_a_healthy_switch_has_no_findings() -> None:
    assert look(facts()) == []


def test_a_burst_of_discovery_is_no_stream_that_lost_its_way() -> None:
    """SAY-19: mDNS of many hosts may come at more than the rate, for a moment."""
    burst = stream(
        group="224.0.0.251",
        egress=["p1", "p2"],
        reason="flood_link_local",
        frames=100,
        bytes=26_000,
    )
    assert not [one for one in look(facts(streams=[burst])) if one.severity == "problem"]


def test_another_querier_of_mld_is_no_router_of_igmp() -> None:
    """SAY-19: IGMP's reports go to no router, as they should; MLD is not ours to ask."""
    ours = {"port_counters": {"p2": {"rx_query_v3": 2, "report_no_router": 7}}}
    mld = querier(family="ipv6", role="none", address=None)
    assert look(facts(queriers=[querier(), mld], **ours)) == []


@pytest.mark.parametrize(
    ("changes", "subject", "text"),
    [
        ({"queriers": [querier("none", None)]}, "switch", "no querier, but 1 membership,"),
        ({"queriers": [querier("none", None)], "mdb": [entry("p1", group_timer=20.0)]},
         "switch", "within 60 s 1 membership will end"),
        ({"queriers": [querier(address="0.0.0.0")]}, "switch", "queries come from 0.0.0.0"),
        ({"mrouters": [mrouter("10.0.0.1")]}, "switch", "more than one querier: 10.0.0.1, 10.0.0"),
        ({"queriers": [querier("non-querier", "10.0.0.1")],
          "mrouters": [mrouter("10.0.0.1"), mrouter("10.0.0.2", "p2")]},
         "switch", "more than one querier"),
        ({"ports": [port("p0", state="missing")]}, "p0", "does not exist"),
        ({"ports": [port("p0", state="down")]}, "p0", "came in here until 0 s ago, and p1 waits"),
        ({"ports": [port("p0", addresses=["10.0.0.1"], isolated=True)]}, "p0", "carries 10.0.0.1"),
        ({"ports": [port("p0", lro=True)]}, "p0", "large receive offload is on"),
        ({"ports": [port("p0", problem="carries an address")]}, "p0", "carries an address"),
        ({"port_counters": {"p2": {"ring_full": 3}}}, "p2", "(ring_full 3)"),
        ({"port_counters": {"p2": {"ring_stuck": 3}}}, "p2", "receive ring stopped"),
        ({"port_counters": {"p2": {"tx_offload": 3}}}, "p2", "offload inside a tunnel"),
        ({"port_counters": {"p2": {"tx_full": 3}}}, "p2", "egress was full"),
        ({"port_counters": {"p2": {"punt_full": 1}}}, "p2", "control frames were lost"),
        ({"port_counters": {"p2": {"punt_stale": 5}}}, "p2", "punt_stale 5"),
        ({"port_counters": {"p2": {"rate_limited": 9}}, "rates": {"p2": {"rate_limited": 7.0}}},
         "p2", "floods IGMP: 7 frames/s over igmp_rate (rate_limited 9)"),
        ({"port_counters": {"p2": {"rate_limited": 9}}}, "p2", "has flooded IGMP"),
        ({"port_counters": {"p2": {"control_size": 2}}}, "p2", "longer than its MTU allows"),
        ({"port_counters": {"p2": {"table_full": 1}}}, "p2", "raise [igmp] max_groups"),
        ({"port_counters": {"p2": {"state_limit": 4}}}, "p2", "raise [[port]] max_state"),
        ({"port_counters": {"p2": {"vlan_limit": 4}}}, "p2", "too many VLANs (vlan_limit 4)"),
        ({"ports": [port("p2", state_bytes=30 << 20, state_max_bytes=32 << 20)]}, "p2",
         "its memberships take 30 MiB of at most 32"),
        ({"ports": [port("p2", state_bytes=250 << 20, state_max_bytes=0)]}, "switch",
         "memberships take 250 MiB of at most 256"),
        ({"port_counters": {"p2": {"mrouter_refused": 1}}}, "p2", 'mrouter = "never"'),
        ({"port_counters": {"p2": {"malformed": 1}}}, "p2", "nothing was learned from it (mal"),
        ({"port_counters": {"p2": {"bad_source": 1}}}, "p2", "from an address that no host has"),
        ({"streams": [stream(group="224.0.0.200", egress=["p1", "p2"], reason="flood_link_local")]},
         "10.0.0.9 -> 224.0.0.200", "a group of 239.0.0.0/8"),
        ({"port_counters": {"p2": {"query_own_address": 1}}}, "p2", "our own querier_address"),
        ({"counters": {"internal_errors": 2}}, "switch", "2 frames hit a bug of ours"),
        ({"unbalanced": {"p1": 7}}, "p1", "7 received frames have no verdict"),
        ({"unbalanced": {"p1": -7}}, "p1", "7 received frames have more than one verdict"),
        ({"streams": [stream(registered=False, egress=["p1", "p2"], group="239.9.9.9")]},
         "10.0.0.9 -> 239.9.9.9", "nobody has joined it, and it floods 5.0 Mbit/s to 2 ports"),
        ({"streams": [stream(vlan=7, egress=["p1", "p2"], reason="flood_no_querier")], "mdb": [],
          "raw": {"igmp": {"querier": "on", "querier_address": "10.0.0.254"}}},
         "10.0.0.9 -> 239.1.2.3", "[[vlan]] vid = 7 makes it begin"),
        ({"queriers": [querier("none", None)],
          "streams": [stream(egress=["p1", "p2"], reason="flood_no_querier")]},
         "10.0.0.9 -> 239.1.2.3", "floods 5.0 Mbit/s to 2 ports: no querier is known"),
        ({"queriers": [querier("none", None)], "mdb": [],
          "raw": {"switch": {"no_querier": "prune"}}}, "switch", "streams end with the member"),
        ({"streams": [stream(group="224.0.1.130", registered=False, egress=[], bits_per_s=80.0)]},
         "10.0.0.9 -> 224.0.1.130", "PTP clocks: reaches nobody"),
        ({"streams": [stream(group="239.255.255.250", registered=False, egress=["p3"])],
          "mrouters": [mrouter("10.0.0.254")]}, "10.0.0.9 -> 239.255.255.250", "always_flood"),
        ({"raw": {"port": [{"name": "p1", "fast_leave": "on"}]}, "stations": {"p1": 2},
          "port_counters": {"p1": {"fast_leave": 1}}}, "p1", "2 stations are behind it"),
        ({"raw": {"igmp": {"mrouter_on_null_source": False}},
          "port_counters": {"p3": {"query_null_source": 4}}}, "p3", "4 queries from 0.0.0.0"),
        ({"queriers": [querier("non-querier", "10.0.0.1")], "raw": {"igmp": {"querier": "on"}}},
         "switch", "gave way to 10.0.0.1 on p3, whose values hold: asks every 60 s"),
        ({"port_counters": {"p3": {"query_other_port": 1}}}, "p3", "not on its own port"),
        ({"streams": [stream(health=damaged(lost=3, damaged=9.0))]}, "10.0.0.9 -> 239.1.2.3",
         "came in at p0 with 3 of 103 datagrams missing: lost before the switch"),
        ({"streams": [stream(health=damaged(kind="ts", continuity_errors=2, damaged=9.0))]},
         "10.0.0.9 -> 239.1.2.3", "with 2 gaps in its transport packets"),
        ({"streams": [stream(egress=[])]}, "p1", "is a member of 239.1.2.3 but does not get"),
        ({"raw": {"igmp": {"max_groups": 1}}, "port_counters": {"p1": {"table_full": 2}}},
         "switch", "1 group of at most 1"),
        ({"raw": {"igmp": {"max_groups": 40}},
          "mdb": [entry("p1", f"239.1.2.{n}") for n in range(37)]},
         "switch", "37 groups of at most 40"),
        ({"fdb_entries": 8000}, "switch", "8000 unicast addresses of at most 8192"),
        ({"fdb_entries": 8000, "stations": {"p0": 1, "p2": 7990}}, "p2", "7990 of them behind"),
        ({"disputed": [station("p1", rival="p3")]},
         "p3", "claims 02:00:00:00:01:01, which is heard at p1"),
        ({"port_counters": {"p2": {"fdb_move_damped": 7}}}, "p2", "7 frames came with the address"),
    ],
)  # fmt: skip
def test_trouble_is_a_problem_that_says_what_to_do(
    changes: dict[str, Any], subject: str, text: str
) -> None:
    found = look(facts(**changes))
    problems = [one for one in found if one.severity == "problem"]
    assert any(one.subject == subject and text in f"{one.finding} {one.do}" for one in problems)
    assert all(one.do for one in problems)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"queriers": [querier("none", None)], "mdb": []}, "no querier is known"),
        ({"ports": [port("p2", state="down")]}, "no carrier"),
        ({"ports": [port("p0", addresses=["fe80::1"])]}, "IPv6 stack speaks on these ports"),
        ({"mdb": [entry("p1"), entry("p1", "239.129.2.3")],
          "streams": [stream(), stream(group="239.129.2.3")]}, "share a MAC address"),
        ({"mdb": [entry("p1", "239.128.0.5")], "streams": [stream(group="239.128.0.5")]},
         "with 224.0.0.0/24"),
        ({"raw": {"igmp": {"enabled": False}}}, "snooping is off"),
        (
            {"raw": {"port": [{"name": "p1", "fast_leave": "on"}]}, "stations": {"p1": 2}},
            "will cut the others off",
        ),
        ({"queriers": [querier("non-querier", "10.0.0.1", version=2)],
          "mrouters": [mrouter("10.0.0.1")]}, "the querier 10.0.0.1 speaks IGMPv2, so hosts"),
        ({"port_counters": {"p1": {"report_no_router": 3}, "p2": {"rx_pim_hello": 1}}},
         "3 reports went to no router"),
        ({"port_counters": {"p1": {"querier_guarded": 1}}}, "1 query came in where querier_guard"),
        ({"queriers": [querier("none", "0.0.0.0")], "mrouters": [mrouter("0.0.0.0")]},
         "asked by a querier without an address on p3"),
        ({"queriers": [querier("none", None)], "mrouters": [mrouter("10.0.0.1", origin="pim")]},
         "no querier, but a PIM router on p3"),
        ({"mrouters": [mrouter("10.0.0.1", "p1", "pim")]},
         "10.0.0.1 says by PIM that it is a router, for ever"),
    ],
)  # fmt: skip
def test_what_is_only_worth_knowing_is_a_note(changes: dict[str, Any], text: str) -> None:
    found = look(facts(**changes))
    assert [one.severity for one in found] == ["note"]
    assert text in found[0].finding


@pytest.mark.parametrize(
    "changes",
    [
        # A stream too slow to matter, one that always floods, one that reaches a single port.
        {"streams": [stream(registered=False, egress=["p1", "p2"], bits_per_s=1e3)], "mdb": []},
        {"streams": [stream(registered=False, egress=["p1", "p2"], reason="flood_always")],
         "mdb": []},
        {"streams": [stream(registered=False, egress=["p1"])], "mdb": []},
        # Nobody expects the ingress, a source it blocks, or a port that is down, to get it.
        {"mdb": [entry("p0")]},
        {"mdb": [entry("p2", sources=[source("10.0.0.9", forwarding=False)])]},
        {"mdb": [entry("p2", filter_mode="include")]},
        {"mdb": [entry("p2", uptime=0.1)]},
        {"mrouters": [mrouter("10.0.0.254", origin="pim")]},
        # Clocks that reach a listener, or were seen long ago; fast leave with one host; queries
        # of 0.0.0.0 that are asked for; reports of before the router came.
        {"streams": [stream(group="224.0.1.129", registered=False, egress=["p1"], bits_per_s=80)],
         "mdb": []},
        {"streams": [stream(group="224.0.1.129", registered=False, egress=[], idle=90.0)],
         "mdb": []},
        {"raw": {"port": [{"name": "p1", "fast_leave": "on"}]}},
        {"raw": {"port": [{"name": "p1", "fast_leave": "tracked"}]}, "stations": {"p1": 2}},
        {"mrouters": [mrouter("10.0.0.254", "p1", "pim"), mrouter("10.0.0.254", "p1")]},
        {"raw": {"igmp": {"mrouter_on_null_source": True}},
         "port_counters": {"p3": {"query_null_source": 4}}},
        {"mrouters": [mrouter("10.0.0.254", origin="pim")],
         "port_counters": {"p1": {"report_no_router": 3}}},
        # Whole; damaged a while ago.
        {"streams": [stream(health=damaged())]},
        {"streams": [stream(health=damaged(lost=3, damaged=99.0))]},
        # A querier that has just begun.
        {"streams": [stream(egress=["p1", "p2"], reason="flood_no_querier")]},
        # SAY-19: we ask, and nobody routes, also where others asked before us; a small limit that
        # is reached and has refused nothing.
        {"port_counters": {"p1": {"report_no_router": 3}, "p2": {"rx_query_v3": 1}}},
        {"raw": {"igmp": {"max_groups": 1}}},
        {"raw": {"port": [{"name": "p1", "max_groups": 1}]}},
        {"queriers": [querier("non-querier", "10.0.0.1", version=2)],
         "mrouters": [mrouter("10.0.0.1")], "raw": {"igmp": {"version": 2}}},
    ],
)  # fmt: skip
def test_what_is_as_it_should_be_is_not_reported(changes: dict[str, Any]) -> None:
    assert look(facts(**changes)) == []


def test_a_thousand_forged_vlans_do_not_hide_what_else_is_wrong() -> None:
    vlans = range(1, 1001)
    found = look(
        facts(
            queriers=[querier(), *(querier("none", None, vlan=vid) for vid in vlans)],
            mdb=[entry("p3", vlan=vid) for vid in vlans for _ in range(1 + vid % 3)],
            ports=[port("p0", state="missing"), *(port(f"p{n}") for n in range(1, 4))],
        )
    )
    shown = shortened(found)
    assert len(found) > len(vlans)
    assert len(shown) <= 3 * ALIKE_MAX
    assert sum(1 + more for _, more in shown) == len(found)
    assert "the interface does not exist" in {finding.finding for finding, _ in shown}


def test_runs_to_a_router_and_runs_held_back_for_want_of_a_capability_are_named() -> None:
    always = port("p1", takes_runs=True, takes_runs_because='coalesce = "always"')
    deaf = port(
        "p2",
        takes_runs=False,
        takes_runs_because="changes of its peer cannot be heard: CAP_NET_BROADCAST is missing",
    )
    found = look(
        facts(ports=[always, deaf], mrouters=[mrouter("10.0.0.1", port="p1", origin="pim")])
    )
    said = {(one.severity, one.subject) for one in found}
    assert ("problem", "p1") in said
    assert ("note", "p2") in said
    assert ("problem", "p1") not in {
        (one.severity, one.subject) for one in look(facts(ports=[always, deaf]))
    }


def test_vlans_whose_querier_has_not_begun_are_one_note() -> None:
    """A host that opens thousands makes them wait; that nobody refreshes them would be untrue."""
    vlans = range(1, 1000)
    found = look(
        facts(
            raw={"igmp": {"querier": "on", "querier_address": "10.0.0.254"}},
            queriers=[querier(), *(querier("none", None, vlan=vid) for vid in vlans)],
            mdb=[entry("p1"), *(entry("p2", vlan=vid) for vid in vlans)],
        )
    )
    assert [(one.severity, one.subject) for one in found] == [("note", "switch")]
    assert "in 999 VLANs" in found[0].finding
