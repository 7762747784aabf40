"""What the fast path knows and has counted: copies of what it has, taken while it runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from snoop._native import ffi, lib
from snoop.fastpath.names import (
    HEALTHS,
    PATH_LIST,
    PORTS_MAX,
    REASON_NAMES,
    REASONS,
    STATS,
    Action,
    check,
    mask,
)
from snoop.proto.units import Ports
from snoop.table.seen import FdbEntry, Health, Stream, WorkerStats


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer of `fp_decide`: where a frame goes, and by which rule. `untagged`: the ports that
    would get it without its VLAN's tag, others with; None: by all it leaves as it came.
    """

    action: Action
    reason: str
    ports: Ports
    punt: bool
    registered: bool
    vlan: int = 0
    untagged: Ports | None = None


def _fdb_entry(entry: Any) -> FdbEntry:
    rival = None if entry.rival == lib.FP_FDB_NO_RIVAL else int(entry.rival)
    mac = bytes(entry.mac)
    return FdbEntry(entry.vlan, mac, entry.port, int(entry.age_ns), rival, int(entry.claimed_ns))


def _health(s: Any) -> Health | None:
    if not s.health:
        return None
    return Health(
        HEALTHS[s.health], int(s.health_packets), int(s.health_lost), int(s.health_reordered),
        int(s.health_duplicates), int(s.health_errors), int(s.health_restarts),
        int(s.health_gap_ns), int(s.health_damage_ns),
    )  # fmt: skip


def _stream(s: Any) -> Stream:
    frames, octets, first, last = int(s.frames), int(s.bytes), int(s.first_ns), int(s.last_ns)
    path, in_kernel = PATH_LIST[s.path]
    return Stream(
        s.vlan, bytes(s.source), bytes(s.group), s.port, frames, octets, first, last,
        mask(s.ports), bool(s.registered), REASON_NAMES[s.reason], s.ttl, path, in_kernel,
        _health(s),
    )  # fmt: skip


room = ffi.new_allocator(should_clear_after_alloc=False)
"""For as many entries as there may be, of which only those that there are touch memory."""


class Reading:
    """That part of `FastPath`."""

    _sw: Any
    _fdb_max: int
    _streams_max: int

    @staticmethod
    def reasons() -> dict[str, str]:
        """The verdict counters and what becomes of their frames: drop, forward, flood or punt."""
        return {name: action.name.lower() for name, action in REASONS.items()}

    def counters(self, port: int) -> dict[str, int]:
        """All counters of a port: STATS and REASONS by name; rx_frames is the sum of REASONS."""
        stats = ffi.new("uint64_t[]", lib.FP_STAT_MAX)
        reasons = ffi.new("uint64_t[]", lib.FP_REASON_MAX)
        check(lib.fp_stats_read(self._sw, port, stats, reasons), "counters")
        values = dict(zip(STATS, (int(n) for n in stats), strict=True))
        values.update(zip(REASON_NAMES, (int(n) for n in reasons), strict=True))
        return values

    def verdicts(self, reason: str) -> dict[int, int]:
        """One verdict counter of every port where it is not 0; cheaper than `counters` of each."""
        counts = ffi.new("uint64_t[]", PORTS_MAX)
        check(lib.fp_reason_read(self._sw, REASON_NAMES.index(reason), counts), "counters")
        return {port: int(count) for port, count in enumerate(counts) if count}

    def worker_stats(self, worker: int = 0) -> WorkerStats:
        """Passes and sleeps of one loop."""
        stats = ffi.new("struct fp_worker_stats *")
        check(lib.fp_worker_read(self._sw, worker, stats), "worker")
        return WorkerStats(int(stats.passes), int(stats.sleeps))

    @property
    def rows(self) -> int:
        """Group rows in the live table."""
        return int(lib.fp_switch_row_count(self._sw))

    def fdb(self) -> Iterator[FdbEntry]:
        """The learned MAC addresses that have not aged out, in no order, as they are now."""
        entries = room("struct fp_fdb_entry[]", self._fdb_max + 64)
        count = lib.fp_fdb_dump(self._sw, entries, self._fdb_max + 64)
        return (_fdb_entry(entries[i]) for i in range(count))

    def fdb_load(self, entries: Sequence[FdbEntry]) -> int:
        """Know these addresses, those that have not aged out; how many. Before the first `run`."""
        known = ffi.new("struct fp_fdb_entry[]", len(entries))
        for to, entry in zip(known, entries, strict=True):
            to.vlan, to.mac, to.port, to.age_ns = entry.vlan, entry.mac, entry.port, entry.age_ns
        return int(lib.fp_fdb_load(self._sw, known, len(entries)))

    @property
    def fdb_count(self) -> int:
        """How many there are."""
        entries = room("struct fp_fdb_entry[]", self._fdb_max + 64)
        return int(lib.fp_fdb_dump(self._sw, entries, self._fdb_max + 64))

    @property
    def fdb_disputes(self) -> int:
        """Grows when an address returns to the port that it was taken from, and when it is claimed
        in vain: then `fdb_disputed` has something to tell.
        """
        return int(lib.fp_fdb_disputes(self._sw))

    def fdb_disputed(self, within_ns: int, *, most: int) -> list[FdbEntry]:
        """The addresses of which that is so within a time, `most` of them."""
        entries = room("struct fp_fdb_entry[]", most)
        count = lib.fp_fdb_disputed(self._sw, entries, most, within_ns)
        return [_fdb_entry(entry) for entry in entries[0:count]]

    def fdb_flush(self, port: int | None = None, vlan: int | None = None) -> int:
        """Forget the learned addresses of a port, a VLAN, both or all; how many there were."""
        port, vlan = (-1 if each is None else each for each in (port, vlan))
        return int(lib.fp_fdb_flush(self._sw, port, vlan))

    def fdb_age(self, silent_ns: int, *, but_port: int) -> int:
        """Forget addresses that were silent for longer, at all ports but one and those that are
        sticky; how many there were.
        """
        return check(lib.fp_fdb_age(self._sw, but_port, silent_ns), "fdb_age")

    def streams(self) -> Iterator[Stream]:
        """The multicast flows seen, wanted or not, in no order, as they are now."""
        streams = room("struct fp_stream[]", self._streams_max)
        count = lib.fp_stream_dump(self._sw, streams, self._streams_max)
        return (_stream(streams[i]) for i in range(count))

    def explain(self, port: int, frame: bytes) -> Verdict:
        """What the live table says of such a frame at that port, tagged as it is on the wire."""
        verdict = ffi.new("struct fp_verdict *")
        check(lib.fp_explain(self._sw, port, frame, len(frame), verdict), "explain")
        return Verdict(
            Action(verdict.action), REASON_NAMES[verdict.reason], mask(verdict.ports),
            bool(verdict.punt), bool(verdict.registered), int(verdict.vlan),
            mask(verdict.untagged) if verdict.tagging else None,
        )  # fmt: skip
