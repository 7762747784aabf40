"""Steps of the switch's own host: what an operator's commands and the file do to its place."""

from __future__ import annotations

from random import Random

from chaos.network import OWN, OWN_ADDRESSES, Network
from chaos.steps import Step
from chaos.steps_links import APPEARS_S, of, state
from chaos.verify import Cost
from snoop.lab import namespaces, wait_until


def own_address_lost(net: Network, random: Random) -> Cost:
    """One, or all of them at once: the switch gives them back."""
    lost = random.choice(([OWN_ADDRESSES[0]], [OWN_ADDRESSES[1]], OWN_ADDRESSES))
    net.say(", ".join(lost))
    link, index = net.own.link, of_pair(net)
    for each in lost:
        address, _, length = each.partition("/")
        link.addr("del", index=index, address=address, prefixlen=int(length))
    wait_until(lambda: set(OWN_ADDRESSES) <= addresses(net), within=APPEARS_S, what="given back")
    return of({OWN})


def own_place_deleted(net: Network, random: Random) -> Cost:
    """The pair of interfaces: the switch makes another."""
    index = of_pair(net)
    net.own.link.link("del", index=index)

    def is_another() -> bool:
        rows = net.switch.show("ports")["ports"]
        row = next(row for row in rows if row["name"] == f"p{OWN}")
        return row["state"] == "up" and set(OWN_ADDRESSES) <= addresses(net, index)

    wait_until(is_another, within=APPEARS_S, what="another pair")
    net.own_again()
    return of({OWN})


def own_place_out_of_the_file(net: Network, random: Random) -> Cost:
    """Or into it again."""
    net.left_out ^= {OWN}
    net.say("out" if OWN in net.left_out else "in")
    net.reload()
    if OWN not in net.left_out:
        wait_until(lambda: state(net, OWN) == "up", within=APPEARS_S, what="it is there")
        net.own_again()
    return of({OWN})


def of_pair(net: Network) -> int:
    return namespaces.index_of(net.own.link, net.own.interface)


def addresses(net: Network, before: int = 0) -> set[str]:
    """Those of its interface now, unless that is the one of `before`."""
    try:
        index = of_pair(net)
    except KeyError:
        return set()
    rows = net.own.link.get_addr(index=index, scope=0) if index != before else ()
    return {f"{row.get_attr('IFA_ADDRESS')}/{row['prefixlen']}" for row in rows}


def there(net: Network) -> bool:
    return net.attached(OWN)


STEPS = [
    Step(own_address_lost, there),
    Step(own_place_deleted, there),
    Step(own_place_out_of_the_file),
]
