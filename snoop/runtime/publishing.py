"""What changed and is not in the fast path's tables yet.

Of thousands of groups or VLANs that changed at once (a table that ran out, a reload) a part is
compiled and published, and the rest when frames, timers and clients have had a turn. What holds for
a whole VLAN comes last: it must not prune by rows that are not there yet.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from itertools import islice
from typing import Protocol

from snoop.proto.engine import Engine
from snoop.proto.params import Params, PortParams
from snoop.proto.units import NEVER, SECOND, Instant, Ports, after
from snoop.runtime import clock
from snoop.runtime.log import Limited
from snoop.runtime.staging import Staging
from snoop.table.mdb import Delta, Mdb, compile_group, compile_vlan
from snoop.table.members import VLAN_DEFAULT
from snoop.wire.address import Address, Family

# What is compiled and published in one go: some 5 ms each.
ROWS_MAX = 1000
VLANS_MAX = 200
NOW = Instant(1)
# How long a table that could not be published waits for memory.
AGAIN = SECOND


class TablePath(Protocol):
    """The part of the fast path that takes tables."""

    def publish(self, delta: Delta) -> None: ...


class Publishing:
    """Groups and VLANs that wait, the rows that are there, and when to try again."""

    def __init__(self, fastpath: TablePath, staging: Staging, limited: Limited) -> None:
        self._fastpath = fastpath
        self._staging = staging
        self._limited = limited
        self.mdb = Mdb()
        self.routers: dict[tuple[int, Family], Ports] = {}
        """Router ports, by VLAN and family."""
        self._again_at = NEVER
        self._groups: dict[tuple[int, Address], None] = {}  # oldest change first
        self._vlans: dict[tuple[int, Family], None] = {}

    def group_changed(self, vid: int, group: Address) -> None:
        self._groups[vid, group] = None

    def vlan_changed(self, vid: int, family: Family) -> None:
        self._vlans[vid, family] = None

    def all_vlans_changed(self, engine: Engine) -> None:
        """Every VLAN's row again, and the row of the VLANs that have none."""
        always = ((vid, family) for vid in (0, VLAN_DEFAULT) for family in Family)
        for vid, family in (*engine.instances(), *always):
            self.vlan_changed(vid, family)

    @property
    def due(self) -> Instant:
        """When to go on: at once, if something was left over."""
        return NOW if self._groups or self._vlans else self._again_at

    @property
    def lags(self) -> bool:
        """Does what is known of a group wait?"""
        return bool(self._groups) or self._again_at < NEVER

    def lags_at(self, vid: int, group: Address) -> bool:
        """Of this one?"""
        return (vid, group) in self._groups or self._again_at < NEVER

    def lags_in(self, vid: int, family: Family) -> bool:
        """Or of this VLAN, or of any group?"""
        return (vid, family) in self._vlans or self.lags

    def compile(
        self, engine: Engine, params: Params, port_params: Callable[[], Mapping[int, PortParams]]
    ) -> bool:
        """Make rows of a part of what waits; True if VLANs, and with them routers, are of it."""
        rows = 0
        for vid, group in list(islice(self._groups, ROWS_MAX)):
            del self._groups[vid, group]
            compiled = compile_group(engine.group_view(vid, group))
            self.mdb.set_group(vid, group, compiled)
            rows += 1 + len(compiled)
            if rows >= ROWS_MAX:
                break
        if not self._vlans or self._groups:
            return False
        ports = port_params()
        for vid, family in list(islice(self._vlans, VLANS_MAX)):
            del self._vlans[vid, family]
            if vid == VLAN_DEFAULT or engine.has_vlan(vid, family):
                view = engine.vlan_view(vid, family)
                self.mdb.set_vlan(compile_vlan(view, params, ports))
                self.routers[vid, family] = view.mrouters
            else:
                self.mdb.remove_vlan(vid, family)
                self.routers.pop((vid, family), None)
        return True

    def publish(self) -> None:
        """Make rows and port states effective; what cannot be is kept, and tried again."""
        delta = self.mdb.staged()
        if self._publish(delta) and delta:
            self.mdb.published()

    def publish_ports(self) -> None:
        """Port states at once and alone."""
        self._publish(Delta())

    def _publish(self, delta: Delta) -> bool:
        if not (self._staging.waits or delta):
            self._again_at = NEVER
            return True
        try:
            self._fastpath.publish(delta)
        except OSError as error:
            now = clock.now()
            self._again_at = after(now, AGAIN)
            self._limited.log(logging.ERROR, "publish", f"table not published: {error}", now=now)
            return False
        self._again_at = NEVER
        self._staging.published()
        return True
