"""Ports of the fast path on their way from one process to another, and the pause between."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, NamedTuple

from snoop._native import ffi, lib
from snoop.fastpath.names import PORTS_MAX, check, text
from snoop.fastpath.opening import port_config
from snoop.fastpath.reading import room
from snoop.table.seen import PortSetup

_FDS = ("data_fd", "control_fd", "tx_fd", "tx_bare_fd", "tx_qdisc_fd", "program_fd")


class Handed(NamedTuple):
    """What an open port is made of. Descriptors are -1 where it has none, or the same as another;
    slots and frames taken are those of the data ring and of the control ring.
    """

    ifindex: int
    fds: tuple[int, ...]
    ring_slots: int
    control_slots: int
    data_taken: int
    control_taken: int


class Handing:
    """That part of `FastPath`."""

    _sw: Any
    _programs: dict[int, int]
    _streams_max: int
    workers: int

    def hand(self, port: int) -> Handed:
        """What an open port is made of; all of it stays open here. OSError if it is not open."""
        handed = ffi.new("struct fp_port_handed *")
        check(lib.fp_port_hand(self._sw, port, handed), "port")
        fds = [int(getattr(handed, name)) for name in _FDS]
        return Handed(
            handed.ifindex,
            tuple(-1 if fd in fds[:i] else fd for i, fd in enumerate(fds)),
            handed.ring_slots,
            handed.control_slots,
            handed.data_taken,
            handed.control_taken,
        )

    def receive(self, handed: Handed, setup: PortSetup) -> Any:
        """A port of what another process has, from any thread: for `adopt`, or for `discard`.

        OSError if it cannot be, and the descriptors are the caller's still.
        """
        given = ffi.new("struct fp_port_handed *")
        for name, fd in zip(_FDS, handed.fds, strict=True):
            setattr(given, name, fd)
        given.ifindex = handed.ifindex
        given.ring_slots, given.control_slots = handed.ring_slots, handed.control_slots
        made, stage = ffi.new("struct fp_port **"), ffi.new("const char **")
        config = port_config(handed.ifindex, setup)
        result = lib.fp_port_receive(self._sw, given, config, made, stage)
        check(result, text(stage[0]) if stage[0] != ffi.NULL else "port")
        if handed.fds[-1] >= 0:
            self._programs[handed.ifindex] = handed.fds[-1]
        return made[0]

    def resume(self, port: int, data_taken: int, control_taken: int) -> None:
        """Go on where the other process was stopped, before the first `run`; OSError."""
        check(lib.fp_port_resume(self._sw, port, data_taken, control_taken), "resume")

    def unfilter(self, port: int) -> None:
        """What the other process's filter kept out of a port comes in; OSError."""
        check(lib.fp_port_unfilter(self._sw, port), "filter")

    def streams_packed(self) -> bytes:
        """The multicast flows seen, for `streams_load` in another process."""
        streams = room("struct fp_stream[]", self._streams_max)
        count = lib.fp_stream_dump(self._sw, streams, self._streams_max)
        return bytes(ffi.buffer(streams, count * ffi.sizeof("struct fp_stream")))

    def streams_load(self, packed: bytes, ports: Mapping[int, int]) -> int:
        """Have flows go on that another process of this contract packed; how many. `ports`: their
        numbers here by those there. Before the first `run`.
        """
        count = len(packed) // ffi.sizeof("struct fp_stream")
        streams = ffi.from_buffer("struct fp_stream[]", packed)
        return int(lib.fp_stream_load(self._sw, streams, count, _numbers(ports)))

    def health_packed(self) -> bytes:
        """What is known of the flows' health, for `health_load` in another process, while no loop
        runs.
        """
        most = lib.FP_HEALTH_STREAMS * self.workers
        healths = ffi.new("struct fp_stream_health[]", most)
        count = check(lib.fp_health_dump(self._sw, healths, most), "health")
        return bytes(ffi.buffer(healths, count * ffi.sizeof("struct fp_stream_health")))

    def health_load(self, packed: bytes, ports: Mapping[int, int]) -> int:
        """The same for that, behind `streams_load`."""
        count = len(packed) // ffi.sizeof("struct fp_stream_health")
        healths = ffi.from_buffer("struct fp_stream_health[]", packed)
        return int(lib.fp_health_load(self._sw, healths, count, _numbers(ports)))

    def quiet(self, quiet: bool, *, kernel: bool) -> None:
        """Have the kernel serve nothing, so that all comes into the rings; or again, streams too
        if `kernel`.
        """
        check(lib.fp_switch_quiet(self._sw, quiet, kernel), "kernel path")

    def go(self) -> None:
        """Take `stop` back, when every `run` has returned."""
        lib.fp_switch_go(self._sw)

    def _forget_program(self, port: int) -> None:
        """What another process has left at a port's interface goes with the port."""
        handed = ffi.new("struct fp_port_handed *")
        if self._programs and not lib.fp_port_hand(self._sw, port, handed):
            fd = self._programs.pop(handed.ifindex, 0)
            if fd:
                os.close(fd)


def _numbers(ports: Mapping[int, int]) -> Any:
    """What port n was is here, for each n."""
    return ffi.new("uint16_t[]", [ports.get(n, PORTS_MAX) for n in range(PORTS_MAX)])
