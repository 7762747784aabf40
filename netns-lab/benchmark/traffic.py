"""The C programs of `traffic/` as Python sees them: built once, started, read, and always ended.

A `Source` run is one process with a bounded life; the `Sink` lives as long as its star and answers
line by line.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmark.machine import PRIORITY, prefer
from benchmark.star import Star

HERE = Path(__file__).resolve().parents[1] / "traffic"
BUILD = HERE.parents[1] / "build" / "traffic"
FLAGS = ("-O2", "-std=c11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Wconversion", "-Werror")
ARRIVALS = ("arrivals.c", "program.c")
PROGRAMS = {
    "source": ("source.c", "flow.c", "namespace.c", "wire.c"),
    "sink": ("sink.c", "filter.c", "program.c", "namespace.c"),
    "latency": ("latency.c", *ARRIVALS, "namespace.c", "wire.c"),
    "probe": ("probe.c", "report.c", "namespace.c", "wire.c"),
    "reports": ("reports.c", "flood.c", "report.c", "namespace.c", "wire.c"),
    "stream": ("stream.c", "namespace.c"),
    "storm": ("storm.c", "flood.c", "namespace.c", "wire.c"),
    "joins": ("joins.c", *ARRIVALS, "namespace.c", "wire.c"),
}
GROUP = "239.1.0.1"  # the first; others count up from it
GROUP6 = "ff0e::9901:1"
IPV6_BYTES = 20  # by which a header is longer than IPv4's
TAG_BYTES = 4
SLACK_S = 10.0  # how long past its own bound a program may take before it is killed


class TrafficError(RuntimeError):
    """A traffic program failed; the message is what it said."""


def build() -> None:
    """Compile what is older than its sources. TrafficError with the compiler's words."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        raise TrafficError("no C compiler: apt-get install gcc libc6-dev")
    BUILD.mkdir(parents=True, exist_ok=True)
    newest = max(each.stat().st_mtime for each in HERE.iterdir())
    for name, sources in PROGRAMS.items():
        program = BUILD / name
        if program.exists() and program.stat().st_mtime > newest:
            continue
        fresh = program.with_suffix(f".{os.getpid()}")  # never write over one that runs
        files = [str(HERE / each) for each in sources]
        command = [compiler, *FLAGS, "-pthread", "-o", str(fresh), *files]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
        if done.returncode:
            raise TrafficError(f"{' '.join(command)}\n{done.stderr}")
        fresh.replace(program)


def run(program: str, *arguments: str, within_s: float) -> Any:
    """Run one to its end and return the JSON it printed last. TrafficError if it fails or outlives
    `within_s`.
    """
    try:
        done = subprocess.run(
            [BUILD / program, *arguments],
            capture_output=True,
            text=True,
            timeout=within_s + SLACK_S,
        )
    except subprocess.TimeoutExpired as late:
        raise TrafficError(f"{program} did not end within {within_s + SLACK_S:.0f} s") from late
    if done.returncode or not done.stdout:
        raise TrafficError(done.stderr.strip() or f"{program} ended with {done.returncode}")
    return json.loads(done.stdout.splitlines()[-1])


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What the source is asked to send. `rate` in frames/s, 0: as fast as it goes; `size` in bytes
    with FCS.
    """

    seconds: float
    size: int = 64
    groups: int = 1
    rate: int = 0
    frames: int = 0  # 0: by time alone
    port: int = 5004
    group: str = GROUP
    mac: str = ""  # of the host the frames are for, whose address is then `group`
    udp: bool = False  # through a UDP socket instead of ready-made frames
    rtp: bool = False  # with a header of RTP before what the bench puts in

    def arguments(self, star: Star) -> list[str]:
        source = star.address6(0) if ":" in self.group else star.address(0)
        interface = star.source_interface if self.udp else "eth0"
        return [
            *("--netns", star.source, "--interface", interface, "--source", source),
            *("--group", self.group, "--groups", str(self.groups), "--size", str(self.size)),
            *("--rate", str(self.rate), "--seconds", str(self.seconds)),
            *("--frames", str(self.frames), "--port", str(self.port)),
            *("--mac", self.mac),
            *(["--rtp"] if self.rtp else []),
            *(["--udp"] if self.udp else ["--vlan", str(star.vlan)]),
        ]


def send(star: Star, offer: Offer) -> dict[str, float]:
    """Send it; returns `sent`, `seconds`, `full`, `refused`."""
    sent: dict[str, float] = run("source", *offer.arguments(star), within_s=offer.seconds)
    return sent


@contextlib.contextmanager
def background(program: str, arguments: Sequence[str]) -> Iterator[subprocess.Popen[str]]:
    """The program runs for the length of the block, and is ended with it."""
    process = subprocess.Popen(
        [BUILD / program, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
        try:
            process.communicate(timeout=5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()


@contextlib.contextmanager
def flooded(star: Star, hosts: Sequence[int], kind: str, seconds: float) -> Iterator[None]:
    """Receivers that flood, by their numbers, as fast as they can, for the length of the block.

    They stand to the bench as strangers on the machine stand to the switch, by ten levels of
    priority in sessions of their own: without that one of the two would just have the cores.
    """
    floods = []
    try:
        for number in hosts:
            words = [star.receivers[number], "eth0", star.address(number + 1), kind, "0"]
            flood = subprocess.Popen(
                [BUILD / "storm", *words, str(seconds)],
                stdout=subprocess.DEVNULL,
                start_new_session=True,
            )
            floods.append(flood)
            os.setpriority(os.PRIO_PROCESS, flood.pid, 0)
            prefer(flood.pid, PRIORITY + 10)
        yield
    finally:
        for flood in floods:
            flood.kill()
            flood.wait()


class Sink:
    """The receivers of one star; receiver 0 sits on port p1."""

    def __init__(self, namespaces: Sequence[str], mode: str) -> None:
        hosts = [f"{name}:eth0" for name in namespaces]
        self.process = subprocess.Popen(
            [BUILD / "sink", mode, *hosts],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._answer()

    def command(self, line: str) -> dict[str, Any]:
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(line + "\n")
            self.process.stdin.flush()
        except BrokenPipeError as gone:
            raise TrafficError("the sink has ended") from gone
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        line = self.process.stdout.readline()
        if not line:
            raise TrafficError(self.process.stderr.read().strip() or "the sink has ended")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise TrafficError(f"sink: {answer['error']}")
        return answer

    def join(self, receiver: int, groups: int, first: str = GROUP) -> None:
        self.command(f"join {receiver} {first} {groups}")

    def leave(self, receiver: int) -> None:
        self.command(f"leave {receiver}")

    def take_runs(self, accepted: bool) -> None:
        """Whether receivers take runs of datagrams (UDP_GRO) or one at a time."""
        self.command(f"runs {int(accepted)}")

    def reset(self) -> None:
        self.command("reset")

    def read(self) -> list[dict[str, int]]:
        receivers: list[dict[str, int]] = self.command("read")["receivers"]
        return receivers

    def close(self) -> None:
        with contextlib.suppress(OSError):
            if self.process.stdin is not None:
                self.process.stdin.close()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
