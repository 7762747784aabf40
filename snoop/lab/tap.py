"""The agent's ear on its interface: an AF_PACKET tap that counts, keeps and recognises frames, and
a raw sender.

The tap sees frames as the switch delivered them, whoever they are for. The kernel moves an 802.1Q
tag out of the frame and may deliver a whole run of UDP datagrams as one super-frame: the auxiliary
data and the virtio header tell, and the tap puts the tag back and counts the datagrams. Standard
library only; used inside the agent.
"""

from __future__ import annotations

import array
import contextlib
import errno
import socket
import struct
import time

from snoop.lab.datagrams import Tally

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

ETH_P_ALL, ETH_P_IP, ETH_P_IPV6, ETH_P_MARKER = 3, 0x0800, 0x86DD, 0x88B5
SOL_PACKET, PACKET_AUXDATA, PACKET_STATISTICS = 263, 8, 6
PACKET_VNET_HDR, PACKET_IGNORE_OUTGOING = 15, 23
SO_RCVBUFFORCE, SO_ATTACH_FILTER, SO_TIMESTAMPNS = 33, 26, 35
VLAN_VALID, VLAN_TPID_VALID = 0x10, 0x40
GSO_UDP_L4 = 5
HOP_BY_HOP, FRAGMENT, MLD_TYPES = 0, 44, (130, 131, 132, 143, 151, 152, 153)
VNET = struct.Struct("=BBHHHH")
AUXDATA = struct.Struct("=IIIHHHH")
TIMESPEC = struct.Struct("=qq")
FRAMES_MAX = 20_000
READ_MAX = 512

# ld proto; jeq IPv4 ? : accept; ldb [net + 9]; jeq TCP ? drop; accept
NO_TCP = ((0x20, 0, 0, 0xFFFFF000), (0x15, 0, 2, 0x0800), (0x30, 0, 0, 0xFFF00009), (0x15, 1, 0, 6))
ACCEPT, DROP = (0x06, 0, 0, 0x40000), (0x06, 0, 0, 0)


class Frame:  # not a dataclass, whose import is half of an agent's start
    """One captured frame, tag included. `gso_size` is 0 unless it is a super-frame."""

    __slots__ = ("checksum_partial", "data", "gso_size", "time_ns")

    def __init__(self, time_ns: int, data: bytes, gso_size: int, checksum_partial: bool) -> None:
        self.time_ns = time_ns
        self.data = data
        self.gso_size = gso_size
        self.checksum_partial = checksum_partial

    def as_dict(self) -> dict[str, Any]:
        return {
            "time_ns": self.time_ns,
            "frame": self.data.hex(),
            "gso_size": self.gso_size,
            "checksum_partial": self.checksum_partial,
        }


def enlarge(sock: socket.socket, size: int) -> None:
    """As large a receive buffer as we may have: `size`, or what the machine allows anybody."""
    try:
        sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, size)
    except PermissionError:  # root of a user namespace is not root here
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, size)


def attach_filter(sock: socket.socket, program: tuple[tuple[int, int, int, int], ...]) -> None:
    code = array.array("B", b"".join(struct.pack("=HBBI", *step) for step in program))
    fprog = struct.pack("@HP", len(program), code.buffer_info()[0])
    sock.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, fprog)


class Tap:
    def __init__(self, interface: str, *, on: bool = True, tcp: bool = False) -> None:
        # Opened on no protocol and bound last: no frame gets in before the options are set.
        self.sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        enlarge(self.sock, 128 << 20)
        self.sock.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
        self.sock.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
        self.sock.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
        self.sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        if not tcp:
            attach_filter(self.sock, (*NO_TCP, ACCEPT, DROP))
        self.sock.setblocking(False)
        if on:
            self.sock.bind((interface, ETH_P_ALL))
        self.buffer = bytearray(1 << 18)
        self.view = memoryview(self.buffer)
        self.record = "control"
        self.lost = 0
        self.reset()
        self.markers: set[str] = set()

    def reset(self) -> None:
        self.forgiven = self.drops()
        self.frames: list[Frame] = []
        self.tallies: dict[tuple[int, bytes, bytes], Tally] = {}

    def drops(self) -> int:
        """Frames that this tap was too slow for: a test that counts on it must see 0."""
        stats = self.sock.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8)
        self.lost += struct.unpack("=II", stats)[1]
        return self.lost

    def missed(self) -> int:
        """Those since the last reset."""
        return self.drops() - self.forgiven

    def read(self, most: int = READ_MAX) -> None:
        with contextlib.suppress(BlockingIOError):
            for _ in range(most):
                try:
                    size, extra, _, _ = self.sock.recvmsg_into([self.view], 256)
                except OSError as error:
                    if error.errno == errno.ENETDOWN:
                        continue  # told once when the interface goes; frames follow when it is back
                    raise
                self.take(size, extra)

    def take(self, size: int, extra: list[tuple[int, int, bytes]]) -> None:
        tag, now_ns = b"", 0
        for level, kind, data in extra:
            if level == SOL_PACKET and kind == PACKET_AUXDATA:
                status, _, _, _, _, tci, tpid = AUXDATA.unpack_from(data)
                if status & VLAN_VALID:
                    tpid = tpid if status & VLAN_TPID_VALID else 0x8100
                    tag = struct.pack("!HH", tpid, tci)
            elif level == socket.SOL_SOCKET and kind == SO_TIMESTAMPNS:
                seconds, nanoseconds = TIMESPEC.unpack_from(data)
                now_ns = seconds * 1_000_000_000 + nanoseconds
        flags, gso_type, _, gso_size, _, _ = VNET.unpack_from(self.buffer)
        frame = self.view[VNET.size : size]
        ethertype = int.from_bytes(frame[12:14], "big")
        control = False
        if ethertype == ETH_P_IP and len(frame) >= 34:
            control = frame[23] in (2, 103)
            vid = int.from_bytes(tag[2:], "big") & 0xFFF if tag else 0
            self.count(vid, frame, gso_size if gso_type == GSO_UDP_L4 else 0, now_ns)
        elif ethertype == ETH_P_IPV6 and len(frame) >= 54:
            control = mld_or_pim(frame)
            vid = int.from_bytes(tag[2:], "big") & 0xFFF if tag else 0
            self.count6(vid, frame, gso_size if gso_type == GSO_UDP_L4 else 0, now_ns)
        elif ethertype == ETH_P_MARKER:
            self.markers.add(bytes(frame[14:22]).hex())
            return
        keep = self.record == "all" or (control and self.record == "control")
        if keep and len(self.frames) < FRAMES_MAX:
            whole = bytes(frame[:12]) + tag + bytes(frame[12:])
            self.frames.append(Frame(now_ns, whole, gso_size, bool(flags & 1)))

    def count(self, vid: int, frame: memoryview, gso_size: int, now_ns: int) -> None:
        tally = self.tally(vid, frame[26:30], frame[30:34])
        tally.stamp(now_ns)
        start = 14 + (frame[14] & 0xF) * 4
        if int.from_bytes(frame[20:22], "big") & 0x3FFF:
            tally.fragments += 1
        elif frame[23] == 17:
            take_run(tally, frame, start, 14 + int.from_bytes(frame[16:18], "big"), gso_size)

    def count6(self, vid: int, frame: memoryview, gso_size: int, now_ns: int) -> None:
        tally = self.tally(vid, frame[22:38], frame[38:54])
        tally.stamp(now_ns)
        if frame[20] == FRAGMENT:
            tally.fragments += 1
        elif frame[20] == 17:
            take_run(tally, frame, 54, 54 + int.from_bytes(frame[18:20], "big"), gso_size)

    def tally(self, vid: int, source: memoryview, destination: memoryview) -> Tally:
        key = (vid, bytes(source), bytes(destination))
        tally = self.tallies.get(key)
        if tally is None:
            tally = self.tallies[key] = Tally()
        return tally

    def counts(self) -> list[dict[str, Any]]:
        return [
            {
                "vid": vid,
                "source": text_of(source),
                "destination": text_of(destination),
                **tally.as_dict(),
            }
            for (vid, source, destination), tally in self.tallies.items()
        ]


def take_run(tally: Tally, frame: memoryview, start: int, end: int, gso_size: int) -> None:
    """The datagram, or all those of a super-frame, whose UDP header begins at `start`."""
    step = gso_size or 1 << 17
    for at in range(start + 8, max(end, start + 9), step):
        tally.datagram(frame[at : min(at + step, end)])


def mld_or_pim(frame: memoryview) -> bool:
    """Of IPv6, as its hosts and routers send them: MLD is behind a hop-by-hop header."""
    if frame[20] == HOP_BY_HOP and len(frame) > 62 and frame[54] == 58:
        at = 62 + 8 * frame[55]
        return len(frame) > at and frame[at] in MLD_TYPES
    return frame[20] == 103


def text_of(address: bytes) -> str:
    return socket.inet_ntop(socket.AF_INET if len(address) == 4 else socket.AF_INET6, address)


def raw_send(
    *,
    interface: str,
    frames: list[str],
    rate: float = 0.0,
    repeat: int = 1,
    seconds: float = float("inf"),
    stopped: Callable[[], object] = bool,
) -> dict[str, float]:
    """Send whole frames (hex, tag included) as they are, for `seconds` at most and until `stopped`;
    `refused` counts those the interface would not take.
    """
    refused = sent = 0
    data = [bytes.fromhex(frame) for frame in frames]
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 << 20)
        sock.bind((interface, 0))
        begin = time.monotonic()
        for _ in range(repeat):
            if time.monotonic() - begin > seconds or stopped():
                break
            for frame in data:
                if rate and (due := begin + (sent + refused) / rate - time.monotonic()) > 0:
                    time.sleep(due)  # pacing, not synchronisation
                try:
                    sock.send(frame)
                    sent += 1
                except OSError:
                    refused += 1
        return {"sent": sent, "refused": refused, "seconds": time.monotonic() - begin}
