"""The rows of `documents.Witnesses`: what a switch has seen of hosts; ages are seconds."""

from __future__ import annotations

from msgspec import Struct

from snoop.control.tagged import Vid


class Refused(Struct, frozen=True, kw_only=True, gc=False):
    """Joins of one group that a port's hosts made in vain, for one reason; the host of the last.

    `name` and `announced` are of the group.
    """

    vlan: Vid
    family: str
    group: str
    port: str
    why: str
    address: str
    mac: str
    count: int
    age: float
    name: str | None = None
    announced: str | None = None


class Witness(Struct, frozen=True, kw_only=True, gc=False):
    """A host that a port has heard: seconds since then, and what it has left unanswered since."""

    vlan: Vid
    family: str
    port: str
    address: str
    mac: str
    version: int
    first_heard: float
    last_heard: float
    answered: float | None
    unanswered: int
    left: bool
    moved: bool


class Name(Struct, frozen=True, kw_only=True, gc=False):
    """A host."""

    address: str
    mac: str


class Gone(Struct, frozen=True, kw_only=True, gc=False):
    """A membership that ended; `last_heard` and `unanswered` are as they were when it did."""

    vlan: Vid
    family: str
    group: str
    port: str
    how: str
    address: str
    mac: str
    age: float
    last_heard: float | None
    unanswered: int | None
    others: list[Name]


class Shunned(Struct, frozen=True, kw_only=True, gc=False):
    """A router that a port does not believe: by what it says to be one, and why not."""

    vlan: Vid
    family: str
    port: str
    address: str
    origin: str
    why: str
    count: int
    age: float


class Asked(Struct, frozen=True, kw_only=True, gc=False):
    """A General Query that was put to all ports, and who answered; `port` None: our own."""

    vlan: Vid
    family: str
    address: str
    port: str | None
    version: int
    age: float
    left: float
    answers: int
    ports: list[str]
    answered: list[str]
    silent: list[str]
