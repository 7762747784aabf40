"""One host of the lab, as the tests see it: joins, sends and counts through the agent in its
namespace.
"""

from __future__ import annotations

import contextlib
import ipaddress
import itertools
import json
import os
import select
import subprocess
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pyroute2 import IPRoute

from snoop.lab import namespaces
from snoop.namespace import inside

ANSWER_S = 30.0


class AgentError(namespaces.LabError):
    """A host could not do what it was told; the text is its reason."""


@dataclass(frozen=True, slots=True)
class Count:
    """What one host received of one (source, destination).

    Of `datagrams`, with so many `bytes` of payload, `unique` are numbered ones of the lab's that
    came for the first time: so many as were sent is all of them. `duplicates` came again,
    `reordered` after a later one, `corrupt` damaged; `missing` are gaps between the first and the
    last number, the last gap `last_missing` numbers behind the first. `frames` (and `fragments`
    among them) are counted on the wire only. `first_ns`, `last_ns`: CLOCK_REALTIME of the first and
    last frame.
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

    def stop(self) -> Any:
        """End a `send`, `bursts` or `frames` before its count; its result, with what was sent."""
        self.host.call("stop", job=self.ident)
        return self.result()


class Host:
    """A namespace with one interface, `eth0`, cabled to the switch port `port`.

    It has an `address`, a `mac` and a kernel's own multicast: what it joins it reports, and it
    answers queries. Where the lab leaves IPv6 on, all that takes an address takes `address6` and
    its like as well. AgentError, with the reason, for what it cannot do.
    """

    def __init__(
        self,
        name: str,
        namespace: str,
        link: IPRoute,
        *,
        port: str,
        address: str,
        address6: str = "",
        interface: str = "eth0",
    ) -> None:
        self.name, self.namespace, self.link = name, namespace, link
        self.interface = interface
        self.port, self.address, self.address6 = port, address, address6
        self.mac = ""
        self.ids = itertools.count(1)
        self.answers: dict[int, dict[str, Any]] = {}
        self.pending = b""
        self.process = namespaces.spawn(
            namespace, namespaces.program("snoop.lab.agent", interface), stdin=-1, stdout=-1
        )

    def close(self) -> None:
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe:
                pipe.close()
        self.process.kill()
        self.process.wait()
        self.link.close()

    @property
    def link_local(self) -> str:
        """The IPv6 address that the kernel makes of the MAC (RFC 4291 appendix A)."""
        octets = bytes.fromhex(self.mac.replace(":", ""))
        return str(
            ipaddress.IPv6Address(
                b"\xfe\x80"
                + bytes(6)
                + bytes([octets[0] ^ 2])
                + octets[1:3]
                + b"\xff\xfe"
                + octets[3:]
            )
        )

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

    # --- programs

    @contextlib.contextmanager
    def inside(self) -> Iterator[None]:
        """Sockets that are opened in this block are the host's, for as long as they live.

        with host.inside():
            receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        """
        with inside(self.namespace):
            yield

    def spawn(
        self, command: Sequence[str | os.PathLike[str]], **options: Any
    ) -> subprocess.Popen[Any]:
        """Start a program on the host; `options` are those of `subprocess.Popen`. It ends with the
        lab at the latest.
        """
        return namespaces.spawn(self.namespace, command, **options)

    def run(
        self, command: Sequence[str | os.PathLike[str]], *, timeout: float = ANSWER_S
    ) -> subprocess.CompletedProcess[str]:
        """Run a program on the host to its end, with its output; TimeoutExpired after `timeout`
        seconds.
        """
        pipe = subprocess.PIPE
        process = self.spawn(command, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, text=True)
        try:
            said, complained = process.communicate(timeout=timeout)
        finally:
            process.kill()
        return subprocess.CompletedProcess(process.args, process.returncode, said, complained)

    # --- memberships, through the kernel

    def join(self, group: str, *sources: str, interface: str | None = None) -> None:
        """Join the group: any source, or only the given ones (INCLUDE)."""
        self.filter(group, "include" if sources else "exclude", sources, interface=interface)

    def filter(
        self,
        group: str,
        mode: str,
        sources: Iterable[str] = (),
        *,
        interface: str | None = None,
    ) -> None:
        """Join or change to `mode` "include" or "exclude" with exactly these sources."""
        sources = list(sources)
        version = check_address(group, multicast=True)
        if version == 6 and not self.address6:
            raise AgentError(f"{self.name} cannot join {group}: the lab keeps IPv6 quiet")
        for source in sources:
            if check_address(source, multicast=False) != version:
                raise AgentError(
                    f"{source} cannot send to {group}: of the two IPs they are not one"
                )
        where = interface or self.interface
        self.call("filter", group=group, mode=mode, sources=sources, interface=where)

    def leave(self, group: str, *, interface: str | None = None) -> None:
        """Leave the group; what came of it stays counted."""
        self.call("leave", group=group, interface=interface or self.interface)

    def igmp_version(self, version: int) -> None:
        """0: the kernel follows the querier; 1, 2, 3: it speaks that version whatever it hears."""
        self.call(
            "sysctl", path=f"net/ipv4/conf/{self.interface}/force_igmp_version", value=str(version)
        )

    def mld_version(self, version: int) -> None:
        """The same of MLD, whose versions are 1 and 2."""
        self.call(
            "sysctl", path=f"net/ipv6/conf/{self.interface}/force_mld_version", value=str(version)
        )

    # --- sending

    def send(self, destination: str, **how: Any) -> dict[str, float]:
        """Send numbered datagrams and wait until all are sent: `count` (1) of `size` bytes (200),
        `rate` a second (0: as fast as it goes), to `port` (5004); `ttl` (1); more in
        `datagrams.udp_send`. How many were `sent`, their `bytes` and in how many `seconds`.
        """
        result: dict[str, float] = self.start("send", destination=destination, **how).result(120)
        return result

    def bursts(self, destination: str, **how: Any) -> dict[str, float]:
        """Send datagrams several at a time (`datagrams.udp_bursts`)."""
        result: dict[str, float] = self.start("bursts", destination=destination, **how).result(120)
        return result

    def frames(
        self, frames: Sequence[bytes], *, rate: float = 0.0, repeat: int = 1
    ) -> dict[str, Any]:
        """Send whole frames as they are (`snoop.lab.frames` makes some)."""
        hexes = [bytes(frame).hex() for frame in frames]
        result: dict[str, Any] = self.start(
            "frames", frames=hexes, rate=rate, repeat=repeat
        ).result(120)
        return result

    # --- what arrived

    def reset(self) -> None:
        """Count from zero again; memberships stay."""
        self.call("reset")

    def wire(self, group: str, source: str | None = None, *, vid: int | None = None) -> Count:
        """Frames to `group` that the switch delivered here, wanted or not.

        That none came is certain after `Lab.settle`. AgentError when frames came faster than this
        machine could count them.
        """
        return self.wire_by_source(group, [source], vid=vid)[source]

    def wire_by_source(
        self, group: str, sources: Iterable[str | None], *, vid: int | None = None
    ) -> dict[str | None, Count]:
        """The same for several sources by one look; None: any."""
        rows = [
            row
            for row in self.counted("wire")
            if row["destination"] == group and (vid is None or row["vid"] == vid)
        ]
        return {
            source: total(row for row in rows if source in (None, row["source"]))
            for source in sources
        }

    def app(self, group: str, source: str | None = None, *, interface: str | None = None) -> Count:
        """Datagrams to `group` that came out of the sockets with which the host joined it, on
        `interface` or on any.

        AgentError when they came faster than this machine could read them.
        """
        rows = self.counted("app")
        return total(
            row
            for row in rows
            if row["group"] == group
            and source in (None, row["source"])
            and interface in (None, row["interface"])
        )

    def counted(self, what: str) -> list[dict[str, Any]]:
        counts = self.call("counts")
        if missed := counts[f"{what}_missed"]:
            raise AgentError(
                f"{self.name}: {missed} came faster than they could be counted: send at a lower "
                "`rate`, or as root, who may have larger buffers than a user namespace"
            )
        rows: list[dict[str, Any]] = counts[what]
        return rows

    def tap_drops(self) -> int:
        """Frames in all that came faster than they could be counted."""
        drops: int = self.call("counts")["tap_drops"]
        return drops

    def record(self, what: str) -> None:
        """What `captured` keeps: "control" (the default), "all" or "none"."""
        self.call("record", what=what)

    def captured(self) -> list[Captured]:
        rows = self.call("captured")
        return [Captured(**{**row, "frame": bytes.fromhex(row["frame"])}) for row in rows]


def check_address(address: str, *, multicast: bool) -> int:
    """The IP version; AgentError unless it is an address, of a group or of a host as is wanted."""
    try:
        known = ipaddress.ip_address(address)
    except ValueError:
        raise AgentError(f"{address!r} is no IP address") from None
    if known.is_multicast != multicast:
        raise AgentError(f"{address} is {'no' if multicast else 'a'} multicast group")
    return known.version


def total(rows: Iterable[dict[str, Any]]) -> Count:
    wanted = Count.__slots__
    return sum((Count(**{name: row[name] for name in wanted}) for row in rows), Count())
