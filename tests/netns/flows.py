"""As many flows of multicast as fit in an IPv4 address, each with a source and a group of its own,
time after time: `flows.py INTERFACE FLOWS ROUNDS`, for a host of a lab; the standard library alone.
"""

from __future__ import annotations

import socket
import struct
import sys

HEADER = struct.Struct("!BBHHHBBHII")
UDP = struct.pack("!HHHH", 5004, 5004, 30, 0) + bytes(22)
FIRST_SOURCE, FIRST_GROUP = 0x0B000000, 0xEF640000  # 11.0.0.0, 239.100.0.0


def frame(number: int, mac: bytes) -> bytes:
    source, group = FIRST_SOURCE + number, FIRST_GROUP + number % 0xFFFF
    fields = (0x45, 0, HEADER.size + len(UDP), 0, 0x4000, 16, 17)
    total = sum(struct.unpack("!10H", HEADER.pack(*fields, 0, source, group)))
    total = (total & 0xFFFF) + (total >> 16)
    checksum = 0xFFFF - ((total & 0xFFFF) + (total >> 16))
    ethernet = struct.pack("!HI", 0x0100, 0x5E000000 | group & 0x7FFFFF) + mac + b"\x08\x00"
    return ethernet + HEADER.pack(*fields, checksum, source, group) + UDP


def main() -> None:
    interface, flows, rounds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    wire.bind((interface, 0))
    mac = wire.getsockname()[4]
    kept = [frame(number, mac) for number in range(flows)] if rounds > 1 else []
    for _ in range(rounds):
        for each in kept or (frame(number, mac) for number in range(flows)):
            try:
                wire.send(each)
            except OSError:  # its queue is full: one flow less in this round
                continue


if __name__ == "__main__":
    main()
