"""What a stranger's messages may do to a port that is not his: nothing (V-9, Q-18, F-1, F-2).

The viewer on P1 wants G and says so whenever it is asked, as late as it may. It hears our queries
and the real querier's; of the stranger's on P4 it hears none, as a host that drops what comes from
outside its network, from its own address, without Router Alert, or source-routed.
"""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from snoop.wire.address import text
from unit import frames
from unit.device import P1, P2, P4, Entry, R
from unit.dut import ALL, OWN, Dut
from unit.frames import HOST, RQ, S1, TO_EX, TO_IN, G, Sent, leave, v2_report, v3_report

STRANGER, WINNER, OTHER_GROUP = "10.0.0.240", "10.0.0.0", "239.9.9.9"
STEP = 0.25
SETUPS: dict[str, dict[str, object]] = {
    "follows rq": {},
    "asks": {"querier": "on", "querier_address": OWN},
    "stands by": {"querier": "auto", "querier_address": OWN},
    "asks, 260 s": {"querier": "on", "querier_address": OWN, "timer_profile": "rfc3376"},
    "asks, v2": {"querier": "on", "querier_address": OWN, "version": 2},
}


class Viewer:
    """A host on P1 that joins G, or only S1 of it, and answers each query it hears at the last
    moment.
    """

    def __init__(self, dut: Dut, *sources: str, version: int = 3) -> None:
        self.dut, self.sources, self.version = dut, sources, version
        self.seen = len(dut.transmissions)
        self.due: list[float] = []
        self.dark: list[float] = []
        self.is_slow = False  # it has heard a v1 query (RFC 9776 7.2.1)
        self.say()

    def say(self) -> None:
        if self.version == 2:
            self.dut.hear(P1, v2_report())
        else:
            kind = frames.IS_IN if self.sources else frames.IS_EX
            self.dut.hear(P1, v3_report((kind, G, self.sources)))

    def watch(self, until: float, events: Iterable[tuple[float, bytes]] = ()) -> None:
        """Run to `until`; `events` are what the stranger sends and when."""
        waiting = sorted(events)
        dut = self.dut
        while dut.time < until:
            dut.wait(STEP)
            while waiting and waiting[0][0] <= dut.time:
                dut.hear(P4, waiting.pop(0)[1])
            self._listen()
            for at in [at for at in self.due if at <= dut.time]:
                self.due.remove(at)
                self.say()
            if P1 not in dut.forwards(src=S1, by=P2):
                self.dark.append(round(dut.time, 2))
        assert not waiting

    def _listen(self) -> None:
        sent, self.seen = self.dut.transmissions[self.seen :], len(self.dut.transmissions)
        for transmission in sent:
            if P1 not in transmission.ports:
                continue
            message: Sent = transmission.sent
            if not message.is_query or message.ip.src not in ("0.0.0.0", OWN, RQ):
                continue
            if message.is_general or message.group == G:
                code = message.code or 100
                tenths = code if code < 128 else (code & 15 | 16) << ((code >> 4 & 7) + 3)
                self.due.append(transmission.at + (9.9 if self.is_slow else tenths / 10))


def watched(name: str, *sources: str) -> tuple[Dut, Viewer]:
    """A switch that prunes, and a viewer that was asked last 115 s ago; time 0."""
    dut = Dut(**SETUPS[name])
    if name in ("follows rq", "stands by"):
        dut.rq(keep=False)
    dut.wait(10)
    viewer = Viewer(dut, *sources, version=2 if name.endswith("v2") else 3)
    dut.hear(P2, v3_report((TO_EX, OTHER_GROUP, [])))
    dut.wait(115)
    dut.zero()
    viewer.seen = 0
    return dut, viewer


def specific(**how: object) -> bytes:
    return frames.v3_query(G, **{"code": 1, **how})


def cut(src: str) -> list[tuple[float, bytes]]:
    """A general query that wins, then specific ones of every kind, again and again."""
    found = []
    for at in (1.0, 2.5, 7.0, 7.3, 60.0, 150.0, 260.0):
        found += [
            (at, frames.v3_query(src=src)),
            (at + 0.1, specific(src=src)),
            (at + 0.2, frames.v2_query(G, 1, src)),
            (at + 0.3, specific(src=src, sources=[S1])),
            (at + 0.4, frames.v3_query(G, [S1], src=src, code=1, qrv=1, qqic=1)),
        ]
    return found


def hostile_generals(src: str) -> dict[str, bytes]:
    return {
        "7, 0xff, 0xff": frames.v3_query(src=src, qrv=7, qqic=0xFF, code=0xFF),
        "1, 1, 0.1 s": frames.v3_query(src=src, qrv=1, qqic=1, code=1),
        "plain": frames.v3_query(src=src),
        "no time": frames.v3_query(src=src, code=0),
        "v2": frames.v2_query(code=0xFF, src=src),
        "v1": frames.v1_query(src=src),
    }


@pytest.mark.parametrize("name", SETUPS)
@pytest.mark.parametrize("src", [WINNER, HOST, "10.0.0.255", STRANGER, "0.0.0.0", OWN, RQ])
def test_specific_queries_that_the_viewer_does_not_hear_cut_nobody(name: str, src: str) -> None:
    """Q-18, F-1: whoever they claim to be from, also after winning the election."""
    dut, viewer = watched(name)
    viewer.watch(300, cut(src))
    assert viewer.dark == []
    assert dut.mrouters().keys() <= {R, P4}


@pytest.mark.parametrize("name", ["follows rq", "asks"])
def test_specific_queries_do_not_cut_a_viewer_of_one_source(name: str) -> None:
    """Q-18: the same for Q(G, S)."""
    _, viewer = watched(name, S1)
    viewer.watch(300, cut(WINNER))
    assert viewer.dark == []


@pytest.mark.parametrize("name", SETUPS)
@pytest.mark.parametrize("which", hostile_generals(WINNER))
@pytest.mark.parametrize("again", [[], [100.0, 200.0, 300.0, 400.0]])
def test_querier_nobody_hears_cuts_nobody(name: str, which: str, again: list[float]) -> None:
    """Q-18, F-2: it wins the election, once or for good, with values of every kind."""
    _, viewer = watched(name)
    frame = hostile_generals(WINNER)[which]
    viewer.watch(500, [(at, frame) for at in (1.0, *again)])
    assert viewer.dark == []


@pytest.mark.parametrize("older", [frames.v2_query(), frames.v1_query(src="10.0.0.255")])
def test_older_query_takes_no_source_away(older: bytes) -> None:
    """Q-18, SM-46: a v3 host that was made to speak v2 cannot name its source, and keeps it."""
    ssm = "232.1.1.1"
    dut = Dut(querier="on", querier_address=OWN)
    dut.wait(32)
    dut.zero()
    dut.hear(P1, v3_report((frames.IS_IN, ssm, [S1])))
    dut.hear(P1, v2_report(ssm))
    dut.at(10)
    assert dut.entry(P1, ssm) == Entry("include", None, {S1: 260.0}), "a v2 host's alone"
    dut.hear(P4, older)
    for at in (120, 240, 380):
        dut.at(at)
        dut.hear(P1, v2_report(ssm))
        assert dut.entry(P1, ssm) == Entry("include", None, {S1: 270.0})
    dut.hear(P2, v2_report(ssm))
    assert dut.entry(P2, ssm) is None, "SM-46: it makes none"
    dut.at(411)
    dut.hear(P1, v2_report(ssm))
    assert dut.entry(P1, ssm) == Entry("include", None, {S1: 239.0})


@pytest.mark.parametrize("name", SETUPS)
def test_v1_query_that_makes_the_viewer_slow_cuts_nobody(name: str) -> None:
    """Q-18: Linux then takes ten seconds for specific queries too; also when a neighbour on its
    port leaves.
    """
    dut, viewer = watched(name)
    viewer.is_slow = True
    dut.hear(P4, frames.v1_query(src="10.0.0.255"))
    viewer.watch(60, [(at, specific(src=WINNER)) for at in (1.0, 1.5, 20.0, 33.0)])
    for at in (60, 100, 130):
        viewer.watch(at)
        dut.hear(P1, v3_report((TO_EX, G, []), src="10.0.0.99"))
        dut.hear(P1, v3_report((TO_IN, G, []), src="10.0.0.99"))
    viewer.watch(160)
    assert viewer.dark == []


@pytest.mark.parametrize(
    "sent",
    [
        specific(dst=OTHER_GROUP, src=RQ),
        specific(dst="224.0.0.1", src=RQ),
        frames.v2_query(G, 1, RQ, dst=OTHER_GROUP),
        specific(mac=frames.mac_of(OTHER_GROUP), src=RQ),
        specific(mac="02:00:00:00:00:01", src=RQ),
        specific(ttl=0, src=RQ),
        specific(ttl=255, src=RQ),
        specific(src="0.0.0.0"),
        specific(src=STRANGER),
    ],
)
def test_query_its_hosts_cannot_have_seen_lowers_nothing(sent: bytes) -> None:
    """V-9, F-1: nor does one of a stranger."""
    dut, _ = watched("follows rq")
    before = dut.entry(P1)
    dut.hear(R, sent)
    assert dut.entry(P1) == before
    assert dut.mrouters().keys() <= {R}


def test_misaddressed_query_is_counted_and_no_router() -> None:
    """V-9: malformed, dropped; SNOOP-21 only for checked ones."""
    dut = Dut()
    assert dut.hear(P4, specific(dst=OTHER_GROUP, src=RQ)) == frozenset()
    assert dut.count("malformed", P4) == 1
    assert dut.mrouters() == {}


def test_the_querier_s_address_lowers_on_its_own_port_only() -> None:
    """Q-18: spoofed on P4, and true on R."""
    dut, _ = watched("follows rq")
    before = dut.entry(P1)
    dut.hear(P4, specific(src=RQ))
    assert dut.entry(P1) == before
    assert dut.count("query_lowers_nothing", P4) == 1
    dut.hear(R, specific(src=RQ))
    assert dut.entry(P1) == Entry("exclude", 2.0, {}), "and never less than our own LMQT"


def test_port_with_mrouter_never_lowers_nothing() -> None:
    """Q-18, F-1: though the election runs there (idea 109)."""
    dut = Dut(port_params={P4: {"mrouter": "never"}})
    dut.hear(P4, frames.v3_query(src=RQ))
    dut.hear(P1, v2_report())
    dut.hear(P4, specific(src=RQ))
    assert dut.entry(P1) == Entry("exclude", 270.0, {})


def test_querier_that_moves_is_followed_once_its_old_port_is_silent() -> None:
    """Q-18: a query interval's three quarters, or its link goes down."""
    dut = Dut()
    dut.hear(R, frames.v3_query())
    dut.at(90)
    dut.hear(P4, frames.v3_query())
    assert dut.querier().port == R
    assert dut.count("query_other_port", P4) == 1
    dut.at(94)
    dut.hear(P4, frames.v3_query())
    assert dut.querier().port == P4
    dut.port_down(P4)
    dut.hear(R, frames.v3_query())
    assert dut.querier().port == R


def test_guarded_port_is_passed_on_and_not_believed() -> None:
    """Q-18: elects nobody, changes no timer, makes no router port; nor from 0.0.0.0."""
    dut = Dut(port_params={P4: {"querier_guard": True}})
    dut.hear(P1, v2_report())
    for frame in (frames.v3_query(), frames.v3_query(src="0.0.0.0"), specific(src=RQ)):
        assert dut.hear(P4, frame) == ALL - {P4}
    assert dut.role() == "none"
    assert dut.mrouters() == {}
    assert dut.entry(P1) == Entry("exclude", 270.0, {})
    assert dut.count("querier_guarded", P4) == 3
    dut.wait(20)
    assert dut.forwards(by=P2) == ALL - {P2}


def test_guard_set_at_run_time_ends_what_the_port_had() -> None:
    """Q-18: by a reload."""
    dut = Dut()
    dut.hear(P4, frames.v3_query())
    dut.configure(ports={P4: {"querier_guard": True}})
    assert (dut.role(), dut.mrouters()) == ("none", {})


def test_displaced_querier_says_so() -> None:
    """Q-18: an event with whose values hold."""
    dut = Dut(querier="on", querier_address=OWN)
    dut.zero()
    dut.hear(P4, frames.v3_query(src=WINNER, qrv=3, qqic=60))
    told = [e for e in dut.events() if e.kind == "querier" and e.fields["displaced"]]
    assert [(e.port, e.fields["address"]) for e in told] == [(P4, WINNER)]
    (warning,) = (
        e for e in dut.events() if e.kind == "warning" and "gave way" in str(e.fields["reason"])
    )
    assert "query interval 60 s" in str(warning.fields["reason"])
    assert "robustness 3" in str(warning.fields["reason"])


def test_v1_host_is_not_asked_what_it_cannot_answer() -> None:
    """RFC 1112: a v1 host knows no specific query, so none ends its membership."""
    dut = Dut()
    dut.hear(R, frames.v3_query())
    dut.hear(P1, frames.v1_report())
    dut.hear(R, specific(src=RQ))
    assert dut.entry(P1) == Entry("exclude", 270.0, {})


def test_pim_neighbour_keeps_the_pruning_and_nobody_is_cut() -> None:
    """Q-20, N-4: somebody is there; members who answer stay though nobody else asks them."""
    dut = Dut()
    dut.hear(P2, v3_report((TO_EX, G, [])))
    viewer = Viewer(dut)
    dut.hear(R, frames.pim_hello(0xFFFF))
    dut.at(9.9)
    assert dut.forwards(by=P2) == ALL - {P2}
    viewer.watch(700)
    assert viewer.dark == []
    assert dut.forwards(by=P4) == {P1, R}, "P2 said nothing since"
    assert all(text(bytes(10) + b"\xff\xff" + bytes(4)) == t.sent.ip.src for t in dut.made())
    dut.hear(R, frames.pim_hello(0))
    assert dut.forwards(by=P4) == ALL - {P4}, "nobody is there any more"


@pytest.mark.parametrize("setup", [{}, {"querier": "off"}])
def test_members_that_are_refreshed_are_not_asked(setup: dict[str, object]) -> None:
    """Q-9: while the querier's questions are answered there is no last word."""
    dut = Dut(**setup)
    dut.rq()
    dut.wait(10)
    viewer = Viewer(dut)
    made = len(list(dut.made()))
    viewer.watch(800)
    assert viewer.dark == []
    assert len(list(dut.made())) == made


def test_pruning_begins_only_after_everybody_was_asked() -> None:
    """Q-15, Q-18: a stranger who appears as the first querier cuts nobody who was forgotten
    while nobody asked.
    """
    dut = Dut()
    viewer = Viewer(dut)
    viewer.watch(400)
    assert dut.entry(P1) is None, "flooded"
    join = v3_report((TO_EX, G, []), src=STRANGER)
    for first in (frames.v3_query(src=HOST, code=1), frames.pim_hello(), specific(src="0.0.0.0")):
        viewer.watch(dut.time + 300, [(dut.time + 1, first), (dut.time + 1, join)])
        assert viewer.dark == []


def test_leave_with_a_stolen_name_touches_the_thief_s_port_only() -> None:
    """SM-62: the viewer's MAC and address, on P4."""
    dut, _ = watched("asks")
    before = dut.entry(P1)
    dut.hear(P4, v3_report((TO_EX, G, [])))
    dut.hear(P4, v3_report((TO_IN, G, []), src=HOST))
    dut.hear(P4, leave(src=HOST))
    assert dut.entry(P1) == before
    assert {t.ports for t in dut.specific_queries()} == {frozenset({P4})}


OTHERS = {
    "v1 report": frames.v1_report(src=STRANGER),
    "v2 report": v2_report(src=STRANGER),
    **{
        f"record {kind}": v3_report((kind, G, [S1]), src=HOST)
        for kind in (frames.IS_IN, frames.IS_EX, TO_IN, TO_EX, frames.ALLOW, frames.BLOCK)
    },
    "leave": leave(src=HOST),
    "DVMRP": frames.dvmrp_probe(),
    "PIMv1": frames.encapsulate(b"\x14\x00\xeb\xff" + bytes(4), src=RQ, dst="224.0.0.2"),
    "mtrace": frames.encapsulate(b"\x1f\x00\xe0\xff" + bytes(4), src=RQ, dst="224.0.0.2"),
    "unknown": frames.encapsulate(b"\x40\x00\xbf\xff" + bytes(4), src=RQ, dst=G),
    "MRD advertisement": frames.mrd_advertisement(180, src=RQ),
    "MRD termination": frames.mrd_termination(src=RQ),
    "PIM hello": frames.pim_hello(0xFFFF, src=RQ),
    "PIM goodbye": frames.pim_hello(0, src=RQ),
    "PIM join": frames.pim_hello(kind=3, src=RQ),
}


@pytest.mark.parametrize("what", OTHERS)
@pytest.mark.parametrize("name", ["follows rq", "asks"])
def test_no_other_message_reaches_beyond_its_own_port(what: str, name: str) -> None:
    """SM-62, SNOOP-20: reports, leaves and what routers say, with the names of others."""
    dut, _ = watched(name)
    dut.hear(R, frames.pim_hello(src=RQ))
    dut.hear(R, frames.mrd_advertisement(src=RQ))
    before = (dut.entry(P1), dut.mrouters().get(R), dut.role())
    dut.hear(P4, OTHERS[what])
    assert (dut.entry(P1), dut.mrouters().get(R), dut.role()) == before
    assert dut.mrouters().keys() <= {R, P4}
    assert P1 in dut.forwards(by=P2)
