"""Frames for the tests, built by scapy: nothing here shares a line with `snoop.wire`.

Every builder returns a whole Ethernet frame.  `encapsulate` is the way out for anything odd: it
takes the IP payload as bytes and lets each field of the headers be wrong.  `quick_*` build the
plain cases without scapy, for tests that need hundreds of thousands; `test_frames.py` holds them
to scapy's output.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address

from scapy.contrib.pim import PIMv2Hdr, PIMv2Hello, PIMv2HelloHoldtime
from scapy.layers.igmp import IGMP, IGMPv3_MQ, IGMPv3_MR, IGMPv3_MR_Group
from scapy.layers.inet import IP, UDP, IPOption_EOL, IPOption_NOP, IPOption_Router_Alert
from scapy.layers.l2 import Dot1Q, Ether
from scapy.packet import Packet, Raw
from scapy.utils import checksum as internet_checksum

G, H, SSM = "239.1.2.3", "239.1.2.4", "232.1.1.1"
S1, S2, S3 = "192.0.2.1", "192.0.2.2", "192.0.2.3"
RQ = "10.0.0.1"  # "rq", the real querier of the test ideas
HOST, OTHER = "10.0.0.11", "10.0.0.12"

IS_IN, IS_EX, TO_IN, TO_EX, ALLOW, BLOCK = range(1, 7)
Record = tuple[int, str, Sequence[str]]


def mac_of(address: str) -> str:
    """A multicast address's MAC (W-6); for a unicast one some locally administered MAC."""
    last = int(IPv4Address(address)) & 0x7FFFFF
    if IPv4Address(address).is_multicast:
        return ":".join(f"{b:02x}" for b in (1, 0, 0x5E, *last.to_bytes(3, "big")))
    return "02:00:" + ":".join(f"{b:02x}" for b in IPv4Address(address).packed)


def host_mac(address: str) -> str:
    """The MAC a sender with this address uses, also for senders with impossible addresses."""
    return "02:00:" + ":".join(f"{b:02x}" for b in IPv4Address(address).packed)


def encapsulate(
    payload: bytes | Packet,
    *,
    src: str,
    dst: str,
    vid: int | None = None,
    pcp: int = 0,
    mac: str | None = None,
    router_alert: bool = True,
    pad: bytes | None = None,
    **ip: object,
) -> bytes:
    """An IP payload in IPv4 (protocol 2, TTL 1, TOS 0xc0 unless told) and Ethernet.

    `pad` fills the frame up to 60 bytes with repetitions of it; `ip` overrides header fields.
    """
    fields: dict[str, object] = {"ttl": 1, "tos": 0xC0, "proto": 2, "id": 0, "flags": 0}
    if router_alert:
        fields["options"] = [IPOption_Router_Alert()]
    fields |= ip
    body = payload if isinstance(payload, Packet) else Raw(payload)
    inner: Packet = IP(src=src, dst=dst, **fields) / body
    ether = Ether(src=host_mac(src), dst=mac or mac_of(dst))
    frame = bytes(ether / inner if vid is None else ether / Dot1Q(vlan=vid, prio=pcp) / inner)
    if pad and len(frame) < 60:
        frame += (pad * 60)[: 60 - len(frame)]
    return frame


def _v2_body(**fields: object) -> bytes:
    # as bytes at once: below an IP header scapy's IGMP adds Router Alert to it
    return bytes(IGMP(**fields))


# Hosts -------------------------------------------------------------------------------------------


def v1_report(group: str = G, src: str = HOST, **how: object) -> bytes:
    how.setdefault("router_alert", False)  # W-7: v1 senders never set it
    return encapsulate(_v2_body(type=0x12, mrcode=0, gaddr=group), src=src, dst=group, **how)


def v2_report(group: str = G, src: str = HOST, **how: object) -> bytes:
    return encapsulate(_v2_body(type=0x16, mrcode=0, gaddr=group), src=src, **{"dst": group, **how})


def leave(group: str = G, src: str = HOST, **how: object) -> bytes:
    return encapsulate(
        _v2_body(type=0x17, mrcode=0, gaddr=group), src=src, **{"dst": "224.0.0.2", **how}
    )


def report_body(records: Iterable[Record]) -> bytes:
    """The bytes of a v3 report, checksum in place."""
    return bytes(
        IGMPv3_MR(
            records=[
                IGMPv3_MR_Group(rtype=kind, maddr=group, srcaddrs=list(sources))
                for kind, group, sources in records
            ]
        )
    )


def v3_report(*records: Record, src: str = HOST, **how: object) -> bytes:
    return encapsulate(report_body(records), src=src, **{"dst": "224.0.0.22", **how})


# Routers -----------------------------------------------------------------------------------------


def v1_query(src: str = RQ, **how: object) -> bytes:
    how.setdefault("router_alert", False)
    return encapsulate(
        _v2_body(type=0x11, mrcode=0, gaddr="0.0.0.0"), src=src, **{"dst": "224.0.0.1", **how}
    )


def v2_query(group: str | None = None, code: int = 100, src: str = RQ, **how: object) -> bytes:
    body = _v2_body(type=0x11, mrcode=code, gaddr=group or "0.0.0.0")
    return encapsulate(body, src=src, **{"dst": group or "224.0.0.1", **how})


def query_body(
    group: str | None = None,
    sources: Sequence[str] = (),
    *,
    code: int = 100,
    suppress: bool = False,
    qrv: int = 2,
    qqic: int = 125,
) -> bytes:
    body = bytes(
        IGMPv3_MQ(
            gaddr=group or "0.0.0.0",
            srcaddrs=list(sources),
            s=int(suppress),
            qrv=qrv,
            qqic=qqic,
        )
    )
    # scapy would take `code` for tenths and encode it; the tests say the byte they mean
    return with_checksum(body[:1] + bytes((code,)) + body[2:])


def v3_query(
    group: str | None = None,
    sources: Sequence[str] = (),
    *,
    src: str = RQ,
    code: int | None = None,
    suppress: bool = False,
    qrv: int = 2,
    qqic: int = 125,
    **how: object,
) -> bytes:
    """A v3 query; Max Resp 10 s for a general one, 1 s for a specific one unless told."""
    if code is None:
        code = 10 if group else 100
    body = query_body(group, sources, code=code, suppress=suppress, qrv=qrv, qqic=qqic)
    return encapsulate(body, src=src, **{"dst": group or "224.0.0.1", **how})


def pim_hello(
    holdtime: int | None = 105,
    *,
    src: str = "10.0.0.2",
    version: int = 2,
    kind: int = 0,
    dst: str = "224.0.0.13",
) -> bytes:
    options = [] if holdtime is None else [PIMv2HelloHoldtime(holdtime=holdtime)]
    # scapy sums a PIM packet when it is built below an IP header
    pim = PIMv2Hdr(version=version, type=kind) / PIMv2Hello(option=options)
    return encapsulate(pim, src=src, dst=dst, proto=103, router_alert=False)


def with_checksum(message: bytes) -> bytes:
    """An IGMP message whose bytes 2-3 are made right."""
    zeroed = message[:2] + b"\0\0" + message[4:]
    return zeroed[:2] + internet_checksum(zeroed).to_bytes(2, "big") + zeroed[4:]


def mrd_advertisement(
    interval: int = 20, *, src: str = "10.0.0.3", dst: str = "224.0.0.106"
) -> bytes:
    body = with_checksum(struct.pack("!BBHHH", 0x30, interval, 0, 125, 2))
    return encapsulate(body, src=src, dst=dst)


def mrd_termination(*, src: str = "10.0.0.3", dst: str = "224.0.0.106") -> bytes:
    return encapsulate(with_checksum(b"\x32\0\0\0"), src=src, dst=dst)


def dvmrp_probe(*, src: str = "10.0.0.4") -> bytes:
    return encapsulate(with_checksum(b"\x13\x01" + bytes(6)), src=src, dst="224.0.0.4")


# Data --------------------------------------------------------------------------------------------


def data(
    group: str = G, src: str = S1, *, vid: int | None = None, mac: str | None = None, **ip: object
) -> bytes:
    fields: dict[str, object] = {"tos": 0, "ttl": 16, "proto": 17, "router_alert": False}
    body = UDP(sport=5000, dport=5001) / Raw(b"x" * 32)
    return encapsulate(body, src=src, dst=group, vid=vid, mac=mac, **{**fields, **ip})


def announcement(
    payload: bytes = b"", group: str = "224.2.127.254", src: str = S1, *, vid: int | None = None,
    port: int = 9875, sum: int | None = None, mac: str | None = None, **ip: object,
) -> bytes:  # fmt: skip
    """A session announcement (SAP) that holds `payload`; `sum` None: the right one."""
    fields: dict[str, object] = {"tos": 0, "ttl": 255, "proto": 17, "router_alert": False}
    body = UDP(sport=9875, dport=port, chksum=sum) / Raw(payload)
    return encapsulate(body, src=src, dst=group, vid=vid, mac=mac, **{**fields, **ip})


def long_options() -> list[Packet]:
    """40 bytes of options with Router Alert last: IHL 15 (W-3)."""
    return [IPOption_NOP()] * 36 + [IPOption_Router_Alert()]


def end_of_options() -> Packet:
    """The option that ends the list."""
    return IPOption_EOL()


# Reading what the switch sends -------------------------------------------------------------------


class Sent:
    """A frame the switch made, as scapy reads it."""

    def __init__(self, frame: bytes) -> None:
        self.frame = frame
        self.ether = Ether(frame)
        self.ip = self.ether[IP]
        start = len(frame) - len(bytes(self.ip)) + self.ip.ihl * 4
        end = len(frame) - len(bytes(self.ip)) + self.ip.len
        self.igmp = frame[start:end]
        self.type = self.igmp[0]
        self.group = str(IPv4Address(self.igmp[4:8])) if len(self.igmp) >= 8 else ""

    @property
    def vid(self) -> int | None:
        return self.ether[Dot1Q].vlan if Dot1Q in self.ether else None

    @property
    def pcp(self) -> int | None:
        return self.ether[Dot1Q].prio if Dot1Q in self.ether else None

    @property
    def is_query(self) -> bool:
        return self.type == 0x11

    @property
    def is_general(self) -> bool:
        return self.is_query and self.group == "0.0.0.0"

    @property
    def suppress(self) -> bool:
        return bool(self.igmp[8] & 8)

    @property
    def qrv(self) -> int:
        return self.igmp[8] & 7

    @property
    def qqic(self) -> int:
        return self.igmp[9]

    @property
    def code(self) -> int:
        return self.igmp[1]

    @property
    def sources(self) -> list[str]:
        count = int.from_bytes(self.igmp[10:12], "big")
        return sorted(str(IPv4Address(self.igmp[12 + 4 * i : 16 + 4 * i])) for i in range(count))


# Without scapy, for volume -----------------------------------------------------------------------


def _sum(body: bytes) -> int:
    if len(body) % 2:
        body += b"\0"
    total = sum(struct.unpack(f"!{len(body) // 2}H", body)) % 0xFFFF
    return ~total & 0xFFFF if total or not any(body) else 0


def quick_frame(message: bytes, src: bytes, dst: bytes) -> bytes:
    """As `encapsulate` with Router Alert; addresses are 4 bytes; the message's checksum is set."""
    message = message[:2] + b"\0\0" + message[4:]
    message = message[:2] + _sum(message).to_bytes(2, "big") + message[4:]
    head = struct.pack("!BBHHHBBH", 0x46, 0xC0, 24 + len(message), 0, 0, 1, 2, 0)
    head += src + dst + b"\x94\x04\0\0"
    head = head[:10] + _sum(head).to_bytes(2, "big") + head[12:]
    mac = bytes((1, 0, 0x5E, dst[1] & 0x7F, dst[2], dst[3]))
    return mac + b"\x02\0" + src + b"\x08\0" + head + message


def quick_report(records: Iterable[tuple[int, bytes, Sequence[bytes]]], src: bytes) -> bytes:
    """A v3 report; groups and sources are 4 bytes."""
    body = b""
    count = 0
    for kind, group, sources in records:
        body += struct.pack("!BBH", kind, 0, len(sources)) + group + b"".join(sources)
        count += 1
    message = struct.pack("!BBHHH", 0x22, 0, 0, 0, count) + body
    return quick_frame(message, src, bytes((224, 0, 0, 22)))


def quick_v2(kind: int, group: bytes, src: bytes, code: int = 0) -> bytes:
    """An 8-byte message: v1 or v2 report (0x12, 0x16), leave (0x17), v2 query (0x11)."""
    dst = bytes((224, 0, 0, 2)) if kind == 0x17 else group
    if kind == 0x11 and not any(group):
        dst = bytes((224, 0, 0, 1))
    return quick_frame(struct.pack("!BBH", kind, code, 0) + group, src, dst)


def quick_v3_query(
    group: bytes,
    sources: Sequence[bytes],
    src: bytes,
    *,
    code: int,
    suppress: bool = False,
    qrv: int = 2,
    qqic: int = 125,
) -> bytes:
    """A v3 query; `group` 0.0.0.0 for a general one."""
    message = struct.pack("!BBH", 0x11, code, 0) + group
    message += struct.pack("!BBH", suppress << 3 | qrv, qqic, len(sources)) + b"".join(sources)
    return quick_frame(message, src, group if any(group) else bytes((224, 0, 0, 1)))
