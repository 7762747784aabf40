"""The numbers, names and texts a key may have: its bounds, and its words for an error text."""

from __future__ import annotations

import re
from ipaddress import ip_address, ip_network
from typing import Annotated, Literal

from msgspec import Meta

from snoop.config.addresses import GroupPrefix

# Intervals take fractions of a second. The upper bounds are what the wire can say: QQIC ends at
# 31744 s, Max Resp Code at 3174.4 s (spec W-11).
QuerySeconds = Annotated[float, Meta(ge=0.1, le=31744.0)]
ResponseSeconds = Annotated[float, Meta(ge=0.1, le=3174.4)]
Count = Annotated[int, Meta(ge=1, le=255)]
Many = Annotated[int, Meta(ge=1, le=1_000_000)]
Mebibytes = Annotated[int, Meta(ge=1, le=1_048_576)]


def like(pattern: str, allowed: str) -> Meta:
    return Meta(pattern=pattern, extra={"allowed": allowed})


Name = Annotated[
    str,
    like(r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$", "a name of letters, digits, '.', '-' and '_'"),
]
UserGroup = Annotated[
    str, like(r"^$|^[A-Za-z0-9_][A-Za-z0-9_.-]{0,31}$", "the name of a group of users, or empty")
]
Interface = Annotated[
    str,
    # One with escapes (`printable.py`) is longer than the kernel's.
    like(
        r"^(?:[^\s/\\]{1,15}|(?=[^\s/]*\\)[^\s/]{1,60})$",
        "an interface name of 1 to 15 characters",
    ),
]
# One that we make, in a file name of the kernel's settings, too.
OwnInterface = Annotated[
    str,
    like(
        r"^(?!(?:all|default|lo|\.{1,2})\Z)[A-Za-z0-9_.-]{1,15}\Z",
        "an interface name of 1 to 15 letters, digits, '.', '-' and '_'",
    ),
]
HostMac = Annotated[
    str,
    like(
        r"^(?!00(?::00){5}\Z)[0-9a-fA-F][02468aceACE](?::[0-9a-fA-F]{2}){5}\Z",
        'the MAC address of a host, such as "02:00:00:00:00:fe"',
    ),
]
PORTS_MAX = 256
Pattern = Annotated[
    str,
    like(r"^[^\s/]{1,64}$", 'a shell pattern of interface names, such as "veth*"'),
]
Listen = Annotated[
    str,
    like(r"^$|^[^\s]*:[0-9]{1,5}$", 'ADDRESS:PORT such as "127.0.0.1:9570", or empty'),
]
PortName = Annotated[str, Meta(extra={"allowed": "the name of a port"})]
RingSlots = Annotated[
    Literal[0, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768, 65536],
    Meta(extra={"allowed": "0, or a power of two from 32 to 65536"}),
]
ReservedMask = Annotated[
    int, Meta(ge=0, le=0xFFFF, extra={"allowed": "a number from 0 to 65535, without 2 (PAUSE)"})
]
Label = Annotated[
    str,
    like(
        r"^(?!\s)[^\x00-\x1f\x7f-\x9f]{1,64}(?<!\s)\Z",
        "a text of 1 to 64 characters on one line, without spaces around it",
    ),
]
Vlan = Annotated[int, Meta(ge=0, le=4094)]
Vid = Annotated[int, Meta(ge=1, le=4094)]
_VID = "(?:[1-9][0-9]{0,2}|[1-3][0-9]{3}|40[0-8][0-9]|409[0-4])"
_RANGE = re.compile(r"([0-9]{1,4})(?:\s*(?:-|–|:|\.{2,3}|to)\s*([0-9]{1,4}))?\Z")


def _vids(value: object) -> str | None:
    """What somebody seems to mean who wrote this for a list of VLANs, None if that is not clear."""
    made = []
    for one in value if isinstance(value, list) else [value]:
        if isinstance(one, bool) or not isinstance(one, int | str):
            return None
        for part in [one] if isinstance(one, int) else re.split(r"[,;]|\s+(?=[0-9])", one):
            found = _RANGE.match(str(part).strip())
            if found is None:
                return None
            first, last = sorted(int(end or found[1]) for end in found.groups())
            if not 1 <= first <= last <= 4094:
                return None
            made.append(str(first) if first == last else f'"{first}-{last}"')
    return f"[{', '.join(made)}]" if made else None


def _vid(value: object) -> str | None:
    """The same of one of the list."""
    made = _vids(value)
    return made and made[1:-1]


_VidOrRange = Annotated[
    Vid | Annotated[str, Meta(pattern=f"^{_VID}(?:-{_VID})?\\Z")],
    Meta(extra={"allowed": 'a VLAN from 1 to 4094, or a range such as "20-29"', "meant": _vid}),
]
Vids = Annotated[
    list[_VidOrRange],
    Meta(
        min_length=1,
        extra={
            "allowed": 'a list of VLANs from 1 to 4094 and ranges of them, as [10, "20-29"]',
            "meant": _vids,
        },
    ),
]


def _group(value: object) -> str | None:
    """An IP group of the MAC address that was given for one, None if it is of none."""
    mac = str(value).lower().replace("-", ":")
    try:
        last = bytes.fromhex(mac.replace(":", ""))[2:]
    except ValueError:
        return None
    if len(last) != 4:
        return None
    if mac.startswith("01:00:5e:"):
        return f'"224.{last[1] & 0x7F}.{last[2]}.{last[3]}", or another of its 32 groups'
    if mac.startswith("33:33:"):
        return f'"{ip_address(bytes((255, 2)) + bytes(10) + last)}", or another group that ends so'
    return None


def _prefix(value: object) -> str | None:
    """The prefix that a group with a length is in, or a group of a MAC address."""
    try:
        network = ip_network(str(value), strict=False)
    except ValueError:
        return _group(value)
    return f'"{network}"' if network.is_multicast else None


def own_address(value: object) -> str | None:
    """The address with the length that its network most likely has."""
    try:
        address = ip_address(str(value))
    except ValueError:
        return None
    return f'"{address}/{24 if address.version == 4 else 64}"'


MeantGroup = Meta(extra={"meant": _group})
Groups = list[Annotated[GroupPrefix, Meta(extra={"meant": _prefix})]]
NullSource = bool | Literal["fallback"]
MldProfile = Literal["rfc9777", "rfc3810", "rfc9776", "rfc3376"]


def says(text: str) -> Meta:
    return Meta(description=text)
