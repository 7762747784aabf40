"""One host of the lab, as the tests see it: joins, sends and counts through the agent in its
namespace.
"""

from __future__ import annotations

import itertools
import json
import os
import select
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from pyroute2 import IPRoute

from snoop.lab import namespaces

ANSWER_S = 30.0


class AgentError(Exception):
    """The agent could not do it; the text is its reason."""


@dataclass(frozen=True, slots=True)
class Count:
    """What one host received of one (source, destination), see `datagrams.Tally`. `fragments` are
    frames; `missing` and `last_missing` are its `gaps`.
    """

    datagrams: int = 0
    bytes: int = 0
    fragments: int = 0
    frames: int = 0
    unique: int = 0
    duplicates: int = 0
    reordered: int = 0
    corrupt: int = 0
    first_ns: int = 0
    last_ns: int = 0
    missing: int = 0
    last_missing: int = 0

    def __add__(self, other: Count) -> Count:
        sums = {name: getattr(self, name) + getattr(other, name) for name in self.__slots__}
        sums["first_ns"] = min(filter(None, (self.first_ns, other.first_ns)), default=0)
        sums["last_ns"] = max(self.last_ns, other.last_ns)
        sums["last_missing"] = max(self.last_missing, other.last_missing)
        return Count(**sums)


@dataclass(frozen=True, slots=True)
class Captured:
    """One frame off the wire, tag included; `time_ns` is CLOCK_REALTIME."""

    time_ns: int
    frame: bytes
    gso_size: int
    checksum_partial: bool


class Job:
    """Something slow that the agent is doing."""

    def __init__(self, host: Host, ident: int) -> None:
        self.host, self.ident = host, ident

    def result(self, within: float = ANSWER_S) -> Any:
        return self.host.answer_to(self.ident, within)


class Host:
    """A namespace with one interface `eth0`, cabled to the switch port `port`."""

    def __init__(
        self, name: str, namespace: str, link: IPRoute, *, port: str, address: str
    ) -> None:
        self.name, self.namespace, self.link = name, namespace, link
        self.port, self.address = port, address
        self.mac = ""
        self.ids = itertools.count(1)
        self.answers: dict[int, dict[str, Any]] = {}
        self.pending = b""
        self.process = namespaces.spawn(
            namespace, namespaces.program("snoop.lab.agent", "eth0"), stdin=-1, stdout=-1
        )

    def close(self) -> None:
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe:
                pipe.close()
        self.process.kill()
        self.process.wait()
        self.link.close()

    # --- talking to the agent

    def start(self, op: str, **arguments: Any) -> Job:
        """Give an order and do not wait for its end."""
        ident = next(self.ids)
        assert self.process.stdin
        self.process.stdin.write(json.dumps({"id": ident, "op": op, **arguments}).encode() + b"\n")
        self.process.stdin.flush()
        return Job(self, ident)

    def call(self, op: str, **arguments: Any) -> Any:
        return self.start(op, **arguments).result()

    def answer_to(self, ident: int, within: float) -> Any:
        deadline = time.monotonic() + within
        assert self.process.stdout
        pipe = self.process.stdout.fileno()
        while ident not in self.answers:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([pipe], [], [], left)[0]:
                raise TimeoutError(f"{self.name}: no answer within {within} s")
            data = os.read(pipe, 1 << 20)
            if not data:
                raise AgentError(f"{self.name}: the agent ended with {self.process.wait()}")
            *lines, self.pending = (self.pending + data).split(b"\n")
            for line in lines:
                answer = json.loads(line)
                self.answers[answer["id"]] = answer
        answer = self.answers.pop(ident)
        if "error" in answer:
            raise AgentError(f"{self.name}: {answer['error']}")
        return answer["result"]

    # --- memberships, through the kernel

    def join(self, group: str, *sources: str, interface: str = "eth0") -> None:
        """Join the group: any source, or only the given ones (INCLUDE)."""
        self.filter(group, "include" if sources else "exclude", sources, interface=interface)

    def filter(
        self, group: str, mode: str, sources: Iterable[str] = (), *, interface: str = "eth0"
    ) -> None:
        """Join or change to `mode` "include" or "exclude" with exactly these sources."""
        self.call("filter", group=group, mode=mode, sources=list(sources), interface=interface)

    def leave(self, group: str, *, interface: str = "eth0") -> None:
        self.call("leave", group=group, interface=interface)

    def igmp_version(self, version: int) -> None:
        """0: the kernel follows the querier; 1, 2, 3: it speaks that version whatever it hears."""
        self.call("sysctl", path="net/ipv4/conf/eth0/force_igmp_version", value=str(version))

    # --- sending

    def send(self, destination: str, **how: Any) -> dict[str, float]:
        """Send numbered datagrams (`datagrams.udp_send` has the options) and wait for the end."""
        result: dict[str, float] = self.start("send", destination=destination, **how).result(120)
        return result

    def bursts(self, destination: str, **how: Any) -> dict[str, float]:
        """Send datagrams several at a time (`datagrams.udp_bursts`)."""
        result: dict[str, float] = self.start("bursts", destination=destination, **how).result(120)
        return result

    def frames(
        self, frames: Sequence[bytes], *, rate: float = 0.0, repeat: int = 1
    ) -> dict[str, Any]:
        """Send whole frames as they are."""
        hexes = [bytes(frame).hex() for frame in frames]
        result: dict[str, Any] = self.start(
            "frames", frames=hexes, rate=rate, repeat=repeat
        ).result(120)
        return result

    # --- what arrived

    def reset(self) -> None:
        self.call("reset")

    def wire(self, group: str, source: str | None = None, *, vid: int | None = None) -> Count:
        """Frames to `group` that the switch delivered here, wanted or not."""
        return self.wire_by_source(group, [source], vid=vid)[source]

    def wire_by_source(
        self, group: str, sources: Iterable[str | None], *, vid: int | None = None
    ) -> dict[str | None, Count]:
        """The same for several sources by one look; None: any."""
        rows = [
            row
            for row in self.call("counts")["wire"]
            if row["destination"] == group and (vid is None or row["vid"] == vid)
        ]
        return {
            source: total(row for row in rows if source in (None, row["source"]))
            for source in sources
        }

    def app(self, group: str, source: str | None = None) -> Count:
        """Datagrams to `group` that came out of the joined sockets."""
        rows = self.call("counts")["app"]
        return total(
            row for row in rows if row["group"] == group and source in (None, row["source"])
        )

    def tap_drops(self) -> int:
        drops: int = self.call("counts")["tap_drops"]
        return drops

    def record(self, what: str) -> None:
        """What `captured` keeps: "control" (the default), "all" or "none"."""
        self.call("record", what=what)

    def captured(self) -> list[Captured]:
        rows = self.call("captured")
        return [Captured(**{**row, "frame": bytes.fromhex(row["frame"])}) for row in rows]


def total(rows: Iterable[dict[str, Any]]) -> Count:
    wanted = Count.__slots__
    return sum((Count(**{name: row[name] for name in wanted}) for row in rows), Count())
