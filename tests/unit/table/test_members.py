"""Who is in which VLAN, compiled from what ports are said to be in, and staged for publishing."""

from snoop.proto.vlans import access, trunk
from snoop.table.mdb import Mdb
from snoop.table.members import EVERYBODY, VLAN_DEFAULT, Members, compile_members


def test_members_have_the_vlan_tagged_or_without_and_nobody_is_in_others() -> None:
    """VLAN-3, VLAN-5."""
    ports = {0: access(10), 1: access(20), 2: trunk([10, 30], native=1), 5: trunk([10, 30])}
    assert compile_members(ports) == [
        Members(VLAN_DEFAULT, 0),
        Members(1, 0b100, 0b100),
        Members(10, 0b100101, 0b1),
        Members(20, 0b10, 0b10),
        Members(30, 0b100100),
    ]
    assert compile_members({}) == [Members(VLAN_DEFAULT, 0)]


def test_only_vlans_that_changed_are_published() -> None:
    mdb = Mdb()
    mdb.set_members(EVERYBODY)
    assert mdb.staged().members == EVERYBODY
    mdb.published()
    mdb.set_members(EVERYBODY)
    assert not mdb.staged()
    mdb.set_members(compile_members({0: access(10), 1: access(20)}))
    mdb.published()
    mdb.set_members(compile_members({0: access(10), 1: trunk([30])}))
    delta = mdb.staged()
    assert (delta.members, delta.member_deletes) == ((Members(30, 0b10),), (20,))
    assert delta
    mdb.set_members(compile_members({0: access(10), 1: access(20)}))
    assert not mdb.staged()
