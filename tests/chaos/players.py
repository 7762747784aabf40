"""Processes inside hosts. Each ends when its standard input does. Standard library only.

send INTERFACE STREAM…   numbered datagrams as `snoop.lab` counts them
                         STREAM: NUMBER,GROUP,RATE,OPTIONS
churn                    joins and leaves groups of its own, many times a second
media GROUP SOURCE NAME  RTP without a gap, and once a second its announcement (SAP)
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
MEDIA_RATE, RTP_TS, SAP, SAP_PORT = 100, 33, "239.255.255.255", 9875
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


def media(group: str, source: str, name: str) -> None:
    """A number that was not sent is not used up: what is missing was lost on the way."""
    number, told = 0, 0.0
    stream: socket.socket | None = None
    announcer: socket.socket | None = None
    said = f"v=0\r\no=- 1 1 IN IP4 {source}\r\ns={name}\r\nc=IN IP4 {group}/32\r\nt=0 0\r\n"
    said += f"m=video {DATA_PORT} RTP/AVP {RTP_TS}\r\n"
    announcement = struct.pack("!BBH4s", 0x20, 0, 1, socket.inet_aton(source)) + said.encode()
    while not ended(1 / MEDIA_RATE):
        try:
            stream = stream or opened(group, DATA_PORT)
            announcer = announcer or opened(SAP, SAP_PORT)
            stream.send(struct.pack("!BBHII", 0x80, RTP_TS, number & 0xFFFF, number * 900, 7))
            number += 1
            if time.monotonic() - told > 1:
                announcer.send(announcement)
                told = time.monotonic()
        except OSError:  # the interface or its address is away
            for each in (stream, announcer):
                if each is not None:
                    each.close()
            stream = announcer = None


def opened(group: str, port: int) -> socket.socket:
    return open_sender(INTERFACE, group, port, ttl=8, source=None, source_port=port)


def main() -> None:
    role, *words = sys.argv[1:]
    if role == "send":
        send(words[0], words[1:])
    elif role == "media":
        media(*words)
    else:
        churn(int(words[0]))
