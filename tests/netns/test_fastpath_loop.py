"""The forwarding loop without ports: it runs, hears of every publish, and stops when told."""

from __future__ import annotations

import threading
from contextlib import closing

from snoop.fastpath import FastPath
from snoop.lab import wait_until
from snoop.table.mdb import Delta
from unit.test_fastpath_binding import group_rows


def test_loop_sees_publishes_while_idle_and_stops_when_told() -> None:
    """An idle loop pins no old table: every publish wakes it."""
    with closing(FastPath()) as fastpath:
        loop = threading.Thread(target=fastpath.run)
        loop.start()
        try:
            for n in range(200):
                fastpath.publish(Delta(upserts=group_rows(3, n)))
            wait_until(lambda: fastpath.reap() == 0, within=20)
            wait_until(lambda: fastpath.worker_stats().sleeps > 0, within=20)
            assert fastpath.rows == 3
        finally:
            fastpath.stop()
            loop.join(5)
        assert not loop.is_alive()


def test_every_worker_stops() -> None:
    fastpath = FastPath(workers=3)
    loops = [threading.Thread(target=fastpath.run, args=(i,)) for i in range(3)]
    for loop in loops:
        loop.start()
    fastpath.publish(Delta(upserts=group_rows(3, 1)))
    wait_until(lambda: fastpath.reap() == 0, within=20)
    fastpath.stop()
    for loop in loops:
        loop.join(5)
        assert not loop.is_alive()
    fastpath.close()
    fastpath.close()  # the second does nothing
