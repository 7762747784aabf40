"""A star of network namespaces: one switch, some hosts, real kernels on every end of real veth
pairs.

    with Lab(4) as lab:
        switch = lab.switch(config={"igmp": {"querier": "on"}})
        lab.h(1).join("239.1.2.3")
        switch.wait_members("239.1.2.3", {"p1"})
        lab.h(0).send("239.1.2.3", count=100)
        lab.settle(lab.h(0))
        assert lab.h(1).app("239.1.2.3").unique == 100

Names: hosts `h0`, `h1`, … each with one interface `eth0`, address 10.0.0.(10+i)/24, and
fd00::(10+i)/64 where IPv6 is left on; switch ports `p0`, `p1`, … in the namespace `sw`. Whatever
happens (an exception, Ctrl-C, SIGTERM, a second lab) `close` takes processes, links and namespaces
away again; agents and switch also end by themselves should this process be killed. One thread only.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import secrets
import shutil
import signal
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from socket import AF_INET, AF_INET6
from types import FrameType, TracebackType
from typing import Any

from pyroute2 import IPRoute

from snoop.lab import frames, frames_ipv6, namespaces
from snoop.lab.host import Host
from snoop.lab.switch import KernelBridge, Snoop
from snoop.lab.vlans import add_tagged
from snoop.namespace import inside
from snoop.waiting import wait_until

__all__ = ["Lab", "wait_until"]

ETH_P_MARKER = b"\x88\xb5"
IFA_F_NODAD = 0x02
SETTLE_S, PRUNING_S = 30.0, 20.0
OWNER = os.getpid()
labs_made = 0


class Lab:
    """`hosts`: how many, or their names. `quiet_ipv6` keeps router solicitations and MLD off the
    wires.
    """

    def __init__(
        self,
        hosts: int | Sequence[str] = 4,
        *,
        mtu: int = 1500,
        quiet_ipv6: bool = True,
        prefix: str | None = None,
    ) -> None:
        global labs_made
        labs_made += 1
        serial = "" if labs_made == 1 else f"{labs_made}-"
        self.prefix = prefix or f"sn{os.getpid()}-{serial}"
        self.names = [f"h{i}" for i in range(hosts)] if isinstance(hosts, int) else list(hosts)
        self.mtu, self.quiet_ipv6 = mtu, quiet_ipv6
        self.hosts: list[Host] = []
        self.beyond: list[Host] = []  # Behind a host that is a router or a switch itself.
        self.switches: list[Snoop | KernelBridge] = []
        self.namespace = f"{self.prefix}sw"
        self.directory = Path(tempfile.mkdtemp(prefix="snoop-lab-"))
        self.old_handlers: dict[int, Any] = {}
        self.closed = False

    # --- life

    def __enter__(self) -> Lab:
        try:
            return self.open()
        except BaseException:
            self.close()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self.close()

    def open(self) -> Lab:
        atexit.register(self.close)
        for number in (signal.SIGTERM, signal.SIGHUP):
            self.old_handlers[number] = signal.signal(number, leave)
        namespaces.sweep()
        self.link = namespaces.create(self.namespace, quiet_ipv6=self.quiet_ipv6)
        for i, name in enumerate(self.names):
            self.add_host(i, name)
        for host in self.hosts:
            host.call("ping")
        return self

    def close(self) -> None:
        """Safe to call at any time and twice; further signals wait until it is done."""
        if self.closed or os.getpid() != OWNER:
            return
        self.closed = True
        held = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}
        signal.pthread_sigmask(signal.SIG_BLOCK, held)
        try:
            for each in (*self.switches, *self.beyond, *self.hosts):
                with contextlib.suppress(OSError):
                    each.close()
            with contextlib.suppress(AttributeError):
                self.link.close()
            namespaces.remove(*namespaces.named(self.prefix))
            shutil.rmtree(self.directory, ignore_errors=True)
        finally:
            atexit.unregister(self.close)
            for number, handler in self.old_handlers.items():
                signal.signal(number, handler)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, held)

    def release(self) -> None:
        """Leave namespaces, links and a bridge where they are; agents and netlink sockets end."""
        self.closed = True
        atexit.unregister(self.close)
        for host in self.hosts:
            host.close()
        self.link.close()
        shutil.rmtree(self.directory, ignore_errors=True)

    # --- topology

    def add_host(self, i: int, name: str) -> Host:
        namespace, port = f"{self.prefix}{name}", f"p{i}"
        link = namespaces.create(namespace, quiet_ipv6=self.quiet_ipv6)
        try:
            self.cable(i, namespace)
            address, address6 = f"10.0.0.{10 + i}", "" if self.quiet_ipv6 else f"fd00::{10 + i}"
            self.bring_up(link, address, address6)
            host = Host(name, namespace, link, port=port, address=address, address6=address6)
        except BaseException:
            link.close()
            raise
        host.mac = mac(1, i)
        self.hosts.append(host)
        return host

    @staticmethod
    def bring_up(link: IPRoute, address: str, address6: str = "") -> None:
        eth0 = namespaces.index_of(link, "eth0")
        link.link("set", index=eth0, state="up")
        link.addr("add", index=eth0, address=address, prefixlen=24)
        link.route("add", dst="224.0.0.0/4", oif=eth0)
        if address6:  # The link-local one takes its time, this one is there at once.
            link.addr("add", index=eth0, address=address6, prefixlen=64, flags=IFA_F_NODAD)

    def cable(self, i: int, namespace: str) -> None:
        """The veth pair between switch port `p<i>` and the host's `eth0`."""
        self.link.link(
            "add",
            ifname=f"p{i}",
            kind="veth",
            address=mac(2, i),
            mtu=self.mtu,
            peer={"ifname": "eth0", "net_ns_fd": namespace, "address": mac(1, i), "mtu": self.mtu},
        )
        self.link.link("set", index=namespaces.index_of(self.link, f"p{i}"), state="up")

    def h(self, which: int | str) -> Host:
        """A host by number or name."""
        if isinstance(which, int):
            return self.hosts[which]
        return next(host for host in self.hosts if host.name == which)

    @property
    def ports(self) -> list[str]:
        return [host.port for host in self.hosts]

    def trunk(self, one: str, other: str) -> None:
        """A cable from the switch's namespace to itself: the ports with which two switches meet."""
        self.link.link("add", ifname=one, kind="veth", mtu=self.mtu, peer=other)
        for name in (one, other):
            self.link.link("set", index=namespaces.index_of(self.link, name), state="up")

    def set_port(self, port: str, state: str) -> None:
        """ "up" or "down", at the switch's end of the cable."""
        self.link.link("set", index=namespaces.index_of(self.link, port), state=state)

    def unplug(self, port: str) -> None:
        """Delete the pair: the port is gone, and the host's `eth0` with it."""
        self.link.link("del", index=namespaces.index_of(self.link, port))

    def replug(self, i: int) -> None:
        """A new pair where `unplug` took one away; the host's tap starts afresh on it."""
        host = self.hosts[i]
        self.cable(i, host.namespace)
        self.bring_up(host.link, host.address, host.address6)
        host.call("tap", on=True)

    def set_mtu(self, i: int, mtu: int) -> None:
        """Both ends of the cable."""
        for link, name in ((self.link, f"p{i}"), (self.hosts[i].link, "eth0")):
            link.link("set", index=namespaces.index_of(link, name), mtu=mtu)

    def port_attribute(self, port: str, name: str) -> Any:
        """A netlink attribute of the port's link, e.g. IFLA_PROMISCUITY."""
        index = namespaces.index_of(self.link, port)
        return self.link.get_links(index)[0].get_attr(name)

    def add_address(self, host: Host, address: str) -> None:
        """A second address on the host, to send from: `host.send(..., source=address)`."""
        index = namespaces.index_of(host.link, "eth0")
        host.link.addr("add", index=index, address=address, prefixlen=24)

    def add_vlan(self, host: Host, vid: int, *, address: str = "", pcp: int = 0) -> str:
        """An interface `eth0.<vid>` on the host, tagged at its port; its name.

        It has the address 10.<vid>.0.(10+i)/24 unless another is given (from VLAN 256 on one must
        be), and fd00:<vid>::(10+i)/64 where IPv6 is left on; `pcp` is the priority of its tags.
        """
        name = add_tagged(host.link, host.namespace, vid, pcp=pcp)
        index, last = namespaces.index_of(host.link, name), host.address.rsplit(".", 1)[1]
        address = address or f"10.{vid}.0.{last}"
        host.link.addr("add", index=index, address=address, prefixlen=24)
        if host.address6:
            address = f"fd00:{vid}::{last}"
            host.link.addr("add", index=index, address=address, prefixlen=64, flags=IFA_F_NODAD)
        return name

    def add_beyond(self, host: Host) -> Host:
        """A network behind `host`: `down0` there, cabled to a further host `<name>x`; the next is
        `down1` with `<name>x1`.
        """
        number = sum(each.name.startswith(f"{host.name}x") for each in self.beyond)
        name, down_name = f"{host.name}x{number or ''}", f"down{number}"
        namespace = f"{self.prefix}{name}"
        link = namespaces.create(namespace, quiet_ipv6=self.quiet_ipv6)
        try:
            peer = {"ifname": "eth0", "net_ns_fd": namespace}
            host.link.link("add", ifname=down_name, kind="veth", mtu=self.mtu, peer=peer)
            down = namespaces.index_of(host.link, down_name)
            third = 100 + len(self.hosts) + number
            host.link.addr("add", index=down, address=f"10.{third}.0.1", prefixlen=24)
            if not self.quiet_ipv6:
                host.link.addr("add", index=down, address=f"fd00:{third}::1", prefixlen=64,
                               flags=IFA_F_NODAD)  # fmt: skip
            host.link.link("set", index=down, state="up")
            address = f"10.{third}.0.2"
            address6 = "" if self.quiet_ipv6 else f"fd00:{third}::2"
            self.bring_up(link, address, address6)
            beyond = Host(name, namespace, link, port=host.port, address=address, address6=address6)
            eth0 = link.get_links(namespaces.index_of(link, "eth0"))[0]
            beyond.mac = eth0.get_attr("IFLA_ADDRESS")
        except BaseException:
            link.close()
            raise
        self.beyond.append(beyond)
        beyond.call("ping")
        return beyond

    def own(self, interface: str = "sw0") -> Host:
        """The switch's own host, where `config` has that `[[host]]`: what programs beside the
        switch join and send there. It may be asked for once the switch runs, and outlives it.
        """
        with inside(self.namespace):
            link = IPRoute()
        try:
            index = namespaces.index_of(link, interface)
            link.route("add", dst="224.0.0.0/4", oif=index)
            held = {each["family"]: each.get_attr("IFA_ADDRESS") for each in
                    link.get_addr(index=index, scope=0)}  # fmt: skip
            host = Host(interface, self.namespace, link, port=interface, interface=interface,
                        address=held.get(AF_INET, ""), address6=held.get(AF_INET6, ""))  # fmt: skip
            host.mac = link.get_links(index)[0].get_attr("IFLA_ADDRESS")
        except BaseException:
            link.close()
            raise
        self.beyond.append(host)
        host.call("ping")
        return host

    # --- the switch

    def switch(
        self,
        ports: Iterable[str | Mapping[str, object]] | None = None,
        *,
        config: Mapping[str, Any] | None = None,
        vlans: Mapping[str, int | Sequence[int | str] | Mapping[str, Any]] | None = None,
        arguments: Sequence[str] = (),
        through: Sequence[str] = (),
        wait: bool = True,
    ) -> Snoop:
        """Start `snoop run` on the ports (all of them by default) and wait until it forwards.

        `config` has the tables of the configuration file; a port may be a table of its options.
        With `vlans` it filters by VLAN: an access port has a number there, a trunk a list of them,
        a trunk with more to it a table, `{"trunk": [10], "native": 1}`; others are left to the
        default. `through` is a command that runs it.
        """
        wanted = self.ports if ports is None else list(ports)
        tables = [{"name": port} if isinstance(port, str) else dict(port) for port in wanted]
        whole = dict(config or {})
        if vlans is not None:
            whole["switch"] = {**whole.get("switch", {}), "vlan_filtering": True}
            for table in tables:
                if (of := vlans.get(str(table["name"]))) is not None:
                    table.update(of_port(of))
        switch = Snoop(
            config={**whole, "port": tables},
            namespace=self.namespace,
            directory=self.directory / f"sw{len(self.switches)}",
            arguments=arguments,
            through=through,
            outlive=False,
        )
        self.switches.append(switch)
        switch.start(wait=wait)
        return switch

    def bridge(self, ports: Iterable[str] | None = None, **how: Any) -> KernelBridge:
        """The kernel's own bridge, snooping and querier, in the switch's place for comparison."""
        bridge = KernelBridge(self.namespace, self.link, list(ports or self.ports), **how)
        self.switches.append(bridge)
        return bridge

    def wait_pruning(
        self, sender: Host, reporter: Host, other: Host, *, ipv6: bool = False
    ) -> None:
        """Until the switch prunes: it floods at first, so that its table can fill (Q-15)."""
        if ipv6:
            group = "ff0e::fefe:fefe"
            report = frames_ipv6.report_v1(group, reporter.link_local, mac=reporter.mac)
            data = frames_ipv6.udp(sender.link_local, group, mac=sender.mac)
        else:
            group = "239.254.254.254"
            report = frames.report_v2(group, reporter.address, mac=reporter.mac)
            data = frames.udp(sender.address, group, mac=sender.mac)

        def pruned() -> bool:
            other.reset()
            reporter.frames([report])
            sender.frames([data])
            self.settle(sender)
            return other.wire(group).datagrams == 0

        wait_until(pruned, within=PRUNING_S, what="pruning begins")

    # --- proof that nothing (more) arrives

    def settle(
        self,
        sender: Host,
        receivers: Iterable[Host] | None = None,
        *,
        vid: int | None = None,
        within: float = SETTLE_S,
    ) -> None:
        """Wait until all that `sender` sent before is delivered (or dropped) everywhere;
        TimeoutError for a host that a marker has not reached `within` so many seconds.

        A broadcast marker frame follows the data; it may overtake frames of other destinations
        within one pass of the switch, so a second one is sent when every host has seen the first:
        it can only come from a later pass. Where a switch filters by VLAN `receivers` are the
        others in that of the sender, or in VLAN `vid` with whose tag the markers then go.
        """
        hosts = [host for host in receivers or self.hosts if host is not sender]
        for _ in range(2):
            token = secrets.token_bytes(8)
            waiting = [host.start("marker", token=token.hex()) for host in hosts]
            source = bytes.fromhex(sender.mac.replace(":", ""))
            frame = b"\xff" * 6 + source + ETH_P_MARKER + token + bytes(38)
            sender.frames([frame if vid is None else frames.tagged(frame, vid)])
            for job in waiting:
                job.result(within)


def of_port(vlans: int | Sequence[int | str] | Mapping[str, Any]) -> Mapping[str, Any]:
    """The keys of `[[port]]` that put it in these VLANs."""
    if isinstance(vlans, int):
        return {"access": vlans}
    return vlans if isinstance(vlans, Mapping) else {"trunk": list(vlans)}


def mac(kind: int, i: int) -> str:
    """02:00:00:00:01:xx for hosts, 02:00:00:00:02:xx for ports."""
    return f"02:00:00:00:{kind:02x}:{i:02x}"


def leave(number: int, _: FrameType | None) -> None:
    if os.getpid() != OWNER:
        os._exit(128 + number)  # a short-lived fork of pyroute2's: the lab is not its to take down
    raise SystemExit(128 + number)
