"""One contestant's namespaces: a source, a switch, the receivers, and a watcher that joins nothing.

    src:eth0 ── p0:sw:p1 ── eth0:d1
                    :p2 ── eth0:d2 …
                    :p16 ── eth0:d16   the watcher, always the last

Every contestant has a star of its own, all alike and all standing at once, so that trials can be
interleaved without tearing anything down between them. Offloads are as the kernel sets them.
`close` removes everything, at any time.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from socket import socket

from pyroute2 import IPRoute
from pyroute2.netlink.rtnl.ifinfmsg import IFF_PROMISC

from snoop.lab import namespaces
from snoop.lab.vlans import add_tagged

UNUSED_PORT = 9
BRIDGE_NETFILTER = ("iptables", "ip6tables", "arptables")


class Star:
    """`label` tells the stars of one bench apart; `receivers` does not count the watcher; `vlan`:
    the source sends with that tag. Needs root.
    """

    def __init__(self, label: str, *, receivers: int, vlan: int = 0) -> None:
        self.prefix = f"sn{os.getpid()}-{label}-"
        self.switch = f"{self.prefix}sw"
        self.source = f"{self.prefix}src"
        self.receivers = [f"{self.prefix}d{i}" for i in range(1, receivers + 1)]
        self.watcher = f"{self.prefix}d{receivers + 1}"
        self.hosts = [self.source, *self.receivers, self.watcher]  # in the order of their ports
        self.ports = [f"p{i}" for i in range(len(self.hosts))]
        self.vlan = vlan
        self.source_interface = f"eth0.{vlan}" if vlan else "eth0"
        self.link: IPRoute | None = None

    def open(self) -> None:
        """Make it. OSError or NetlinkError if the kernel refuses; call `close` then too."""
        self.link = namespaces.create(self.switch, quiet_ipv6=True)
        with namespaces.inside(self.switch):
            for which in BRIDGE_NETFILTER:
                setting = Path(f"/proc/sys/net/bridge/bridge-nf-call-{which}")
                if setting.exists():
                    setting.write_text("0")
        for number, host in enumerate(self.hosts):
            self._host(number, host)

    def _host(self, number: int, name: str) -> None:
        assert self.link is not None
        with namespaces.create(name, quiet_ipv6=True) as host:
            self.link.link(
                "add",
                ifname=self.ports[number],
                kind="veth",
                peer={"ifname": "eth0", "net_ns_fd": name},
            )
            port = namespaces.index_of(self.link, self.ports[number])
            self.link.link("set", index=port, state="up")
            eth0 = namespaces.index_of(host, "eth0")
            host.link("set", index=eth0, state="up")
            if self.vlan and name == self.source:
                eth0 = namespaces.index_of(host, add_tagged(host, name, self.vlan))
            host.addr("add", index=eth0, address=self.address(number), prefixlen=24)
            host.route("add", dst="224.0.0.0/4", oif=eth0)

    def address(self, port: int) -> str:
        """IPv4 address of the host on that port."""
        return f"10.99.0.{port + 1}"

    def address6(self, port: int) -> str:
        """IPv6 address of the host on that port, while hosts have any."""
        return f"fd00:99::{port + 1:x}"

    @contextmanager
    def speaking_ipv6(self, *others: str) -> Iterator[None]:
        """Hosts, and these interfaces beside the ports, have IPv6 for the length of the block: at
        other times they would only say things that nobody asked for.
        """
        places = [(self.switch, each) for each in others]
        places += [(host, "eth0") for host in self.hosts]
        try:
            for namespace, interface in places:
                set_ipv6(namespace, interface, on=True)
            for number, host in enumerate(self.hosts):
                with IPRoute(netns=host) as link:
                    eth0 = namespaces.index_of(link, "eth0")
                    link.addr("add", index=eth0, address=self.address6(number), prefixlen=64)
            yield
        finally:
            for namespace, interface in places:
                set_ipv6(namespace, interface, on=False)

    def mac(self, host: str) -> str:
        """Hardware address of the host's interface."""
        with IPRoute(netns=host) as link:
            (eth0,) = link.get_links(namespaces.index_of(link, "eth0"))
            return str(eth0.get_attr("IFLA_ADDRESS"))

    def introduce(self, receiver: int) -> None:
        """The source and a receiver have spoken to each other, so that the switch knows both."""
        with namespaces.inside(self.source), socket() as tcp, suppress(OSError):
            tcp.settimeout(1.0)
            tcp.connect((self.address(receiver + 1), UNUSED_PORT))  # refused, by the receiver

    def set_promiscuous(self, on: bool) -> None:
        """Of all hosts but the source; nobody reads what they would not have got before."""
        for host in (*self.receivers, self.watcher):
            with IPRoute(netns=host) as link:
                eth0 = namespaces.index_of(link, "eth0")
                flags = IFF_PROMISC if on else 0
                link.link("set", index=eth0, flags=flags, change=IFF_PROMISC)

    def arrived(self, host: str) -> int:
        """Frames that ever reached the host's interface, wanted or not (a run cut by nobody counts
        once).
        """
        with namespaces.inside(host):
            for line in Path("/proc/thread-self/net/dev").read_text().splitlines():
                name, _, numbers = line.partition(":")
                if name.strip() == "eth0":
                    return int(numbers.split()[1])
        raise KeyError("eth0")

    def close(self) -> None:
        """End the processes inside and remove the namespaces; the links go with them."""
        if self.link is not None:
            self.link.close()
            self.link = None
        for name in (self.switch, *self.hosts):
            namespaces.remove(name)


def set_ipv6(namespace: str, interface: str, *, on: bool) -> None:
    """Whether an interface has IPv6; its addresses are good at once."""
    with namespaces.inside(namespace):
        settings = Path(f"/proc/sys/net/ipv6/conf/{interface}")
        for name, value in (("accept_dad", 0), ("router_solicitations", 0)):
            (settings / name).write_text(str(value))
        (settings / "disable_ipv6").write_text(str(int(not on)))
