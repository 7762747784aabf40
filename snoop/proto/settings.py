"""What is set, for the switch, for each family and VLAN: the one place that says which holds."""

from typing import Final

from snoop.proto.filters import PrefixList
from snoop.proto.params import SSM_RANGES6, Params, PortParams
from snoop.wire.address import UNSPECIFIED6, Family

_MODULUS = (1 << 61) - 1
_NO_MLD: Final = Params(
    family=Family.IPV6,
    enabled=False,
    querier_address=UNSPECIFIED6,
    version=2,
    ssm_ranges=SSM_RANGES6,
)


def mark_of(params: Params | PortParams) -> int:
    """A number that tells settings from others, in any process."""
    return int.from_bytes(repr(params).encode()) % _MODULUS


class FamilySettings:
    """The parameters of one family: `params`, and those of VLANs that have their own."""

    __slots__ = ("_vlans", "params", "ssm")

    def __init__(self) -> None:
        """Start with nothing; `take` comes first."""
        self.params = _NO_MLD
        self._vlans: dict[int, Params] = {}
        self.ssm = PrefixList(())

    def take(self, params: Params, vlans: dict[int, Params]) -> None:
        """Take new ones."""
        self.params = params
        self._vlans = vlans
        self.ssm = PrefixList(params.ssm_ranges)

    def of(self, vid: int) -> Params:
        """The settings of a VLAN, as far as they may be its own."""
        return self._vlans.get(vid, self.params)


class Settings:
    """The parameters in force. Everybody asks here or has what a `scope` had from here."""

    __slots__ = ("_mark", "_vids", "igmp", "mld", "params")

    def __init__(self, params: Params) -> None:
        """Start with these."""
        self.igmp = FamilySettings()
        self.mld = FamilySettings()
        self.take(params)

    def take(self, params: Params) -> None:
        """Take new ones."""
        self.params = params
        mld = params.mld or _NO_MLD
        self.igmp.take(params, dict(params.vlans))
        self.mld.take(mld, dict(mld.vlans))
        vids = (vid for vid, _ in (*params.vlans, *mld.vlans))
        self._vids = dict.fromkeys((0, *vids))
        self._mark: int | None = None

    @property
    def mark(self) -> int:
        """A number that tells them from others: what was dumped under others is fitted to these."""
        if self._mark is None:
            self._mark = mark_of(self.params)
        return self._mark

    def of_family(self, family: Family) -> FamilySettings:
        """The settings of a family; the object stays the same, whatever is taken later."""
        return self.igmp if family is Family.IPV4 else self.mld

    def of(self, vid: int, family: Family) -> Params:
        """The settings of an instance, as far as they may be its own."""
        return self.of_family(family).of(vid)

    def configured(self) -> list[tuple[int, Family]]:
        """The instances that are there whatever anybody sends.

        Those of VLAN 0 and of VLANs with settings, but none of IPv6 where that is not snooped.
        """
        both = [(vid, family) for vid in self._vids for family in Family]
        return [each for each in both if self.is_configured(*each)]

    def is_configured(self, vid: int, family: Family) -> bool:
        """Tell whether an instance is among them."""
        return vid in self._vids and (family is Family.IPV4 or self.mld.of(vid).enabled)
