"""How much of what was decided the fast path has: that part of `Plane`."""

from __future__ import annotations

from snoop.proto.engine import Engine
from snoop.runtime.publishing import Publishing
from snoop.wire.address import Address, Family


class Published:
    """What `Plane` has, and these need."""

    engine: Engine
    _publishing: Publishing

    @property
    def table_rows(self) -> int:
        """Group rows in the fast path."""
        return self._publishing.mdb.rows

    def prunes(self, vid: int, family: Family) -> bool:
        """Tell whether groups with members go to nobody else: by the table that is published."""
        waits = self._publishing.lags_in(vid, family)
        return self.engine.vlan_view(vid, family).active and not waits

    def lags(self, vid: int | None, group: Address | None) -> bool:
        """Tell whether what is known of these groups, None: of any, is not published yet."""
        if vid is None or group is None:
            return self._publishing.lags
        return self._publishing.lags_at(vid, group)
