"""Queries as weapons, on real wires: a viewer that is a kernel's own host, and a stranger on p3.

The viewer's reverse-path filter is strict, as distributions set it, so there are queries that it
does not hear: those from its own address and from outside its network.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from netns.star import BUSY, IGMP, QUERIER, QUERY, RESPONSE, Star, names, star
from netns.test_querier import OQPI, role, wait_role
from snoop.lab import Lab, frames, wait_until
from snoop.lab.host import Host, Job

G, OTHER = "239.30.0.1", "239.30.0.2"
OUTSIDE, WINNER, HIGHER = "9.9.9.9", "10.0.0.1", "10.0.0.255"
RATE = 500.0
BY_DEFAULT = {  # but for the response time: pruning begins one later
    "query_interval": 125.0,
    "query_response_interval": 1.0,
    "last_member_query_interval": 1.0,
    "startup_query_interval": 31.25,
}


def strict(host: Host) -> None:
    for path in ("all", "eth0"):
        host.call("sysctl", path=f"net/ipv4/conf/{path}/rp_filter", value="1")


@contextmanager
def watched(net: Star, seconds: float) -> Iterator[None]:
    """h1 watches what h0 sends meanwhile; not one datagram may be missing, h2 gets none."""
    viewer, sender = net.h(1), net.h(0)
    strict(viewer)
    viewer.join(G)
    net.switch.wait_members(G, {"p1"})
    for host in net.lab.hosts:
        host.reset()
    count = round(seconds * RATE)
    job: Job = sender.start("send", destination=G, count=count, rate=RATE)
    yield
    job.result(seconds + 30)
    net.lab.settle(sender)
    got = viewer.app(G)
    assert (got.unique, got.duplicates) == (count, 0)
    assert net.h(2).wire(G).datagrams == 0


def general(source: str, code: int, qrv: int, qqic: int, mac: str, size: int = 12) -> bytes:
    rest = struct.pack("!BBH", qrv, qqic, 0) if size == 12 else b""
    body = frames.message(0x11, code, "0.0.0.0", rest)
    return frames.control(body, source, "224.0.0.1", mac=mac)


def findings(net: Star) -> list[str]:
    done = net.switch.run("check", "--json")
    found = json.loads(done.stdout)["findings"]
    return [f"{one['severity']}: {one['subject']}: {one['finding']}" for one in found]


def test_specific_queries_of_strangers_cut_nobody() -> None:
    """V-9, Q-18, F-1: sent to another group's address, in every name, and heard or not."""
    with star(4, igmp=BY_DEFAULT, ports={"p2": {"mrouter": "never"}}) as net:
        mac = net.h(3).mac
        sources = (OUTSIDE, net.h(1).address, WINNER, HIGHER, "0.0.0.0", QUERIER)
        hidden = [
            frames.control(
                frames.query(source, G, version=version, response=0.1, alert=False)[-size:],
                source, OTHER, mac=mac,
            )
            for source in sources for version, size in ((2, 8), (3, 12))
        ]  # fmt: skip
        plain = [
            frames.query(source, G, version=version, response=0.1, mac=mac, alert=alert)
            for source in sources for version in (2, 3) for alert in (True, False)
        ]  # fmt: skip
        with watched(net, 5.0):
            net.h(3).frames(hidden)
            net.h(2).frames(hidden)
            wait_until(lambda: net.switch.counters("p3")["malformed"] == len(hidden), within=BUSY)
            for source in sources:  # one after the other wins the election, the lowest for good
                net.h(3).frames([general(source, 100, 2, 125, mac), *plain])
            net.h(2).frames(plain)
            net.h(3).frames([frame for frame in plain for _ in range(2)], rate=20.0)
        row = net.switch.row(G, "p1")
        assert row is not None
        assert row["group_timer"] > 100


def test_querier_of_a_stranger_silences_ours_for_a_while_and_cuts_nobody() -> None:
    """Q-18, F-2: values of every kind, in names the viewer hears and does not."""
    with star(4) as net:
        mac = net.h(3).mac
        hostile = [
            general(source, code, qrv, qqic, mac, size)
            for source in (net.h(1).address, OUTSIDE)
            for code, qrv, qqic, size in (
                (0xFF, 7, 0xFF, 12), (1, 1, 1, 12), (0xFF, 2, 125, 12), (0xFF, 0, 0, 8),
                (0, 0, 0, 8), (10, 7, 0xFF, 12),
            )
        ]  # fmt: skip
        wait_role(net, "querier", address=QUERIER)
        with watched(net, 9.0):
            net.h(3).frames(hostile, rate=5.0)
            wait_role(net, "non-querier", address=OUTSIDE, port="p3")
            row = role(net)
            assert row["query_interval"] <= 2 * QUERY
            assert row["query_response_interval"] <= 2 * QUERY
            assert any(
                f"our querier gave way to {OUTSIDE} on p3, whose values hold" in line
                and line.startswith("problem: switch")
                for line in findings(net)
            )
            wait_role(net, "querier", within=2 * OQPI + BUSY, address=QUERIER)
        assert "our querier gave way to this one" in net.switch.log


def test_guarded_port_passes_queries_on_and_believes_none() -> None:
    """Q-18: elects nobody, no router port; `check` notes that somebody tried."""
    with star(4, ports={"p3": {"querier_guard": True}}) as net:
        with watched(net, 2.0):
            net.query_from(3, WINNER)
            net.query_from(3, WINNER, G, response=0.1)
            net.query_from(3, "0.0.0.0")
            wait_until(lambda: net.switch.counters("p3")["querier_guarded"] == 3, within=20)
        assert role(net)["role"] == "querier"
        assert net.switch.show("mrouters")["mrouters"] == []
        asked = [f for f in net.igmp_seen(2) if f[38] == 0x11 and f[26:30] == bytes((10, 0, 0, 1))]
        assert len(asked) == 2
        assert "came in where querier_guard = true: passed on" in "\n".join(findings(net))


def test_host_that_says_pim_is_named() -> None:
    """SNOOP-26, F-17: a router port for ever, which `check` tells of and "never" refuses."""
    with star(4, ports={"p3": {"mrouter": "never"}}) as net:
        net.h(2).join(G)  # and stays, however long this takes
        net.switch.wait_members(G, {"p2"})
        for port in (2, 3):
            host = net.h(port)
            host.frames([frames.pim_hello("10.0.0.7", holdtime=0xFFFF, mac=host.mac)])
        wait_until(lambda: net.switch.show("mrouters")["mrouters"], within=20)
        assert net.reached(OTHER) == names(1, 2, 3), "unregistered"
        net.report(1, ("TO_EX", OTHER, []))
        net.switch.wait_members(OTHER, {"p1"})
        assert net.reached(OTHER) == names(1, 2)
        assert any(
            line.startswith("note: p2: 10.0.0.7 says by PIM that it is a router, for ever")
            for line in findings(net)
        )


def test_chain_of_bridges_whose_querier_has_no_address() -> None:
    """Q-19, N-3: a kernel bridge on either side, `mcast_querier 1` and no address: for ten query
    intervals every member gets every datagram, nobody else one, and it is said who asks.
    """
    with Lab(6) as lab:
        for one, other in (("t0", "u0"), ("t1", "u1")):
            lab.trunk(one, other)
        times: dict[str, Any] = {
            "query_interval": QUERY,
            "query_response_interval": RESPONSE,
            "membership_interval": 2 * QUERY + 2 * RESPONSE,
            "igmp_version": 2,
        }
        lab.bridge(["p0", "p1", "u0"], **times)
        igmp = {key: value for key, value in IGMP.items() if not key.startswith("querier")}
        net = Star(lab, lab.switch(["p2", "p3", "t0", "t1"], config={"igmp": igmp}))
        wait_until(lambda: net.switch.show("mrouters")["mrouters"], within=20, what="br0 asks")
        lab.bridge(["p4", "p5", "u1"], **times, name="br1")
        for member in (1, 2, 4):
            lab.h(member).join(G)

        def reached() -> set[str]:
            for host in lab.hosts:
                host.reset()
            lab.h(0).send(G, count=20)
            lab.settle(lab.h(0))
            return {host.name for host in lab.hosts if host.wire(G).datagrams}

        # Bridges that begin flood for a while, and may both ask or yield at first.
        wait_until(lambda: reached() == names(1, 2, 4), within=20, what="the chain prunes")
        for host in lab.hosts:
            host.reset()
        count = round(10 * QUERY * RATE)
        lab.h(0).send(G, count=count, rate=RATE)
        lab.settle(lab.h(0))
        got = {host.name: host.wire(G).unique for host in lab.hosts[1:]}
        assert got == {"h1": count, "h2": count, "h3": 0, "h4": count, "h5": 0}
        routers = [r for r in net.switch.show("mrouters")["mrouters"] if r["address"] == "0.0.0.0"]
        assert {r["port"] for r in routers} & {"t0", "t1"}
        row = role(net)
        assert (row["role"], row["address"]) == ("none", "0.0.0.0")
        said = [line for line in findings(net) if "querier" in line]
        assert len(said) == 1
        assert said[0].startswith("note: switch: asked by a querier without an address on t")
        net.conserved()
