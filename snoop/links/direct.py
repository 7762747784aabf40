"""Who can be handed a frame directly: into the namespace of a pair's other end, past its queue.

The kernel's `bpf_redirect_peer` does that for veth and netkit. It drops what it is to hand to a
peer in the same namespace, passes by an XDP program of the peer's driver and does not look at the
peer's MTU: so only one that is known to be elsewhere, without a program, and to take what the port
takes, is handed anything. Promiscuous or not is all one: a frame is what it would have been.
Functions here are pure and say why.
"""

from __future__ import annotations

from dataclasses import dataclass

from snoop.links.rtnetlink import Facts
from snoop.links.runs import PAIRS

_MAC_BYTES = 6


@dataclass(frozen=True, slots=True)
class Direct:
    """The address of the neighbour who can be handed frames, None: nobody can; why (not)."""

    mac: bytes | None
    because: str


UNKNOWN = Direct(None, "nothing is known of its neighbour")
MISSING = Direct(None, "the port is not open")
TAPPED = Direct(None, "qdisc_bypass = false: what leaves is to be seen on the port")


def shaped(qdisc: str) -> Direct:
    """The port's own traffic control would not see what is handed over."""
    return Direct(None, f"traffic control on the port ({qdisc}) is to see what leaves")


def of_pair(port: Facts, peer: Facts) -> Direct:
    """A veth port by its other end (N-9)."""
    name = peer.name
    if peer.kind not in PAIRS or peer.link != port.ifindex:
        return Direct(None, "its peer is changing")
    if port.link_nsid is None or peer.link_nsid is None:
        return Direct(None, f"its peer {name} is in the switch's own namespace")
    if peer.xdp:
        return Direct(None, f"its peer {name} runs an XDP program")
    if len(peer.mac) != _MAC_BYTES:
        return Direct(None, f"its peer {name} has no Ethernet address")
    if peer.mtu < port.mtu:
        return Direct(None, f"its peer {name} has a smaller MTU: {peer.mtu}")
    return Direct(peer.mac, f"veth peer {name} is handed frames in its own namespace")


def of_kind(kind: str) -> Direct:
    """Anything else."""
    return Direct(None, f"{kind or 'hardware'} interfaces have no other end here")
