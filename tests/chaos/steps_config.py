"""Steps by which an operator changes what runs: files, commands and ports."""

from __future__ import annotations

from random import Random

from chaos.network import ADDED, CHANGING, DEFAULTS, ENEMY, GROUPS, SSM_GROUP, VIEWER, Network
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
    "health": ("auto", "all", "off"),
    "announced_names": (True, False),
    "storm_limit": (10_000, 100, 0),
}


def reload(net: Network, random: Random) -> Cost:
    """One to four keys at a time, or all back to where they began: nobody who stays loses any."""
    if random.random() < 0.2:
        keys = [key for key in VALUES if net.settings[key] != DEFAULTS[key]]
        route(net, False)
        for key in keys:
            net.settings[key] = DEFAULTS[key]
        net.say("all as in the beginning")
    else:
        other_keys(net, random)
    net.reload()
    return FREE


def other_keys(net: Network, random: Random) -> None:
    for key in random.sample(sorted(VALUES), random.randint(1, 4)):
        if key == "mrouter":
            route(net, False)
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
    for group in GROUPS:
        net.statics.pop((host, group), None)
    net.routed = net.routed and host != ENEMY
    net.commanded.pop(host, None)
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


def static_entry(net: Network, random: Random) -> Cost:
    """By command, at a port whose host has not asked; of one source or of all."""
    host, group = random.choice((ENEMY, VIEWER)), random.choice(GROUPS)
    if (host, group) in net.wants:
        host = ENEMY
    if (host, group) in net.statics:
        delete_static(net, host, group)
        net.say(f"{group} not at p{host}")
    elif net.attached(host):
        sources = (None, net.h(0).address6, net.h(1).address6) if group == SSM_GROUP else (None,)
        source = random.choice(sources)
        net.switch.add(group, f"p{host}", source=source)
        net.statics[host, group] = frozenset([source] if source else [])
        net.say(f"{group} {source or ''} at p{host}")
    return Cost(leaks=frozenset({host}), within=15.0)


def delete_static(net: Network, host: int, group: str) -> None:
    for source in net.statics.pop((host, group)) or (None,):
        net.switch.delete(group, f"p{host}", source=source)


def router_port(net: Network, random: Random) -> Cost:
    """By command: the enemy's port gets what a router gets, or no longer."""
    route(net, not net.routed)
    net.say("a router's" if net.routed else "no router's")
    return Cost(leaks=frozenset({ENEMY}))


def route(net: Network, wanted: bool) -> None:
    if net.routed is not wanted:
        change = net.switch.add_mrouter if wanted else net.switch.delete_mrouter
        for family in ("ipv4", "ipv6"):
            change(f"p{ENEMY}", family=family)
    net.routed = wanted


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
        net.switch.query(group, vlan=1 if net.settings["vlan_filtering"] else None, family=family)
    return FREE


STEPS = [
    Step(reload),
    Step(reload),
    Step(reload_in_a_row),
    Step(port_out_of_the_file),
    Step(port_by_command, lambda net: ADDED not in net.unplugged),
    Step(static_entry),
    Step(static_entry),
    Step(router_port, lambda net: ENEMY not in net.left_out and net.settings["mrouter"] == "auto"),
    Step(forget),
    Step(ask),
]
