"""A virtual machine's network card, as far as a switch can tell: a tap device in the switch's
namespace whose far end is this process. What the guest sends has a virtio header of its own
choosing, which no veth peer could send; what it takes is what it negotiates.
"""

from __future__ import annotations

import fcntl
import os
import struct
from types import TracebackType
from typing import NamedTuple

from pyroute2 import IPRoute

from snoop.lab import namespaces

TUNSETIFF, TUNSETVNETHDRSZ, TUNSETOFFLOAD = 0x400454CA, 0x400454D8, 0x400454D0
TUNSETPERSIST = 0x400454CB
IFF_TAP, IFF_NO_PI, IFF_VNET_HDR, IFF_MULTI_QUEUE = 0x2, 0x1000, 0x4000, 0x100
TUN_F_CSUM, TUN_F_TSO4, TUN_F_TSO6, TUN_F_USO4, TUN_F_USO6 = 1, 2, 4, 0x20, 0x40
VNET = struct.Struct("=BBHHHH")
NEEDS_CSUM = 1
GSO_NONE, GSO_TCPV4, GSO_UDP, GSO_TCPV6, GSO_UDP_L4 = 0, 1, 3, 4, 5


class Arrived(NamedTuple):
    """A frame, with what its virtio header says; nothing for a guest that has none."""

    frame: bytes
    flags: int = 0
    gso_type: int = GSO_NONE
    gso_size: int = 0
    start: int = 0  # of the checksum to be finished
    offset: int = 0


class Guest:
    """A tap `name` in `namespace`, up and with carrier while the guest lives.

    Without `header` it has no virtio header, as old or simple hypervisors; `queues` of several are
    read one after the other, and `send` takes the first; `persist` leaves the tap when it ends.
    """

    def __init__(
        self,
        namespace: str,
        link: IPRoute,
        name: str,
        mac: str,
        *,
        mtu: int = 1500,
        header: bool = True,
        queues: int = 1,
        persist: bool = False,
    ) -> None:
        self.name, self.mac, self.header = name, mac, header
        self.fds: list[int] = []
        flags = IFF_TAP | IFF_NO_PI
        flags |= IFF_VNET_HDR if header else 0
        flags |= IFF_MULTI_QUEUE if queues > 1 else 0
        with namespaces.inside(namespace):
            for _ in range(queues):
                fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
                self.fds.append(fd)
                fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH22x", os.fsencode(name), flags))
        self.fd = self.fds[0]
        if header:
            fcntl.ioctl(self.fd, TUNSETVNETHDRSZ, struct.pack("=i", VNET.size))
        if persist:
            fcntl.ioctl(self.fd, TUNSETPERSIST, 1)
        link.link("set", index=namespaces.index_of(link, name), state="up", mtu=mtu)

    def __enter__(self) -> Guest:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """The hypervisor ends."""
        while self.fds:
            os.close(self.fds.pop())

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
        flags: int | None = None,
    ) -> None:
        """`header`: bytes up to the payload; `checksum`: where it starts, and where in there.

        OSError for what the kernel does not take from a guest.
        """
        start, offset = checksum or (0, 0)
        if flags is None:
            flags = NEEDS_CSUM if checksum else 0
        vnet = VNET.pack(flags, gso_type, header, gso_size, start, offset) if self.header else b""
        os.write(self.fd, vnet + frame)

    def received(self) -> list[Arrived]:
        """What waits."""
        arrived = []
        for fd in self.fds:
            try:
                while data := os.read(fd, 1 << 17):
                    arrived.append(self._read(data))
            except BlockingIOError:
                pass
        return arrived

    def _read(self, data: bytes) -> Arrived:
        if not self.header:
            return Arrived(data)
        flags, gso_type, _, gso_size, start, offset = VNET.unpack_from(data)
        return Arrived(data[VNET.size :], flags, gso_type, gso_size, start, offset)
