"""Ports of the fast path: opened, at once or in two steps, set up, reopened and closed."""

from __future__ import annotations

import errno
import os
from typing import Any

from snoop._native import ffi, lib
from snoop.fastpath.names import check, text
from snoop.table.seen import PortOpened, PortSetup

_NO_MAC = bytes(lib.FP_MAC_BYTES)
Staged = tuple[int, int, int, int, int, int, bytes, int, int]


def port_config(ifindex: int, setup: PortSetup, program_fd: int = 0) -> Any:
    """As the fast path is told how to open a port."""
    flags = lib.FP_OPEN_QDISC_BYPASS if setup.qdisc_bypass else 0
    flags |= lib.FP_OPEN_ISOLATE if setup.isolate else 0
    flags |= lib.FP_OPEN_SHORTCUT if setup.shortcut else 0
    flags |= lib.FP_OPEN_LATER if setup.later else 0
    slots = setup.ring_slots, setup.control_slots
    return ffi.new(
        "struct fp_port_config *", [ifindex, *slots, flags, setup.punt_bytes, program_fd]
    )


def _check_at(result: int, stage: Any) -> None:
    check(result, text(stage[0]) if stage[0] != ffi.NULL else "port")


def _opened(failure: int, setup: PortSetup) -> PortOpened:
    later = failure == errno.EINPROGRESS
    if not setup.isolate:
        return PortOpened(False, "not asked for", later)
    return PortOpened(failure == 0, os.strerror(failure) if failure else None, later)


class Opening:
    """That part of `FastPath`."""

    _sw: Any
    _staged_ports: dict[int, Staged]
    _programs: dict[int, int]  # what other processes have left at interfaces, until ours is there

    def _forget_program(self, port: int) -> None:
        raise NotImplementedError

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
        _check_at(lib.fp_port_prepare(self._sw, port_config(ifindex, setup), made, stage), stage)
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
        config = port_config(ifindex, setup, self._programs.pop(ifindex, 0))
        check(lib.fp_port_attach(self._sw, config, made), "program")
        return made[0]

    def attached(self, port: int, program: Any) -> int | None:
        """It is the port's: 0, or why there is none (errno). None: no port waits for it."""
        isolated = ffi.new("int32_t *")
        gone = lib.fp_port_attached(self._sw, port, program, isolated)
        return None if gone else int(isolated[0])

    def port_stuck(self, port: int) -> bool:
        """Does it take nothing in? Only `port_reopen` helps then."""
        return bool(lib.fp_port_stuck(self._sw, port))

    def program(self, port: int) -> int:
        """A descriptor of a port's program, for `program_lost`; -1: it has none."""
        fd = lib.fp_port_program_fd(self._sw, port)
        return -1 if fd < 0 else os.dup(fd)

    @staticmethod
    def program_lost(fd: int) -> bool:
        """Has somebody taken it off its interface? From any thread: it waits for the kernel."""
        try:
            return bool(lib.fp_program_lost(fd))
        finally:
            os.close(fd)

    def port_reopen(self, port: int, ifindex: int, setup: PortSetup) -> PortOpened:
        """New rings and sockets for an open port, at once; OSError: it must be closed then."""
        return self._opening(lib.fp_port_reopen, port, ifindex, setup)

    def _opening(self, call: Any, port: int, ifindex: int, setup: PortSetup) -> PortOpened:
        isolated, stage = ffi.new("int32_t *"), ffi.new("const char **")
        _check_at(call(self._sw, port, port_config(ifindex, setup), isolated, stage), stage)
        return _opened(int(isolated[0]), setup)

    def port_isolate(self, port: int, isolate: bool) -> bool:
        """Keep the host's stack off an open port, or not, at once; False: it takes an opening."""
        return bool(lib.fp_port_isolate(self._sw, port, isolate) == 0)

    def port_bypass(self, port: int, bypass: bool) -> None:
        """Send past an open port's queueing discipline, or through it, at once."""
        check(lib.fp_port_bypass(self._sw, port, bypass), "port")

    def port_flapped(self, port: int) -> None:
        """Have what an open port refused just now be its link's, which was down for a moment."""
        check(lib.fp_port_flapped(self._sw, port), "port")

    def port_close(self, port: int) -> None:
        """Take a port out of the forwarding at once; KeyError if it is not open."""
        self._staged_ports.pop(port, None)
        self._forget_program(port)
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
        guard: bool = False,
        held: bool = False,
        reserved: int = 0,
        storm_limit: int = 0,
        names: bool = False,
        rings_only: bool = False,
    ) -> None:
        """Stage the state of an open port for the next publish; mtu in bytes, rate 0: no limit.

        `coalesce`: it gets runs, several frames in one send; `watched`: but not while in doubt.
        `sticky`: addresses learned there never move away. `filters`: its frames have the VLAN of
        their tag, or `pvid`, 0: they are refused; else they pass as they came. Ports of one
        `horizon` never forward to each other; 0: it has none. `peer`: its other end, which has the
        address `peer_mac`, can be handed frames without its queue. `ahead`: what its hosts
        join they get before that is decided (SM-70). `guard`: probes are handed up (LOOP-1);
        `held`: it is not `up`, being part of a loop. `reserved`: bit n lets 01:80:c2:00:00:0n
        through (L2-2). `storm_limit`: frames a second of each kind of flood, 0: no limit. `names`:
        session announcements are copied to the control plane (SAY-61). `rings_only`: nothing
        leaves by the kernel's programs.
        """
        flags = (lib.FP_PORT_UP if up else 0) | (lib.FP_PORT_COALESCE if coalesce else 0)
        flags |= lib.FP_PORT_WATCHED if watched else 0
        flags |= lib.FP_PORT_STICKY if sticky else 0
        flags |= lib.FP_PORT_FILTERS if filters else 0
        flags |= lib.FP_PORT_PEER if peer else 0
        flags |= lib.FP_PORT_AHEAD if ahead else 0
        flags |= (lib.FP_PORT_GUARD if guard else 0) | (lib.FP_PORT_HELD if held else 0)
        flags |= lib.FP_PORT_NAMES if names else 0
        flags |= lib.FP_PORT_RINGS if rings_only else 0
        own = (pvid, horizon, peer_mac, reserved, storm_limit)
        self._staged_ports[port] = (mtu, flags, igmp_rate, igmp_burst, *own)
