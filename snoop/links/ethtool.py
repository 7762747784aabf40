"""What an interface's hardware does to frames before anybody sees them.

Large receive offload glues frames together for good, so a switch must not run on it. The other
offloads can be undone and are (native/README.md). What a device does to frames on their way out
says whether it takes runs (`runs.py`).
"""

from __future__ import annotations

import array
import ctypes
import fcntl
import socket
import struct
from collections.abc import Iterable
from functools import cache
from typing import NamedTuple

from snoop.links.interfaces import Link
from snoop.printable import kernel_name

_SIOCETHTOOL = 0x8946
_ETHTOOL_GSET, _SETTINGS_BYTES = 0x1, 44
_ETHTOOL_GFLAGS = 0x25
_ETH_FLAG_LRO = 1 << 15
_ETHTOOL_GDRVINFO, _ETHTOOL_GSTRINGS, _ETHTOOL_GSSET_INFO, _ETHTOOL_GFEATURES = (
    0x3, 0x1B, 0x37, 0x3A,
)  # fmt: skip
_ETH_SS_FEATURES, _STRING_BYTES, _DRVINFO_BYTES = 4, 32, 196
_UDP_SEGMENTATION = b"tx-udp-segmentation"
AGAIN_NS = 20 * 10**9
_KNOWN_MAX = 512  # twice the ports there can be: names come and go


def large_receive(name: str) -> bool:
    """Is large receive offload on? False also where the driver has no answer."""
    answer = array.array("I", [_ETHTOOL_GFLAGS, 0])
    request = struct.pack("16sP16x", kernel_name(name)[:15], answer.buffer_info()[0])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            fcntl.ioctl(sock, _SIOCETHTOOL, request)
        except OSError:
            return False
    return bool(answer[1] & _ETH_FLAG_LRO)


def segments_udp(name: str) -> bool:
    """Does the device cut a run of UDP datagrams itself? False also where it has no answer."""
    try:
        index, count = _udp_segmentation(name)
        blocks = (count + 31) // 32
        answer = bytearray(struct.pack("=II", _ETHTOOL_GFEATURES, blocks) + bytes(16 * blocks))
        _ethtool(name, answer)
    except OSError:
        return False
    # Four words a block: available, requested, active, never_changed.
    active = struct.unpack_from("=I", answer, 8 + 16 * (index // 32) + 8)[0]
    return bool(active >> index % 32 & 1)


def speed(name: str) -> int | None:
    """The link's speed in Mbit/s; None where it has none, or is not known."""
    answer = bytearray(struct.pack("=I", _ETHTOOL_GSET).ljust(_SETTINGS_BYTES, b"\0"))
    try:
        _ethtool(name, answer)
    except OSError:
        return None
    (low,), (high,) = struct.unpack_from("=H", answer, 12), struct.unpack_from("=H", answer, 28)
    mbit = high << 16 | low
    return None if mbit in (0, 0xFFFF, 0xFFFFFFFF) else int(mbit)


class Device(NamedTuple):
    """What a device says of its link: the speed in Mbit/s, and whether large receive is on."""

    speed: int | None
    large_receive: bool


UNKNOWN = Device(None, False)


class Devices:
    """Remembers what devices said: each question is some 20 us in the kernel, goes to a driver, and
    waits for the kernel's lock on interfaces (`asking.py`).

    Asked again when the link has changed, and after AGAIN_NS: not every change is told.
    """

    def __init__(self) -> None:
        self._known: dict[str, tuple[Link, int, Device]] = {}

    def old(self, links: Iterable[Link], now: int) -> list[Link]:
        """Those of which it is time to ask."""
        return [link for link in links if not self._is_fresh(link, now)]

    def learn(self, said: Iterable[tuple[Link, Device]], now: int) -> None:
        """What `ask` has returned."""
        for link, device in said:
            if len(self._known) >= _KNOWN_MAX:
                self._known.clear()
            self._known[link.name] = link, now, device

    def of(self, link: Link) -> Device:
        """What the device of a link said last."""
        known = self._known.get(link.name)
        return UNKNOWN if known is None or known[0].ifindex != link.ifindex else known[2]

    def _is_fresh(self, link: Link, now: int) -> bool:
        known = self._known.get(link.name)
        return known is not None and known[0] == link and now - known[1] < AGAIN_NS


def ask(links: Iterable[Link]) -> list[tuple[Link, Device]]:
    """What the devices of these say, from any thread."""
    return [(link, Device(speed(link.name), large_receive(link.name))) for link in links]


def driver(name: str) -> str:
    """The driver's name, or ""."""
    answer = bytearray(struct.pack("=I", _ETHTOOL_GDRVINFO).ljust(_DRVINFO_BYTES, b"\0"))
    try:
        _ethtool(name, answer)
    except OSError:
        return ""
    return bytes(answer[4:36]).split(b"\0")[0].decode(errors="replace")


@cache
def _udp_segmentation(name: str) -> tuple[int, int]:
    """The feature's bit and how many bits there are: the running kernel's; OSError."""
    info = bytearray(struct.pack("=IIQI", _ETHTOOL_GSSET_INFO, 0, 1 << _ETH_SS_FEATURES, 0))
    _ethtool(name, info)
    count = struct.unpack_from("=I", info, 16)[0]
    answer = bytearray(struct.pack("=III", _ETHTOOL_GSTRINGS, _ETH_SS_FEATURES, count))
    answer += bytes(count * _STRING_BYTES)
    _ethtool(name, answer)
    for index in range(count):
        at = 12 + index * _STRING_BYTES
        if bytes(answer[at : at + _STRING_BYTES]).rstrip(b"\0") == _UDP_SEGMENTATION:
            return index, count
    raise OSError(f"no feature {_UDP_SEGMENTATION.decode()}")


def _ethtool(name: str, answer: bytearray) -> None:
    """One SIOCETHTOOL; the answer comes where the question was."""
    buffer = (ctypes.c_char * len(answer)).from_buffer(answer)
    request = struct.pack("16sP16x", kernel_name(name)[:15], ctypes.addressof(buffer))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        fcntl.ioctl(sock, _SIOCETHTOOL, request)
