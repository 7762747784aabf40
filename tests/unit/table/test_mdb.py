"""The table compiler: what rows a view becomes, and that a publish costs what changed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from snoop.proto.params import Params, PortParams, Unregistered
from snoop.proto.views import FilterMode, GroupView, PortMembership, VlanView
from snoop.table.mdb import (
    ALL_PORTS,
    Delta,
    Mdb,
    Row,
    VlanRow,
    compile_group,
    compile_vlan,
)
from snoop.wire.address import ANY, Family, parse

G = parse("239.1.2.3")
SOURCES = [parse(f"192.0.2.{n}") for n in range(1, 5)]
A, B, C, D = SOURCES


def member(port: int, mode: str = "include", *, forwarding=(), blocked=(), any_=False, static=()):
    return PortMembership(
        port=port,
        filter_mode=FilterMode(mode),
        forwarding=frozenset(forwarding),
        blocked=frozenset(blocked),
        static_any=any_,
        static_sources=frozenset(static),
    )


def view(*members: PortMembership) -> GroupView:
    return GroupView(vid=0, group=G, members=members)


def test_unregistered_group_has_no_rows() -> None:
    assert compile_group(None) == {}


def test_tombstone_is_registered_and_wanted_by_no_port() -> None:
    """SM-69, SNOOP-33."""
    assert compile_group(view()) == {ANY: 0}


def test_include_members_are_in_their_sources_rows_only() -> None:
    """SNOOP-33: another source of the group still meets the ANY row."""
    assert compile_group(view(member(1, forwarding=[A]))) == {ANY: 0, A: 1 << 1}


def test_blocked_source_has_a_row_without_the_port() -> None:
    rows = compile_group(view(member(1, "exclude", blocked=[A]), member(2, "exclude")))
    assert rows == {ANY: 0b110, A: 0b100}


def test_running_sources_of_exclude_need_no_row() -> None:
    """X is forwarded like everything else that is not blocked."""
    assert compile_group(view(member(1, "exclude", forwarding=[A]))) == {ANY: 0b10}


def test_each_source_row_holds_the_union_of_the_ports_wants() -> None:
    """Idea 72: SNOOP-37, SM-60."""
    rows = compile_group(view(member(1, forwarding=[A]), member(2, "exclude", blocked=[A])))
    assert rows == {ANY: 0b100, A: 0b010}


def test_static_any_outdoes_a_blocked_source() -> None:
    rows = compile_group(view(member(1, "exclude", blocked=[A], any_=True)))
    assert rows == {ANY: 0b10}


def test_static_source_adds_to_include_and_outdoes_a_block() -> None:
    assert compile_group(view(member(1, static=[A]))) == {ANY: 0, A: 0b10}
    assert compile_group(view(member(1, "exclude", blocked=[A], static=[A]))) == {ANY: 0b10}


def wants(m: PortMembership, source: bytes) -> bool:
    """Whether one port wants a source, spelled from spec 3.1."""
    if m.static_any or source in m.static_sources:
        return True
    if m.filter_mode is FilterMode.INCLUDE:
        return source in m.forwarding
    return source not in m.blocked


some_sources = st.frozensets(st.sampled_from(SOURCES))
memberships = st.builds(
    PortMembership,
    port=st.integers(0, 255),
    filter_mode=st.sampled_from(FilterMode),
    forwarding=some_sources,
    blocked=some_sources,
    static_any=st.booleans(),
    static_sources=some_sources,
)


@given(st.lists(memberships, max_size=6, unique_by=lambda m: m.port))
def test_rows_say_for_every_port_and_source_what_the_view_says(members) -> None:
    rows = compile_group(view(*members))
    assert ANY in rows
    for source in [*SOURCES, parse("198.51.100.1")]:
        ports = rows.get(source, rows[ANY])
        assert ports == sum(1 << m.port for m in members if wants(m, source))
    assert all(rows[source] != rows[ANY] for source in rows if source != ANY)


# VLANs -------------------------------------------------------------------------------------------

MROUTERS = 0b1
VLAN = VlanView(vid=0, family=Family.IPV4, active=True, mrouters=MROUTERS)


def ports(**flood: bool | None) -> dict[int, PortParams]:
    return {
        int(name[1:]): PortParams(name=name, flood_unregistered=choice)
        for name, choice in flood.items()
    }


@pytest.mark.parametrize(
    ("policy", "unregistered", "to_mrouters"),
    [
        (Unregistered.FLOOD, ALL_PORTS & ~(1 << 3), True),
        (Unregistered.MROUTERS, 1 << 4, True),
        (Unregistered.DROP, 1 << 4, False),
    ],
)
def test_policy_and_the_ports_own_word(policy, unregistered, to_mrouters) -> None:
    """Idea 95: SNOOP-32 with the per-port override: p3 never, p4 always, p5 as the switch."""
    row = compile_vlan(VLAN, Params(unregistered=policy), ports(p3=False, p4=True, p5=None))
    assert row == VlanRow(0, Family.IPV4, True, MROUTERS, unregistered, to_mrouters)


# The difference ----------------------------------------------------------------------------------


def take(mdb: Mdb) -> Delta:
    """What a publish that succeeds takes."""
    delta = mdb.staged()
    mdb.published()
    return delta


def test_what_is_not_published_stays_staged() -> None:
    """A publish that fails loses nothing."""
    mdb = Mdb()
    mdb.set_group(0, G, {ANY: 1})
    assert mdb.staged() == mdb.staged() != Delta()
    assert mdb.rows == 0
    mdb.set_group(0, G, {ANY: 3})
    assert take(mdb) == Delta(upserts=(Row(0, G, ANY, 3),))
    mdb.set_group(0, G, {})
    assert mdb.staged().deletes == ((0, G, ANY),)
    mdb.set_group(0, G, {ANY: 3})
    assert not mdb.staged()


def test_take_returns_only_what_differs() -> None:
    mdb = Mdb()
    mdb.set_group(0, G, {ANY: 1, A: 2})
    assert take(mdb) == Delta(upserts=(Row(0, G, ANY, 1), Row(0, G, A, 2)))
    assert mdb.rows == 2
    mdb.set_group(0, G, {ANY: 1, B: 4})
    assert take(mdb) == Delta(upserts=(Row(0, G, B, 4),), deletes=((0, G, A),))
    mdb.set_group(0, G, {})
    delta = take(mdb)
    assert set(delta.deletes) == {(0, G, ANY), (0, G, B)}
    assert mdb.rows == 0
    assert not take(mdb)


def test_a_flap_within_a_batch_publishes_nothing() -> None:
    mdb = Mdb()
    mdb.set_group(0, G, {ANY: 1})
    take(mdb)
    mdb.set_group(0, G, {ANY: 3})
    mdb.set_group(0, G, {ANY: 1})
    assert not take(mdb)
    mdb.set_group(10, G, {ANY: 1})
    mdb.set_group(10, G, {})
    assert not take(mdb)


def test_groups_of_different_vlans_are_different_groups() -> None:
    """VLAN-1."""
    mdb = Mdb()
    mdb.set_group(10, G, {ANY: 1})
    mdb.set_group(20, G, {ANY: 2})
    take(mdb)
    mdb.set_group(10, G, {})
    assert take(mdb) == Delta(deletes=((10, G, ANY),))


def test_vlans_and_floods_come_and_go() -> None:
    mdb = Mdb()
    row = VlanRow(5, Family.IPV4, True, 1, 3)
    mdb.set_vlan(row)
    mdb.set_floods([(G, 128)])
    assert take(mdb) == Delta(vlans=(row,), floods=((G, 128),))
    mdb.set_vlan(row)
    mdb.set_floods([(G, 128)])
    assert not take(mdb)
    mdb.remove_vlan(5, Family.IPV4)
    mdb.set_floods([])
    assert take(mdb) == Delta(vlan_deletes=((5, Family.IPV4),), flood_deletes=((G, 128),))


changes = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.dictionaries(st.sampled_from([A, B, C]), st.integers(0, 3)).map(
            lambda rows: rows and {ANY: 7, **rows}
        ),
        st.booleans(),
    ),
    max_size=20,
)


@given(changes)
def test_deltas_add_up_to_what_was_set(steps) -> None:
    """Applied one after the other the deltas give the rows."""
    mdb, applied, wanted = Mdb(), {}, {}
    for number, rows, publish in steps:
        group = parse(f"239.0.0.{number}")
        mdb.set_group(0, group, rows)
        wanted[group] = rows
        if publish:
            absorb(applied, take(mdb))
    absorb(applied, take(mdb))
    assert applied == {(g, s): p for g, rows in wanted.items() for s, p in rows.items()}
    assert mdb.rows == len(applied)


def absorb(table: dict, delta: Delta) -> None:
    for _, group, source in delta.deletes:
        del table[group, source]
    for row in delta.upserts:
        table[row.group, row.source] = row.ports


def test_one_change_among_many_groups_costs_one_row() -> None:
    """Style 1, runtime: publish what changed, whatever there is."""
    mdb = Mdb()
    for number in range(65536):
        mdb.set_group(
            0, parse("239.0.0.0")[:12] + (0xEF000000 + number).to_bytes(4, "big"), {ANY: 1}
        )
    assert len(take(mdb).upserts) == 65536
    mdb.set_group(0, G, {ANY: 2})
    assert len(take(mdb).upserts) == 1
