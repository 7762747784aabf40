"""Neighbour discovery, as the kernels of the lab's hosts do it, and whether all of it works.

`works` is what every set-up is asked: resolution between each pair that may not have spoken,
duplicate address detection in both directions, all nodes, and one host's solicited-node group.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from contextlib import suppress

from pyroute2.netlink.exceptions import NetlinkError

from snoop.lab import Lab, namespaces, wait_until
from snoop.lab.host import Host

RETRANSMIT_MS = 150
ANSWER = re.compile(r"^(\S+) \d+ bytes from ([0-9a-f:]+?)(?:%eth0)?: ", re.MULTILINE)
ALL_NODES = "ff02::1"
TENTATIVE, DUPLICATE = 0x40, 0x08  # IFA_F_TENTATIVE, IFA_F_DADFAILED


def quicken(host: Host) -> None:
    """Duplicate address detection takes a sixth of a second instead of two."""
    host.call("sysctl", path="net/ipv6/conf/eth0/router_solicitation_delay", value="0")
    host.call("sysctl", path="net/ipv6/neigh/eth0/retrans_time_ms", value=str(RETRANSMIT_MS))


def solicited_node(address: str) -> str:
    low = ipaddress.IPv6Address(address).packed[13:]
    return str(ipaddress.IPv6Address(bytes.fromhex("ff0200000000000000000001ff") + low))


def answers(host: Host, targets: Iterable[str]) -> dict[str, set[str]]:
    """Who answers echo requests to each of the targets, asked at once by a host that has forgotten
    every neighbour; three requests to those where more than one may answer.
    """
    targets = list(targets)
    pings = [
        f"ping -6 -n -w 10 -I eth0 {'-c 3 -i 0.2' if to == ALL_NODES else '-c 1'} {to} | grep from "
        f"| sed 's/^/{to} /' &"
        for to in targets
    ]
    shown = host.run(["sh", "-c", "ip -6 neigh flush dev eth0; " + "".join(pings) + "wait"]).stdout
    found: dict[str, set[str]] = {to: set() for to in targets}
    for to, answerer in ANSWER.findall(shown):
        found[to].add(answerer)
    return found


def addresses(host: Host) -> dict[str, int]:
    """The addresses of eth0, with their flags as far as they matter: 0, if it may use them."""
    found = {}
    for line in host.call("read", path="/proc/thread-self/net/if_inet6").splitlines():
        packed, _, _, _, flags, name = line.split()
        if name == "eth0":
            address = str(ipaddress.IPv6Address(bytes.fromhex(packed)))
            found[address] = int(flags, 16) & (TENTATIVE | DUPLICATE)
    return found


def is_addressed(host: Host) -> bool:
    """May it use its link-local address?"""
    return addresses(host).get(host.link_local) == 0


def assign(host: Host, address: str) -> bool:
    """Give the host an address, as a person does; whether it is its own."""
    index = namespaces.index_of(host.link, "eth0")
    host.link.addr("add", index=index, address=address, prefixlen=64)

    def decided() -> bool:
        return addresses(host).get(address, TENTATIVE) in (0, TENTATIVE | DUPLICATE)

    wait_until(decided, within=20, what=f"{host.name} knows whether {address} is its own")
    return addresses(host)[address] == 0


def remove(host: Host, address: str) -> None:
    index = namespaces.index_of(host.link, "eth0")
    with suppress(NetlinkError):
        host.link.addr("del", index=index, address=address, prefixlen=64)


def up(lab: Lab) -> None:
    """Until every host may use its link-local address."""
    for host in lab.hosts:
        wait_until(
            lambda host=host: addresses(host).get(host.link_local) == 0,
            within=20,
            what=f"{host.name} has {host.link_local}",
        )


def works(lab: Lab) -> None:
    """Everything that neighbour discovery is for."""
    hosts = lab.hosts
    for one, other in zip(hosts, [*hosts[1:], hosts[0]], strict=True):
        wanted = {address: {address} for address in (other.address6, other.link_local)}
        if one is hosts[0]:
            wanted[solicited_node(hosts[2].address6)] = {hosts[2].link_local}
            wanted[ALL_NODES] = {host.link_local for host in hosts[1:]}
        silent = {to: wanted[to] - found for to, found in answers(one, wanted).items()}
        assert not any(silent.values()), f"no answer to {one.name}: {silent}"
    # Twice taken: whoever comes second finds out, from whichever side he comes.
    for one, other in ((hosts[1], hosts[2]), (hosts[2], hosts[1])):
        try:
            assert assign(one, "fd00::77")
            assert not assign(other, "fd00::77")
        finally:
            for host in (one, other):
                remove(host, "fd00::77")


def deafen(host: Host) -> None:
    """No report of the host's leaves it any more: its MLD is lost on the way."""
    rules = (
        "table ip6 lab { chain out { type filter hook output priority 0; "
        "icmpv6 type { mld-listener-report, mld-listener-done, mld2-listener-report } drop; }; }"
    )
    done = host.run(["nft", rules])
    assert done.returncode == 0, done.stderr


def hear_again(host: Host) -> None:
    host.run(["nft", "delete", "table", "ip6", "lab"])
