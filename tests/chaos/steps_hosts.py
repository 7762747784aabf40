"""Steps of hosts: who changes his mind, speaks another version, or floods."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from chaos.network import (
    CHANGING,
    ENEMY,
    GROUPS,
    OWN,
    SLOW_S,
    SSM_GROUP,
    STREAMS,
    VIEWER,
    Network,
)
from chaos.steps import Step
from chaos.verify import ALL, FREE, Cost
from snoop.lab import frames, frames_ipv6, wait_until

FLOOD_RATE, FLOOD_FRAMES = 3000, 1500


def hosts_change_their_minds(net: Network, random: Random) -> Cost:
    return Cost(leaks=frozenset(change_of_mind(net, random) for _ in range(random.randint(1, 6))))


def change_of_mind(net: Network, random: Random) -> int:
    """One host joins, leaves, or wants another source; which one."""
    host, group = random.choice((*CHANGING, OWN)), random.choice(GROUPS)
    if host in net.older and group == SSM_GROUP:
        return host  # MLDv1 has no sources (RFC 4604 2.2.1)
    own_stream = any(each.sender == host and each.group == group for each in STREAMS)
    if host in net.unplugged or own_stream or (host == OWN and OWN in net.left_out):
        return host
    if (host, group) in net.wants and random.random() < 0.7:
        net.leave(host, group)
        net.say(f"h{host} leaves {group}")
        return host
    sources: tuple[str, ...] = ()
    if group == SSM_GROUP:
        sources = random.choice(
            ((net.h(0).address6,), (net.h(1).address6,), (net.h(0).address6, net.h(1).address6))
        )
    net.join(host, group, *sources)
    net.say(f"h{host} joins {group} {' '.join(sources)}".rstrip())
    return host


def another_version(net: Network, random: Random) -> Cost:
    """A host that joins no sources speaks IGMPv2 or MLDv1 from now on, or the latest again."""
    host = random.choice(CHANGING)
    if host in net.unplugged:
        return FREE
    if random.random() < 0.5:
        version = random.choice((2, 0))
        net.h(host).igmp_version(version)
        net.say(f"h{host}: IGMP {version}")
    elif (host, SSM_GROUP) not in net.wants and host not in net.tagged:
        net.older ^= {host}
        net.h(host).mld_version(1 if host in net.older else 0)
        net.say(f"h{host}: MLD {1 if host in net.older else 0}")
    return FREE


# Floods ------------------------------------------------------------------------------------------


def flood(net: Network, made: Sequence[bytes]) -> None:
    net.h(ENEMY).frames(made, rate=FLOOD_RATE, repeat=max(1, FLOOD_FRAMES // len(made)))


def flood_of_reports(net: Network, random: Random) -> Cost:
    """Joins of groups that nobody sends to, in IGMPv3, v2 and MLD, and leaves of others' groups."""
    enemy = net.h(ENEMY)
    made = []
    for number in range(60):
        group = f"239.9.{random.randrange(256)}.{number}"
        made.append(frames.report_v3([("TO_EX", group, ())], enemy.address, mac=enemy.mac))
        made.append(frames.report_v2(group, enemy.address, mac=enemy.mac))
        records = [("TO_EX", f"ff0e::9:{number:x}", ())]
        made.append(frames_ipv6.report_v2(records, enemy.link_local, mac=enemy.mac))
    made += [frames.leave_v2(group, net.h(VIEWER).address, mac=enemy.mac) for group in GROUPS[:2]]
    flood(net, made)
    return FREE


def flood_of_queries(net: Network, random: Random) -> Cost:
    """From an address that wins: the enemy's port is a router's until he has been silent."""
    enemy = net.h(ENEMY)
    source = random.choice((enemy.address, "0.0.0.0"))
    groups = ("0.0.0.0", *GROUPS[:2])
    made = [frames.query(source, group, mac=enemy.mac, interval=2) for group in groups]
    made.append(frames.query(source, version=2, mac=enemy.mac))
    flood(net, made)
    net.say(f"from {source}")
    wait_until(lambda: ours_alone(net), within=2 * SLOW_S + 15.0, what="the enemy is forgotten")
    return Cost(leaks=ALL, within=15.0)


def ours_alone(net: Network) -> bool:
    """We ask where the enemy is, and no router has been heard."""
    rows = net.switch.show("querier", vlan=net.vlan(ENEMY))["queriers"]
    heard = [row for row in net.switch.show("mrouters")["mrouters"] if row["address"]]
    return {row["role"] for row in rows} == {"querier"} and not heard


def flood_of_unicast(net: Network, random: Random) -> Cost:
    """To addresses that nobody has, from addresses that nobody has."""
    made = []
    for number in range(100):
        to, own = (f"02:00:00:{kind:02x}:00:{number:02x}" for kind in (0xAA, 0xBB))
        made.append(frames.udp(net.h(ENEMY).address, "10.0.0.99", mac=own, destination_mac=to))
    flood(net, made)
    return FREE


def flood_of_broadcast(net: Network, random: Random) -> Cost:
    enemy = net.h(ENEMY)
    to = "ff:ff:ff:ff:ff:ff"
    flood(net, [frames.udp(enemy.address, "10.0.0.255", mac=enemy.mac, destination_mac=to)])
    return FREE


def flood_of_strange_groups(net: Network, random: Random) -> Cost:
    """Streams to groups that nobody has joined, thousands of them."""
    enemy = net.h(ENEMY)
    made = [
        frames.udp(enemy.address, f"239.8.{random.randrange(256)}.{number}", mac=enemy.mac)
        for number in range(200)
    ]
    flood(net, made)
    return FREE


def enemy_there(net: Network) -> bool:
    return net.attached(ENEMY)


FLOODS = (
    flood_of_reports,
    flood_of_queries,
    flood_of_unicast,
    flood_of_broadcast,
    flood_of_strange_groups,
)
STEPS = [
    Step(hosts_change_their_minds),
    Step(hosts_change_their_minds),
    Step(hosts_change_their_minds),
    Step(another_version),
    *(Step(each, enemy_there) for each in FLOODS),
]
