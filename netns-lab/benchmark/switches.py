"""The contestants: each one switches the ports of its own star, from `start` to `close`.

`pause` and `resume` keep a contestant that polls (Open vSwitch's poll-mode threads never sleep)
from taking the cores while another is measured. Querier on, the same intervals for all that have a
querier.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from benchmark.star import Star
from snoop.lab import namespaces, wait_until
from snoop.lab.switch import KernelBridge, Snoop

QUERY_INTERVAL_S = 60.0
QUERY_RESPONSE_S = 1.0  # also how long a new kernel bridge floods everything
MEMBERSHIP_S = 260.0
GROUPS_MAX = 65536
FAST_LEAVE_PORT = "p3"
RUNS_KNOWN_S = 30.0  # a host that went to and fro is believed late


class Contestant(Protocol):
    """A switch under test. `pids` are the processes it costs; empty for one inside the kernel.

    `queriers` are interfaces of its own that must have IPv6 for it to ask hosts about it, which
    `ask_ipv6` has it do at once. `wait_runs` is for one that gives runs to who takes them: it knows
    of every receiver by then whether that one does.
    """

    name: str
    queriers: tuple[str, ...]

    def start(self, star: Star, directory: Path) -> None: ...
    def pause(self) -> None: ...
    def resume(self) -> None: ...
    def ask_ipv6(self) -> None: ...
    def wait_runs(self, *, taken: bool) -> None: ...
    def pids(self) -> list[int]: ...
    def close(self) -> None: ...


class Bridge:
    """The kernel's bridge: snooping and querier on, bridge-netfilter off (by the star)."""

    name = "bridge"
    queriers = ("br0",)

    def __init__(self) -> None:
        self.bridge: KernelBridge | None = None

    def start(self, star: Star, directory: Path) -> None:
        assert star.link is not None
        self.bridge = KernelBridge(
            star.switch,
            star.link,
            star.ports,
            query_interval=QUERY_INTERVAL_S,
            query_response_interval=QUERY_RESPONSE_S,
            last_member_query_interval=1.0,
            membership_interval=MEMBERSHIP_S,
        )
        br0 = namespaces.index_of(star.link, "br0")
        star.link.link("set", index=br0, kind="bridge", br_mcast_hash_max=GROUPS_MAX)
        if FAST_LEAVE_PORT in star.ports:
            port = namespaces.index_of(star.link, FAST_LEAVE_PORT)
            star.link.brport("set", index=port, fast_leave=1)

    def pause(self) -> None:
        pass

    def resume(self) -> None:
        pass

    def ask_ipv6(self) -> None:
        assert self.bridge is not None
        self.bridge.ask_again()

    def wait_runs(self, *, taken: bool) -> None:
        pass

    def pids(self) -> list[int]:
        return []

    def close(self) -> None:
        if self.bridge is not None:
            self.bridge.close()


class SnoopSwitch:
    """This project's switch; `switch` and `port` hold the keys of `[switch]` and of every port in
    which a variant differs, and `source` those of the first port, with the source, instead.
    """

    queriers: tuple[str, ...] = ()

    def __init__(
        self,
        name: str = "snoop",
        switch: Mapping[str, object] | None = None,
        port: Mapping[str, object] | None = None,
        source: Mapping[str, object] | None = None,
    ) -> None:
        self.name = name
        self.options = dict(switch or {})
        self.port = dict(port or {})
        self.source = self.port if source is None else dict(source)
        self.daemon: Snoop | None = None

    def start(self, star: Star, directory: Path) -> None:
        ports: list[dict[str, Any]] = [
            {"name": port, **(self.port if number else self.source)}
            for number, port in enumerate(star.ports)
        ]
        for port in ports:
            if port["name"] == FAST_LEAVE_PORT:
                port["fast_leave"] = "on"
        config = {
            "switch": self.options,
            "igmp": {
                "querier": "on",
                "querier_address": "10.99.0.254",
                "query_interval": QUERY_INTERVAL_S,
                "query_response_interval": QUERY_RESPONSE_S,
                "max_groups": GROUPS_MAX,
            },
            "mld": {
                "querier": "on",
                "query_interval": QUERY_INTERVAL_S,
                "query_response_interval": QUERY_RESPONSE_S,
            },
            "port": ports,
        }
        self.daemon = Snoop(
            config=config, namespace=star.switch, directory=directory, outlive=False
        )
        self.daemon.start()

    def pause(self) -> None:
        pass  # idle it sleeps; stopped it would lose memberships

    def resume(self) -> None:
        pass

    def ask_ipv6(self) -> None:
        pass  # it has been asking since it came up, from an address of its own

    def wait_runs(self, *, taken: bool) -> None:
        daemon = self.daemon
        assert daemon is not None

        def known() -> bool:
            return all(port["takes_runs"] == taken for port in daemon.show("ports")["ports"][1:])

        if self.options.get("coalesce") != "off":
            wait_until(known, within=RUNS_KNOWN_S, what=f"{self.name} knows who takes runs")

    def pids(self) -> list[int]:
        return [self.daemon.process.pid] if self.daemon is not None else []

    def close(self) -> None:
        if self.daemon is not None:
            self.daemon.close()


class OpenVSwitch:
    """Open vSwitch's userspace datapath with its own database and run directory; no service of the
    system.

    `kind` is the interface type of the ports: `system` (AF_PACKET) or `afxdp`.
    """

    queriers: tuple[str, ...] = ()

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.name = f"ovs-{kind}"
        self.directory = Path()
        self.processes: list[subprocess.Popen[bytes]] = []

    def _control(self, *words: str, within_s: float = 70.0) -> None:
        command = ["ovs-vsctl", f"--db=unix:{self.directory}/db.sock", "--timeout=60", *words]
        done = subprocess.run(command, capture_output=True, text=True, timeout=within_s)
        if done.returncode:
            raise RuntimeError(f"{self.name}: {done.stderr.strip()}")

    def _spawn(self, star: Star, *command: str) -> None:
        env = {**os.environ, "OVS_RUNDIR": str(self.directory), "OVS_LOGDIR": str(self.directory)}
        self.processes.append(
            namespaces.spawn(
                star.switch,
                command,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=(self.directory / "stderr").open("ab"),
            )
        )

    def start(self, star: Star, directory: Path) -> None:
        # A unix socket's path is short: not below a deep temporary directory.
        self.directory = Path(tempfile.mkdtemp(prefix="snoop-ovs-"))
        schema = "/usr/share/openvswitch/vswitch.ovsschema"
        database = str(self.directory / "conf.db")
        subprocess.run(["ovsdb-tool", "create", database, schema], check=True, timeout=20)
        socket = self.directory / "db.sock"
        control = f"--unixctl={self.directory}"
        self._spawn(star, "ovsdb-server", database, f"--remote=punix:{socket}", f"{control}/db.ctl")
        wait_until(socket.exists, within=10, what="ovsdb-server")
        self._control("--no-wait", "init")
        self._spawn(star, "ovs-vswitchd", f"unix:{socket}", f"{control}/ovs.ctl")
        words = [
            *("add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=netdev"),
            "mcast_snooping_enable=true",
            f"other_config:mcast-snooping-table-size={GROUPS_MAX}",
            "other_config:mcast-snooping-aging-time=3600",
        ]
        for port in star.ports:
            words += ["--", "add-port", "br0", port, "--", "set", "interface", port]
            words += [f"type={self.kind}"] if self.kind != "system" else ["type=system"]
        self._control(*words)
        wait_until(self._ports_work, within=15, what=f"{self.name} ports\n{self.said()}")

    def _ports_work(self) -> bool:
        command = ["ovs-vsctl", f"--db=unix:{self.directory}/db.sock", "--timeout=5"]
        shown = subprocess.run(
            [*command, "--bare", "--columns=ofport", "find", "interface", f"type={self.kind}"],
            capture_output=True,
            text=True,
            timeout=10,
        )
        numbers = shown.stdout.split()
        if "-1" in numbers:
            raise RuntimeError(f"{self.name}: {self.said()}")
        return bool(numbers) and "[]" not in shown.stdout

    def said(self) -> str:
        """The last warnings of the daemons."""
        with contextlib.suppress(OSError):
            lines = (self.directory / "stderr").read_text(errors="replace").splitlines()
            return "\n".join([line for line in lines if "WARN" in line or "ERR" in line][-3:])
        return ""

    def _signal(self, number: int) -> None:
        for process in self.processes:
            if process.poll() is None:
                process.send_signal(number)

    def pause(self) -> None:
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._signal(signal.SIGCONT)

    def ask_ipv6(self) -> None:
        pass

    def wait_runs(self, *, taken: bool) -> None:
        pass

    def pids(self) -> list[int]:
        return [process.pid for process in self.processes]

    def close(self) -> None:
        self._signal(signal.SIGCONT)
        self._signal(signal.SIGTERM)
        for process in self.processes:
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if self.directory != Path():
            shutil.rmtree(self.directory, ignore_errors=True)


def openvswitch_installed() -> bool:
    return all(shutil.which(name) for name in ("ovs-vswitchd", "ovsdb-server", "ovs-vsctl"))


def process_cpu_s(pids: list[int]) -> float:
    """CPU seconds of these processes so far, user and system, to the nanosecond."""
    total = 0
    for pid in pids:
        for thread in Path(f"/proc/{pid}/task").glob("*/schedstat"):
            with contextlib.suppress(OSError):
                total += int(thread.read_text().split()[0])
    return total / 1e9


def memory_bytes(pids: list[int]) -> int:
    """Resident memory of these processes."""
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            for line in Path(f"/proc/{pid}/status").read_text().splitlines():
                if line.startswith("VmRSS:"):
                    total += int(line.split()[1]) * 1024
    return total
