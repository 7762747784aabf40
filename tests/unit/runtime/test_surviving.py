"""A plane that another process goes on with, by nothing but bytes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from snoop.control.requests import Clear, Events, Mrouter, PortAdd, PortSet, Show, Static
from snoop.control.statistics import ClearedState
from snoop.daemon import surviving
from snoop.daemon.surviving import SwitchState
from snoop.proto.dumping import BadState
from snoop.proto.units import Instant
from snoop.runtime import clock, saved
from snoop.runtime.surviving import CountedState, HeldState, KnownState, OwnState, PlaneState
from snoop.table.seen import FdbEntry
from snoop.wire.address import parse
from unit.fake_fastpath import link
from unit.proto import test_announced
from unit.scene import Scene

SHOWN = ("mdb", "hosts", "mrouters", "querier", "counters")
COUNTS: Mapping[int, Mapping[str, int]] = {
    1: {"forward_group": 40, "rx_frames": 40, "tx_frames": 7},
    2: {"no_member": 3, "rx_frames": 3},
}


@pytest.fixture(autouse=True)
def still(monkeypatch: pytest.MonkeyPatch) -> None:
    """No timer runs out between the two, however slow the machine is."""
    now = clock.now()
    monkeypatch.setattr(clock, "now", lambda: now)


def lived() -> Scene:
    """A switch with something of everything."""
    scene = Scene(static=[{"group": "239.7.7.7", "ports": ["p3"]}]).start()
    scene.fastpath.counts = {port: dict(counts) for port, counts in COUNTS.items()}
    scene.join(1)
    scene.ask(Static(add=True, group="239.9.9.9", port="p2"))
    scene.ask(Mrouter(add=True, port="p0"))
    scene.ask(PortSet(port="p2", options=["fast_leave=on", "description=Studio"]))
    return scene


def state_of(scene: Scene, **changes: Any) -> SwitchState:
    """What is left of it, having been bytes."""
    taken = surviving.take("sw0", scene.settings, scene.plane, scene.answers.counters)
    data = saved.pack(taken._replace(**changes))
    return surviving.opened(data, "sw0")


def after(scene: Scene, state: SwitchState, **tables: Any) -> Scene:
    """The switch that another process makes of it."""
    other = Scene(**({"static": scene.raw.get("static", [])} | tables))
    other.links = scene.links
    return other.start(state)


def test_all_that_was_shown_is_shown_again() -> None:
    scene = lived()
    other = after(scene, state_of(scene))
    assert other.plane.refused is None
    for what in SHOWN:
        before, now = scene.ask(Show(what=what)), other.ask(Show(what=what))
        assert timeless(now) == timeless(before), what
    assert other.fastpath.rows == scene.fastpath.rows
    assert other.fastpath.vlans == scene.fastpath.vlans
    before, now = scene.ask(Events(last=100)), other.ask(Events(last=100))
    assert now["events"][: len(before["events"])] == before["events"]
    assert other.ports()["p2"]["fast_leave"] == "on"
    assert other.ports()["p2"]["description"] == "Studio"
    assert other.plane.started == scene.plane.started


def timeless(value: Any) -> Any:
    """Without what the clock moves, and what was observed of hosts, which begins anew."""
    if isinstance(value, dict):
        kept = value.keys() - {"timer", "uptime", "group_timer"}
        kept -= {"version", "first_heard", "last_heard", "unanswered"}
        return {key: timeless(value[key]) for key in kept}
    return [timeless(one) for one in value] if isinstance(value, list) else value


def test_nothing_is_asked_and_no_port_is_said_to_come_up() -> None:
    """Hosts and routers notice nothing of it."""
    scene = lived()
    other = after(scene, state_of(scene))
    assert other.fastpath.injected == []
    lines = other.plane.history.lines()[len(scene.plane.history.lines()) :]
    assert all(b'"event":"neighbour"' in line for line in lines), "who takes runs is found out anew"


def test_pruning_goes_on_from_the_first_frame() -> None:
    """Also where there is more than one publish takes."""
    scene = lived()
    other = after(scene, state_of(scene))
    assert other.fastpath.vlans[0][0]
    assert other.plane.next_deadline() != Instant(1)


def test_numbers_go_on_and_add_up() -> None:
    """They were read while they moved: frames are what verdicts add up to."""
    scene = lived()
    scene.fastpath.counts[1]["rx_frames"] += 1
    other = after(scene, state_of(scene))
    other.fastpath.counts = {1: {"forward_group": 2, "rx_frames": 2}}
    counters = other.ask(Show(what="counters"))["ports"]["p1"]
    assert (counters["forward_group"], counters["tx_frames"]) == (42, 7)
    assert counters["rx_frames"] == 42
    scene = lived()
    scene.ask(Clear(what="counters"))
    cleared = after(scene, state_of(scene)).ask(Show(what="counters"))
    assert cleared["ports"]["p1"]["forward_group"] == 0
    assert cleared["counters"]["forward_group"] == 0


def test_addresses_are_known_again_but_for_those_of_others() -> None:
    scene = lived()
    state = state_of(scene)
    other = after(scene, state)
    ((vlan, mac, port, age),) = ((e.vlan, e.mac, e.port, e.age_ns) for e in other.fastpath.learned)
    assert (vlan, mac, port) == (0, b"\x02\0\0\0\0\x07", 1)
    assert age == 1_500_000_000
    scene.links.links["p1"] = link("p1", 99)
    assert after(scene, state).fastpath.learned == []


def test_a_port_that_is_another_interface_now_is_asked_and_empty() -> None:
    scene = lived()
    state = state_of(scene)
    scene.links.links["p1"] = link("p1", 99)
    other = after(scene, state)
    assert other.members() == {"p2", "p3"}
    assert [ports for ports, _ in other.fastpath.injected if ports == 0b10]


def test_a_port_that_is_down_now_has_no_members() -> None:
    scene = lived()
    state = state_of(scene)
    scene.links.links["p1"] = link("p1", 11, up=False)
    other = after(scene, state)
    assert other.members() == {"p2", "p3"}
    assert other.fastpath.learned == []


def test_ports_have_their_state_by_name() -> None:
    """A file that lists them otherwise gives them other numbers."""
    scene = lived()
    other = after(scene, state_of(scene), port=[{"name": f"p{n}"} for n in (3, 2, 1)])
    assert other.members() == {"p1", "p2", "p3"}
    assert other.plane.ports.named("p1").id == 2
    assert other.ask(Show(what="counters"))["ports"]["p1"]["tx_frames"] == 7
    assert other.ask(Show(what="mrouters"))["mrouters"] == []
    assert [entry.port for entry in other.fastpath.learned] == [2]


def test_what_the_file_no_longer_says_is_taken_back_and_no_more() -> None:
    scene = lived()
    other = after(scene, state_of(scene), static=[])
    rows = other.ask(Show(what="mdb"))["mdb"]
    assert {row["group"] for row in rows} == {"239.1.2.3", "239.9.9.9"}


def test_ports_of_commands_are_ports_again(caplog: pytest.LogCaptureFixture) -> None:
    scene = lived()
    scene.links.links["p9"] = link("p9", 19)
    scene.ask(PortAdd(port="p9,mrouter=never"))
    scene.join(4)
    other = after(scene, state_of(scene))
    assert other.members() == {"p1", "p2", "p3", "p9"}
    assert other.ports()["p9"]["mrouter"] == "never"
    assert not [record for record in caplog.records if record.name == "snoop.state"]
    assert other.settings.giver("p9") == "command"


def test_commands_that_go_with_the_file_no_more_are_left_out(
    caplog: pytest.LogCaptureFixture,
) -> None:
    scene = Scene(switch={"vlan_filtering": True}).start()
    scene.ask(PortSet(port="p2", options=["access=7"]))
    scene.ask(PortSet(port="p1", options=["mrouter=never"]))
    other = after(scene, state_of(scene), switch={})
    (record,) = (record for record in caplog.records if record.name == "snoop.state")
    assert "`snoop port set p2`" in record.getMessage()
    assert "access" in record.getMessage()
    assert other.ports()["p1"]["mrouter"] == "never"


@pytest.mark.parametrize(
    ("change", "because"),
    [
        ({"boot": "another"}, "before this machine was started"),
        ({"namespace": 1}, "another network namespace"),
        ({"switch": "sw9"}, 'the switch "sw9"'),
        ({"taken": Instant(1 << 62)}, "later than now"),
    ],
)
def test_state_of_another_is_refused(change: dict[str, Any], because: str) -> None:
    with pytest.raises(BadState, match=because):
        state_of(lived(), **change)


NONSENSE: tuple[dict[str, Any], ...] = (
    {"own": OwnState(Instant(1), b"\x02", 0)},
    {"own": OwnState(Instant(1 << 62), bytes(6), 0)},
    {"own": OwnState(Instant(1), bytes(6), -1)},
    {"gone": {"rx_frames": -1}},
    {"ports": (CountedState("p1", 11, {"rx_frames": 1 << 63}),)},
    {"ports": (CountedState("p1", 11, {}),) * 257},
    {"ports": (CountedState("p1", 11, {}, "", -1),)},
    {"fdb": (KnownState(0, b"\x02", "p1", Instant(1)),)},
    {"fdb": (KnownState(4096, bytes(6), "p1", Instant(1)),)},
    {"fdb": (KnownState(0, bytes(6), "p1", Instant(-5)),)},
    {"held": (HeldState("p1", "p2", 4096),)},
    {"held": (HeldState("p1", "p2", 0),) * 257},
)


@pytest.mark.parametrize("change", NONSENSE, ids=str)
def test_nonsense_is_refused_whole(change: dict[str, Any]) -> None:
    scene = lived()
    state = state_of(scene)
    other = after(scene, state._replace(plane=state.plane._replace(**change)))
    assert other.plane.refused is not None
    assert other.members() == {"p3"}, "begun anew, with what the file says"
    assert other.ask(Show(what="counters"))["ports"]["p1"]["tx_frames"] == 0


def test_an_engine_that_cannot_be_is_refused_whole() -> None:
    scene = lived()
    state = state_of(scene)
    engine = state.plane.engine._replace(timers=0)
    other = after(scene, state._replace(plane=state.plane._replace(engine=engine)))
    assert other.plane.refused is not None
    assert other.members() == {"p3"}
    assert other.plane.history.lines() != scene.plane.history.lines()


def test_an_address_learned_is_an_entry() -> None:
    """What the fake fast path has is what `fdb` has."""
    state: PlaneState = lived().plane.gather()()
    assert [known.port for known in state.fdb] == ["p1"]
    assert FdbEntry(0, state.fdb[0].mac, 1, 0).mac == b"\x02\0\0\0\0\x07"
    assert isinstance(lived().answers.counters.dump(), ClearedState)


@pytest.mark.parametrize("reads", [True, False])
def test_what_senders_call_their_groups_is_known_again(reads: bool) -> None:
    """Some say it every five minutes; not where the file says now that nobody reads it."""
    scene = lived()
    group = parse(test_announced.GROUP)
    frame = test_announced.frame(test_announced.description("Music"))
    scene.plane.names.announced.receive(port=1, vid=0, frame=frame, now=clock.now())
    other = after(scene, state_of(scene), switch={"announced_names": reads})
    assert other.plane.refused is None
    assert other.plane.names.of(0, group).announced == ("Music" if reads else None)
