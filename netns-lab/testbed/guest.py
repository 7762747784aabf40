"""A virtual machine's network card, as far as a switch can tell: a tap device in the switch's
namespace whose far end is this process. What the guest sends has a virtio header of its own
choosing, which no veth peer could send.
"""

from __future__ import annotations

import fcntl
import os
import struct
from types import TracebackType

from pyroute2 import IPRoute

from snoop.lab import namespaces

TUNSETIFF, TUNSETVNETHDRSZ, TUNSETOFFLOAD = 0x400454CA, 0x400454D8, 0x400454D0
IFF_TAP, IFF_NO_PI, IFF_VNET_HDR = 0x2, 0x1000, 0x4000
TUN_F_CSUM, TUN_F_TSO4, TUN_F_TSO6 = 1, 2, 4
VNET = struct.Struct("=BBHHHH")
NEEDS_CSUM = 1
GSO_NONE, GSO_TCPV4, GSO_UDP, GSO_TCPV6, GSO_UDP_L4 = 0, 1, 3, 4, 5


class Guest:
    """A tap `name` in `namespace`, up and with carrier while the guest lives."""

    def __init__(
        self, namespace: str, link: IPRoute, name: str, mac: str, *, mtu: int = 1500
    ) -> None:
        self.name, self.mac = name, mac
        with namespaces.inside(namespace):
            self.fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
            flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR
            fcntl.ioctl(self.fd, TUNSETIFF, struct.pack("16sH22x", os.fsencode(name), flags))
            fcntl.ioctl(self.fd, TUNSETVNETHDRSZ, struct.pack("=i", VNET.size))
        link.link("set", index=namespaces.index_of(link, name), state="up", mtu=mtu)

    def __enter__(self) -> Guest:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        os.close(self.fd)

    def offload(self, flags: int) -> None:
        """What the guest takes: TUN_F_…"""
        fcntl.ioctl(self.fd, TUNSETOFFLOAD, flags)

    def send(
        self,
        frame: bytes,
        *,
        gso_type: int = GSO_NONE,
        gso_size: int = 0,
        header: int = 0,
        checksum: tuple[int, int] | None = None,
    ) -> None:
        """`header`: bytes up to the payload; `checksum`: where it starts, and where in there."""
        start, offset = checksum or (0, 0)
        flags = NEEDS_CSUM if checksum else 0
        vnet = VNET.pack(flags, gso_type, header, gso_size, start, offset)
        os.write(self.fd, vnet + frame)

    def received(self) -> list[tuple[int, bytes]]:
        """(gso_type, frame) of what waits."""
        frames = []
        try:
            while data := os.read(self.fd, 1 << 17):
                frames.append((data[1], data[VNET.size :]))
        except BlockingIOError:
            pass
        return frames
