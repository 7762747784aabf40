"""Containers of real Docker as ports of the switch, which other hosts are on by an uplink.

```
  namespace out                  namespace sw, the container host
 ┌──────────────┐     ┌───────────────────────────────────────────────┐
 │ eth0 ────────┼─────┼─ p0 ── snoop run ── dk-… ── eth0 of container │
 │ 10.0.0.10/24 │     │         │ └──────── dk-… ── eth0 of another   │
 └──────────────┘     │        here, 10.0.0.1/24, the host's own place │
                      └───────────────────────────────────────────────┘
```
"""

from __future__ import annotations

import json
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, NamedTuple

import pytest

from netns.containers.docker import Docker, frames_to, there
from snoop.lab import Lab, wait_until
from snoop.lab.switch import QUICK, Snoop
from snoop.namespace import inside

GROUP, PORT, COUNT = "239.1.2.3", "5004", 20
GROUP6 = "ff1e::1:2"
CONFIG = {
    **QUICK,
    "switch": {"vlan_filtering": True, "unregistered": "mrouters"},
    "host": [{"interface": "here", "addresses": ["10.0.0.1/24"], "access": 10}],
}
SUBNET = ("--subnet", "10.0.0.0/24", "--ip-range", "10.0.0.128/25", "--gateway", "10.0.0.1")

pytestmark = pytest.mark.skipif(not there(), reason="Docker (docker.io) is not installed")


class Host(NamedTuple):
    """The container host, and what is outside."""

    lab: Lab
    switch: Snoop
    docker: Docker

    def receives(self, name: str, group: str = GROUP, network: str = "av") -> str:
        """A container that has joined a group; its port."""
        port = self.docker.start(name, "group", "receive", group, PORT, network=network)
        self.switch.wait_member(group, port, vlan=20 if network == "other" else None)
        return port

    def send_from_outside(self) -> None:
        self.lab.h(0).send(GROUP, count=COUNT, rate=2000, port=int(PORT))

    def send(self, group: str = GROUP, network: str = "av") -> None:
        """From a container whose port serves: it does a moment after the container has begun."""
        port = self.docker.start("sender", network=network)
        wait_until(lambda: self.state(port) == "up", within=20, what=f"{port} is up")
        self.docker.do("exec", "sender", "group", "send", group, PORT, str(COUNT))

    def state(self, port: str) -> str:
        rows = self.switch.show("ports")["ports"]
        return next((str(row["state"]) for row in rows if row["name"] == port), "none")

    def got(self, name: str, count: int) -> None:
        wait_until(
            lambda: self.docker.received(name) >= count, within=20, what=f"{count} at {name}"
        )
        assert self.docker.received(name) == count

    def ports(self) -> set[str]:
        """Those of containers."""
        return {row["name"] for row in self.switch.show("ports")["ports"]} - {"p0", "here"}

    def wait_ports(self, ports: set[str]) -> None:
        wait_until(lambda: self.ports() == ports, within=20, what=f"ports {ports}")


@pytest.fixture(scope="module")
def made() -> Iterator[Host]:
    with Lab(1) as lab:
        switch = lab.switch([{"name": "p0", "access": 10}], config=CONFIG)
        docker = Docker(lab)
        try:
            docker.start_daemon()
            docker.start_driver()
            docker.load_image()
            docker.do("network", "create", "-d", "snoop", "-o", "vlan=10", *SUBNET, "av")
            docker.do(
                "network", "create", "-d", "snoop", "-o", "switch=sw0", "-o", "vlan=20",
                "-o", "mtu=1400", "--subnet", "10.9.0.0/24", "--gateway", "10.9.0.9",
                "--ipv6", "--subnet", "fd00:9::/64", "--gateway", "fd00:9::9", "other",
            )  # fmt: skip
            yield Host(lab, switch, docker)
        finally:
            docker.close()


@pytest.fixture
def host(made: Host) -> Iterator[Host]:
    """With no container, before and after."""
    yield made
    names = made.docker.do("ps", "-aq").split()
    if names:
        made.docker.remove(*names)
    made.wait_ports(set())


def test_a_stream_reaches_the_container_that_joined_and_no_other(host: Host) -> None:
    """From a container, and from outside."""
    host.receives("member")
    host.docker.start("bystander")
    with host.docker.tap("bystander") as tap:
        host.send()
        host.got("member", COUNT)
        host.send_from_outside()
        host.got("member", 2 * COUNT)
        assert frames_to(tap, GROUP) == 0


def test_a_stream_from_a_container_reaches_outside(host: Host) -> None:
    outside = host.lab.h(0)
    host.docker.start("bystander")
    outside.join(GROUP)
    try:
        host.switch.wait_member(GROUP, "p0")
        outside.reset()
        with host.docker.tap("bystander") as tap:
            host.send()

            def arrived() -> int:
                return outside.wire(GROUP).datagrams

            wait_until(lambda: arrived() >= COUNT, within=20, what=f"all outside, not {arrived()}")
            assert arrived() == COUNT
            assert frames_to(tap, GROUP) == 0
    finally:
        outside.leave(GROUP)
    host.docker.do("exec", "sender", "ping", "-c", "1", "-w", "10", "10.0.0.10")


def test_the_host_is_there_by_its_own_address(host: Host) -> None:
    """It reaches containers and they it, and what it joins it gets, from them and from outside."""
    host.docker.start("one")
    host.docker.do("exec", "one", "ping", "-c", "1", "-w", "10", "10.0.0.1")
    assert "default via 10.0.0.1 dev eth0" in host.docker.do("exec", "one", "ip", "route")
    with inside(host.lab.namespace), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mine:
        mine.bind((GROUP, int(PORT)))
        wanted = socket.inet_aton(GROUP) + socket.inet_aton("10.0.0.1")
        mine.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, wanted)
        mine.settimeout(5)
        host.switch.wait_member(GROUP, "here")
        host.send()
        host.send_from_outside()
        senders = [mine.recvfrom(2048)[1][0] for _ in range(2 * COUNT)]
    assert senders.count("10.0.0.10") == COUNT


def test_what_a_container_finds(host: Host) -> None:
    """Addresses, MTU, the MAC that was asked for, routes; in two networks at once."""
    host.docker.do(
        "run", "-d", "--name", "two", "--network", "av", "--ip", "10.0.0.200",
        "--mac-address", "02:00:00:00:99:01", "box", "sleep", "600",
    )  # fmt: skip
    host.docker.do("network", "connect", "--ip", "10.9.0.77", "other", "two")
    links = host.docker.do("exec", "two", "ip", "link")
    assert "02:00:00:00:99:01" in links
    assert "02:42:0a:09:00:4d" in links
    assert "mtu 1400" in links
    routes = host.docker.do("exec", "two", "ip", "route").splitlines()
    assert [line.split(" ")[0] for line in routes] == [
        "default", "10.0.0.0/24", "10.9.0.0/24", "224.0.0.0/4",
    ], routes  # fmt: skip
    rows = {row["name"]: row for row in host.switch.show("ports")["ports"]}
    port = host.docker.port("two")
    assert rows[port]["description"] == f"docker {port[3:]}"
    vlans = {row["vid"]: row["ports"] for row in host.switch.show("vlans")["vlans"]}
    assert [row["port"] for row in vlans[20]] == [host.docker.port("two", "other")]
    host.docker.do("network", "disconnect", "other", "two")
    host.wait_ports({port})


def test_a_stream_of_ipv6_stays_in_its_network(host: Host) -> None:
    host.receives("member", GROUP6, network="other")
    host.docker.start("bystander", "group", "receive", GROUP6, PORT)
    host.send(GROUP6, "other")
    host.got("member", COUNT)
    assert host.docker.received("bystander") == 0
    routes = host.docker.do("exec", "sender", "ip", "-6", "route").splitlines()
    assert [line for line in routes if "default via fd00:9::9 dev eth0" in line]


def test_what_is_wrong_is_told_to_who_typed_it(host: Host) -> None:
    def refused(*options: str) -> str:
        words = [word for option in options for word in ("-o", option)]
        return host.docker.refused("network", "create", "-d", "snoop", *words, "wrong")

    assert 'no option "swich"; there are switch, vlan, mtu, gateway' in refused("swich=sw0")
    assert 'vlan = "5000": must be 1 to 4094' in refused("vlan=5000")
    assert 'the switch "sw9" does not run' in refused("switch=sw9")
    assert "wrong" not in host.docker.do("network", "ls")


# Restarts ----------------------------------------------------------------------------------------


def test_a_container_that_is_restarted_is_a_port_again(host: Host) -> None:
    before = host.receives("member")
    host.docker.do("restart", "-t", "0", "member")
    after = host.docker.port("member")
    assert after != before
    host.switch.wait_member(GROUP, after)
    host.wait_ports({after})
    host.send_from_outside()
    host.got("member", COUNT)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=["ended", "killed"])
def test_a_driver_that_is_started_again_knows_all(host: Host, number: signal.Signals) -> None:
    """Containers lose nothing meanwhile, and leave as if nothing had been."""
    host.receives("member")
    host.docker.stop_driver(number)
    host.send_from_outside()
    host.got("member", COUNT)
    host.docker.start_driver()
    host.docker.remove("member")
    host.wait_ports(set())
    host.receives("member")


def test_a_switch_that_is_started_again_has_the_containers(host: Host) -> None:
    """Killed, even: what says whose port an interface is, is with the interface."""
    port = host.receives("member")
    host.switch.stop(signal.SIGKILL)
    assert 'the switch "sw0" does not run' in host.docker.refused(
        "run", "--rm", "--network", "av", "box", "sleep", "1"
    )
    host.switch.start()
    host.switch.wait_member(GROUP, port)
    rows = {row["vid"]: row["ports"] for row in host.switch.show("vlans")["vlans"]}
    assert {row["port"] for row in rows[10]} == {"p0", "here", port}
    host.send_from_outside()
    host.got("member", COUNT)


def test_containers_outlive_docker(host: Host) -> None:
    """--live-restore: Docker is killed under a running container, and ends it after its return."""
    port = host.receives("member")
    host.docker.stop_daemon(signal.SIGKILL)
    host.send_from_outside()
    assert host.ports() == {port}
    host.docker.start_daemon()
    assert host.docker.port("member") == port
    host.send_from_outside()
    host.got("member", 2 * COUNT)


def test_docker_that_ends_its_containers_starts_them_again(host: Host) -> None:
    """Without --live-restore; killed: Docker never says that the first one has left."""
    host.docker.live_restore = False
    for number in (signal.SIGTERM, signal.SIGKILL):
        host.docker.stop_daemon()
        host.docker.start_daemon()
        host.docker.do(
            "run", "-d", "--restart", "always", "--stop-timeout", "0", "--name", f"back-{number:d}",
            "--network", "av", "box", "group", "receive", GROUP, PORT,
        )  # fmt: skip
        host.docker.stop_daemon(number)
        host.docker.start_daemon()
        wait_until(
            lambda number=number: host.docker.inspect(f"back-{number:d}")["State"]["Running"],
            within=20,
            what="it runs again",
        )
        host.switch.wait_members(GROUP, host.ports())
        host.docker.remove(f"back-{number:d}")
        host.wait_ports(set())
    host.docker.stop_daemon()
    host.docker.live_restore = True
    host.docker.start_daemon()


def test_a_network_that_is_deleted_is_forgotten(host: Host) -> None:
    def networks() -> Any:
        return json.loads(host.docker.state.read_text())["networks"]

    host.docker.do("network", "create", "-d", "snoop", "--subnet", "10.7.0.0/24", "short")
    assert len(networks()) == 3
    host.docker.start("member", network="short")
    assert "has active endpoints" in host.docker.refused("network", "rm", "short")
    host.docker.do("network", "disconnect", "-f", "short", "member")
    host.wait_ports(set())
    host.docker.do("network", "rm", "short")
    assert len(networks()) == 2
    with suppress(KeyError):
        host.docker.port("member", "short")
        raise AssertionError("it is in no network")


# Two hosts ---------------------------------------------------------------------------------------


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)


def tunnel(one: Lab, other: Lab) -> None:
    """A wire between two container hosts, and VXLAN over it: `vx0` at either end."""
    ip("link", "add", "under", "netns", one.namespace, "type", "veth",
       "peer", "name", "under", "netns", other.namespace)  # fmt: skip
    for lab, own, peer in ((one, "192.0.2.1", "192.0.2.2"), (other, "192.0.2.2", "192.0.2.1")):
        at = ("-n", lab.namespace)
        ip(*at, "address", "add", f"{own}/24", "dev", "under")
        ip(*at, "link", "set", "under", "up")
        ip(*at, "link", "add", "vx0", "type", "vxlan", "id", "7", "remote", peer, "dstport", "4789")
        ip(*at, "link", "set", "vx0", "up")


def test_containers_of_two_hosts_are_in_one_network(host: Host) -> None:
    """Joined by a tunnel, whose ports never forward to each other; a stream crosses it if it is
    wanted there, and reaches who wants it."""
    mesh = {"name": "vx0", "access": 10, "split_horizon": "mesh"}
    igmp = {**QUICK["igmp"], "querier_address": "10.0.0.253"}
    config = {"igmp": igmp, "switch": {"vlan_filtering": True, "unregistered": "mrouters"}}
    with Lab(1) as lab:
        tunnel(host.lab, lab)
        # Of which the switch's is made: two of one address are one switch to each other.
        ip("-n", lab.namespace, "link", "set", "p0", "address", "02:00:00:00:02:99")
        host.switch.port_add("vx0", access=10, split_horizon="mesh")
        far = Host(
            lab, lab.switch([{"name": "p0", "access": 10}, mesh], config=config), Docker(lab)
        )
        try:
            far.docker.start_daemon()
            far.docker.start_driver()
            far.docker.load_image()
            words = [word.replace("128/25", "64/26") for word in SUBNET]
            far.docker.do(
                "network", "create", "-d", "snoop", "-o", "vlan=10", "-o", "mtu=1450", *words, "av"
            )
            host.receives("member")
            far.receives("far-member")
            far.docker.start("bystander")
            far.switch.wait_members(GROUP, {far.docker.port("far-member"), "vx0"})
            with far.docker.tap("bystander") as tap:
                host.send()
                far.got("far-member", COUNT)
                far.send()
                host.got("member", 2 * COUNT)
                far.got("far-member", 2 * COUNT)
                assert frames_to(tap, GROUP) == 0
        finally:
            far.docker.close()
            host.switch.port_del("vx0")
            ip("-n", host.lab.namespace, "link", "delete", "vx0")
