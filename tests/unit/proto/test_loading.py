"""What is not loaded: what another configuration does not allow, and what is no state at all."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from snoop.proto.dumping import BadState
from snoop.proto.engine import Engine
from snoop.proto.params import FastLeave, MrouterMode, Params, PortParams, QuerierMode
from snoop.proto.state import EngineState
from snoop.proto.units import Instant, seconds
from snoop.runtime import saved
from snoop.wire.address import parse
from unit import proto_lab as kit
from unit.crossing import hand_up
from unit.device import P1, P2, P3, R
from unit.frames import ALLOW, BLOCK, RQ, S1, S2, S3, SSM, TO_EX, G, H


class Restart:
    """A lab whose switch is started anew with other settings."""

    def __init__(
        self,
        lab: kit.Lab,
        *,
        port: Mapping[int, dict[str, object]] | None = None,
        ports: dict[int, PortParams] | None = None,
        **params: object,
    ) -> None:
        own = {
            number: replace(each, **(port or {}).get(number, {}))  # type: ignore[arg-type]
            for number, each in lab.port_params.items()
        }
        self.ports = own if ports is None else ports
        self.lab = lab
        lab.params = replace(lab.params, **params)  # type: ignore[arg-type]  # keywords are the callee's
        lab.port_params = self.ports
        data = saved.pack(lab.engine.dump(lab.now))
        lab.clear()
        lab.engine, effects = Engine.load(
            saved.unpack(data, EngineState), params=lab.params, ports=self.ports, now=lab.now
        )
        lab.take(effects)

    def said(self) -> list[tuple[int | None, object, object]]:
        """(port, reason, count) of what was left out."""
        events = [*self.lab.events("limit"), *self.lab.events("warning")]
        return [(e.port, e.fields["reason"], e.fields.get("count")) for e in events]


def many(port: int, number: int, lab: kit.Lab, first: int = 0) -> None:
    """Joins one after the other, a second apart."""
    for n in range(first, first + number):
        lab.at(lab.time + 1)
        lab.hear(port, kit.v3(kit.record(TO_EX, f"239.3.0.{n}")))


def groups_of(lab: kit.Lab, port: int) -> list[int]:
    return [row.group[15] for row in lab.engine.mdb(lab.now) if row.port == port]


# Other settings ----------------------------------------------------------------------------------


def test_ports_are_known_by_their_names() -> None:
    """In another order of the file they have other numbers."""
    lab = kit.querier(port={P2: {"fast_leave": FastLeave.ON}})
    lab.hear(P1, kit.v3(kit.record(TO_EX)))
    lab.hear(P2, kit.v3(kit.record(ALLOW, SSM, [S1, S2])))
    lab.hear(R, kit.hello())
    lab.add_static(P3, H)
    lab.take(lab.engine.query(vid=0, group=None, port=P1, now=lab.now))
    before = lab.engine.port_counters(P1)
    own = lab.port_params
    Restart(lab, ports={10: own[R], 9: own[P1], 8: own[P2], 7: own[P3]})
    assert {(row.port, row.group) for row in lab.engine.mdb(lab.now)} == {
        (9, parse(G)),
        (8, parse(SSM)),
        (7, parse(H)),
    }
    assert lab.mrouters() == {10}
    assert lab.engine.port_counters(9) == before
    assert lab.hear(9, kit.v3(kit.record(TO_EX, "239.9.9.9"))) == {10}
    lab.hear(8, kit.v3(kit.record(BLOCK, SSM, [S1, S2])))
    assert lab.row(8, SSM) is None, "fast leave"


def test_a_port_that_is_gone_is_taken_away_like_any_other() -> None:
    """Its memberships, static entries and routers go; groups of others stay."""
    lab = kit.follower()
    lab.hear(P1, kit.v3(kit.record(TO_EX), kit.record(TO_EX, H)))
    lab.hear(P2, kit.v3(kit.record(TO_EX)))
    lab.hear(P1, kit.hello())
    lab.take(lab.engine.mrouter_add(vid=0, port=P1, now=lab.now))
    lab.add_static(P1)
    own = lab.port_params
    again = Restart(lab, ports={R: own[R], P1: own[P2], P3: own[P3]})
    assert [(row.port, row.group) for row in lab.engine.mdb(lab.now)] == [(P1, parse(G))]
    assert lab.mrouters() == {R}
    assert lab.holds(H), "a tombstone"
    assert again.said() == [(None, "port p1 is gone: what was learned on it is left out", 2)]


def test_a_new_port_begins_empty_and_down() -> None:
    lab = kit.follower(ports=3)
    lab.hear(P1, kit.v3(kit.record(TO_EX)))
    Restart(lab, ports={**lab.port_params, P3: PortParams(name="new")})
    assert groups_of(lab, P1) == [3]
    assert lab.engine.port_counters(P3)["rx_report_v3"] == 0
    lab.take(lab.engine.port_up(P3, now=lab.now))
    assert lab.hear(P3, kit.v3(kit.record(TO_EX))) == {R}


def test_groups_over_a_smaller_limit_of_the_vlan_are_left_out() -> None:
    """The youngest go, tombstones before them, and nobody is cut off (SM-68)."""
    lab = kit.querier(port={P2: {"fast_leave": FastLeave.ON}})
    lab.hear(P2, kit.old_report(2))
    lab.hear(P2, kit.leave())
    many(P1, 10, lab)
    again = Restart(lab, max_groups=6)
    assert not lab.holds(G)
    assert groups_of(lab, P1) == [0, 1, 2, 3, 4, 5]
    assert lab.count("table_full", P1) == 4
    assert again.said() == [(P1, "max_groups is lower than it was: memberships left out", 4)]
    lab.hear(P2, kit.v3(kit.record(TO_EX, "239.3.0.0")))
    lab.take(lab.engine.clear(vid=0, group=parse("239.3.0.1"), port=None, now=lab.now))
    lab.hear(P2, kit.v3(kit.record(TO_EX, "239.3.0.9")))
    view = lab.engine.group_view(0, parse("239.3.0.9"))
    assert view is not None
    assert view.spared == 1 << P1


@pytest.mark.parametrize(
    ("settings", "left", "counter", "reason"),
    [
        ({"max_groups_total": 6}, 6, "table_full", "max_groups_total"),
        ({"max_state": 6 * 1800}, 6, "state_limit", "max_state"),
        ({"port": {P1: {"max_groups": 4}}}, 4, "port_limit", "max_groups"),
        ({"port": {P1: {"max_state": 5 * 1800}}}, 5, "state_limit", "max_state"),
    ],
    ids=["total", "state", "port", "port state"],
)
def test_memberships_over_smaller_limits_are_left_out(
    settings: dict[str, Any], left: int, counter: str, reason: str
) -> None:
    lab = kit.querier()
    many(P1, 10, lab)
    again = Restart(lab, **settings)
    assert groups_of(lab, P1) == list(range(left))
    assert lab.count(counter, P1) == 10 - left
    said = f"{reason} is lower than it was: memberships left out"
    assert again.said() == [(P1, said, 10 - left)]
    assert lab.engine.port_state_bytes(P1) <= 10 * 1800


def test_entries_with_more_sources_than_allowed_want_any_source() -> None:
    """SM-68: nothing that is wanted is lost."""
    lab = kit.querier()
    lab.hear(P1, kit.v3(kit.record(ALLOW, SSM, [S1, S2, S3])))
    again = Restart(lab, max_sources=2)
    assert lab.entry(P1, SSM) == ("exclude", 270.0, {})
    assert again.said() == [(P1, "max_sources is lower than it was: any source wanted", 1)]
    assert lab.count("source_limit", P1) == 1


def test_hosts_over_a_smaller_limit_are_not_tracked() -> None:
    """SM-65: then a leave is asked about."""
    lab = kit.querier(port={P1: {"fast_leave": FastLeave.TRACKED}})
    many(P1, 4, lab)
    again = Restart(lab, max_hosts=2)
    assert len(lab.engine.hosts(lab.now)) == 2
    assert again.said() == [(P1, "max_hosts is lower than it was: hosts not tracked any more", 2)]
    lab.hear(P1, kit.leave("239.3.0.3"))
    assert lab.row(P1, "239.3.0.3") is not None


def test_a_limit_that_was_passed_and_not_lowered_takes_nothing() -> None:
    """A full table may have grown by the ports' shares; other keys changed."""
    lab = kit.querier(max_groups=8)
    many(P1, 8, lab)
    lab.take(lab.engine.configure(replace(lab.params, max_groups=4), lab.port_params, now=lab.now))
    lab.params = replace(lab.params, max_groups=4)
    again = Restart(lab, robustness=3)
    assert len(groups_of(lab, P1)) == 8
    assert again.said() == []


def test_questions_that_another_version_cannot_ask_are_left_out() -> None:
    """Also in a reload: version 2 has no sources."""
    for reload in (True, False):
        lab = kit.querier()
        lab.hear(P1, kit.v3(kit.record(ALLOW, SSM, [S1, S2])))
        lab.hear(P1, kit.v3(kit.record(BLOCK, SSM, [S1])))
        if reload:
            lab.params = replace(lab.params, version=2)
            lab.take(lab.engine.configure(lab.params, lab.port_params, now=lab.now))
        else:
            Restart(lab, version=2)
        lab.clear()
        lab.at(50)
        assert lab.asked() == []
        assert lab.entry(P1, SSM) == ("include", None, {S2: 260.0})


def test_snooping_that_is_off_now_forgets_and_on_again_begins() -> None:
    """VLAN-8, SM-67: static entries stay."""
    lab = kit.follower()
    lab.hear(P1, kit.v3(kit.record(TO_EX)))
    lab.add_static(P2, H)
    Restart(lab, enabled=False)
    assert [(row.port, row.group) for row in lab.engine.mdb(lab.now)] == [(P2, parse(H))]
    assert lab.role() == "none"
    assert not lab.is_active()
    Restart(lab, enabled=True, querier=QuerierMode.ON, querier_address=parse(kit.OWN))
    assert lab.role() == "querier"
    assert len(lab.queries()) == 1


def test_a_vlan_that_is_not_configured_any_more_ends_when_nothing_is_left() -> None:
    own = Params(query_interval=seconds(60))
    lab = kit.Lab(vlans=((7, own), (8, own)))
    lab.hear(P1, kit.old_report(2, vid=8))
    Restart(lab, vlans=((9, own),))
    assert lab.engine.vids() == [0, 8, 9]
    lab.at(400)
    lab.at(700)
    assert lab.engine.vids() == [0, 9]


def test_a_querier_follows_settings_that_changed_meanwhile() -> None:
    """As after a reload: what was learned stays, another role is taken at once."""
    lab = kit.querier()
    lab.hear(P1, kit.v3(kit.record(TO_EX)))
    Restart(lab, querier=QuerierMode.OFF, port={P1: {"mrouter": MrouterMode.ALWAYS}})
    assert lab.role() == "none"
    assert lab.mrouters() == {P1}
    assert lab.row(P1) is not None


# No state ----------------------------------------------------------------------------------------


def lively() -> kit.Lab:
    """A lab with one of everything."""
    lab = kit.querier(port={P2: {"fast_leave": FastLeave.TRACKED}}, vlans=((7, Params()),))
    lab.hear(R, kit.hello(30))
    lab.hear(R, kit.query(vid=7))
    lab.hear(R, kit.query(src="0.0.0.0", vid=6))
    lab.hear(P1, kit.old_report(1, vid=5))
    lab.hear(
        P2,
        kit.v3(kit.record(ALLOW, SSM, [S1, S2]), kit.record(TO_EX, G, [S3])),
    )
    lab.hear(P3, kit.v3(kit.record(TO_EX, G), src="10.0.0.12"))
    lab.hear(P3, kit.v3(kit.record(TO_EX, G), src="10.0.0.13"))
    lab.hear(P1, kit.old_report(2, H))
    lab.hear(P1, kit.leave(H))
    lab.hear(P1, kit.v3(kit.record(ALLOW, SSM, [S1, S2])))
    lab.hear(P1, kit.v3(kit.record(BLOCK, SSM, [S1])))
    lab.hear(P2, kit.leave("239.1.2.9"))
    lab.hear(P1, kit.frame(b"\x30" + bytes(7), src=RQ, dst="224.0.0.106", vid=4))
    lab.add_static(P1)
    lab.add_static(P3, H, S1)
    lab.take(lab.engine.mrouter_add(vid=0, port=P3, now=lab.now))
    lab.take(lab.engine.port_down(P3, now=lab.now))
    lab.take(lab.engine.port_up(P3, now=lab.now))
    return lab


LIVELY = lively()
STATE = LIVELY.engine.dump(LIVELY.now)
BYTES = saved.pack(STATE)


def load(state: EngineState, lab: kit.Lab = LIVELY, *, late: int = 0) -> Engine:
    now = Instant(lab.now + late)
    return Engine.load(state, params=lab.params, ports=lab.port_params, now=now)[0]


def test_a_state_of_later_than_now_is_of_another_boot() -> None:
    with pytest.raises(BadState, match="another boot"):
        load(STATE, late=-1)


def test_every_cut_and_every_flipped_byte_is_refused() -> None:
    """By the checksum, whatever is in it."""
    for length in range(len(BYTES)):
        with pytest.raises(BadState):
            saved.unpack(BYTES[:length], EngineState)
    for place in range(len(BYTES)):
        data = bytearray(BYTES)
        data[place] ^= 0x40
        with pytest.raises(BadState):
            saved.unpack(bytes(data), EngineState)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "cut after 0 bytes"),
        (b"\x7fELF" + bytes(100), "not a state of a switch"),
        (BYTES[:16] + bytes(3) + b"\x63" + BYTES[20:], f"version 99, this is {saved.VERSION}"),
        (BYTES[:-1], "cut or damaged"),
        (saved.pack([1, 2, 3]), "not as a state is written"),  # type: ignore[arg-type]  # on purpose
        (saved.pack({"a": [[]]}), "not as a state is written"),  # type: ignore[arg-type]
    ],
)
def test_what_is_no_state_is_refused_in_one_line(data: bytes, message: str) -> None:
    with pytest.raises(BadState, match=message) as raised:
        saved.unpack(data, EngineState)
    assert "\n" not in str(raised.value)


def test_what_is_written_is_read_as_it_was() -> None:
    assert saved.unpack(BYTES, EngineState) == STATE


def test_counters_that_are_no_more_are_left_out_and_new_ones_begin() -> None:
    """What another version counted under other names."""
    (first, *others) = STATE.ports
    ports = (first._replace(counts={"of_yore": 7, "rx_leave": 3}), *others)
    counters = load(STATE._replace(ports=ports)).port_counters(first.id)
    assert "of_yore" not in counters
    assert counters["rx_leave"] == 3
    assert counters["rx_report_v3"] == 0


def mutated(rng: random.Random) -> bytes:
    """A state with one thing in it wrong, and a good checksum."""
    tree = msgspec.msgpack.decode(msgspec.msgpack.encode(STATE), strict=False)
    places: list[tuple[Any, Any]] = []

    def walk(node: Any) -> None:
        for key, value in node.items() if isinstance(node, dict) else enumerate(node):
            places.append((node, key))
            if isinstance(value, (list, dict)):
                walk(value)

    walk(tree)
    node, key = rng.choice(places)
    value = node[key]
    match value:
        case bool():
            node[key] = not value
        case int():
            wrong = [value + 1, value - 1, -value, 0, -1, 1 << 62, (1 << 62) + 1, 300, 1 << 63]
            node[key] = rng.choice(wrong)
        case bytes():
            node[key] = rng.choice([b"", value[:-1], value + b"x", bytes(len(value)), value[::-1]])
        case str():
            node[key] = rng.choice(["", "static", "query", "p1", value * 2])
        case list():
            node[key] = rng.choice([[], value * 2, value[::-1], value[1:], None])
        case dict():
            node[key] = rng.choice([{}, None])
        case _:
            node[key] = rng.choice([0, 1, b"", [], bytes(16)])
    return saved.pack(tree)


@pytest.mark.parametrize("seed", range(8))
def test_a_state_with_one_thing_wrong_is_refused_or_is_one(seed: int) -> None:
    """Types, ranges, names, twice the same, what belongs together: never half a state."""
    rng = random.Random(seed)
    refused = 0
    for _ in range(150):
        data = mutated(rng)
        try:
            engine = load(saved.unpack(data, EngineState))
        except BadState:
            refused += 1
            continue
        live(engine)
    assert refused > 50


def live(engine: Engine) -> None:
    """Whatever else it is, it is an engine."""
    now = LIVELY.now
    for number, data in enumerate(
        (kit.v3(kit.record(TO_EX)), kit.leave(SSM), kit.query(), kit.old_report(2, vid=7))
    ):
        hand_up(engine, port=number, frame=data, now=now)
    engine.mdb(now), engine.hosts(now), engine.mrouters(now), engine.queriers(now)
    end = Instant(now + seconds(600))
    for _ in range(2000):
        due = engine.next_deadline()
        if due is None or due > end:
            break
        now = max(now, due)
        engine.advance(now)
    else:
        pytest.fail("it does not come to rest")
    engine.port_down(P3, now=end)
    engine.advance(Instant(end + 10))
    engine.dump(Instant(end + 10))
