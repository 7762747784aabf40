"""Steps by which an operator changes what runs: files, commands, ports and VLANs."""

from __future__ import annotations

from random import Random

from chaos.network import ADDED, CHANGING, DEFAULTS, ENEMY, GROUPS, MATCHED, Network
from chaos.steps import Step
from chaos.steps_links import APPEARS_S, state
from chaos.verify import ALL, FREE, Cost
from snoop.lab import wait_until

# Not report_flood: hosts of IGMPv2 that hear another's report keep their own back (4541 2.1.1).
VALUES: dict[str, tuple[object, ...]] = {
    "kernel": ("auto", "off"),
    "coalesce": ("auto", "always", "off"),
    "unregistered": ("mrouters", "drop", "flood"),
    "qdisc_bypass": (True, False),
    "isolate": (True, False),
    "specific_query_scope": ("all", "members"),
    "always_flood": (["224.0.1.129"], [], ["224.0.1.129", "239.77.0.0/16"]),
    "robustness": (2, 3),
    "max_groups": (4096, 2048),
    "fast_leave": ("off", "tracked", "on"),
    "mrouter": ("auto", "never", "always"),
}


def reload(net: Network, random: Random) -> Cost:
    """One to four keys at a time, or all back to where they began: nobody who stays loses any."""
    if random.random() < 0.2:
        keys = [key for key in VALUES if net.settings[key] != DEFAULTS[key]]
        for key in keys:
            net.settings[key] = DEFAULTS[key]
        net.say("all as in the beginning")
    else:
        other_keys(net, random)
    net.reload()
    return FREE


def other_keys(net: Network, random: Random) -> None:
    for key in random.sample(sorted(VALUES), random.randint(1, 4)):
        net.settings[key] = random.choice(VALUES[key])
        net.say(f"{key} = {net.settings[key]}")


def reload_in_a_row(net: Network, random: Random) -> Cost:
    """As fast as they are answered, the last one counts."""
    flooded = net.settings["unregistered"] == "flood"
    for _ in range(6):
        for key in random.sample(("kernel", "coalesce", "qdisc_bypass", "unregistered"), 2):
            net.settings[key] = random.choice(VALUES[key])
        net.reload()
        flooded = flooded or net.settings["unregistered"] == "flood"
    net.say(f"kernel = {net.settings['kernel']}, coalesce = {net.settings['coalesce']}")
    return Cost(leaks=ALL if flooded else frozenset())


def port_out_of_the_file(net: Network, random: Random) -> Cost:
    """Or into it again."""
    those = (*CHANGING[:3], ENEMY)
    out = [host for host in those if host in net.left_out]
    host = random.choice(out if len(out) > 1 else those)
    net.say(f"p{host}")
    net.left_out ^= {host}
    net.statics -= {(host, group) for group in GROUPS}
    net.reload()
    return Cost(dark=frozenset({host}), within=15.0)


def port_by_command(net: Network, random: Random) -> Cost:
    if ADDED in net.left_out:
        net.switch.port_add(f"p{ADDED}", mrouter="never")
        net.left_out.discard(ADDED)
        wait_until(lambda: state(net, ADDED) == "up", within=APPEARS_S, what="it is up")
        net.say("added")
    else:
        net.switch.port_del(f"p{ADDED}")
        net.left_out.add(ADDED)
        net.say("deleted")
    return Cost(dark=frozenset({ADDED}), within=15.0)


def vlan_filtering(net: Network, random: Random) -> Cost:
    """On: all are in VLAN 1; off: in none. Memberships are of another VLAN, and learned anew."""
    net.settings["vlan_filtering"] = not net.settings["vlan_filtering"]
    net.vlans.clear()
    for host, group in sorted(net.statics):  # they are of the VLAN before
        net.switch.delete(group, f"p{host}")
    net.statics.clear()
    net.say(f"vlan_filtering = {net.settings['vlan_filtering']}")
    net.reload()
    return Cost(dark=ALL, leaks=ALL, within=20.0)


def another_vlan(net: Network, random: Random) -> Cost:
    """Out of the others' VLAN, or back into it, by the file."""
    host = random.choice((3, 4, MATCHED))
    if net.vlans.pop(host, None) is None:
        net.vlans[host] = 20
    net.say(f"p{host}: {net.vlan(host)}")
    net.reload()
    return Cost(dark=frozenset({host}), leaks=ALL, within=15.0)


def static_entry(net: Network, random: Random) -> Cost:
    """By command, at a port whose host has not asked."""
    host, group = ENEMY, random.choice(GROUPS)
    if (host, group) in net.statics:
        net.switch.delete(group, f"p{host}")
        net.statics.discard((host, group))
        net.say(f"{group} not at p{host}")
    elif net.attached(host):
        net.switch.add(group, f"p{host}")
        net.statics.add((host, group))
        net.say(f"{group} at p{host}")
    return Cost(within=15.0)


def forget(net: Network, random: Random) -> Cost:
    """What was learned of hosts, of addresses, or the counts: hosts are asked anew."""
    what = random.choice(("mdb", "fdb", "counters"))
    net.say(what)
    net.switch.clear(what)
    dark = ALL if what == "mdb" else frozenset()
    return Cost(dark=dark, leaks=dark, within=15.0)


def ask(net: Network, random: Random) -> Cost:
    """Queries out of turn, general and of groups that have members."""
    for _ in range(random.randint(1, 10)):
        group = random.choice((None, *GROUPS))
        family = "ipv6" if group and ":" in group else None
        net.switch.query(group, vlan=1 if filters(net) else None, family=family)
    return FREE


def filters(net: Network) -> bool:
    return bool(net.settings["vlan_filtering"])


STEPS = [
    Step(reload),
    Step(reload),
    Step(reload_in_a_row),
    Step(port_out_of_the_file),
    Step(port_by_command, lambda net: ADDED not in net.unplugged),
    Step(vlan_filtering),
    Step(another_vlan, filters),
    Step(another_vlan, filters),
    Step(static_entry),
    Step(forget),
    Step(ask),
]
