"""Steps of VLANs: filtered or not, who is in which, with tags or without; by file and command."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from random import Random

from chaos.network import COMMANDED, MATCHED, Network
from chaos.steps import Step
from chaos.steps_config import delete_static, route
from chaos.verify import ALL, Cost

MOVING = (3, 4, MATCHED)
TAGGING = (3, MATCHED)
OTHER = 20


def vlan_filtering(net: Network, random: Random) -> Cost:
    """On: all are in VLAN 1; off: in none. Memberships are of another VLAN, and learned anew."""
    put_back(net)
    route(net, False)
    for host, group in sorted(net.statics):  # they are of the VLAN before
        delete_static(net, host, group)
    with elsewhere(net, *net.tagged):
        net.settings["vlan_filtering"] = not net.settings["vlan_filtering"]
        net.vlans.clear()
        net.snapshot = b""  # its static entries are of the VLAN before
        net.tagged.clear()
        net.say(f"vlan_filtering = {net.settings['vlan_filtering']}")
        net.reload()
    return Cost(dark=ALL, leaks=ALL, within=20.0)


def another_vlan(net: Network, random: Random) -> Cost:
    """Out of the others' VLAN, or back into it, by the file."""
    host = random.choice([host for host in MOVING if movable(net, host)])
    with elsewhere(net, host):
        if net.vlans.pop(host, None) is None:
            net.vlans[host] = OTHER
        net.say(f"p{host}: {net.vlan(host)}{', tagged' if host in net.tagged else ''}")
        net.reload()
    return Cost(dark=frozenset({host}), leaks=ALL, within=15.0)


def tagged(net: Network, random: Random) -> Cost:
    """A port becomes a trunk of its VLAN, on which nothing goes without a tag, or access again."""
    host = random.choice([host for host in TAGGING if movable(net, host)])
    with elsewhere(net, host):
        net.tagged ^= {host}
        net.say(f"p{host}: {'tagged' if host in net.tagged else 'access'}, {net.vlan(host)}")
        net.reload()
    return Cost(dark=frozenset({host}), leaks=ALL, within=15.0)


def vlan_by_command(net: Network, random: Random) -> Cost:
    """`port set`, which holds over the file until it is put back."""
    if net.commanded and random.random() < 0.6:
        hosts = list(net.commanded)
        put_back(net)
        net.say("put back")
        return Cost(dark=frozenset(hosts), leaks=ALL, within=15.0)
    free = [host for host in COMMANDED if movable(net, host) and host not in net.tagged]
    host = random.choice(free)
    vlan = 1 if net.vlan(host) == OTHER else OTHER
    net.switch.port_set(f"p{host}", access=vlan)
    net.commanded[host] = vlan
    net.say(f"p{host}: {vlan}")
    return Cost(dark=frozenset({host}), leaks=ALL, within=15.0)


def put_back(net: Network) -> None:
    for host in sorted(net.commanded):
        net.switch.port_set(f"p{host}", access=None)
    net.commanded.clear()


@contextmanager
def elsewhere(net: Network, *hosts: int) -> Iterator[None]:
    """What these hosts have joined goes along to the interface that they have afterwards."""
    for host in hosts:
        net.part(host)
    yield
    for host in hosts:
        net.rejoin(host)


def filters(net: Network) -> bool:
    return bool(net.settings["vlan_filtering"])


def movable(net: Network, host: int) -> bool:
    """Is its place the file's, and its interface there?"""
    return net.attached(host) and host not in net.commanded


def can_move(net: Network) -> bool:
    return filters(net) and any(movable(net, host) for host in MOVING)


def can_tag(net: Network) -> bool:
    return filters(net) and any(movable(net, host) for host in TAGGING)


def can_command(net: Network) -> bool:
    untagged = [host for host in COMMANDED if host not in net.tagged]
    return filters(net) and any(movable(net, host) for host in untagged)


STEPS = [
    Step(vlan_filtering, lambda net: not net.tagged & net.unplugged),
    Step(another_vlan, can_move),
    Step(another_vlan, can_move),
    Step(tagged, can_tag),
    Step(tagged, can_tag),
    Step(vlan_by_command, can_command),
]
