"""Ports that their interfaces say they are: they outlast the switch, and go with the interface."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import pytest

from snoop.containers import pairs, places, switches
from snoop.lab import Lab, namespaces, wait_until
from snoop.lab.switch import QUICK, Snoop
from snoop.links.pairs import End

GROUP = "239.9.0.2"
FILTERING = {"switch": {"vlan_filtering": True}, **QUICK}


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with Lab(3) as made:
        yield made


def ip(lab: Lab, *words: str) -> None:
    subprocess.run(["ip", "-n", lab.namespace, "link", "set", *words], check=True)


def access(switch: Snoop) -> dict[str, int | None]:
    return {row["name"]: row["access"] for row in switch.show("config")["port"]}


def state(switch: Snoop, port: str) -> str | None:
    rows = switch.show("ports")["ports"]
    return next((str(row["state"]) for row in rows if row["name"] == port), None)


def test_port_by_its_alias_is_back_when_the_switch_starts_again(lab: Lab) -> None:
    switch = lab.switch(["p0"], config=FILTERING)
    ip(lab, "p1", "alias", f"snoop:sw0,access=1,description=web {'x' * 20}")
    wait_until(lambda: state(switch, "p1") == "up", within=20, what="p1 is a port")
    assert switch.port_add("p2", keep=True, access=20)["origins"] == {"access": "interface"}
    assert access(switch) == {"p0": 1, "p1": 1, "p2": 20}
    lab.h(1).join(GROUP)
    switch.wait_members(GROUP, {"p1"})
    for number in (15, 9):
        switch.stop(number)
        switch.start()
        assert access(switch) == {"p0": 1, "p1": 1, "p2": 20}
        assert switch.show("config")["origins"]["port.p2.access"] == "interface"
        switch.wait_members(GROUP, {"p1"})
    ip(lab, "p2", "alias", "snoop:sw0,access=1")
    wait_until(lambda: access(switch)["p2"] == 1, within=20, what="p2 is in VLAN 1")
    assert switch.members(GROUP) == {"p1"}
    switch.do("port", "del", "p1")
    assert state(switch, "p1") is None
    ip(lab, "p2", "alias", "")
    wait_until(lambda: state(switch, "p2") is None, within=20, what="p2 is no port")
    switch.stop()
    switch.start()
    assert access(switch) == {"p0": 1}
    switch.stop()


def test_alias_that_is_odd_is_one_line_in_the_log_and_no_port(lab: Lab) -> None:
    switch = lab.switch(["p0"], config=FILTERING)
    ip(lab, "p1", "alias", "snoop:sw0,access=5000")
    wait_until(lambda: "p1" in switch.show("ports")["refused"], within=20, what="p1 is refused")
    for _ in range(3):
        ip(lab, "p2", "down")
        ip(lab, "p2", "up")
    said = [line for line in switch.log.splitlines() if "p1: no port: " in line]
    assert len(said) == 1
    assert "access = 5000 is not allowed" in said[0]
    assert "p1: a [[port]] match or its alias" in switch.run("check").stdout
    ip(lab, "p1", "alias", "")
    wait_until(lambda: not switch.show("ports")["refused"], within=20, what="all is well")
    for words, why in (
        ("p0", "p0 is a port of the file"),
        ("p9", "p9 does not exist"),
        ("lo", "hardware"),
        ("p1,access=5000", "access = 5000 is not allowed"),
        ("p1,description=" + "x" * 300, "255 bytes"),
    ):
        done = switch.run("port", "add", words, "--keep")
        assert (done.returncode in (1, 2), why in done.stderr) == (True, True), done
    ip(lab, "p1", "alias", "the operator's")
    assert "has an alias of its own" in switch.run("port", "add", "p1", "--keep").stderr
    ip(lab, "p1", "alias", "")
    assert access(switch) == {"p0": 1}
    switch.stop()


def test_pair_with_each_end_where_it_belongs_is_a_port_while_it_is_there(lab: Lab) -> None:
    """What plugins of container engines do, from a namespace that is neither's."""
    switch = lab.switch(["p0"], config=FILTERING)
    guest = f"{lab.prefix}guest"
    namespaces.create(guest, quiet_ipv6=True).close()
    with (
        switches.found("sw0", switch.socket) as running,
        places.opened(f"/run/netns/{guest}") as inside,
    ):
        outer = End("snguest0", running.namespace)
        pairs.make(outer, End("eth0", inside, bytes.fromhex("02000a000063")), mtu=1400)
        pairs.ipv6(running.namespace, outer.name, on=False)
        for namespace, name in ((running.namespace, outer.name), (inside, "eth0")):
            pairs.set_up(namespace, name)
        running.port_add(outer.name, {"access": 1, "description": switches.label("a, guest")})
        running.wait_up(outer.name, within=20)
        row = running.port(outer.name)
        assert row is not None
        assert (row["mtu"], row["description"]) == (1400, "a  guest")
        facts = {one.name: one for one in pairs.found(inside)}
        assert facts["eth0"].mac.hex() == "02000a000063"
        with pytest.raises(FileExistsError):
            pairs.make(outer, End("eth1", inside))
        with pytest.raises(switches.Unmet, match="access = 5000"):
            running.port_add("p1", {"access": 5000})
        assert pairs.remove(inside, "eth0")
        assert not pairs.remove(running.namespace, outer.name)
        wait_until(lambda: running.port(outer.name) is None, within=20, what="it is no port")
    switch.stop()
    with pytest.raises(switches.NoSwitch, match="does not run"):
        switches.find("sw0", switch.socket)
    for path in ("/dev/null", "/proc/self/ns/mnt", "/tmp"):
        with pytest.raises(places.NoNamespace):
            places.open_path(path)
