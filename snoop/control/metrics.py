"""The Prometheus endpoint: the switch's own counters and state, read when scraped.

Connections are few and short (`Door`, HEAD_SECONDS, SEND_SECONDS), one scrape is answered at a
time: what it shows is gathered in the control thread, which alone may touch the plane, and put into
words by prometheus-client in another. Somebody who connects and says nothing costs a place until
somebody else wants it, and no thread.

A port has some ninety counters, and most never move: shown are those that have moved, and all of
them if `?all` is asked for (SAY-23).
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from urllib.parse import parse_qs

from prometheus_client import CollectorRegistry, make_wsgi_app
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from snoop.control import documents, metered
from snoop.control.counters import DROPPED, dropped, meaning
from snoop.control.door import Door, Guest, places
from snoop.control.sample import STREAMS_MAX, Findings, Sample

SCRAPE_SECONDS = 5.0
CONNECTIONS_MAX = 16
CONNECTIONS_PER_SECOND = 200
HEAD_SECONDS = 5.0
HEAD_BYTES_MAX = 1 << 13
SEND_SECONDS = 10.0
ALWAYS = ("rx_frames", "tx_frames", "lost", "pruned")
"""Counters of a port that are shown from the beginning."""

GONE_MAX = 512
"""Ports that are gone, and may come again."""

Counted = Mapping[str, Mapping[str, int]]
"""By port, by counter."""


class Moved:
    """Remembers which counters of which ports moved: those are shown for as long as we live, of
    ports that are gone those of the last ones: containers bring ever other names.
    """

    def __init__(self) -> None:
        self._names: dict[str, set[str]] = {}

    def of(self, counters: Counted) -> Counted:
        """Of these, each that is not 0 or was not when last asked."""
        gone = [each for each in self._names.items() if each[0] not in counters]
        here = {port: self._names.get(port, set(ALWAYS)) for port in counters}
        self._names = {**dict(gone[-GONE_MAX:]), **here}  # the longest gone is the first
        for port, counts in counters.items():
            self._names[port].update(name for name, number in counts.items() if number)
        return {
            port: {name: number for name, number in counts.items() if name in self._names[port]}
            for port, counts in counters.items()
        }


class _Page(Collector):
    """What one address of the endpoint shows."""

    def __init__(self, collect: Callable[[], Iterable[Metric]]) -> None:
        self._collect = collect
        self._silent = True
        registry = CollectorRegistry(auto_describe=False)
        registry.register(self)
        self._silent = False
        self.app = make_wsgi_app(registry)

    def collect(self) -> Iterable[Metric]:
        """Called by the serving thread."""
        return [] if self._silent else self._collect()


class Endpoint:
    """Serves /metrics on `listen` ("ADDRESS:PORT") until the process ends; OSError if it cannot."""

    def __init__(
        self,
        listen: str,
        *,
        loop: asyncio.AbstractEventLoop,
        sample: Callable[[], Awaitable[Sample]],
        listening: socket.socket | None = None,
    ) -> None:
        self._loop = loop
        self._sample = sample
        self._one = asyncio.Lock()
        self._closed = False
        self._moved = Moved()
        self._short = _Page(lambda: metrics(self._gathered(), self._moved.of))
        self._whole = _Page(lambda: metrics(self._gathered()))
        address, port = where(listen)
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        listening = listening or socket.create_server((address, port), family=family)
        self._door = Door(
            listening,
            places=places(CONNECTIONS_MAX),
            rate=CONNECTIONS_PER_SECOND,
            serve=self._serve,
            line_bytes_max=HEAD_BYTES_MAX,
        )

    @property
    def listening(self) -> socket.socket:
        """What another process can take over."""
        return self._door.listening

    async def see_off(self) -> None:
        """Answer who has asked, and nobody else: another process does."""
        await self._door.see_off()

    async def close(self) -> None:
        """Answer nothing any more: what a scrape reads is about to go."""
        self._closed = True
        await self._door.close()

    async def _serve(self, guest: Guest) -> None:
        """One request, one answer, and good-bye."""
        reader, writer = guest.reader, guest.writer
        try:
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), HEAD_SECONDS)
        except asyncio.LimitOverrunError:
            writer.write(_answer("431 Request Header Fields Too Large", [], b""))
        else:
            self._door.speaks()
            writer.write(await self._reply(head))
        writer.transport.set_write_buffer_limits(high=0)
        await asyncio.wait_for(writer.drain(), SEND_SECONDS)
        writer.close()
        await asyncio.wait_for(writer.wait_closed(), SEND_SECONDS)

    async def _reply(self, head: bytes) -> bytes:
        lines = head.decode("latin-1").split("\r\n")
        words = lines[0].split(" ")
        if len(words) != 3 or words[0] not in ("GET", "HEAD"):
            return _answer("405 Method Not Allowed", [("Allow", "GET, HEAD")], b"")
        path, _, question = words[1].partition("?")
        fields = dict(_field(line) for line in lines[1:] if ":" in line)
        environ = {
            "REQUEST_METHOD": "GET",
            "PATH_INFO": path,
            "QUERY_STRING": question,
            "HTTP_ACCEPT": fields.get("accept", ""),
            "HTTP_ACCEPT_ENCODING": fields.get("accept-encoding", ""),
        }
        page = self._whole if "all" in parse_qs(question, keep_blank_values=True) else self._short
        started: list[tuple[str, list[tuple[str, str]]]] = []

        def begin(status: str, headers: list[tuple[str, str]]) -> None:
            started.append((status, headers))

        def run() -> bytes:
            return b"".join(page.app(environ, begin))

        async with self._one:
            try:
                body = await asyncio.to_thread(run)
            except TimeoutError:
                return _answer("503 Service Unavailable", [], b"")
        status, headers = started[0]
        return _answer(status, headers, body, send_body=words[0] == "GET")

    def _gathered(self) -> Sample:
        """Called by the serving thread."""

        async def gather() -> Sample:
            if self._closed:
                raise TimeoutError
            return await self._sample()

        future = asyncio.run_coroutine_threadsafe(gather(), self._loop)
        return future.result(SCRAPE_SECONDS)


def where(listen: str) -> tuple[str, int]:
    """The address and the port of `[metrics] listen`."""
    address, _, port = listen.rpartition(":")
    return address.strip("[]") or "0.0.0.0", int(port)


def _field(line: str) -> tuple[str, str]:
    name, _, value = line.partition(":")
    return name.strip().lower(), value.strip()


def _answer(
    status: str, headers: list[tuple[str, str]], body: bytes, *, send_body: bool = True
) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in headers]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + (body if send_body else b"")


def metrics(sample: Sample, shown: Callable[[Counted], Counted] = dict) -> Iterator[Metric]:
    """The metrics of one scrape; names start with `snoop_`. `shown` chooses of ports' counters."""
    yield _gauge("snoop_uptime_seconds", "Since the switch started.", sample.uptime)
    yield _gauge("snoop_table_rows", "Group rows in the fast path.", sample.table_rows)
    yield _gauge("snoop_fdb_entries", "Unicast addresses learned.", sample.fdb_entries)
    errors = CounterMetricFamily("snoop_internal_errors", "Frames that hit a bug of ours.")
    errors.add_metric([], sample.counters.get("internal_errors", 0))
    yield errors
    yield from _ports(shown(_counters(sample)))
    up = GaugeMetricFamily("snoop_port_up", "1: the port forwards.", labels=["port"])
    for row in sample.ports:
        up.add_metric([row.name], row.state == "up" and not row.loop)
    yield up
    held = GaugeMetricFamily(
        "snoop_port_held", "1: the port is part of a loop and forwards nothing.", labels=["port"]
    )
    for row in sample.ports:
        held.add_metric([row.name], row.loop)
    yield held
    takes = GaugeMetricFamily(
        "snoop_port_takes_runs", "1: runs of datagrams leave in one send.", labels=["port"]
    )
    for row in sample.ports:
        takes.add_metric([row.name], row.takes_runs)
    yield takes
    members = GaugeMetricFamily("snoop_port_groups", "Groups of a port.", labels=["port"])
    for port, count in sample.members.items():
        members.add_metric([port], count)
    yield members
    yield from metered.of_vlans(sample)
    yield from _streams(sample.streams)
    served = GaugeMetricFamily(
        "snoop_streams",
        "Streams seen, by who serves them: the rings or the kernel.",
        labels=["path"],
    )
    for path, count in sample.paths.items():
        served.add_metric([path], count)
    yield served
    yield from _called(sample)
    if sample.findings is not None:
        yield from _findings(sample.findings)


def _findings(findings: Findings) -> Iterator[Metric]:
    """By cause, of which there are some sixty: what each is about is for `check` to say."""
    labels = ["severity", "cause", "family"]
    found = GaugeMetricFamily("snoop_finding", "How many `snoop check` finds.", labels=labels)
    for severity, cause, family, count in findings.counts:
        found.add_metric([severity, cause, family], count)
    yield found
    yield _gauge("snoop_finding_age_seconds", "Since they were looked for.", findings.age)


def _counters(sample: Sample) -> Counted:
    """With the sums of drops, which are counters as well."""
    return {
        port: {**counts, **dropped(counts)._asdict()}
        for port, counts in sample.port_counters.items()
    }


def _ports(counters: Counted) -> Iterator[Metric]:
    """A metric a counter, so that a sum over ports never mixes two things."""
    for name in sorted({name for counts in counters.values() for name in counts}):
        text = DROPPED.get(name) or meaning(name)
        family = CounterMetricFamily(f"snoop_port_{name}", text, labels=["port"])
        for port, counts in counters.items():
            if name in counts:
                family.add_metric([port], counts[name])
        yield family


def _streams(rows: list[documents.Stream]) -> Iterable[Metric]:
    """The busiest streams: each is a set of labels, and anybody can make one."""
    labels = ["vlan", "family", "source", "group", "port"]
    frames = CounterMetricFamily("snoop_stream_frames", "Frames of a stream.", labels=labels)
    octets = CounterMetricFamily("snoop_stream_bytes", "Bytes of a stream.", labels=labels)
    wanted = GaugeMetricFamily("snoop_stream_registered", "1: has members.", labels=labels)
    receivers = GaugeMetricFamily(
        "snoop_stream_receivers", "Ports that a stream is sent to.", labels=labels
    )
    busiest = sorted(rows, key=lambda row: row.frames, reverse=True)[:STREAMS_MAX]
    for row in busiest:
        values = [str(row.vlan), row.family, row.source, row.group, row.port]
        frames.add_metric(values, row.frames)
        octets.add_metric(values, row.bytes)
        wanted.add_metric(values, row.registered)
        receivers.add_metric(values, len(row.egress))
    yield from (frames, octets, wanted, receivers)
    yield from metered.health(busiest)


def _called(sample: Sample) -> Iterator[Metric]:
    """What people call groups and ports: to be joined, so that a new name begins no series."""
    names = sorted({(row.group, row.name) for row in sample.streams if row.name})
    descriptions = [(row.name, row.description) for row in sample.ports if row.description]
    for name, text, labels, rows in (
        ("snoop_group_info", "1: what a stream's group is called.", ["group", "name"], names),
        ("snoop_port_info", "1: what a port is called.", ["port", "description"], descriptions),
    ):
        family = GaugeMetricFamily(name, text, labels=labels)
        for row in rows:
            family.add_metric(row, 1)
        if rows:
            yield family


def _gauge(name: str, text: str, value: float) -> Metric:
    gauge = GaugeMetricFamily(name, text)
    gauge.add_metric([], value)
    return gauge
