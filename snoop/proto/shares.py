"""Who holds how much of the table, and how much more each may have (SM-68).

Everything a port makes the switch remember is charged to the port's stake in the instance, in
bytes: a membership, each of its sources, each tracked host, the tombstone that the last member
leaves, a router record, the instance itself if nobody configured it. The figures are what the whole
process was seen to grow by, compiled rows of both planes and fragmentation included, rounded up.

Limits stop what is new; nothing that somebody has is taken away for it but tombstones: a port's own
first, then those of a port that holds more than its share. A port always has a share, in groups and
in bytes, that counts when others have used up all that is common; so have VLAN 0 and the VLANs
that are configured, or of a switch that filters have a port; and each of a port's VLANs, so that
the hosts of one do not use up what the port may have for all.

Each stake stands where a port and an instance cross, and keeps the sums of both, and of the switch.
"""

from collections.abc import Callable, Iterator
from typing import Final, NamedTuple, Protocol

from snoop.proto.dumping import Dump, require
from snoop.proto.effects import Turn
from snoop.proto.settings import Settings
from snoop.wire.address import IPV6, Address, Family

MEMBERSHIP: Final = 1800  # with its group, its rows and one tracked host
SOURCE: Final = 420
HOST: Final = 240  # tracked, besides the first
HOST_SOURCE: Final = 150
TOMBSTONE: Final = 1000
ROUTER: Final = 400
VLAN: Final = 3200

VLANS_MAX: Final = 1024
"""VLANs of a family that one port may open besides those configured."""

_PORT_SHARE: Final = 16  # a port has this part of its own max_state, and of max_groups, for certain
_TRUNK_SHARE: Final = 8  # its VLANs together have this part of it for certain, in each family
_VLAN_SHARE: Final = 64  # VLAN 0 and a configured one have this part of the switch's max_state
_VLAN_PART: Final = 2  # one VLAN may have this part of the switch's max_state


class Buried(Protocol):
    """A group of which only the tombstone is left."""

    address: Address

    def evict(self, turn: Turn) -> None:
        """Go, because somebody needs the room."""
        ...


class StakeState(NamedTuple):
    """A stake that survives: the order in which things give way. Its sums follow from the rest.

    `port` is below 0 for one that was removed, `rank` the place among the port's stakes.
    """

    port: int
    rank: int
    tombstones: tuple[Address, ...]


class SwitchHoldings:
    """What all ports hold together."""

    __slots__ = ("groups", "settings", "state_bytes")

    def __init__(self, settings: Settings) -> None:
        """Start with nothing."""
        self.settings = settings
        self.groups = 0
        self.state_bytes = 0


class PortHoldings:
    """What one port holds in all VLANs, and its limits."""

    __slots__ = (
        "_max_hosts",
        "hosts",
        "max_state",
        "members",
        "members6",
        "opened_vlans",
        "stakes",
        "state_bytes",
        "vlans",
    )

    def __init__(self) -> None:
        """Start with nothing; `limit` comes first."""
        self.members = 0
        self.members6 = 0  # those of them that are of IPv6
        self.hosts = 0
        self.opened_vlans = dict.fromkeys(Family, 0)
        self.state_bytes = 0
        self.stakes: dict[InstanceHoldings, Stake] = {}

    def limit(self, *, max_state: int, max_hosts: int, vlans: int = 0) -> None:
        """Take the limits, in bytes and hosts tracked; `vlans`: how many share them by name."""
        self.max_state = max_state
        self._max_hosts = max_hosts
        self.vlans = vlans

    def members_of(self, family: Family) -> int:
        """How many memberships of a family the port has."""
        return self.members6 if family is IPV6 else self.members - self.members6

    def reorder(self, ranks: "dict[Stake, int]") -> None:
        """Have the stakes in the order that they were dumped in, and drop those without use."""
        for stake in list(self.stakes.values()):
            stake.release()
        self.stakes = dict(sorted(self.stakes.items(), key=lambda item: ranks[item[1]]))

    @property
    def vacancy(self) -> int:
        """How many more hosts may be tracked."""
        return self._max_hosts - self.hosts


class InstanceHoldings:
    """What is held in one instance by all ports."""

    __slots__ = ("family", "groups", "stakes", "state_bytes", "static_groups", "switch", "vid")

    def __init__(self, switch: SwitchHoldings, vid: int, family: Family) -> None:
        """Start with nothing."""
        self.switch = switch
        self.vid = vid
        self.family = family
        self.groups = 0
        self.static_groups = 0
        self.state_bytes = 0
        self.stakes: dict[PortHoldings, Stake] = {}

    @property
    def is_configured(self) -> bool:
        """True if the instance is there whatever anybody sends."""
        return self.switch.settings.is_configured(self.vid, self.family)

    @property
    def share(self) -> int:
        """What the instance may have for certain, in bytes; 0: nothing."""
        settings = self.switch.settings
        if not settings.is_sure(self.vid):
            return 0
        return settings.params.max_state // max(_VLAN_SHARE, settings.vlan_count)

    @property
    def max_groups(self) -> int:
        """How many groups the instance may have."""
        return self.switch.settings.of(self.vid, self.family).max_groups

    def stake(self, port: PortHoldings) -> "Stake":
        """The stake of `port`; a new one stays only if something is charged to it."""
        stake = self.stakes.get(port)
        if stake is None:
            stake = self.stakes[port] = port.stakes[self] = Stake(self, port)
        return stake

    def dump(self, out: Dump) -> tuple[StakeState, ...]:
        """What survives."""
        return tuple(
            StakeState(
                out.number(port),
                out.rank(self, port.stakes),
                tuple(group.address for group in stake.tombstones),
            )
            for port, stake in self.stakes.items()
        )

    def load(
        self, states: tuple[StakeState, ...], holder: Callable[[int], PortHoldings]
    ) -> "Iterator[tuple[StakeState, Stake]]":
        """Make the stakes that were dumped; whoever owns groups charges them and buries."""
        for state in states:
            port = holder(state.port)
            require(port not in self.stakes, "two stakes of a port in one instance")
            yield state, self.stake(port)

    def members_of(self, port: PortHoldings) -> int:
        """How many memberships `port` has here."""
        stake = self.stakes.get(port)
        return 0 if stake is None else stake.members

    def count_group(self, change: int) -> None:
        """Count a group that was opened, 1, or forgotten, -1."""
        self.groups += change
        self.switch.groups += change

    def evict_largest(self, share: int, turn: Turn) -> bool:
        """Drop a tombstone of the port that holds most here, if that is more than its share."""
        stakes = [each for each in self.stakes.values() if each.tombstones and each.groups > share]
        if not stakes:
            return False
        max(stakes, key=lambda stake: stake.groups).evict_oldest(turn)
        return True


class Stake:
    """What one port holds in one instance. It is kept while that is anything."""

    __slots__ = ("_instance", "_port", "members", "state_bytes", "tombstones")

    def __init__(self, instance: InstanceHoldings, port: PortHoldings) -> None:
        """Start with nothing."""
        self._instance = instance
        self._port = port
        self.members = 0
        self.tombstones: dict[Buried, None] = {}  # oldest first
        self.state_bytes = 0

    @property
    def groups(self) -> int:
        """How many groups the port holds here, tombstones included."""
        return self.members + len(self.tombstones)

    # What is taken and given back ----------------------------------------------------------------

    def charge(self, amount: int, *, hosts: int = 0) -> None:
        """Count bytes, and hosts tracked, that were taken, or given back if negative."""
        instance, port = self._instance, self._port
        self.state_bytes += amount
        port.state_bytes += amount
        port.hosts += hosts
        instance.state_bytes += amount
        instance.switch.state_bytes += amount
        if not self.state_bytes:
            instance.stakes.pop(port, None)
            port.stakes.pop(instance, None)

    def release(self) -> None:
        """Drop a stake that came to nothing."""
        if not self.state_bytes:
            self.charge(0)

    def count_member(self, change: int) -> None:
        """Count a membership that begins, 1, or ends, -1."""
        self.members += change
        self._port.members += change
        if self._instance.family is IPV6:
            self._port.members6 += change

    def bury(self, group: Buried) -> None:
        """Count a tombstone, which is the port's: its member was the last."""
        self.tombstones[group] = None
        self.charge(TOMBSTONE)

    def unbury(self, group: Buried) -> None:
        """Count a tombstone no more."""
        del self.tombstones[group]
        self.charge(-TOMBSTONE)

    # How much more -------------------------------------------------------------------------------

    def room(self) -> int:
        """How many bytes the port may still take here."""
        instance, port, switch = self._instance, self._port, self._instance.switch
        own, every = port.max_state, switch.settings.params.max_state
        common = min(every - switch.state_bytes, every // _VLAN_PART - instance.state_bytes)
        kept = own // _PORT_SHARE - port.state_bytes
        if share := instance.share:
            kept = max(kept, share - instance.state_bytes)
        room = min(own - port.state_bytes, max(common, kept))
        if port.vlans > 1:
            room = max(room, own // _TRUNK_SHARE // port.vlans - self.state_bytes)
        return room

    def make_room(self, wanted: int, turn: Turn) -> int:
        """Give up the port's tombstones until `wanted` bytes are free or none is left.

        Returns the room there is then.
        """
        while (room := self.room()) < wanted and self._evict_own(False, turn):
            pass
        return room

    def admits_group(self, turn: Turn) -> bool:
        """Tell whether the port may open one more group here; tombstones give way for it."""
        instance, switch = self._instance, self._instance.switch
        most = instance.max_groups
        share = most // _PORT_SHARE
        while instance.groups >= most:
            if not (self._evict_own(True, turn) or instance.evict_largest(share, turn)):
                if self.members >= share:
                    return False
                break
        params = switch.settings.params
        share = params.max_groups // _PORT_SHARE
        while switch.groups >= params.effective_max_groups_total:
            if not self._evict_own(False, turn):
                kept = instance.share and instance.groups < share
                port = self._port
                own = self.members * port.vlans < share if port.vlans > 1 else False
                return bool(kept) or own or port.members < share
        return True

    def evict_oldest(self, turn: Turn) -> None:
        """Drop the oldest tombstone; there must be one."""
        next(iter(self.tombstones)).evict(turn)

    def _evict_own(self, here: bool, turn: Turn) -> bool:
        """Drop the port's oldest tombstone of this instance, or of any if not `here`."""
        if self.tombstones:
            self.evict_oldest(turn)
            return True
        if not here:
            for stake in self._port.stakes.values():
                if stake.tombstones:
                    stake.evict_oldest(turn)
                    return True
        return False
