"""Processes inside hosts. Each ends when its standard input does. Standard library only.

send INTERFACE STREAM…   numbered datagrams as `snoop.lab` counts them
                         STREAM: NUMBER,GROUP,RATE,OPTIONS
churn                    joins and leaves groups of its own, many times a second
"""

from __future__ import annotations

import contextlib
import select
import socket
import struct
import sys
import time
from random import Random

from snoop.lab.datagrams import DATA_PORT, family, open_sender, payload

INTERFACE = "eth0"
SIZE = 200
IP_OPTIONS, NOPS = 4, b"\x01\x01\x01\x01"
IP_MULTICAST_ALL, IPV6_MULTICAST_ALL = 49, 29
MCAST_JOIN_GROUP, MCAST_LEAVE_GROUP = 42, 45
LATE_S = 0.05  # one who could not send for so long goes on from there, and makes up for nothing


def ended(within: float) -> bool:
    """Whether our standard input has, waiting so many seconds."""
    return bool(select.select([0], [], [], max(0.0, within))[0])


class Sending:
    """One stream; a number goes out once, and what could not be sent is not counted as sent."""

    def __init__(
        self, interface: str, number: int, group: str, rate: int, *, options: bool
    ) -> None:
        self.interface, self.number, self.group, self.options = interface, number, group, options
        self.every = 1 / rate
        self.due = time.monotonic()
        self.sequence = 0
        self.sock: socket.socket | None = None

    def send(self) -> None:
        now = time.monotonic()
        self.due = max(self.due + self.every, now - LATE_S)
        try:
            self.sock = self.sock or self.open()
            self.sock.send(payload(self.number, self.sequence, SIZE))
            self.sequence += 1
        except OSError:  # the interface or its address is away
            self.close()
            self.due = now + LATE_S

    def open(self) -> socket.socket:
        sock = open_sender(
            self.interface,
            self.group,
            DATA_PORT,
            ttl=4,
            source=None,
            source_port=4000 + self.number,
        )
        if self.options:
            sock.setsockopt(socket.IPPROTO_IP, IP_OPTIONS, NOPS)
        return sock

    def close(self) -> None:
        if self.sock:
            self.sock.close()
        self.sock = None


def send(interface: str, words: list[str]) -> None:
    streams = []
    for word in words:
        number, group, rate, options = word.split(",")
        made = Sending(interface, int(number), group, int(rate), options=options == "yes")
        streams.append(made)
    while True:
        first = min(streams, key=lambda stream: stream.due)
        if ended(first.due - time.monotonic()):
            return
        first.send()


def churn(seed: int) -> None:
    random = Random(seed)
    groups = [f"239.3.3.{n}" for n in range(1, 9)] + [f"ff0e::3:{n}" for n in range(1, 9)]
    joined: dict[str, socket.socket] = {}
    while not ended(random.uniform(0.02, 0.3)):
        group = random.choice(groups)
        if (sock := joined.pop(group, None)) is not None:
            sock.close()
            continue
        sock = socket.socket(family(group), socket.SOCK_DGRAM)
        level = socket.IPPROTO_IPV6 if ":" in group else socket.IPPROTO_IP
        kind = "=HHI16s" if ":" in group else "=HH4s"
        packed = socket.inet_pton(sock.family, group)
        fields = (sock.family, 0, 0, packed) if ":" in group else (sock.family, 0, packed)
        with contextlib.suppress(OSError):
            wanted = struct.pack("=I4x", socket.if_nametoindex(INTERFACE))
            wanted += struct.pack(kind, *fields).ljust(128, b"\0")
            sock.setsockopt(level, MCAST_JOIN_GROUP, wanted)
        joined[group] = sock


def main() -> None:
    role, *words = sys.argv[1:]
    if role == "send":
        send(words[0], words[1:])
    else:
        churn(int(words[0]))
