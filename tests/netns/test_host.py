"""`[[host]]`: the host's own place on the switch, with the kernel of its namespace there."""

from __future__ import annotations

import signal
import socket
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from netns.star import IGMP, MLD, QUERY
from snoop.control.client import call
from snoop.lab import Lab, namespaces, wait_until
from snoop.lab.host import Host
from snoop.lab.switch import SNOOP, Snoop

OWN, OWN6 = "10.0.0.254", "fd00::fe"
HOST = {"interface": "sw0", "addresses": [f"{OWN}/24", f"{OWN6}/64"]}
G, SSM, G6, OTHERS = "239.30.0.1", "232.30.0.1", "ff0e::30:1", "239.30.0.9"
TCP_BYTES = 4 << 20


def port(switch: Snoop, name: str) -> dict[str, Any]:
    rows: list[dict[str, Any]] = switch.show("ports")["ports"]
    return next(row for row in rows if row["name"] == name)


def addresses(lab: Lab, interface: str = "sw0") -> set[str]:
    index = namespaces.index_of(lab.link, interface)
    rows = lab.link.get_addr(index=index, scope=0)
    return {f"{row.get_attr('IFA_ADDRESS')}/{row['prefixlen']}" for row in rows}


def delivered(lab: Lab, sender: Host, receiver: Host, group: str, count: int = 20) -> int:
    """How many of so many numbered datagrams come out of the receiver's sockets."""
    receiver.reset()
    sender.send(group, count=count)
    lab.settle(sender, [receiver])
    return receiver.app(group).unique


@pytest.fixture(scope="module")
def made() -> Iterator[tuple[Lab, Snoop, Host]]:
    """Both families, both queriers, the IPv4 one with the host's own address."""
    with Lab(2, quiet_ipv6=False) as lab:
        with namespaces.inside(
            lab.namespace
        ):  # the strictest there is: what comes must be from there
            for which in ("all", "default"):
                Path(f"/proc/sys/net/ipv4/conf/{which}/rp_filter").write_text("1")
        switch = lab.switch(config={"igmp": IGMP, "mld": MLD, "host": [HOST]})
        yield lab, switch, lab.own()
        assert switch.process is not None
        assert switch.process.poll() is None, switch.log


def test_it_joins_and_receives_as_any_host(made: tuple[Lab, Snoop, Host]) -> None:
    lab, switch, own = made
    own.join(G)
    own.join(SSM, lab.h(0).address)
    own.join(G6)
    for group in (G, SSM, G6):
        switch.wait_members(group, {"sw0"})
    switch.wait_pruning()
    switch.wait_pruning(family="ipv6")
    for group in (G, SSM, G6):
        assert delivered(lab, lab.h(0), own, group) == 20
        assert lab.h(1).wire(group).unique == 0
    assert delivered(lab, lab.h(1), own, SSM) == 0, "of that source it wants nothing"
    why = {row["port"]: row for row in switch.explain(port="p0", group=G)["why"]}
    assert (why["sw0"]["forwarded"], why["sw0"]["host"]) == (True, OWN)
    row = port(switch, "sw0")
    assert (row["kind"], row["state"], row["takes_runs"]) == ("host", "up", True)
    assert (row["groups"] >= 3, row["group_limit"]) == (True, None)
    assert port(switch, "p0")["kind"] == "port"
    own.leave(SSM)
    own.leave(G6)
    switch.wait_members(SSM, set())
    switch.wait_members(G6, set())


def test_its_membership_lasts_though_the_querier_has_its_address(
    made: tuple[Lab, Snoop, Host],
) -> None:
    """The kernel drops what comes from an address of its own, unless it is told otherwise."""
    _, switch, own = made
    own.join(G)
    switch.wait_members(G, {"sw0"})
    (querier,) = switch.show("querier", family="ipv4")["queriers"]
    assert (querier["role"], querier["address"]) == ("querier", OWN)
    since = switch.counters("p0")["tx_query_own"]
    five = 5 * QUERY  # a membership that is not refreshed ends after less than three
    wait_until(
        lambda: switch.counters("p0")["tx_query_own"] >= since + 5,
        within=2 * five,
        what="5 queries",
    )
    assert switch.members(G) == {"sw0"}
    events = call(switch.socket, "events", types=["expire"], group=G)["events"]
    assert not events


def test_it_sends_to_members_and_is_reached(made: tuple[Lab, Snoop, Host]) -> None:
    lab, switch, own = made
    group = "239.30.0.2"
    lab.h(0).join(group)
    switch.wait_members(group, {"p0"})
    switch.wait_pruning()
    lab.h(0).reset()
    lab.h(1).reset()
    own.send(group, count=50)
    own.bursts(group, bursts=2, burst=20, size=1000, rate=1000, first=50)
    wait_until(lambda: lab.h(0).app(group).unique == 90, within=20, what="its stream")
    assert lab.h(1).wire(group).frames == 0
    for ours, theirs in ((OWN, lab.h(0).address), (OWN6, lab.h(0).address6)):
        assert carried(lab.h(0), own, ours) == carried(own, lab.h(0), theirs) == TCP_BYTES


def carried(client: Host, server: Host, address: str) -> int:
    """Bytes that come over one TCP connection, with whatever the kernels offload."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with server.inside():
        listening = socket.create_server((address, 0), family=family)
    with listening:
        listening.settimeout(10)
        with client.inside():
            sending = socket.create_connection(listening.getsockname()[:2], timeout=20)
        with sending:
            taking, _ = listening.accept()
            with taking:
                return sum(_relayed(sending, taking))


def _relayed(sending: socket.socket, taking: socket.socket) -> Iterator[int]:
    taking.settimeout(10)
    part = bytes(1 << 16)
    for _ in range(TCP_BYTES // len(part)):
        sending.sendall(part)
        left = len(part)
        while left and (got := len(taking.recv(left))):
            left -= got
            yield got


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_it_is_there_for_its_programs_while_the_switch_is_not(
    made: tuple[Lab, Snoop, Host], how: signal.Signals
) -> None:
    """The same interface, addresses, sockets, memberships: nobody joins anew."""
    lab, switch, own = made
    own.join(G)
    index, held = namespaces.index_of(lab.link, "sw0"), addresses(lab)
    switch.stop(how)
    assert (namespaces.index_of(lab.link, "sw0"), addresses(lab)) == (index, held)
    switch.start()
    assert "made" not in switch.log
    switch.wait_members(G, {"sw0"})
    assert (namespaces.index_of(lab.link, "sw0"), addresses(lab)) == (index, held)
    assert delivered(lab, lab.h(0), own, G) == 20


def test_what_it_loses_it_gets_back(made: tuple[Lab, Snoop, Host]) -> None:
    """Addresses of the file; those that an operator gives it stay. Down, IPv6 forgets them all."""
    lab, switch, _ = made
    index = namespaces.index_of(lab.link, "sw0")
    file = {f"{OWN}/24", f"{OWN6}/64"}
    lab.link.addr("add", index=index, address="10.0.0.253", prefixlen=24)
    lab.link.addr("del", index=index, address=OWN, prefixlen=24)
    wait_until(lambda: addresses(lab) >= {*file, "10.0.0.253/24"}, within=20, what="both")
    lab.link.link("set", index=index, state="down")
    wait_until(
        lambda: port(switch, "sw0")["state"] == "down", within=20, what="down, as it was told"
    )
    assert "ip link set sw0 up; ip link set sw0-port up" in switch.run("check").stdout
    lab.link.link("set", index=index, state="up")
    wait_until(lambda: addresses(lab) >= {*file, "10.0.0.253/24"}, within=20, what="both again")
    lab.link.addr("del", index=index, address="10.0.0.253", prefixlen=24)


def filtering(*hosts: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "switch": {"vlan_filtering": True},
        "igmp": {**IGMP, "querier_address": "10.0.0.250"},
        "port": [{"name": f"p{n}", "access": vid} for n, vid in enumerate((10, 20, 10))],
        "host": [*hosts],
    }


def test_a_reload_moves_it_changes_it_and_takes_it_away() -> None:
    """Nobody else loses a datagram of a stream meanwhile."""
    host = {"interface": "sw0", "addresses": [f"{OWN}/24"], "access": 10}
    with Lab(3) as lab:
        config = filtering(host)
        switch = lab.switch(config=config, vlans={"p0": 10, "p1": 20, "p2": 10})
        own = lab.own()
        own.join(G)
        switch.wait_member(G, "sw0", vlan=10)
        lab.h(1).join(G)
        switch.wait_member(G, "p1", vlan=20)
        assert delivered(lab, lab.h(0), own, G) == 20
        assert lab.h(1).wire(G).unique == 0

        def become(*hosts: Mapping[str, Any]) -> None:
            switch.configure(filtering(*hosts))
            switch.reload()

        lab.h(2).join(OTHERS)
        switch.wait_member(OTHERS, "p2", vlan=10)
        lab.h(2).reset()
        beside = lab.h(0).start("send", destination=OTHERS, count=3000, rate=1000)
        become({**host, "access": 20, "addresses": ["10.0.0.253/24"], "mtu": 1400})
        assert addresses(lab) == {"10.0.0.253/24"}
        assert lab.port_attribute("sw0", "IFLA_MTU") == port(switch, "sw0")["mtu"] == 1400
        switch.wait_member(G, "sw0", vlan=20)
        assert G not in {row["group"] for row in switch.mdb(vlan=10)}
        switch.do("port", "set", "sw0", "access=10")
        switch.wait_member(G, "sw0", vlan=10)
        assert switch.show("config")["origins"]["host.sw0.access"] == "command"
        switch.do("port", "set", "sw0", "access=")
        assert switch.run("port", "del", "sw0").stderr.startswith("snoop: sw0 is the host's own")
        assert "sw0-port" in switch.run("port", "add", "sw0-port").stderr
        become(host, {"interface": "sw1", "access": 20, "mac": "02:00:00:00:00:fe"})
        assert lab.port_attribute("sw1", "IFLA_ADDRESS") == "02:00:00:00:00:fe"
        wait_until(lambda: port(switch, "sw1")["state"] == "up", within=20, what="sw1 is up")
        become()
        assert {row["name"] for row in switch.show("ports")["ports"]} == {"p0", "p1", "p2"}
        for gone in ("sw0", "sw0-port", "sw1", "sw1-port"):
            with pytest.raises(KeyError):
                namespaces.index_of(lab.link, gone)
        beside.result()
        lab.settle(lab.h(0), [lab.h(2)])
        assert lab.h(2).app(OTHERS).unique == 3000


def test_what_it_makes_and_what_it_finds() -> None:
    """A bridge of that name is in the way; a pair made by hand is taken, and never deleted; one
    that is deleted while the switch runs is made again.
    """
    host = {"interface": "sw0", "addresses": [f"{OWN}/24"]}
    with Lab(1) as lab:
        lab.link.link("add", ifname="sw0", kind="bridge")
        with pytest.raises(AssertionError, match=r"\[\[host\]\] sw0: sw0 is there \(bridge\)"):
            lab.switch(config={"host": [host]})
        switch = lab.switch()

        def become(*hosts: Mapping[str, Any]) -> str:
            switch.configure({"port": [{"name": "p0"}], "host": [*hosts]})
            done = switch.run("reload")
            assert done.returncode == (2 if done.stderr else 0)
            return done.stderr

        assert "kept the configuration: [[host]] sw0: sw0 is there (bridge)" in become(host)
        lab.link.link("del", index=namespaces.index_of(lab.link, "sw0"))

        lab.trunk("sw0", "sw0-port")
        index = namespaces.index_of(lab.link, "sw0")
        assert not become(host)
        assert addresses(lab) == {f"{OWN}/24"}
        assert not become()
        assert namespaces.index_of(lab.link, "sw0") == index

        assert not become(host)
        before = port(switch, "sw0")["ifindex"]
        lab.link.link("del", index=index)

        def is_another() -> bool:
            row = port(switch, "sw0")
            return row["state"] == "up" and row["ifindex"] != before

        wait_until(is_another, within=20, what="another sw0")
        assert addresses(lab) == {f"{OWN}/24"}


def test_without_root_it_is_there_too(tmp_path: Path) -> None:
    """In a user namespace of its own, where nobody but us is."""
    config = tmp_path / "t.toml"
    config.write_text(f"""
[igmp]
querier_address = "{OWN}"
[[host]]
interface = "sw0"
addresses = ["{OWN}/24"]
[[port]]
name = "p0"
""")
    script = f"""
ip link add p0 type veth peer name h0; ip link set p0 up; ip link set h0 up
coproc SWITCH {{ exec {SNOOP} --socket {tmp_path}/s run --config {config}; }}
read -t 60 -u ${{SWITCH[0]}} ready
echo $ready; ip -o addr show sw0; cat /proc/sys/net/ipv4/conf/sw0/accept_local
kill $SWITCH_PID; wait $SWITCH_PID
"""
    command = ["unshare", "-Urn", "bash", "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, timeout=90, check=False)
    if "unshare" in done.stderr:
        pytest.skip(f"no user namespaces here: {done.stderr}")
    ready, *shown, local = done.stdout.splitlines()
    assert (ready, local) == ("ready", "1"), done.stderr
    assert f"inet {OWN}/24" in shown[0]
