"""The Docker driver as Docker asks it, by hand: over HTTP, from another network namespace than the
switch's, and by somebody who means no good."""

from __future__ import annotations

import contextlib
import http.client
import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from netns.containers.docker import Docker
from snoop.lab import Lab, wait_until
from snoop.lab.switch import SNOOP, Snoop
from snoop.namespace import inside

NETWORK, ENDPOINT = "eec0186a50c5" + "0" * 52, "c2cf6d8ef4f6" + "2" * 52
ABOUT = {"NetworkID": NETWORK, "EndpointID": ENDPOINT}
OUTER, INNER = "dk-c2cf6d8ef4f6", "dc-c2cf6d8ef4f6"


class Unix(http.client.HTTPConnection):
    """HTTP to a socket file."""

    def __init__(self, path: Path) -> None:
        super().__init__("docker", timeout=20)
        self.path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.connect(str(self.path))  # waits while others queue, as with a timeout it does not
        self.sock.settimeout(10)


def asked(path: Path, verb: str, body: bytes = b"{}", method: str = "POST") -> tuple[int, bytes]:
    """The status and the body of an answer."""
    with contextlib.closing(Unix(path)) as connection:
        connection.request(method, f"/{verb}", body)
        answer = connection.getresponse()
        return answer.status, answer.read()


# The interfaces ----------------------------------------------------------------------------------

ASKING = """
import http.client, json, socket, sys
class Unix(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.connect(sys.argv[1])
for line in sys.stdin:
    verb, fields = json.loads(line)
    connection = Unix("docker")
    connection.request("POST", "/NetworkDriver." + verb, json.dumps(fields))
    print(connection.getresponse().read().decode(), flush=True)
"""


class Asker:
    """Docker, a process in the namespace of host h0 that asks what it is told to."""

    def __init__(self, lab: Lab, docker: Docker) -> None:
        path = f"/proc/{docker.outer.pid}/root" + "/run/docker/plugins/snoop.sock"
        self.process = subprocess.Popen(
            ["nsenter", f"--net=/run/netns/{lab.h(0).namespace}", sys.executable, "-c", ASKING,
             path],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def close(self) -> None:
        self.process.communicate()

    def ask(self, verb: str, **fields: Any) -> Any:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(json.dumps([verb, fields]), file=self.process.stdin, flush=True)
        return json.loads(self.process.stdout.readline())

    def joined(self) -> Any:
        self.ask("CreateEndpoint", **ABOUT, Interface={"Address": "10.0.0.77/24"})
        return self.ask("Join", **ABOUT, SandboxKey="/s/1")


@pytest.fixture
def made() -> Iterator[tuple[Lab, Snoop, Docker, Asker]]:
    with Lab(2) as lab:
        switch = lab.switch(["p0", "p1"])
        docker = Docker(lab)
        try:
            docker.start_driver()
            with contextlib.closing(Asker(lab, docker)) as asker:
                yield lab, switch, docker, asker
        finally:
            docker.close()


def interfaces(namespace: str) -> set[str]:
    with inside(namespace):
        return {name for _, name in socket.if_nameindex()}


def test_the_pair_has_an_end_at_the_switch_and_one_at_docker(
    made: tuple[Lab, Snoop, Docker, Asker],
) -> None:
    """Wherever Docker is, and however often it asks; what is gone has gone."""
    lab, switch, _, docker = made
    there = lab.h(0).namespace
    assert docker.ask("CreateNetwork", NetworkID=NETWORK) == {}
    options = {"com.docker.network.generic": {"vlan": "10"}}
    assert docker.ask("CreateNetwork", NetworkID=NETWORK[::-1], Options=options)["Err"] == (
        'vlan = 10: the switch "sw0" does not tell VLANs apart; it needs vlan_filtering = true in '
        "[switch], or the network no vlan"
    )
    for _ in range(2):  # Docker asks again when it has got no answer.
        assert docker.joined()["InterfaceName"]["SrcName"] == INNER
        assert OUTER in interfaces(lab.namespace)
        assert INNER in interfaces(there)
        rows = {row["name"]: row for row in switch.show("ports")["ports"]}
        assert rows[OUTER]["description"] == "docker c2cf6d8ef4f6"
    for _ in range(2):
        assert docker.ask("Leave", **ABOUT) == {}
        assert OUTER not in interfaces(lab.namespace)
        assert INNER not in interfaces(there)
    # A switch that is gone keeps nobody from leaving, and nobody joins it.
    docker.joined()
    switch.stop(signal.SIGKILL)
    assert docker.ask("Leave", **ABOUT) == {}
    assert interfaces(lab.namespace) & {OUTER} == interfaces(there) & {INNER} == set()
    begun = time.monotonic()
    assert 'the switch "sw0" does not run' in docker.ask("Join", **ABOUT)["Err"]
    assert 2 < time.monotonic() - begun < 20
    switch.start()
    assert docker.joined()["InterfaceName"]["SrcName"] == INNER
    assert docker.ask("DeleteEndpoint", **ABOUT) == {}  # and no Leave, after a crash
    assert docker.ask("DeleteNetwork", NetworkID=NETWORK) == {}
    assert interfaces(there) & {INNER} == set()
    wait_until(
        lambda: {row["name"] for row in switch.show("ports")["ports"]} == {"p0", "p1"},
        within=20,
        what="no port is left",
    )


# The process -------------------------------------------------------------------------------------


@contextlib.contextmanager
def driver(
    directory: Path, *words: str, passed: tuple[int, ...] = ()
) -> Iterator[subprocess.Popen[str]]:
    """`snoop docker`, run by `words`, with all that is its own in a directory."""
    command = [SNOOP, "docker", "--socket", directory / "d.sock", "--state", directory / "state"]
    with subprocess.Popen(
        [*words, *command],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, pass_fds=passed,
    ) as process:  # fmt: skip
        try:
            yield process
        finally:
            process.kill()


def ready(process: subprocess.Popen[str]) -> bool:
    assert process.stdout is not None
    return process.stdout.readline() == "ready\n"


def raw(path: Path, sent: bytes) -> bytes:
    """What comes back for bytes that need not be HTTP."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(10)
        sock.connect(str(path))
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            sock.sendall(sent)
            sock.shutdown(socket.SHUT_WR)
            return sock.recv(1 << 16)
    return b""


def test_whoever_asks_nonsense_is_told_so_and_nobody_else_suffers(tmp_path: Path) -> None:
    path = tmp_path / "d.sock"
    with driver(tmp_path) as process:
        assert ready(process)
        assert path.stat().st_mode & 0o777 == 0o600
        held = [Unix(path) for _ in range(200)]  # who say nothing
        for each in held:
            each.connect()
        for body in (b"{", b"[]", b"\xff" * 1000, b'{"NetworkID": "../../x"}', b"[" * 100000):
            status, said = asked(path, "NetworkDriver.CreateNetwork", body)
            assert status == 400
            assert "\n" not in json.loads(said)["Err"]
        assert asked(path, "NetworkDriver.Join", b" " * (2 << 20))[0] == 413
        assert asked(path, "NetworkDriver.Explode")[0] == 404
        assert asked(path, "../../etc/passwd")[0] == 404
        assert asked(path, "Plugin.Activate", method="GET")[0] == 405
        for sent in (b"\x16\x03\x01" * 100, b"POST / HTTP/9.9\r\n\r\n", b"A" * 100000, b"\0"):
            assert raw(path, sent)[:12] in (b"HTTP/1.0 400", b"HTTP/1.1 400", b"")
        status, said = asked(path, "Plugin.Activate", b"")
        assert (status, json.loads(said)) == (200, {"Implements": ["NetworkDriver"]})
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
        assert not path.exists()
        assert process.stderr is not None
        assert process.stderr.read() == ""
        for each in held:
            each.close()


def test_one_driver_serves_a_socket(tmp_path: Path) -> None:
    """A second one says so; what a killed one has left is in nobody's way."""
    with driver(tmp_path) as first:
        assert ready(first)
        with driver(tmp_path) as second:
            assert second.wait(20) == 1
            assert second.stderr is not None
            assert second.stderr.read().splitlines() == [
                f"snoop: cannot serve at {tmp_path}/d.sock: another driver serves there; give "
                "another path with --socket"
            ]
        first.kill()
        first.wait(5)
    with driver(tmp_path) as third:
        assert ready(third)
    (tmp_path / "d.sock").unlink()
    (tmp_path / "state").write_text('{"version": 1, "netwo')
    with driver(tmp_path) as fourth:
        assert fourth.wait(20) == 1
        assert fourth.stderr is not None
        assert "move it away" in fourth.stderr.read()


def test_systemd_hands_over_a_socket(tmp_path: Path) -> None:
    """Who knocked before the driver was there is answered; the socket stays."""
    path = tmp_path / "handed.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.bind(str(path))
        sock.listen()
        with contextlib.closing(Unix(path)) as early:
            early.request("POST", "/Plugin.Activate", b"")
            given = f'LISTEN_FDS=1 LISTEN_PID=$$ exec "$@" 3<&{sock.fileno()}'
            words = ("bash", "-c", given, "bash")
            with driver(tmp_path, *words, passed=(sock.fileno(),)) as process:
                assert ready(process)
                assert early.getresponse().status == 200
                process.send_signal(signal.SIGTERM)
                assert process.wait(20) == 0
        assert path.exists()
        assert not (tmp_path / "d.sock").exists()
