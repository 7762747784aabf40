"""Interfaces with names that a terminal must not see (F-13) are ports like any other."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator

import pytest

from netns.star import IGMP, Star
from snoop.lab import Lab, frames, namespaces
from snoop.lab.switch import SNOOP, Snoop

NAMES = {  # of the kernel, and as it is written
    b"a\x1b[31mb\x07": r"a\x1b[31mb\x07",
    b"bad\xff": r"bad\xff",
    "l\u202ev\u200b".encode(): r"l\u202ev\u200b",
}
G = "239.1.2.3"


@pytest.fixture(scope="module")
def named() -> Iterator[tuple[Lab, Snoop]]:
    with Lab(4) as lab:
        with namespaces.inside(lab.namespace):
            for port, name in zip(lab.ports, NAMES, strict=False):
                for words in ([b"down"], [b"name", name]):
                    command = [b"ip", b"link", b"set", port.encode(), *words]
                    subprocess.run(command, check=True)
                subprocess.run([b"ip", b"link", b"set", name, b"up"], check=True)
        switch = lab.switch(
            [*NAMES.values(), "p3"],
            config={"igmp": IGMP, "metrics": {"listen": "127.0.0.1:9570"}},
        )
        yield lab, switch
        Star(lab, switch).conserved()


def command(switch: Snoop, *words: str | bytes) -> bytes:
    """What a command prints, as bytes: a test must not be kinder than a terminal."""
    result = subprocess.run(
        [SNOOP, "--socket", switch.socket, *words], capture_output=True, timeout=60, check=False
    )
    assert b"Traceback" not in result.stderr
    return result.stdout + result.stderr


def harmless(output: bytes) -> str:
    text = output.decode()  # valid UTF-8
    assert all(line.isprintable() for line in text.splitlines()), ascii(text)
    return text


def test_everything_it_says_is_printable(named: tuple[Lab, Snoop]) -> None:
    lab, switch = named
    lab.h(0).join(G)
    switch.wait_members(G, {r"a\x1b[31mb\x07"})
    for words in (
        "show", "show mdb", "show ports", "show counters", "show fdb", "show hosts", "show streams",
        "show mrouters", "show config", "check", f"explain --group {G} --port p3",
    ):  # fmt: skip
        harmless(command(switch, *words.split()))
        if words not in ("check",) and "explain" not in words and words != "show":
            json.loads(harmless(command(switch, *words.split(), "--json")))
    harmless(switch.log_file.read_bytes())
    with namespaces.inside(lab.namespace):
        fetch = "import urllib.request as r; print(r.urlopen('http://127.0.0.1:9570/metrics').read().decode())"
        metrics = subprocess.run(
            [str(SNOOP.with_name("python")), "-c", fetch],
            capture_output=True,
            check=True,
            timeout=60,
        )
    assert r"bad\\xff" in harmless(metrics.stdout)


@pytest.mark.parametrize("raw", NAMES)
def test_the_port_works_by_either_name(named: tuple[Lab, Snoop], raw: bytes) -> None:
    lab, switch = named
    for name in (raw, NAMES[raw].encode()):
        answer = json.loads(
            command(switch, b"explain", b"--json", b"--port", name, b"--group", G.encode())
        )
        assert answer["action"] in ("forward", "flood", "drop")
        assert command(switch, b"mdb", b"add", b"239.9.9.9", b"--port", name) == b""
        rows = json.loads(command(switch, b"show", b"mdb", b"--json", b"--port", name))["mdb"]
        assert {row["port"] for row in rows} == {NAMES[raw]}
        assert command(switch, b"mdb", b"del", b"239.9.9.9", b"--port", name) == b""
    harmless(command(switch, b"explain", b"--group", G.encode(), b"--port", b"no\x1b\xffsuch"))
    number = list(NAMES).index(raw)
    host = lab.h(number)
    host.frames([frames.report_v2("239.8.8.8", host.address, mac=host.mac)])
    switch.wait_members("239.8.8.8", {NAMES[raw]})
    switch.quick("clear", "mdb")


def test_a_switch_starts_with_such_ports_on_its_command_line(named: tuple[Lab, Snoop]) -> None:
    """The other switch has them: what it says of that is harmless too."""
    lab, _ = named
    arguments = [part for name in NAMES for part in (b"--port", name)]
    with namespaces.inside(lab.namespace):
        result = subprocess.run(
            [SNOOP, "--socket", lab.directory / "x.sock", "run", *arguments],
            capture_output=True, timeout=60, check=False,
        )  # fmt: skip
    assert result.returncode == 1
    said = harmless(result.stderr)
    assert r"bad\xff: cannot be opened: it is a port of the switch" in said
