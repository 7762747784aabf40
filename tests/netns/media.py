"""Media as real senders have them, out of a socket of a host: RTP made by scapy, MPEG-TS by hand.

`Told` is the oracle: it knows every number that was ever sent, and not only the newest.
"""

from __future__ import annotations

import random
import socket
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from scapy.layers.rtp import RTP

from snoop.lab.datagrams import open_sender
from snoop.lab.host import Host

TS_BYTES = 188
RTP_TS = 33


def rtp(number: int, body: bytes = bytes(100), ssrc: int = 7, kind: int = 96) -> bytes:
    head = RTP(sequence=number & 0xFFFF, sourcesync=ssrc, payload_type=kind, timestamp=number * 90)
    return bytes(head) + body


def packet(pid: int, counter: int) -> bytes:
    """A transport packet with a payload (ISO/IEC 13818-1 2.4.3.2)."""
    return bytes((0x47, pid >> 8, pid & 0xFF, 0x10 | counter & 15)) + bytes(TS_BYTES - 4)


def packets(first: int, pid: int = 0x100, count: int = 7) -> bytes:
    """Transport packets of one PID in order, and a null packet, which counts nothing."""
    return b"".join(packet(pid, first + i) for i in range(count - 1)) + packet(0x1FFF, 0)


@contextmanager
def sender(host: Host, group: str, port: int = 5004) -> Iterator[socket.socket]:
    with host.inside():
        made = open_sender("eth0", group, port, ttl=8, source=None, source_port=port)
    with made:
        yield made


class Told:
    """What a sender's numbers should say of it."""

    def __init__(self, first: int) -> None:
        self.came: Counter[int] = Counter()
        self.first = self.highest = first
        self.reordered = 0

    def take(self, number: int) -> None:
        self.reordered += number < self.highest and not self.came[number]
        self.came[number] += 1
        self.highest = max(self.highest, number)

    @property
    def lost(self) -> int:
        return sum(not self.came[number] for number in range(self.first, self.highest + 1))

    @property
    def duplicates(self) -> int:
        return sum(count - 1 for count in self.came.values() if count > 1)


def damaged(rng: random.Random, first: int, count: int) -> Iterator[int]:
    """Numbers with what a bad network does to them, after a few that are whole."""
    number = first
    for i in range(count):
        late = i > 40 and rng.random() < 0.03
        if late:
            yield number - rng.randrange(1, 30)
            continue
        number += 1
        if i > 40 and rng.random() < 0.02:
            number += rng.randrange(1, 9)
        yield number
