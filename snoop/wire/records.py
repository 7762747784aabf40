"""The records of a v3 report of IGMP and a v2 report of MLD, which differ in their addresses only.

Number of records at byte 6, records from byte 8 on: type, words of auxiliary data, number of
sources, group, sources, auxiliary data (spec 1.6).
"""

from collections.abc import Callable
from struct import Struct
from typing import Final, NamedTuple

from snoop.wire.address import Address
from snoop.wire.errors import WireError
from snoop.wire.messages import Record, RecordType


class Layout(NamedTuple):
    """How a family writes its records, and what it counts when they are broken.

    `group` makes an address of the bytes of a group, or raises; `sources` makes addresses of
    those that can be sources (W-27).
    """

    head: Struct
    address_bytes: int
    group: Callable[[bytes], Address]
    sources: Callable[[bytes], tuple[Address, ...]]
    counter: str


_TYPES: Final = {int(kind): kind for kind in RecordType}


def read(data: bytes, layout: Layout) -> tuple[tuple[Record, ...], int, int]:
    """All records of a report whose length and checksum are right, or WireError (W-23).

    Beside them the number of records that were skipped (W-20), and of bad sources.
    """
    head, address_bytes, group_of, sources_of, counter = layout
    unpack = head.unpack_from
    head_bytes = head.size
    length = len(data)
    count = data[6] << 8 | data[7]
    records: list[Record] = []
    add = records.append
    skipped = bad = 0
    offset = 8
    for _ in range(count):
        start = offset + head_bytes
        if start > length:
            raise WireError(counter, f"fewer than {count} records")
        kind, aux_words, source_count, raw = unpack(data, offset)
        end = start + address_bytes * source_count
        offset = end + 4 * aux_words  # W-21: auxiliary data is stepped over
        if offset > length:
            raise WireError(counter, "record runs past the end")
        record_type = _TYPES.get(kind)
        if record_type is None:  # W-20
            skipped += 1
            continue
        sources: tuple[Address, ...] = ()
        if source_count:
            sources = sources_of(data[start:end])
            bad += source_count - len(sources)
        add(Record(record_type, group_of(raw), sources))
    return tuple(records), skipped, bad
