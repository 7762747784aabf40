"""Storm limits on real interfaces: what is too much is cut, by the rings and in the kernel, and
what somebody wants is never touched (LOOP-7).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from netns.star import IGMP
from snoop.lab import Lab, wait_until
from snoop.lab.host import Host
from snoop.lab.switch import Snoop

WANTED, STORM = "239.1.2.3", "239.66.66.66"
LIMIT = 200
STORM_RATE = 4000
BUSY = 20.0


@pytest.fixture(scope="module", params=["auto", "off"], ids=["kernel", "rings"])
def star(request: pytest.FixtureRequest) -> Iterator[tuple[Lab, Snoop, bool]]:
    """A switch that prunes, and whether it serves streams in the kernel."""
    with Lab(4) as lab:
        switch = lab.switch(config={"switch": {"kernel": request.param}, "igmp": IGMP})
        switch.wait_pruning()
        lab.h(1).join(WANTED)
        switch.wait_member(WANTED, "p1")
        yield lab, switch, request.param == "auto"


def stream(switch: Snoop, group: str) -> dict[str, Any]:
    rows = switch.show("streams")["streams"]
    return next((row for row in rows if row["group"] == group), {})


def counts(switch: Snoop, port: str, *names: str) -> int:
    counted = switch.counters(port)
    return sum(counted[name] for name in names)


def limit(switch: Snoop, frames_per_s: int) -> None:
    switch.port_set("p0", storm_limit=frames_per_s)


def warm(switch: Snoop, host: Host, *, in_kernel: bool) -> None:
    """Until the storm's stream is served by whom it is to be."""

    def served() -> bool:
        host.send(STORM, count=100, rate=STORM_RATE)
        return stream(switch, STORM).get("path") == ("kernel" if in_kernel else "ring")

    wait_until(served, within=BUSY)


def test_a_storm_is_cut_and_what_is_wanted_on_the_same_port_is_not(
    star: tuple[Lab, Snoop, bool],
) -> None:
    """Both by h0, at once: 0 of the wanted lost, and the others get what the limit lets pass."""
    lab, switch, in_kernel = star
    sender = lab.h(0)
    limit(switch, 0)
    warm(switch, sender, in_kernel=in_kernel)
    limit(switch, LIMIT)
    before = counts(switch, "p0", "storm_unregistered")
    for host in lab.hosts:
        host.reset()
    storm = sender.start("send", destination=STORM, count=4000, rate=STORM_RATE)
    wanted = sender.start("send", destination=WANTED, count=2000, rate=2000)
    took = [job.result(60) for job in (storm, wanted)]
    lab.settle(sender)
    got = lab.h(1).wire(WANTED)
    assert got.datagrams == got.unique == 2000
    passed = lab.h(2).wire(STORM).datagrams
    assert LIMIT <= passed <= LIMIT * (2 + took[0]["seconds"])
    assert lab.h(3).wire(STORM).datagrams == passed
    assert lab.h(2).wire(WANTED).datagrams == 0
    cut = counts(switch, "p0", "storm_unregistered") - before
    assert cut == 4000 - passed
    assert stream(switch, STORM)["path"] == ("kernel" if in_kernel else "ring")


def test_routers_get_what_is_over_the_limit(star: tuple[Lab, Snoop, bool]) -> None:
    """RFC 4541 2.1.2(1): whoever is behind a router may have asked it."""
    lab, switch, in_kernel = star
    limit(switch, 0)
    switch.run("mrouter", "add", "--port", "p3")
    warm(switch, lab.h(0), in_kernel=in_kernel)
    limit(switch, LIMIT)
    for host in lab.hosts:
        host.reset()
    took = lab.h(0).send(STORM, count=2000, rate=STORM_RATE)
    lab.settle(lab.h(0))
    assert lab.h(3).wire(STORM).unique == 2000
    passed = lab.h(2).wire(STORM).datagrams
    assert passed <= LIMIT * (2 + took["seconds"])
    assert switch.counters("p0")["storm_to_routers"] == 2000 - passed
    switch.run("mrouter", "del", "--port", "p3")
    limit(switch, 0)
