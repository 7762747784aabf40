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
from collections.abc import Callable, Iterable
from typing import ParamSpec

import pytest

from snoop.fastpath import FastPath
from snoop.table.mdb import Mdb, VlanRow
from snoop.table.members import EVERYBODY, VLAN_DEFAULT, Members
from snoop.table.seen import PortSetup
from snoop.wire.address import ANY, Family, Prefix, family, of_mac, parse
from unit import frames, frames6
from unit.reference import Table

PORTS = 6
UP = (1 << PORTS) - 1
CLONE_NEWNET = 0x40000000
GROUPS = ["239.1.2.3", "239.129.2.3", "232.1.1.1", "224.128.0.1", "224.0.1.129"]
SOURCES = ["192.0.2.1", "192.0.2.2", "192.0.2.3"]
# The second and third have one MAC address; of the last two the first is never pruned.
GROUPS6 = ["ff3e::1234", "ff05::5", "ff02::5", "ff1e:0:0:1::5", "ff02::1:ff00:5", "ff02::1:fe00:5"]
SOURCES6 = ["2001:db8::1", "2001:db8::2", "2001:db8:0:1::1"]
VLANS = [None, 0, 10, 20, 4095]


ANNOUNCED = ("224.2.127.254", "239.255.255.255", "239.195.255.255", "224.0.0.255")
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
        fastpath.port_set(port, up=True, mtu=1500, names=True)


def some_ports(rng: random.Random) -> int:
    return rng.getrandbits(PORTS) if rng.random() < 0.8 else 0


def change(rng: random.Random, mdb: Mdb) -> None:
    """One random change of the table, of any kind."""
    match rng.randrange(10):
        case 0 | 1 | 2 | 3:
            groups, sources = rng.choice([(GROUPS, SOURCES), (GROUPS6, SOURCES6)])
            rows = {parse(s): some_ports(rng) for s in sources if rng.random() < 0.4}
            rows = {ANY: some_ports(rng), **rows} if rng.random() < 0.8 else {}
            mdb.set_group(rng.choice([0, 10, 20]), parse(rng.choice(groups)), rows)
        case 4 | 5:
            vid = rng.choice([0, 10, 20, VLAN_DEFAULT])
            active, to_routers = rng.random() < 0.8, rng.random() < 0.7
            ports = some_ports(rng), some_ports(rng)
            of = rng.choice(list(Family))
            bridged = of is Family.IPV6 and rng.random() < 0.2
            mdb.set_vlan(VlanRow(vid, of, active, *ports, to_routers, bridged=bridged))
        case 6:
            mdb.remove_vlan(rng.choice([10, 20]), rng.choice(list(Family)))
        case 7:
            known = [*GROUPS, *GROUPS6]
            mdb.set_floods(some_prefix(rng, group) for group in known if rng.random() < 0.05)
        case 8:
            mdb.set_members(some_members(rng))
        case 9:
            rows = {ANY: some_ports(rng)} if rng.random() < 0.8 else {}
            mdb.set_group(rng.choice([0, 10, 20]), of_mac(bytes.fromhex("01000ccccccc")), rows)


def some_members(rng: random.Random) -> Iterable[Members]:
    if rng.random() < 0.3:
        return EVERYBODY
    vids = [VLAN_DEFAULT, *(vid for vid in (0, 10, 20) if rng.random() < 0.6)]
    return [Members(vid, UP & ~(some_ports(rng) & some_ports(rng))) for vid in vids]


def some_prefix(rng: random.Random, group: str) -> Prefix:
    """The group alone, or one that it is in, as it may be written: the rest zero."""
    address = parse(group)
    bits = 128 - rng.choice([0, 0, 0, 1, 4, 7, 24 if family(address) is Family.IPV4 else 112])
    return (int.from_bytes(address) >> 128 - bits << 128 - bits).to_bytes(16), bits


def ipv6_frames() -> list[bytes]:
    """Every group, source and tag, MLD, PIM and what must not be taken for it, odd chains."""
    extension = frames6.extension
    plain = [frames6.data(g, s, vid=v) for g in GROUPS6 for s in SOURCES6 for v in VLANS]
    needed = [frames6.data(f"ff02::{n}") for n in ("1", "2", "16", "6a", "fb", "1:2", "d", "3")]
    scopes = [frames6.data(f"ff{n:02x}::5") for n in (0x00, 0x01, 0x11, 0x31, 0x0E)]
    control = [frames6.icmp6(kind) for kind in (130, 131, 132, 143, 151, 152, 153)]
    others = [frames6.icmp6(kind, dst) for kind in (128, 129, 133, 134, 135, 136, 142, 144)
              for dst in ("ff02::1", "ff02::1:ff00:5", "ff05::5")]  # fmt: skip
    fragments = [
        frames6.icmp6(143, headers=((frames6.FRAGMENT, extension(place + bytes(4))),))
        for place in (b"\0\0", b"\0\1", b"\0\x08", b"\0\x09")
    ]
    chains = [
        frames6.icmp6(143, headers=((number, extension(bytes(6), length)),) * times)
        for number in (0, 43, 51, 60)
        for length in (0, 1, 3, 255)
        for times in (1, 2, 8, 9)
    ]
    odd = [
        frames6.data(mac="33:33:00:00:12:35"),
        frames6.data(mac="01:00:5e:00:12:34"),
        frames6.data("2001:db8::5", mac="33:33:00:00:00:05"),
        frames6.data(version=4),
        frames6.data(plen=1000),
        frames6.data(plen=3),
        frames6.data(nh=59),
        frames6.icmp6(143, mac="ff:ff:ff:ff:ff:ff"),
        frames6.icmp6(143, mac="02:00:00:00:00:77"),
        frames6.icmp6(143, vid=10),
        frames6.icmp6(143, plen=8),
        frames6.data()[:12] + b"\x88\xa8\x00\x0a" + frames6.data()[12:],
        frames6.data()[:12] + b"\x81\x00\x00\x0a\x81\x00\x00\x14" + frames6.data()[12:],
    ]
    pim = [frames6.pim_hello(), frames6.pim_hello("ff02::e")]
    said = [frames6.announcement(group=f"ff{n:02x}::2:7ffe") for n in range(0x20)]
    said += [frames6.announcement(vid=10), frames6.announcement(group="ff0e::2:7fff")]
    return [*plain, *needed, *scopes, *control, *others, *fragments, *chains, *odd, *pim, *said]


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
    announced = [
        frames.announcement(group=group, vid=vid)
        for group in (*ANNOUNCED, "239.1.255.254")
        for vid in VLANS
    ]
    announced += [
        frames.announcement(port=9876),
        frames.announcement(flags="MF"),
        frames.announcement(frag=3),
        frames.announcement(proto=6),
        frames.announcement(options=frames.long_options()),
        frames.announcement(mac="02:00:00:00:00:77"),
        frames.announcement(mac="ff:ff:ff:ff:ff:ff"),
        frames.announcement()[:38],
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
    ipv6 += ipv6_frames()
    return [*plain, *link_local, *control, *announced, *odd, *reserved, *others, *sender, *ipv6]


@pytest.mark.parametrize("seed", range(3))
@in_new_namespace
def test_compiled_decision_is_the_reference_decision(seed: int) -> None:
    """Ideas 93-102, 113-119, 125, 129, 131, 132: SNOOP-30 to 42, 50 to 58, VLAN, L2-1; also
    damaged frames.
    """
    rng = random.Random(seed)
    fastpath, table, mdb = FastPath(), Table(up=UP, names=UP), Mdb()
    whole = all_frames()
    try:
        open_ports(fastpath)
        for _ in range(40):
            for _ in range(rng.randint(1, 4)):
                change(rng, mdb)
            if rng.random() < 0.5:
                port, pvid, horizon = (
                    rng.randrange(PORTS),
                    rng.choice([0, 10, 20]),
                    rng.choice([0, 1, 2]),
                )
                filters, names = rng.random() < 0.7, rng.random() < 0.8
                own = {"filters": filters, "pvid": pvid, "horizon": horizon, "names": names}
                fastpath.port_set(port, up=True, mtu=1500, **own)
                table.horizons[port] = horizon
                table.names = table.names & ~(1 << port) | names << port
                table.pvids.pop(port, None)
                if filters:
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
