"""What is set, for the switch and for each VLAN: the one place that says which of both holds."""

from snoop.proto.filters import PrefixList
from snoop.proto.params import Params


class Settings:
    """The parameters in force. Everybody asks here, so that new ones hold for all at once."""

    __slots__ = ("_vlans", "params", "ssm")

    def __init__(self, params: Params) -> None:
        """Start with these."""
        self.take(params)

    def take(self, params: Params) -> None:
        """Take new ones."""
        self.params = params
        self._vlans = dict(params.vlans)
        self.ssm = PrefixList(params.ssm_ranges)

    def of(self, vid: int) -> Params:
        """Return the settings of a VLAN, as far as they may be its own."""
        return self._vlans.get(vid, self.params)

    def vids(self) -> list[int]:
        """Return the VLANs that have settings of their own."""
        return list(self._vlans)

    def is_configured(self, vid: int) -> bool:
        """Tell whether a VLAN is there whatever anybody sends: VLAN 0, and those with settings."""
        return vid == 0 or vid in self._vlans
