"""A second opinion on control frames, from spec 1.3 to 1.10 and the bytes alone.

It shares no code with `snoop.wire` and takes no short cut: every field is picked by its offset,
checksums are added word by word, the rules stand in the order of the table in spec 1.10. Slow,
meant to be read.
"""

from vectors import mld_oracle, sum16
from vectors.parts import RECORD_NAMES, floating, judge_pim, u16


def judge(frame: bytes) -> str:
    """The reading of a frame without its tag, or `!counter`."""
    if len(frame) < 14:
        return "!truncated"
    if u16(frame, 12) == 0x86DD:
        return mld_oracle.judge(frame)
    if u16(frame, 12) != 0x0800 or frame[:3] != b"\x01\x00\x5e":
        return "!not_control"
    return judge_ip(frame[14:], frame[3:6])


def may_teach(frame: bytes) -> bool:
    """Whether the switch may know more for a frame as it is on the wire, its tag in place."""
    if frame[12:14] == b"\x81\x00":
        if len(frame) < 18 or u16(frame, 14) % 0x1000 == 0xFFF:  # V-3
            return False
        frame = frame[:12] + frame[16:]
    verdict = judge(frame)
    return not verdict.startswith(("!", "unknown")) and verdict != "mrd solicitation"


def judge_ip(packet: bytes, mac_tail: bytes) -> str:
    """V-4, SNOOP-40, V-5, then by protocol."""
    if len(packet) < 20 or packet[0] // 16 != 4:
        return "!ip_error"
    header_len = packet[0] % 16 * 4
    total = u16(packet, 2)
    if header_len < 20 or total < header_len or total > len(packet):
        return "!ip_error"
    if sum16(packet[:header_len]) != 0:
        return "!ip_error"
    protocol, src, dst = packet[9], packet[12:16], packet[16:20]
    if not 224 <= dst[0] <= 239 or mac_tail != bytes([dst[1] % 128, dst[2], dst[3]]):
        return "!not_control"
    more_fragments = packet[6] & 0x20 != 0
    fragment_offset = u16(packet, 6) % 0x2000
    payload = packet[header_len:total]
    fragment = more_fragments or fragment_offset != 0
    if protocol == 2:
        verdict = "!igmp_fragment" if fragment else judge_igmp(payload, dst)
    elif protocol == 103 and dst == bytes([224, 0, 0, 13]) and not fragment:
        verdict = judge_pim(payload)
    else:
        return "!not_control"
    if verdict.startswith(("!", "unknown")):
        return verdict
    if 224 <= src[0] <= 239 or src[0] == 127 or src == b"\xff\xff\xff\xff":  # V-10
        return "!bad_source"
    return verdict


def judge_igmp(data: bytes, dst: bytes) -> str:
    """V-7 to V-9."""
    if len(data) == 0:
        return "!igmp_checksum"
    kind = data[0]
    if kind not in (0x11, 0x12, 0x13, 0x16, 0x17, 0x22, 0x30, 0x31, 0x32):
        return f"unknown {kind:#04x}"
    if len(data) < (4 if kind in (0x31, 0x32) else 8) or sum16(data) != 0:
        return "!igmp_checksum"
    if kind == 0x11:
        return judge_query(data, dst)
    if kind == 0x22:
        return judge_report(data)
    if kind in (0x12, 0x16, 0x17):
        if not 224 <= data[4] <= 239:
            return "!malformed"
        group = dotted(data, 4)
        version = {0x12: 1, 0x16: 2}.get(kind)
        return f"leave {group}" if version is None else f"report v{version} IS_EX {group} {{}}"
    if kind in (0x30, 0x32) and dst != bytes([224, 0, 0, 106]):
        return "!malformed"
    return {
        0x13: "dvmrp",
        0x30: f"mrd advertisement {data[1]}s query interval {u16(data, 4)}s"
        f" robustness {u16(data, 6)}"
        if kind == 0x30
        else "",
        0x31: "mrd solicitation",
        0x32: "mrd termination",
    }[kind]


def judge_query(data: bytes, dst: bytes) -> str:
    """W-10 and the kinds of spec 1.3."""
    if 9 <= len(data) <= 11:
        return "!malformed"
    all_systems = bytes([224, 0, 0, 1])
    version = 3 if len(data) >= 12 else 2 if data[1] else 1
    if version == 1:
        return "query v1 general max resp 10.0s" if dst == all_systems else "!malformed"
    sources = []
    if version == 3:
        for i in range(u16(data, 10)):
            if 12 + 4 * i + 4 > len(data):
                return "!malformed"
            sources.append(dotted(data, 12 + 4 * i))
    general = data[4:8] == b"\0\0\0\0"
    if general and (sources or dst != all_systems):
        return "!malformed"
    if not general and (not 224 <= data[4] <= 239 or dst != data[4:8]):
        return "!malformed"
    group = "general" if general else dotted(data, 4)
    if sources:
        group += " {" + " ".join(sources) + "}"
    tenths = data[1] if version == 2 else floating(data[1])
    line = f"query v{version} {group} max resp {tenths // 10}.{tenths % 10}s"
    if version == 3:
        suppress = " S" if data[8] & 8 else ""
        line += f"{suppress} qrv {data[8] % 8} qqi {floating(data[9])}s"
    return line


def judge_report(data: bytes) -> str:
    """W-20 to W-28: cut the message into records first, then read them."""
    cuts = []
    at = 8
    for _ in range(u16(data, 6)):
        if at + 8 > len(data):
            return "!malformed"
        size = 8 + 4 * u16(data, at + 2) + 4 * data[at + 1]
        if at + size > len(data):
            return "!malformed"
        cuts.append(data[at : at + size])
        at += size
    line = "report v3"
    skipped = bad = 0
    for record in cuts:
        if record[0] not in RECORD_NAMES:
            skipped += 1
            continue
        if not 224 <= record[4] <= 239:
            return "!malformed"
        good = []
        for i in range(u16(record, 2)):
            source = record[8 + 4 * i : 12 + 4 * i]
            if 224 <= source[0] <= 239 or source in (b"\0\0\0\0", b"\xff\xff\xff\xff"):
                bad += 1
            else:
                good.append(dotted(source, 0))
        line += f" {RECORD_NAMES[record[0]]} {dotted(record, 4)} {{{' '.join(good)}}}"
    line += f" skipped {skipped}" if skipped else ""
    return line + (f" bad sources {bad}" if bad else "")


def dotted(data: bytes, at: int) -> str:
    """The four bytes at an offset as a dotted quad."""
    return ".".join(str(byte) for byte in data[at : at + 4])
