"""An independent reading of spec 1.10: may this frame change anything the switch knows?

Written from the table of validation steps and shares nothing with `snoop.wire`.  `True` promises
nothing (the engine may have other reasons to ignore a frame); `False` means that no membership,
router port or querier may differ after the frame.
"""

from __future__ import annotations

ALLOWED_SHORT = {0x31, 0x32}
NEVER_TEACH = {0x14, 0x15, 0x1E, 0x1F, 0x31}
KNOWN = {0x11, 0x12, 0x13, 0x16, 0x17, 0x22, 0x30, 0x31, 0x32} | NEVER_TEACH


def sums_to_zero(data: bytes) -> bool:
    """Whether the Internet checksum over `data` comes out right."""
    if len(data) % 2:
        data += b"\0"
    total = sum(data[i] << 8 | data[i + 1] for i in range(0, len(data), 2))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total == 0xFFFF


def may_teach(frame: bytes) -> bool:
    """V-1 to V-10 for one frame, captured whole."""
    if len(frame) < 14:
        return False
    offset = 14
    ethertype = frame[12:14]
    if ethertype == b"\x81\x00":
        if len(frame) < 18 or (frame[14] & 0x0F == 0x0F and frame[15] == 0xFF):  # V-3
            return False
        ethertype, offset = frame[16:18], 18
    if ethertype != b"\x08\x00":
        return False
    return _ipv4_may_teach(frame[:6], frame[offset:])


def _ipv4_may_teach(mac: bytes, packet: bytes) -> bool:
    if len(packet) < 20 or packet[0] >> 4 != 4:  # V-4
        return False
    header = (packet[0] & 15) * 4
    total = packet[2] << 8 | packet[3]
    if header < 20 or total < header or total > len(packet):
        return False
    if not sums_to_zero(packet[:header]):
        return False
    src, dst = packet[12:16], packet[16:20]
    if dst[0] >> 4 != 14 or mac != bytes((1, 0, 0x5E, dst[1] & 0x7F, dst[2], dst[3])):
        return False  # note (c), SNOOP-40
    if (packet[6] & 0x3F) << 8 | packet[7]:  # V-5: MF or an offset
        return False
    if src[0] >> 4 == 14 or src == b"\xff" * 4 or src[0] == 127:  # V-10
        return False
    payload = packet[header:total]
    if packet[9] == 103:
        return dst == bytes((224, 0, 0, 13)) and _pim_may_teach(payload)
    return packet[9] == 2 and _igmp_may_teach(payload, dst)


def _pim_may_teach(payload: bytes) -> bool:
    return len(payload) >= 4 and payload[0] == 0x20 and sums_to_zero(payload)


def _igmp_may_teach(message: bytes, dst: bytes) -> bool:
    if not message or message[0] not in KNOWN or message[0] in NEVER_TEACH:  # V-7
        return False
    if len(message) < (4 if message[0] in ALLOWED_SHORT else 8):  # V-8
        return False
    if not sums_to_zero(message):
        return False
    kind = message[0]
    if kind == 0x11:
        return _query_may_teach(message, dst)
    if kind in (0x12, 0x16, 0x17):
        return message[4] >> 4 == 14  # V-9
    if kind == 0x22:
        return _report_may_teach(message)
    if kind in (0x30, 0x32):  # spec 1.8
        return dst == bytes((224, 0, 0, 106))
    return True


def _query_may_teach(message: bytes, dst: bytes) -> bool:
    group = message[4:8]
    if 8 < len(message) < 12:
        return False
    sources = 0
    if len(message) >= 12:
        sources = message[10] << 8 | message[11]
        if len(message) < 12 + 4 * sources:
            return False
    general = group == bytes(4) or (len(message) == 8 and message[1] == 0)
    if general:
        return sources == 0 and dst == bytes((224, 0, 0, 1))
    return group[0] >> 4 == 14 and dst == group


def _report_may_teach(message: bytes) -> bool:
    at = 8
    for _ in range(message[6] << 8 | message[7]):
        if at + 8 > len(message):
            return False
        kind, sources = message[at], message[at + 2] << 8 | message[at + 3]
        if 1 <= kind <= 6 and message[at + 4] >> 4 != 14:
            return False
        at += 8 + 4 * sources + 4 * message[at + 1]
        if at > len(message):
            return False
    return True
