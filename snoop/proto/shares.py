"""Who holds how much of the table, and how much more each may have (SM-68).

Everything a port makes the switch remember is charged to the port's stake in the VLAN, in bytes: a
membership, each of its sources, each tracked host, the tombstone that the last member leaves, a
router record, the VLAN itself if nobody configured it. The figures are what the whole process was
seen to grow by, compiled rows of both planes and fragmentation included, rounded up.

Limits stop what is new; nothing that somebody has is taken away for it but tombstones: a port's own
first, then those of a port that holds more than its share. A port always has a share, in groups and
in bytes, that counts when others have used up all that is common; so have VLAN 0 and the VLANs
that are configured.
"""

from typing import TYPE_CHECKING, Final

from snoop.proto.effects import Effect
from snoop.wire.address import Address

if TYPE_CHECKING:
    from snoop.proto.port import Port
    from snoop.proto.vlan import Vlan

MEMBERSHIP: Final = 1800  # with its group, its rows and one tracked host
SOURCE: Final = 420
HOST: Final = 240  # tracked, besides the first
HOST_SOURCE: Final = 150
TOMBSTONE: Final = 1000
ROUTER: Final = 400
VLAN: Final = 1500

VLANS_MAX: Final = 1024
"""VLANs that one port may open besides those configured."""

_PORT_SHARE: Final = 16  # a port has this part of its own max_state, and of max_groups, for certain
_VLAN_SHARE: Final = 64  # VLAN 0 and a configured one have this part of the switch's max_state
_VLAN_PART: Final = 2  # one VLAN may have this part of the switch's max_state


class Stake:
    """What one port holds in one VLAN. It exists while that is anything."""

    __slots__ = ("members", "port", "state_bytes", "tombstones", "vlan")

    def __init__(self, vlan: "Vlan", port: "Port") -> None:
        """Start with nothing."""
        self.vlan = vlan
        self.port = port
        self.members = 0
        self.tombstones: dict[Address, None] = {}  # oldest first
        self.state_bytes = 0

    @property
    def groups(self) -> int:
        """Return how many groups the port holds here, tombstones included."""
        return self.members + len(self.tombstones)

    def charge(self, amount: int) -> None:
        """Count bytes that were taken, or given back if `amount` is negative."""
        vlan, port = self.vlan, self.port
        self.state_bytes += amount
        port.state_bytes += amount
        vlan.state_bytes += amount
        vlan.switch.state_bytes += amount
        if not self.state_bytes:
            vlan.stakes.pop(port, None)
            port.stakes.pop(vlan.vid, None)

    def room(self) -> int:
        """Return how many bytes the port may still take here."""
        vlan, port, switch = self.vlan, self.port, self.vlan.switch
        own, every = port.params.max_state, switch.params.max_state
        common = min(every - switch.state_bytes, every // _VLAN_PART - vlan.state_bytes)
        kept = own // _PORT_SHARE - port.state_bytes
        if vlan.is_configured:
            kept = max(kept, every // _VLAN_SHARE - vlan.state_bytes)
        return min(own - port.state_bytes, max(common, kept))

    def make_room(self, wanted: int, effects: list[Effect]) -> int:
        """Give up the port's tombstones until `wanted` bytes are free or none is left.

        Returns the room there is then.
        """
        while (room := self.room()) < wanted and self._evict_own(False, effects):
            pass
        return room

    def admits_group(self, effects: list[Effect]) -> bool:
        """Tell whether the port may open one more group here; tombstones give way for it."""
        vlan, switch = self.vlan, self.vlan.switch
        share = vlan.params.max_groups // _PORT_SHARE
        while len(vlan.groups) >= vlan.params.max_groups:
            if not (self._evict_own(True, effects) or _evict_largest(vlan, share, effects)):
                if self.members >= share:
                    return False
                break
        share = switch.params.max_groups // _PORT_SHARE
        while switch.group_count >= switch.params.effective_max_groups_total:
            if not self._evict_own(False, effects):
                kept = vlan.is_configured and len(vlan.groups) < share
                return kept or self.port.member_count < share
        return True

    def _evict_own(self, here: bool, effects: list[Effect]) -> bool:
        """Drop the port's oldest tombstone of this VLAN, or of any if not `here`."""
        if self.tombstones:
            _evict(self, effects)
            return True
        if not here:
            for stake in self.port.stakes.values():
                if stake.tombstones:
                    _evict(stake, effects)
                    return True
        return False


def stake_of(vlan: "Vlan", port: "Port") -> Stake:
    """Return the stake of `port`; a new one stays only if something is charged to it."""
    stake = vlan.stakes.get(port)
    if stake is None:
        stake = vlan.stakes[port] = port.stakes[vlan.vid] = Stake(vlan, port)
    return stake


def release(stake: Stake) -> None:
    """Drop a stake that came to nothing."""
    if not stake.state_bytes:
        stake.charge(0)


def _evict_largest(vlan: "Vlan", share: int, effects: list[Effect]) -> bool:
    """Drop a tombstone of the port that holds most here, if that is more than its share."""
    stakes = [stake for stake in vlan.stakes.values() if stake.tombstones and stake.groups > share]
    if not stakes:
        return False
    _evict(max(stakes, key=lambda stake: stake.groups), effects)
    return True


def _evict(stake: Stake, effects: list[Effect]) -> None:
    vlan = stake.vlan
    oldest = next(iter(stake.tombstones))
    vlan.forget(vlan.groups[oldest])
    vlan.switch.counts["tombstone_evicted"] += 1
    effects.append(vlan.group_changed(oldest))
