"""`proto.mrouter` and `proto.solicitor`: router ports, their reasons and how long they last."""

from __future__ import annotations

import itertools

import pytest

from snoop.proto.effects import Transmit
from snoop.proto.params import MrouterMode, NoQuerier, NullSource
from snoop.proto.units import seconds
from snoop.wire import compose, control, pim
from snoop.wire.address import parse
from snoop.wire.messages import MrdSolicitation
from unit.device import P1, P2, P3, R, ports_of
from unit.frames import RQ, TO_EX, G
from unit.proto_lab import Lab, follower, frame, hello, query, record, v3

DVMRP = b"\x13\x01\xdf\xfd\x00\x00\x0d\x01"  # ask neighbours 2, checksum good


def advertisement(interval: int = 20, *, src: str = RQ, dst: str = "224.0.0.106") -> bytes:
    payload = compose.build_mrd_advertisement(
        interval_s=interval, query_interval_s=125, robustness=2
    )
    return frame(payload, src=src, dst=dst)


def termination(src: str = RQ) -> bytes:
    return frame(compose.build_mrd_termination(), src=src, dst="224.0.0.106")


@pytest.mark.parametrize(
    ("data", "lasts", "origin"),
    [
        (query(), 255, "query"),
        (query(G), 255, "query"),
        (hello(None), 105, "pim"),
        (hello(30), 30, "pim"),
        (advertisement(20), 61.5, "mrd"),
        (advertisement(4), 12.3, "mrd"),
        (frame(DVMRP, src=RQ, dst="224.0.0.4"), 35, "dvmrp"),
    ],
)
def test_router_port_lasts_as_long_as_its_evidence(data: bytes, lasts: float, origin: str) -> None:
    """TM-15 to TM-17, SNOOP-21, 23, 24, 25: not a nanosecond longer or shorter."""
    lab = Lab(mrd=True)
    lab.at(5).hear(R, data)
    assert lab.mrouters() == {R}
    (row,) = lab.engine.mrouters(lab.now)
    assert (row.origin, row.address, row.timer) == (origin, parse(RQ), seconds(lasts))
    lab.at(5 + lasts - 1e-9)
    assert lab.mrouters() == {R}
    lab.at(5 + lasts)
    assert lab.mrouters() == set()
    assert [e.fields["change"] for e in lab.events("mrouter")] == ["added", "expired"]


def test_refresh_is_no_news() -> None:
    lab = Lab()
    lab.hear(R, hello(50))
    lab.at(40)
    lab.clear()
    lab.hear(R, hello(50))
    assert (lab.events("mrouter"), lab.vlan_changes()) == ([], 0)
    (row,) = lab.engine.mrouters(lab.now)
    assert (row.uptime, row.timer) == (seconds(40), seconds(50))


def test_hello_may_hold_for_ever_or_say_goodbye() -> None:
    """Idea 107."""
    lab = Lab()
    lab.hear(R, hello(pim.HOLDTIME_FOREVER))
    lab.at(1_000_000)
    assert lab.engine.mrouters(lab.now)[0].timer is None
    lab.hear(R, hello(0))
    assert lab.mrouters() == set()


def test_termination_ends_the_advertised_record_and_no_other() -> None:
    """SNOOP-20, SNOOP-23."""
    lab = Lab()
    lab.hear(R, advertisement())
    lab.hear(R, query())
    lab.hear(R, advertisement(src="10.0.0.2"))
    assert lab.hear(R, termination()) == {P1, P2, P3}
    found = {(row.origin, row.address) for row in lab.engine.mrouters(lab.now)}
    assert found == {("query", parse(RQ)), ("mrd", parse("10.0.0.2"))}


@pytest.mark.parametrize("interval", [3, 181])
def test_illegal_advertisement_interval_is_not_believed(interval: int) -> None:
    """RFC 4286 3.2: 4 to 180 s."""
    lab = Lab()
    lab.hear(R, advertisement(interval))
    assert lab.mrouters() == set()
    assert lab.count("malformed", R) == 1


def test_advertisements_are_ignored_without_mrd() -> None:
    lab = Lab(mrd=False)
    lab.hear(R, advertisement())
    assert lab.mrouters() == set()


@pytest.mark.parametrize(
    ("believed", "ports"),
    [(NullSource.NO, set()), (NullSource.FALLBACK, {R}), (NullSource.YES, {R})],
)
def test_query_without_an_address_makes_a_router_port_on_request(
    believed: NullSource, ports: set[int]
) -> None:
    """SNOOP-21, Q-19, decision 12."""
    lab = Lab(mrouter_on_null_source=believed)
    lab.hear(R, query(src="0.0.0.0"))
    assert lab.mrouters() == ports


def test_other_evidence_without_an_address_is_none() -> None:
    lab = Lab(mrouter_on_null_source=NullSource.YES)
    for data in (hello(src="0.0.0.0"), advertisement(src="0.0.0.0")):
        lab.hear(R, data)
    assert lab.mrouters() == set()


def test_port_lives_while_any_of_its_routers_does() -> None:
    """Idea 105; SNOOP-28: the port set changes once each way."""
    lab = Lab(no_querier=NoQuerier.PRUNE)
    lab.clear()
    lab.hear(R, hello(50))
    lab.at(20).hear(R, hello(50, src="10.0.0.2"))
    lab.at(60)
    assert lab.mrouters() == {R}
    assert lab.vlan_changes() == 1
    lab.at(70)
    assert lab.mrouters() == set()
    assert lab.vlan_changes() == 2


def test_never_believes_nobody_and_always_needs_no_evidence() -> None:
    """SNOOP-26, idea 109: the election runs, the query is passed on."""
    lab = Lab(
        port={R: {"mrouter": MrouterMode.NEVER}, P1: {"mrouter": MrouterMode.ALWAYS}},
    )
    assert lab.hear(R, query()) == {P1, P2, P3}
    assert lab.hear(P2, v3(record(TO_EX))) == {P1}
    assert lab.mrouters() == {P1}
    assert lab.mrouters(vid=77) == {P1}
    assert lab.role() == "non-querier"
    assert lab.count("mrouter_refused", R) == 1


def test_static_router_port_survives_its_link_and_is_removed_by_hand() -> None:
    """SNOOP-26."""
    lab = follower()
    lab.engine.mrouter_add(vid=0, port=P3, now=lab.now)
    lab.take(lab.engine.port_down(P3, now=lab.now))
    lab.take(lab.engine.port_down(R, now=lab.now))
    assert lab.mrouters() == {P3}
    lab.engine.mrouter_del(vid=0, port=P3, now=lab.now)
    assert lab.mrouters() == set()
    with pytest.raises(KeyError):
        lab.engine.mrouter_del(vid=0, port=P3, now=lab.now)


def test_forged_routers_are_bounded_per_port() -> None:
    """Style 11: and those recorded keep the port a router port."""
    lab = Lab()
    for last in range(200):
        lab.hear(R, hello(src=f"10.0.1.{last}"))
    lab.hear(P1, hello(src="10.0.0.2"))
    assert len(lab.engine.mrouters(lab.now)) == 64 + 1
    assert lab.count("mrouter_limit", R) == 136


def solicitations(lab: Lab) -> list[tuple[float, set[int], int]]:
    found = []
    for when, effect in lab.effects:
        if isinstance(effect, Transmit):
            parsed = control.parse(effect.frame)
            if isinstance(parsed.message, MrdSolicitation):
                found.append((when, ports_of(effect.ports), effect.vid))
    return found


def test_port_that_comes_up_is_solicited_three_times() -> None:
    """TM-18, SNOOP-23: each wait is below a second, and the same in every run."""
    lab, again = Lab(), Lab()
    lab.at(30)
    again.at(30)
    sent = solicitations(lab)
    assert solicitations(again) == sent
    assert [ports for _, ports, _ in sent] == [{R, P1, P2, P3}] * 3
    times = [0.0, *(when for when, _, _ in sent)]
    waits = [after - before for before, after in itertools.pairwise(times)]
    assert all(0.1 <= wait < 1 for wait in waits)
    assert len(set(waits)) == 3
    lab.clear()
    lab.take(lab.engine.port_down(P1, now=lab.now))
    lab.take(lab.engine.port_up(P1, now=lab.now))
    lab.at(60)
    assert [ports for _, ports, _ in solicitations(lab)] == [{P1}] * 3


def test_switches_with_other_addresses_wait_differently() -> None:
    first, second = (Lab(switch_mac=bytes((2, 0, 0, 0, 0, last))) for last in (1, 2))
    first.at(30)
    second.at(30)
    assert solicitations(first) != solicitations(second)


def test_many_vlans_do_not_make_a_burst() -> None:
    """TM-18: at most ten a second."""
    lab = Lab()
    for vid in range(1, 40):
        lab.hear(P1, v3(record(TO_EX), vid=vid))
    lab.at(10)
    lab.take(lab.engine.port_down(P1, now=lab.now))
    lab.clear()
    lab.take(lab.engine.port_up(P1, now=lab.now))
    lab.at(300)
    sent = solicitations(lab)
    assert len(sent) == 3 * 40
    assert {vid for _, _, vid in sent} == set(range(40))
    assert min(b[0] - a[0] for a, b in itertools.pairwise(sent)) >= 0.1


def test_port_that_goes_down_or_mrd_off_ends_the_solicitation() -> None:
    lab, silent = Lab(), Lab(mrd=False)
    for port in range(4):
        lab.take(lab.engine.port_down(port, now=lab.now))
    lab.at(30)
    silent.at(30)
    assert solicitations(lab) == solicitations(silent) == []
