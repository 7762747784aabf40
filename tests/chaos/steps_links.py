"""Steps at the cables: down and up, away and back, another name, another MTU."""

from __future__ import annotations

import subprocess
from random import Random

from chaos.network import CHANGING, ENEMY, LOOP, MATCHED, VIEWER, Network
from chaos.steps import Step
from chaos.verify import ALL, FREE, Cost
from snoop.lab import namespaces, wait_until
from snoop.lab.lab import IFA_F_NODAD

APPEARS_S = 10.0
CUT_S = 4.0  # two seconds, and what a machine with others adds


def of(hosts: set[int]) -> Cost:
    """They are without their streams for a while; if one is a sender, all are without his."""
    return Cost(dark=frozenset(hosts), within=15.0)


def state(net: Network, host: int) -> str:
    rows = net.switch.show("ports")["ports"]
    return next((str(row["state"]) for row in rows if row["name"] == f"p{host}"), "none")


def port_goes_down_and_up(net: Network, random: Random) -> Cost:
    """The switch's end of the cable, once or several times in a row."""
    host, times = random.choice(net.hosts()), random.choice((1, 1, 5))
    net.say(f"p{host}, {times} times")
    for _ in range(times):
        flap(net, host)
    return of({host})


def flap(net: Network, host: int) -> None:
    if host in net.unplugged:
        return
    for way in ("down", "up"):
        net.lab.set_port(f"p{host}", way)


def host_goes_down_and_up(net: Network, random: Random) -> Cost:
    """The host's end: the kernel takes its IPv6 addresses away, and reports its groups again."""
    host = random.choice(net.cabled())
    net.say(f"h{host}")
    link = net.h(host).link
    eth0 = namespaces.index_of(link, "eth0")
    for way in ("down", "up"):
        link.link("set", index=eth0, state=way)
    address = net.h(host).address6
    link.addr("replace", index=eth0, address=address, prefixlen=64, flags=IFA_F_NODAD)
    return of({host})


def unplugged(net: Network, random: Random) -> Cost:
    """The pair is deleted: to be made again in some step after this."""
    host = random.choice([host for host in (*CHANGING, ENEMY) if net.attached(host)])
    net.say(f"p{host}")
    net.unplug(host)
    gone = "none" if host == MATCHED else "missing"
    wait_until(lambda: state(net, host) == gone, within=APPEARS_S, what=f"p{host} is {gone}")
    return of({host})


def plugged_again(net: Network, random: Random) -> Cost:
    host = random.choice(sorted(net.unplugged))
    net.say(f"p{host}")
    net.replug(host)
    if net.attached(host):
        wait_until(lambda: state(net, host) == "up", within=APPEARS_S, what=f"p{host} is up")
    return of({host})


def unplugged_and_plugged(net: Network, random: Random) -> Cost:
    """At once, any of them, the viewer's and a sender's too: it has another index, and its name."""
    host = random.choice(net.cabled())
    net.say(f"p{host}")
    net.unplug(host)
    net.replug(host)
    wait_until(lambda: state(net, host) == "up", within=APPEARS_S, what=f"p{host} is up")
    return of({host})


def renamed(net: Network, random: Random) -> Cost:
    """To a name that is nobody's, and back."""
    host = random.choice([host for host in (*CHANGING, VIEWER) if net.attached(host)])
    net.say(f"p{host}")
    for old, new in ((f"p{host}", "other"), ("other", f"p{host}")):
        lines = f"link set {old} down\nlink set {old} name {new}\nlink set {new} up\n"
        command = ["ip", "-n", net.lab.namespace, "-b", "-"]
        subprocess.run(command, input=lines, text=True, check=True)
        if new == "other":
            wait_until(lambda: state(net, host) != "up", within=APPEARS_S, what="it is away")
    wait_until(lambda: state(net, host) == "up", within=APPEARS_S, what=f"p{host} is up")
    return of({host})


def another_mtu(net: Network, random: Random) -> Cost:
    host, mtu = random.choice(net.cabled()), random.choice((1280, 1500, 4000, 9000))
    net.say(f"p{host}: {mtu}")
    net.lab.set_mtu(host, mtu)
    return of({host})


def loop_closed(net: Network, random: Random) -> Cost:
    """A cable from one port to another, which is found by a probe, one a second: until then what
    everybody gets goes round.
    """
    net.lab.set_port(LOOP[0], "up")
    wait_until(lambda: held(net), within=CUT_S, what=f"{LOOP[1]} is held")
    net.looped = True
    return Cost(dark=ALL, dark_s=CUT_S, leaks=ALL, spoilt=True, within=20.0)


def loop_opened(net: Network, random: Random) -> Cost:
    net.lab.set_port(LOOP[0], "down")
    wait_until(lambda: not held(net), within=APPEARS_S, what=f"{LOOP[1]} is free")
    net.looped = False
    return FREE


def held(net: Network) -> bool:
    rows = net.switch.show("ports")["ports"]
    return [row["name"] for row in rows if row["loop"]] == [LOOP[1]]


def has_unplugged(net: Network) -> bool:
    return bool(net.unplugged)


def can_unplug(net: Network) -> bool:
    return len(net.unplugged) < 2 and any(map(net.attached, (*CHANGING, ENEMY)))


STEPS = [
    Step(port_goes_down_and_up),
    Step(host_goes_down_and_up),
    Step(unplugged, can_unplug),
    Step(plugged_again, has_unplugged),
    Step(unplugged_and_plugged),
    Step(renamed),
    Step(another_mtu),
    Step(loop_closed, lambda net: not net.looped),
    Step(loop_opened, lambda net: net.looped),
]
