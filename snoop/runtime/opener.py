"""How a port opens in the fast path and closes, and what keeps the host's stack off it meanwhile.

One that cannot be opened is down with its reason beside it. What takes long is done by threads
(`openings`, `programs`); until they are done the port waits, and nobody else does.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Collection
from dataclasses import replace

from snoop.config.schema import SwitchTable
from snoop.links.claims import ClaimTable
from snoop.links.interfaces import Link
from snoop.runtime import depths
from snoop.runtime.egress import Egress
from snoop.runtime.isolation import Isolation
from snoop.runtime.openings import Openings
from snoop.runtime.port import Port, PortPath, reason
from snoop.runtime.programs import Wanted
from snoop.runtime.staging import Staging
from snoop.table.seen import PortOpened, PortSetup

_log = logging.getLogger("snoop.port")


class Opener:
    """Of `ports`, a view of all there are. Without `openings` a port opens at once."""

    def __init__(
        self,
        fastpath: PortPath,
        *,
        ports: Collection[Port],
        egress: Egress,
        staging: Staging,
        isolation: Isolation,
        claims: ClaimTable,
        openings: Openings | None,
    ) -> None:
        self._fastpath = fastpath
        self._ports = ports
        self._egress = egress
        self._staging = staging
        self._isolation = isolation
        self._claims = claims
        self._openings = openings
        self._programs = None if openings is None else openings.programs
        self._hurried: set[int] = set()

    def open(self, port: Port, link: Link) -> None:
        """Open it, or begin to; it has its link once it is open. What is its interface is asked
        first: who else uses it must not lose a frame.
        """
        if not self._egress.knows(link.ifindex):
            port.opening = link.ifindex
            return
        port.asked_isolation = self._isolation.wanted(port.table, link)
        port.asked_bypass = self._egress.bypasses(port.table, link.ifindex)
        port.rings_only = self._egress.rings_only(link.ifindex)
        try:
            self._claims.take(link.ifindex)
            setup = self._setup(port)
            opened = self._opened(port, link, setup)
        except OSError as error:
            self._claims.drop(link.ifindex)
            port.opening = 0
            self._failed(port, error)
            return
        port.opening = link.ifindex if opened is None else 0
        if opened is None:
            return
        port.problem = None
        port.link = link
        port.later = opened.later
        port.isolated = port.asked_isolation if port.later else opened.isolated
        port.isolated_because = None
        if port.later and self._programs is not None:
            self._programs.want(Wanted(port.id, link.ifindex, setup))
        elif port.asked_isolation:
            port.isolated_because = opened.why_not
            self._uncover(port)
        self._staging.set(port)

    def close(self, port: Port) -> None:
        """Close it, open, opening or neither."""
        if port.opening and self._openings is not None:
            self._openings.leave(port.opening)
            self._claims.drop(port.opening)
        self._hurried.discard(port.opening)
        port.opening = 0
        if port.link is not None:
            self._uncover(port)
            self._fastpath.port_close(port.id)
            self._claims.drop(port.link.ifindex)
            port.link = None
        port.problem = None

    def reopen(self, port: Port) -> None:
        """New rings for an open port whose old ones have stopped. Its state in the table stays."""
        assert port.link is not None
        try:
            opened = self._fastpath.port_reopen(port.id, port.link.ifindex, self._setup(port))
        except OSError as error:
            # Its old rings take nothing in either: down, said, and tried again as a whole.
            self.close(port)
            self._failed(port, error)
            return
        port.isolated = port.asked_isolation if opened.later else opened.isolated

    def hurry(self, port: Port) -> None:
        """Somebody waits for it."""
        if not port.opening or self._openings is None:
            return
        if self._egress.knows(port.opening):
            self._openings.hurry(port.opening)
        else:
            self._hurried.add(port.opening)

    def wait(self) -> bool:
        """Until all that were begun can be taken; False: nothing is ever begun."""
        if self._openings is None:
            return False
        self._openings.wait()
        return True

    def attached(self) -> None:
        """Take the programs that are there; a publish then lets the kernel serve their ports."""
        for wanted, program in self._programs.taken() if self._programs is not None else ():
            failure = self._fastpath.attached(wanted.port, program)
            port = next((port for port in self._ports if port.id == wanted.port), None)
            if failure is None or port is None:
                continue  # it was closed meanwhile
            port.later = False
            port.isolated = failure == 0 and port.asked_isolation
            port.isolated_because = os.strerror(failure) if failure else None
            self._uncover(port)
            self.say_isolation(port)
            self._staging.set(port)
        self.begin_programs()

    def begin_programs(self) -> None:
        """Who has streams gets his first."""
        if self._programs is not None:
            self._programs.begin(lambda number: self._fastpath.counters(number)["rx_frames"])

    def takes_opening(self, port: Port, link: Link) -> bool:
        """What isolates it came or went, and is not our program. Traffic control and filters that
        did, and what is ours, are followed without.
        """
        bypass = self._egress.bypasses(port.table, link.ifindex)
        rings_only = self._egress.rings_only(link.ifindex)
        if (port.asked_bypass, port.rings_only) != (bypass, rings_only):
            self._fastpath.port_bypass(port.id, bypass)
            port.asked_bypass, port.rings_only = bypass, rings_only
            self._staging.set(port)
        wanted = self._isolation.wanted(port.table, link)
        if wanted == port.asked_isolation:
            return False
        waits = self._programs if port.later else None
        if waits is not None and not waits.isolate(link.ifindex, wanted):
            return True
        if not self._fastpath.port_isolate(port.id, wanted):
            return True
        port.asked_isolation = port.isolated = wanted
        return False

    def say_isolation(self, port: Port) -> None:
        """What keeps the host's stack off it, once and whenever that changes."""
        if port.link is None:
            return
        notice = self._isolation.notice(port.table, port.link, port.isolated_because)
        if notice != port.notice:
            if notice:
                _log.warning("%s: %s", port.name, notice)
            elif port.isolated:
                _log.info("%s: the host's stack is kept off it again", port.name)
            port.notice = notice

    def _uncover(self, port: Port) -> None:
        if self._programs is not None and port.link is not None:
            self._programs.forget(port.id, port.link.ifindex)

    def _opened(self, port: Port, link: Link, setup: PortSetup) -> PortOpened | None:
        """None: not yet."""
        if self._openings is None:
            return self._fastpath.port_open(port.id, link.ifindex, setup)
        prepared = self._openings.take(link.ifindex, setup)
        if prepared is None and link.ifindex in self._hurried:
            self._hurried.remove(link.ifindex)
            self._openings.hurry(link.ifindex)
        return None if prepared is None else self._fastpath.adopt(port.id, prepared, setup)

    def _setup(self, port: Port) -> PortSetup:
        """How a port is to be opened; its rings are as deep as those of others allow."""
        switch: SwitchTable = self._staging.switch
        if port.setup is None:
            ports = len(self._ports)
            used = sum(one.setup.ring_slots for one in self._ports if one.setup is not None)
            slots = depths.ring_slots(switch, ports, used)
            port.setup = PortSetup(
                shortcut=switch.shortcut,
                ring_slots=slots,
                control_slots=max(256, slots // 4),
                punt_bytes=depths.punt_bytes(ports),
            )
        port.setup = replace(
            port.setup,
            qdisc_bypass=port.asked_bypass,
            isolate=port.asked_isolation,
            later=self._programs is not None,
        )
        return port.setup

    def _failed(self, port: Port, error: OSError) -> None:
        problem = f"cannot be opened: {reason(error)}"
        if problem != port.problem:
            _log.error("%s: %s; it stays down", port.name, problem)
        port.problem = problem
