"""Static entries of one group: by an operator's word, apart from what hosts report.

No report touches them and no port that goes down takes them along.
"""

from collections.abc import Callable, KeysView
from typing import NamedTuple

from snoop.proto.dumping import require, require_addresses, require_instants
from snoop.proto.units import Instant
from snoop.wire.address import (
    MAPPED,
    Address,
    Family,
    family,
    is_bad_source,
    is_bad_source6,
    is_multicast,
    is_never_learned,
    mac_of,
    mac_text,
    text,
    why_not_by_mac,
)


class StaticEntry(NamedTuple):
    """One, as an operator names it; `source` None: any. `group` may be one by its MAC address."""

    vid: int
    group: Address
    source: Address | None
    port: int

    def require_sense(self) -> None:
        """ValueError if nothing could ever be sent by it."""
        if not 0 <= self.vid <= 4094:
            raise ValueError(f"vlan {self.vid} is not allowed: 0 to 4094")
        source = self.source
        mac = mac_of(self.group)
        if mac is not None:
            why_not = why_not_by_mac(mac)
            if why_not is not None:
                raise ValueError(f"group {mac_text(mac)} is not allowed: {why_not}")
            if source is not None:
                said = "a group by its MAC address has none"
                raise ValueError(f"source {text(source)} is not allowed: {said}")
            return
        require_group(self.group)
        if source is None:
            return
        of = family(self.group)
        if of is Family.IPV4 and (source[:12] != MAPPED or is_bad_source(source)):
            raise ValueError(f"source {text(source)} is not allowed: a unicast IPv4 address")
        if of is Family.IPV6 and is_bad_source6(source):
            raise ValueError(f"source {text(source)} is not allowed: a unicast IPv6 address")


def require_group(group: Address) -> None:
    """ValueError if it is no group that hosts are asked about."""
    if is_multicast(group) and not is_never_learned(group):
        return
    said = f"group {text(group)} is not allowed: "
    if family(group) is Family.IPV4:
        raise ValueError(said + "224.0.1.0 to 239.255.255.255")
    raise ValueError(said + "a multicast group of scope 2 or more, and not ff02::1")


class StaticState(NamedTuple):
    """Static entries of a port that survive."""

    port: int
    any_since: Instant | None
    sources: dict[Address, Instant]


class Static:
    """Those of one port: for any source, and for sources; each since when."""

    __slots__ = ("any_since", "sources")

    def __init__(self) -> None:
        """Start with none."""
        self.any_since: Instant | None = None
        self.sources: dict[Address, Instant] = {}


class Statics:
    """Those of one group, by port."""

    __slots__ = ("_ports",)

    def __init__(self) -> None:
        """Start with none."""
        self._ports: dict[int, Static] = {}

    def __bool__(self) -> bool:
        """Tell whether there is any."""
        return bool(self._ports)

    def ports(self) -> KeysView[int]:
        """The ports that have any."""
        return self._ports.keys()

    def on(self, port: int) -> Static | None:
        """Those of one port."""
        return self._ports.get(port)

    def add(self, port: int, source: Address | None, now: Instant) -> bool:
        """Add an entry; `source` None for any source. False, without effect, if it is there."""
        static = self._ports.setdefault(port, Static())
        if source is None:
            known = static.any_since is not None
            static.any_since = static.any_since if known else now
        else:
            known = source in static.sources
            static.sources.setdefault(source, now)
        return not known

    def remove(self, port: int, source: Address | None) -> None:
        """Undo `add`; KeyError if there is no such entry."""
        static = self._ports[port]
        if source is not None:
            del static.sources[source]
        elif static.any_since is None:
            raise KeyError((source, port))
        else:
            static.any_since = None
        if static.any_since is None and not static.sources:
            del self._ports[port]

    def drop(self, port: int) -> list[Address | None]:
        """Drop all of a port that goes away; return their sources, None for any source."""
        static = self._ports.pop(port, None)
        if static is None:
            return []
        return [*([] if static.any_since is None else [None]), *static.sources]

    def dump(self) -> tuple[StaticState, ...]:
        """What survives."""
        return tuple(
            StaticState(port, static.any_since, dict(static.sources))
            for port, static in self._ports.items()
        )

    @classmethod
    def load(
        cls, states: tuple[StaticState, ...], port_id: Callable[[int], int], of: Family
    ) -> "Statics":
        """Those that were dumped; `port_id` says which port a number stands for now."""
        statics = cls()
        for state in states:
            port = port_id(state.port)
            require(port not in statics._ports, "a port's static entries twice")
            require(state.any_since is not None or bool(state.sources), "no static entry of a port")
            require_addresses(of, state.sources)
            require_instants(state.any_since or 0, *state.sources.values())
            static = statics._ports[port] = Static()
            static.any_since, static.sources = state.any_since, dict(state.sources)
        require(bool(statics), "no static entry of a group")
        return statics
