"""Real podman with the CNI back end, with storage, mounts and namespace of its own.

A process holds its mount namespace, so that what podman mounts, and what it keeps outside of its
storage (names of network namespaces in /run/netns, locks in /dev/shm), is gone with it; the network
namespace is that of a lab's switch, the containers' host. That process reads from us: when we end,
however that is, it removes the containers, and its storage.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from netns.containers import image
from snoop.waiting import wait_until

PLUGINS = [str(Path(sys.executable).parent), "/usr/lib/cni"]
IMAGE = "tv"
SECONDS = 90.0
# What a machine with cgroup v1 and low limits can do.
RUN = ("--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1000:1000")
_APART = ("/run", "/dev/shm", "/var/lib/cni")
_HELD = """
set -e
for place; do mount -t tmpfs none "$place"; done
echo held
read -r _ || :
podman rm -f -a -t 0 >/dev/null 2>&1 || :
exec rm -rf "$0"
"""


class Podman:
    """A host of containers."""

    def __init__(self, namespace: str) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="snoop-podman-"))
        for name in ("net", "tmp", "logs"):
            (self.directory / name).mkdir()
        self._configure()
        Path("/var/lib/cni").mkdir(parents=True, exist_ok=True)
        self.holder = subprocess.Popen(
            ["nsenter", f"--net=/run/netns/{namespace}", "unshare", "-m",
             "sh", "-c", _HELD, str(self.directory), *_APART],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=self._environment(),
            start_new_session=True,
        )  # fmt: skip
        assert self.holder.stdout
        assert self.holder.stdout.readline() == b"held\n"
        self.do("import", str(image.archive(self.directory)), IMAGE)

    def close(self) -> None:
        """Containers first: each has a process that watches it."""
        with contextlib.suppress(subprocess.SubprocessError):
            self.holder.communicate(timeout=SECONDS)
        self.holder.kill()
        self.holder.wait()
        shutil.rmtree(self.directory, ignore_errors=True)

    def network(self, name: str, **plugin: Any) -> None:
        """As a file in /etc/cni/net.d."""
        plugin = {"type": "snoop-cni", **plugin}
        whole = {"cniVersion": "1.0.0", "name": name, "plugins": [plugin]}
        (self.directory / "net" / f"{name}.conflist").write_text(json.dumps(whole))

    def run(self, name: str, *command: str, network: str, options: tuple[str, ...] = ()) -> None:
        """Start a container."""
        log = f"path={self.log(name)}"
        words = ("--name", name, "--network", network, "--log-opt", log, *RUN, *options)
        self.do("run", "-d", *words, IMAGE, *command)

    def log(self, name: str) -> Path:
        """What it has said."""
        return self.directory / "logs" / f"{name}.log"

    def said(self, name: str) -> list[str]:
        """Its lines, each without what podman puts before it."""
        text = self.log(name).read_text() if self.log(name).exists() else ""
        return [line.split(" ", 3)[-1] for line in text.splitlines()]

    def heard(self, name: str, source: str) -> int:
        """Datagrams from there that its `group receive` has told of."""
        return sum(line.endswith(f" {source}") for line in self.said(name))

    def wait_joined(self, name: str, times: int = 1) -> None:
        """Until `group receive` runs in it, for the so manieth time."""
        wait_until(
            lambda: self.said(name).count("joined") >= times, within=20, what=f"{name} has joined"
        )

    def do(self, *words: str) -> str:
        """A command that must go well; what it printed."""
        done = self.call(*words)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def call(self, *words: str) -> subprocess.CompletedProcess[str]:
        """A command."""
        return subprocess.run(
            ["nsenter", "-t", str(self.holder.pid), "-m", "-n", "podman", *words],
            capture_output=True, text=True, timeout=SECONDS, check=False, env=self._environment(),
        )  # fmt: skip

    def _environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "CONTAINERS_CONF": str(self.directory / "containers.conf"),
            "CONTAINERS_STORAGE_CONF": str(self.directory / "storage.conf"),
            "TMPDIR": str(self.directory / "tmp"),
        }

    def _configure(self) -> None:
        (self.directory / "containers.conf").write_text(
            f'[network]\nnetwork_backend = "cni"\ncni_plugin_dirs = {json.dumps(PLUGINS)}\n'
            f'network_config_dir = "{self.directory}/net"\n'
            f'[engine]\nevents_logger = "none"\ncgroup_manager = "cgroupfs"\nruntime = "runc"\n'
            f'tmp_dir = "{self.directory}/tmp"\n'
            f'[containers]\nlog_driver = "k8s-file"\n'
        )
        (self.directory / "storage.conf").write_text(
            f'[storage]\ndriver = "vfs"\ngraphroot = "{self.directory}/root"\n'
            f'runroot = "{self.directory}/run"\n'
        )
