"""What must hold after each step, whatever it was.

First of all that every stream reaches whom the model says, whole, and nobody else, within the time
that the step allows; then what it cost the others meanwhile; then the switch itself.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chaos.network import GROUPS, HOSTS, MATCHED, RATE, STREAMS, VIEWER, Network, Stream
from snoop.cli.main import run
from snoop.fastpath import FastPath
from snoop.waiting import comes

WINDOW = 20  # datagrams of each stream that make a look at who gets them
WINDOW_S = 1.0
SETTLE_S = 5.0
SPOILT = ("missing", "duplicates", "reordered", "corrupt")
ROWS_S = 5.0
ADDING_UP_S = 5.0
DESCRIPTORS_S = 5.0
SAID_S = 15.0
GROWTH_BYTES_MAX = 64 << 20  # snoop/README.md: what one host can make the daemon grow by
THREADS_MAX = 16
# A router where there is to be none, or where he does not fit the settings; a host that leaves
# without a word, as Linux does when it was told to speak IGMPv2 a moment ago; one whose tagged
# interface speaks on while its port is in another VLAN; what a sender sent while it was unplugged,
# which `media` holds to what happened.
LASTING = (
    "mrouter_refused",
    "but a router is behind it",
    "did not answer 2 queries: its membership",
    "frames came in with the tag of another VLAN",
    "lost before the switch",
)
ALL = frozenset(range(HOSTS))


@dataclass(frozen=True, slots=True)
class Cost:
    """What a step may do to others: hosts that may be without their streams, and for how many
    seconds; hosts that streams may reach meanwhile, though they should not; whether streams may
    come doubled or out of order; how long it may take until all is as the model says.
    """

    dark: frozenset[int] = frozenset()
    dark_s: float = 5.0
    leaks: frozenset[int] = frozenset()
    spoilt: bool = False
    within: float = 10.0


FREE = Cost()
Row = dict[str, int]
Counts = dict[int, dict[str, Row]]  # of each host, by stream
Expected = dict[tuple[int, str], bool | None]


def counts(net: Network) -> Counts:
    """What came to each host's sockets, and as `leaked` what came to its interface, since reset."""
    return {host: of_host(net, host) for host in net.hosts()}


def of_host(net: Network, host: int) -> dict[str, Row]:
    said = net.h(host).call("counts")
    found: dict[str, Row] = {}
    for stream in STREAMS:
        source = net.source(stream)
        total: Counter[str] = Counter()
        for row in said["app"]:
            if row["group"] == stream.group and row["source"] == source:
                total.update({key: row[key] for key in ("unique", *SPOILT)})
        for row in said["wire"]:
            if row["destination"] == stream.group and row["source"] == source:
                total["leaked"] += row["frames"]
        total["missed"] = said["wire_missed"] + said["app_missed"]
        found[stream.name] = dict(total)
    return found


def reset(net: Network) -> None:
    """Of all hosts: whose port is away may have it again in the step."""
    for host in (*net.lab.hosts, net.own):
        host.reset()


def wanted(net: Network) -> Expected:
    return {
        (host, each.name): net.expected(each, host) for host in range(HOSTS) for each in STREAMS
    }


# Who gets what -----------------------------------------------------------------------------------


def converged(net: Network, within: float) -> list[str]:
    """What is wrong still after so many seconds."""
    deadline = time.monotonic() + within
    while True:
        wrong = look(net)
        if not wrong or time.monotonic() > deadline:
            return wrong


def look(net: Network) -> list[str]:
    """One window of all the streams."""
    reset(net)
    served = [(host, each) for host in net.hosts() for each in STREAMS if net.expected(each, host)]

    def all_came() -> bool:
        found = counts(net)
        return all(arrived(net, found[host], each) >= WINDOW for host, each in served)

    comes(all_came, within=WINDOW_S, every=0.05)
    try:
        settle(net)
    except TimeoutError as error:
        return [f"a broadcast does not come: {error}"]
    found = counts(net)
    return [
        f"h{host}: {problem}"
        for host in net.hosts()
        for each in STREAMS
        for problem in judged(net, host, each, found[host])
    ]


def arrived(net: Network, rows: dict[str, Row], stream: Stream) -> int:
    row = rows[stream.name]
    return row.get("unique", 0) or row.get("leaked", 0)  # a static entry has no socket


def settle(net: Network) -> None:
    """All that the senders sent until now is delivered or dropped."""
    for sender in {each.sender for each in STREAMS}:
        if net.attached(sender):
            others = [net.h(host) for host in net.hosts() if net.vlan(host) == net.vlan(sender)]
            net.lab.settle(net.h(sender), others, within=SETTLE_S)


def judged(net: Network, host: int, stream: Stream, rows: dict[str, Row]) -> Iterator[str]:
    row, expected = rows[stream.name], net.expected(stream, host)
    if expected and arrived(net, rows, stream) < WINDOW:
        yield f"gets {arrived(net, rows, stream)} of {stream.name!r} ({stream.group})"
    if expected and (spoilt := {key: row[key] for key in SPOILT if row.get(key)}):
        yield f"{stream.name!r} ({stream.group}) comes with {spoilt}"
    if expected is False and row.get("leaked") and host != stream.sender:
        yield f"gets {row['leaked']} unwanted of {stream.name!r} ({stream.group})"


def gone_on(net: Network, before: Expected, within: float) -> Counts:
    """What came since the last reset, once the streams have gone on for a while after the step
    wherever they were before it.
    """
    going = [
        (host, each)
        for host in net.hosts()
        for each in STREAMS
        if net.expected(each, host) and before[host, each.name]
    ]
    at_the_end = counts(net)

    def gone() -> bool:
        now = counts(net)
        return all(
            arrived(net, now[host], each) >= arrived(net, at_the_end[host], each) + WINDOW
            for host, each in going
        )

    comes(gone, within=within, every=0.05)
    with contextlib.suppress(TimeoutError):  # then it is for `converged` to say
        settle(net)
    return counts(net)


def judge_cost(before: Expected, net: Network, found: Counts, cost: Cost) -> Iterator[str]:
    """What the step did to those who had their streams before it and after, and to those who had
    none and have none.
    """
    for host, rows in found.items():
        for stream in STREAMS:
            row, expected = rows[stream.name], net.expected(stream, host)
            if before[host, stream.name] is not expected:
                continue
            where = f"h{host}, {stream.name!r} ({stream.group}), in the step"
            if expected and (host, stream.group) not in net.statics:
                touched = {host, stream.sender} & cost.dark
                lost = row.get("missing", 0)
                if lost > (cost.dark_s * RATE if touched else 0):
                    yield f"{where}: {lost} lost, {lost / RATE:.2f} s"
                # Unicast may be, while its address is learned or flushed (native/README.md).
                spoils = () if stream.unicast or cost.spoilt else SPOILT[1:]
                if spoilt := {key: row[key] for key in spoils if row.get(key)}:
                    yield f"{where}: {spoilt}"
            may = host == stream.sender or host in cost.leaks
            if expected is False and not may and row.get("leaked"):
                yield f"{where}: {row['leaked']} unwanted"


# The switch itself -------------------------------------------------------------------------------


def itself(net: Network) -> Iterator[str]:
    """Faults of the process: what it says, and whether it adds up."""
    process = net.switch.process
    assert process is not None
    if process.poll() is not None:
        yield f"the switch ended with {process.returncode}"
        return
    if (pid := net.switch.show("status")["pid"]) != net.serving:
        yield f"process {pid} is the switch, not {net.serving}"
    log = net.switch.log
    for sign in ("Traceback", "internal error"):
        if sign in log:
            yield f"its log has {sign!r}: {log[log.index(sign) :][:2000]}"
    yield from rows_as_modelled(net)
    yield from adding_up(net)
    yield from said_rightly(net)


def rows_as_modelled(net: Network) -> Iterator[str]:
    """Of each group, the ports that have a row."""
    meant = {group: {f"p{host}" for host in net.members(group)} for group in GROUPS}

    def others() -> dict[str, set[str]]:
        return {
            group: there
            for group, ports in meant.items()
            if (there := net.switch.members(group)) != ports
        }

    if not comes(lambda: not others(), within=ROWS_S):
        for group, there in others().items():
            yield f"{group} has rows of {sorted(there)}, not {sorted(meant[group])}"


def adding_up(net: Network) -> Iterator[str]:
    """Of each port, that what came in has its verdicts: at some moment, since they are counted one
    after the other.
    """
    odd: dict[str, str] = {}

    def add_up() -> bool:
        odd.clear()
        for port, row in net.switch.show("counters")["ports"].items():
            verdicts = sum(row[name] for name in FastPath.reasons())
            if row["rx_frames"] != verdicts and port not in seen:
                odd[port] = f"{port}: {row['rx_frames']} frames, {verdicts} verdicts"
            else:
                seen.add(port)
        return not odd

    seen: set[str] = set()
    if not comes(add_up, within=ADDING_UP_S):
        yield from odd.values()


def said_rightly(net: Network) -> Iterator[str]:
    """`check` has a problem for each port whose interface is away, and no other but for a while:
    it looks back some seconds.
    """
    wrong: list[str] = []

    def right() -> bool:
        wrong[:] = said_wrongly(net)
        return not wrong

    if not comes(right, within=SAID_S, every=0.5):
        yield from wrong


def said_wrongly(net: Network) -> Iterator[str]:
    away = {f"p{host}" for host in net.unplugged - net.left_out - {MATCHED}}
    problems = [each for each in findings(net) if each["severity"] == "problem"]
    missing = {each["subject"] for each in problems if "does not exist" in each["finding"]}
    if missing != away:
        yield f"check: missing are {sorted(missing)}, not {sorted(away)}"
    if net.looped != any(each["cause"] == "loop" for each in problems):
        yield f"check: a loop is {'not ' if net.looped else ''}named"
    apart = net.settings["vlan_filtering"] and bool(net.vlans or net.commanded)
    for each in problems:
        looped = net.looped and each["cause"] == "loop"
        right = (
            looped
            or each["subject"] in away
            or (apart and "its members are in VLAN" in each["finding"])
        )
        if not right and not any(word in each["finding"] for word in LASTING):
            yield f"check: {each['subject']}: {each['finding']}"


def findings(net: Network) -> list[dict[str, Any]]:
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        status = run(["--socket", str(net.switch.socket), "check", "--json"])
    assert status in (0, 1), f"check: {status} {printed.getvalue()}"
    found: list[dict[str, Any]] = json.loads(printed.getvalue())["findings"]
    return found


@dataclass
class Held:
    """What the process has of the machine; `resident_bytes` without the rings, which it shares
    with the kernel.
    """

    descriptors: Counter[str]
    threads: int
    resident_bytes: int

    @property
    def programs(self) -> int:
        return sum(number for kind, number in self.descriptors.items() if "bpf" in kind)


def held(pid: int) -> Held:
    proc = Path(f"/proc/{pid}")
    kinds: Counter[str] = Counter()
    for each in (proc / "fd").iterdir():
        with contextlib.suppress(OSError):  # closed meanwhile
            kinds[os.readlink(each).partition(":[")[0]] += 1
    status = (proc / "status").read_text()
    resident = int(status.split("RssAnon:")[1].split()[0]) << 10
    return Held(kinds, len(list((proc / "task").iterdir())), resident)


@dataclass
class Growth:
    """Whether the process, as it is again and again, has more of the machine than before."""

    first: dict[object, Held]

    def grown(self, net: Network) -> Iterator[str]:
        now = held(net.serving)
        key = (len(net.hosts()), *(net.settings[name] for name in
                                   ("kernel", "isolate", "workers", "shortcut")))  # fmt: skip
        base = self.first.setdefault(key, now)

        def as_before() -> bool:
            nonlocal now
            now = held(net.serving)
            return (now.descriptors - base.descriptors).total() <= SLACK

        if not comes(as_before, within=DESCRIPTORS_S):
            more = now.descriptors - base.descriptors
            yield f"more descriptors than with the same ports before: {more}"
        if now.threads > THREADS_MAX:
            yield f"{now.threads} threads"
        least = min(each.resident_bytes for each in self.first.values())
        if now.resident_bytes > least + GROWTH_BYTES_MAX:
            yield f"{now.resident_bytes >> 20} MiB, after {least >> 20}"


SLACK = 1  # a client's connection that is just ending

__all__ = ["ALL", "FREE", "VIEWER", "Cost", "Growth", "converged", "itself", "judge_cost"]
