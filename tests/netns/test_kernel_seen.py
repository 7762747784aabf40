"""Streams inside the kernel as commands show them, on real interfaces."""

from __future__ import annotations

import time

from netns.star import Star, star
from snoop.lab import wait_until

GROUP = "239.32.0.1"
AGEING_S = 1.0


def test_the_source_of_a_stream_in_the_kernel_stays_in_the_fdb() -> None:
    """Nothing of it comes up the ring, and addresses are kept for a second only."""
    with star(2, pruning=False, switch={"fdb_ageing": AGEING_S}) as net:
        job = net.h(0).start("send", destination=GROUP, count=1 << 20, rate=200, stream=3)
        wait_until(
            lambda: any(row["path"] == "kernel" for row in net.switch.streams(group=GROUP)),
            within=20, what="the kernel serves it",
        )  # fmt: skip
        before = net.switch.counters("p0")
        begin = time.monotonic()

        def is_known() -> bool:
            return "p0" in {row["port"] for row in net.switch.show("fdb")["fdb"]}

        wait_until(lambda: time.monotonic() - begin > 2 * AGEING_S or not is_known(), within=20)
        assert is_known()
        now = net.switch.counters("p0")
        kernels = now["kernel_frames"] - before["kernel_frames"]
        assert kernels == now["rx_frames"] - before["rx_frames"] > 200
        job.stop()
        wait_until(lambda: not is_known(), within=20, what="a silent source is forgotten")


def test_who_serves_a_stream_is_shown_wherever_streams_are() -> None:
    with star(2, pruning=False) as net:
        for kernel, said in (("auto", "served inside the kernel"), ("off", "by the rings: no ")):
            net.switch.configure({**net.switch.config, "switch": {"kernel": kernel}})
            net.switch.do("reload")
            job = net.h(0).start("send", destination=GROUP, count=1 << 20, rate=300)
            wait_until(lambda words=said: words in explained(net), within=20, what=said)
            has_column = (
                " By " in net.switch.do("show", "streams", "--group", GROUP).splitlines()[0]
            )
            assert has_column is (kernel == "auto")
            assert ("in the kernel" in net.switch.do("show")) is (kernel == "auto")
            job.stop()


def explained(net: Star) -> str:
    """Once there is such a stream."""
    return net.switch.run("explain", "--stream", "--group", GROUP).stdout
