"""Neighbour discovery works, whatever the switch is told, and whatever befalls it.

The hosts are up before the switch is, and nothing that nobody joined is forwarded.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from netns.discovery import addresses, deafen, hear_again, quicken, up, works
from netns.star import BUSY, IGMP, MLD, QUERY, Star, names
from snoop.lab import Lab, frames_ipv6, wait_until
from snoop.lab.host import Host
from testbed.daemons import Radvd

DROP: dict[str, Any] = {"switch": {"unregistered": "drop"}, "igmp": IGMP}
SET_UPS: dict[str, Mapping[str, Any]] = {
    "disabled": {"enabled": False},
    "nobody asks": {},
    "we ask": MLD,
    "we ask in version 1": {**MLD, "version": 1},
    "floods": {**MLD, "flood_link_local": True},
}
GROUP = "ff0e::4:1"


@pytest.fixture(scope="module")
def booted() -> Iterator[Star]:
    with Lab(4, quiet_ipv6=False) as lab:
        for host in lab.hosts:
            quicken(host)
        up(lab)
        made = Star(lab, lab.switch(config=DROP))
        yield made
        made.conserved()


def told(net: Star, mld: Mapping[str, Any]) -> None:
    net.switch.configure({**net.switch.config, "mld": dict(mld)})
    net.switch.do("reload")
    net.switch.quick("clear", "mdb")
    if mld.get("querier") == "on":
        prunes(net)


def prunes(net: Star) -> None:
    net.lab.wait_pruning(net.h(0), net.h(1), net.h(3), ipv6=True)


@pytest.mark.parametrize("name", SET_UPS)
def test_discovery_works(booted: Star, name: str) -> None:
    """SNOOP-51, SNOOP-52, SNOOP-55, B-18, spec 127 and 128."""
    told(booted, SET_UPS[name])
    works(booted.lab)


def test_it_works_for_a_host_whose_reports_are_lost(booted: Star) -> None:
    """SNOOP-52: also where others have joined the same solicited-node group."""
    told(booted, MLD)
    host = booted.h(2)
    deafen(host)
    try:
        booted.switch.quick("clear", "mdb")
        works(booted.lab)
    finally:
        hear_again(host)


def test_it_works_before_and_after_the_querier_fell_silent(booted: Star) -> None:
    """Q-15: another asks for a while, and then nobody does."""
    told(booted, {**MLD, "querier": "off"})
    asker = booted.h(3)
    query = frames_ipv6.query(asker.link_local, response=0.3, interval=1, mac=asker.mac)

    def roles() -> set[str]:
        rows = booted.switch.show("querier")["queriers"]
        return {row["role"] for row in rows if row["family"] == "ipv6"}

    asking = asker.start("frames", frames=[query.hex()], rate=1, repeat=7)
    wait_until(lambda: roles() == {"non-querier"}, within=20, what="it is heard")
    booted.lab.wait_pruning(booted.h(0), booted.h(1), booted.h(2), ipv6=True)
    works(booted.lab)
    asking.result()
    wait_until(lambda: roles() == {"none"}, within=2 * QUERY + BUSY, what="it is forgotten")
    works(booted.lab)


def test_it_works_across_a_restart(booted: Star) -> None:
    """SNOOP-50: at once, and when the switch prunes again; what was joined arrives all the time."""
    told(booted, MLD)
    booted.h(1).join(GROUP)
    booted.switch.wait_members(GROUP, {"p1"})
    assert booted.switch.stop() == 0
    booted.switch.start()
    works(booted.lab)
    assert "h1" in booted.reached(GROUP)
    prunes(booted)
    booted.switch.wait_members(GROUP, {"p1"})
    assert booted.reached(GROUP) == names(1)
    works(booted.lab)
    booted.h(1).leave(GROUP)


@pytest.mark.parametrize("name", ["disabled", "nobody asks", "we ask"])
def test_hosts_configure_themselves(booted: Star, name: str) -> None:
    """Router advertisements of radvd arrive, asked for (a host that boots) and unasked."""
    told(booted, SET_UPS[name])
    prefix = f"2001:db8:{list(SET_UPS).index(name) + 1}"
    with Radvd(booted.h(0)) as router:
        router.start(f"{prefix}::/64")
        for host in booted.lab.hosts[1:]:
            wait_until(lambda host=host: configured(host, prefix), within=20, what=host.name)
        booter = booted.h(2)
        booter.run(["ip", "link", "set", "eth0", "down"])
        assert not configured(booter, prefix)
        booter.run(["ip", "link", "set", "eth0", "up"])
        wait_until(lambda: configured(booter, prefix), within=20, what="it boots")
        booter.run(["ip", "-6", "addr", "add", f"{booter.address6}/64", "dev", "eth0", "nodad"])
    works(booted.lab)


def configured(host: Host, prefix: str) -> bool:
    """With an address of the prefix that no other host has."""
    return any(
        address.startswith(prefix) and flags == 0 for address, flags in addresses(host).items()
    )
