"""The C fast path as Python sees it: the only module that imports the compiled binding.

`FastPath` owns one `struct fp_switch`.  All methods but `run` belong to one control thread; `run`
blocks its thread in C with the GIL released.  Constants come from the contract header through
`lib`; nothing here knows the protocol.  Failures are OSError with the errno of the system call
and the step that failed.
"""

from __future__ import annotations

import errno
import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from snoop._native import ffi, lib
from snoop.proto.units import Ports
from snoop.table.image import pack_members, pack_rows, pack_vlans, words
from snoop.table.mdb import Delta
from snoop.table.seen import (
    FdbEntry,
    PortOpened,
    PortSetup,
    Punted,
    Stream,
    WorkerStats,
)

CONTRACT_VERSION = 21
if lib.fp_contract_version() != CONTRACT_VERSION:
    raise ImportError(
        f"snoop._native speaks contract {lib.fp_contract_version()}, this is {CONTRACT_VERSION}: "
        "install the package again"
    )

PORTS_MAX: int = lib.FP_PORTS_MAX
_PUNTED = struct.Struct("=QIHHIH2x")
_NO_TAG: int = lib.FP_NO_TAG
_NO_MAC = bytes(lib.FP_MAC_BYTES)
_DRAIN_BYTES = 1 << 20


class Action(IntEnum):
    """What becomes of a frame."""

    DROP = lib.FP_ACTION_DROP
    FORWARD = lib.FP_ACTION_FORWARD
    FLOOD = lib.FP_ACTION_FLOOD
    PUNT = lib.FP_ACTION_PUNT


def _text(value: Any) -> str:
    return str(ffi.string(value).decode())


REASONS: dict[str, Action] = {
    _text(lib.fp_reason_name(i)): Action(lib.fp_reason_action(i)) for i in range(lib.FP_REASON_MAX)
}
"""Verdict counters: exactly one of them moves for every received frame."""

_REASON_NAMES = list(REASONS)
STATS: tuple[str, ...] = tuple(_text(lib.fp_stat_name(i)) for i in range(lib.FP_STAT_MAX))
"""The other counters of a port, in contract order."""

PATHS: dict[str, bool] = {
    _text(lib.fp_path_name(i)): bool(lib.fp_path_is_kernel(i)) for i in range(lib.FP_PATH_MAX)
}
"""Who serves a stream and why, in a word, and whether it is the kernel."""

_PATHS = list(PATHS.items())

DROPS: tuple[str, ...] = (
    *(name for name, action in REASONS.items() if action is Action.DROP),
    *("tx_full", "tx_mtu", "tx_down", "tx_error", "tx_offload"),
    *("inject_drops", "ring_full", "ring_stuck"),
)  # fmt: skip
"""Names of the counters that count lost frames, on their way in or out."""


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


def _mask(masks: Any) -> Ports:
    return int(masks[0]) | int(masks[1]) << 64 | int(masks[2]) << 128 | int(masks[3]) << 192


def _fdb_entry(entry: Any) -> FdbEntry:
    rival = None if entry.rival == lib.FP_FDB_NO_RIVAL else int(entry.rival)
    mac = bytes(entry.mac)
    return FdbEntry(entry.vlan, mac, entry.port, int(entry.age_ns), rival, int(entry.claimed_ns))


def _stream(s: Any) -> Stream:
    frames, octets, first, last = int(s.frames), int(s.bytes), int(s.first_ns), int(s.last_ns)
    return Stream(
        s.vlan, bytes(s.source), bytes(s.group), s.port, frames, octets, first, last,
        _mask(s.ports), bool(s.registered), _REASON_NAMES[s.reason], s.ttl, *_PATHS[s.path],
    )  # fmt: skip


def _port_config(ifindex: int, setup: PortSetup) -> Any:
    flags = lib.FP_OPEN_QDISC_BYPASS if setup.qdisc_bypass else 0
    flags |= lib.FP_OPEN_ISOLATE if setup.isolate else 0
    flags |= lib.FP_OPEN_SHORTCUT if setup.shortcut else 0
    flags |= lib.FP_OPEN_LATER if setup.later else 0
    flags |= lib.FP_OPEN_RINGS if setup.rings_only else 0
    slots = setup.ring_slots, setup.control_slots
    return ffi.new("struct fp_port_config *", [ifindex, *slots, flags, setup.punt_bytes])


def _check(result: int, what: str) -> int:
    if result < 0:
        raise OSError(-result, f"{what}: {os.strerror(-result)}")
    return result


def _check_at(result: int, stage: Any) -> None:
    _check(result, _text(stage[0]) if stage[0] != ffi.NULL else "port")


def _opened(failure: int, setup: PortSetup) -> PortOpened:
    later = failure == errno.EINPROGRESS
    if not setup.isolate:
        return PortOpened(False, "not asked for", later)
    return PortOpened(failure == 0, os.strerror(failure) if failure else None, later)


class FastPath:
    """A fast path without ports; `fdb_max` and `streams_max` are entries, times nanoseconds."""

    def __init__(
        self,
        *,
        workers: int = 1,
        fdb_max: int = 8192,
        fdb_ageing_ns: int = 300_000_000_000,
        spin_us: int = 50,
        streams_max: int = 16384,
    ) -> None:
        config = ffi.new(
            "struct fp_config *", [fdb_ageing_ns, workers, fdb_max, spin_us, streams_max]
        )
        self._sw = lib.fp_switch_new(config)
        if self._sw == ffi.NULL:
            raise OSError(f"no fast path: out of memory, or not 1..{lib.FP_WORKERS_MAX} workers")
        self.workers = workers
        self._fdb_max = fdb_max
        self._streams_max = (streams_max + 8) * workers * 2
        self._staged_ports: dict[int, tuple[int, int, int, int, int, int, bytes]] = {}
        self._drain = ffi.new("uint8_t[]", _DRAIN_BYTES)
        self.punt_fd: int = lib.fp_punt_fd(self._sw)

    def port_open(
        self, port: int, ifindex: int, setup: PortSetup, *, coalesce: bool = True, mtu: int = 1500,
    ) -> PortOpened:  # fmt: skip
        """Open an interface of this network namespace, staged as down until `port_set` says up.
        OSError says which step failed, as EPERM without CAP_NET_RAW.
        """
        opened = self._opening(lib.fp_port_open, port, ifindex, setup)
        self.port_set(port, up=False, mtu=mtu, coalesce=coalesce)
        return opened

    def prepare(self, ifindex: int, setup: PortSetup) -> Any:
        """Nearly all of `port_open`, from any thread: for `adopt`, or for `discard`."""
        made, stage = ffi.new("struct fp_port **"), ffi.new("const char **")
        _check_at(lib.fp_port_prepare(self._sw, _port_config(ifindex, setup), made, stage), stage)
        return made[0]

    def adopt(self, port: int, prepared: Any, setup: PortSetup) -> PortOpened:
        """The rest of it, at once."""
        isolated, stage = ffi.new("int32_t *"), ffi.new("const char **")
        _check_at(lib.fp_port_adopt(self._sw, port, prepared, isolated, stage), stage)
        self.port_set(port, up=False, mtu=1500)
        return _opened(int(isolated[0]), setup)

    def discard(self, prepared: Any) -> None:
        """Nobody wants it; of any thread."""
        lib.fp_port_discard(self._sw, prepared)

    def attach(self, ifindex: int, setup: PortSetup) -> Any:
        """The program of a port that was opened without, from any thread: for `attached`."""
        made = ffi.new("struct fp_port **")
        _check(lib.fp_port_attach(self._sw, _port_config(ifindex, setup), made), "program")
        return made[0]

    def attached(self, port: int, program: Any) -> int | None:
        """It is the port's: 0, or why there is none (errno). None: no port waits for it."""
        isolated = ffi.new("int32_t *")
        gone = lib.fp_port_attached(self._sw, port, program, isolated)
        return None if gone else int(isolated[0])

    def port_stuck(self, port: int) -> bool:
        """Has a ring of the port stopped for good? Only `port_reopen` helps then."""
        return bool(lib.fp_port_stuck(self._sw, port) > 0)

    def port_reopen(self, port: int, ifindex: int, setup: PortSetup) -> PortOpened:
        """New rings and sockets for an open port, at once; OSError: it must be closed then."""
        return self._opening(lib.fp_port_reopen, port, ifindex, setup)

    def _opening(self, call: Any, port: int, ifindex: int, setup: PortSetup) -> PortOpened:
        isolated, stage = ffi.new("int32_t *"), ffi.new("const char **")
        _check_at(call(self._sw, port, _port_config(ifindex, setup), isolated, stage), stage)
        return _opened(int(isolated[0]), setup)

    def port_isolate(self, port: int, isolate: bool) -> bool:
        """Keep the host's stack off an open port, or not, at once; False: it takes an opening."""
        return bool(lib.fp_port_isolate(self._sw, port, isolate) == 0)

    def port_close(self, port: int) -> None:
        """Take a port out of the forwarding at once; KeyError if it is not open."""
        self._staged_ports.pop(port, None)
        if lib.fp_port_close(self._sw, port) < 0:
            raise KeyError(port)

    def port_set(
        self,
        port: int,
        *,
        up: bool,
        mtu: int,
        coalesce: bool = True,
        watched: bool = False,
        sticky: bool = False,
        igmp_rate: int = 0,
        igmp_burst: int = 1,
        filters: bool = False,
        pvid: int = 0,
        horizon: int = 0,
        peer: bool = False,
        peer_mac: bytes = _NO_MAC,
        ahead: bool = False,
    ) -> None:
        """Stage the state of an open port for the next publish; mtu in bytes, rate 0: no limit.

        `coalesce`: it gets runs, several frames in one send; `watched`: but not while in doubt.
        `sticky`: addresses learned there never move away. `filters`: its frames have the VLAN of
        their tag, or `pvid`, 0: they are refused; else they pass as they came. Ports of one
        `horizon` never forward to each other; 0: it has none. `peer`: its other end, which has the
        address `peer_mac`, can be handed frames without its queue. `ahead`: what its hosts
        join they get before that is decided (SM-70).
        """
        flags = (lib.FP_PORT_UP if up else 0) | (lib.FP_PORT_COALESCE if coalesce else 0)
        flags |= lib.FP_PORT_WATCHED if watched else 0
        flags |= lib.FP_PORT_STICKY if sticky else 0
        flags |= lib.FP_PORT_FILTERS if filters else 0
        flags |= lib.FP_PORT_PEER if peer else 0
        flags |= lib.FP_PORT_AHEAD if ahead else 0
        self._staged_ports[port] = (mtu, flags, igmp_rate, igmp_burst, pvid, horizon, peer_mac)

    def watch(self, fd: int) -> None:
        """While this descriptor is readable watched ports get no runs; -1: none."""
        lib.fp_switch_watch(self._sw, fd)

    def hold(self, hold: bool) -> None:
        """Nor while this holds: from before the descriptor is read to after the publish."""
        lib.fp_switch_hold(self._sw, hold)

    def kernel(self, allowed: bool) -> None:
        """May streams be served inside the kernel, from their next frame on?

        At first they may not. OSError says why the kernel cannot, and then nothing has changed.
        """
        _check(lib.fp_switch_kernel(self._sw, allowed), "kernel path")

    def kernel_fold(self) -> int:
        """Take in what the kernel has counted, and keep the sources of its streams in the fdb.

        How many streams it serves. Once a second, or addresses age out that still send.
        """
        return _check(lib.fp_kernel_fold(self._sw), "kernel path")

    def publish(self, delta: Delta) -> None:
        """Make rows, policies and staged port states effective in one step (SNOOP-28)."""
        if not delta and not self._staged_ports:
            return
        rows, row_count = pack_rows(delta)
        vlans, vlan_count = pack_vlans(delta)
        members, member_count = pack_members(delta)
        staged = len(self._staged_ports)
        ports = ffi.new("struct fp_port_state[]", staged) if staged else ffi.NULL
        for i, (port, state) in enumerate(self._staged_ports.items()):
            ports[i].port = port
            ports[i].mtu, ports[i].flags, ports[i].igmp_rate, ports[i].igmp_burst = state[:4]
            ports[i].pvid, ports[i].horizon, ports[i].peer_mac = state[4:]
        _check(
            lib.fp_switch_publish(
                self._sw,
                ffi.from_buffer("struct fp_row[]", rows) if row_count else ffi.NULL,
                row_count,
                ffi.from_buffer("struct fp_vlan[]", vlans) if vlan_count else ffi.NULL,
                vlan_count,
                ffi.from_buffer("struct fp_members[]", members) if member_count else ffi.NULL,
                member_count,
                ports,
                staged,
            ),
            "publish",
        )
        self._staged_ports.clear()

    def run(self, worker: int = 0) -> None:
        """Forward until `stop`; OSError on a fault of the loop.  Releases the GIL."""
        _check(lib.fp_loop_run(self._sw, worker), "forwarding loop")

    def stop(self) -> None:
        """Let every `run` return; any thread."""
        lib.fp_switch_stop(self._sw)

    def close(self) -> None:
        """Free everything; only after every `run` has returned."""
        if self._sw != ffi.NULL:
            lib.fp_switch_free(self._sw)
            self._sw = ffi.NULL

    @staticmethod
    def reasons() -> dict[str, str]:
        """The verdict counters and what becomes of their frames: drop, forward, flood or punt."""
        return {name: action.name.lower() for name, action in REASONS.items()}

    def drain(self, budget: int) -> list[Punted]:
        """A fair mix of the punted frames that wait, of a cost of `budget` and one frame more.

        Each port's frames come in their order. `punt_fd` stays readable while more wait.
        """
        size = _check(lib.fp_punt_drain(self._sw, self._drain, _DRAIN_BYTES, budget), "punt")
        view = ffi.buffer(self._drain, size)[:]
        drained = []
        at = 0
        while at < size:
            time_ns, length, port, cost, tci, vid = _PUNTED.unpack_from(view, at)
            at += _PUNTED.size
            tag = None if tci == _NO_TAG else tci
            drained.append(Punted(port, vid, view[at : at + length], time_ns, cost, tag))
            at += (length + 7) & ~7
        return drained

    def decided(self) -> None:
        """Say that what was taken is decided and published: its joins need nobody else (SM-70)."""
        lib.fp_punt_decided(self._sw)

    def inject(
        self,
        vid: int,
        ports: Ports,
        frame: bytes,
        tci: int | None = None,
        came_from: int | None = None,
    ) -> Ports:
        """Send an untagged frame in a VLAN on a set of ports; the ports that took it.

        Of the ports those that are in the VLAN get it, tagged where the VLAN has the port tagged,
        with the priority in `tci`, which is None if it came without a tag; but for the split
        horizon of the port that it came from, None: it is our own.
        """
        sent = ffi.new("uint64_t[4]")
        tag = _NO_TAG if tci is None else tci
        mask = ffi.new("uint64_t[4]", words(ports))
        of = -1 if came_from is None else came_from
        _check(lib.fp_inject(self._sw, vid, tag, of, mask, frame, len(frame), sent), "inject")
        return _mask(sent)

    def counters(self, port: int) -> dict[str, int]:
        """All counters of a port: STATS and REASONS by name; rx_frames is the sum of REASONS."""
        stats = ffi.new("uint64_t[]", lib.FP_STAT_MAX)
        reasons = ffi.new("uint64_t[]", lib.FP_REASON_MAX)
        _check(lib.fp_stats_read(self._sw, port, stats, reasons), "counters")
        values = dict(zip(STATS, (int(n) for n in stats), strict=True))
        values.update(zip(_REASON_NAMES, (int(n) for n in reasons), strict=True))
        return values

    def verdicts(self, reason: str) -> dict[int, int]:
        """One verdict counter of every port where it is not 0; cheaper than `counters` of each."""
        counts = ffi.new("uint64_t[]", PORTS_MAX)
        _check(lib.fp_reason_read(self._sw, _REASON_NAMES.index(reason), counts), "counters")
        return {port: int(count) for port, count in enumerate(counts) if count}

    def worker_stats(self, worker: int = 0) -> WorkerStats:
        """Passes and sleeps of one loop."""
        stats = ffi.new("struct fp_worker_stats *")
        _check(lib.fp_worker_read(self._sw, worker, stats), "worker")
        return WorkerStats(int(stats.passes), int(stats.sleeps))

    @property
    def rows(self) -> int:
        """Group rows in the live table."""
        return int(lib.fp_switch_row_count(self._sw))

    def reap(self) -> int:
        """Free what no loop can reach any more; return how many objects wait for one to move on."""
        return int(lib.fp_switch_retired(self._sw))

    def fdb(self) -> Iterator[FdbEntry]:
        """The learned MAC addresses that have not aged out, in no order, as they are now."""
        entries = ffi.new("struct fp_fdb_entry[]", self._fdb_max + 64)
        count = lib.fp_fdb_dump(self._sw, entries, self._fdb_max + 64)
        return (_fdb_entry(entries[i]) for i in range(count))

    @property
    def fdb_count(self) -> int:
        """How many there are."""
        entries = ffi.new("struct fp_fdb_entry[]", self._fdb_max + 64)
        return int(lib.fp_fdb_dump(self._sw, entries, self._fdb_max + 64))

    @property
    def fdb_disputes(self) -> int:
        """Grows while addresses are claimed in vain: then `fdb_disputed` has something to tell."""
        return int(lib.fp_fdb_disputes(self._sw))

    def fdb_disputed(self, within_ns: int, *, most: int) -> list[FdbEntry]:
        """The addresses that were claimed in vain within a time, `most` of them."""
        entries = ffi.new("struct fp_fdb_entry[]", most)
        count = lib.fp_fdb_disputed(self._sw, entries, most, within_ns)
        return [_fdb_entry(entry) for entry in entries[0:count]]

    def fdb_flush(self, port: int | None = None, vlan: int | None = None) -> int:
        """Forget the learned addresses of a port, a VLAN, both or all; how many there were."""
        port, vlan = (-1 if each is None else each for each in (port, vlan))
        return int(lib.fp_fdb_flush(self._sw, port, vlan))

    def streams(self) -> Iterator[Stream]:
        """The multicast flows seen, wanted or not, in no order, as they are now."""
        streams = ffi.new("struct fp_stream[]", self._streams_max)
        count = lib.fp_stream_dump(self._sw, streams, self._streams_max)
        return (_stream(streams[i]) for i in range(count))

    def explain(self, port: int, frame: bytes) -> Verdict:
        """What the live table says of such a frame at that port, tagged as it is on the wire."""
        verdict = ffi.new("struct fp_verdict *")
        _check(lib.fp_explain(self._sw, port, frame, len(frame), verdict), "explain")
        return Verdict(
            Action(verdict.action), _REASON_NAMES[verdict.reason], _mask(verdict.ports),
            bool(verdict.punt), bool(verdict.registered), int(verdict.vlan),
            _mask(verdict.untagged) if verdict.tagging else None,
        )  # fmt: skip
