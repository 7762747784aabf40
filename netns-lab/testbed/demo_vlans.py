"""The demo's scene of VLANs: a switch that filters by them, hosts on access ports and on a trunk.

The same group is joined in two VLANs and sent in one; then a port changes its VLAN while a stream
runs. As in the rest of the demo every figure is counted by the hosts.
"""

from __future__ import annotations

from collections.abc import Callable

from snoop.lab import Lab, LabError, wait_until
from snoop.lab.host import Host
from snoop.lab.switch import QUICK, Snoop

GROUP, COUNT, RATE = "239.1.1.1", 1000, 5000
PICTURE = """
    s0 ── p0 (10)      ┐         ┌ p3 (10, 20 tagged) ── r0   eth0.10, eth0.20
    h1 ── p1 (10)      ├─ snoop ─┤
    h2 ── p2 (20)      ┘         └ p4 (20)            ── s2
"""
VLANS = {"p0": 10, "p1": 10, "p2": 20, "p3": [10, 20], "p4": 20}
CONFIG = {
    **QUICK,
    "vlan": [
        {"vid": 10, "name": "video", "querier_address": "10.0.10.254"},
        {"vid": 20, "name": "audio", "querier_address": "10.0.20.254"},
    ],
}


def vlans(check: Callable[[bool, str], None], title: Callable[[str], None]) -> None:
    title("VLANs: h1 and h2 join the same group in VLAN 10 and 20, r0 on a trunk in both")
    print(PICTURE)
    with Lab(["s0", "h1", "h2", "r0", "s2"]) as lab:
        trunk = lab.h("r0")
        try:
            tagged = {vid: lab.add_vlan(trunk, vid) for vid in (10, 20)}
        except LabError as missing:  # without root, on a kernel without vlan devices
            print(f"  left out here: {missing}")
            return
        switch = lab.switch(config=CONFIG, vlans=VLANS)
        for vid in tagged:
            switch.wait_pruning(vlan=vid)
        print(switch.do("show", "vlans"))
        lab.h("h1").join(GROUP)
        lab.h("h2").join(GROUP)
        trunk.join(GROUP, interface=tagged[10])
        switch.wait_members(GROUP, {"p1", "p3"}, vlan=10)
        switch.wait_members(GROUP, {"p2"}, vlan=20)
        print(switch.do("show", "mdb", "--family", "ipv4"))
        stream(lab, check, "s0", 10, {"h1", "r0"})
        stream(lab, check, "s2", 20, {"h2"})
        moves(lab, switch, check, title)


def stream(
    lab: Lab, check: Callable[[bool, str], None], sender: str, vid: int, wanted: set[str]
) -> None:
    for host in lab.hosts:
        host.reset()
    lab.h(sender).send(GROUP, count=COUNT, rate=RATE, stream=vid)
    settle(lab, lab.h(sender), vid)
    got = {host.name: host.wire(GROUP).unique for host in lab.hosts if host.wire(GROUP).frames}
    good = got == dict.fromkeys(wanted, COUNT)
    others = ", ".join(sorted(set(lab.names) - wanted - {sender}))
    text = f"{COUNT} from {sender} in VLAN {vid}: {', '.join(sorted(wanted))} got all"
    check(good, f"{text}; {others} got none" if good else f"{text}: {got}")


def settle(lab: Lab, sender: Host, vid: int) -> None:
    """What it sent in its VLAN is delivered; markers of r0 then prove it of the other one, too."""
    trunk = lab.h("r0")
    lab.settle(sender, [trunk])
    for each in (vid, 30 - vid):
        members = [host for host in lab.hosts if VLANS[host.port] == each]
        lab.settle(trunk, members, vid=each)


def moves(
    lab: Lab, switch: Snoop, check: Callable[[bool, str], None], title: Callable[[str], None]
) -> None:
    title("h1's port moves to VLAN 20 while s0 sends: snoop port set p1 access=20")
    one, sender, trunk = lab.h("h1"), lab.h("s0"), lab.h("r0")
    for host in lab.hosts:
        host.reset()
    job = sender.start("send", destination=GROUP, count=5 * COUNT, rate=2000, stream=7)
    wait_until(lambda: one.wire(GROUP).unique > COUNT // 10, within=5, what="the stream at h1")
    switch.do("port", "set", "p1", "access=20")
    switch.wait_members(GROUP, {"p3"}, vlan=10)
    job.result()
    lab.settle(sender, [trunk])
    kept, before = trunk.wire(GROUP).unique, one.wire(GROUP).unique
    check(kept == 5 * COUNT, f"r0, still in VLAN 10, had {kept} of {5 * COUNT}")
    check(before < 5 * COUNT, f"h1 had {before} and no more")
    switch.wait_members(GROUP, {"p1", "p2"}, vlan=20)
    for host in lab.hosts:
        host.reset()
    lab.h("s2").send(GROUP, count=COUNT, rate=RATE, stream=8)
    lab.settle(lab.h("s2"), [one, lab.h("h2"), trunk])
    check(one.app(GROUP).unique == COUNT, f"and gets {COUNT} from s2, now that it is in VLAN 20")
