"""The compiled decision against the reference one: same tables, same frames, same answer.

Real ports are needed only because a port that is not open is down; no frame is sent.  The ports
are veths in a namespace that lives as long as the thread that made it.
"""

from __future__ import annotations

import ctypes
import functools
import os
import random
import socket
import subprocess
import threading
from collections.abc import Callable
from typing import ParamSpec

import pytest

from snoop.fastpath import FastPath
from snoop.table.mdb import ALL_PORTS, VLAN_DEFAULT, Mdb, VlanRow
from snoop.table.seen import PortSetup
from snoop.wire.address import ANY, Family, parse
from unit import frames
from unit.reference import Table

PORTS = 6
UP = (1 << PORTS) - 1
CLONE_NEWNET = 0x40000000
GROUPS = ["239.1.2.3", "239.129.2.3", "232.1.1.1", "224.128.0.1", "224.0.1.129"]
SOURCES = ["192.0.2.1", "192.0.2.2", "192.0.2.3"]
VLANS = [None, 0, 10, 20, 4095]


P = ParamSpec("P")


def in_new_namespace(work: Callable[P, None]) -> Callable[P, None]:
    """Have `work` run in a thread with a network namespace of its own, gone when it returns."""

    @functools.wraps(work)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        failures: list[BaseException] = []

        def body() -> None:
            try:
                if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET):
                    raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
                work(*args, **kwargs)
            except BaseException as error:  # handed to the test's own thread below
                failures.append(error)

        thread = threading.Thread(target=body)
        thread.start()
        thread.join()
        if failures:
            raise failures[0]

    return run


def open_ports(fastpath: FastPath) -> None:
    for port in range(PORTS):
        command = f"ip link add p{port} up type veth peer name h{port}".split()
        subprocess.run(command, check=True, capture_output=True)
        fastpath.port_open(port, socket.if_nametoindex(f"p{port}"), PortSetup(isolate=False))
        fastpath.port_set(port, up=True, mtu=1500)


def some_ports(rng: random.Random) -> int:
    return rng.getrandbits(PORTS) if rng.random() < 0.8 else 0


def change(rng: random.Random, mdb: Mdb) -> None:
    """One random change of the table, of any kind."""
    match rng.randrange(8):
        case 0 | 1 | 2 | 3:
            rows = {parse(s): some_ports(rng) for s in SOURCES if rng.random() < 0.4}
            rows = {ANY: some_ports(rng), **rows} if rng.random() < 0.8 else {}
            mdb.set_group(rng.choice([0, 10, 20]), parse(rng.choice(GROUPS)), rows)
        case 4 | 5:
            vid = rng.choice([0, 10, 20, VLAN_DEFAULT])
            active, to_routers = rng.random() < 0.8, rng.random() < 0.7
            ports = some_ports(rng), some_ports(rng)
            members = UP & ~(some_ports(rng) & some_ports(rng)) if rng.random() < 0.3 else ALL_PORTS
            family = rng.choice([Family.IPV4, Family.IPV4, Family.IPV6])
            mdb.set_vlan(VlanRow(vid, family, active, *ports, to_routers, members))
        case 6:
            mdb.remove_vlan(rng.choice([10, 20]), rng.choice(list(Family)))
        case 7:
            mdb.set_floods(parse(group) for group in GROUPS if rng.random() < 0.1)


def all_frames() -> list[bytes]:
    """Every group, source and tag, and one of each oddity."""
    plain = [frames.data(g, s, vid=v) for g in GROUPS for s in SOURCES for v in VLANS]
    link_local = [frames.data(f"224.0.0.{n}") for n in (1, 13, 251)]
    control = [
        frames.v2_report(),
        frames.v3_query(vid=10),
        frames.pim_hello(),
        frames.v2_report(mac="ff:ff:ff:ff:ff:ff"),
        frames.v2_report(mac="02:00:00:00:00:77"),
        frames.v2_report(flags="MF"),
    ]
    odd = [
        frames.data(chksum=1),
        frames.data(len=2000),
        frames.data(mac="01:00:5e:01:02:04"),
        frames.data("10.0.0.5", mac="01:00:5e:00:00:05"),
        frames.data(mac="33:33:00:00:00:01"),
        frames.data(options=frames.long_options()),
        frames.data(frag=3),
        frames.data()[:12] + b"\x88\xa8\x00\x0a" + frames.data()[12:],
        frames.data()[:12] + b"\x81\x00\x00\x0a\x81\x00\x00\x14" + frames.data()[12:],
    ]
    body = b"\x02\0\0\0\0\x01" + b"\x12\x34" + bytes(50)
    reserved = [bytes.fromhex(f"0180c20000{n:02x}") + body for n in range(0x12)]
    others = [bytes.fromhex(mac) + body for mac in ("ffffffffffff", "020000000009", "01000ccccccc")]
    sender = [frames.data()[:6] + bytes(6) + frames.data()[12:]]
    sender += [frames.data()[:6] + b"\x03" + bytes(5) + frames.data()[12:]]
    ipv6 = [bytes.fromhex("333300000001") + body[:6] + b"\x86\xdd" + bytes(60)]
    return [*plain, *link_local, *control, *odd, *reserved, *others, *sender, *ipv6]


@pytest.mark.parametrize("seed", range(3))
@in_new_namespace
def test_compiled_decision_is_the_reference_decision(seed: int) -> None:
    """Ideas 93-102, 113-119: SNOOP-30 to 42, VLAN, L2-1; also damaged frames."""
    rng = random.Random(seed)
    fastpath, table, mdb = FastPath(), Table(up=UP), Mdb()
    whole = all_frames()
    try:
        open_ports(fastpath)
        for _ in range(40):
            for _ in range(rng.randint(1, 4)):
                change(rng, mdb)
            if rng.random() < 0.5:
                port, pvid = rng.randrange(PORTS), rng.choice([0, 0, 10, 20])
                fastpath.port_set(port, up=True, mtu=1500, pvid=pvid)
                table.pvids[port] = pvid
            delta = mdb.staged()
            fastpath.publish(delta)
            mdb.published()
            table.apply(delta)
            assert fastpath.rows == len(table.rows) + len(table.floods)
            for frame in [*whole, *(damage(rng, whole) for _ in range(100))]:
                port = rng.randrange(PORTS)
                compare(fastpath, table, port, frame)
    finally:
        fastpath.close()


def damage(rng: random.Random, whole: list[bytes]) -> bytes:
    frame = bytearray(rng.choice(whole))
    for _ in range(rng.randint(1, 3)):
        frame[rng.randrange(len(frame))] ^= 1 << rng.randrange(8)
    if rng.random() < 0.3:
        del frame[rng.randrange(14, len(frame)) :]
    return bytes(frame)


def compare(fastpath: FastPath, table: Table, port: int, frame: bytes) -> None:
    theirs = fastpath.explain(port, frame)
    ours = table.decide(port, frame)
    assert (theirs.reason, theirs.ports, theirs.punt) == (ours.reason, ours.ports, ours.punt), (
        port,
        frame.hex(),
    )
