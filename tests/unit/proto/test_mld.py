"""What MLD has of its own: addresses, `::`, elections, what is never sent (ideas 122 to 132)."""

import pytest

from snoop.proto.effects import Transmit, VlanChanged
from snoop.proto.params import MrouterMode, QuerierMode, Unregistered
from snoop.wire import control
from snoop.wire.address import Family, link_local_of, parse
from snoop.wire.messages import Query
from unit.device import P1, P2, P3, Entry, R, ports_of
from unit.families import IGMP, MLD, Lab6
from unit.frames import IS_EX, TO_EX, TO_IN
from unit.proto_lab import Lab

SOLICITED = "ff02::1:ff00:b"
RQ, G = MLD.router, MLD.group


def sent(lab: Lab) -> list[tuple[float, frozenset[int], control.Control]]:
    """(when, ports, frame) of every query that the switch made."""
    found = []
    for when, effect in lab.effects:
        if isinstance(effect, Transmit):
            parsed = control.parse(effect.frame)
            is_own = parsed.ether.src == lab.params.switch_mac
            if isinstance(parsed.message, Query) and is_own:
                found.append((when, ports_of(effect.ports), parsed))
    return found


# What is learned ---------------------------------------------------------------------------------


def test_a_report_from_nowhere_is_learned() -> None:
    """Ideas 123, 128: MLD-3, SNOOP-53: who looks for duplicates has no address yet."""
    lab = MLD.follower()
    lab.hear(P1, MLD.report((TO_EX, SOLICITED, ()), src="::", src_mac=b"\x02\x06\0\0\0\x0b"))
    assert lab.entry(P1, SOLICITED) == Entry("exclude", 270.0, {})
    assert lab.reaches(SOLICITED, "::", ingress=P2) == {R, P1}


def test_a_host_that_gets_its_address_is_the_same_host() -> None:
    """SAY-3, over IPv6, beside a host of the same MAC that speaks IPv4."""
    mac = b"\x02\x06\0\0\0\x0b"
    lab = MLD.follower()
    lab.hear(P1, IGMP.report((IS_EX, IGMP.group, ()), src_mac=mac))
    lab.hear(P1, MLD.report((TO_EX, SOLICITED, ()), src="::", src_mac=mac))
    lab.at(12)
    lab.hear(P1, MLD.report((TO_EX, SOLICITED, ()), src=MLD.host, src_mac=mac))
    heard = {(row.family, row.address) for row in lab.engine.witnesses.hosts(lab.now)}
    assert heard == {
        (Family.IPV4, parse(IGMP.host)),
        (Family.IPV6, parse(MLD.host)),
    }
    (host,) = (row for row in lab.engine.hosts(lab.now) if row.family is Family.IPV6)
    assert host.address == parse(MLD.host)


@pytest.mark.parametrize("group", ["ff02::1", "ff01::5", "ff00::5", "ff11::5"])
def test_groups_that_have_no_state(group: str) -> None:
    """Idea 126: MLD-6; the report goes to the routers."""
    lab = MLD.follower()
    assert lab.hear(P1, MLD.report((TO_EX, group, ()))) == {R}
    assert not lab.holds(group)
    assert lab.count("link_local_group", P1) == 1


def test_link_local_groups_have_state() -> None:
    """Idea 125: SNOOP-52."""
    lab = MLD.follower()
    lab.hear(P1, MLD.report((TO_EX, "ff02::fb", ())))
    assert lab.entry(P1, "ff02::fb") == Entry("exclude", 270.0, {})


def test_solicited_nodes_are_reached_whoever_has_joined() -> None:
    """Ideas 127 and 129: SNOOP-52, SNOOP-55: and nobody but the fast path sees it."""
    lab = MLD.follower(unregistered=Unregistered.MROUTERS)
    lab.hear(P1, MLD.report((TO_EX, "ff02::1:ff12:3456", ())))
    solicitation = control.build_frame(
        src_mac=b"\x02\x06\0\0\0\x0b",
        src=parse(MLD.host),
        dst=parse("ff02::1:ff12:3456"),
        payload=bytes((135, *bytes(7))) + parse("fe80::12:3456"),
        ttl=255,
        router_alert=False,
    )
    verdict = lab.table.decide(P2, solicitation)
    assert (ports_of(verdict.ports), verdict.punt) == ({R, P1, P3}, False)


def test_groups_of_one_mac_address_are_told_apart() -> None:
    """Idea 131: SNOOP-56."""
    lab = MLD.follower(unregistered=Unregistered.MROUTERS)
    lab.hear(P1, MLD.report((TO_EX, "ff05::1:3", ())))
    lab.hear(P2, MLD.report((TO_EX, "ff08::1:3", ())))
    assert lab.reaches("ff05::1:3", MLD.s1) == {P1}
    assert lab.reaches("ff08::1:3", MLD.s1) == {P2}


def test_versions_by_their_names() -> None:
    """Idea 124: INTERFACE.md 5, `compatibility`."""
    lab = MLD.follower()
    lab.hear(P1, MLD.old_report())
    lab.hear(P2, MLD.says(IS_EX))
    said = {row.port: row.compatibility for row in lab.engine.mdb(lab.now)}
    assert said == {P1: "mldv1", P2: "mldv2"}
    assert lab.querier_row().version == 2
    lab.hear(R, MLD.query(old=True))
    assert lab.querier_row().version == 1


def test_a_bad_checksum_changes_nothing() -> None:
    """Idea 130: MLD-1."""
    lab = MLD.follower()
    good = MLD.says(IS_EX)
    assert lab.hear(P1, good[:-1] + bytes((good[-1] ^ 1,))) == frozenset()
    assert not lab.holds(G)
    assert lab.count("mld_checksum", P1) == 1


def test_a_response_time_of_sixteen_bits() -> None:
    """Idea 14: W-12; TM-34 takes it for as long as the interval that goes with it."""
    lab = MLD.lab()
    lab.hear(R, MLD.query(response=65.536))
    assert lab.querier_row().query_response_interval == 65_536_000_000
    lab.hear(P1, MLD.says(IS_EX))
    assert lab.entry(P1, G) == Entry("exclude", 2 * 125 + 2 * 65.536, {})


# Who asks ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("src", ["::", "2001:db8::1"])
def test_a_query_that_is_not_link_local_is_nobody_s(src: str) -> None:
    """Idea 123: MLD-2: neither election nor router port, and not passed on."""
    lab = MLD.lab()
    query = MLD.query()
    lab.hear(P1, MLD.says(IS_EX))
    forged = query[:22] + parse(src) + query[38:]
    assert lab.hear(R, forged) == frozenset()
    assert lab.role() == "none"
    assert lab.mrouters() == frozenset()


def test_the_interface_identifier_decides() -> None:
    """Idea 86: MLD-5: as a big-endian number, whatever the prefix is."""
    lab = MLD.lab(querier=QuerierMode.ON, querier_address=parse("fe80::1:0"))
    lab.hear(R, MLD.query(src="fe80::1:0:0"))
    assert lab.role() == "querier"
    lab.hear(R, MLD.query(src="febf::2"))
    assert lab.role() == "non-querier"
    lab.hear(P1, MLD.query(src="fe80::3"))
    assert lab.querier_row().address == parse("febf::2")


def test_our_queries_come_from_the_address_that_our_mac_gives() -> None:
    """Idea 86: Q-11, MLD-4, Q-2: from fe80:: and the EUI-64, to ff02::1, with version 2 values."""
    lab = Lab6(querier=QuerierMode.ON)
    (first, *_) = sent(lab)
    assert first[1] == {R}
    lab.clear()
    lab.at(31.25)
    ((when, ports, (ether, ip, query)),) = sent(lab)
    assert (when, ports) == (31.25, {R, P1, P2, P3})
    assert ip.src == link_local_of(lab.params.switch_mac) == parse("fe80::ff:fe00:1")
    assert (ip.dst, ip.ttl, ip.router_alert) == (parse("ff02::1"), 1, True)
    assert ether.dst == b"\x33\x33\0\0\0\1"
    assert query == Query(2, bytes(16), (), 10_000_000_000, False, 2, 125, Family.IPV6)
    assert lab.count("tx_mld_query_own", P1) == 2
    assert lab.count("tx_mld_query_v2", P1) == 2


def test_a_querier_of_version_1_asks_in_its_words() -> None:
    """Q-3: no sources, no S flag; a report of version 2 is learned all the same (SNOOP-17)."""
    lab = MLD.querier(version=1)
    lab.hear(P1, MLD.says(TO_EX))
    lab.hear(P1, MLD.says(TO_IN))
    assert [(q.version, q.group) for _, _, (_, _, q) in sent(lab)] == [(1, parse(G))]
    assert lab.count("tx_mld_query_v1", P1) >= 1
    assert any("MLDv2 hosts" in str(event.fields) for event in lab.events("warning"))


def test_older_listeners_are_asked_in_version_2() -> None:
    """MLD-8."""
    lab = MLD.querier()
    lab.hear(P1, MLD.old_report())
    lab.hear(P1, MLD.leave())
    assert [(q.version, q.group) for _, _, (_, _, q) in sent(lab)] == [(2, parse(G))]


def test_many_sources_take_several_queries() -> None:
    """Spec 1.7: 89 of them fit a query."""
    lab = MLD.querier(max_sources=200)
    sources = [f"2001:db8::{n:x}" for n in range(1, 101)]
    lab.hear(P1, MLD.says(IS_EX - 1, *sources))
    lab.clear()
    lab.hear(P1, MLD.says(6, *sources))
    assert [len(q.sources) for _, _, (_, _, q) in sent(lab)] == [89, 11]


def test_every_query_has_an_address() -> None:
    """Idea 86: MLD-4, in each of the ways in which IPv4 asks from 0.0.0.0."""
    lab = MLD.follower()
    lab.hear(P1, MLD.says(IS_EX))
    lab.port_down(P2)
    lab.port_up(P2)
    lab.hear(P3, MLD.query(G, src="fe80::", response=1.0))
    lab.engine.query(vid=0, group=None, port=None, now=lab.now, family=Family.IPV6)
    lab.at(600)
    assert all(ip.src[:2] == b"\xfe\x80" for _, _, (_, ip, _) in sent(lab))


def test_a_query_of_an_operator_takes_nobody_s_place() -> None:
    """Q-9, MLD-4: it has our address, so the querier does not hear it."""
    lab = MLD.follower()
    lab.take(lab.engine.query(vid=0, group=None, port=None, now=lab.now, family=Family.IPV6))
    assert [(ports, ip.dst) for _, ports, (_, ip, _) in sent(lab)] == [
        ({P1, P2, P3}, parse("ff02::1"))
    ]


def test_a_query_that_hosts_do_not_take_elects_nobody() -> None:
    """Q-18: their hop limit and Router Alert are looked at by every node (RFC 9777 6.2)."""
    lab = MLD.lab()
    for how in ({"ttl": 2}, {"router_alert": False}):
        assert lab.hear(R, MLD.query(**how)) == {P1, P2, P3}
    assert lab.role() == "none"
    assert lab.mrouters() == {R}
    assert lab.count("query_unheard", R) == 2


# Nobody is cut off -------------------------------------------------------------------------------


def test_a_port_that_comes_up_gets_what_is_not_registered() -> None:
    """Q-14: no query is sent in another's place; what nobody joined floods for QRI."""
    lab = MLD.follower(unregistered=Unregistered.MROUTERS)
    lab.hear(P2, MLD.says(IS_EX))
    lab.port_down(P1)
    lab.port_up(P1)
    lab.at(10.1)
    assert sent(lab) == []
    view = lab.engine.vlan_view(0, Family.IPV6)
    assert view.floods
    lab.at(20)
    assert not lab.engine.vlan_view(0, Family.IPV6).floods
    assert VlanChanged(0, Family.IPV6) in [effect for _, effect in lab.effects]


def test_a_membership_is_asked_about_before_it_runs_out() -> None:
    """Q-18: about its group, since a General Query of ours could elect us (MLD-4)."""
    lab = MLD.follower()
    lab.hear(P1, MLD.report((IS_EX, G, ()), (IS_EX, MLD.another, ())))
    lab.at(100)
    lab.hear(R, MLD.query())
    lab.at(279)
    asked = {(when, ports, query.group) for when, ports, (_, _, query) in sent(lab)}
    assert asked == {
        (when, frozenset({P1}), parse(group)) for when in (270, 275) for group in (G, MLD.another)
    }
    assert lab.engine.queriers(lab.now)[0].role == "none"


def test_what_a_stranger_s_query_would_end_is_asked_about() -> None:
    """Q-18: with the S flag, from our own address, to that port alone."""
    lab = MLD.follower()
    lab.hear(P1, MLD.says(IS_EX))
    lab.hear(P2, MLD.query(G, src="fe80::", response=1.0))
    lab.at(11.9)
    ((when, ports, (_, ip, query)),) = sent(lab)
    assert (when, ports, query.suppress, query.version) == (11.0, {P1}, True, 2)
    assert ip.src == link_local_of(lab.params.switch_mac)


# Routers -----------------------------------------------------------------------------------------


def test_what_is_heard_by_one_family_counts_for_it_only() -> None:
    """Idea 132: SNOOP-27."""
    lab = Lab6()
    lab.hear(R, MLD.query())
    lab.hear(P1, IGMP.query())
    lab.hear(P2, IGMP.hello())
    lab.hear(P3, MLD.hello())
    mrouters = {family: ports_of(lab.engine.vlan_view(0, family).mrouters) for family in Family}
    assert mrouters == {Family.IPV4: {P1, P2}, Family.IPV6: {R, P3}}


def test_a_pim_hello_over_ipv6() -> None:
    """Idea 107: SNOOP-24, Q-20; goodbye takes it away."""
    lab = MLD.lab()
    lab.hear(R, MLD.hello(105))
    assert lab.mrouters() == {R}
    lab.at(10)
    assert lab.is_active()
    lab.hear(R, MLD.hello(0))
    assert lab.mrouters() == frozenset()
    assert lab.count("rx_pim6_hello", R) == 2


def test_mrd_over_ipv6() -> None:
    """Idea 106: SNOOP-23, TM-16."""
    lab = MLD.lab()
    assert lab.hear(R, MLD.mrd()) == {P1, P2, P3}
    lab.at(61.4)
    assert lab.mrouters() == {R}
    lab.at(61.5)
    assert lab.mrouters() == frozenset()
    lab.hear(R, MLD.mrd())
    lab.hear(R, MLD.mrd(None))
    assert lab.mrouters() == frozenset()


def test_solicitations_go_out_by_both_families() -> None:
    """Idea 112: TM-18: to ff02::2 from our link-local address."""
    lab = Lab6(up=False)
    lab.port_up(R)
    lab.at(10)
    frames = [effect.frame for _, effect in lab.effects if isinstance(effect, Transmit)]
    parsed = [control.parse(one) for one in frames]
    to = [ip.dst for _, ip, _ in parsed]
    assert to.count(parse("ff02::2")) == to.count(parse("224.0.0.2")) == 3
    own = {ip.src for _, ip, _ in parsed if ip.family is Family.IPV6}
    assert own == {link_local_of(lab.params.switch_mac)}


def test_mrouter_never_holds_for_both() -> None:
    """SNOOP-26."""
    lab = MLD.lab(port={R: {"mrouter": MrouterMode.NEVER}})
    lab.hear(R, MLD.query())
    assert lab.mrouters() == frozenset()
    assert lab.role() == "non-querier"


# Off ---------------------------------------------------------------------------------------------


def test_without_mld_all_of_it_floods() -> None:
    """SNOOP-34, VLAN-8: refused frames as well; there is no instance."""
    lab = Lab6(enabled=False)
    broken = MLD.says(IS_EX)[:-1] + b"\xff"
    for said in (MLD.says(IS_EX), MLD.query(), MLD.mrd(), broken):
        assert lab.hear(P1, said) == {R, P2, P3}
    assert not lab.is_active()
    assert lab.engine.instances() == [(0, Family.IPV4)]


def test_a_reload_switches_it_on_and_off() -> None:
    """VLAN-8, SM-67."""
    lab = MLD.follower()
    lab.hear(P1, MLD.says(IS_EX))
    lab.take(lab.engine.configure(Lab6(enabled=False).params, {}, now=lab.now))
    assert lab.engine.instances() == [(0, Family.IPV4)]
    assert not lab.holds(G)
    lab.take(lab.engine.configure(Lab6().params, {}, now=lab.now))
    assert (0, Family.IPV6) in lab.engine.instances()


def test_fragments_go_to_routers_unread() -> None:
    """SNOOP-13."""
    from snoop.wire import ether, ipv6

    lab = MLD.follower()
    whole = MLD.says(IS_EX)
    payload = b"\x3a\0" + bytes(6) + whole[62:]
    packet = ipv6.build(parse(MLD.host), parse("ff02::16"), 44, payload)
    packet = packet[:50] + b"\0\1" + packet[52:]  # the first of several
    mac = ether.multicast_mac(parse("ff02::16"))
    cut = ether.build(mac, b"\x02\x06\0\0\0\x0b", packet, 0x86DD)
    assert lab.hear(P1, cut) == {R}
    assert lab.count("mld_fragment", P1) == 1
    assert lab.count("tx_fragment", R) == 1


def test_ipv4_is_not_told_of_it() -> None:
    """SNOOP-50: tables and limits of its own."""
    lab = MLD.follower(max_groups=1)
    for words in (MLD, IGMP):
        lab.hear(P1, words.says(IS_EX))
    assert {row.family for row in lab.engine.mdb(lab.now)} == {Family.IPV4, Family.IPV6}
    assert not lab.engine.vlan_view(0, Family.IPV4).active
