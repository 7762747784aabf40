"""Session descriptions, SDP (RFC 8866), as far as they say what a group is called.

Read are the name, the owner, connection addresses with their ranges, and source filters (RFC 4570);
all else is passed over. So are its times: who goes on announcing means it, and many a sender's
clock stands in 1970. Nothing here is believed: it is text of a stranger's, so it is cut, and what a
terminal must not see is taken out.
"""

import unicodedata
from collections.abc import Iterator
from typing import Final, NamedTuple

from snoop.wire import address
from snoop.wire.address import MAPPED, Address
from snoop.wire.errors import WireError

NAME_CHARS_MAX: Final = 64
GROUPS_MAX: Final = 64
"""Of one session; what is beyond has no name."""
FLOWS_READ: Final = 4 * GROUPS_MAX
"""Each medium may say those of the session again: a packet could have a hundred thousand."""
SOURCES_MAX: Final = 16
LINES_MAX: Final = 1024
OWNER_BYTES_MAX: Final = 256

_ORIGIN_FIELDS: Final = 6
_FAMILIES: Final = (b"IP4", b"IP6")
_FILTER: Final = b"source-filter:"
_NAMELESS: Final = ("", "-")
_HIDDEN: Final = "\ufffd"
_MARKS_MAX: Final = 2
"""On one letter."""
_QUOTES: Final = str.maketrans({"“": '"', "”": '"', "„": '"'})
"""Those that stand around a name where it is shown."""


class Flow(NamedTuple):
    """A group of a session, and its sources, None: any."""

    group: Address
    sources: frozenset[Address] | None


class Session(NamedTuple):
    """`owner`: who has made it, and which of his it is, the same in every version of it."""

    name: str
    owner: bytes
    flows: tuple[Flow, ...]


class _Filter(NamedTuple):
    group: Address | None  # any
    sources: frozenset[Address]


class _Part:
    """What one section says: the session's, or a medium's."""

    def __init__(self) -> None:
        self.ranges: list[tuple[Address, int]] = []
        self.connected = False
        self.filters: list[_Filter] = []


def parse(description: bytes) -> Session:
    """Read a description.

    WireError `announcement_malformed` where it is none, `announcement_unread` where there is no
    name in it, or no group: a session of one host's, or of groups by their domain names.
    """
    if description.count(b"\n") > LINES_MAX:
        raise WireError("announcement_malformed", "more lines than anybody needs")
    said, found_owner, charset = b"", b"", b""
    session = _Part()
    parts = [session]
    for number, line in enumerate(description.split(b"\n")):
        field, equals, value = line.rstrip(b"\r").partition(b"=")
        if not number and (field, value) != (b"v", b"0"):
            raise WireError("announcement_malformed", "no session description of version 0")
        if not equals or len(field) != 1:
            continue
        if field == b"m":
            parts.append(_Part())
        elif field == b"c":
            _connect(parts[-1], value)
        elif field == b"a" and value.startswith(_FILTER):
            parts[-1].filters += _filter(value[len(_FILTER) :])
        elif field == b"a" and value.startswith(b"charset:"):
            charset = value[8:].strip().lower()
        elif field == b"s" and not said:
            said = value
        elif field == b"o" and not found_owner:
            found_owner = owner(value)
    name = _text(said, charset)
    if not found_owner:
        raise WireError("announcement_malformed", "nobody's")
    if name in _NAMELESS:
        raise WireError("announcement_unread", "no name")
    read = zip(range(FLOWS_READ), _flows(session, parts), strict=False)
    flows = tuple(dict.fromkeys(flow for _, flow in read))[:GROUPS_MAX]
    if not flows:
        raise WireError("announcement_unread", "no group")
    return Session(name, found_owner, flows)


def owner(value: bytes) -> bytes:
    """Of an origin field (RFC 8866 5.2) all but the version; WireError if it is none."""
    fields = value.strip().split()
    if len(fields) != _ORIGIN_FIELDS or len(value) > OWNER_BYTES_MAX:
        raise WireError("announcement_malformed", "origin")
    return b" ".join(fields[:2] + fields[3:])


def owner_of_deleted(description: bytes) -> bytes | None:
    """Whose session a deletion is about, by its origin field; None: it does not say."""
    for line in description.split(b"\n", LINES_MAX):
        if line.startswith(b"o="):
            return owner(line[2:])
    return None


def clean(text: str) -> str:
    """A name on one line, without what changes how the rest of it is seen, and not too long."""
    words = " ".join(text[: 4 * NAME_CHARS_MAX].translate(_QUOTES).split())
    shown = "".join(char if char.isprintable() else _HIDDEN for char in _plain(words))
    return shown if len(shown) <= NAME_CHARS_MAX else shown[: NAME_CHARS_MAX - 1] + "…"


def _plain(words: str) -> Iterator[str]:
    """Without the marks that would be written over the lines above and below."""
    marks = 0
    for char in unicodedata.normalize("NFC", words):
        marks = marks + 1 if unicodedata.category(char) in ("Mn", "Me") else 0
        if marks <= _MARKS_MAX:
            yield char


def _text(value: bytes, charset: bytes) -> str:
    """UTF-8, or what RFC 8866 6.10 calls ISO-8859-1."""
    if charset == b"iso-8859-1":
        return clean(value.decode("latin-1"))
    return clean(value.decode("utf-8", "replace"))


def _connect(part: _Part, value: bytes) -> None:
    """RFC 8866 5.7: ADDRESS/TTL/COUNT, of IPv6 ADDRESS/COUNT."""
    part.connected = True
    fields = value.split()
    if len(fields) != 3 or fields[0] != b"IN" or fields[1] not in _FAMILIES:
        return
    text, *numbers = fields[2].split(b"/")
    group = _address(text, fields[1])
    if group is None or not address.is_multicast(group):
        return
    counts = numbers[1:] if fields[1] == b"IP4" else numbers
    count = _number(counts[0]) if counts else 1
    part.ranges.append((group, min(count, GROUPS_MAX)))


def _filter(value: bytes) -> Iterator[_Filter]:
    """RFC 4570 3: MODE IN FAMILY GROUP SOURCE…; what it excludes is not said of others."""
    fields = value.split()
    if len(fields) < 5 or fields[0].lower() != b"incl" or fields[1] != b"IN":
        return
    group = None if fields[3] == b"*" else _address(fields[3], fields[2])
    if group is None and fields[3] != b"*":
        return
    found = (_address(text, fields[2]) for text in fields[4 : 4 + SOURCES_MAX])
    sources = frozenset(one for one in found if one is not None)
    if sources:
        yield _Filter(group, sources)


def _flows(session: _Part, parts: list[_Part]) -> Iterator[Flow]:
    for part in parts if len(parts) == 1 else parts[1:]:
        ranges = part.ranges if part.connected else session.ranges
        for first, count in ranges[:GROUPS_MAX]:
            for number in range(count):
                group = _after(first, number)
                if not address.is_multicast(group):
                    break
                yield Flow(group, _sources(group, part.filters or session.filters))


def _sources(group: Address, filters: list[_Filter]) -> frozenset[Address] | None:
    for one in filters:
        if one.group in (None, group):
            return one.sources
    return None


def _after(first: Address, number: int) -> Address:
    """The address so much higher; the last of all has none behind it."""
    return min(int.from_bytes(first) + number, (1 << 128) - 1).to_bytes(16)


def _address(text: bytes, family: bytes) -> Address | None:
    """None: it is a name, or of another family."""
    try:
        found = address.parse(text.decode("ascii"))
    except ValueError:
        return None
    return found if (found[:12] == MAPPED) == (family == b"IP4") else None


def _number(text: bytes) -> int:
    """A count; 0 for what is none."""
    return int(text) if text.isdigit() and len(text) <= 4 else 0
