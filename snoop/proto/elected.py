"""The querier that was elected in a VLAN and is not us: who it is, where, and what it said last."""

from dataclasses import dataclass, replace

from snoop.proto.dumping import require, require_addresses, require_general, require_instants
from snoop.proto.loading import Load
from snoop.proto.port import Port
from snoop.proto.scope import Scope
from snoop.proto.units import Instant
from snoop.wire.address import Address
from snoop.wire.messages import Query


def outranks(one: Address, other: Address) -> bool:
    """Tell whether `one` wins the election against `other`: the lower one (Q-4).

    Of IPv6 addresses the interface identifiers are compared (MLD-5). The prefix decides if they are
    the same; of IPv4 addresses it is always the same.
    """
    return (one[8:], one[:8]) < (other[8:], other[:8])


@dataclass(slots=True)
class Elected:
    """`query` is its last General Query, `heard` when that was. Survives as it is."""

    address: Address
    port: int
    since: Instant
    heard: Instant
    until: Instant
    query: Query

    def is_elsewhere(self, src: Address, port: Port, scope: Scope, now: Instant) -> bool:
        """Tell whether somebody uses its address on another port than its own (Q-18).

        A router that moves is silent on its old port, whose link may be down as well.
        """
        if src != self.address or port.id == self.port:
            return False
        if not scope.up >> self.port & 1:
            return False
        return now - self.heard < scope.timings.query_interval * 3 // 4

    def dump(self) -> "Elected":
        """What survives."""
        return replace(self)

    def load(self, scope: Scope, into: Load) -> "Elected":
        """What was dumped, as ports are now."""
        require_addresses(scope.family, (self.address,))
        require_general(self.query, scope.family)
        require_instants(self.until)
        require(self.until > 0, "a querier without an end")
        into.require_past(self.since, self.heard)
        return replace(self, port=into.place(self.port))
