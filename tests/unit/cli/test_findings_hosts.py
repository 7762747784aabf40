"""What hosts ask in vain, whom they do not answer, what they wait for: named with the host."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec import structs

from snoop.cli.findings import look, shortened
from snoop.control import witnessed
from snoop.control.causes import Cause
from snoop.control.documents import Finding, Witnesses
from unit.cli.healthy import facts
from unit.shown import entry, mrouter, station, stream

MAC, OTHER = "02:00:00:00:01:0b", "02:00:00:00:01:0c"
FILTERS: dict[str, Any] = {"switch": {"vlan_filtering": True}}
PRUNED: dict[str, Any] = {"switch": {"unregistered": "mrouters"}}


def refused(why: str, group: str = "239.9.9.9", **changes: Any) -> witnessed.Refused:
    values: dict[str, Any] = {"vlan": 0, "port": "p1", "address": "10.0.0.11", "mac": MAC,
                              "family": "ipv4", "count": 1, "age": 3.0, **changes}  # fmt: skip
    return witnessed.Refused(group=group, why=why, **values)


def witness(port: str = "p1", **changes: Any) -> witnessed.Witness:
    """A host that joined 300 s ago, and answered nothing since."""
    values: dict[str, Any] = {
        "vlan": 0, "address": "10.0.0.11", "mac": MAC, "version": 3, "first_heard": 900.0,
        "last_heard": 300.0, "answered": None, "unanswered": 2, "left": False, "moved": False,
        **changes,
    }  # fmt: skip
    return witnessed.Witness(family="ipv4", port=port, **values)


def gone(how: str = "expired", **changes: Any) -> witnessed.Gone:
    values: dict[str, Any] = {
        "vlan": 0, "group": "239.1.2.3", "port": "p1", "address": "10.0.0.11", "mac": MAC,
        "age": 30.0, "last_heard": 260.0, "unanswered": 2, "others": [], **changes,
    }  # fmt: skip
    return witnessed.Gone(family="ipv4", how=how, **values)


def asked(*silent: str, age: float = 60.0, answers: int = 0, **changes: Any) -> witnessed.Asked:
    """A query of ours; `silent`: where nobody answered."""
    values: dict[str, Any] = {
        "vlan": 0, "address": "10.0.0.254", "port": None, "version": 3, "left": 0.0,
        "ports": ["p1", "p2"], "answered": [], **changes,
    }  # fmt: skip
    return witnessed.Asked(family="ipv4", age=age, answers=answers, silent=list(silent), **values)


def found(
    cause: Cause, *, witnesses: dict[str, Any] | None = None, **changes: Any
) -> list[Finding]:
    """The findings of a cause."""
    seen = Witnesses(**{"refused": [], **(witnesses or {})})
    return [one for one in look(facts(witnesses=seen, **changes)) if one.cause == cause]


@pytest.mark.parametrize(
    ("why", "cause", "severity", "words"),
    [
        ("filter", Cause.FILTER, "note", "[[port]] deny_groups refuses it"),
        ("ssm", Cause.SSM_RANGE, "problem", "names no source"),
        ("version", Cause.VERSION_IGNORED, "problem", "ignore_v2 does not take"),
        ("router_alert", Cause.ROUTER_ALERT, "problem", "require_router_alert"),
        ("ttl", Cause.TTL_CHECK, "problem", "ttl_check"),
    ],
)
def test_a_refused_join_is_named_with_its_host(
    why: str, cause: Cause, severity: str, words: str
) -> None:
    """SAY-18."""
    port = {"port": [{"name": "p1", "deny_groups": ["239.9.0.0/16"]}]}
    said = found(cause, witnesses={"refused": [refused(why)]}, raw=port)
    assert [(one.severity, one.subject, one.host, one.mac) for one in said] == [
        (severity, "p1", "10.0.0.11", MAC)
    ]
    assert f"10.0.0.11 ({MAC}) joins 239.9.9.9 in vain" in said[0].finding
    assert words in said[0].finding


def test_joins_of_one_host_are_one_finding_and_its_version_is_said() -> None:
    rows = [refused("ssm", f"232.0.0.{n}") for n in range(9)]
    said = found(Cause.SSM_RANGE, witnesses={"refused": rows, "hosts": [witness(version=2)]})
    assert len(said) == 1
    assert "joins 232.0.0.0 and 8 more in vain: the join (IGMPv2) names no" in said[0].finding


@pytest.mark.parametrize(
    ("version", "key"), [(1, "ignore_v1"), (2, "ignore_v2"), (None, "ignore_v2")]
)
def test_what_to_set_is_the_key_of_the_hosts_version(version: int | None, key: str) -> None:
    hosts = [] if version is None else [witness(version=version)]
    said = found(Cause.VERSION_IGNORED, witnesses={"refused": [refused("version")], "hosts": hosts})
    assert said[0].do is not None
    assert said[0].do.endswith(f"[igmp] {key} = false")


@pytest.mark.parametrize(
    ("listed", "key"), [(["ff3e::/32"], "deny_groups"), (["ff05::/16"], "allow_groups")]
)
def test_the_filter_of_an_ipv6_join_is_that_of_mld(listed: list[str], key: str) -> None:
    port = {"name": "p1", "mld": {"deny_groups": listed, "allow_groups": ["ff0e::/16"]}}
    row = refused("filter", "ff3e::9", family="ipv6")
    said = found(Cause.FILTER, witnesses={"refused": [row]}, raw={"port": [port]})
    assert f"[[port]] {key} refuses it" in said[0].finding


def test_a_limit_names_the_last_that_it_refused() -> None:
    rows = [refused("port_limit", age=9.0, address="10.0.0.12"), refused("port_limit")]
    counts = {"p1": {"port_limit": 2}}
    said = found(Cause.PORT_LIMIT, witnesses={"refused": rows}, port_counters=counts)
    assert said[0].host == "10.0.0.11"
    assert f"the last was for 239.9.9.9, by 10.0.0.11 ({MAC})" in said[0].finding


def test_findings_that_differ_in_addresses_only_are_shortened() -> None:
    rows = [refused("ssm", address=f"10.0.1.{n}", mac=f"02:00:00:00:0a:{n:02x}") for n in range(99)]
    seen = Witnesses(refused=rows)
    assert [more for _, more in shortened(look(facts(witnesses=seen)))] == [0, 0, 0, 95]


# Queries that nobody answers ---------------------------------------------------------------------

QUERIES = [asked("p1", age=60.0), asked("p1", age=180.0)]


@pytest.mark.parametrize(
    ("queries", "more", "words"),
    [
        # From no network of theirs; he joined again since; frames of his came in; both are silent.
        ([asked("p1", address="192.168.99.1", age=60.0 * n) for n in (1, 2)], {}, "reverse path"),
        (QUERIES, {"hosts": [witness(last_heard=100.0)]}, "a firewall of theirs"),
        (QUERIES, {"fdb": [station("p1", MAC, age=5.0)]}, "a firewall of theirs"),
        ([asked("p1", "p2", age=60.0 * n) for n in (1, 2)],
         {"hosts": [witness(), witness("p2", address="10.0.0.12", mac=OTHER)]}, "and 1 more had"),
    ],
)  # fmt: skip
def test_a_querier_that_nobody_answers_is_named(
    queries: list[witnessed.Asked], more: dict[str, Any], words: str
) -> None:
    """SAY-1: the fact always, its cause as a condition."""
    hosts = more.get("hosts", [witness()])
    said = found(
        Cause.QUERIER_UNANSWERED,
        witnesses={"asked": queries, "hosts": hosts},
        fdb=more.get("fdb", []),
    )
    assert [(one.severity, one.subject, one.host) for one in said] == [
        ("problem", "switch", "10.0.0.11")
    ]
    assert f"nobody answered the last 2 queries of {queries[0].address} (ours)" in said[0].finding
    assert words in said[0].finding


@pytest.mark.parametrize(
    ("queries", "host"),
    [
        # One host, which may be off; one query; answered since; nobody had anything to answer.
        (QUERIES, witness()),
        (QUERIES[:1], witness(last_heard=10.0)),
        ([asked(answers=1, age=30.0), *QUERIES], witness(last_heard=10.0)),
        ([asked(age=60.0), asked(age=180.0)], witness(last_heard=100.0)),
        (QUERIES, witness(last_heard=100.0, left=True)),
        (QUERIES, witness(last_heard=100.0, moved=True)),
    ],
)
def test_queries_without_an_answer_are_often_as_they_should_be(
    queries: list[witnessed.Asked], host: witnessed.Witness
) -> None:
    """SAY-1: right or silent."""
    assert not found(Cause.QUERIER_UNANSWERED, witnesses={"asked": queries, "hosts": [host]})


# Hosts that do not answer ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("age", "idle", "severity"),
    [(2.0, 0.1, "problem"), (2.0, 90.0, "note"), (None, 0.1, "note"), (999.0, 0.1, "note")],
)
def test_who_fell_silent_is_named_and_is_trouble_if_he_is_there_and_his_stream_goes_on(
    age: float | None, idle: float, severity: str
) -> None:
    """SAY-18: a frame that came in after its last report says that it is there."""
    fdb = [] if age is None else [station("p1", MAC, age=age)]
    said = found(
        Cause.SILENT_HOST,
        witnesses={"gone": [gone()], "asked": [asked(answers=1)]},
        fdb=fdb,
        mdb=[],
        streams=[stream(idle=idle)],
    )
    assert [(one.severity, one.subject, one.mac) for one in said] == [(severity, "p1", MAC)]
    assert "last reported 290 s ago and did not answer 2 queries" in said[0].finding
    assert "its membership of 239.1.2.3 ended 30 s ago" in said[0].finding
    assert ("frames of it came in" in said[0].finding) == (age == 2.0)


def test_a_silent_host_is_named_before_its_membership_ends() -> None:
    said = found(Cause.SILENT_HOST, witnesses={"hosts": [witness()]})
    assert "its membership of 239.1.2.3 will end" in said[0].finding


@pytest.mark.parametrize(
    "row",
    [gone("left"), gone("cleared"), gone(unanswered=0), gone(unanswered=None), gone(age=900.0)],
)
def test_who_left_or_was_not_asked_did_not_fall_silent(row: witnessed.Gone) -> None:
    assert not found(Cause.SILENT_HOST, witnesses={"gone": [row]}, mdb=[])


def test_a_leave_that_cut_another_host_off_names_it() -> None:
    others = [witnessed.Name(address="10.0.0.12", mac=OTHER)]
    said = found(
        Cause.FAST_LEAVE,
        witnesses={"gone": [gone("fast_leave", others=others)]},
        raw={"port": [{"name": "p1", "fast_leave": "on"}]},
        stations={"p1": 2},
    )
    assert [(one.severity, one.host, one.mac) for one in said] == [("problem", "10.0.0.12", OTHER)]
    assert "lost 239.1.2.3 when 10.0.0.11" in said[0].finding


# Streams without listeners, listeners without streams --------------------------------------------


@pytest.mark.parametrize(
    ("cause", "changes", "words"),
    [
        (Cause.NOT_SENT, {"streams": []}, "10.0.0.11 has joined 239.1.2.3 untagged at p1"),
        (Cause.WRONG_VLAN,
         {"streams": [stream(vlan=10)], "mdb": [entry("p1", vlan=10), entry("p2", vlan=20)],
          "raw": FILTERS},
         "has joined it in VLAN 20 at p2, and it comes in in VLAN 10 alone, at p0"),
        (Cause.NOT_JOINED,
         {"mdb": [], "streams": [stream(registered=False, egress=[])], "raw": PRUNED},
         "so it goes nowhere"),
        (Cause.NOT_JOINED,
         {"mdb": [], "streams": [stream(registered=False, egress=["p3"])], "raw": PRUNED,
          "mrouters": [mrouter("10.0.0.1")],
          "fdb": [station("p0"), station("p1", MAC), station("p3", OTHER)]},
         f"router ports alone (p3); never heard to join any group: {MAC} at p1"),
        (Cause.FOREIGN_SOURCE, {"streams": [stream(source="172.17.0.5")]},
         "from a network that is not that of its members (10.0.0.11)"),
        (Cause.TTL_ONE,
         {"mdb": [], "streams": [stream(registered=False, egress=["p3"], ttl=1)],
          "mrouters": [mrouter("10.0.0.1", origin="pim")]}, "10.0.0.1 at p3 gets it"),
        (Cause.NEVER_JOINED,
         {"mdb": [entry("p1", "224.0.23.12")], "streams": [stream(group="224.0.23.12")],
          "fdb": [station("p0"), station("p1"), station("p2", MAC)]}, f"{MAC} at p2"),
    ],
)  # fmt: skip
def test_which_side_to_look_at_is_a_note(cause: Cause, changes: dict[str, Any], words: str) -> None:
    """SAY-18."""
    said = found(cause, **changes)
    assert [one.severity for one in said] == ["note"]
    assert words in said[0].finding


@pytest.mark.parametrize(
    ("cause", "changes"),
    [
        (Cause.NOT_SENT, {"streams": [], "mdb": [entry("p1", uptime=0.5)]}),
        (Cause.NOT_SENT, {"streams": [], "mdb": [entry("p1", "239.255.255.250")]}),
        (Cause.NOT_SENT, {"streams": [], "mdb": [entry("p1", origin="static")]}),
        # Both VLANs have one; it has ended.
        (Cause.WRONG_VLAN, {"streams": [stream(vlan=10), stream(vlan=20)],
                            "mdb": [entry("p1", vlan=10), entry("p2", vlan=20)], "raw": FILTERS}),
        (Cause.WRONG_VLAN, {"streams": [stream(vlan=10, idle=90.0)],
                            "mdb": [entry("p1", vlan=10), entry("p2", vlan=20)], "raw": FILTERS}),
        (Cause.NOT_JOINED, {"mdb": [], "streams": [stream(registered=False, egress=["p1"])]}),
        (Cause.NOT_JOINED,
         {"mdb": [], "streams": [stream(registered=False, egress=[], idle=90.0)]}),
        # By a router; of a network near theirs.
        (Cause.FOREIGN_SOURCE,
         {"streams": [stream(source="172.17.0.5")], "mrouters": [mrouter("10.0.0.1", "p0")]}),
        (Cause.FOREIGN_SOURCE, {"streams": [stream(source="10.0.3.5")]}),
        # A neighbour that only asks, a stream of this LAN, a TTL that suffices.
        (Cause.TTL_ONE, {"mdb": [], "mrouters": [mrouter("10.0.0.1")],
                         "streams": [stream(registered=False, egress=["p3"], ttl=1)]}),
        (Cause.TTL_ONE, {"mrouters": [mrouter("10.0.0.1", origin="pim")],
                         "streams": [stream(egress=["p1", "p3"], ttl=1)]}),
        (Cause.TTL_ONE, {"mdb": [], "mrouters": [mrouter("10.0.0.1", origin="pim")],
                         "streams": [stream(registered=False, egress=["p3"], ttl=8)]}),
        # All have joined; it goes everywhere.
        (Cause.NEVER_JOINED,
         {"mdb": [entry("p1", "224.0.23.12")], "streams": [stream(group="224.0.23.12")],
          "fdb": [station("p0"), station("p1")]}),
        (Cause.NEVER_JOINED,
         {"mdb": [entry("p1", "224.0.23.12")], "fdb": [station("p2", MAC)],
          "streams": [stream(group="224.0.23.12", reason="flood_always")]}),
    ],
)  # fmt: skip
def test_what_most_networks_have_is_no_note(cause: Cause, changes: dict[str, Any]) -> None:
    assert not found(cause, **changes)


@pytest.mark.parametrize(
    ("family", "address", "do"),
    [
        ("ipv4", "10.0.0.11", "arping -D -I INTERFACE 10.0.0.11"),
        ("ipv4", "0.0.0.0", None),
        ("ipv6", "fe80::1", "ndisc6 -m fe80::1 INTERFACE"),
        ("ipv6", "::", None),
    ],
)
def test_two_hosts_with_one_address_are_told_of_if_it_is_one(
    family: str, address: str, do: str | None
) -> None:
    """SAY-18: before its address is known to be its own a host reports from `::` (MLD-3)."""
    here = {"address": address, "last_heard": 1.0, "unanswered": 0}
    hosts = [witness("p1", **here), witness("p2", mac="02:00:00:00:02:01", **here)]
    rows = found(
        Cause.SHARED_ADDRESS,
        witnesses={"hosts": [structs.replace(one, family=family) for one in hosts]},
    )
    assert [do in (one.do or "") for one in rows if do] == ([True] if do else [])
    assert bool(rows) == (do is not None)


def test_a_finding_of_several_groups_is_about_each_of_them() -> None:
    """Also about those that its text only counts; of one, the subject says it all."""
    groups = [f"239.9.9.{n}" for n in range(6)]
    waiting = found(Cause.NOT_SENT, streams=[], mdb=[entry("p1", group) for group in groups])
    assert waiting[0].subject.endswith(", …")
    assert waiting[0].about == groups
    assert found(Cause.NOT_SENT, streams=[])[0].about == []
    asked = [refused("ssm", group) for group in groups]
    assert found(Cause.SSM_RANGE, witnesses={"refused": asked})[0].about == ["p1", *groups]
    assert found(Cause.SSM_RANGE, witnesses={"refused": asked[:1]})[0].about == []
