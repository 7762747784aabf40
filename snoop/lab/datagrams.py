"""What the hosts of the lab send and how what arrives is judged: numbered, checksummed datagrams
and verified TCP.

A datagram is `SNLB`, stream number, sequence number, CRC-32 of everything else in it, and a filling
up to the wanted size. A `Tally` tells lost, doubled, reordered and damaged ones apart. Standard
library only; used inside the agent.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
import zlib

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

DATA_PORT = 5004
UDP_SEGMENT = 103
IP_MTU_DISCOVER, IPV6_MTU_DISCOVER, PMTUDISC_DONT, PMTUDISC_DO = 10, 23, 0, 2
HEADER = struct.Struct("!4sIII")
MAGIC = b"SNLB"
FILLING = bytes(range(256)) * 256
TCP_BLOCK = FILLING[: 1 << 16] * 4


def payload(stream: int, sequence: int, size: int) -> bytes:
    """One datagram of `size` bytes (at least 16)."""
    filling = FILLING[: max(0, size - HEADER.size)]
    crc = zlib.crc32(filling, zlib.crc32(struct.pack("!II", stream, sequence)))
    return HEADER.pack(MAGIC, stream, sequence, crc) + filling


class Tally:
    """Counts of the datagrams of one (source, destination)."""

    def __init__(self) -> None:
        self.datagrams = self.bytes = self.fragments = self.frames = 0
        self.unique = self.duplicates = self.reordered = self.corrupt = 0
        self.first_ns = self.last_ns = 0
        self.highest: dict[int, int] = {}
        self.seen: dict[int, bytearray] = {}

    def stamp(self, now_ns: int) -> None:
        self.frames += 1
        self.first_ns = self.first_ns or now_ns
        self.last_ns = now_ns

    def datagram(self, data: bytes | memoryview) -> None:
        self.datagrams += 1
        self.bytes += len(data)
        if len(data) < HEADER.size or bytes(data[:4]) != MAGIC:
            return
        _, stream, sequence, crc = HEADER.unpack_from(data)
        if zlib.crc32(data[HEADER.size :], zlib.crc32(data[4:12])) != crc or sequence >= 1 << 26:
            self.corrupt += 1
            return
        seen = self.seen.setdefault(stream, bytearray())
        if sequence >= len(seen):
            seen.extend(bytes(sequence + 4096 - len(seen)))
        if seen[sequence]:
            self.duplicates += 1
            return
        seen[sequence] = 1
        self.unique += 1
        highest = self.highest.get(stream, -1)
        if sequence < highest:
            self.reordered += 1
        else:
            self.highest[stream] = sequence

    def gaps(self) -> tuple[int, int]:
        """How many are missing between the first and the last number received of each stream, and
        how far behind the first the last of them is.
        """
        missing, behind = 0, 0
        for stream, highest in self.highest.items():
            seen = self.seen[stream]
            lowest = seen.find(1)
            missing += seen.count(0, lowest, highest)
            behind = max(behind, seen.rfind(0, lowest, highest) - lowest)
        return missing, max(0, behind)

    def as_dict(self) -> dict[str, int]:
        names = (
            "datagrams bytes fragments frames unique duplicates reordered corrupt first_ns last_ns"
        )
        missing, behind = self.gaps()
        values = {name: getattr(self, name) for name in names.split()}
        return {**values, "missing": missing, "last_missing": behind}


def family(address: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def endpoint(address: str, port: int, ifindex: int) -> tuple[str, int] | tuple[str, int, int, int]:
    """What `bind` and `connect` take; the interface counts for link-local addresses only."""
    return (address, port, 0, ifindex) if ":" in address else (address, port)


def open_sender(
    interface: str, destination: str, port: int, *, ttl: int, source: str | None, source_port: int
) -> socket.socket:
    """A socket that sends to the destination through this interface."""
    sock = socket.socket(family(destination), socket.SOCK_DGRAM)
    try:
        ifindex = socket.if_nametoindex(interface)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 << 20)
        if sock.family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, ttl)
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_LOOP, 0)
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, ifindex)
        else:
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, ttl)
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, 0)
            mreqn = bytes(8) + struct.pack("=i", ifindex)
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, mreqn)
        anywhere = "::" if sock.family == socket.AF_INET6 else ""
        sock.bind(endpoint(source or anywhere, source_port, ifindex))
        sock.connect(endpoint(destination, port, ifindex))
    except OSError:
        sock.close()
        raise
    return sock


def udp_send(
    *,
    interface: str,
    destination: str,
    port: int = DATA_PORT,
    count: int = 1,
    size: int = 200,
    rate: float = 0.0,
    stream: int = 0,
    first: int = 0,
    source: str | None = None,
    source_port: int = 0,
    ttl: int = 1,
    segments: int = 1,
    dont_fragment: bool = True,
    seconds: float = 0.0,
    stopped: Callable[[], object] = bool,
) -> dict[str, float]:
    """Send `count` datagrams, `rate` per second (0: as fast as the socket takes them), `segments`
    per GSO send.

    With `seconds` it ends after that time, whatever `count` says, and in any case once it is
    `stopped`. Returns what was really sent and in what time.
    """
    with open_sender(
        interface, destination, port, ttl=ttl, source=source, source_port=source_port
    ) as sock:
        # UDP GSO refuses what would need fragments; big datagrams are sent to be fragmented.
        discover = PMTUDISC_DO if dont_fragment else PMTUDISC_DONT
        if sock.family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, IPV6_MTU_DISCOVER, discover)
        else:
            sock.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, discover)
        if segments > 1:
            sock.setsockopt(socket.SOL_UDP, UDP_SEGMENT, size)
        begin = time.monotonic()
        sent = 0
        while sent < count and not stopped():
            if rate and (due := begin + sent / rate - time.monotonic()) > 0:
                time.sleep(due)  # pacing, not synchronisation
            if seconds and time.monotonic() - begin > seconds:
                break
            batch = min(segments, count - sent)
            data = b"".join(payload(stream, first + sent + i, size) for i in range(batch))
            with contextlib.suppress(ConnectionRefusedError):
                sock.send(data)
                sent += batch
        return {"sent": sent, "seconds": time.monotonic() - begin, "bytes": sent * size}


def udp_bursts(
    *,
    interface: str,
    destination: str,
    bursts: int,
    burst: int,
    size: int,
    rate: float,
    port: int = DATA_PORT,
    stream: int = 0,
    first: int = 0,
    ttl: int = 16,
    source_port: int = 0,
    stopped: Callable[[], object] = bool,
) -> dict[str, float]:
    """Send `bursts` times `burst` datagrams, each burst in one system call (sendmmsg), `rate`
    bursts per second. They wait for the switch together, as those of a busy sender do.
    """
    import ctypes  # a tenth of an agent's start, and few send so

    libc = ctypes.CDLL(None, use_errno=True)
    with open_sender(
        interface, destination, port, ttl=ttl, source=None, source_port=source_port
    ) as sock:
        begin = time.monotonic()
        sent = 0
        for number in range(bursts):
            if stopped():
                break
            if (due := begin + number / rate - time.monotonic()) > 0:
                time.sleep(due)  # pacing, not synchronisation
            at = first + number * burst
            # mmsghdr: msghdr (name, its length, iovec, count, control, its length, flags), length.
            data = [ctypes.create_string_buffer(payload(stream, at + i, size), size)
                    for i in range(burst)]  # fmt: skip
            vectors = ctypes.create_string_buffer(
                b"".join(struct.pack("@PN", ctypes.addressof(each), size) for each in data)
            )
            where = ctypes.addressof(vectors)
            messages = ctypes.create_string_buffer(
                b"".join(
                    struct.pack("@PI4xPNPNi4xI4x", 0, 0, where + 16 * i, 1, 0, 0, 0, 0)
                    for i in range(burst)
                )
            )
            done = libc.sendmmsg(sock.fileno(), messages, burst, 0)
            if done < 0:
                raise OSError(ctypes.get_errno(), "sendmmsg")
            sent += done
        return {"sent": sent, "seconds": time.monotonic() - begin}


def tcp_serve(port: int, verify: bool) -> None:
    """Accept on `port` for ever; answer each connection with the bytes and the CRC-32 it
    received.
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("", port))
    listener.listen(16)

    def serve() -> None:
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=receive, args=(connection,), daemon=True).start()

    def receive(connection: socket.socket) -> None:
        total = crc = 0
        buffer = bytearray(1 << 20)
        with connection, contextlib.suppress(OSError):
            while taken := connection.recv_into(buffer):
                total += taken
                if verify:
                    crc = zlib.crc32(memoryview(buffer)[:taken], crc)
            connection.sendall(struct.pack("!QI", total, crc))

    threading.Thread(target=serve, daemon=True).start()


def tcp_send(
    *, interface: str, destination: str, port: int, seconds: float = 0.0, blocks: int = 0
) -> dict[str, Any]:
    """Push TCP for `seconds` or `blocks` of 256 KiB. `intact` compares the receiver's CRC (it
    must verify).
    """
    del interface  # unicast follows the route
    crc = sent = 0
    with socket.create_connection((destination, port), timeout=20) as sock:
        begin = time.monotonic()
        done = 0
        while (blocks and done < blocks) or (seconds and time.monotonic() - begin < seconds):
            sock.sendall(TCP_BLOCK)
            sent += len(TCP_BLOCK)
            done += 1
            if blocks:
                crc = zlib.crc32(TCP_BLOCK, crc)
        sock.shutdown(socket.SHUT_WR)
        total, their_crc = struct.unpack("!QI", sock.recv(12, socket.MSG_WAITALL))
        elapsed = time.monotonic() - begin
    return {"sent": sent, "received": total, "seconds": elapsed, "intact": their_crc == crc}
