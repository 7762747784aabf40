"""Ports that go down, come back, disappear and reappear, while the others go on."""

from __future__ import annotations

import time

from netns.star import SLACK, Star, names, star
from snoop.lab import wait_until

GROUP = "239.9.0.1"


def state(net: Star, port: str) -> str:
    rows = net.switch.show("ports")["ports"]
    return next(str(row["state"]) for row in rows if row["name"] == port)


def test_link_down_forgets_the_port_and_nothing_else() -> None:
    """SM-67, spec 120: entries and router ports of p1 go within 100 ms; p2's stay; after the link
    is back the kernel's member is learned again without asking for anything itself (Q-14)."""
    with star(4) as net:
        net.h(1).join(GROUP)
        net.h(2).join(GROUP)
        net.query_from(1, "10.0.1.1")
        net.switch.wait_members(GROUP, {"p1", "p2"})

        def routers() -> set[str]:
            return {row["port"] for row in net.switch.show("mrouters")["mrouters"]}

        wait_until(lambda: "p1" in routers(), within=20, what="p1 is a router port")
        net.lab.set_port("p1", "down")
        begin = time.time()
        net.switch.wait_members(GROUP, {"p2"}, timeout=20)
        assert net.happened("leave", GROUP)[-1] - begin < 0.1 + SLACK
        assert "p1" not in routers()
        assert state(net, "p1") == "down"
        net.lab.set_port("p1", "up")
        net.switch.wait_members(GROUP, {"p1", "p2"}, timeout=20)
        assert state(net, "p1") == "up"
        assert net.reached(GROUP) == names(1, 2)


def test_flapping_port_costs_the_others_nothing() -> None:
    """A member on another port sees no gap while p1 goes up and down ten times."""
    with star(4) as net:
        net.h(2).join(GROUP)
        net.switch.wait_members(GROUP, {"p2"})
        count = 4000
        stream = net.h(0).start("send", destination=GROUP, count=count, rate=2000)
        for _ in range(10):
            for state_ in ("down", "up"):
                net.lab.set_port("p1", state_)
                wait_until(lambda s=state_: state(net, "p1") == s, within=20, what=f"p1 {state_}")
        stream.result()
        net.lab.settle(net.h(0), [net.h(2), net.h(3)])
        assert net.h(2).app(GROUP).unique == count


def test_deleted_interface_is_missing_and_never_a_crash() -> None:
    """SM-67: a faulty port goes down alone and says so; when the interface is
    made anew the port forwards again."""
    with star(4) as net:
        net.h(1).join(GROUP)
        net.h(2).join(GROUP)
        net.switch.wait_members(GROUP, {"p1", "p2"})
        net.lab.unplug("p1")
        wait_until(lambda: state(net, "p1") == "missing", within=20, what="p1 is missing")
        net.switch.wait_members(GROUP, {"p2"}, timeout=20)
        net.h(0).send(GROUP, count=100)
        net.lab.settle(net.h(0), [net.h(2), net.h(3)])
        assert net.h(2).app(GROUP).unique == 100
        net.lab.replug(1)
        wait_until(lambda: state(net, "p1") == "up", within=20, what="p1 is back")
        net.h(2).reset()
        net.report(1, ("TO_EX", GROUP, []))
        net.switch.wait_members(GROUP, {"p1", "p2"})
        assert net.reached(GROUP) == names(1, 2)


def test_deletion_of_every_port_leaves_a_daemon_that_answers() -> None:
    with star(3) as net:
        for port in ("p0", "p1", "p2"):
            net.lab.unplug(port)
        for port in ("p0", "p1", "p2"):
            wait_until(lambda p=port: state(net, p) == "missing", within=20, what=f"{port} missing")
        assert net.switch.mdb() == []


def test_change_of_mtu_is_followed() -> None:
    """Frames of the new size pass once both ends allow them."""
    with star(3) as net:
        net.h(1).join(GROUP)
        net.switch.wait_members(GROUP, {"p1"})
        for i in (0, 1):
            net.lab.set_mtu(i, 4000)

        def passes() -> bool:
            net.h(1).reset()
            net.h(0).send(GROUP, count=5, size=3500)
            net.lab.settle(net.h(0))
            wire = net.h(1).wire(GROUP)
            return wire.unique == 5 and wire.fragments == 0

        wait_until(passes, within=20, what="3 500-byte datagrams pass whole")
