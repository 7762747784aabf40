"""Who takes a run: several datagrams of a flow in one send of up to 64 KiB.

An end host's kernel takes it apart at the socket. A multicast router drops it (`len > mtu && DF`),
and whoever reads raw frames sees a frame that no wire would have carried. So a neighbour is sent
runs only if it is known to take them; every function here is pure and says why.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from snoop.links.rtnetlink import Facts

PAIRS = ("veth", "netkit")
"""Kinds whose IFLA_LINK is the other end and not what they sit on."""

TUNNELS = (
    "vxlan", "geneve", "gre", "gretap", "erspan", "ipip", "sit", "vti", "vti6", "ip6tnl", "ip6gre",
    "ip6gretap", "ip6erspan", "xfrm",
)  # fmt: skip
"""Kinds whose IFLA_LINK is only where their packets leave: a socket's business, not the frame's."""

PARAVIRTUAL = ("virtio_net", "vmxnet3", "hv_netvsc", "vif", "xen_netfront")
"""Drivers that hand a run on whole, to another kernel: no wire behind them."""

PLAIN_QDISCS = ("noqueue", "noop", "")


@dataclass(frozen=True, slots=True)
class Runs:
    """Does a port get runs, and why (not), in words for people."""

    takes: bool
    because: str


UNKNOWN = Runs(False, "nothing is known of its neighbour")
OFF = Runs(False, 'coalesce = "off"')
ALWAYS = Runs(True, 'coalesce = "always"')
ROUTER = Runs(False, "a router is behind it")
MISSING = Runs(False, "the port is not open")


def shaped(qdisc: str) -> Runs:
    """The port's own traffic control would take a run for one frame."""
    return Runs(False, f"traffic control on the port ({qdisc}) counts frames")


def of_pair(port: Facts, peer: Facts, on_top: Collection[str]) -> Runs:
    """A veth port by its other end; `on_top`: interfaces that sit on the peer."""
    name = peer.name
    if peer.kind not in PAIRS or peer.link != port.ifindex:
        return Runs(False, "its peer is changing")
    if peer.promiscuity is None or peer.allmulti is None:
        return Runs(False, "the kernel does not say how its peer is set (Linux 6.1 does)")
    if peer.promiscuity:
        return Runs(False, f"its peer {name} is promiscuous: somebody captures or bridges there")
    if peer.master:
        return Runs(False, f"its peer {name} has a master: a bridge or bond")
    if peer.allmulti:
        return Runs(False, f"its peer {name} takes all multicast: a router is there")
    if peer.xdp:
        return Runs(False, f"its peer {name} runs an XDP program")
    if on_top:
        return Runs(False, f"other interfaces sit on its peer {name}: {', '.join(sorted(on_top))}")
    if peer.mtu < port.mtu:
        return Runs(False, f"its peer {name} has a smaller MTU: {peer.mtu}")
    return Runs(True, f"a host's kernel: veth peer {name} takes runs")


def of_tap(*, segments: bool) -> Runs:
    """A tap: its reader takes what it negotiated, and what its guest does with it nobody can ask.

    Hypervisors negotiate for every guest that can (QEMU since 8.1), also for one that routes.
    """
    if segments:
        return Runs(
            False, "the reader of the tap takes runs (TUN_F_USO4), but its guest cannot be asked "
            'whether it routes or bridges them on: coalesce = "always" if it does not',
        )  # fmt: skip
    return Runs(False, "the reader of the tap has not asked for runs (TUN_F_USO4)")


def of_device(driver: str, *, segments: bool) -> Runs:
    """A real device: runs end there, if it cuts them itself."""
    if driver in PARAVIRTUAL:
        return Runs(False, f"{driver} hands a run on whole, to a neighbour nobody can ask about")
    if segments:
        return Runs(True, "the device cuts runs itself (tx-udp-segmentation)")
    return Runs(False, "the device does not cut runs itself (tx-udp-segmentation is off)")


def of_kind(kind: str) -> Runs:
    """Anything else."""
    return Runs(False, f"{kind} interfaces are not known to take runs")


def sits_on(facts: Facts, ifindex: int) -> bool:
    """Is this interface on top of that one, of the same namespace?"""
    stacked = facts.kind not in PAIRS and facts.kind not in TUNNELS
    return stacked and facts.link == ifindex != 0 and facts.link_nsid is None
