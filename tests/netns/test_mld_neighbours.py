"""Other queriers, switches and routers of IPv6 beside and behind this switch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest

from netns.discovery import quicken, up, works
from netns.star import MLD, QUERY, RESPONSE, Star, names
from snoop.lab import Lab, wait_until
from snoop.lab.switch import KernelBridge, Snoop
from testbed.daemons import Smcroute6

GROUP, SOURCE_GROUP = "ff0e::7:1", "ff3e::7:2"
PRUNE = {"unregistered": "mrouters"}
LISTENS = {**MLD, "querier": "off"}
HIGHEST = "fe80::ffff:ffff:ffff:ffff"


def roles(switch: Snoop) -> set[tuple[str, str | None]]:
    rows = switch.show("querier")["queriers"]
    return {(row["role"], row["port"]) for row in rows if row["family"] == "ipv6"}


def routers(switch: Snoop) -> set[str]:
    rows = switch.show("mrouters")["mrouters"]
    return {row["port"] for row in rows if row["family"] == "ipv6"}


@pytest.fixture(scope="module")
def line() -> Iterator[Lab]:
    """h0 and h1 at this switch, h2 and h3 behind the other end of a trunk."""
    with Lab(4, quiet_ipv6=False) as lab:
        lab.trunk("t0", "t1")
        for host in lab.hosts:
            quicken(host)
            host.mld_version(2)  # Else one test's version 1 querier is remembered in the next.
        up(lab)
        yield lab


@contextmanager
def asked_by(lab: Lab, mld: Mapping[str, object]) -> Iterator[Snoop]:
    """This switch, until the end of a test."""
    made = lab.switch(["p0", "p1", "t0"], config={"switch": PRUNE, "mld": dict(mld)})
    try:
        yield made
    finally:
        made.stop()


@contextmanager
def bridge(lab: Lab, **how: Any) -> Iterator[KernelBridge]:
    """The kernel's bridge at the other end of the trunk."""
    times = {"query_interval": QUERY, "query_response_interval": RESPONSE}
    made = lab.bridge(["p2", "p3", "t1"], **times, **how)
    try:
        yield made
    finally:
        made.close()


def wait_roles(switch: Snoop, role: str, port: str | None) -> None:
    wait_until(lambda: roles(switch) == {(role, port)}, within=20, what=f"{role} {port}")


def serves(lab: Lab) -> None:
    """Streams cross the trunk in both directions, to members alone."""
    lab.h(1).join(GROUP)
    lab.h(2).join(GROUP)
    lab.h(2).join(SOURCE_GROUP, lab.h(0).address6)

    def delivered() -> bool:
        for host in lab.hosts:
            host.reset()
        lab.h(0).send(GROUP, count=50)
        lab.h(3).send(GROUP, count=50)
        lab.h(0).send(SOURCE_GROUP, count=50, source=lab.h(0).address6)
        lab.h(3).send(SOURCE_GROUP, count=50, source=lab.h(3).address6)
        lab.settle(lab.h(0))
        lab.settle(lab.h(3))
        got = [(host.wire(GROUP).unique, host.wire(SOURCE_GROUP).unique) for host in lab.hosts]
        return got == [(0, 0), (100, 0), (100, 50), (0, 0)]

    wait_until(delivered, within=20, what="members get all of it and others nothing")
    for host, group in ((1, GROUP), (2, GROUP), (2, SOURCE_GROUP)):
        lab.h(host).leave(group)

    def silent() -> bool:
        for host in lab.hosts:
            host.reset()
        lab.h(0).send(GROUP, count=5)
        lab.settle(lab.h(0))
        return not any(host.wire(GROUP).frames for host in lab.hosts)

    wait_until(silent, within=20, what="nobody gets what was left")


def test_the_kernel_s_bridge_asks(line: Lab) -> None:
    """Q-9, SNOOP-21, SM-66: we are asked, its port is a router port."""
    with asked_by(line, LISTENS) as ours, bridge(line):
        wait_roles(ours, "non-querier", "t0")
        assert routers(ours) == {"t0"}
        serves(line)
        works(line)


def test_the_kernel_s_bridge_asks_in_version_1(line: Lab) -> None:
    """SM-45, MLD-9: our hosts answer in it, and its question after a done, to all nodes, counts;
    what it cannot say, sources, is not to be had behind it."""
    with asked_by(line, LISTENS) as ours, bridge(line, mld_version=1):
        wait_roles(ours, "non-querier", "t0")
        host = line.h(1)
        host.mld_version(0)
        try:
            host.join(GROUP)
            ours.wait_row(GROUP, "p1", compatibility="mldv1")
            host.leave(GROUP)
            ours.wait_members(GROUP, set())
        finally:
            host.mld_version(2)


def test_the_kernel_s_bridge_listens(line: Lab) -> None:
    """MLD-4, Q-11: our queries are good enough for its snooping, and for its hosts."""
    with asked_by(line, MLD) as ours, bridge(line, querier=False):
        wait_roles(ours, "querier", None)
        serves(line)


def test_it_and_we_elect_one(line: Lab) -> None:
    """MLD-5, Q-4: the lower address asks, until it falls silent."""
    with bridge(line) as made, asked_by(line, {**MLD, "querier_address": HIGHEST}) as ours:
        wait_roles(ours, "non-querier", "t0")
        serves(line)
        made.close()
        wait_roles(ours, "querier", None)


def test_two_of_our_switches_elect_one_querier(line: Lab) -> None:
    """MLD-5, spec 86: as a number of 64 bits, most significant byte first."""
    config = {"switch": PRUNE, "mld": {**MLD, "querier_address": "fe80::2"}}
    with asked_by(line, {**MLD, "querier_address": "fe80::1:0"}) as left:
        right = line.switch(["p2", "p3", "t1"], config=config)
        wait_roles(left, "non-querier", "t0")
        assert roles(right) == {("querier", None)}
        serves(line)
        assert right.stop() == 0
        wait_roles(left, "querier", None)


def test_routed_stream_reaches_a_listener_behind_us() -> None:
    """SNOOP-41, N-1: a router on h1 routes what comes from the network behind it."""
    with Lab(4, quiet_ipv6=False) as lab:
        beyond = lab.add_beyond(lab.h(1))
        net = Star(lab, lab.switch(config={"switch": PRUNE, "mld": MLD}))
        lab.wait_pruning(lab.h(0), lab.h(2), lab.h(3), ipv6=True)
        lab.h(2).join(GROUP)
        net.switch.wait_members(GROUP, {"p2"})
        with Smcroute6(lab.h(1)) as router:
            router.start(GROUP)

            def routed() -> bool:
                beyond.send(GROUP, ttl=16, stream=0)
                lab.settle(lab.h(1))
                return lab.h(2).app(GROUP).unique > 0

            wait_until(routed, within=20, what=f"a routed datagram\n{router.log()}")
            net.come_through(beyond, lab.h(2), GROUP, ttl=16)
            for host in lab.hosts:
                host.reset()
            beyond.send(GROUP, ttl=16, stream=1, count=500, rate=5000)
            wait_until(lambda: lab.h(2).app(GROUP).unique == 500, within=20, what="all of it")
            lab.settle(lab.h(1))
            got = {host.name for host in lab.hosts if host.wire(GROUP).frames}
            assert got == names(2)
