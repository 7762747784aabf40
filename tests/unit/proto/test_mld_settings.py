"""Whose settings hold for MLD: the switch's, a VLAN's, a port's; each of its own family."""

from snoop.proto.engine import Engine
from snoop.proto.params import FastLeave, MrouterMode, Params, PortParams, QuerierMode
from snoop.proto.views import Refusal
from snoop.wire.address import Family, parse, parse_prefix
from unit.crossing import hand_up
from unit.device import P1, P2, P3, Entry, R, ports_of
from unit.families import IGMP, MLD, Lab6, mld_params
from unit.frames import IS_EX, TO_IN
from unit.proto_lab import Lab


def both_families(**port: object) -> Lab:
    """A lab of both families, pruning in both, with these settings of P1."""
    lab = Lab(port={P1: port}, mld=mld_params())
    for words in (IGMP, MLD):
        lab.hear(R, words.query())
    lab.at(10)
    lab.clear()
    return lab


def test_a_port_has_settings_of_its_own_for_mld() -> None:
    """INTERFACE.md 5, `[[port]] mld`; SM-64, SNOOP-26."""
    own = PortParams(name="p1", fast_leave=FastLeave.ON, mrouter=MrouterMode.ALWAYS)
    lab = both_families(mld=own)
    for words in (IGMP, MLD):
        lab.hear(P1, words.says(IS_EX))
        lab.hear(P1, words.says(TO_IN))
    assert lab.holds(IGMP.group)
    assert lab.entry(P1, IGMP.group) == Entry("exclude", 270.0, {})
    assert lab.entry(P1, MLD.group) is None
    mrouters = {f: ports_of(lab.engine.vlan_view(0, f).mrouters) for f in Family}
    assert mrouters == {Family.IPV4: {R}, Family.IPV6: {R, P1}}


def test_lists_of_groups_count_for_their_family() -> None:
    """An `allow_groups` of IPv4 refuses nothing of IPv6, where any host joins something."""
    lab = both_families(
        allow_groups=(parse_prefix("239.1.0.0/16"),), deny_groups=(parse_prefix("ff0e::1:4/128"),)
    )
    lab.hear(P1, IGMP.report((IS_EX, "239.1.2.3", ()), (IS_EX, "239.2.2.3", ())))
    lab.hear(P1, MLD.report((IS_EX, MLD.group, ()), (IS_EX, MLD.another, ())))
    held = {group for group in ("239.1.2.3", "239.2.2.3") if lab.holds(group)}
    assert held == {"239.1.2.3"}
    assert (lab.holds(MLD.group), lab.holds(MLD.another)) == (True, False)
    (refused,) = (r for r in lab.engine.witnesses.refused(lab.now) if r.family is Family.IPV6)
    assert (refused.group, refused.why) == (parse(MLD.another), Refusal.FILTER)


def test_groups_of_a_port_are_counted_by_family() -> None:
    """SM-68: what IPv6 hosts join by themselves leaves room for one group of IPv4."""
    lab = both_families(max_groups=1)
    for words in (MLD, IGMP):
        lab.hear(P1, words.report((IS_EX, words.group, ()), (IS_EX, words.another, ())))
    assert len(lab.engine.mdb(lab.now)) == 2
    assert lab.count("port_limit", P1) == 2


def test_a_limit_that_was_lowered_holds_for_what_is_loaded() -> None:
    """SM-68, SNOOP-50: of the family that it was lowered for."""
    lab = both_families()
    for words in (MLD, IGMP):
        lab.hear(P1, words.report((IS_EX, words.group, ()), (IS_EX, words.another, ())))
    ports = dict(lab.port_params)
    ports[P1] = PortParams(name="p1", mld=PortParams(name="p1", max_groups=1))
    dumped = lab.engine.dump(lab.now)
    engine, _ = Engine.load(dumped, params=lab.params, ports=ports, now=lab.now)
    families = [row.family for row in engine.mdb(lab.now)]
    assert sorted(families) == [Family.IPV4, Family.IPV4, Family.IPV6]


def test_a_vlan_has_settings_of_its_own_for_mld() -> None:
    """INTERFACE.md 5, `[[vlan]] mld`: off in one, the querier in another."""
    off = mld_params(enabled=False)
    asks = mld_params(querier=QuerierMode.ON, query_interval=60_000_000_000)
    mld = mld_params(vlans=((7, off), (8, asks)))
    lab = Lab(mld=mld, vlans=((7, Params()), (8, Params())))
    assert [key for key in lab.engine.instances() if key[1] is Family.IPV6] == [
        (0, Family.IPV6), (8, Family.IPV6),
    ]  # fmt: skip
    frame = MLD.says(IS_EX)
    tagged = frame[:12] + b"\x81\x00\xc0\x07" + frame[12:]
    assert lab.hear(P1, tagged) == {R, P2, P3}
    roles = {(row.vid, row.family): row.role for row in lab.engine.queriers(lab.now)}
    assert roles[8, Family.IPV6] == "querier"
    assert (7, Family.IPV6) not in roles


def test_an_instance_that_nobody_configured_begins_and_ends() -> None:
    """W-6: one for each family that is heard in a VLAN, no other."""
    lab = Lab6(querier=QuerierMode.ON)
    frame = MLD.says(IS_EX)
    lab.hear(P1, frame[:12] + b"\x81\x00\xc0\x09" + frame[12:])
    assert (9, Family.IPV6) in lab.engine.instances()
    assert (9, Family.IPV4) not in lab.engine.instances()
    lab.take(lab.engine.clear(vid=9, group=None, port=None, now=lab.now))
    assert (9, Family.IPV6) not in lab.engine.instances()


def test_a_family_that_is_off_asks_nothing_beside_the_other() -> None:
    """VLAN-8: whichever is off, when ports come up and go."""
    asks = {"querier": QuerierMode.ON}
    for words, lab in (
        (MLD, Lab(enabled=False, mld=mld_params(**asks), **asks)),
        (IGMP, Lab(mld=mld_params(enabled=False, **asks), **asks)),
    ):
        lab.port_down(P1)
        lab.port_up(P1)
        lab.at(60)
        assert {query.family for _, _, query in lab.queries()} == {words.family}


def test_one_family_is_cleared() -> None:
    lab = both_families()
    for words in (IGMP, MLD):
        lab.hear(P1, words.says(IS_EX))
    lab.take(lab.engine.clear(vid=None, group=None, port=None, family=Family.IPV6, now=lab.now))
    assert [row.family for row in lab.engine.mdb(lab.now)] == [Family.IPV4]


def test_a_static_router_port_is_of_one_family() -> None:
    """SNOOP-26, SNOOP-27."""
    lab = both_families()
    lab.take(lab.engine.mrouter_add(vid=0, port=P2, family=Family.IPV6, now=lab.now))
    assert ports_of(lab.engine.vlan_view(0, Family.IPV6).mrouters) == {R, P2}
    assert ports_of(lab.engine.vlan_view(0, Family.IPV4).mrouters) == {R}
    lab.take(lab.engine.mrouter_del(vid=0, port=P2, family=Family.IPV6, now=lab.now))
    assert ports_of(lab.engine.vlan_view(0, Family.IPV6).mrouters) == {R}


def test_who_does_not_answer_is_known() -> None:
    """SAY-1 over IPv6: a change of state is nobody's answer, a current state is."""
    lab = MLD.follower()
    for port, host in ((P1, MLD.host), (P2, MLD.other)):
        lab.hear(port, MLD.says(IS_EX, src=host))
    lab.at(20)
    lab.hear(R, MLD.query())
    lab.at(21)
    lab.hear(P1, MLD.says(IS_EX))
    lab.at(40)
    unanswered = {row.port: row.unanswered for row in lab.engine.witnesses.hosts(lab.now)}
    assert (unanswered[P1], unanswered[P2]) == (0, 1)
    (asked, *_) = (row for row in lab.engine.witnesses.asked(lab.now) if row.family is Family.IPV6)
    assert (asked.version, ports_of(asked.answered)) == (2, {P1})


def test_a_querier_that_gives_hosts_too_long_is_helped() -> None:
    """Q-15, Q-18: pruning begins before all have answered, so all are asked, by us."""
    lab = MLD.lab()
    lab.hear(R, MLD.query(response=8000.0))
    ours = [(when, ports) for when, ports, query in lab.queries() if query.max_response_ns < 10**13]
    assert ours[-1:] == [(0.0, {P1, P2, P3})]


def test_effects_of_one_family_name_it() -> None:
    """INTERFACE.md 3: `family` of an event."""
    lab = both_families()
    hand_up(lab.engine, port=P1, frame=MLD.says(IS_EX), now=lab.now)
    lab.hear(P1, MLD.report((IS_EX, MLD.another, ())))
    (join,) = lab.events("join")
    assert join.fields["family"] == "ipv6"
