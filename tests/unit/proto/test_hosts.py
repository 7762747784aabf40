"""`proto.hosts`: what one host wants, and what the list of hosts can be trusted with."""

from __future__ import annotations

import pytest

from snoop.proto.hosts import Host, Hosts, reporter, reporter_address, reporter_mac
from snoop.proto.units import Instant
from snoop.wire.address import parse
from snoop.wire.messages import RecordType

IS_IN, IS_EX, TO_IN, TO_EX, ALLOW, BLOCK = RecordType
A, B, C = (bytes((i,)) * 16 for i in range(1, 4))
NOWHERE, ELSEWHERE = parse("0.0.0.0"), parse("10.0.0.9")
ONE, TWO, THREE = (reporter(bytes((2, 0, 0, 0, 0, i)), parse(f"10.0.0.{i}")) for i in (1, 2, 3))


def hear(hosts: Hosts, who: bytes, kind: RecordType, *listed: bytes, at: int = 0, room: int = 9):
    now, until = Instant(at), Instant(at + 270)
    return hosts.hear(
        who, kind, listed, now=now, until=until, max_sources=4, room=room, source_room=99
    )


def told(*records: tuple[RecordType, tuple[bytes, ...]]) -> Host:
    host = Host(ONE)
    for kind, listed in records:
        host.apply(kind, listed, 4)
    return host


def test_name_of_a_host_keeps_both_addresses() -> None:
    assert reporter_mac(ONE) == b"\x02\0\0\0\0\1"
    assert reporter_address(ONE) == parse("10.0.0.1")


def test_host_in_include_adds_up_what_it_lists() -> None:
    """W-25: a long list comes in several reports."""
    host = told((IS_IN, (A,)), (IS_IN, (B,)), (ALLOW, (C,)), (BLOCK, (A,)))
    assert (host.exclude, host.sources) == (False, {B, C})
    assert host.wants(B)
    assert not host.wants(A)


def test_host_in_exclude_that_answers_for_sources_stays_in_exclude() -> None:
    """RFC 9776 5.2: the answer to Q(G, S) is IS_IN in both modes."""
    host = told((TO_EX, (A, B)), (IS_IN, (A,)), (BLOCK, (C,)))
    assert (host.exclude, host.sources) == (True, {B, C})
    assert host.wants(A)
    assert not host.wants(C)


def test_mode_change_replaces_the_list_and_an_empty_one_is_a_leave() -> None:
    host = told((IS_EX, (A,)), (TO_IN, (B,)))
    assert (host.exclude, host.sources) == (False, {B})
    host.apply(TO_IN, (), 4)
    assert host.is_gone


def test_list_that_grows_too_long_becomes_everything() -> None:
    """Style 11: bounded, and never less than what the host wants."""
    host = told((IS_IN, tuple(bytes((i,)) * 16 for i in range(9))))
    assert (host.exclude, host.sources) == (True, frozenset())


def test_hosts_come_and_go_one_by_one() -> None:
    hosts = Hosts()
    assert len(hosts) == 0
    assert hosts.is_empty(Instant(0))
    hear(hosts, ONE, TO_EX)
    assert [host.who for host in hosts] == [ONE]
    hear(hosts, TWO, IS_IN, A)
    hear(hosts, THREE, BLOCK, A)
    assert {host.who for host in hosts} == {ONE, TWO}
    hear(hosts, ONE, TO_IN)
    assert {host.who for host in hosts} == {TWO}
    hear(hosts, TWO, BLOCK, A)
    assert len(hosts) == 0
    hear(hosts, ONE, TO_EX)
    hear(hosts, ONE, TO_IN)
    assert hosts.is_empty(Instant(0))


def test_silent_host_stops_counting_and_is_purged() -> None:
    hosts = Hosts()
    hear(hosts, ONE, TO_EX, at=0)
    hear(hosts, TWO, TO_EX, at=100)
    assert not hosts.is_empty(Instant(369))
    assert hosts.purge(Instant(270)) == 1
    assert {host.who for host in hosts} == {TWO}
    assert hosts.is_empty(Instant(370))


def test_host_that_was_silent_starts_anew() -> None:
    """What it said before it fell silent no longer holds."""
    hosts = Hosts()
    hear(hosts, ONE, IS_IN, A, at=0)
    hear(hosts, ONE, IS_IN, B, at=300)
    assert [host.sources for host in hosts] == [{B}]


def test_host_without_room_makes_the_list_incomplete() -> None:
    hosts = Hosts()
    assert hear(hosts, ONE, TO_EX)
    assert not hear(hosts, TWO, TO_EX, at=10, room=0)
    assert hear(hosts, ONE, TO_EX, at=20, room=0), "a host that is listed needs no room"
    assert hear(hosts, THREE, TO_IN, at=20, room=0), "a host that wants nothing needs no room"
    assert not hosts.is_complete(Instant(279))
    assert hosts.is_complete(Instant(280))


@pytest.mark.parametrize("others", [(), (TWO,), (TWO, THREE)])
@pytest.mark.parametrize("address", [NOWHERE, parse("::")])
def test_host_that_gets_its_address_is_the_host_it_was(
    address: bytes, others: tuple[bytes, ...]
) -> None:
    """SAY-3: it is known by its address from then on, also if it loses that again."""
    hosts = Hosts()
    before = reporter(reporter_mac(ONE), address)
    for who in (before, *others):
        hear(hosts, who, TO_EX)
    hear(hosts, ONE, IS_IN, A, room=0)
    assert {host.who for host in hosts} == {ONE, *others}
    assert hosts.lists(before)
    hear(hosts, before, TO_IN, room=0)
    assert {host.who for host in hosts} == set(others)


def test_proxy_with_several_addresses_is_several_hosts() -> None:
    """SAY-3: who spoke from 0.0.0.0 may be any of them then."""
    hosts = Hosts()
    first, second, nobody = (
        reporter(reporter_mac(ONE), address) for address in (parse("10.0.0.1"), ELSEWHERE, NOWHERE)
    )
    for who in (first, second, nobody):
        hear(hosts, who, TO_EX)
    assert {host.who for host in hosts} == {first, second, nobody}
    hear(hosts, nobody, TO_IN)
    hear(hosts, first, TO_IN)
    assert [host.who for host in hosts] == [second]


def test_among_many_hosts_each_name_is_one() -> None:
    """SAY-3: no report has thousands of hosts looked through; the leave is asked about then."""
    hosts = Hosts()
    for last in range(1, 66):
        hear(hosts, reporter(bytes((2, 0, 0, 0, 1, last)), parse(f"10.0.1.{last}")), TO_EX)
    hear(hosts, reporter(bytes((2, 0, 0, 0, 1, 1)), NOWHERE), TO_EX)
    assert len(hosts) == 66
