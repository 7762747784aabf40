"""The Internet checksum (RFC 1071), which IPv4 headers, IGMP and PIM share.

The ones' complement sum of 16-bit words is the value of the whole byte string modulo 0xffff,
because 2**16 leaves the remainder 1: one big-integer conversion and one division by a small
number, both linear and both in C, instead of a loop in Python. The remainder cannot tell the sums
0 and 0xffff apart, but only a string of zeros sums to 0.
"""


def checksum(data: bytes) -> int:
    """The 16-bit checksum to write over `data`, whose checksum field must hold zeros."""
    number = int.from_bytes(data)
    if len(data) & 1:
        number <<= 8  # RFC 1071: an odd last byte is padded with a zero on its right
    return -number % 0xFFFF if number else 0xFFFF


def is_valid(data: bytes) -> bool:
    """Tell whether `data`, checksum field included, sums to all ones."""
    number = int.from_bytes(data)
    if len(data) & 1:
        number <<= 8
    return number % 0xFFFF == 0 and number != 0
