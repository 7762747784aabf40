"""Every change is announced: what the effects made the fast path believe is what the engine knows.

A switch with tight limits goes through a random life: joins, fast leaves, static entries, flaps,
reloads, evictions, time. After each step the table built from effects alone must equal one
compiled from scratch (SNOOP-28, VLAN-8, SM-68, SM-69).
"""

from __future__ import annotations

import random

import pytest

from snoop.table.mdb import Mdb, compile_group, compile_vlan
from snoop.wire.address import Family
from unit import frames
from unit.device import P1, P2, P3, R, address
from unit.dut import OWN, Dut
from unit.frames import ALLOW, BLOCK, IS_EX, IS_IN, RQ, S1, S2, S3, TO_EX, TO_IN
from unit.reference import Table

GROUPS = [f"239.5.0.{n}" for n in range(12)]
PORTS = [R, P1, P2, P3]
KINDS = [IS_IN, IS_EX, TO_IN, TO_EX, ALLOW, BLOCK]


def afresh(dut: Dut) -> Table:
    """The table as one compiles it who knows nothing of what was announced."""
    engine, mdb, table = dut.engine, Mdb(), Table(up=dut.table.up)
    mdb.set_floods((address(group), 128) for group in dut.floods)
    for vid, group in engine.groups():
        mdb.set_group(vid, group, compile_group(engine.group_view(vid, group)))
    for vid in engine.vids():
        view = engine.vlan_view(vid, Family.IPV4)
        mdb.set_vlan(compile_vlan(view, dut.params, dut.port_params))
    table.apply(mdb.staged())
    return table


def same(dut: Dut) -> None:
    fresh = afresh(dut)
    assert dut.table.rows == fresh.rows
    for key, row in fresh.vlans.items():
        known = dut.table.vlans.get(key)
        assert known == row or (known is None and not row.active and not row.mrouters)


def one_step(dut: Dut, rng: random.Random) -> None:
    engine, port, group = dut.engine, rng.choice(PORTS), rng.choice(GROUPS)
    vid = rng.choice([None, None, 10])
    sources = [s for s in (S1, S2, S3) if rng.random() < 0.4]
    match rng.randrange(16):
        case 0 | 1 | 2 | 3 | 4:
            dut.hear(port, frames.v3_report((rng.choice(KINDS), group, sources), vid=vid))
        case 5:
            dut.hear(port, frames.v2_report(group, vid=vid))
        case 6:
            dut.hear(port, frames.leave(group, vid=vid))
        case 7:
            dut.hear(R, frames.v3_query(group, sources, vid=vid))
        case 8:
            dut.hear(R, frames.v3_query(src=rng.choice([RQ, "10.0.0.255"]), vid=vid))
        case 9:
            dut.hear(port, frames.pim_hello(rng.choice([0, 30, 105])))
        case 10:
            source = rng.choice([None, S1])
            change = dut.add_static if rng.random() < 0.6 else dut.remove_static
            try:
                change(port, group, source, vid or 0)
            except KeyError:
                assert change == dut.remove_static
        case 11:
            dut.port_down(port)
            same(dut)
            dut.port_up(port)
        case 12:
            dut.configure(
                enabled=rng.random() < 0.9,
                unregistered=rng.choice(["flood", "mrouters", "drop"]),
                no_querier=rng.choice(["flood", "prune"]),
                querier=rng.choice(["on", "off"]),
                ports={
                    P2: {
                        "mrouter": rng.choice(["auto", "always", "never"]),
                        "fast_leave": rng.choice(["on", "off", "tracked"]),
                        "flood_unregistered": rng.choice([None, True, False]),
                        "deny_groups": rng.choice([(), ["239.5.0.0/30"]]),
                    }
                },
            )
        case 13:
            chosen = rng.choice([None, address(group)])
            dut.take(engine.clear(vid=None, group=chosen, port=None, now=dut.now))
        case 14 | 15:
            dut.wait(rng.choice([0.5, 2, 10, 60, 255, 280]))


@pytest.mark.parametrize("seed", range(12))
def test_the_published_table_is_the_engines_own(seed: int) -> None:
    """Ideas 73, 98, 111, 120 and 121 at once, in random order."""
    rng = random.Random(seed)
    dut = Dut(
        ports=4,
        querier="on",
        querier_address=OWN,
        max_groups=6,
        max_sources=2,
        port_params={P1: {"fast_leave": "on", "max_groups": 3}},
    )
    for _ in range(150):
        one_step(dut, rng)
        same(dut)
