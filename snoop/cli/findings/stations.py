"""Unicast addresses: claimed from two ports, or so many that there is no room."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from snoop.cli.findings.facts import NEAR_LIMIT, NOBODYS, Facts, many, note, problem
from snoop.cli.findings.storms import by_loop, had_loop, looped, went_round
from snoop.control import documents, witnessed
from snoop.control.causes import Cause
from snoop.control.documents import Finding

FLOOD_SHARE = 0.5
ALIVE_SECONDS = 300.0
NAMED_MAX = 4
COUNTERS = ("fdb_move_damped",)
_DO = (
    "look for a forged or doubled address behind either port, or a loop; a host that has two links "
    "needs one port, or a bond of its own; [[port]] sticky keeps a port's addresses there alone"
)


def disputes(facts: Facts) -> Iterator[Finding]:
    claimed: dict[tuple[str, str, bool], list[documents.Station]] = defaultdict(list)
    for row in facts.disputed:
        if by_loop(facts, row) or went_round(facts, row):
            continue  # said once, as the loop it is or was
        assert row.rival is not None
        claimed[row.rival, row.port, row.sticky].append(row)
    for (rival, port, sticky), rows in sorted(claimed.items()):
        one = len(rows) == 1
        yield problem(
            Cause.MAC_CLAIMED,
            rival,
            f"claims {rows[0].mac}{'' if one else f' and {len(rows) - 1} more'}, "
            f"which {'is' if one else 'are'} heard at {port} and "
            + (f"stay{'s' if one else ''} there" if sticky else "served at both"),
            _DO,
        )
    now = {rival for rival, _, _ in claimed} | looped(facts)
    for name, counts in facts.port_counters.items():
        frames = counts.get("fdb_move_damped", 0)
        if frames and name not in now and not had_loop(facts):
            yield problem(
                Cause.MAC_CLAIMED,
                name,
                f"{many(frames, 'frame')} came with the address of a host that is elsewhere "
                f"(fdb_move_damped {frames})",
                _DO,
            )


def doubled(facts: Facts) -> Iterator[Finding]:
    """Two hosts with one address: what one joins or leaves is not told apart from the other's."""
    users: dict[tuple[int, str], list[witnessed.Witness]] = defaultdict(list)
    for row in facts.witnesses.hosts:
        gone = row.left or row.moved or row.unanswered or row.last_heard > ALIVE_SECONDS
        if row.address not in NOBODYS and not gone:
            users[row.vlan, row.address].append(row)
    for (_, address), rows in users.items():
        macs = {row.mac: row.port for row in rows}
        if len(macs) > 1:
            named = [f"{mac} at {port}" for mac, port in sorted(macs.items())]
            ask = "ndisc6 -m {} INTERFACE" if ":" in address else "arping -D -I INTERFACE {}"
            yield note(
                Cause.SHARED_ADDRESS,
                address,
                f"{len(macs)} hosts report from this address: {', '.join(named[:NAMED_MAX])}",
                f"if it is not one host with several cards, give one of them another: "
                f"`{ask.format(address)}` on a host of that network shows both",
            )


def room(facts: Facts) -> Iterator[Finding]:
    most = facts.config.switch.fdb_max
    if facts.fdb_entries < NEAR_LIMIT * most:
        return
    text = f"{facts.fdb_entries} unicast addresses of at most {most}"
    port, held = max(facts.stations.items(), key=lambda one: one[1], default=("switch", 0))
    if held >= FLOOD_SHARE * facts.fdb_entries:
        yield problem(
            Cause.FDB_FULL,
            port,
            f"{text}, {held} of them behind this port: it floods addresses, or a large network "
            "is behind it",
            "look for what makes the addresses up; if they are real, raise [switch] fdb_max",
        )
        return
    yield problem(Cause.FDB_FULL, "switch", text, "raise [switch] fdb_max")
