"""What `Pair` says, in either family; nothing here shares a line with `snoop.wire`.

Groups, sources, hosts and routers are 4 bytes, as the model has them. Over IPv6 they are the last
four of an address: groups of ff0e:: or, for 232.0.0.0/8, of ff3e::, sources of 2001:db8::, the
rest link-local.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Protocol

from unit.frames import _sum, quick_report, quick_v2, quick_v3_query

Record = tuple[int, bytes, Sequence[bytes]]
NOBODY = bytes(4)


class Spoken(Protocol):
    """A family: the 16-byte form of what is 4 bytes in the model, and messages."""

    compatibility: Mapping[str, str]

    def group(self, address: bytes) -> bytes: ...
    def source(self, address: bytes) -> bytes: ...
    def sender(self, address: bytes) -> bytes: ...
    def report(self, records: Iterable[Record], src: bytes) -> bytes: ...
    def old_report(self, group: bytes, src: bytes) -> bytes: ...
    def leave(self, group: bytes, src: bytes) -> bytes: ...
    def old_query(self, group: bytes, src: bytes, tenths: int) -> bytes: ...
    def query(
        self, group: bytes, sources: Sequence[bytes], src: bytes, tenths: int, *,
        suppress: bool, qrv: int, qqic: int,
    ) -> bytes: ...  # fmt: skip


class Igmp:
    """As it is."""

    compatibility: Mapping[str, str] = MappingProxyType(
        {name: name for name in ("igmpv1", "igmpv2", "igmpv3")}
    )

    def group(self, address: bytes) -> bytes:
        return bytes(10) + b"\xff\xff" + address

    source = sender = group

    def report(self, records: Iterable[Record], src: bytes) -> bytes:
        return quick_report(records, src)

    def old_report(self, group: bytes, src: bytes) -> bytes:
        return quick_v2(0x16, group, src)

    def leave(self, group: bytes, src: bytes) -> bytes:
        return quick_v2(0x17, group, src)

    def old_query(self, group: bytes, src: bytes, tenths: int) -> bytes:
        return quick_v2(0x11, group, src, code=tenths)

    def query(
        self, group: bytes, sources: Sequence[bytes], src: bytes, tenths: int, *,
        suppress: bool, qrv: int, qqic: int,
    ) -> bytes:  # fmt: skip
        return quick_v3_query(
            group, sources, src, code=tenths, suppress=suppress, qrv=qrv, qqic=qqic
        )


class Mld:
    """The same in ICMPv6."""

    compatibility: Mapping[str, str] = MappingProxyType({"mldv1": "igmpv2", "mldv2": "igmpv3"})

    def group(self, address: bytes) -> bytes:
        return (b"\xff\x3e" if address[0] == 232 else b"\xff\x0e") + bytes(10) + address

    def source(self, address: bytes) -> bytes:
        return b"\x20\x01\x0d\xb8" + bytes(8) + address

    def sender(self, address: bytes) -> bytes:
        return b"\xfe\x80" + bytes(10) + address

    def report(self, records: Iterable[Record], src: bytes) -> bytes:
        body, count = b"", 0
        for kind, group, sources in records:
            body += struct.pack("!BBH", kind, 0, len(sources)) + self.group(group)
            body += b"".join(map(self.source, sources))
            count += 1
        message = struct.pack("!BBHHH", 143, 0, 0, 0, count) + body
        return self._frame(message, src, b"\xff\x02" + bytes(13) + b"\x16")

    def old_report(self, group: bytes, src: bytes) -> bytes:
        return self._old(131, group, src, 0, self.group(group))

    def leave(self, group: bytes, src: bytes) -> bytes:
        return self._old(132, group, src, 0, b"\xff\x02" + bytes(13) + b"\x02")

    def old_query(self, group: bytes, src: bytes, tenths: int) -> bytes:
        return self._old(130, group, src, 100 * tenths, self._asked(group))

    def query(
        self, group: bytes, sources: Sequence[bytes], src: bytes, tenths: int, *,
        suppress: bool, qrv: int, qqic: int,
    ) -> bytes:  # fmt: skip
        message = self._message(130, group, 100 * tenths)
        message += struct.pack("!BBH", suppress << 3 | qrv, qqic, len(sources))
        message += b"".join(map(self.source, sources))
        return self._frame(message, src, self._asked(group))

    def _asked(self, group: bytes) -> bytes:
        return b"\xff\x02" + bytes(13) + b"\x01" if group == NOBODY else self.group(group)

    def _message(self, kind: int, group: bytes, milliseconds: int) -> bytes:
        about = bytes(16) if group == NOBODY else self.group(group)
        return struct.pack("!BBHHH", kind, 0, 0, milliseconds, 0) + about

    def _old(self, kind: int, group: bytes, src: bytes, milliseconds: int, dst: bytes) -> bytes:
        return self._frame(self._message(kind, group, milliseconds), src, dst)

    def _frame(self, message: bytes, src: bytes, dst: bytes) -> bytes:
        addresses = self.sender(src) + dst
        value = _sum(addresses + struct.pack("!II", len(message), 58) + message)
        message = message[:2] + struct.pack("!H", value) + message[4:]
        head = struct.pack("!IHBB", 6 << 28, len(message) + 8, 0, 1) + addresses
        alert = b"\x3a\0\x05\x02\0\0\x01\0"
        return b"\x33\x33" + dst[12:] + b"\x02\x06" + src + b"\x86\xdd" + head + alert + message
