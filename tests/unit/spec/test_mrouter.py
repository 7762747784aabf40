"""Router ports: test ideas 104-112 (spec 6)."""

from itertools import pairwise

import pytest

from snoop.wire.address import text
from unit import frames
from unit.device import P1, P2, P3, P4, P5, R
from unit.dut import ALL, OWN, Dut, non_querier, own_querier
from unit.frames import G, v2_report, v3_report

SECOND = 1_000_000_000


def timers(dut: Dut) -> dict[tuple[int, str], float]:
    """Seconds left of each dynamic record, by port and router."""
    return {
        (row.port, text(row.address)): row.timer / SECOND
        for row in dut.engine.mrouters(dut.now)
        if row.timer is not None
    }


@pytest.mark.parametrize("queried", [(0,), (0, 125)])
def test_querying_router_keeps_its_port_for_oqpi(queried: tuple[int, ...]) -> None:
    """Idea 104: TM-15, SNOOP-20, SNOOP-21; each query begins the time again."""
    dut = Dut()
    dut.zero()
    for moment in queried:
        dut.at(moment)
        dut.hear(R, frames.v3_query())
        assert timers(dut) == {(R, frames.RQ): 255.0}
    dut.just_before(queried[-1] + 255)
    assert set(dut.mrouters()) == {R}
    dut.at(queried[-1] + 255)
    assert dut.mrouters() == {}


def test_port_stays_while_one_of_its_routers_lives() -> None:
    """Idea 105: SNOOP-20: one record per router."""
    dut = Dut()
    dut.zero()
    dut.hear(R, frames.v3_query(src="10.0.0.1"))
    dut.hear(R, frames.v3_query(src="10.0.0.2"))
    dut.at(200)
    dut.hear(R, frames.v3_query(src="10.0.0.2"))
    dut.at(300)
    assert timers(dut) == {(R, "10.0.0.2"): 155.0}
    dut.at(455)
    assert dut.mrouters() == {}


def test_mrd_advertisement_and_termination() -> None:
    """Idea 106: TM-16, SNOOP-23, W: 3 x (20 + 0.5) s; both are forwarded to all."""
    dut = own_querier(router=False)
    assert dut.hear(R, frames.mrd_advertisement()) == ALL - {R}
    assert timers(dut) == {(R, "10.0.0.3"): 61.5}
    assert dut.mrouters() == {R: {"mrd"}}
    dut.just_before(61.5)
    assert set(dut.mrouters()) == {R}
    dut.at(61.5)
    assert dut.mrouters() == {}
    dut.hear(R, frames.mrd_advertisement())
    dut.hear(R, frames.mrd_advertisement(src="10.0.0.4"))
    assert dut.hear(R, frames.mrd_termination()) == ALL - {R}
    assert set(timers(dut)) == {(R, "10.0.0.4")}


def test_mrd_to_another_address_is_ignored() -> None:
    """Idea 106: spec 1.8."""
    dut = own_querier(router=False)
    dut.hear(R, frames.mrd_advertisement(dst="224.0.0.2"))
    assert dut.mrouters() == {}
    dut.hear(R, frames.mrd_advertisement())
    dut.hear(R, frames.mrd_termination(dst="224.0.0.2"))
    assert set(dut.mrouters()) == {R}


def test_mrd_solicitation_is_flooded_and_makes_no_router_port() -> None:
    """Idea 106: SNOOP-8, SNOOP-23; 4 bytes are enough (V-8)."""
    dut = own_querier(router=False)
    body = frames.with_checksum(b"\x31\0\0\0")
    frame = frames.encapsulate(body, src="10.0.0.8", dst="224.0.0.2")
    assert dut.hear(P1, frame) == ALL - {P1}
    assert dut.mrouters() == {}


def test_pim_hello_holdtime() -> None:
    """Idea 107: TM-17, SNOOP-24: as said, for ever, gone, and the default."""
    dut = own_querier(router=False)
    assert dut.hear(R, frames.pim_hello(105)) == ALL - {R}
    assert timers(dut) == {(R, "10.0.0.2"): 105.0}
    dut.at(105)
    assert dut.mrouters() == {}
    dut.hear(R, frames.pim_hello(None))
    assert timers(dut) == {(R, "10.0.0.2"): 105.0}
    dut.hear(R, frames.pim_hello(0))
    assert dut.mrouters() == {}
    dut.hear(R, frames.pim_hello(0xFFFF))
    dut.wait(100_000)
    assert dut.mrouters() == {R: {"pim"}}
    dut.hear(R, frames.pim_hello(0))
    assert dut.mrouters() == {}


@pytest.mark.parametrize(
    "hello",
    [
        frames.pim_hello(version=1),
        frames.pim_hello(kind=1),
        frames.pim_hello(dst="224.0.0.2"),
        frames.pim_hello()[:-1] + b"\x00",
    ],
    ids=["version", "type", "destination", "checksum"],
)
def test_what_is_not_a_valid_hello_makes_no_router_port(hello: bytes) -> None:
    """Idea 107: SNOOP-24; it floods all the same."""
    dut = own_querier(router=False)
    dut.punt(R, hello)
    assert dut.mrouters() == {}
    assert dut.hear(R, hello) == ALL - {R}


def test_dvmrp_probe_makes_a_router_port_for_35_seconds() -> None:
    """Idea 108: SNOOP-25, TM-17, SNOOP-8 (flooded)."""
    dut = own_querier(router=False)
    assert dut.hear(R, frames.dvmrp_probe()) == ALL - {R}
    assert dut.mrouters() == {R: {"dvmrp"}}
    dut.just_before(35)
    assert set(dut.mrouters()) == {R}
    dut.at(35)
    assert dut.mrouters() == {}


def test_port_that_never_is_a_router_port_still_votes() -> None:
    """Idea 109: SNOOP-26: election and forwarding go on."""
    dut = Dut(querier="on", querier_address=OWN, port_params={R: {"mrouter": "never"}})
    assert dut.hear(R, frames.v3_query(src="10.0.0.9")) == ALL - {R}
    dut.hear(R, frames.pim_hello())
    dut.hear(R, frames.mrd_advertisement())
    assert dut.mrouters() == {}
    assert dut.role() == "non-querier"


def test_port_that_always_is_a_router_port_never_ages() -> None:
    """Idea 109: SNOOP-26 `always`, SNOOP-28."""
    dut = non_querier(port_params={P5: {"mrouter": "always"}})
    dut.rq()
    assert dut.forwards(by=P2) >= {P5}
    dut.hear(P1, v2_report())
    dut.at(1000)
    assert P5 in dut.mrouters()
    assert dut.hear(P1, v2_report()) == {R, P5}
    assert dut.forwards(by=P2) == {P1, R, P5}


def test_static_router_port_comes_and_goes_by_command() -> None:
    """Idea 109: SNOOP-26."""
    dut = non_querier()
    dut.hear(P1, v2_report())
    dut.mrouter(P4)
    assert dut.forwards(by=P2) == {P1, P4, R}
    dut.take(dut.engine.mrouter_del(vid=0, port=P4, now=dut.now))
    assert dut.forwards(by=P2) == {P1, R}


def test_router_that_lost_the_election_lives_by_its_hellos() -> None:
    """Idea 110: SNOOP-22; B-29: data and reports."""
    dut = non_querier(unregistered="mrouters")
    dut.rq()
    r2 = P5
    dut.hear(r2, frames.v3_query(src="10.0.0.2"))  # then it hears rq and falls silent
    for _ in range(10):
        dut.hear(r2, frames.pim_hello(105, src="10.0.0.2"))
        dut.wait(30)
    assert dut.mrouters() == {R: {"query"}, r2: {"pim"}}
    assert dut.hear(P1, v2_report()) == {R, r2}
    assert dut.forwards(by=P2) == {P1, R, r2}
    assert dut.forwards("239.99.0.1", by=P2) == {R, r2}


def test_vanished_router_takes_the_unregistered_traffic_with_it() -> None:
    """Idea 111: SNOOP-28, SNOOP-32: to none under the policy for router ports."""
    dut = own_querier(router=False, unregistered="mrouters")
    dut.hear(R, frames.pim_hello(105))
    dut.at(50)
    assert dut.forwards(by=P2) == {R}
    dut.at(105)
    assert dut.forwards(by=P2) == frozenset()
    assert dut.decide(by=P2).reason == "no_egress"


def test_router_port_change_reaches_every_group() -> None:
    """Idea 111: SNOOP-28: one change of the VLAN, all groups follow."""
    dut = own_querier(router=False)
    dut.wait(10)
    groups = [f"239.3.0.{n}" for n in range(1, 20)]
    for group in groups:
        dut.hear(P1, v3_report((4, group, [])))
    dut.hear(R, frames.pim_hello(105))
    assert all(dut.forwards(group, by=P2) == {P1, R} for group in groups)
    dut.wait(105)
    assert all(dut.forwards(group, by=P2) == {P1} for group in groups)


def test_solicitations_when_a_port_comes_up() -> None:
    """Idea 112: SNOOP-23, TM-18: at most 3, less than a second apart, to all routers."""
    dut = Dut()
    dut.wait(30)
    dut.port_down(P3)
    dut.zero()
    dut.port_up(P3)
    dut.wait(30)
    sent = [t for t in dut.made() if t.sent.type == 0x31]
    assert 1 <= len(sent) <= 3
    assert all(t.ports == {P3} for t in sent)
    moments = [0.0, *(t.at for t in sent)]
    assert all(0 <= b - a <= 1 for a, b in pairwise(moments))
    for solicitation in (t.sent for t in sent):
        assert solicitation.ip.dst == "224.0.0.2"
        assert solicitation.igmp.hex() == "3100ceff"
        assert (solicitation.ip.ttl, solicitation.ip.ihl) == (1, 6)


def test_no_solicitation_to_a_port_that_went_down_again() -> None:
    """Idea 112: the rest of them is not sent."""
    dut = Dut()
    dut.wait(30)
    dut.port_down(P3)
    dut.port_up(P3)
    dut.port_down(P3)
    dut.zero()
    dut.wait(30)
    assert [t for t in dut.made() if P3 in t.ports] == []


def test_no_solicitations_without_mrd() -> None:
    """Idea 112: the knob."""
    dut = Dut(mrd=False)
    dut.wait(10)
    assert [t for t in dut.made() if t.sent.type == 0x31] == []


def test_group_of_nobody_goes_to_routers_only_once_known() -> None:
    """Idea 111: the group is registered and empty: router ports, or none at all."""
    dut = own_querier(router=False)
    dut.wait(10)
    dut.hear(P1, v2_report(G))
    dut.hear(P1, frames.leave(G))
    dut.wait(2)
    assert dut.forwards(by=P2) == frozenset()
    assert dut.decide(by=P2).reason == "no_member"
