"""`proto.witnesses`: joins that were refused, why, and whose (SAY-2)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from snoop.proto.params import MrouterMode, PortParams
from snoop.proto.units import seconds
from snoop.proto.views import Refusal
from snoop.wire.address import parse, text
from unit.device import P1, P2, R
from unit.frames import BLOCK, HOST, IS_EX, IS_IN, OTHER, S1, S2, SSM, TO_EX, TO_IN, G, H
from unit.proto_lab import Lab, hello, leave, mac_of, old_report, querier, query, record, v3

DENIED = {P1: {"deny_groups": ((parse("239.1.2.0"), 120),)}}


def seen(lab: Lab, **wanted: object) -> list[tuple[int, str, str, str, int]]:
    """(port, group, why, host, count) of each."""
    return [
        (row.port, text(row.group), row.why, text(row.address), row.count)
        for row in lab.engine.witnesses.refused(lab.now, **wanted)
    ]


@pytest.mark.parametrize(
    ("how", "data", "why"),
    [
        ({"port": DENIED}, v3(record(TO_EX)), "filter"),
        ({"port": DENIED}, v3(record(IS_IN, sources=[S1])), "filter"),
        ({}, v3(record(TO_EX, SSM)), "ssm"),
        ({}, old_report(2, SSM), "ssm"),
        ({"ignore_v2": True}, old_report(2), "version"),
        ({"ignore_v1": True}, old_report(1), "version"),
        ({"require_router_alert": True}, v3(record(TO_EX), router_alert=False), "router_alert"),
        ({"ttl_check": True}, v3(record(TO_EX), ttl=2), "ttl"),
        ({"max_sources": 1}, v3(record(IS_IN, sources=[S1, S2])), "source_limit"),
        ({"max_hosts": 0}, v3(record(TO_EX)), "host_limit"),
    ],
)
def test_what_was_refused_is_known_with_the_reason_and_the_host(
    how: dict[str, object], data: bytes, why: str
) -> None:
    """SAY-2."""
    lab = querier(**how)
    lab.hear(P1, data)
    lab.at(43)
    (row,) = lab.engine.witnesses.refused(lab.now)
    assert (row.why, row.port, row.address, row.mac) == (why, P1, parse(HOST), mac_of(HOST))
    assert (row.vid, row.count, row.age) == (0, 1, seconds(3))


def test_limits_of_port_and_table_are_told_apart() -> None:
    """SAY-2: whose limit it was."""
    lab = querier(max_groups=2, port={P1: {"max_groups": 1}})
    lab.hear(P1, v3(record(TO_EX, G), record(TO_EX, H)))
    lab.hear(P2, v3(record(TO_EX, H), record(TO_EX, "239.1.2.5")))
    assert [each[:3] for each in seen(lab)] == [
        (P1, H, "port_limit"),
        (P2, "239.1.2.5", "table_full"),
    ]


@pytest.mark.parametrize(
    "data",
    [
        v3(record(TO_IN, SSM)),
        v3(record(BLOCK, SSM, [S1])),
        leave(SSM),
        v3(record(TO_EX, "224.0.0.251")),
    ],
)
def test_what_is_no_join_is_not_refused(data: bytes) -> None:
    for how in ({}, {"ttl_check": True}, {"port": DENIED}, {"ignore_v2": True}):
        lab = querier(**how)
        lab.hear(P1, data)
        assert seen(lab) == []


def test_last_host_and_all_joins_are_counted() -> None:
    lab = querier(port=DENIED)
    lab.hear(P1, v3(record(TO_EX)))
    lab.hear(P1, v3(record(IS_EX), src=OTHER))
    assert seen(lab) == [(P1, G, "filter", OTHER, 2)]
    assert seen(lab, vid=0, group=parse(G), ports=[P1]) == seen(lab)
    for other in ({"vid": 1}, {"group": parse(H)}, {"ports": [P2]}):
        assert seen(lab, **other) == []


def test_refusal_is_forgotten_when_the_host_leaves_or_asks_rightly_or_no_more() -> None:
    """SAY-2: what is no longer so is not said."""
    for after in (v3(record(TO_IN, SSM)), v3(record(IS_IN, SSM, [S1]))):
        lab = querier()
        lab.hear(P1, v3(record(TO_EX, SSM)))
        lab.hear(P1, after)
        assert seen(lab) == []
    lab = querier()
    lab.hear(P1, v3(record(TO_EX, SSM)))
    lab.hear(P1, v3(record(IS_IN, SSM, [S1]), src=OTHER))
    assert len(seen(lab)) == 1, "another's join is not this host's"
    lab.at(309.9)
    assert len(seen(lab)) == 1
    lab.at(310)
    assert seen(lab) == []


def test_refusals_go_with_the_port_the_settings_and_by_command() -> None:
    """SAY-2: what was refused under other settings may be allowed now."""

    def refused() -> Lab:
        lab = querier(port=DENIED)
        lab.hear(P1, v3(record(TO_EX, G), record(TO_EX, H)))
        assert len(seen(lab)) == 2
        return lab

    lab = refused()
    lab.take(lab.engine.clear(vid=0, group=parse(G), port=P1, now=lab.now))
    assert [each[1] for each in seen(lab)] == [H]
    lab.take(lab.engine.configure(lab.params, lab.port_params, now=lab.now))
    assert len(seen(lab)) == 1, "the same settings refuse the same"
    lab.take(lab.engine.port_down(P1, now=lab.now))
    assert seen(lab) == []
    lab = refused()
    lab.take(lab.engine.configure(replace(lab.params, ttl_check=True), {}, now=lab.now))
    assert seen(lab) == []


def test_refusals_are_bounded_and_the_oldest_goes() -> None:
    """A host may ask for any number of groups."""
    lab = querier(port={P1: {"deny_groups": ((parse("239.0.0.0"), 104),)}})
    for number in range(65):
        lab.hear(P1, v3(record(TO_EX, f"239.9.0.{number}")))
        lab.hear(P1, v3(record(TO_EX, "239.9.0.0")))
    groups = {each[1] for each in seen(lab)}
    assert len(groups) == 64
    assert "239.9.0.0" in groups
    assert "239.9.0.1" not in groups
    assert {row.why for row in lab.engine.witnesses.refused(lab.now)} == {Refusal.FILTER}


def shunned(lab: Lab) -> list[tuple[str, str, str, int]]:
    """(address, origin, why, count) of each router that is not believed at R."""
    rows = lab.engine.witnesses.shunned(lab.now, [R])
    return [(text(row.address), row.origin, row.why, row.count) for row in rows]


def test_routers_that_are_not_believed_are_known_and_why() -> None:
    """SAY-18: until the configuration is another."""
    lab = Lab(port={R: {"mrouter": MrouterMode.NEVER}})
    for _ in range(2):
        lab.hear(R, query())
    lab.hear(R, hello(src="10.0.0.9"))
    assert shunned(lab) == [("10.0.0.1", "query", "never", 2), ("10.0.0.9", "pim", "never", 1)]
    lab.at(99)
    assert {row.age for row in lab.engine.witnesses.shunned(lab.now)} == {seconds(99)}
    guarded = PortParams(name="r", querier_guard=True)
    lab.take(lab.engine.configure(lab.params, {R: guarded}, now=lab.now))
    assert shunned(lab) == []
    lab.hear(R, query())
    assert shunned(lab) == [("10.0.0.1", "query", "querier_guard", 1)]


def test_routers_that_are_not_believed_are_bounded() -> None:
    """SAY-18: the last are kept, of those beyond the limit as well."""
    lab = Lab()
    for last in range(200):
        lab.hear(R, hello(src=f"10.0.1.{last}"))
    seen_last = sorted(shunned(lab), key=lambda row: parse(row[0]))
    assert {why for _, _, why, _ in seen_last} == {"mrouter_limit"}
    assert [address for address, *_ in seen_last] == [f"10.0.1.{last}" for last in range(184, 200)]
    lab.at(150)
    lab.hear(R, hello(src="10.0.1.199"))
    assert len(shunned(lab)) == 15
