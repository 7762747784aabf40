"""What is set, for the switch and for each VLAN: the one place that says which of both holds."""

from snoop.proto.filters import PrefixList
from snoop.proto.params import Params, PortParams
from snoop.wire.address import UNSPECIFIED6, Family

_MODULUS = (1 << 61) - 1
_OFF = Params(
    family=Family.IPV6, enabled=False, querier_address=UNSPECIFIED6, version=2, ssm_ranges=()
)


def mark_of(params: Params | PortParams) -> int:
    """A number that tells settings from others, in any process."""
    return int.from_bytes(repr(params).encode()) % _MODULUS


class Settings:
    """The parameters in force. Everybody asks here or has what a `scope` had from here."""

    __slots__ = ("_mark", "_mld_vlans", "_vlans", "mld", "params", "ssm")

    def __init__(self, params: Params) -> None:
        """Start with these."""
        self.take(params)

    def take(self, params: Params) -> None:
        """Take new ones."""
        self.params = params
        self.mld = _OFF if params.mld is None else params.mld
        self._vlans = dict(params.vlans)
        self._mld_vlans = dict(self.mld.vlans)
        self._mark: int | None = None
        self.ssm = PrefixList((*params.ssm_ranges, *self.mld.ssm_ranges))

    @property
    def mark(self) -> int:
        """A number that tells them from others: what was dumped under others is fitted to these."""
        if self._mark is None:
            self._mark = mark_of(self.params)
        return self._mark

    def of(self, vid: int, family: Family) -> Params:
        """The settings of a VLAN for a family, as far as they may be its own."""
        if family is Family.IPV4:
            return self._vlans.get(vid, self.params)
        return self._mld_vlans.get(vid, self.mld)

    def vids(self, family: Family) -> list[int]:
        """The VLANs that have settings of their own."""
        return list(self._vlans if family is Family.IPV4 else self._mld_vlans)

    def is_configured(self, vid: int) -> bool:
        """Tell whether a VLAN is there whatever anybody sends: VLAN 0, and those with settings."""
        return vid == 0 or vid in self._vlans or vid in self._mld_vlans
