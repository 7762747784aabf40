"""What groups are called: the names of `[[group]]`, the longest prefix first.

Only what is shown asks for them, so that a reload changes names and no table.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from snoop.config.schema import GroupTable
from snoop.wire import address
from snoop.wire.address import Address

_BITS = 128


class Called(NamedTuple):
    """`name`: by the operator; `announced`: by a sender, whoever that is. None: nothing."""

    name: str | None = None
    announced: str | None = None


class Names:
    """Answers what a group is called, None: nothing."""

    def __init__(self, tables: Iterable[GroupTable] = ()) -> None:
        by_host_bits: dict[int, dict[int, str]] = {}
        for table in tables:
            group, length = table.group.prefix
            shift = _BITS - length
            by_host_bits.setdefault(shift, {})[int.from_bytes(group, "big") >> shift] = table.name
        self._prefixes = sorted(by_host_bits.items())

    def of(self, group: Address) -> str | None:
        """The name of the narrowest prefix that has it."""
        if not self._prefixes:
            return None
        number = int.from_bytes(group, "big")
        found = (names.get(number >> shift) for shift, names in self._prefixes)
        return next((name for name in found if name is not None), None)

    def of_text(self, group: object) -> str | None:
        """The same, of a group as events write it: None has no name."""
        if not self._prefixes or not isinstance(group, str):
            return None
        return self.of(address.parse_group(group))
