"""The second opinion on IPv6: from the rules of spec 1.7 and the bytes alone, as `oracle` is.

The packet is first peeled header by header, each time leaving what is behind it.
"""

from ipaddress import IPv6Address

from vectors import sum16
from vectors.parts import RECORD_NAMES, floating, judge_pim, u16

MLD_TYPES = {130: 24, 131: 24, 132: 24, 143: 8, 151: 8, 152: 4, 153: 4}
NOWHERE = bytes(16)


def judge(frame: bytes) -> str:
    """The reading of a frame of ethertype 0x86dd."""
    if frame[:2] != b"\x33\x33":
        return "!not_control"
    packet = frame[14:]
    if len(packet) < 40 or packet[0] // 16 != 6 or u16(packet, 4) > len(packet) - 40:
        return "!ipv6_error"
    src, dst = packet[8:24], packet[24:40]
    peeled = peel(packet[6], packet[40 : 40 + u16(packet, 4)])
    if peeled is None:
        return "!ipv6_error"
    kind, data, fragment = peeled
    if dst[0] != 0xFF or frame[2:6] != dst[12:]:
        return "!not_control"
    pseudo = src + dst + bytes([0, 0, len(data) // 256, len(data) % 256, 0, 0, 0, kind])
    if kind == 58 and data and data[0] in MLD_TYPES:
        verdict = "!mld_fragment" if fragment else judge_mld(data, src, dst, pseudo)
    elif kind == 103 and dst == IPv6Address("ff02::d").packed and not fragment:
        verdict = judge_pim(data, pseudo)
        if not verdict.startswith("!") and not link_local(src):
            verdict = "!not_link_local"
    else:
        verdict = "!not_control"
    return verdict


def peel(kind: int, data: bytes, depth: int = 0) -> tuple[int, bytes, bool] | None:
    """What is behind the extension headers, and whether it is part of a fragment; None: broken."""
    if kind not in (0, 43, 44, 51, 60):
        return kind, data, False
    if depth == 8 or len(data) < 8 or (kind == 0 and depth > 0):
        return None
    if kind == 44:
        if u16(data, 2) // 8 > 0:
            return 44, data[8:], True
        rest = peel(data[0], data[8:], depth + 1)
        return rest and (*rest[:2], rest[2] or data[3] % 2 == 1)
    size = (data[1] + 2) * 4 if kind == 51 else (data[1] + 1) * 8
    return None if size > len(data) else peel(data[0], data[size:], depth + 1)


def judge_mld(data: bytes, src: bytes, dst: bytes, pseudo: bytes) -> str:
    """V-8 to V-10, MLD-1 to MLD-3."""
    kind = data[0]
    if len(data) < MLD_TYPES[kind] or sum16(pseudo + data) != 0:
        return "!mld_checksum"
    if kind == 130:
        verdict = judge_query(data, dst)
    elif kind == 143:
        verdict = judge_report(data)
    elif kind == 152:
        verdict = "mld mrd solicitation"
    elif kind in (131, 132):
        said = {131: f"report v1 IS_EX {colons(data, 8)} {{}}", 132: f"leave {colons(data, 8)}"}
        verdict = f"mld {said[kind]}" if data[8] == 0xFF else "!mld_malformed"
    elif dst != IPv6Address("ff02::6a").packed:
        verdict = "!mld_malformed"
    elif kind == 153:
        verdict = "mld mrd termination"
    else:
        verdict = (
            f"mld mrd advertisement {data[1]}s query interval {u16(data, 4)}s"
            f" robustness {u16(data, 6)}"
        )
    if verdict.startswith("!"):
        return verdict
    if link_local(src) or (src == NOWHERE and kind in (131, 132, 143, 152)):
        return verdict.replace("mld mrd", "mrd")
    return "!not_link_local"


def judge_query(data: bytes, dst: bytes) -> str:
    """The version by the length, and the three kinds."""
    if 24 < len(data) < 28:
        return "!mld_malformed"
    group, code = data[8:24], u16(data, 4)
    sources = []
    if len(data) >= 28:
        for i in range(u16(data, 26)):
            if 28 + 16 * i + 16 > len(data):
                return "!mld_malformed"
            sources.append(colons(data, 28 + 16 * i))
    if group == NOWHERE:
        if sources or dst != IPv6Address("ff02::1").packed:
            return "!mld_malformed"
    elif group[0] != 0xFF or dst not in (group, IPv6Address("ff02::1").packed):
        return "!mld_malformed"
    about = "general" if group == NOWHERE else colons(group, 0)
    if sources:
        about += " {" + " ".join(sources) + "}"
    if len(data) == 24:
        return f"mld query v1 {about} max resp {code}ms"
    if code >= 0x8000:  # W-12, as the RFC draws it: 12 bits of mantissa under 3 of exponent
        code = (code % 0x1000 + 0x1000) * 2 ** (code // 0x1000 % 8 + 3)
    suppress = " S" if data[24] & 8 else ""
    values = f"qrv {data[24] % 8} qqi {floating(data[25])}s"
    return f"mld query v2 {about} max resp {code}ms{suppress} {values}"


def judge_report(data: bytes) -> str:
    """W-20 to W-28 with addresses of 16 bytes."""
    line = "mld report v2"
    skipped = bad = 0
    rest = data[8:]
    for _ in range(u16(data, 6)):
        if len(rest) < 20:
            return "!mld_malformed"
        listed, size = u16(rest, 2), 20 + 16 * u16(rest, 2) + 4 * rest[1]
        if size > len(rest):
            return "!mld_malformed"
        record, rest = rest[:size], rest[size:]
        if record[0] not in RECORD_NAMES:
            skipped += 1
            continue
        if record[4] != 0xFF:
            return "!mld_malformed"
        sources = [IPv6Address(record[20 + 16 * i : 36 + 16 * i]) for i in range(listed)]
        good = [str(one) for one in sources if not no_source(one)]
        bad += listed - len(good)
        line += f" {RECORD_NAMES[record[0]]} {colons(record, 4)} {{{' '.join(good)}}}"
    line += f" skipped {skipped}" if skipped else ""
    return line + (f" bad sources {bad}" if bad else "")


def no_source(address: IPv6Address) -> bool:
    """Whether no host can have it (W-27)."""
    special = address.is_multicast or address.is_unspecified or address.is_loopback
    return special or address.ipv4_mapped is not None


def link_local(src: bytes) -> bool:
    """Whether it is in fe80::/10."""
    return src[0] == 0xFE and src[1] // 64 == 2


def colons(data: bytes, at: int) -> str:
    """The sixteen bytes at an offset as text, v4-mapped as a dotted quad."""
    address = IPv6Address(data[at : at + 16])
    return str(address.ipv4_mapped or address)
