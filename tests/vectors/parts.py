"""What the oracle of either family needs: fields by their offsets, codes, and PIM hellos."""

from vectors import sum16

RECORD_NAMES = {1: "IS_IN", 2: "IS_EX", 3: "TO_IN", 4: "TO_EX", 5: "ALLOW", 6: "BLOCK"}


def judge_pim(data: bytes, pseudo: bytes = b"") -> str:
    """Spec 1.9; over IPv6 the checksum covers a pseudo-header too."""
    if len(data) < 4:
        return "!pim_malformed"
    if data[0] // 16 != 2 or data[0] % 16 != 0:
        return "!not_control"
    if sum16(pseudo + data) != 0:
        return "!pim_checksum"
    line = "pim hello"
    at = 4
    while at < len(data):
        if at + 4 > len(data) or at + 4 + u16(data, at + 2) > len(data):
            return "!pim_malformed"
        if u16(data, at) == 1:
            if u16(data, at + 2) != 2:
                return "!pim_malformed"
            line = f"pim hello holdtime {u16(data, at + 4)}s"
        at += 4 + u16(data, at + 2)
    return line


def floating(code: int) -> int:
    """W-11, as the RFC draws it: a 4-bit mantissa under a 3-bit exponent."""
    if code < 128:
        return code
    mantissa, exponent = code % 16, code // 16 % 8
    return (mantissa + 16) * 2 ** (exponent + 3)


def u16(data: bytes, at: int) -> int:
    """The 16-bit number at an offset."""
    return data[at] * 256 + data[at + 1]
