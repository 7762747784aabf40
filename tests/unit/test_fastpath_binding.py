"""The fast path without ports: what the binding promises when there is nothing to forward."""

from __future__ import annotations

import errno
import os
import select
from collections.abc import Iterator
from pathlib import Path

import pytest

from snoop.fastpath import PORTS_MAX, REASONS, STATS, Action, FastPath
from snoop.table.mdb import Delta, Row
from snoop.table.members import ALL_PORTS
from snoop.table.seen import PortSetup
from snoop.wire.address import ANY, parse
from unit import frames

G = parse("239.1.2.3")


@pytest.fixture
def fastpath() -> Iterator[FastPath]:
    made = FastPath()
    yield made
    made.close()


def group_rows(count: int, ports: int) -> tuple[Row, ...]:
    return tuple(Row(0, G[:14] + n.to_bytes(2, "big"), ANY, ports) for n in range(count))


def resident_bytes() -> int:
    status = Path("/proc/self/status").read_text()
    return int(status.split("RssAnon:")[1].split()[0]) << 10


def test_reading_little_takes_little_memory(fastpath: FastPath) -> None:
    """There is room for all that could be, which is not touched: 6 MB of streams."""
    for _ in range(2):  # what is freed may be had again, where it was a mapping of its own
        assert list(fastpath.streams()) == []
    before = resident_bytes()
    read = [fastpath.streams(), fastpath.fdb()]
    assert resident_bytes() - before < 1 << 20
    assert [list(each) for each in read] == [[], []]
    assert fastpath.streams_packed() == b""


def test_publish_counts_rows_and_keeps_nothing_old(fastpath: FastPath) -> None:
    fastpath.publish(Delta(upserts=group_rows(1000, 1)))
    fastpath.publish(Delta(upserts=group_rows(1000, 2)))
    assert (fastpath.rows, fastpath.reap()) == (1000, 0)
    fastpath.publish(Delta(deletes=tuple((r.vid, r.group, r.source) for r in group_rows(400, 0))))
    assert (fastpath.rows, fastpath.reap()) == (600, 0)


def test_publish_with_a_bad_port_is_refused_whole(fastpath: FastPath) -> None:
    """SNOOP-28: all of it or nothing."""
    fastpath.port_set(3, up=True, mtu=1500)
    fastpath.publish(Delta(upserts=group_rows(1, 1)))
    fastpath.port_set(PORTS_MAX, up=True, mtu=1500)
    with pytest.raises(OSError, match="publish") as refused:
        fastpath.publish(Delta(upserts=group_rows(50, 1)))
    assert refused.value.errno == errno.EINVAL
    assert fastpath.rows == 1


def test_worker_that_does_not_exist_is_refused(fastpath: FastPath) -> None:
    with pytest.raises(OSError, match="forwarding loop"):
        fastpath.run(1)
    with pytest.raises(OSError, match="worker"):
        fastpath.worker_stats(1)


@pytest.mark.parametrize("workers", [0, 9])
def test_number_of_workers_is_bounded(workers: int) -> None:
    with pytest.raises(OSError, match=r"1\.\.8 workers"):
        FastPath(workers=workers)


def test_port_that_is_not_open_is_down(fastpath: FastPath) -> None:
    fastpath.port_set(3, up=True, mtu=1500)
    fastpath.publish(Delta())
    verdict = fastpath.explain(3, frames.data())
    assert (verdict.action, verdict.reason, verdict.ports) == (Action.DROP, "port_down", 0)
    with pytest.raises(OSError, match="explain"):
        fastpath.explain(PORTS_MAX, frames.data())


@pytest.mark.parametrize("length", [0, 1, 13])
def test_frame_without_a_header_is_truncated(fastpath: FastPath, length: int) -> None:
    """V-1."""
    assert fastpath.explain(0, bytes(length)).reason == "truncated"


def test_opening_what_is_not_there_says_which_step_failed(fastpath: FastPath) -> None:
    with pytest.raises(OSError, match=r"^\[Errno \d+\] \w[\w ]*: ") as failure:
        fastpath.port_open(0, 0x7FFFFFF0, PortSetup())
    expected = errno.ENODEV if os.geteuid() == 0 else errno.EPERM
    assert failure.value.errno == expected
    with pytest.raises(OSError, match="ring size"):
        fastpath.port_open(0, 1, PortSetup(ring_slots=100))
    with pytest.raises(OSError, match="port number"):
        fastpath.port_open(PORTS_MAX, 1, PortSetup())
    with pytest.raises(KeyError):
        fastpath.port_close(0)


def test_frame_for_closed_ports_is_counted_as_lost(fastpath: FastPath) -> None:
    assert fastpath.inject(0, 1 << 5 | 1 << 255, frames.data()) == 0
    assert fastpath.counters(5)["inject_drops"] == 1
    assert fastpath.counters(255)["inject_drops"] == 1
    assert fastpath.counters(6)["inject_drops"] == 0
    fastpath.inject(0, ALL_PORTS, frames.data())
    assert fastpath.counters(6)["inject_drops"] == 1


def test_counters_have_every_name_and_start_at_zero(fastpath: FastPath) -> None:
    counters = fastpath.counters(0)
    assert counters == dict.fromkeys([*STATS, *REASONS], 0)
    with pytest.raises(OSError, match="counters"):
        fastpath.counters(PORTS_MAX)


def test_nothing_was_seen_and_nothing_waits(fastpath: FastPath) -> None:
    assert list(fastpath.fdb()) == []
    assert list(fastpath.streams()) == []
    assert fastpath.drain(100) == []
    assert fastpath.verdicts("rate_limited") == {}
    assert fastpath.fdb_flush() == 0
    assert select.select([fastpath.punt_fd], [], [], 0) == ([], [], [])
