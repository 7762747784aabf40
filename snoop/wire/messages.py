"""What an IGMP or MLD message says, free of how it is written.

MLDv2 is IGMPv3 with longer addresses, and MLDv1 is IGMPv2: both families are the same messages. A
v1 or v2 report is a report with the one record IS_EX{} of its group, which is how routers treat it
(SM-41): the state machine sees one shape. `version` is that of the family's own protocol,
`generation` what can be said in it. Types that are only forwarded keep nothing but their number.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple, TypeAlias

from snoop.wire.address import Address, Family, family


class RecordType(IntEnum):
    """Record types of an IGMPv3 or MLDv2 report (RFC 9776 4.2.13); the value is the wire's."""

    IS_IN = 1
    IS_EX = 2
    TO_IN = 3
    TO_EX = 4
    ALLOW = 5
    BLOCK = 6


IS_IN, IS_EX, TO_IN, TO_EX, ALLOW, BLOCK = RecordType  # asked by a class, each costs 0.1 µs


class Generation(IntEnum):
    """What a version can say, whatever the family; the value is the version of IGMP."""

    WITHOUT_LEAVE = 1  # IGMPv1: no leave and no specific query either
    ANY_SOURCE = 2  # IGMPv2, MLDv1
    SOURCES = 3  # IGMPv3, MLDv2


def generation(of: Family, version: int) -> Generation:
    """What a version of IGMP or of MLD can say."""
    return Generation(version if of is Family.IPV4 else version + 1)


def version_of(of: Family, says: int) -> int:
    """The version of IGMP or of MLD that is of a generation, which it `says`."""
    return says if of is Family.IPV4 else says - 1


class Record(NamedTuple):
    """One group record. A named tuple: a report holds up to 183 and more of them.

    `sources` keeps the order of the message, without the addresses that W-27 refuses.
    """

    type: RecordType
    group: Address
    sources: tuple[Address, ...]


class Query(NamedTuple):
    """Membership Query. A named tuple for the cost.

    `group` is `ANY` in a General Query and in every IGMPv1 query. `qrv` and `qqi_s` are 0 when the
    message does not carry them (IGMPv1, IGMPv2, MLDv1) or leaves them to the receiver's defaults
    (W-15).
    """

    version: int
    group: Address
    sources: tuple[Address, ...]
    max_response_ns: int
    suppress: bool
    qrv: int
    qqi_s: int
    family: Family = Family.IPV4

    @property
    def generation(self) -> Generation:
        """What a host that hears it may answer in."""
        return generation(self.family, self.version)


class Report(NamedTuple):
    """Membership Report of any version, records in the order of the message (W-28).

    `skipped_records` counts records of unknown type (W-20), `bad_sources` source addresses that
    cannot be sources (W-27); both are left out of `records`.
    """

    version: int
    records: tuple[Record, ...]
    skipped_records: int = 0
    bad_sources: int = 0
    family: Family = Family.IPV4

    @property
    def generation(self) -> Generation:
        """What its sender can say."""
        return generation(self.family, self.version)


@dataclass(frozen=True, slots=True)
class Leave:
    """IGMPv2 Leave Group, MLDv1 Done."""

    group: Address

    @property
    def family(self) -> Family:
        """The family of its group."""
        return family(self.group)


@dataclass(frozen=True, slots=True)
class MrdAdvertisement:
    """A multicast router says it is there (RFC 4286); intervals in seconds as sent, not coded."""

    interval_s: int
    query_interval_s: int
    robustness: int


@dataclass(frozen=True, slots=True)
class MrdSolicitation:
    """Somebody asks for multicast routers."""


@dataclass(frozen=True, slots=True)
class MrdTermination:
    """A multicast router stops."""


@dataclass(frozen=True, slots=True)
class Dvmrp:
    """Any DVMRP message: a hint that a router is there (SNOOP-25)."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """A type that is flooded unread (SNOOP-8): nothing past its type byte has been looked at."""

    type: int


Message: TypeAlias = (
    Query | Report | Leave | MrdAdvertisement | MrdSolicitation | MrdTermination | Dvmrp | Unknown
)
