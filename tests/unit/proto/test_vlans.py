"""VLANs of a port: which it is in, which it has with a tag."""

from snoop.proto.vlans import VID_MAX, access, trunk


def test_an_access_port_has_one_vlan_without_tags() -> None:
    port = access(10)
    assert list(port.vids()) == [10]
    assert port.has(10)
    assert not port.has(11)
    assert not port.has(0)
    assert port.pvid == 10
    assert port.tagged == 0


def test_a_trunk_has_its_vlans_with_tags() -> None:
    port = trunk([10, *range(20, 23), VID_MAX])
    assert list(port.vids()) == [10, 20, 21, 22, VID_MAX]
    assert not port.has(0)
    assert not port.has(19)
    assert not port.pvid


def test_its_native_vlan_has_none() -> None:
    port = trunk([1, 10], native=1)
    assert list(port.vids()) == [1, 10]
    assert port.pvid == 1
    assert port.tagged == 1 << 10
