"""The guard in a plane: topology changes followed, and ports that stay held in another process."""

from __future__ import annotations

import pytest

from snoop.control.requests import Events
from snoop.daemon import surviving
from snoop.daemon.surviving import SwitchState
from snoop.proto.units import SECOND, Instant
from snoop.runtime import clock, saved
from snoop.runtime.guard import VLANS_MAX
from snoop.table.seen import FdbEntry, Punted
from snoop.wire import probe
from snoop.wire.probe import Probe
from unit.scene import Scene

CHANGE = bytes.fromhex("0180c2000000 020000000001 0007 424203 0000 00 80")


class Time:
    """A clock that a test moves."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = clock.now()
        monkeypatch.setattr(clock, "now", lambda: self.now)

    def passes(self, seconds: float) -> None:
        self.now = Instant(self.now + round(seconds * SECOND))


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    return Time(monkeypatch)


def comes_in(scene: Scene, port: int, frame: bytes) -> None:
    scene.fastpath.waiting.append(Punted(port, 0, frame, 0))
    scene.plane.punted()


def queries(scene: Scene) -> int:
    """How many went out since the last time."""
    sent = [frame for _, frame in scene.fastpath.injected if not probe.is_one(frame)]
    scene.fastpath.injected.clear()
    return len(sent)


def looped(scene: Scene) -> None:
    """A probe of p1 comes in at p2, the higher one."""
    scene.plane.look()
    (sent,) = [
        frame for ports, frame in scene.fastpath.injected if ports == 1 << 1 and probe.is_one(frame)
    ][-1:]
    comes_in(scene, 2, sent)


def held(scene: Scene) -> dict[str, str | None]:
    return {name: row["loop_with"] for name, row in scene.ports().items() if row["loop"]}


def test_a_change_asks_hosts_and_forgets_who_is_silent(time: Time) -> None:
    """SNOOP-12: at once; addresses of the port that told stay."""
    scene = Scene().start()
    queries(scene)
    comes_in(scene, 2, CHANGE)
    assert queries(scene) == 1
    assert scene.fastpath.aged == [(SECOND, 2)]
    (event,) = scene.ask(Events(last=9, types=("topology",)))["events"]
    assert (event["port"], event["forgotten"]) == ("p2", 0)


def test_another_switch_that_has_let_a_port_go_is_a_change(time: Time) -> None:
    """LOOP-8"""
    scene = Scene().start()
    queries(scene)
    for changes in (7, 7, 8):
        assert scene.fastpath.aged == []
        one = Probe(b"another!", 0, 0, bytes(15) + bytes((changes,)), "", (), changes)
        comes_in(scene, 2, probe.build(one, b"\x02\0\0\0\0\x01"))
    assert scene.fastpath.aged == [(SECOND, 2)]
    assert queries(scene) == 1


def test_a_host_that_tells_of_changes_all_the_time_is_asked_little(time: Time) -> None:
    """SNOOP-12: the first, then after 10, 20, 40 s."""
    scene = Scene().start()
    for _ in range(4 * 60):
        for _ in range(20):
            comes_in(scene, 1, CHANGE)
        time.passes(0.25)
        scene.plane.look()
    assert len(scene.fastpath.aged) == 3


def test_a_port_that_is_held_is_held_by_the_next_process(time: Time) -> None:
    """LOOP-3, 4: from the first publish on, and let go when no probe comes back."""
    scene = Scene().start()
    looped(scene)
    assert held(scene) == {"p2": "p1"}
    data = saved.pack(surviving.take("sw0", scene.settings, scene.plane, scene.answers.counters))
    state: SwitchState = surviving.opened(data, "sw0")
    assert state.plane.held == (("p2", "p1", 0),)
    other = Scene()
    other.links = scene.links
    other.start(state)
    assert held(other) == {"p2": "p1"}
    assert other.fastpath.table.up == 0b1011
    assert not [ports for ports, frame in other.fastpath.injected if ports & 0b100]
    for _ in range(3):
        time.passes(1.0)
        other.plane.look()
        assert held(other) == {"p2": "p1"}
    time.passes(1.0)
    other.plane.look()
    assert held(other) == {}
    assert other.fastpath.table.up == 0b1111


def test_a_hold_of_a_port_that_there_is_no_more_is_forgotten(time: Time) -> None:
    scene = Scene().start()
    looped(scene)
    state = scene.plane.gather()()
    assert [one.port for one in state.held] == ["p2"]
    taken = surviving.take("sw0", scene.settings, scene.plane, scene.answers.counters)
    for gone in ("p1", "p2"):
        other = Scene(port=[{"name": f"p{n}"} for n in range(4) if f"p{n}" != gone])
        other.links = scene.links
        other.start(surviving.opened(saved.pack(taken), "sw0"))
        assert held(other) == {}


def test_a_probe_of_ours_is_a_probe() -> None:
    scene = Scene().start()
    scene.plane.look()
    frame = [frame for ports, frame in scene.fastpath.injected if ports == 1][-1]
    sent = probe.parse(frame)
    assert sent is not None
    assert (sent.port, sent.vid, sent.label) == (0, 0, "sw0 p0")


def trunks(*, vlans: str) -> Scene:
    """p1 is in these VLANs, the others in 7 alone."""
    ports: list[dict[str, object]] = [{"name": f"p{n}", "access": 7} for n in range(4)]
    ports[1] = {"name": "p1", "trunk": [vlans]}
    return Scene(switch={"vlan_filtering": True}, port=ports).start()


def probed(scene: Scene, port: int) -> dict[int, bytes]:
    """The probe of each VLAN that went out by a port since the last time."""
    scene.plane.look()
    sent = [frame[:12] + frame[16:] for to, frame in scene.fastpath.injected if to == 1 << port]
    scene.fastpath.injected.clear()
    found = [(probe.parse(frame), frame) for frame in sent if probe.is_one(frame)]
    return {one.vid: frame for one, frame in found if one is not None}


def test_a_trunk_is_probed_in_all_its_vlans_by_turns(time: Time) -> None:
    """LOOP-1."""
    scene = trunks(vlans="100-199")
    seen: set[int] = set()
    for _ in range(7):
        vids = set(probed(scene, 1))
        assert len(vids) <= VLANS_MAX
        seen |= vids
        time.passes(1.0)
    assert seen == set(range(100, 200))


def test_a_loop_in_one_of_many_vlans_is_found_by_what_comes_round_in_it(time: Time) -> None:
    """LOOP-1, F-12: addresses that two ports claim there."""
    scene = trunks(vlans="100-3000")
    probed(scene, 1)
    time.passes(1.0)
    scene.fastpath.disputed.append(
        FdbEntry(vlan=2900, mac=bytes(6), port=0, age_ns=0, rival=1, claimed_ns=0)
    )
    assert 2900 in probed(scene, 1)
    time.passes(1.0)
    assert 2900 not in probed(scene, 1), "it is told of no more"


def test_a_loop_in_one_of_many_vlans_is_seen_for_as_long_as_it_is_there(time: Time) -> None:
    """LOOP-4: though the turn of its VLAN comes once in three minutes."""
    scene = trunks(vlans="100-3000")
    (vid, sent), *_ = probed(scene, 1).items()
    scene.fastpath.waiting.append(Punted(1, vid, sent, 0))
    scene.plane.punted()
    assert held(scene) == {"p1": "p1"}
    for _ in range(20):
        time.passes(1.0)
        scene.fastpath.waiting.append(Punted(1, vid, probed(scene, 1)[vid], 0))
        scene.plane.punted()
        assert held(scene) == {"p1": "p1"}
    for _ in range(5):
        time.passes(1.0)
        scene.plane.look()
    assert held(scene) == {}
