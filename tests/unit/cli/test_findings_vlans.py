"""What `check` finds of VLANs, and that it is silent where they are as they should be."""

from __future__ import annotations

from typing import Any

from snoop.cli.findings import Finding, look
from snoop.cli.findings.vlans import vlans
from snoop.control.documents import Port, Witnesses
from snoop.control.tagged import Tagging
from snoop.control.witnessed import Gone, Witness
from unit.cli.healthy import facts
from unit.shown import entry, mrouter, port, querier, stream

RAW = {"switch": {"vlan_filtering": True}}


def access(name: str, vid: int = 10, **changes: Any) -> Port:
    return port(name, vlans=Tagging(pvid=vid, tagged=[]), **changes)


def trunk(name: str, *tagged: str, native: int | None = None, **changes: Any) -> Port:
    return port(name, vlans=Tagging(pvid=native, tagged=list(tagged)), **changes)


PORTS = [access("p0"), access("p1"), access("p2", 20), trunk("p3", "10", "20-29")]


def found(**changes: Any) -> list[Finding]:
    """All findings of a switch with VLANs 10 and 20, of which both are asked."""
    rows: dict[str, Any] = {
        "raw": RAW, "ports": PORTS, "mdb": [entry("p1", vlan=10)], "streams": [stream(vlan=10)],
        "queriers": [querier(vlan=vid) for vid in (10, *range(20, 30))], **changes,
    }  # fmt: skip
    return look(facts(**rows))


def said(findings: list[Finding]) -> list[tuple[str, str, str]]:
    return [(one.severity, one.subject, one.cause) for one in findings]


def counted(name: str, frames: int = 7) -> dict[str, dict[str, int]]:
    return {name: {"vlan_filtered": frames}}


def test_a_healthy_switch_with_vlans_is_silent() -> None:
    assert found() == []


def test_tags_into_an_access_port_are_a_problem() -> None:
    (one,) = found(port_counters=counted("p1"))
    assert said([one]) == [("problem", "p1", "vlan_filtered")]
    assert one.finding == (
        "frames came in with the tag of another VLAN than its own, 10, and were refused "
        "(vlan_filtered 7)"
    )
    assert "snoop port set p1 trunk=VID native=10" in one.do


def test_what_was_refused_while_the_port_was_in_other_vlans_is_no_trouble() -> None:
    ports = [PORTS[0], access("p1", vlan_filtered=0), *PORTS[2:]]
    assert found(ports=ports, port_counters=counted("p1")) == []
    ports[1] = access("p1", vlan_filtered=2)
    (one,) = found(ports=ports, port_counters=counted("p1"))
    assert one.finding.endswith("were refused (vlan_filtered 2)")


def test_a_stream_of_a_vlan_that_its_port_has_left_arrives_nowhere() -> None:
    """Filtering was off a moment ago, or the port in another VLAN: the row is history."""
    joined = [entry("p2", vlan=20)]
    cases = (("p1", 0, set()), ("p1", 10, {"wrong_vlan"}), ("p1", 30, set()), ("#8", 10, set()))
    for name, vid, causes in cases:
        streams = [stream(port=name, vlan=vid, egress=[], registered=False, idle=5.0)]
        said = {one.cause for one in found(mdb=joined, streams=streams)} - {"not_sent"}
        assert said == causes, (name, vid)


def test_what_a_trunk_refuses_is_a_note() -> None:
    """Its other end may have more VLANs, and hosts behind a trunk say things without a tag."""
    (one,) = found(port_counters=counted("p3"))
    assert said([one]) == [("note", "p3", "vlan_filtered")]
    assert one.finding.startswith(
        "frames came in without a tag, which has no VLAN here, or of a VLAN other than 10, 20-29,"
    )
    ports = [*PORTS[:3], trunk("p3", "10", "20-29", native=1)]
    (one, silent) = found(ports=ports, port_counters=counted("p3"))
    assert one.finding.startswith("frames came in of a VLAN other than 1, 10, 20-29, and")
    assert silent.cause == "no_querier"


def test_nothing_is_said_without_filtering() -> None:
    assert look(facts(port_counters={"p1": {"vlan_filtered": 7}})) == []


def test_a_static_entry_outside_its_vlan_is_a_problem() -> None:
    rows = [entry("p1", vlan=10), entry("p2", vlan=10, origin="static")]
    (one,) = found(mdb=rows)
    assert said([one]) == [("problem", "p2", "static_outside")]
    assert one.do.endswith("snoop mdb del 239.1.2.3 --port p2 --vlan 10")
    goes_nowhere = stream(vlan=10, egress=[], reason="no_member")
    assert [one.cause for one in found(mdb=rows[1:], streams=[goes_nowhere])] == ["static_outside"]


def test_a_member_in_another_vlan_than_the_stream_is_a_problem() -> None:
    (one,) = found(mdb=[entry("p2", vlan=20)], streams=[stream(vlan=10, reason="no_member")])
    assert said([one]) == [("problem", "10.0.0.9 -> 239.1.2.3", "wrong_vlan")]
    assert "put p0 and p2 into one VLAN" in one.do
    assert "from VLAN 10 to VLAN 20" in one.do


def test_a_port_that_left_the_vlan_of_a_stream_is_a_note() -> None:
    gone = Gone(
        vlan=20, family="ipv4", group="239.1.2.3", port="p1", how="vlan_left", address="10.0.0.7",
        mac="02:00:00:00:01:07", age=29.0, last_heard=1.0, unanswered=0, others=[],
    )  # fmt: skip
    left = Witnesses(refused=[], gone=[gone])
    streams = [stream(vlan=20, port="p3", egress=["p2"])]
    (one,) = found(witnesses=left, streams=streams, mdb=[entry("p2", vlan=20)])
    assert said([one]) == [("note", "p1", "wrong_vlan")]
    assert one.finding.startswith("10.0.0.7 (02:00:00:00:01:07) had joined 239.1.2.3, which comes")
    assert one.finding.endswith("29 s ago; it is in 10 now")
    assert found(witnesses=left) == []


def test_a_split_horizon_that_keeps_a_stream_from_a_member_is_a_note() -> None:
    ports = [access("p0", split_horizon="mesh"), access("p1", split_horizon="mesh"), *PORTS[2:]]
    (one,) = found(ports=ports, streams=[stream(vlan=10, egress=[], reason="split_horizon")])
    assert said([one]) == [("note", "10.0.0.9 -> 239.1.2.3", "split_horizon")]
    assert one.finding == (
        "comes in at p0 and has members at p1, which do not get it: both are of "
        'split_horizon = "mesh"'
    )
    assert one.host == "10.0.0.11"


def test_a_member_that_lacks_its_stream_is_still_a_problem() -> None:
    (one,) = found(streams=[stream(vlan=10, egress=[])])
    assert one.cause == "not_delivered"


def test_vlans_with_ports_that_nobody_asks_in_are_one_note() -> None:
    findings = found(queriers=[querier(vlan=10)])
    assert said(findings) == [("note", "VLANs 20-29", "no_querier")]


SENDERS = {
    "igmp": {"querier_address": "10.1.0.254"},
    "vlan": [
        {"vid": 1, "querier_address": "10.1.0.254"}, {"vid": 10, "querier_address": "10.10.0.254"},
    ],
}  # fmt: skip
NATIVE = [*PORTS[:3], trunk("p3", "10", "20-29", native=1)]
ASKED = [querier(vlan=vid) for vid in (1, 10, *range(20, 30))]


def heard(address: str, vlan: int = 1, port: str = "p3") -> Witnesses:
    host = Witness(
        vlan=vlan, family="ipv4", port=port, address=address, mac="02:00:00:00:01:01", version=3,
        first_heard=9.0, last_heard=1.0, answered=None, unanswered=0, left=False, moved=False,
    )  # fmt: skip
    return Witnesses(refused=[], hosts=[host])


def test_another_native_vlan_at_the_other_end_is_a_note() -> None:
    changes: dict[str, Any] = {"raw": {**RAW, **SENDERS}, "ports": NATIVE, "queriers": ASKED}
    asked = found(mrouters=[mrouter("10.10.0.1", vlan=1)], **changes)
    (one,) = (each for each in asked if each.cause != "two_queriers")
    assert said([one]) == [("note", "p3", "native_mismatch")]
    assert one.host == "10.10.0.1"
    assert one.do.endswith("snoop port set p3 native=10")
    (one,) = found(witnesses=heard("10.10.0.7"), **changes)
    assert one.mac == "02:00:00:00:01:01"
    assert found(witnesses=heard("10.1.0.7"), **changes) == []
    assert found(witnesses=heard("10.10.0.7", vlan=10), **changes) == []
    assert found(witnesses=heard("0.0.0.0"), **changes) == []
    assert found(witnesses=heard("fe80::7"), **changes) == []


def test_one_address_in_two_vlans_shows_nothing() -> None:
    """Switches ask everywhere with the address that they have."""
    routers = [mrouter("10.0.0.1", vlan=vid) for vid in (1, 10)]
    asked = found(raw={**RAW, **SENDERS}, ports=NATIVE, queriers=ASKED, mrouters=routers)
    assert {one.cause for one in asked} == {"two_queriers"}


def test_thousands_of_vlans_are_looked_at_once() -> None:
    """64 trunks of 4 094 VLANs, and as many streams: no list is made of each pair."""
    every = [trunk(f"p{n}", *(str(vid) for vid in range(2, 4095, 2))) for n in range(64)]
    streams = [stream(vlan=2 + 2 * n, bits_per_s=1.0) for n in range(2000)]
    table = [entry("p1", vlan=2 + 2 * n) for n in range(2000)]
    made = facts(raw=RAW, ports=every, streams=streams, mdb=table, queriers=[])
    assert [one.cause for one in vlans(made)] == []
    assert len(made.vlans) == 64
