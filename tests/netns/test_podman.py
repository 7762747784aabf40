"""Real podman containers as hosts on the switch, on one host and on two.

    h0 (outside) --- p0  host A  fab0 ===== VXLAN ===== fab0  host B
                      |   switch                         switch
                      containers c1, c2, …               container d1

Both hosts' switches have the mesh as ports of one split horizon.
"""

from __future__ import annotations

import ipaddress
import subprocess
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from netns.containers.podman import IMAGE, RUN, Podman
from snoop.lab import Lab, namespaces, wait_until
from snoop.lab.switch import QUICK, Snoop

GROUP, OTHER, PORT = "239.77.0.1", "239.77.0.2", "5000"
RECEIVE = ("/bin/group", "receive", GROUP, PORT)
MESH: dict[str, Any] = {"name": "fab0", "split_horizon": "mesh"}


class Hosts(NamedTuple):
    """Host A with its outside, and what runs there; host B."""

    lab: Lab
    switch: Snoop
    podman: Podman
    lab_b: Lab
    switch_b: Snoop
    podman_b: Podman


def network(podman: Podman, switch: Snoop, first: int) -> None:
    podman.network(
        "tv", switch="sw0", socket=switch.socket,
        ipam={
            "type": "host-local",
            "dataDir": str(podman.directory / "ipam"),
            "ranges": [[{
                "subnet": "10.0.0.0/24", "gateway": "10.0.0.10",
                "rangeStart": str(ipaddress.ip_address("10.0.0.0") + first),
                "rangeEnd": str(ipaddress.ip_address("10.0.0.0") + first + 40),
            }]],
            "routes": [{"dst": "0.0.0.0/0"}],
        },
    )  # fmt: skip


def mesh(here: Lab, there: Lab) -> None:
    """A cable between the hosts, which have addresses on it, and the VXLAN over it."""
    ip(here, "link", "add", "eth9", "type", "veth", "peer", "eth9", "netns", there.namespace)
    for lab, own, other in ((here, 1, 2), (there, 2, 1)):
        ip(lab, "addr", "add", f"192.0.2.{own}/24", "dev", "eth9")
        ip(lab, "link", "set", "eth9", "up")
        vxlan = f"type vxlan id 7 remote 192.0.2.{other} local 192.0.2.{own} dstport 4789 dev eth9"
        ip(lab, "link", "add", "fab0", "mtu", "1500", *vxlan.split())
        ip(lab, "link", "set", "fab0", "up")


def ip(lab: Lab, *words: str) -> None:
    subprocess.run(["ip", "-n", lab.namespace, *words], check=True)


@pytest.fixture(scope="module")
def hosts() -> Iterator[Hosts]:
    with Lab(1) as lab, Lab(0) as lab_b:
        mesh(lab, lab_b)
        # The host keeps an address, which is the querier's, too.
        own = {"host": [{"interface": "sw0", "addresses": ["10.0.0.254/24"]}]}
        switch = lab.switch(["p0", MESH], config={**QUICK, **own})
        quiet = {"igmp": {**QUICK["igmp"], "querier": "auto"}}
        switch_b = lab_b.switch([MESH], config=quiet)
        made: list[Podman] = []
        try:
            for one, own, first in ((lab, switch, 100), (lab_b, switch_b, 180)):
                made.append(Podman(one.namespace))
                network(made[-1], own, first)
            made[0].run("c1", *RECEIVE, network="tv")
            made[0].run("c2", "/bin/sleep", "600", network="tv")
            made[1].run("d1", *RECEIVE, network="tv")
            made[0].wait_joined("c1")
            made[1].wait_joined("d1")
            yield Hosts(lab, switch, made[0], lab_b, switch_b, made[1])
        finally:
            for podman in made:
                podman.close()


def address(podman: Podman, name: str) -> str:
    form = '{{(index .NetworkSettings.Networks "tv").IPAddress}}'
    return podman.do("inspect", "--format", form, name)


def port_of(switch: Snoop, name: str) -> str:
    rows = switch.show("ports")["ports"]
    return next(str(row["name"]) for row in rows if row["description"] == f"{name} eth0")


def wait_row(switch: Snoop, group: str, port: str) -> None:
    wait_until(lambda: port in switch.members(group), within=20, what=f"{port} in {group}")


def reaches(hosts: Hosts, podman: Podman, name: str, count: int = 20) -> None:
    """A stream from outside comes out of the container's program."""
    before = podman.heard(name, "10.0.0.10")
    hosts.lab.h(0).send(GROUP, count=count, port=int(PORT), rate=500)
    wait_until(
        lambda: podman.heard(name, "10.0.0.10") >= before + count, within=20, what=f"{name} has it"
    )


def test_stream_reaches_the_members_and_nobody_else_on_both_hosts(hosts: Hosts) -> None:
    lab, switch, podman, _, switch_b, podman_b = hosts
    c1, c2, d1 = port_of(switch, "c1"), port_of(switch, "c2"), port_of(switch_b, "d1")
    wait_row(switch, GROUP, c1)
    wait_row(switch, GROUP, "fab0")
    wait_row(switch_b, GROUP, d1)
    switch.wait_pruning()
    reaches(hosts, podman, "c1")
    reaches(hosts, podman_b, "d1")
    (stream,) = [row for row in switch.streams() if row["group"] == GROUP]
    assert set(stream["egress"]) == {c1, "fab0"}, "and not c2"
    why = {row["port"]: row for row in switch.explain(port="p0", group=GROUP)["why"]}
    assert not why[c2]["forwarded"]
    # From a container to outside, to its neighbour and to the other host; and unicast.
    lab.h(0).join(OTHER)
    wait_row(switch, OTHER, "p0")
    podman.do("exec", "c2", "/bin/group", "send", OTHER, PORT, "20")
    wait_until(lambda: lab.h(0).wire(OTHER).datagrams == 20, within=20, what="it reaches outside")
    podman.do("exec", "c2", "/bin/group", "send", GROUP, PORT, "20")
    own = address(podman, "c2")
    wait_until(lambda: podman.heard("c1", own) >= 20, within=20, what="c1 hears c2")
    wait_until(lambda: podman_b.heard("d1", own) >= 20, within=20, what="d1 hears c2")
    podman.do("exec", "c2", "ping", "-c", "1", "-w", "10", address(podman_b, "d1"))
    podman.do("exec", "c2", "ping", "-c", "1", "-w", "10", "10.0.0.10")
    # The host itself: reached, and heard by who has joined.
    podman.do("exec", "c2", "ping", "-c", "1", "-w", "10", "10.0.0.254")
    group = str(podman.directory / "group")
    ip(lab, "route", "add", "224.0.0.0/4", "dev", "sw0")
    with namespaces.inside(lab.namespace):
        subprocess.run([group, "send", GROUP, PORT, "20"], check=True)
    wait_until(lambda: podman.heard("c1", "10.0.0.254") >= 20, within=20, what="c1 hears its host")


def test_container_that_is_started_again_has_its_stream_again(hosts: Hosts) -> None:
    podman, switch = hosts.podman, hosts.switch
    port, joined = port_of(switch, "c1"), podman.said("c1").count("joined")
    podman.do("restart", "-t", "0", "c1")
    podman.wait_joined("c1", times=joined + 1)
    assert port_of(switch, "c1") == port
    wait_row(switch, GROUP, port)
    reaches(hosts, podman, "c1")


@pytest.mark.parametrize("number", [15, 9], ids=["SIGTERM", "SIGKILL"])
def test_switch_that_starts_again_has_the_containers_still(hosts: Hosts, number: int) -> None:
    podman, switch = hosts.podman, hosts.switch
    port = port_of(switch, "c1")
    switch.stop(number)
    switch.start()
    assert port_of(switch, "c1") == port
    wait_row(switch, GROUP, port)
    reaches(hosts, podman, "c1")


def test_container_that_goes_leaves_nothing(hosts: Hosts) -> None:
    podman, switch = hosts.podman, hosts.switch
    given = podman.directory / "ipam" / "tv"
    podman.run("c9", "/bin/sleep", "600", network="tv")
    port, own = port_of(switch, "c9"), address(podman, "c9")
    assert (given / own).exists()
    podman.do("rm", "-f", "-t", "0", "c9")
    assert port not in {row["name"] for row in switch.show("ports")["ports"]}
    assert not (given / own).exists()
    switch.stop()
    done = podman.call("run", "--rm", "--network", "tv", *RUN, IMAGE, "/bin/sleep", "1")
    assert done.returncode != 0
    assert 'the switch "sw0" does not run' in done.stderr
    switch.start()
