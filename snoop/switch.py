"""The switch as a Python object: `from snoop import Switch`.

    with Switch(["p0", "p1", "p2,mrouter=always"], querier_address="10.0.0.254") as switch:
        switch.wait_member("239.1.2.3", "p1")
        print(switch.mdb())

Runs `snoop run` as a process of its own, in the network namespace of the caller (or the named one),
and talks to it over its control socket: what a script sees is what an operator sees. Leaving the
`with` block ends the switch. `Switch.attach` talks to one that runs already.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from snoop.control.client import Client, call, socket_path

Row = dict[str, Any]

READY_SECONDS = 15.0
STOP_SECONDS = 8.0
_POLL_SECONDS = 0.05


class SwitchError(Exception):
    """The switch did not start or does not answer: one line, its own words."""


class Switch:
    """One switch. Nothing starts before `start` or `with`."""

    def __init__(
        self,
        ports: Sequence[str] = (),
        *,
        config: str | os.PathLike[str] | None = None,
        querier: bool | None = None,
        querier_address: str | None = None,
        namespace: str | None = None,
        socket: str | os.PathLike[str] | None = None,
    ) -> None:
        """`ports` as `--port` takes them; `config`: a TOML file; `namespace`: of `ip netns`.

        Without `socket` the control socket lives in a directory of its own and goes with it. A
        `querier_address` alone means `querier=True`.
        """
        self._directory: tempfile.TemporaryDirectory[str] | None = None
        self._process: subprocess.Popen[str] | None = None
        self._log: IO[str] | None = None
        self._arguments: list[str] = []
        for port in ports:
            self._arguments += ["--port", port]
        if config is not None:
            self._arguments += ["--config", os.fspath(config)]
        if querier or (querier is None and querier_address is not None):
            self._arguments.append("--querier")
        elif querier is False:
            self._arguments.append("--no-querier")
        if querier_address is not None:
            self._arguments += ["--querier-address", querier_address]
        self._namespace = namespace
        self._path = None if socket is None else os.fspath(socket)

    @classmethod
    def attach(cls, name: str = "sw0", *, socket: str | None = None) -> Switch:
        """A switch that runs already; leaving a `with` block leaves it running."""
        return cls(socket=socket_path(name=name, path=socket))

    def __enter__(self) -> Switch:
        if self._arguments:
            self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def socket(self) -> str:
        """Path of the control socket."""
        if self._path is None:
            self._directory = tempfile.TemporaryDirectory(prefix="snoop-")
            self._path = str(Path(self._directory.name) / "switch.sock")
        return self._path

    @property
    def log(self) -> str:
        """What the switch has logged so far."""
        if self._log is None:
            return ""
        self._log.seek(0)
        return self._log.read()

    def start(self) -> None:
        """Start, and wait until it forwards; SwitchError with its own reason otherwise."""
        enter = ["ip", "netns", "exec", self._namespace] if self._namespace else []
        command = [sys.executable, "-m", "snoop", "--socket", self.socket, "run"]
        self._log = tempfile.TemporaryFile("w+")  # noqa: SIM115  # closed by stop()
        self._process = subprocess.Popen(
            [*enter, *command, *self._arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )
        assert self._process.stdout is not None
        ready, _, _ = select.select([self._process.stdout], [], [], READY_SECONDS)
        line = self._process.stdout.readline() if ready else ""
        if line.strip() != "ready":
            self.stop()
            said = [each for each in self.log.splitlines() if each.strip()]
            last = said[-1] if said else "the switch did not become ready"
            raise SwitchError(last.removeprefix("snoop: "))

    def stop(self) -> int | None:
        """End the switch if it is ours; its exit status."""
        status = None
        if self._process is not None:
            if self._process.poll() is None:
                self._process.send_signal(signal.SIGTERM)
            try:
                status = self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                status = self._process.wait()
            assert self._process.stdout is not None
            self._process.stdout.close()
            self._process = None
        if self._directory is not None:
            self._directory.cleanup()
            self._directory = self._path = None
        return status

    # State, as the `show` commands give it -----------------------------------------------------

    def show(self, what: str, **filters: object) -> Any:
        """The document of `snoop show WHAT --json`."""
        return call(self.socket, "show", what=what, **filters)

    def mdb(self, **filters: object) -> list[Row]:
        """The snooping table; filters: vlan, group, port."""
        rows: list[Row] = self.show("mdb", **filters)["mdb"]
        return rows

    def members(self, group: str, *, vlan: int = 0) -> set[str]:
        """The ports with a membership of `group`."""
        return {row["port"] for row in self.mdb(group=group, vlan=vlan)}

    def counters(self, port: str | None = None) -> Mapping[str, int]:
        """The counters of the switch, or of a port."""
        shown = self.show("counters")
        counts: dict[str, int] = shown["counters"] if port is None else shown["ports"][port]
        return counts

    def streams(self, **filters: object) -> list[Row]:
        """The multicast flows the fast path sees."""
        rows: list[Row] = self.show("streams", **filters)["streams"]
        return rows

    def explain(
        self, *, port: str, group: str, source: str | None = None, vlan: int = 0
    ) -> dict[str, Any]:
        """Where such a frame goes, and why."""
        answer: dict[str, Any] = call(
            self.socket, "explain", port=port, group=group, source=source, vlan=vlan
        )
        return answer

    def events(self, *types: str) -> Iterator[dict[str, Any]]:
        """Events from now on, as `snoop monitor --json`."""
        with Client(self.socket) as client:
            yield from client.stream("monitor", types=list(types))

    def wait_member(self, group: str, port: str, *, within: float = 10.0, vlan: int = 0) -> None:
        """Wait until `port` is a member of `group`; TimeoutError otherwise."""
        end = time.monotonic() + within
        while port not in self.members(group, vlan=vlan):
            if time.monotonic() > end:
                raise TimeoutError(f"{port} is no member of {group} after {within:g} s")
            time.sleep(_POLL_SECONDS)

    # Changes -----------------------------------------------------------------------------------

    def add(self, group: str, port: str, *, source: str | None = None, vlan: int = 0) -> None:
        """Add a static entry."""
        call(self.socket, "static", add=True, group=group, port=port, source=source, vlan=vlan)

    def delete(self, group: str, port: str, *, source: str | None = None, vlan: int = 0) -> None:
        """Delete a static entry."""
        call(self.socket, "static", add=False, group=group, port=port, source=source, vlan=vlan)

    def add_mrouter(self, port: str, *, vlan: int = 0) -> None:
        """Add a static router port."""
        call(self.socket, "mrouter", add=True, port=port, vlan=vlan)

    def delete_mrouter(self, port: str, *, vlan: int = 0) -> None:
        """Delete a static router port."""
        call(self.socket, "mrouter", add=False, port=port, vlan=vlan)

    def query(self, group: str | None = None, *, port: str | None = None, vlan: int = 0) -> None:
        """Send a query now."""
        call(self.socket, "query", group=group, port=port, vlan=vlan)

    def clear(self, what: str, **filters: object) -> None:
        """Forget "mdb", "fdb" or "counters"."""
        call(self.socket, "clear", what=what, **filters)

    def reload(self) -> dict[str, Any]:
        """Read the configuration file again."""
        result: dict[str, Any] = call(self.socket, "reload")
        return result
