"""Cables that are pulled under a stream: what was on its way is lost, by no fault of the port."""

from __future__ import annotations

import pytest

from netns.star import star
from snoop.lab import wait_until

GROUP, RATE, TIMES = "239.31.0.1", 4000, 8


@pytest.mark.parametrize("kernel", ["auto", "off"])
def test_what_a_pulled_cable_costs_is_counted_as_that(kernel: str) -> None:
    """Neither as an egress that is full nor as a faulty one: `check` would name it for ever."""
    with star(3, switch={"kernel": kernel, "unregistered": "mrouters"}) as net:
        host = net.h(2)
        net.h(0).start("send", destination=GROUP, count=60 * RATE, rate=RATE)
        for _ in range(TIMES):
            host.join(GROUP)
            host.reset()
            wait_until(lambda: host.app(GROUP).unique > RATE // 20, within=20)
            net.lab.unplug("p2")
            host.leave(GROUP)
            net.lab.replug(2)
        counters = net.switch.counters("p2")
        assert (counters["tx_full"], counters["tx_error"]) == (0, 0)
