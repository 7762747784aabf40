"""What is seldom meant of ports or VLANs together, and of the interfaces that ports are.

As in `odd`, nothing in here is refused, and what is said is so whatever the network does.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Protocol

from snoop.config import effective, patterns, resolve
from snoop.config.schema import Config
from snoop.proto.params import MrouterMode, QuerierMode, Unregistered


class Interface(Protocol):
    """What the kernel says of one."""

    @property
    def name(self) -> str: ...
    @property
    def ifindex(self) -> int: ...
    @property
    def up(self) -> bool: ...
    @property
    def admin_up(self) -> bool: ...
    @property
    def mtu(self) -> int: ...
    @property
    def master(self) -> int: ...
    @property
    def addresses(self) -> Collection[str]: ...
    @property
    def loopback(self) -> bool: ...
    @property
    def ethernet(self) -> bool: ...
    @property
    def kind(self) -> str: ...


def together(config: Config) -> Iterator[str]:
    """Of all ports and VLANs."""
    ports = config.tables
    if len(ports) > 1 and all(port.mrouter is MrouterMode.ALWAYS for port in ports):
        yield 'every port has mrouter = "always": every group goes to every port, joined or not'
    if (
        len(ports) > 1
        and config.switch.unregistered is Unregistered.FLOOD
        and all(port.flood_unregistered is False for port in ports)
    ):
        yield (
            'every port has flood_unregistered = false: [switch] unregistered = "flood" floods to '
            "router ports alone"
        )
    for port in ports:
        if port.max_groups > config.igmp.max_groups:
            yield (
                f"{port.where}: max_groups = {port.max_groups} is more than a VLAN may "
                f"have, [igmp] max_groups = {config.igmp.max_groups}"
            )
    for vlan in config.vlan:
        own = resolve.igmp_of(config, vlan)
        shared = vlan.vid and vlan.querier_address is None
        others = "other VLANs" if config.switch.vlan_filtering else "untagged"
        if (
            shared
            and own.querier is not QuerierMode.OFF
            and not own.querier_address.address.is_unspecified
        ):
            yield (
                f"[[vlan]] {vlan.vid}: asks from {own.querier_address} of [igmp], as {others}: "
                "hosts with rp_filter = 1 whose network has no such address drop its queries; "
                "give it a querier_address"
            )
    host, _, _ = config.metrics.listen.rpartition(":")
    if config.metrics.listen and host in ("", "0.0.0.0", "[::]"):
        yield (
            f'[metrics] listen = "{config.metrics.listen}": whoever reaches this machine reads '
            "them; 127.0.0.1 keeps them here"
        )


def interfaces(config: Config, found: Collection[Interface]) -> Iterator[str]:
    """Of those that there are in this network namespace."""
    by_name = {one.name: one for one in found}
    names = {one.ifindex: one.name for one in found}
    matched = patterns.match(config, found)
    config = patterns.laid_out(config, matched)
    named = [port for port in config.named if port not in config.host]
    ports = [by_name[port.name] for port in named if port.name in by_name]
    isolated = {p.name for p in config.named if effective.isolate(p, config.switch)}
    for port in named:
        if port.name not in by_name:
            yield f"[[port]] {port.name}: no such interface in this network namespace"
    for port in config.patterns:
        made = [name for name in matched.ports if patterns.of(config, name) is port]
        yield f"[[port]] {port.name}: it matches {', '.join(made) or 'nothing that is here now'}"
    for name, why in matched.refused.items():
        if not by_name[name].loopback:
            yield f"{name} is matched and cannot be a port: {why}"
    for one in ports:
        if one.loopback:
            yield f"[[port]] {one.name}: a loopback is no Ethernet interface and cannot be a port"
            continue
        if not one.admin_up:
            yield f"[[port]] {one.name}: it is down: ip link set {one.name} up"
        elif not one.up:
            yield f"[[port]] {one.name}: no carrier: look at the cable or at what is behind it"
        if one.master:
            master = names.get(one.master, "another interface")
            yield (
                f"[[port]] {one.name}: it belongs to {master}, which gets its frames too: "
                f"ip link set {one.name} nomaster"
            )
        carried = [text for text in one.addresses if not text.startswith("fe80:")]
        if carried and one.name in isolated:
            yield (
                f"[[port]] {one.name}: it has the address {', '.join(sorted(carried))}, so this "
                f"host's stack is not kept off it: ip address flush dev {one.name}"
            )
    yield from _sizes(ports)
    for host in config.host:
        for name in (host.name, host.device):
            if name in by_name and by_name[name].kind != "veth":
                yield (
                    f"{host.where}: {name} is there and is no pair of the switch, which will not "
                    f"start: ip link del {name}, or give interface another name"
                )


def _sizes(ports: Collection[Interface]) -> Iterator[str]:
    by_mtu: dict[int, list[str]] = {}
    for one in ports:
        if not one.loopback:
            by_mtu.setdefault(one.mtu, []).append(one.name)
    if len(by_mtu) > 1:
        said = "; ".join(f"{mtu}: {', '.join(names)}" for mtu, names in sorted(by_mtu.items()))
        yield f"ports differ in their MTU, and what is longer is lost at the smaller ({said})"
