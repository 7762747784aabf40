"""The kernel's bridge and this switch, side by side: the same reports on the same cables, then one
datagram from every source to every group.

What each host should get is written by hand from spec 3.2; this switch gives exactly
that, and so does the kernel but for the faults listed in `KERNEL_DIFFERS`. Each story has a group
of its own, and is judged when no last member check is under way any more.
"""

from __future__ import annotations

import json
import shutil
import struct
import subprocess
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar, NamedTuple

import pytest

from netns.star import IGMP, MLD
from snoop.lab import Lab, frames, frames_ipv6, namespaces, wait_until
from snoop.lab.datagrams import payload
from snoop.lab.host import Host
from snoop.lab.switch import KernelBridge, Snoop

A, B, C = "A", "B", "C"
ALL = (A, B, C)
HOSTS, MEMBERS = 5, (1, 2, 3)  # h0 sends, h4 never says a word
LAST_MEMBER = 0.3
LMQT = 2 * LAST_MEMBER
# No general query and no expiry of its own while the test lasts; pruning begins after RESPONSE.
QUERY, RESPONSE = 125.0, 0.4
Told = tuple[str, str]  # dialect, story
Got = dict[int, set[str]]  # port -> sources of which it gets the datagrams
Table = set[tuple[str, str | None, str, frozenset[tuple[str, bool]]]]
Outcome = tuple[dict[Told, Got], dict[str, Table]]
Listed = Mapping[str, Collection[str]]


class Said(NamedTuple):
    """One report from that port; `listed` are its records, in this order."""

    port: int
    what: str  # "new", "cut", "old", "leave", "oldest"
    listed: Table = set[tuple[str, str | None, str, frozenset[tuple[str, bool]]]]


Outcome = tuple[dict[Told, Got], dict[str, Table]]
Listed = MappingProxyType({})


def new(port: int, **listed: Collection[str]) -> Said:
    """A report of IGMPv3 or MLDv2."""
    return Said(port, "new", listed)


def cut(port: int, **listed: Collection[str]) -> Said:
    """The same, but it claims one record more than there is."""
    return Said(port, "cut", listed)


def old(port: int) -> Said:
    """A report of IGMPv2 or MLDv1."""
    return Said(port, "old")


def leave(port: int) -> Said:
    """Its leave or done."""
    return Said(port, "leave")


def oldest(port: int) -> Said:
    """A report of IGMPv1, which has no twin."""
    return Said(port, "oldest")


class Igmp:
    SOURCES: ClassVar[Mapping[str, str]] = {A: "192.0.2.1", B: "192.0.2.2", C: "192.0.2.3"}
    FENCE = "239.22.255.{}"
    ANY, SSM = "239.22.0.{}", "232.22.0.{}"

    def frame(self, said: Said, group: str, host: Host) -> bytes:
        how = {"source": host.address, "mac": host.mac}
        match said.what:
            case "old":
                return frames.report_v2(group, **how)
            case "oldest":
                return frames.report_v1(group, **how)
            case "leave":
                return frames.leave_v2(group, **how)
        packed = [frames.record(kind, group, self.named(said.listed[kind])) for kind in said.listed]
        claimed = len(packed) + (said.what == "cut")
        body = struct.pack("!BBHHH", 0x22, 0, 0, 0, claimed) + b"".join(packed)
        return frames.control(frames.summed(body), destination="224.0.0.22", **how)

    def named(self, sources: Collection[str]) -> list[str]:
        return [self.SOURCES[source] for source in sources]

    def data(self, source: str, group: str, number: int, host: Host) -> bytes:
        return frames.udp(source, group, payload(22, number, 64), mac=host.mac)


class Mld(Igmp):
    """`to`: where the hosts send their MLDv2 reports, by the standard or as they please."""

    SOURCES: ClassVar[Mapping[str, str]] = {
        A: "2001:db8:1::1",
        B: "2001:db8:1::2",
        C: "2001:db8:1::3",
    }
    FENCE = "ff0e::22:255:{}"

    def __init__(self, scope: str, to: str = "ff02::16") -> None:
        self.ANY, self.SSM = scope + "::22:{}", f"ff3{scope[-1]}::22:{{}}"
        self.to = to

    def frame(self, said: Said, group: str, host: Host) -> bytes:
        how = {"source": host.link_local, "mac": host.mac}
        match said.what:
            case "old":
                return frames_ipv6.report_v1(group, **how)
            case "leave":
                return frames_ipv6.done(group, **how)
        listed = [(kind, group, self.named(sources)) for kind, sources in said.listed.items()]
        claimed = len(listed) + (said.what == "cut")
        return frames_ipv6.report_v2(listed, claimed=claimed, destination=self.to, **how)

    def data(self, source: str, group: str, number: int, host: Host) -> bytes:
        return frames_ipv6.udp(source, group, payload(22, number, 64), mac=host.mac)


# Groups that do not leave the link are pruned as any other once they are joined (SNOOP-52).
DIALECTS = {"igmp": Igmp(), "mld": Mld("ff0e"), "mld link-local": Mld("ff02", to="ff02::1")}


@dataclass(frozen=True, slots=True)
class Story:
    """`reports` in this order; `wanted`: the sources each port gets then, none if not named."""

    reports: list[Said]
    wanted: Mapping[int, Collection[str]]
    ssm: bool = False


STORIES = {
    # Joins
    "old join": Story([old(1)], {1: ALL}),
    "new join": Story([new(1, TO_EX=[])], {1: ALL}),
    "one source": Story([new(1, IS_IN=[A])], {1: [A]}),
    "IS_IN on include": Story([new(1, IS_IN=[A]), new(1, IS_IN=[B])], {1: [A, B]}),
    "a second source": Story([new(1, IS_IN=[A]), new(1, ALLOW=[B])], {1: [A, B]}),
    "all but one source": Story([new(1, TO_EX=[A])], {1: [B, C]}),
    # Changes of the filter
    "TO_IN replaces": Story([new(1, IS_IN=[A]), new(1, TO_IN=[B])], {1: [B]}),
    "TO_IN on exclude": Story([new(1, TO_EX=[]), new(1, TO_IN=[A])], {1: [A]}),
    "BLOCK on include": Story([new(1, IS_IN=[A, B]), new(1, BLOCK=[A])], {1: [B]}),
    "BLOCK on exclude": Story([new(1, TO_EX=[]), new(1, BLOCK=[A])], {1: [B, C]}),
    "ALLOW on exclude": Story([new(1, TO_EX=[A, B]), new(1, ALLOW=[B])], {1: [B, C]}),
    "ALLOW and BLOCK": Story([new(1, IS_IN=[A]), new(1, ALLOW=[B], BLOCK=[A])], {1: [B]}),
    "TO_EX on include": Story([new(1, IS_IN=[A, B]), new(1, TO_EX=[A])], {1: [B, C]}),
    "TO_EX on exclude": Story([new(1, IS_EX=[A]), new(1, TO_EX=[B])], {1: [A, C]}),
    "IS_EX on include": Story([new(1, IS_IN=[A, B]), new(1, IS_EX=[B, C])], {1: [A, B]}),
    "IS_EX on exclude": Story([new(1, IS_EX=[A]), new(1, IS_EX=[A, B])], {1: [B, C]}),
    "IS_IN on exclude": Story([new(1, IS_EX=[A, B]), new(1, IS_IN=[A])], {1: [A, C]}),
    # Ports beside each other
    "include, exclude": Story([new(1, IS_IN=[A]), new(2, TO_EX=[A])], {1: [A], 2: [B, C]}),
    "exclude, include": Story([new(1, TO_EX=[A]), new(2, IS_IN=[A])], {1: [B, C], 2: [A]}),
    "include, include": Story([new(1, IS_IN=[A]), new(2, IS_IN=[B])], {1: [A], 2: [B]}),
    "exclude, exclude": Story([new(1, TO_EX=[A]), new(2, TO_EX=[B])], {1: [B, C], 2: [A, C]}),
    "three of a kind each": Story(
        [new(1, TO_EX=[]), new(2, IS_IN=[A]), new(3, TO_EX=[A, B])], {1: ALL, 2: [A], 3: [C]}
    ),
    "old beside include": Story([old(1), new(2, IS_IN=[A])], {1: ALL, 2: [A]}),
    "include beside old": Story([new(1, IS_IN=[A]), old(2)], {1: [A], 2: ALL}),
    "BLOCK of a stranger": Story([new(2, IS_IN=[A]), new(1, BLOCK=[A])], {2: [A]}),
    # Leaves, with and without anybody left
    "one old leave": Story([old(1), old(2), leave(1)], {2: ALL}),
    "one new leave": Story([new(1, TO_EX=[]), new(2, TO_EX=[]), new(1, TO_IN=[])], {2: ALL}),
    "one source left": Story([new(1, IS_IN=[A]), new(2, IS_IN=[A]), new(1, TO_IN=[])], {2: [A]}),
    "leave and rejoin": Story([old(1), leave(1), old(1)], {1: ALL}),
    "leave but a source": Story([new(1, TO_EX=[]), new(1, TO_IN=[]), new(1, IS_IN=[A])], {1: [A]}),
    "leave of a mixed list": Story(
        [new(2, IS_IN=[B]), new(1, IS_IN=[A]), new(1, IS_EX=[A, B]), new(1, TO_IN=[])], {2: [B]}
    ),
    "last old leave": Story([old(1), leave(1)], {}),
    "last new leave": Story([new(1, TO_EX=[]), new(1, TO_IN=[])], {}),
    "last source left": Story([new(1, IS_IN=[A]), new(1, BLOCK=[A])], {}),
    # Versions on one port
    "old after include": Story([new(1, IS_IN=[A]), old(1)], {1: ALL}),
    "include after old": Story([old(1), new(1, IS_IN=[A])], {1: ALL}),
    "TO_IN after old": Story([old(1), new(1, TO_IN=[A])], {1: [A]}),
    "BLOCK after old": Story([old(1), new(1, BLOCK=[A])], {1: ALL}),
    "TO_EX after old": Story([old(1), new(1, TO_EX=[A])], {1: ALL}),
    "old leave of exclude": Story([new(1, TO_EX=[]), old(2), leave(1)], {2: ALL}),
    "old leave of include": Story([new(2, TO_EX=[]), new(1, IS_IN=[A]), leave(1)], {2: ALL}),
    "oldest and old leave": Story([old(2), oldest(1), leave(1)], {1: ALL, 2: ALL}),
    # Reports that count for nothing
    "cut report": Story([old(2), cut(1, TO_EX=[])], {2: ALL}),
    "old join for SSM": Story([new(1, IS_IN=[A]), old(2)], {1: [A]}, ssm=True),
    "new join for SSM": Story([new(1, IS_IN=[A]), new(2, TO_EX=[])], {1: [A]}, ssm=True),
}

# Where the kernel (Linux 6.18) does something else, and why the story is right.
KERNEL_DIFFERS = {
    "include beside old": "SM-41, SM-60, SNOOP-37: an old report is IS_EX{}; the kernel does not "
    "add the port to the (S,G) rows other ports have made, so the old host misses just those",
    "old after include": "SM-41: an old report is IS_EX{}; the kernel leaves the port in INCLUDE",
    "BLOCK after old": "SM-42: BLOCK is ignored while an old host is on the port; the kernel has "
    "no compatibility mode per group and blocks the source for the old host too",
    "TO_EX after old": "SM-42: TO_EX{A} is TO_EX{} while an old host is on the port; the kernel "
    "blocks the source for the old host too",
    "old leave of include": "SM-41: a leave is TO_IN{}, so the source is checked and goes; the "
    "kernel keeps it",
    "oldest and old leave": "SM-43: a v1 host knows no specific query, so Leave is ignored while "
    "it is on the port; the kernel removes the port",
    "cut report": "W-23, B-27: nothing of a damaged report counts; the kernel applies the records "
    "before the damage",
    "old join for SSM": "SM-46: joins of any source create nothing in 232/8 and ff3x::/32; the "
    "kernel has no SSM range",
    "new join for SSM": "SM-46: the same with TO_EX{}",
}
# MLD has one older version.
IGMP_ONLY = {"oldest and old leave"}


def told_to(dialect: Igmp) -> dict[str, str]:
    """The stories told in it, with the group of each."""
    told = [name for name in STORIES if not isinstance(dialect, Mld) or name not in IGMP_ONLY]
    return {
        name: (dialect.SSM if STORIES[name].ssm else dialect.ANY).format(number)
        for number, name in enumerate(told, 1)
    }


def tell(lab: Lab, switch: Snoop | KernelBridge) -> None:
    """Every story's first report, then every second one, ...; each round is learned before the
    next."""
    for number in range(max(len(story.reports) for story in STORIES.values())):
        for port in MEMBERS:
            host, batch = lab.h(port), []
            for dialect in DIALECTS.values():
                for name, group in told_to(dialect).items():
                    reports = STORIES[name].reports[number : number + 1]
                    batch += [dialect.frame(s, group, host) for s in reports if s.port == port]
                batch.append(dialect.frame(old(port), dialect.FENCE.format(number), host))
            host.frames(batch)
        for dialect in DIALECTS.values():
            switch.wait_members(dialect.FENCE.format(number), {f"p{port}" for port in MEMBERS})


def shown(switch: Snoop | KernelBridge) -> list[dict[str, Any]]:
    """The entries of the table, in the form of `bridge -j -d -s mdb show` from both."""
    if isinstance(switch, Snoop):
        text = switch.quick("show", "mdb", "--format", "bridge")
    else:
        with namespaces.inside(switch.namespace):
            command = ["bridge", "-j", "-d", "-s", "mdb", "show"]
            text = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    entries: list[dict[str, Any]] = json.loads(text)[0]["mdb"]
    return entries


def checked(switch: Snoop | KernelBridge) -> bool:
    """Nothing is about to end: every timer is off or was not lowered to LMQT."""
    entries = shown(switch)
    timers = [entry["timer"] for entry in entries]
    timers += [source["timer"] for entry in entries for source in entry.get("source_list", ())]
    return not any(0 < float(timer) <= LMQT for timer in timers)


def probe(lab: Lab) -> dict[Told, Got]:
    """One datagram of each source to each story's group: who gets which."""
    for host in lab.hosts:
        host.reset()
    origin = lab.h(0)
    sent = {
        (group, address): ((spoken, name), source, dialect.data(address, group, number, origin))
        for spoken, dialect in DIALECTS.items()
        for number, (name, group) in enumerate(told_to(dialect).items())
        for source, address in dialect.SOURCES.items()
    }
    assert origin.frames([frame for _, _, frame in sent.values()])["refused"] == 0
    lab.settle(origin)
    got: dict[Told, Got] = {told: {} for told, _, _ in sent.values()}
    for port, host in enumerate(lab.hosts):
        for row in host.call("counts")["wire"]:
            told, source, _ = sent.get((row["destination"], row["source"]), (None, "", b""))
            if told is not None:
                count = row["datagrams"]
                assert count == 1, f"{told}: {host.name} got {count} of one datagram of {source}"
                got[told].setdefault(port, set()).add(source)
    return got


def tables(switch: Snoop | KernelBridge) -> dict[str, Table]:
    """Group -> port, source, filter mode, and of every source of the list whether it is wanted."""
    found: dict[str, Table] = {}
    for entry in shown(switch):
        listed = {
            (each["address"], float(each["timer"]) > 0) for each in entry.get("source_list", ())
        }
        of_the_port = (
            entry["port"],
            entry.get("src"),
            entry.get("filter_mode", ""),
            frozenset(listed),
        )
        found.setdefault(entry["grp"], set()).add(of_the_port)
    return found


def outcome(lab: Lab, switch: Snoop | KernelBridge) -> Outcome:
    for ipv6 in (False, True):
        lab.wait_pruning(lab.h(0), lab.h(1), lab.h(-1), ipv6=ipv6)
    tell(lab, switch)
    wait_until(lambda: checked(switch), within=LMQT + 20, what="no check is under way")
    return probe(lab), tables(switch)


@pytest.fixture(scope="module")
def outcomes() -> Iterator[tuple[Outcome, Outcome]]:
    """(of the kernel's bridge, of this switch), one after the other on the same cables."""
    if shutil.which("bridge") is None:
        pytest.skip("iproute2's `bridge` is not installed")
    with Lab(HOSTS) as lab:
        bridge = lab.bridge(
            query_interval=QUERY,
            query_response_interval=RESPONSE,
            last_member_query_interval=LAST_MEMBER,
            membership_interval=2 * QUERY + RESPONSE,
        )
        kernels = outcome(lab, bridge)
        bridge.close()
        times = {"query_interval": QUERY, "query_response_interval": RESPONSE}
        config = {
            "igmp": {**IGMP, **times, "last_member_query_interval": LAST_MEMBER},
            "mld": {**MLD, **times, "last_listener_query_interval": LAST_MEMBER},
        }
        yield kernels, outcome(lab, lab.switch(config=config))


@pytest.mark.parametrize(
    ("spoken", "name"), [(d, name) for d, dialect in DIALECTS.items() for name in told_to(dialect)]
)
def test_same_reports_give_the_same_forwarding(outcomes: Any, spoken: str, name: str) -> None:
    """SM-1 to SM-12, SM-41 to SM-46, SM-60, SM-69, SNOOP-50: as specified, and as the kernel's
    bridge does unless that is known to be wrong; a fault that is gone must leave the list."""
    kernels, ours = (got[spoken, name] for got, _ in outcomes)
    wanted = {port: set(sources) for port, sources in STORIES[name].wanted.items()}
    assert ours == wanted
    if name in KERNEL_DIFFERS:
        assert kernels != wanted, f"the kernel is right, contrary to: {KERNEL_DIFFERS[name]}"
    else:
        assert kernels == wanted
        group = told_to(DIALECTS[spoken])[name]
        kernel_table, table = (tables.get(group, set()) for _, tables in outcomes)
        assert table == kernel_table


def test_every_listed_fault_is_of_a_story() -> None:
    assert KERNEL_DIFFERS.keys() | IGMP_ONLY <= STORIES.keys()
