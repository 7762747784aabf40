"""The plane moves effects: a report becomes a row, a port that fails goes down alone."""

from __future__ import annotations

import asyncio
import errno
from typing import Any

import msgspec
import pytest

from snoop.control import requests
from snoop.control.requests import (
    Clear,
    Explain,
    Mrouter,
    Query,
    RequestError,
    Show,
    Static,
)
from snoop.proto.units import Instant
from snoop.runtime import clock
from snoop.runtime.batch import BUDGET_MAX, BUDGET_MIN, Budget, Refused
from snoop.runtime.plane import AGAIN
from snoop.table.seen import Punted
from snoop.wire import address
from snoop.wire.address import ANY
from snoop.wire.messages import Record, RecordType
from unit.fake_fastpath import link
from unit.scene import G, S, Scene


def test_a_report_becomes_a_row_in_one_publish() -> None:
    """Decide all, send all, publish once."""
    scene = Scene().start()
    before = scene.fastpath.publishes
    scene.fastpath.waiting += [Punted(0, b"", 0)] * 3
    scene.join(1)
    assert scene.fastpath.rows == {(0, G, ANY): 0b0010}
    assert scene.fastpath.publishes == before + 1


def test_a_publish_that_fails_loses_nothing() -> None:
    """Out of memory for a moment: what was learned meanwhile comes with the next try."""
    scene = Scene().start()
    scene.fastpath.unpublishable = True
    scene.join(1)
    scene.join(2)
    assert scene.fastpath.rows == {}
    assert scene.members() == {"p1", "p2"}
    due = scene.plane.next_deadline()
    assert due is not None
    assert 0 < due - clock.now() <= AGAIN
    scene.fastpath.unpublishable = False
    scene.plane.advance()
    assert scene.fastpath.rows == {(0, G, ANY): 0b0110}
    before = scene.fastpath.publishes
    scene.plane.advance()
    assert scene.fastpath.publishes == before


def test_a_plane_is_quiet_between_two_looks_without_a_frame() -> None:
    scene = Scene().start()
    quiet = []
    for joins in (0, 1, 0):
        if joins:
            scene.join(1)
        scene.plane.look()
        quiet.append(scene.plane.is_quiet)
    assert quiet == [True, False, True]


def test_a_flood_is_taken_in_batches() -> None:
    """TM-40: an IGMP flood must not hold up the timers; nothing of it is lost."""
    scene = Scene().start()
    total = 3 * BUDGET_MAX
    scene.fastpath.waiting += [Punted(0, b"", 0)] * total
    before = scene.fastpath.publishes
    read = [0]
    while read[-1] < total:
        scene.plane.punted()
        read.append(scene.ask(Show(what="counters"))["ports"]["p0"]["control_truncated"])
        assert 0 < read[-1] - read[-2] <= BUDGET_MAX
    assert len(read) > 3
    assert scene.fastpath.publishes == before


def test_what_a_flood_left_behind_is_taken_with_rests() -> None:
    """Nothing is refused any more: the backlog must not hold a core of two for seconds."""
    refused = Refused()
    second = 1_000_000_000
    refused.news({3: 50}, Instant(second))
    refused.news({3: 50}, Instant(6 * second))
    assert refused.flooding
    refused.news({3: 50}, Instant(7 * second))
    assert not refused.flooding


def test_long_queue_of_a_port_within_its_rate_is_read_without_rests() -> None:
    """A rest would lose it what the engine can read in time."""
    scene = Scene().start()
    scene.fastpath.waiting += [Punted(0, b"", 0)] * BUDGET_MAX
    assert scene.plane.punted() == 0


def test_batch_is_as_long_as_it_takes_six_milliseconds() -> None:
    """Down at once when the machine is slow, up by a quarter at a time, within its bounds."""
    budget = Budget()
    assert budget.cost == 128
    budget.spent(128, 24_000_000)
    assert budget.cost == 32
    budget.spent(32, 2_000_000)
    assert budget.cost == 41
    budget.spent(1, 40_000)  # a single join says nothing of a flood
    assert budget.cost == 41
    budget.spent(1, 40_000_000)
    assert budget.cost == BUDGET_MIN
    for _ in range(100):
        budget.spent(budget.cost, 1)
    assert budget.cost == BUDGET_MAX


def test_refused_frames_are_news_once_in_ten_seconds() -> None:
    refused = Refused()
    second = 1_000_000_000
    assert refused.due(Instant(second))
    assert not refused.due(Instant(2 * second - 1))
    assert refused.due(Instant(2 * second))
    assert refused.news({}, Instant(second)) == {}
    assert refused.news({3: 50}, Instant(second)) == {3: 50}
    assert refused.news({3: 70, 4: 1}, Instant(2 * second)) == {4: 1}
    assert refused.news({3: 90, 4: 1}, Instant(11 * second)) == {3: 40}
    assert refused.flooding
    assert refused.news({3: 90, 4: 1}, Instant(30 * second)) == {}
    assert not refused.flooding


def test_a_port_over_its_rate_is_an_event() -> None:
    scene = Scene(port=[{"name": "p0", "igmp_rate": 9}, {"name": "p1"}]).start()
    listener = scene.events.listen(lambda item: item["event"] == "limit")
    scene.fastpath.counts[0] = {"rate_limited": 12}
    scene.join(1)
    [event] = asyncio.run(listener.next())
    assert event["port"] == "p0"
    assert event["dropped"] == 12
    assert event["reason"] == "igmp_rate, 9 records a second, reached"


def test_rate_and_burst_reach_the_fast_path_also_on_reload() -> None:
    scene = Scene().start()
    assert scene.fastpath.rates[1] == (20_000, 40_000)
    ports = [{"name": f"p{n}"} for n in range(4)]
    ports[1] |= {"igmp_rate": 10, "igmp_burst": 20}  # type: ignore[operator]  # a TOML table
    scene.configure(port=ports)
    assert scene.fastpath.rates[1] == (10, 20)
    assert scene.fastpath.rates[2] == (20_000, 40_000)


def test_nothing_is_published_when_nothing_changed() -> None:
    scene = Scene().start()
    scene.join(1)
    before = scene.fastpath.publishes
    scene.join(1)
    assert scene.fastpath.publishes == before


def test_start_publishes_states_policy_and_always_flood() -> None:
    """SNOOP-42 and SNOOP-32 are in place before the first frame."""
    scene = Scene(switch={"no_querier": "prune", "unregistered": "mrouters"}).start()
    assert scene.fastpath.states == dict.fromkeys(range(4), (True, 1500, True))
    assert scene.fastpath.floods == {address.parse("224.0.1.129")}
    assert scene.fastpath.vlans[0] == (True, 0, 0)
    # VLANs nobody has been heard in get the same policy.
    assert scene.fastpath.vlans[0xFFFF] == (True, 0, 0)


def test_our_queries_go_out_from_the_lowest_port_address() -> None:
    scene = Scene().start()
    assert scene.fastpath.injected
    assert {frame[6:12] for _, frame in scene.fastpath.injected} == {link("p0", 10).mac}


def test_a_port_that_cannot_be_opened_goes_down_alone() -> None:
    """A faulty port goes down alone and says so."""
    scene = Scene(refused={12: errno.ENOBUFS}).start()
    ports = scene.ports()
    assert ports["p2"]["state"] == "down"
    assert "cannot be opened: " in ports["p2"]["problem"]
    assert {name for name, row in ports.items() if row["state"] == "up"} == {"p0", "p1", "p3"}
    scene.fastpath.refused.clear()
    scene.plane.links_changed()
    assert scene.ports()["p2"]["state"] == "up"
    assert scene.ports()["p2"]["problem"] is None


def test_a_deleted_interface_is_missing_and_comes_back_under_a_new_index() -> None:
    """Deletion, and re-appearance of the same name, without a restart."""
    scene = Scene().start()
    scene.join(1)
    gone = scene.links.links.pop("p1")
    scene.plane.links_changed()
    assert scene.ports()["p1"]["state"] == "missing"
    assert scene.ports()["p1"]["ifindex"] is None
    assert scene.members() == set()
    assert (1, None) in scene.fastpath.flushed
    scene.links.links["p1"] = link("p1", 99)
    scene.plane.links_changed()
    assert scene.fastpath.opened[1] == 99 != gone.ifindex
    scene.join(1)
    assert scene.members() == {"p1"}


def test_an_interface_swapped_between_two_looks_loses_what_was_learned() -> None:
    """Deleted and made anew before we looked: another cable for all we know."""
    scene = Scene().start()
    scene.join(1)
    scene.links.links["p1"] = link("p1", 99)
    scene.plane.links_changed()
    assert scene.ports()["p1"]["state"] == "up"
    assert scene.members() == set()


def test_a_flap_of_one_port_leaves_the_others_members_alone() -> None:
    """SM-67."""
    scene = Scene().start()
    scene.join(1)
    scene.join(2)
    scene.links.links["p2"] = link("p2", 12, up=False)
    scene.plane.links_changed()
    assert scene.members() == {"p1"}
    assert scene.fastpath.states[2] == (False, 1500, True)
    scene.links.links["p2"] = link("p2", 12, mtu=9000)
    scene.plane.links_changed()
    assert scene.fastpath.states[2] == (True, 9000, True)
    assert scene.members() == {"p1"}


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"addresses": frozenset({"10.0.0.1"})}, "carries an address"),
        ({"master": 5}, "has a master"),
    ],
)
def test_a_port_somebody_else_uses_is_not_isolated(changes: dict[str, Any], why: str) -> None:
    """The host's stack stays on a port with addresses or a master; a warning, not an error."""
    scene = Scene()
    scene.links.links["p1"] = link("p1", 11, **changes)
    scene.start()
    assert scene.fastpath.isolated == {0: True, 1: False, 2: True, 3: True}
    assert why in scene.ports()["p1"]["problem"]
    assert scene.ports()["p1"]["state"] == "up"


def test_an_address_that_comes_or_goes_reopens_the_port_and_keeps_its_members() -> None:
    scene = Scene().start()
    scene.join(1)
    scene.links.links["p1"] = link("p1", 11, addresses=frozenset({"10.0.0.1"}))
    scene.plane.links_changed()
    assert scene.fastpath.isolated[1] is False
    assert "carries an address" in scene.ports()["p1"]["problem"]
    scene.links.links["p1"] = link("p1", 11)
    scene.plane.links_changed()
    assert scene.fastpath.isolated[1] is True
    assert scene.ports()["p1"]["problem"] is None
    assert scene.members() == {"p1"}
    assert scene.fastpath.states[1] == (True, 1500, True)


def test_a_link_local_address_alone_is_no_reason_not_to_isolate() -> None:
    scene = Scene()
    scene.links.links["p1"] = link("p1", 11, addresses=frozenset({"fe80::1"}))
    scene.start()
    assert scene.fastpath.isolated[1] is True


def test_reload_keeps_memberships_and_moves_ports() -> None:
    """Memberships survive a configuration reload."""
    scene = Scene().start()
    scene.join(1)
    scene.join(2)
    scene.links.links["p7"] = link("p7", 77)
    scene.configure(
        igmp={"querier": "on", "querier_address": "10.0.0.254", "query_interval": 60.0},
        port=[{"name": "p0"}, {"name": "p1", "mrouter": "always"}, {"name": "p3"}, {"name": "p7"}],
    )
    assert scene.members() == {"p1"}
    assert set(scene.ports()) == {"p0", "p1", "p3", "p7"}
    assert scene.ports()["p7"]["state"] == "up"
    # p7 got the id that p2 left; the row must not carry p2's membership over to it.
    assert scene.fastpath.rows[0, G, ANY] == 0b0010
    assert scene.fastpath.vlans[0][1] == 0b0010
    assert [row["query_interval"] for row in scene.ask(Show(what="querier"))["queriers"]] == [60.0]


def test_reload_of_socket_options_reopens_a_port_and_keeps_its_members() -> None:
    scene = Scene().start()
    scene.join(1)
    scene.configure(switch={"no_querier": "prune", "qdisc_bypass": False})
    assert scene.members() == {"p1"}
    assert scene.fastpath.states[1] == (True, 1500, True)
    assert scene.fastpath.rows[0, G, ANY] == 0b0010


def test_reload_moves_configured_statics_and_keeps_commanded_ones() -> None:
    statics = [{"group": "239.9.9.9", "ports": ["p1", "p2"]}]
    scene = Scene(static=statics).start()
    scene.ask(Static(add=True, group="239.8.8.8", port="p3"))
    assert scene.fastpath.rows[0, address.parse("239.9.9.9"), ANY] == 0b0110
    scene.configure(static=[{"group": "239.9.9.9", "ports": ["p2", "p3"]}])
    assert scene.fastpath.rows[0, address.parse("239.9.9.9"), ANY] == 0b1100
    assert scene.fastpath.rows[0, address.parse("239.8.8.8"), ANY] == 0b1000


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
        (Static(add=True, group="ff3e::1", port="p1"), "is not allowed", 2),
        (Mrouter(add=False, port="p1"), "p1 is no static router port", 1),
        (Mrouter(add=True, port="p1", family="ipv6"), "does not snoop MLD", 2),
        (Query(vlan=9), "nothing is known of vlan 9", 1),
        (Query(group="224.0.0.1"), "is not allowed", 2),
        (Clear(what="fdb", group="239.1.2.3"), "--port and --vlan", 2),
        (Clear(what="counters", vlan=3), "no filter but --port", 2),
        (Show(what="mdb", port="pp1"), 'did you mean "p1"?', 2),
        (Show(what="mdb", group="10.0.0.1"), "is not a multicast group", 2),
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
    sample = scene.answers.sample()
    assert sample.port_counters["p1"]["rx_frames"] == 9
    assert sample.port_counters["p1"]["rx_report_v3"] == 1


def test_balance_is_frames_less_verdicts() -> None:
    """Conservation."""
    scene = Scene().start()
    scene.fastpath.counts[1] = {"rx_frames": 9, "forward_group": 5, "no_member": 3}
    balance = scene.ask(Show(what="status"))["balance"]
    assert balance["p1"] == {"rx_frames": 9, "unbalanced": 1}
    assert balance["p0"] == {"rx_frames": 0, "unbalanced": 0}


def test_a_bug_met_by_a_frame_is_counted_and_the_next_frame_served(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nothing received from a peer ends the switch, not even by a mistake of ours."""
    scene = Scene().start()
    engine = scene.plane.engine
    assert engine is not None
    whole = engine.receive

    def receive(*, port: int, frame: bytes, now: Any) -> Any:
        if frame == b"poison":
            raise IndexError("ours")
        return whole(port=port, frame=frame, now=now)

    monkeypatch.setattr(engine, "receive", receive)
    scene.fastpath.waiting.append(Punted(1, b"poison", 0))
    scene.join(1)
    assert scene.members() == {"p1"}
    assert scene.ask(Show(what="counters"))["counters"]["internal_errors"] == 1


def test_a_frame_of_a_port_just_removed_is_dropped() -> None:
    scene = Scene().start()
    scene.configure(port=[{"name": "p0"}, {"name": "p1"}])
    scene.join(3)
    assert scene.members() == set()


def test_events_carry_port_names_and_the_capture_says_what_was_decided() -> None:
    async def run() -> tuple[list[Any], list[Any]]:
        scene = Scene().start()
        events = scene.events.listen(lambda item: item["event"] == "join")
        frames = scene.captures.listen(lambda item: True)
        scene.join(1)
        return await events.next(), await frames.next()

    events, frames = asyncio.run(run())
    assert (events[0]["event"], events[0]["port"], events[0]["group"]) == (
        "join",
        "p1",
        "239.1.2.3",
    )
    came = [frame for frame in frames if frame["direction"] == "in"]
    assert came[0]["port"] == "p1"
    assert "join" in came[0]["comment"]
    assert "239.1.2.3" in came[0]["comment"]


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


def test_large_tables_are_made_a_part_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Frames and timers come in between, and the rows are those of one go, in their order."""
    scene = Scene().start()
    groups = [address.mapped(bytes((239, 1, n >> 8, n & 255))) for n in range(300)]
    for start in range(0, 300, 100):
        scene.report(1, *(Record(RecordType.TO_EX, g, ()) for g in groups[start : start + 100]))
    monkeypatch.setattr("snoop.control.answers.PART_NS", 0)
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async def ask() -> object:
        beside = asyncio.ensure_future(count())
        answer = await scene.answers.answer(Show(what="mdb"))
        beside.cancel()
        return msgspec.json.decode(requests.encode(answer))

    shown: Any = asyncio.run(ask())
    assert [row["group"] for row in shown["mdb"]] == [address.text(group) for group in groups]
    assert turns >= 300 // 8
