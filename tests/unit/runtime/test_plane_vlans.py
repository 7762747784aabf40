"""What the plane tells the fast path of VLANs and split horizons: as configured, all at once."""

from typing import Any

from snoop.table.members import ALL_PORTS, VLAN_DEFAULT
from unit.scene import Scene

FILTERING = {"no_querier": "prune", "vlan_filtering": True}


def ports(**of: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"name": f"p{n}"} | of.get(f"p{n}", {}) for n in range(4)]


def test_switch_that_does_not_filter_keeps_nobody_out() -> None:
    table = Scene().start().fastpath.table
    assert table.members == {VLAN_DEFAULT: ALL_PORTS}
    assert table.pvids == {}


def test_ports_are_in_their_vlans_whether_or_not_anybody_asks_there() -> None:
    """VLAN-3; the default is access = 1, and in all other VLANs is nobody."""
    trunk = {"trunk": [10, "20-21"], "native": 1}
    scene = Scene(
        switch=FILTERING,
        igmp={"querier": "off"},
        port=ports(p1={"access": 10}, p2=trunk, p3={"trunk": [20]}),
    ).start()
    table = scene.fastpath.table
    assert table.members == {VLAN_DEFAULT: 0, 1: 0b101, 10: 0b110, 20: 0b1100, 21: 0b100}
    assert table.pvids == {0: 1, 1: 10, 2: 1, 3: 0}


def test_reload_publishes_ports_and_members_in_one_step() -> None:
    scene = Scene(switch=FILTERING, port=ports(p1={"access": 10})).start()
    seen: list[tuple[dict[int, int], dict[int, int]]] = []
    publish = scene.fastpath.publish

    def watched(delta: Any) -> None:
        publish(delta)
        seen.append((dict(scene.fastpath.table.members), dict(scene.fastpath.table.pvids)))

    scene.fastpath.publish = watched  # type: ignore[method-assign]
    scene.configure(port=ports(p1={"access": 20}))
    members, pvids = seen[0]
    assert members == {VLAN_DEFAULT: 0, 1: 0b1101, 20: 0b10}
    assert pvids[1] == 20
    scene.configure(switch={"no_querier": "prune"}, port=ports())
    assert scene.fastpath.table.members == {VLAN_DEFAULT: ALL_PORTS}
    assert scene.fastpath.table.pvids == {}


def test_ports_of_one_name_share_a_horizon_for_as_long_as_they_have_it() -> None:
    """No number is another name's while a port has it."""
    mesh, other = {"split_horizon": "mesh"}, {"split_horizon": "other"}
    scene = Scene(port=ports(p0=mesh, p1=mesh, p2=other)).start()
    horizons = scene.fastpath.table.horizons
    assert horizons[0] == horizons[1] != 0
    assert horizons[2] not in (0, horizons[0])
    assert horizons[3] == 0
    scene.configure(port=ports(p1=mesh, p2={"split_horizon": "third"}, p3=other))
    assert len({horizons[1], horizons[2], horizons[3], 0}) == 4
    assert horizons[0] == 0
