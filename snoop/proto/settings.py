"""What is set, for the switch and for each VLAN: the one place that says which of both holds."""

from snoop.proto.filters import PrefixList
from snoop.proto.params import Params, PortParams

_MODULUS = (1 << 61) - 1


def mark_of(params: Params | PortParams) -> int:
    """A number that tells settings from others, in any process."""
    return int.from_bytes(repr(params).encode()) % _MODULUS


class Settings:
    """The parameters in force. Everybody asks here, so that new ones hold for all at once."""

    __slots__ = ("_mark", "_vlans", "params", "ssm")

    def __init__(self, params: Params) -> None:
        """Start with these."""
        self.take(params)

    def take(self, params: Params) -> None:
        """Take new ones."""
        self.params = params
        self._vlans = dict(params.vlans)
        self._mark: int | None = None
        self.ssm = PrefixList(params.ssm_ranges)

    @property
    def mark(self) -> int:
        """A number that tells them from others: what was dumped under others is fitted to these."""
        if self._mark is None:
            self._mark = mark_of(self.params)
        return self._mark

    def of(self, vid: int) -> Params:
        """The settings of a VLAN, as far as they may be its own."""
        return self._vlans.get(vid, self.params)

    def vids(self) -> list[int]:
        """The VLANs that have settings of their own."""
        return list(self._vlans)

    def is_configured(self, vid: int) -> bool:
        """Tell whether a VLAN is there whatever anybody sends: VLAN 0, and those with settings."""
        return vid == 0 or vid in self._vlans
