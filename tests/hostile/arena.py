"""The whole switch against one hostile host: everything of `attacks.py` in random order, seeded and
bounded, beside a stream that somebody watches, a host that joins and leaves, and unicast.

    ./tests/hostile/run --seed 7 --seconds 600           # by hand
    ./tests/hostile/run --seed 7 --only churn --only cut # some attacks alone

Four kernel hosts in a star: `h0` sends, `h1` watches, `h2` joins and leaves, `h3` is the enemy
(`--enemies 7`: and so are those after it).
What must hold, whatever the enemy does: the viewer loses nothing and gets nothing twice or out of
order; every join is served, and in time; the daemon neither grows nor complains of itself; every
frame has its verdict. A failure names the seed, and the attacks that were under way.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hostile.attacks import ATTACKS
from snoop.lab import Lab, namespaces, wait_until
from snoop.lab.switch import SNOOP, Snoop

TESTS = Path(__file__).parents[1]

GROUP = "239.1.1.1"
JOIN_GROUPS = tuple(f"239.2.2.{number}" for number in range(1, 17))
QUERIER = "10.0.0.254"
TIMERS: dict[str, dict[str, Any]] = {
    # The defaults, but for the time that a new querier floods before it prunes.
    "long": {"query_response_interval": 2.0},
    "short": {
        # Twice the membership interval outlasts hosts that a v1 query made slow (slow_hosts.py).
        "query_interval": 2.5,
        "query_response_interval": 1.0,
        "last_member_query_interval": 0.2,
    },
}
AFTER_S = 1.0  # of the stream, before and after the attacks
GROWTH_BYTES_MAX = 64 << 20  # snoop/README.md: what one host can make the daemon grow by
JOIN_P50_MAX_S, JOIN_MAX_S = 0.05, 0.3  # 20 ms and 100 ms on a machine that does nothing else
UNICAST_LOST_MAX = 0.05  # a stolen MAC address may cost a frame now and then
ANSWER_S = 30.0
THREADS_MAX, DESCRIPTORS_MAX = 16, 256


@dataclass
class Outcome:
    """What was seen; `faults` is what should not have been."""

    seed: int
    timers: str
    attacks: list[dict[str, Any]] = field(default_factory=list)
    joins: list[dict[str, Any]] = field(default_factory=list)
    sent: dict[str, int] = field(default_factory=dict)
    seen: dict[str, dict[str, int]] = field(default_factory=dict)
    growth_bytes: int = 0
    findings: list[dict[str, str]] = field(default_factory=list)
    gaps: list[dict[str, Any]] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    drops: dict[str, dict[str, int]] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)

    def latencies(self) -> list[float]:
        """Seconds from a report's arrival at the port to the first datagram.

        Not of those that had it before: whoever joins again at once is a member still.
        """
        return sorted(join["seconds"] for join in self.joins if "seconds" in join)

    def last_to_come(self) -> float:
        return max(
            (join["heard"] - join["at"] for join in self.joins if "heard" in join), default=0
        )

    def __str__(self) -> str:
        stream, unicast = self.seen["stream"], self.seen["unicast"]
        lost = sum(not join["served"] and "heard" not in join for join in self.joins)
        joins, kinds = self.latencies(), {each["attack"] for each in self.attacks}
        frames = sum(each["frames"] for each in self.attacks)
        lines = [
            f"seed {self.seed}, {self.timers} timers: {len(self.attacks)} attacks of {len(kinds)} "
            f"kinds, {frames} frames",
            f"  stream   {stream['unique']} of {self.sent['stream']}, "
            f"{stream['datagrams'] - stream['unique']} doubled, {stream['reordered']} reordered",
            f"  unicast  {unicast['unique']} of {self.sent['unicast']}",
            f"  joins    {len(self.joins)}, {len(joins)} of them by a report: "
            f"p50 {1000 * middle(joins):.1f} ms, max {1000 * max(joins, default=0):.1f} ms",
            f"  reports  at the port in {1000 * self.last_to_come():.0f} ms at most, {lost} never",
            f"  memory   +{self.growth_bytes / (1 << 20):.1f} MiB",
            *(f"  {port:8} dropped {drops}" for port, drops in self.drops.items() if drops),
            *(f"  FAULT    {fault}" for fault in self.faults),
        ]
        return "\n".join(lines)


def middle(values: list[float]) -> float:
    return statistics.median(values) if values else 0.0


def play(
    *,
    seed: int,
    seconds: float,
    timers: str = "long",
    only: list[str] | None = None,
    enemies: int = 1,
    patience: float = 1.0,
) -> Outcome:
    """One game, at default settings but for a querier that has an address.

    `patience` multiplies the times allowed for a join, for machines that do other things as well.
    """
    with Lab(3 + enemies) as lab:
        igmp = {"querier": "on", "querier_address": QUERIER, **TIMERS[timers]}
        snoop = lab.switch(config={"igmp": igmp})
        for host in lab.hosts:
            host.call("tap", on=False)
        outcome = Outcome(seed, timers)
        with game(lab, snoop, outcome, seconds, only or []), monitor(snoop, outcome):
            watch_daemon(snoop, outcome, seconds)
        judge(snoop, outcome, patience)
        return outcome


def world(lab: Lab, enemy: int = 3) -> str:
    """The world as that enemy sees it, for `--world`."""
    sender, victim, own = (lab.h(i) for i in (0, 1, enemy))
    plain: dict[str, Any] = {
        "mac": own.mac,
        "address": own.address,
        "victim_mac": victim.mac,
        "victim": victim.address,
        "source_mac": sender.mac,
        "source": sender.address,
        "switch_mac": "02:00:00:00:02:00",
        "querier": QUERIER,
        "group": GROUP,
        "join_groups": JOIN_GROUPS,
    }
    macs = {name: value.replace(":", "") for name, value in plain.items() if name.endswith("mac")}
    return json.dumps({**plain, **macs})


@contextmanager
def game(
    lab: Lab, snoop: Snoop, outcome: Outcome, seconds: float, only: list[str]
) -> Iterator[None]:
    """Start the players, and gather what they say after the body."""
    about = ["--world", world(lab)]
    watcher = player(lab.h(1).namespace, "watch", *about)
    listener = player(lab.namespace, "hear", "--interface", lab.h(2).port, *about)
    processes = [watcher, listener]
    try:
        for process in processes:
            assert process.stdout is not None
            process.stdout.readline()
        snoop.wait_members(GROUP, {"p1"})
        register(lab, snoop)
        lasting = ["--seconds", str(seconds + 2 * AFTER_S)]
        sender = player(lab.h(0).namespace, "send", *about, *lasting)
        processes.append(sender)
        # A stream is under way, on both sides of it, before the enemy begins.
        time.sleep(AFTER_S)
        chosen = [word for name in only for word in ("--only", name)]
        enemies = []
        for number in range(3, len(lab.hosts)):
            seeded = ["--seed", str(outcome.seed + number), "--seconds", str(seconds)]
            enemy = ["--world", world(lab, number), *seeded, *chosen]
            enemies.append(player(lab.h(number).namespace, "attack", *enemy))
        joiner = player(lab.h(2).namespace, "join", *about, *seeded)
        processes += [*enemies, joiner]
        yield
        for process in enemies:
            outcome.attacks += said(process)
        outcome.joins += timed(said(joiner), said(listener))
        outcome.sent.update(said(sender)[-1])
        *gaps, counts = said(watcher)
        outcome.gaps += gaps
        outcome.seen.update(counts)
    finally:
        for process in processes:
            process.kill()
            process.wait()


def register(lab: Lab, snoop: Snoop) -> None:
    """Wait until the switch prunes, and the groups to be joined are known and without members:
    from then on their streams go nowhere until somebody joins.
    """
    for group in JOIN_GROUPS:
        lab.h(2).join(group)
    for group in JOIN_GROUPS:
        snoop.wait_members(group, {"p2"})
    for group in JOIN_GROUPS:
        lab.h(2).leave(group)
    for group in JOIN_GROUPS:
        snoop.wait_members(group, set())

    def pruned() -> bool:
        told = snoop.quick("explain", "--port", "p0", "--group", JOIN_GROUPS[0], "--json")
        return bool(json.loads(told)["reason"] == "no_member")

    wait_until(pruned, within=10.0, what="the switch prunes")


def timed(joins: list[dict[str, Any]], heard: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Joins with `heard`, when a report was first at the port, and `seconds` from then to the end.

    A join whose report never came so far has neither: whatever became of it was not the switch's.
    """
    for join in joins:
        reports = [each["at"] for each in heard if each["heard"] == join["join"]]
        first = min((at for at in reports if join["at"] <= at <= join["until"]), default=None)
        if first is not None:
            join.update(heard=first, seconds=join["until"] - first)
    return joins


def player(namespace: str, role: str, *arguments: str) -> subprocess.Popen[bytes]:
    command = namespaces.program("hostile.players", role, *arguments, home=TESTS)
    pipe = subprocess.PIPE
    return namespaces.spawn(namespace, command, stdin=pipe, stdout=pipe)


def said(process: subprocess.Popen[bytes]) -> list[dict[str, Any]]:
    """Wait for the player's end; its objects."""
    printed, _ = process.communicate(timeout=ANSWER_S)
    if process.returncode:
        raise AssertionError(f"a player ended with {process.returncode}: {process.args}")
    return [json.loads(line) for line in printed.splitlines()]


@contextmanager
def monitor(snoop: Snoop, outcome: Outcome) -> Iterator[None]:
    """Keep what the daemon says of the viewer's membership and of who asks."""
    types = [word for kind in ("join", "leave", "expire", "querier") for word in ("--type", kind)]
    command = [SNOOP, "--socket", snoop.socket, "monitor", "--json", *types]
    with (
        tempfile.TemporaryFile() as printed,
        subprocess.Popen(
            command, stdout=printed, env={**os.environ, "PYTHONUNBUFFERED": "1"}
        ) as it,
    ):
        try:
            yield
        finally:
            it.terminate()
            it.wait()
            printed.seek(0)
            events = [json.loads(line) for line in printed.read().splitlines()]
            outcome.events += [
                event
                for event in events
                if (event["event"] == "querier" and event["vlan"] == 0)
                or (event.get("group") == GROUP and event["port"] == "p1")
            ]


def watch_daemon(snoop: Snoop, outcome: Outcome, seconds: float) -> None:
    """Look at the daemon from outside while the game is on."""
    end = time.monotonic() + seconds
    before = resident_bytes(snoop)
    while time.monotonic() < end:
        if snoop.process.poll() is not None:
            outcome.faults.append(f"the daemon ended with {snoop.process.returncode}")
            return
        outcome.growth_bytes = max(outcome.growth_bytes, resident_bytes(snoop) - before)
        time.sleep(0.2)  # between two looks


def resident_bytes(snoop: Snoop) -> int:
    status = Path(f"/proc/{snoop.process.pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) << 10


def judge(snoop: Snoop, outcome: Outcome, patience: float) -> None:
    """Hold what was seen to what must hold; add to `faults`."""
    faults = outcome.faults
    stream, unicast = outcome.seen["stream"], outcome.seen["unicast"]
    if stream["unique"] < outcome.sent["stream"]:
        faults.append(f"the viewer lost {outcome.sent['stream'] - stream['unique']} datagrams")
        faults += [f"event {event}" for event in outcome.events]
    if stream["datagrams"] > stream["unique"]:
        faults.append(f"{stream['datagrams'] - stream['unique']} datagrams came twice")
    if stream["reordered"]:
        faults.append(f"{stream['reordered']} datagrams out of order")
    lost = outcome.sent["unicast"] - unicast["unique"]
    if lost > UNICAST_LOST_MAX * outcome.sent["unicast"]:
        faults.append(f"unicast to the viewer lost {lost} of {outcome.sent['unicast']}")
    if faults:
        for gap in outcome.gaps:
            moment = {"at": gap["until"] - 2.0, "until": gap["until"]}
            faults.append(f"{gap['gap']} in a row by {gap['until']:.2f}, {during(moment, outcome)}")
    for join in outcome.joins:
        if join.get("seconds", 0) > patience * JOIN_MAX_S:
            what = f"after {join['seconds']:.2f} s" if join["served"] else "never"
            faults.append(
                f"the join of {join['join']} was served {what}, during {during(join, outcome)}"
            )
    if outcome.joins and not outcome.latencies():
        faults.append("no report came to the port")
    if outcome.joins and middle(outcome.latencies()) > patience * JOIN_P50_MAX_S:
        faults.append(f"joins: p50 {1000 * middle(outcome.latencies()):.0f} ms")
    if outcome.growth_bytes > GROWTH_BYTES_MAX:
        faults.append(f"the daemon grew by {outcome.growth_bytes >> 20} MiB")
    if snoop.process.poll() is None:
        faults += complaints(snoop, outcome)


def during(moment: Mapping[str, Any], outcome: Outcome) -> str:
    begin, end = moment["at"], moment["until"]
    names = [
        each["attack"]
        for each in outcome.attacks
        if each["at"] < end and begin < each["at"] + each["seconds"] + 0.5
    ]
    return ", ".join(names) or "no attack"


def complaints(snoop: Snoop, outcome: Outcome) -> Iterator[str]:
    """What the daemon itself says, and whether it still adds up."""
    from snoop.fastpath import DROPS, FastPath

    log = snoop.log
    for sign in ("Traceback", "internal error"):
        if sign in log:
            yield f"its log has {sign!r}: {log[log.index(sign) :][:2000]}"
    proc = Path(f"/proc/{snoop.process.pid}")
    threads, descriptors = len(list((proc / "task").iterdir())), len(list((proc / "fd").iterdir()))
    if threads > THREADS_MAX or descriptors > DESCRIPTORS_MAX:
        yield f"{threads} threads, {descriptors} descriptors"
    check = snoop.run("check", "--json")
    if check.returncode not in (0, 1) or check.stderr:
        yield f"check: {check.returncode} {check.stderr}"
    else:
        outcome.findings += json.loads(check.stdout)["findings"]
    for port, counts in snoop.show("counters")["ports"].items():
        if port in ("p0", "p1", "p2"):
            drops = {name: counts[name] for name in DROPS if counts.get(name)}
            outcome.drops[port] = drops
        verdicts = sum(counts[name] for name in FastPath.reasons())
        if counts["rx_frames"] != verdicts:
            yield f"{port}: {counts['rx_frames']} frames, {verdicts} verdicts"


def main() -> int:
    parser = argparse.ArgumentParser(prog="tests/hostile/run", description=__doc__.split("\n\n")[0])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--timers", choices=list(TIMERS), default="long")
    parser.add_argument("--only", action="append", choices=list(ATTACKS), help="may be repeated")
    parser.add_argument("--enemies", type=int, default=1, choices=range(1, 17), metavar="N")
    parser.add_argument("--each", action="store_true", help="a game for each attack alone")
    parser.add_argument("--verbose", action="store_true", help="what check found")
    options = parser.parse_args()
    failed = False
    for only in [[name] for name in ATTACKS] if options.each else [options.only]:
        outcome = play(seed=options.seed, seconds=options.seconds, timers=options.timers, only=only)
        print(f"{', '.join(only)}: {outcome}" if only else outcome, flush=True)
        if options.verbose:
            for each in outcome.findings:
                print(f"  {each['severity']:8} {each['subject']}: {each['finding']}")
        failed = failed or bool(outcome.faults)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
