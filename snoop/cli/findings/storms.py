"""Frames that go everywhere, faster than any host means them to, and what goes round in a loop."""

from __future__ import annotations

from collections.abc import Iterator

from snoop.cli.findings.facts import Facts, many, note, problem
from snoop.control import documents
from snoop.control.causes import Cause
from snoop.control.documents import Finding
from snoop.control.storm import OVER, STORMS, UNREGISTERED, came_in

_DUMPED = {"flood_broadcast": "broadcast", "flood_unknown_unicast": "not ip6"}  # as tcpdump says
OWN_FRAME = "own_frame"
HELD_BACK = "loop"
_FRESH_SECONDS = 10.0
"""What came round in a loop that is gone came before that."""
_HELD_SECONDS = 3.0
"""A port is held for longer, if it was no link that went down, with which claims end (LOOP-4)."""
COUNTERS = (*STORMS, *OVER, OWN_FRAME, HELD_BACK)


def storms(facts: Facts) -> Iterator[Finding]:
    """SAY-18."""
    for port in facts.rates:
        if port in looped(facts):
            continue
        for rate, words, dumped, cut in _storms(facts, port):
            where = "go to every port" if not cut else f"storm_limit lets {rate - cut:.0f} pass"
            meant = f"; `snoop port set {port} storm_limit=0`, if all of it is meant" if cut else ""
            yield problem(
                Cause.STORM,
                port,
                f"{rate:.0f} {words} come in here and {where}: a storm",
                f"`tcpdump -c 20 -eni {port} {dumped}` shows who sends them (or a loop, if many "
                f"do); `ip link set {port} down` ends it{meant}",
            )


def _storms(facts: Facts, port: str) -> Iterator[tuple[float, str, str, float]]:
    floods = facts.config.switch.unregistered == "flood"
    for name, (most, words, _) in STORMS.items():
        rate, cut = came_in(facts.rates.get(port, {}), name)
        if rate >= most and (floods or name != UNREGISTERED) and len(facts.seen.ports) > 2:
            yield rate, words, _DUMPED.get(name, "ip multicast"), cut


def looped(facts: Facts) -> set[str]:
    """Ports of a loop: that are held, that those go round by, at which our queries came back."""
    held = {each for row in facts.seen.ports if row.loop for each in (row.name, row.loop_with)}
    return _came_back(facts) | {name for name in held if name is not None}


def _came_back(facts: Facts) -> set[str]:
    return {name for name, counts in facts.port_counters.items() if counts.get(OWN_FRAME)}


def had_loop(facts: Facts) -> bool:
    """Was there one since the counters were cleared? In it any port may have heard any address."""
    return bool(_came_back(facts)) or any(
        counts.get(HELD_BACK) for counts in facts.port_counters.values()
    )


def by_loop(facts: Facts, station: documents.Station) -> bool:
    """Is the address at two ports because its frames go round?"""
    return not looped(facts).isdisjoint((station.port, station.rival))


def went_round(facts: Facts, station: documents.Station) -> bool:
    """Is it so because its frames did, in a loop that is gone?"""
    return had_loop(facts) and station.claimed is not None and station.claimed > _HELD_SECONDS


def _is_fresh(station: documents.Station) -> bool:
    return station.claimed is not None and station.claimed < _FRESH_SECONDS


def loops(facts: Facts) -> Iterator[Finding]:
    """LOOP-2: ports that are held; SAY-18: a frame of ours that comes in has been round."""
    cut = [row for row in facts.seen.ports if row.loop]
    for row in cut:
        yield problem(
            Cause.LOOP,
            row.name,
            row.problem or "held: a loop",
            f"`ip link set {row.name} down`, or take one of the cables of the loop out; some "
            "seconds later it forwards again by itself",
        )
    ports = sorted(_came_back(facts))
    if not ports or cut:
        return
    round_now = {row.mac for row in facts.disputed if by_loop(facts, row) and _is_fresh(row)}
    goes_on = bool(round_now) or any(True for port in ports for _ in _storms(facts, port))
    if facts.config.switch.loop_guard and not goes_on:
        came = sum(facts.port_counters[port][OWN_FRAME] for port in ports)
        yield note(
            Cause.LOOP,
            ", ".join(ports),
            f"{many(came, 'frame')} of our own came back in here: a loop that is gone, or somebody "
            "who sends back what he gets",
            "`snoop show events --type loop` has the loops there were; `snoop clear counters`",
        )
        return
    came = sum(facts.port_counters[port][OWN_FRAME] for port in ports)
    text = f"a loop: {many(came, 'frame')} of our own came back in here (own_frame {came})"
    if round_now:
        text += f"; {many(len(round_now), 'address', 'addresses')} of hosts came round as well"
    for port in ports:
        for rate, words, _, _ in _storms(facts, port):
            text += f"; {rate:.0f} {words} at {port}"
    yield problem(
        Cause.LOOP,
        ", ".join(ports),
        text,
        f"`ip link set {ports[-1]} down`, or take one of the cables out; then "
        "`snoop clear counters`; if the other side sends back what it gets, turn that off "
        "(hairpin, reflective relay)",
    )
