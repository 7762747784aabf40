"""What a port refuses for its VLAN counts from when it came into the VLANs that it is in."""

from __future__ import annotations

from typing import Any

from snoop.control.requests import Clear
from unit.runtime.test_surviving import after, state_of
from unit.scene import Scene


def tables(access: int) -> dict[str, Any]:
    ports = [{"name": "p0", "access": access}, {"name": "p1"}]
    return {"switch": {"vlan_filtering": True}, "port": ports}


def refused(scene: Scene, frames: int) -> int:
    """So many in all; how many are shown."""
    scene.fastpath.counts = {0: {"vlan_filtered": frames, "rx_frames": frames}}
    return int(scene.ports()["p0"]["vlan_filtered"])


def test_in_other_vlans_it_begins_anew_and_of_the_last_frames_judged_by_the_former() -> None:
    scene = Scene(**tables(10)).start()
    assert refused(scene, 5) == 5
    scene.configure(**tables(10))
    assert refused(scene, 6) == 6
    scene.configure(**tables(20))
    assert refused(scene, 7) == 0
    scene.plane.look()
    assert refused(scene, 9) == 2
    scene.plane.look()
    assert refused(scene, 10) == 3
    scene.ask(Clear(what="counters"))
    assert refused(scene, 11) == 1


def test_it_goes_on_in_another_process_where_the_vlans_are_the_same() -> None:
    scene = Scene(**tables(10)).start()
    refused(scene, 5)
    scene.configure(**tables(20))
    scene.plane.look()
    assert refused(scene, 9) == 4
    state = state_of(scene)
    other = after(scene, state, **tables(20))
    assert (other.plane.refused, refused(other, 1)) == (None, 5)
    moved = after(scene, state, **tables(30))
    assert refused(moved, 1) == 0
    moved.plane.look()
    assert refused(moved, 3) == 2
