"""What is set, for the switch, for each family and VLAN: the one place that says which holds."""

from collections.abc import Iterator
from typing import Final

from snoop.proto.filters import PrefixList
from snoop.proto.params import SSM_RANGES6, Params, PortParams, QuerierMode
from snoop.proto.vlans import VlanPorts
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
    """The parameters in force. Everybody asks here or has what a `scope` had from here.

    `vlans` says which ports each VLAN has.
    """

    __slots__ = ("_mark", "_vids", "igmp", "mld", "params", "vlans")

    def __init__(self, params: Params) -> None:
        """Start with these."""
        self.vlans = VlanPorts()
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
        self._vids = dict.fromkeys(vids if params.vlan_filtering else (0, *vids))
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
        """The instances that are there from the start, whatever anybody sends.

        Those of VLAN 0, unless the switch filters, and of VLANs with settings, but none of IPv6
        where that is not snooped.
        """
        both = [(vid, family) for vid in self._vids for family in Family]
        return [each for each in both if self.is_configured(*each)]

    def asked(self) -> Iterator[tuple[int, Family]]:
        """The others that are there whatever anybody sends, of a switch that filters.

        They have a port, and a querier of ours.
        """
        if not self.params.vlan_filtering:
            return
        common = ((family, self.of_family(family).params) for family in Family)
        families = [f for f, own in common if own.enabled and own.querier is not QuerierMode.OFF]
        for vid in self.vlans.vids() if families else ():
            if vid not in self._vids:
                for family in families:
                    yield vid, family

    def is_named(self, vid: int) -> bool:
        """Tell whether a VLAN has settings of its own, or is 0 and there."""
        return vid in self._vids

    def is_configured(self, vid: int, family: Family) -> bool:
        """Tell whether an instance is there whatever anybody sends."""
        if family is Family.IPV6 and not self.mld.of(vid).enabled:
            return False
        if vid in self._vids:
            return True
        asks = self.of(vid, family).querier is not QuerierMode.OFF
        return self.params.vlan_filtering and asks and bool(self.vlans.ports(vid))

    def is_sure(self, vid: int) -> bool:
        """Tell whether a VLAN has a share of the table for certain: an operator wants it."""
        return vid in self._vids or (self.params.vlan_filtering and bool(self.vlans.ports(vid)))

    @property
    def vlan_count(self) -> int:
        """How many VLANs there may be that an operator wants, of a switch that filters; else 0."""
        return len(self._vids) + len(self.vlans) if self.params.vlan_filtering else 0
