"""Many ports that come and go beside a stream, as on a host of containers; many at once."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from pathlib import Path

import pytest

from snoop.lab import Lab, namespaces, wait_until
from snoop.lab.switch import Snoop

GROUP = "239.9.0.1"
COMING = 200
RATE = 5000
SERVING_SECONDS = 0.1
AT_ONCE = 40
RELOADED = 120


def descriptors(switch: Snoop) -> int:
    assert switch.process is not None
    return len(os.listdir(f"/proc/{switch.process.pid}/fd"))


def resident_kib(switch: Snoop) -> int:
    assert switch.process is not None
    status = Path(f"/proc/{switch.process.pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0])


def ports(switch: Snoop) -> set[str]:
    return {row["name"] for row in switch.show("ports")["ports"]}


def pair(lab: Lab, name: str) -> None:
    """A veth pair of which the other end stays here, too, and is no port."""
    lab.link.link("add", ifname=name, kind="veth", peer={"ifname": f"x{name}"})
    for end in (f"x{name}", name):
        lab.link.link("set", index=namespaces.index_of(lab.link, end), state="up")


@pytest.mark.half
def test_ports_that_come_and_go_cost_a_stream_nothing_and_leave_nothing() -> None:
    """Each serves within a tenth of a second, as a median: the machine is others' as well."""
    with Lab(2) as lab:
        switch = lab.switch(["p0", "p1", {"match": "veth*"}])
        lab.h(1).join(GROUP)
        switch.wait_members(GROUP, {"p1"})
        for n in range(-4, 0):  # what the first ones cost for good is not counted
            pair(lab, f"veth{n}")
            wait_until(lambda n=n: f"veth{n}" in ports(switch), within=20)
            lab.unplug(f"veth{n}")
            wait_until(lambda: ports(switch) == {"p0", "p1"}, within=20)
        wait_until(lambda: descriptors(switch) < 45, within=20, what="all are closed")
        before, memory = descriptors(switch), resident_kib(switch)
        stream = lab.h(0).start("send", destination=GROUP, count=RATE * 30, rate=RATE)
        took = []
        for n in range(COMING):
            name = f"veth{n}"
            pair(lab, name)
            begun = time.monotonic()
            wait_until(lambda name=name: f"{name}: up" in switch.log, within=20)
            took.append(time.monotonic() - begun)
            lab.unplug(name)
        assert sorted(took)[COMING // 2] < SERVING_SECONDS, sorted(took)
        wait_until(lambda: ports(switch) == {"p0", "p1"}, within=20)
        sent = stream.result(120)["sent"]
        lab.settle(lab.h(0), [lab.h(1)])
        got = lab.h(1).app(GROUP)
        assert (got.unique, got.duplicates, got.reordered) == (sent, 0, 0)
        wait_until(lambda: descriptors(switch) <= before, within=20, what="descriptors are closed")
        assert resident_kib(switch) < memory + (16 << 10)
        assert "Traceback" not in switch.log


@pytest.mark.half
def test_many_that_come_at_once_keep_neither_a_stream_nor_a_command_waiting() -> None:
    """A stream that others did not ask for takes the same way all the time: none of it is lost. A
    port that a command adds does not wait for those that a pattern makes.
    """
    with Lab(3) as lab:
        igmp = {"querier": "on", "query_interval": 20.0, "query_response_interval": 0.4}
        igmp |= {"querier_address": "10.0.0.254", "startup_query_interval": 0.2}
        switch = lab.switch(["p0", "p1", {"match": "veth*"}], config={"igmp": igmp})
        lab.h(1).join(GROUP)
        switch.wait_members(GROUP, {"p1"})
        switch.wait_pruning()
        stream = lab.h(0).start("send", destination=GROUP, count=RATE * 4 * 4, rate=RATE * 4)
        names = [f"veth{n}" for n in range(AT_ONCE)]
        made = [f"link add {name} type veth peer name x{name}" for name in names]
        ups = [f"link set {end} up" for name in names for end in (f"x{name}", name)]
        batch = "\n".join([*made, *ups])
        with namespaces.inside(lab.namespace):
            subprocess.run(["ip", "-b", "-"], input=batch, text=True, check=True)
        begun = time.monotonic()
        switch.port_add("p2")
        took = time.monotonic() - begun
        wait_until(lambda: ports(switch) == {"p0", "p1", "p2", *names}, within=20)
        wait_until(lambda: all(f"{name}: up" in switch.log for name in names), within=20)
        sent = stream.result(60)["sent"]
        lab.settle(lab.h(0), [lab.h(1)])
        got = lab.h(1).app(GROUP)
        assert (got.unique, got.duplicates, got.reordered) == (sent, 0, 0)
        assert took < 1, "a tenth of a second on a machine that has nothing else to do"
        print(f"port add beside {AT_ONCE} that came at once: {took:.3f} s")


@pytest.mark.half
def test_reloads_that_make_and_end_many_ports_keep_no_join_waiting() -> None:
    """Joins are decided while the ports come, one after another, and no datagram is lost."""
    with Lab(3) as lab:
        igmp = {"querier": "on", "query_interval": 20.0, "query_response_interval": 0.4}
        igmp |= {"querier_address": "10.0.0.254", "startup_query_interval": 0.2}
        switch = lab.switch(["p0", "p1", "p2"], config={"igmp": igmp})
        lab.h(1).join(GROUP)
        switch.wait_members(GROUP, {"p1"})
        switch.wait_pruning()
        names = [f"veth{n}" for n in range(RELOADED)]
        batch = "\n".join(f"link add {name} up type veth peer name x{name}" for name in names)
        with namespaces.inside(lab.namespace):
            subprocess.run(["ip", "-b", "-"], input=batch, text=True, check=True)
        few = switch.config["port"]
        stream = lab.h(0).start("send", destination=GROUP, count=RATE * 3, rate=RATE)
        waits: dict[str, list[float]] = {}
        for what, tables in (("in", [*few, *({"name": name} for name in names)]), ("out", few)):
            switch.configure({**switch.config, "port": tables})
            reload = threading.Thread(target=switch.quick, args=("reload",))
            reload.start()
            waits[what] = []
            while reload.is_alive() or len(ports(switch)) != len(tables):
                group = f"239.9.{len(waits)}.{len(waits[what]) + 1}"
                asked = time.monotonic()
                lab.h(2).join(group)
                switch.wait_members(group, {"p2"})
                waits[what].append(time.monotonic() - asked)
            reload.join()
        sent = stream.result(60)["sent"]
        lab.settle(lab.h(0), [lab.h(1)])
        got = lab.h(1).app(GROUP)
        assert (got.unique, got.duplicates, got.reordered) == (sent, 0, 0)
        assert max(map(max, waits.values())) < 1, waits
        print({what: f"{len(took)} joins, {max(took):.3f} s" for what, took in waits.items()})
