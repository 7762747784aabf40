"""Real Docker, of the Debian package, in a corner of its own: nothing of the machine is touched.

```
  mount namespace with a /run of its own
 ┌───────────────────────────────────────────────────────────────┐
 │  snoop docker        PID namespace                            │
 │  (sees the switch,  ┌──────────────────────────────────────┐  │
 │   which is outside) │ dockerd, containerd, the containers  │  │
 │                     └──────────────────────────────────────┘  │
 └───────────────────────────────────────────────────────────────┘
```

All of it is in the network namespace of the lab's switch, which is the container host's. Its first
process but one (tini reaps, which Docker relies on) reads from us: when we end, the whole ends.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from netns.containers import image
from snoop.lab import Lab, wait_until
from snoop.lab.switch import SNOOP
from snoop.namespace import at

DOCKER, DOCKERD = "/usr/bin/docker", "/usr/sbin/dockerd"
SECONDS = 20.0
_APART = """
set -e
mount -t tmpfs tmpfs /run
mkdir -p /run/docker/plugins /run/snoop
ln -s "$1" /run/snoop/sw0.sock
unshare --pid --fork --kill-child --mount-proc tini -- sh -c 'echo apart; read -r _'
"""


class Docker:
    """A container host; `docker` is its command line."""

    def __init__(self, lab: Lab, *, live_restore: bool = True) -> None:
        self.lab = lab
        self.directory = lab.directory / "docker"
        self.directory.mkdir()
        self.live_restore = live_restore
        self.state = self.directory / "driver.json"
        self.cgroup = f"snoop-{lab.prefix}"
        self.api = f"unix://{self.directory}/docker.sock"
        self.daemon: subprocess.Popen[bytes] | None = None
        self.driver: subprocess.Popen[str] | None = None
        self.outer = subprocess.Popen(
            ["nsenter", f"--net=/run/netns/{lab.namespace}", "unshare", "--mount",
             "sh", "-c", _APART, "apart", str(lab.directory / "sw0" / "switch.sock")],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self.outer.stdout is not None
        assert self.outer.stdout.readline() == "apart\n"
        self.inner = _child(_child(self.outer.pid))

    def close(self) -> None:
        """Nothing is left of it."""
        if self.driver is not None:
            self.driver.kill()
            self.driver.communicate()
        assert self.outer.stdin is not None
        self.outer.stdin.close()
        self.outer.kill()  # and the kernel all of the PID namespace
        self.outer.wait()
        if self.daemon is not None:
            self.daemon.wait()
        for controller in Path("/sys/fs/cgroup").iterdir():
            made = controller / self.cgroup
            with contextlib.suppress(OSError):
                for each in (*made.glob("*"), made):
                    if each.is_dir():
                        each.rmdir()

    # --- its processes

    def start_daemon(self) -> None:
        words = ["--iptables=false", "--ip6tables=false", "--bridge=none", "--storage-driver=vfs"]
        words += [f"--data-root={self.directory}/data", f"--exec-root={self.directory}/exec"]
        words += [f"--pidfile={self.directory}/pid", f"--cgroup-parent=/{self.cgroup}"]
        words += ["--live-restore"] * self.live_restore
        (self.directory / "pid").unlink(missing_ok=True)
        with (self.directory / "log").open("ab") as log:
            self.daemon = subprocess.Popen(
                [*_within(self.inner, "-p"), DOCKERD, "-H", self.api, *words],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        wait_until(lambda: self.run("version").returncode == 0, within=SECONDS, what="dockerd")

    def stop_daemon(self, number: int = signal.SIGTERM) -> None:
        assert self.daemon is not None
        os.kill(_child(self.daemon.pid), number)
        self.daemon.wait(SECONDS)

    def start_driver(self) -> None:
        with (self.directory / "driver.log").open("a") as log:
            self.driver = subprocess.Popen(
                [*_within(self.outer.pid), SNOOP, "docker", "--state", self.state],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, text=True,
            )  # fmt: skip
        assert self.driver.stdout is not None
        assert self.driver.stdout.readline() == "ready\n", self.said()

    def stop_driver(self, number: int = signal.SIGTERM) -> int:
        assert self.driver is not None
        self.driver.send_signal(number)
        self.driver.communicate(timeout=SECONDS)
        return self.driver.returncode

    def said(self) -> str:
        """What the driver has logged."""
        return (self.directory / "driver.log").read_text()

    # --- its command line

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [DOCKER, "-H", self.api, *words],
            capture_output=True, text=True, timeout=60, check=False, stdin=subprocess.DEVNULL,
        )  # fmt: skip

    def do(self, *words: str) -> str:
        """A command that must work; what it printed."""
        done = self.run(*words)
        assert done.returncode == 0, f"docker {' '.join(words)}: {done.stderr}\n{self.said()}"
        return done.stdout.strip()

    def refused(self, *words: str) -> str:
        """A command that must not work; what it said."""
        done = self.run(*words)
        assert done.returncode != 0, done.stdout
        return done.stderr

    def load_image(self) -> None:
        self.do("import", str(image.archive(self.directory)), "box")

    def start(self, name: str, *words: str, network: str = "av") -> str:
        """A container that waits, or runs `words`; the name of its port."""
        self.do(
            "run", "-d", "--name", name, "--network", network, "box", *(words or ("sleep", "600"))
        )
        return self.port(name, network)

    def remove(self, *names: str) -> None:
        self.do("rm", "-f", *names)

    def inspect(self, name: str) -> Any:
        return json.loads(self.do("inspect", name))[0]

    def port(self, name: str, network: str = "av") -> str:
        """The switch's port of a container."""
        endpoint = self.inspect(name)["NetworkSettings"]["Networks"][network]["EndpointID"]
        return f"dk-{endpoint[:12]}"

    def received(self, name: str) -> int:
        """How many datagrams `group receive` has got in a container."""
        lines = self.do("logs", name).splitlines()
        return sum(line[:1].isdigit() for line in lines)

    @contextlib.contextmanager
    def tap(self, name: str) -> Iterator[socket.socket]:
        """All that a container's interfaces get, read without waiting."""
        key = self.inspect(name)["NetworkSettings"]["SandboxKey"]
        descriptor = os.open(f"/proc/{self.inner}/root{key}", os.O_RDONLY | os.O_CLOEXEC)
        try:
            with at(descriptor):
                tapped = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        finally:
            os.close(descriptor)
        tapped.setblocking(False)
        with tapped:
            yield tapped


def frames_to(tapped: socket.socket, group: str) -> int:
    """How many frames to an IPv4 group there were since the last look."""
    wanted = socket.inet_aton(group)
    count = 0
    with contextlib.suppress(BlockingIOError):
        while True:
            frame = tapped.recv(2048)
            count += frame[12:14] == b"\x08\x00" and frame[30:34] == wanted
    return count


def there() -> bool:
    """Docker of the package is installed."""
    return Path(DOCKERD).exists() and shutil.which(DOCKER) is not None


def _within(pid: int, *words: str) -> list[str]:
    """A command's beginning: in the namespaces of a process."""
    return ["nsenter", "-t", str(pid), "-m", "-n", *words]


def _child(pid: int) -> int:
    """The only child of a process."""

    def child() -> str:
        return Path(f"/proc/{pid}/task/{pid}/children").read_text().strip()

    wait_until(child, within=20, what=f"a child of {pid}")
    return int(child())
