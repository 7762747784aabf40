"""The figures of a long game: what the switch has of the machine, and how well its queries keep
time.

    ./tests/chaos/run --soak --minutes 30                 # restarts and deaths among the steps
    ./tests/chaos/run --soak --minutes 30 --one-process   # none of them

A row a minute. `rss` in MiB and without the rings, `fds` and `threads` are the process's; `bpf` its
programs, maps and links; `sockets` are AF_PACKET ones, `tcx` programs at the ports and `tables`
nftables' in the switch's namespace; `names` are the lab's network namespaces. The
intervals between queries are of steps that let the process run: `stand_still` makes a query late.
"""

from __future__ import annotations

import ctypes
import os
import statistics
import struct
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from chaos.network import QUERIER, QUERY, VIEWER, Network
from chaos.verify import held
from snoop.lab import namespaces
from snoop.namespace import inside

EVERY_S = 60.0
SYS_BPF = 321 if os.uname().machine == "x86_64" else 280
PROG_QUERY, TCX_INGRESS = 16, 46
HEADINGS = ("minute", "steps", "rss", "fds", "threads", "bpf", "sockets", "tcx", "tables", "names")
REGULAR_S = (QUERY - 0.5, QUERY + 0.5)  # two queries so far apart are the schedule's
NS = 1e9


@dataclass
class Soak:
    """`rows` as HEADINGS; `intervals`: seconds between our queries, as a host's tap has them, and
    the step before the look that found the second one.
    """

    begin: float = field(default_factory=time.monotonic)
    rows: list[tuple[int, ...]] = field(default_factory=list)
    intervals: list[tuple[float, str]] = field(default_factory=list)
    last_ns: int = 0
    due: float = 0.0

    def look(self, net: Network, steps: Sequence[str]) -> None:
        """After each step; prints a row when it is time for one, and there is a process."""
        self.hear(net, steps[-1])
        now = time.monotonic() - self.begin
        if now >= self.due and Path(f"/proc/{net.serving}/fd").exists():
            self.due += EVERY_S
            self.rows.append((round(now / 60), len(steps), *figures(net)))
            if len(self.rows) == 1:
                print(*(f"{heading:>8}" for heading in HEADINGS), flush=True)
            print(*(f"{value:8}" for value in self.rows[-1]), flush=True)

    def hear(self, net: Network, step: str) -> None:
        """Take what general queries the viewer's tap has kept after the step; none counts of one
        in which the process stood still.
        """
        stood = step.startswith("stand_still")
        asked = sorted(each.time_ns for each in net.h(VIEWER).captured() if is_ours(each.frame))
        for at_ns in asked:
            if at_ns <= self.last_ns:
                continue
            seconds = (at_ns - self.last_ns) / NS
            if REGULAR_S[0] < seconds < REGULAR_S[1] and not stood:
                self.intervals.append((seconds, step))
            self.last_ns = at_ns

    def __str__(self) -> str:
        late = [1000 * (seconds - QUERY) for seconds, _ in self.intervals]
        if len(late) < 2:
            return "too few queries to tell how they keep time"
        return (
            f"{len(late)} intervals between queries of {QUERY:g} s: off by "
            f"{statistics.mean(late):+.2f} ms in the mean, {statistics.median(late):+.2f} in the "
            f"median, between {min(late):+.1f} ({min(self.intervals)[1]}) and {max(late):+.1f} "
            f"({max(self.intervals)[1]})"
        )


def is_ours(frame: bytes) -> bool:
    """A general query of IGMP from our querier's address."""
    address = bytes(map(int, QUERIER.split(".")))
    header = frame[14:]
    if frame[12:14] != b"\x08\x00" or header[12:16] != address:
        return False
    message = header[4 * (header[0] & 15) :]
    return message[:1] == b"\x11" and message[4:8] == bytes(4)


def figures(net: Network) -> tuple[int, ...]:
    now = held(net.serving)
    with inside(net.lab.namespace):
        sockets = len(Path("/proc/thread-self/net/packet").read_text().splitlines()) - 1
        listed = subprocess.run(["nft", "list", "tables"], capture_output=True, text=True)
        tcx = sum(programs(namespaces.index_of(net.lab.link, f"p{host}")) for host in net.cabled())
    return (
        now.resident_bytes >> 20,
        now.descriptors.total(),
        now.threads,
        now.programs,
        sockets,
        tcx,
        len(listed.stdout.splitlines()),
        len(namespaces.named(net.lab.prefix)),
    )


def programs(ifindex: int) -> int:
    """How many there are at the interface."""
    asked = bytearray(struct.pack("=IIIIQI", ifindex, TCX_INGRESS, 0, 0, 0, 0).ljust(64, b"\0"))
    buffer = (ctypes.c_char * len(asked)).from_buffer(asked)
    ctypes.CDLL(None, use_errno=True).syscall(SYS_BPF, PROG_QUERY, buffer, len(asked))
    count: int = struct.unpack_from("=I", asked, 24)[0]
    return count
