"""The switch as a whole: tables published, loops run, frames handed up and sent."""

from __future__ import annotations

import struct

from snoop._native import ffi, lib
from snoop.fastpath.handing import Handing
from snoop.fastpath.names import check, mask
from snoop.fastpath.opening import Opening, Staged
from snoop.fastpath.reading import Reading
from snoop.proto.units import Ports
from snoop.table.image import pack_members, pack_rows, pack_vlans, words
from snoop.table.mdb import Delta
from snoop.table.seen import Punted, Watched

_PUNTED = struct.Struct("=QIHHIH2x")
_NO_TAG: int = lib.FP_NO_TAG
_DRAIN_BYTES = 1 << 20
_WATCHED = {
    Watched.NONE: lib.FP_HEALTH_OFF,
    Watched.WANTED: lib.FP_HEALTH_WANTED,
    Watched.ALL: lib.FP_HEALTH_ALL,
}


class FastPath(Handing, Opening, Reading):
    """A fast path without ports; `fdb_max` and `streams_max` are entries, times nanoseconds.

    All methods but `run`, and those that say so, belong to one control thread; `run` blocks its
    thread in C with the GIL released.
    """

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
        self._staged_ports: dict[int, Staged] = {}
        self._programs: dict[int, int] = {}
        self._drain = ffi.new("uint8_t[]", _DRAIN_BYTES)
        self.punt_fd: int = lib.fp_punt_fd(self._sw)

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
        check(lib.fp_switch_kernel(self._sw, allowed), "kernel path")

    def health(self, watched: Watched) -> None:
        """Which streams' health is watched from now on; at first of none."""
        check(lib.fp_switch_health(self._sw, _WATCHED[watched]), "health")

    def kernel_fold(self) -> int:
        """Take in what the kernel has counted, and keep the sources of its streams in the fdb.

        How many streams it serves. Once a second, or addresses age out that still send.
        """
        return check(lib.fp_kernel_fold(self._sw), "kernel path")

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
            ports[i].pvid, ports[i].horizon, ports[i].peer_mac = state[4:7]
            ports[i].reserved, ports[i].storm_limit = state[7:]
        check(
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
        check(lib.fp_loop_run(self._sw, worker), "forwarding loop")

    def stop(self) -> None:
        """Let every `run` return; any thread."""
        lib.fp_switch_stop(self._sw)

    def close(self) -> None:
        """Free everything; only after every `run` has returned."""
        if self._sw != ffi.NULL:
            lib.fp_switch_free(self._sw)
            self._sw = ffi.NULL

    def drain(self, budget: int) -> list[Punted]:
        """A fair mix of the punted frames that wait, of a cost of `budget` and one frame more.

        Each port's frames come in their order. `punt_fd` stays readable while more wait.
        """
        size = check(lib.fp_punt_drain(self._sw, self._drain, _DRAIN_BYTES, budget), "punt")
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
        wanted = ffi.new("uint64_t[4]", words(ports))
        of = -1 if came_from is None else came_from
        check(lib.fp_inject(self._sw, vid, tag, of, wanted, frame, len(frame), sent), "inject")
        return mask(sent)

    def reap(self) -> int:
        """Free what no loop can reach any more; return how many objects wait for one to move on."""
        return int(lib.fp_switch_retired(self._sw))
