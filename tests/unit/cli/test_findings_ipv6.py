"""`snoop check`: what is wrong with IGMP is found for MLD, and says so."""

from __future__ import annotations

from typing import Any

import pytest

from snoop.cli.findings import Finding, look
from snoop.cli.findings.facts import is_local
from unit.cli.healthy import facts
from unit.shown import entry, mrouter, querier, stream

MLD: dict[str, Any] = {"family": "ipv6", "version": 2}
US = querier()
SILENT6 = querier("none", None, **MLD)
OTHER6 = querier("non-querier", "fe80::1", **MLD)


def member(group: str, **changes: Any) -> Any:
    return entry("p1", group, family="ipv6", compatibility="mldv2", **changes)


def found(**changes: Any) -> list[Finding]:
    rows: dict[str, Any] = {"mdb": [], "streams": []}
    return [one for one in look(facts(**rows | changes)) if one.family != "ipv4"]


@pytest.mark.parametrize(
    ("group", "local"),
    [("ff02::fb", True), ("ff01::1", True), ("ff12::1", True), ("ff05::1", False),
     ("ff05::2", True), ("ff05::1:3", False),
     ("ff0e::1", False), ("224.0.0.251", False)],
)  # fmt: skip
def test_groups_that_no_router_passes_on(group: str, local: bool) -> None:
    assert is_local(group) is local


def test_hosts_that_joined_what_all_hosts_join_need_no_mld_querier() -> None:
    """SNOOP-51, SNOOP-52: what neighbour discovery needs goes everywhere."""
    hosts = [member("ff02::1:ff00:11"), member("ff02::fb")]
    assert found(queriers=[US, SILENT6], mdb=hosts) == []
    assert found(queriers=[US]) == []


@pytest.mark.parametrize(
    ("changes", "text", "do"),
    [
        ({"queriers": [US, SILENT6], "mdb": [member("ff02::fb"), member("ff0e::1")]},
         "IPv6: no querier, but 1 membership,", 'set [mld] querier = "on" here'),
        ({"queriers": [US, OTHER6], "mrouters": [
            mrouter("fe80::1", family="ipv6"), mrouter("fe80::2", "p2", family="ipv6")]},
         "IPv6: more than one querier: fe80::1, fe80::2", "let one of them ask"),
        ({"raw": {"mld": {"querier": "on"}}, "queriers": [US, OTHER6]},
         "IPv6: our querier gave way to fe80::1 on p3", 'set [mld] querier = "auto"'),
        ({"queriers": [US, querier("non-querier", "fe80::1", family="ipv6", version=1)]},
         "IPv6: the querier fe80::1 speaks MLDv1, so hosts answer in v1", "[mld] version = 1"),
        ({"queriers": [US, SILENT6], "streams": [stream(
            group="ff0e::1", source="2001:db8::9", family="ipv6", bits_per_s=9e6,
            egress=["p1", "p2"], registered=False, reason="flood_no_querier")]},
         "IPv6: floods 9.0 Mbit/s to 2 ports: no querier is known", 'set [mld] querier = "on"'),
        ({"queriers": [US, querier(address="fe80::254", **MLD)], "mdb": [member("ff0e::7")]},
         "IPv6: 10.0.0.11 has joined ff0e::7 untagged at p1, and no frame", "ip route get ff0e::7"),
        ({"raw": {"mld": {"enabled": False}}, "queriers": [US]},
         "IPv6: snooping is off: every group floods", "set [mld] enabled = true"),
        ({"raw": {"mld": {"max_groups": 2}}, "queriers": [US, querier(address="fe80::9", **MLD)],
          "mdb": [member("ff02::1:1"), member("ff02::1:2")],
          "port_counters": {"p1": {"table_full": 1}}},
         "2 groups of at most 2", "raise [mld] max_groups"),
    ],
)  # fmt: skip
def test_trouble_of_mld_is_named_with_its_family(
    changes: dict[str, Any], text: str, do: str
) -> None:
    """Issue 11: the findings of IGMP have a twin."""
    said = [(one.finding, one.do) for one in found(**changes)]
    assert any(text in finding and do in line for finding, line in said), said
    spoken = [f"{one.finding} {one.do}" for one in found(**changes) if one.family]
    assert not [one for one in spoken if "IGMP" in one or "[igmp]" in one]


@pytest.mark.parametrize("reason", ["flood_no_querier", "forward_unregistered"])
@pytest.mark.parametrize(("group", "size", "count"), [
    ("ff02::c", 26_000, 0), ("ff02::c", 26_000_000, 1), ("ff0e::c", 26_000, 1)])  # fmt: skip
def test_a_burst_of_discovery_is_no_stream(reason: str, group: str, size: int, count: int) -> None:
    """SAY-19: SSDP and LLMNR of many hosts may come at more than the rate, for a moment."""
    sent = stream(group=group, source="fe80::9", family="ipv6", bits_per_s=9e7, bytes=size,
                  egress=["p1", "p2"], registered=False, reason=reason)  # fmt: skip
    problems = [one for one in found(queriers=[US, SILENT6], streams=[sent])
                if one.severity == "problem"]  # fmt: skip
    assert len(problems) == count


@pytest.mark.parametrize(
    ("counter", "text"),
    [("mld_checksum", "MLD with a bad checksum came in"), ("mld_malformed", "MLD that breaks"),
     ("not_link_local", "from an address that may send none")],
)  # fmt: skip
def test_mld_that_teaches_nothing_is_named_with_its_port(counter: str, text: str) -> None:
    """SAY-18."""
    (finding,) = found(queriers=[US], port_counters={"p2": {counter: 3}})
    assert (finding.severity, finding.subject) == ("problem", "p2")
    assert text in finding.finding
    assert "snoop capture bad.pcapng --port p2" in finding.do


def test_a_querier_of_one_family_is_none_of_the_other() -> None:
    """Beside an MLD querier, IGMP's absence is trouble as ever."""
    ours = [querier("none", None), querier(address="fe80::9", **MLD)]
    (finding,) = [one for one in look(facts(queriers=ours)) if one.severity == "problem"]
    assert (finding.family, finding.finding[:24]) == ("ipv4", "no querier, but 1 member")
