"""What one scrape of the metrics is made of; apart, so that only a scraped switch loads more."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any, NamedTuple

import msgspec

from snoop.control import documents

STREAMS_MAX = 1000


class Findings(NamedTuple):
    """How many `check` has found of each severity, cause and family ("": of none), and how many
    seconds ago.
    """

    counts: tuple[tuple[str, str, str, int], ...]
    age: float


@dataclass(frozen=True, slots=True)
class Sample:
    """What one scrape is made of; the rows are those of `show`."""

    switch: str
    uptime: float
    counters: dict[str, int]
    port_counters: dict[str, dict[str, int]]
    ports: list[documents.Port]
    groups: dict[tuple[int, str], int]
    members: dict[str, int]
    mrouters: list[documents.Mrouter]
    queriers: list[documents.Querier]
    streams: list[documents.Stream]
    table_rows: int
    fdb_entries: int
    vlan_names: dict[int, str] = field(default_factory=dict)
    paths: dict[str, int] = field(default_factory=dict)
    """How many streams each serves."""
    findings: Findings | None = None
    """None: nobody has looked, or nobody could."""


class Told(msgspec.Struct, frozen=True):
    """A sample on the control socket; `groups`: VLAN, family, number."""

    switch: str
    uptime: float
    counters: dict[str, int]
    port_counters: dict[str, dict[str, int]]
    ports: list[documents.Port]
    groups: list[tuple[int, str, int]]
    members: dict[str, int]
    mrouters: list[documents.Mrouter]
    queriers: list[documents.Querier]
    streams: list[documents.Stream]
    table_rows: int
    fdb_entries: int
    vlan_names: dict[int, str] = {}
    paths: dict[str, int] = {}
    findings: Findings | None = None


def told(sample: Sample) -> object:
    """As it is answered to who asks for a `sample`."""
    groups = [(vid, family, count) for (vid, family), count in sample.groups.items()]
    return Told(**{**_values(sample, Sample), "groups": groups})


def taken(line: bytes) -> Sample:
    """What was told; msgspec.DecodeError."""
    return of(msgspec.json.decode(line, type=Told))


def of(answer: Told) -> Sample:
    """The sample that was told."""
    groups = {(vid, family): count for vid, family, count in answer.groups}
    return Sample(**{**_values(answer, Sample), "groups": groups})


def _values(one: object, kind: type[Sample]) -> dict[str, Any]:
    return {each.name: getattr(one, each.name) for each in fields(kind)}
