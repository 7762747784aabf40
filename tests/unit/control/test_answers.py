"""What an operator asks of the plane is done or refused, and answered without holding it up."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from snoop.control.requests import (
    Clear,
    Explain,
    Mrouter,
    Query,
    RequestError,
    Show,
    Static,
)
from snoop.table.seen import Punted
from snoop.wire import address
from snoop.wire.address import ANY
from snoop.wire.messages import Record, RecordType
from unit.families import MLD
from unit.frames import v2_report
from unit.scene import G, S, Scene, turns_beside


def test_static_entries_and_router_ports_by_command() -> None:
    scene = Scene().start()
    scene.ask(Static(add=True, group="239.1.2.3", port="p2", source="10.0.0.9"))
    assert scene.fastpath.rows == {(0, G, ANY): 0, (0, G, S): 0b0100}
    scene.ask(Static(add=False, group="239.1.2.3", port="p2", source="10.0.0.9"))
    assert scene.fastpath.rows == {}
    scene.ask(Mrouter(add=True, port="p3"))
    assert scene.fastpath.vlans[0][1] == 0b1000
    scene.ask(Mrouter(add=False, port="p3"))
    assert scene.fastpath.vlans[0][1] == 0


@pytest.mark.parametrize(
    ("request_", "text", "code"),
    [
        (Static(add=False, group="239.1.2.3", port="p1"), "no static entry of 239.1.2.3 on p1", 1),
        (Static(add=True, group="239.1.2.3", port="p9"), 'no port "p9" on this switch', 2),
        (Static(add=True, group="10.1.2.3", port="p1"), "is not a multicast group", 2),
        (Static(add=True, group="nonsense", port="p1"), "is not a multicast group", 2),
        (Static(add=True, group="224.0.0.5", port="p1"), "goes to every port anyway", 2),
        (Static(add=True, group="239.1.2.3", port="p1", source="239.1.1.1"), "of a source", 2),
        (Static(add=True, group="ff02::1", port="p1"), "goes to every port anyway", 2),
        (Static(add=True, group="ff01::5", port="p1"), "scope 2 or more", 2),
        (Static(add=True, group="ff0e::1", port="p1", source="10.0.0.9"), "IPv6 address", 2),
        (Mrouter(add=False, port="p1"), "p1 is no static router port", 1),
        (Mrouter(add=False, port="p1", family="ipv6"), "router port of vlan 0 for IPv6", 1),
        (Query(vlan=9), "nothing is known of vlan 9", 1),
        (Query(vlan=9, family="ipv6"), "nothing is known of MLD in vlan 9", 1),
        (Query(family="ipv4", group="ff0e::1"), "is not of ipv4", 2),
        (Query(group="224.0.0.1"), "is not allowed", 2),
        (Clear(what="fdb", group="239.1.2.3"), "--port and --vlan", 2),
        (Clear(what="counters", vlan=3), "no filter but --port", 2),
        (Show(what="mdb", port="pp1"), 'did you mean "p1"?', 2),
        (Show(what="mdb", group="10.0.0.1"), "is neither a multicast group nor a prefix", 2),
        (Explain(port="p1", group="10.0.0.1"), "is not a multicast group", 2),
    ],
)
def test_a_request_that_cannot_be_met_says_why(request_: Any, text: str, code: int) -> None:
    scene = Scene().start()
    with pytest.raises(RequestError) as caught:
        scene.ask(request_)
    assert text in str(caught.value)
    assert caught.value.code == code
    assert scene.fastpath.rows == {}


def test_clear_mdb_forgets_members_and_keeps_statics() -> None:
    scene = Scene().start()
    scene.join(1)
    scene.join(2)
    scene.ask(Static(add=True, group="239.9.9.9", port="p3"))
    scene.ask(Clear(what="mdb", port="p1"))
    assert scene.members() == {"p2", "p3"}
    scene.ask(Clear(what="mdb"))
    assert scene.members() == {"p3"}


def test_cleared_counters_start_at_zero_and_metrics_keep_counting() -> None:
    scene = Scene().start()
    scene.fastpath.counts[1] = {"rx_frames": 7, "forward_group": 7}
    scene.join(1)
    scene.ask(Clear(what="counters"))
    scene.fastpath.counts[1] = {"rx_frames": 9, "forward_group": 9}
    shown = scene.ask(Show(what="counters"))
    assert shown["ports"]["p1"]["rx_frames"] == 2
    assert shown["counters"]["rx_frames"] == 2
    assert shown["ports"]["p1"]["rx_report_v3"] == 0
    sample = asyncio.run(scene.answers.sample())
    assert sample.port_counters["p1"]["rx_frames"] == 9
    assert sample.port_counters["p1"]["rx_report_v3"] == 1


def test_balance_is_frames_less_verdicts() -> None:
    """Conservation."""
    scene = Scene().start()
    scene.fastpath.counts[1] = {"rx_frames": 9, "forward_group": 5, "no_member": 3}
    balance = scene.ask(Show(what="status"))["balance"]
    assert balance["p1"] == {"rx_frames": 9, "unbalanced": 1}
    assert balance["p0"] == {"rx_frames": 0, "unbalanced": 0}


def test_explain_names_a_reason_for_every_port() -> None:
    """INTERFACE.md 3, `explain`."""
    scene = Scene().start()
    scene.join(1)
    answer = scene.ask(Explain(port="p0", group="239.1.2.3"))
    assert (answer["action"], answer["reason"]) == ("forward", "forward_group")
    assert answer["ports"] == ["p1"]
    why = {row["port"]: (row["forwarded"], row["because"]) for row in answer["why"]}
    assert why["p0"] == (False, "ingress: a frame never leaves by the port it came in")
    assert why["p1"][0] is True
    assert "IGMPv3 report of 10.0.0.11" in why["p1"][1]
    assert why["p2"][0] is False
    assert "no host behind it has joined" in why["p2"][1]


def test_explain_blames_the_refusal_of_this_group_alone() -> None:
    """SAY-2: by what was seen; a filter that nobody met only would refuse."""
    ports = [{"name": f"p{n}"} for n in range(4)]
    ports[3] |= {"max_groups": 1}
    ports[2] |= {"deny_groups": ["239.1.2.0/24"]}
    scene = Scene(port=ports).start()
    scene.join(1)
    scene.report(3, Record(RecordType.TO_EX, address.parse("239.9.9.9"), ()))
    scene.report(3, Record(RecordType.TO_EX, address.parse("239.9.9.8"), ()))

    def because(port: str) -> str:
        answer = scene.ask(Explain(port="p0", group="239.1.2.3"))
        return next(str(row["because"]) for row in answer["why"] if row["port"] == port)

    assert "refused" not in because("p3")
    scene.report(3, Record(RecordType.TO_EX, G, ()))
    assert because("p3").endswith("refused: [[port]] max_groups = 1 was reached")
    assert because("p2").endswith("[[port]] deny_groups would refuse a join")
    scene.report(2, Record(RecordType.TO_EX, G, ()))
    assert "the join of 10.0.0.11 (" in because("p2")
    assert because("p2").endswith("was refused: [[port]] deny_groups")


def test_the_version_of_a_report_is_its_hosts_and_not_the_ports() -> None:
    """SM-40: the port is in v2's compatibility mode by one host, another speaks v3 there."""
    scene = Scene().start()
    scene.fastpath.waiting.append(Punted(1, 0, v2_report("239.1.2.3", src="10.0.0.12"), 0))
    scene.plane.punted()
    scene.join(1)
    answer = scene.ask(Explain(port="p0", group="239.1.2.3"))
    row = next(row for row in answer["why"] if row["port"] == "p1")
    assert row["because"].startswith("member by the IGMPv3 report of 10.0.0.11: wants any source")
    mdb = scene.ask(Show(what="mdb"))["mdb"]
    assert [row["compatibility"] for row in mdb] == ["igmpv2"]


def test_the_limit_that_refused_is_that_of_the_family() -> None:
    ports = [{"name": f"p{n}"} for n in range(2)]
    ports[1] |= {"max_groups": 9, "mld": {"max_groups": 1}}
    scene = Scene(port=ports).start()
    for last in (1, 2):
        scene.fastpath.waiting.append(Punted(1, 0, MLD.report((4, f"ff0e::{last}", ())), 0))
        scene.plane.punted()
    answer = scene.ask(Explain(port="p0", group="ff0e::2"))
    row = next(row for row in answer["why"] if row["port"] == "p1")
    assert row["because"].endswith("refused: [[port]] max_groups = 1 was reached")


def test_large_tables_are_made_a_part_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Frames and timers come in between, and the rows are those of one go, in their order."""
    scene = Scene().start()
    groups = [address.mapped(bytes((239, 1, n >> 8, n & 255))) for n in range(300)]
    for start in range(0, 300, 100):
        scene.report(1, *(Record(RecordType.TO_EX, g, ()) for g in groups[start : start + 100]))
    monkeypatch.setattr("snoop.control.parts.PART_NS", 0)
    turns, shown = turns_beside(scene, Show(what="mdb"))
    assert [row["group"] for row in shown["mdb"]] == [address.text(group) for group in groups]
    assert turns >= 300 // 8
