"""The processes of the arena, each inside its host's namespace: one attacks, one sends, one
watches, one joins and leaves; one hears what reaches a port of the switch. Standard library only.

    attack --seed N --seconds S --world JSON [--only NAME]…
    send   --seconds S --world JSON
    watch  --world JSON
    join   --seed N --seconds S --world JSON
    hear   --interface PORT --world JSON

What they saw goes to stdout, a JSON object a line; `watch` and `hear` go on until their stdin ends.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import select
import socket
import struct
import sys
import time
from random import Random
from typing import Any

from hostile.attacks import ATTACKS, Burst, World
from snoop.lab.tap import attach_filter

INTERFACE = "eth0"
STREAM_PORT, JOIN_PORT, UNICAST_PORT = 5004, 5006, 5008
TICK_S, STREAM_FRAMES = 0.005, 5  # per tick: bursts of five to the victim, one to each join group
BURST_S = 1.5
JOIN_S = 5.0
GAP = 20  # datagrams missing in a row that are told as they are noticed
MAGIC = b"HOST"
DATAGRAM = struct.Struct("!4sI")
IP_MULTICAST_ALL, SO_RCVBUFFORCE = 49, 33
ETH_P_ALL, ETH_P_IP, SKF_AD_PROTOCOL = 3, 0x0800, 0xFFFFF000
SOL_PACKET, PACKET_VNET_HDR, PACKET_IGNORE_OUTGOING = 263, 15, 23


def world_of(text: str) -> World:
    values = json.loads(text)
    for key in ("mac", "victim_mac", "source_mac", "switch_mac"):
        values[key] = bytes.fromhex(values[key])
    values["join_groups"] = tuple(values["join_groups"])
    return World(**values)


def say(**fields: object) -> None:
    print(json.dumps(fields), flush=True)


# The enemy ---------------------------------------------------------------------------------------


def attack(world: World, seed: int, seconds: float, only: list[str]) -> None:
    random = Random(seed)
    end = time.monotonic() + seconds
    names = only or list(ATTACKS)
    with raw_socket(vnet=False) as plain, raw_socket(vnet=True) as vnet:
        while time.monotonic() < end:
            name = random.choice(names)
            one = Random(random.randrange(1 << 32))
            begin = time.monotonic()
            sent = 0
            for burst in ATTACKS[name](one, world):
                sent += send_burst(vnet if burst.vnet else plain, burst, end)
            say(attack=name, at=begin, frames=sent, seconds=time.monotonic() - begin)


def raw_socket(*, vnet: bool) -> socket.socket:
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 << 20)
    sock.setsockopt(SOL_PACKET, PACKET_VNET_HDR, int(vnet))
    sock.bind((INTERFACE, 0))
    return sock


def send_burst(sock: socket.socket, burst: Burst, end: float) -> int:
    begin, sent = time.monotonic(), 0
    end = min(end, begin + BURST_S)
    for _ in range(burst.repeat):
        for frame in burst.frames:
            if burst.rate and (due := begin + sent / burst.rate - time.monotonic()) > 0:
                time.sleep(due)  # pacing, not synchronisation
            # Its own queue may be full, or the frame one that no interface takes.
            with contextlib.suppress(OSError):
                sock.send(frame)
            sent += 1
            if not sent & 63 and time.monotonic() > end:
                return sent
    return sent


# The others --------------------------------------------------------------------------------------


def send(world: World, seconds: float) -> None:
    """A stream to the victim's group, one to each group to be joined, unicast to the victim."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 1)
    sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, 0)
    sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(world.source))
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 << 20)
    begin = time.monotonic()
    stream = tick = unicast = 0
    filling = bytes(192)
    while time.monotonic() - begin < seconds:
        due = begin + tick * TICK_S - time.monotonic()
        if due > 0:
            time.sleep(due)  # pacing, not synchronisation
        for _ in range(STREAM_FRAMES):
            sock.sendto(DATAGRAM.pack(MAGIC, stream) + filling, (world.group, STREAM_PORT))
            stream += 1
        for group in world.join_groups:
            sock.sendto(DATAGRAM.pack(MAGIC, tick), (group, JOIN_PORT))
        if tick % 2 == 0:
            sock.sendto(DATAGRAM.pack(MAGIC, unicast), (world.victim, UNICAST_PORT))
            unicast += 1
        tick += 1
    say(stream=stream, unicast=unicast)


def watch(world: World) -> None:
    """Count what arrives; answer now and then, as a viewer does who is also a host."""
    member = receiver(world.group, STREAM_PORT)
    join_group(member, world.group, world.victim)
    unicast = receiver(world.victim, UNICAST_PORT)
    counts: dict[str, dict[str, int]] = {
        "stream": {"datagrams": 0, "unique": 0, "reordered": 0, "foreign": 0, "highest": -1},
        "unicast": {"datagrams": 0, "unique": 0, "reordered": 0, "foreign": 0, "highest": -1},
    }
    seen: dict[str, set[int]] = {"stream": set(), "unicast": set()}
    say(watching=True)
    names = {member: "stream", unicast: "unicast"}
    answered = 0.0
    while True:
        ready, _, _ = select.select([member, unicast, sys.stdin], [], [], 1.0)
        for sock in (member, unicast):
            if sock in ready:
                drain(sock, counts[names[sock]], seen[names[sock]])
        if time.monotonic() - answered > 0.2:
            answered = time.monotonic()
            unicast.sendto(b"still here", (world.source, UNICAST_PORT))
        if sys.stdin in ready:
            break
    say(**counts)


def drain(sock: socket.socket, count: dict[str, int], seen: set[int]) -> None:
    while True:
        try:
            data = sock.recv(2048)
        except (BlockingIOError, ConnectionRefusedError):
            return
        if data[:4] != MAGIC:
            count["foreign"] += 1
            continue
        number = DATAGRAM.unpack_from(data)[1]
        if number > count["highest"] + GAP:
            say(gap=number - count["highest"] - 1, until=time.monotonic())
        count["datagrams"] += 1
        count["unique"] += number not in seen
        count["reordered"] += number < count["highest"]
        count["highest"] = max(count["highest"], number)
        seen.add(number)


def join(world: World, seed: int, seconds: float) -> None:
    """Join a group, wait for its first datagram, leave, and again."""
    random = Random(seed)
    end = time.monotonic() + seconds
    address = interface_address()
    while time.monotonic() < end:
        group = random.choice(world.join_groups)
        with receiver(group, JOIN_PORT) as sock:
            begin = time.monotonic()
            join_group(sock, group, address)
            served = bool(select.select([sock], [], [], JOIN_S)[0])
            say(join=group, at=begin, until=time.monotonic(), served=served)
        time.sleep(random.uniform(0.05, 0.7))  # how long this viewer watches something else


def hear(world: World, interface: str) -> None:
    """Says when a host's wish for a group arrives at a port of the switch, as the kernel has it.

    What counts is the time from then: a query of an older version, which anybody may send, has a
    Linux host drop what it was about to report and answer the query in its time.
    """
    groups = {socket.inet_aton(group): group for group in world.join_groups}
    with igmp_tap(interface) as tap:
        say(hearing=True)
        while sys.stdin not in (ready := select.select([tap, sys.stdin], [], [])[0]):
            if tap in ready:
                packet = tap.recv(2048)
                for group in wishes(packet[4 * (packet[0] & 15) :]):
                    if group in groups:
                        say(heard=groups[group], at=time.monotonic())


def wishes(message: bytes) -> list[bytes]:
    """The groups that an IGMP message asks for, from any source."""
    if message[:1] in (b"\x12", b"\x16"):
        return [message[4:8]]
    if message[:1] != b"\x22":
        return []
    groups, at = [], 8
    for _ in range(int.from_bytes(message[6:8])):
        kind, _, sources, group = struct.unpack_from("!BBH4s", message, at)
        at += 8 + 4 * sources
        if kind in (2, 4):  # IS_EX, TO_EX
            groups.append(group)
    return groups


def igmp_tap(interface: str) -> socket.socket:
    """Has the IGMP messages that come in, before the switch takes them from the host's stack."""
    program = (
        (0x28, 0, 0, SKF_AD_PROTOCOL),
        (0x15, 0, 3, ETH_P_IP),
        (0x30, 0, 0, 9),  # the IP header's protocol
        (0x15, 0, 1, socket.IPPROTO_IGMP),
        (0x06, 0, 0, 0xFFFF),
        (0x06, 0, 0, 0),
    )
    tap = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0)
    attach_filter(tap, program)
    tap.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
    tap.bind((interface, ETH_P_ALL))
    return tap


def receiver(address: str, port: int) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 32 << 20)
    sock.setsockopt(socket.IPPROTO_IP, IP_MULTICAST_ALL, 0)
    sock.bind((address, port))
    sock.setblocking(False)
    return sock


def join_group(sock: socket.socket, group: str, address: str) -> None:
    request = socket.inet_aton(group) + socket.inet_aton(address)
    sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, request)


def interface_address() -> str:
    import fcntl

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        answer = fcntl.ioctl(sock, 0x8915, struct.pack("16s24x", INTERFACE.encode()))  # SIOCGIFADDR
    return socket.inet_ntoa(answer[20:24])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("role", choices=("attack", "send", "watch", "join", "hear"))
    parser.add_argument("--world", type=world_of, required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--interface", default=INTERFACE)
    parser.add_argument("--only", action="append", default=[], choices=list(ATTACKS))
    options: Any = parser.parse_args()
    match options.role:
        case "attack":
            attack(options.world, options.seed, options.seconds, options.only)
        case "send":
            send(options.world, options.seconds)
        case "watch":
            watch(options.world)
        case "join":
            join(options.world, options.seed, options.seconds)
        case "hear":
            hear(options.world, options.interface)
