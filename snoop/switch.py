"""The switch as a Python object: `from snoop import Switch`.

    with Switch(["p0", "p1", "p2,mrouter=always"], querier_address="10.0.0.254") as switch:
        switch.wait_member("239.1.2.3", "p1")
        print(switch.mdb())

Runs `snoop run` as a process of its own, in the network namespace of the caller (or the named one),
and talks to it over its control socket: what a script sees is what an operator sees. Leaving the
`with` block ends the switch. `Switch.attach` talks to one that runs already.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import signal
import subprocess
import sys
import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from snoop.config import toml
from snoop.control.client import Client, call, socket_path
from snoop.control.kinds import KINDS
from snoop.namespace import inside
from snoop.waiting import comes

Row = dict[str, Any]

READY_SECONDS = 15.0
STOP_SECONDS = 8.0
PRUNING_SECONDS = 20.0  # more than a query response interval
_TABLES = {"ipv4": "igmp", "ipv6": "mld"}
_PR_SET_PDEATHSIG = 1


class SwitchError(Exception):
    """The switch did not start or does not answer: one line, its own words."""


class Switch:
    """One switch. Nothing starts before `start` or `with`."""

    process: subprocess.Popen[str] | None = None  # also after its end

    def __init__(
        self,
        ports: Sequence[str] = (),
        *,
        config: str | os.PathLike[str] | Mapping[str, Any] | None = None,
        querier: bool | None = None,
        querier_address: str | None = None,
        namespace: str | None = None,
        socket: str | os.PathLike[str] | None = None,
        directory: str | os.PathLike[str] | None = None,
        arguments: Sequence[str] = (),
        through: Sequence[str] = (),
        outlive: bool = True,
    ) -> None:
        """`ports` as `--port` takes them; `config`: a TOML file, or its tables; `namespace`: of
        `ip netns`. A `querier_address` alone means `querier=True`.

        `directory` gets the control socket (unless `socket` says where), the log and the
        configuration; without it they live in one of their own, which goes with the switch.
        `arguments` are more words for `snoop run`; `through` is a command that runs it, as
        `["prlimit", "--nofile=256"]`. Unless `outlive`, the kernel ends the switch with the thread
        that started it, however that ends.
        """
        self._temporary: tempfile.TemporaryDirectory[str] | None = None
        self._directory = None if directory is None else Path(directory)
        self._path = None if socket is None else os.fspath(socket)
        self._arguments: list[str] = []
        for port in ports:
            self._arguments += ["--port", port]
        if querier or (querier is None and querier_address is not None):
            self._arguments.append("--querier")
        elif querier is False:
            self._arguments.append("--no-querier")
        if querier_address is not None:
            self._arguments += ["--querier-address", querier_address]
        self._arguments += arguments
        self._through = list(through)
        self._outlive = outlive
        self._said = ""
        self.namespace = namespace
        self.config: Mapping[str, Any] | None = None
        self.config_file: Path | None = None
        if isinstance(config, Mapping):
            self.config = config
        elif config is not None:
            self.config_file = Path(config)

    @classmethod
    def attach(cls, name: str = "sw0", *, socket: str | None = None) -> Switch:
        """A switch that runs already; leaving a `with` block leaves it running."""
        return cls(socket=socket_path(name=name, path=socket))

    def __enter__(self) -> Switch:
        if self._arguments or self.config_file or self.config is not None:
            self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    # The process ---------------------------------------------------------------------------------

    @property
    def directory(self) -> Path:
        """What the switch has written is in here."""
        if self._directory is None:
            self._temporary = tempfile.TemporaryDirectory(prefix="snoop-")
            self._directory = Path(self._temporary.name)
        self._directory.mkdir(parents=True, exist_ok=True)
        return self._directory

    @property
    def socket(self) -> str:
        """Path of the control socket."""
        return self._path or str(self.directory / "switch.sock")

    @property
    def log_file(self) -> Path:
        """Where the switch logs to; each start begins it anew."""
        return self.directory / "log"

    @property
    def log(self) -> str:
        """What the switch has logged so far."""
        if self._directory is None or not self.log_file.exists():
            return self._said
        return self.log_file.read_text(errors="replace")

    def configure(self, config: Mapping[str, Any]) -> None:
        """Write the configuration file; a switch that runs is to `reload` it."""
        self.config = config
        self.config_file = self.directory / "snoop.toml"
        self.config_file.write_text("\n".join(toml.lines(config)))

    def start(self, *, wait: bool = True) -> None:
        """Start, and wait until it forwards; SwitchError with its own reason otherwise."""
        # -P: what is called snoop in the caller's directory is not it.
        command = [sys.executable, "-P", "-m", "snoop", "--socket", self.socket, "run"]
        if self.config is not None and not (self.config_file and self.config_file.exists()):
            self.configure(self.config)
        if self.config_file is not None:
            command += ["--config", str(self.config_file)]
        try:
            with self.log_file.open("wb") as log, inside(self.namespace):
                self.process = subprocess.Popen(
                    [*self._through, *command, *self._arguments],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=log,
                    text=True,
                    start_new_session=True,  # the caller's Ctrl-C is the caller's
                    preexec_fn=None if self._outlive else end_with_parent,
                )
        except OSError as error:
            raise SwitchError(f"cannot start the switch: {error}") from error
        if wait:
            self.wait_ready()

    def wait_ready(self, *, timeout: float = READY_SECONDS) -> None:
        """Wait until a switch that was just started forwards; SwitchError otherwise."""
        assert self.process is not None
        assert self.process.stdout is not None
        ready, _, _ = select.select([self.process.stdout], [], [], timeout)
        line = self.process.stdout.readline() if ready else ""
        if line.strip() != "ready":
            self.stop()
            said = [each for each in self.log.splitlines() if each.strip()]
            last = said[-1] if said else "the switch did not become ready"
            raise SwitchError(last.removeprefix("snoop: "))

    def stop(self, number: int = signal.SIGTERM) -> int | None:
        """End the switch if it is ours, by this signal; its exit status."""
        status = None
        if self.process is not None:
            if self.process.poll() is None:
                self.process.send_signal(number)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self.process.wait(STOP_SECONDS)
                self.process.kill()
            assert self.process.stdout is not None
            self.process.stdout.close()
            status = self.process.wait()
        if self._temporary is not None:
            self._said = self.log
            self._temporary.cleanup()
            self._temporary = self._directory = None
        return status

    def hang_up(self) -> None:
        """Have a switch of ours read its configuration again, as `kill -HUP` does."""
        assert self.process is not None
        self.process.send_signal(signal.SIGHUP)

    # State, as the `show` commands give it -------------------------------------------------------

    def show(self, what: str, **filters: object) -> Any:
        """The document of `snoop show WHAT --json`."""
        return call(self.socket, "show", what=what, **filters)

    def mdb(self, **filters: object) -> list[Row]:
        """The snooping table; filters: vlan, group, port."""
        rows: list[Row] = self.show("mdb", **filters)["mdb"]
        return rows

    def members(self, group: str, *, vlan: int | None = None) -> set[str]:
        """The ports with a membership of `group`, in `vlan`: left out, of frames without a tag, or
        of any where the switch filters by VLAN.
        """
        return {row["port"] for row in self.mdb(group=group, vlan=self._meant(vlan))}

    def _meant(self, vlan: int | None) -> int | None:
        """The VLAN to ask for, None: any."""
        if vlan is None and not self.show("config")["switch"]["vlan_filtering"]:
            return 0
        return vlan

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
        self,
        *,
        port: str,
        group: str | None = None,
        source: str | None = None,
        vlan: int = 0,
        **frame: object,
    ) -> dict[str, Any]:
        """Where a frame goes, and why: one to `group`, or as `frame` says.

        That is `to` an address or a MAC address, with `from_mac`, `protocol`, `ttl`, `size` and
        `tagged`; or `frame`, all of it in hex.
        """
        answer: dict[str, Any] = call(
            self.socket, "explain", port=port, group=group, source=source, vlan=vlan, **frame
        )
        return answer

    def events(self, *types: str, timeout: float | None = None) -> Iterator[dict[str, Any]]:
        """Events from this call on, as `snoop monitor --json`, of these types or of all.

        With `timeout` those of that many seconds, and then the iteration ends without an error:
        `next(switch.events("join", timeout=5), None)`. Without, it ends with the switch. ValueError
        for a type that there is not, NoDaemon for a switch that does not run.
        """
        strange = set(types) - KINDS.keys()
        if strange:
            raise ValueError(f"no event is called {min(strange)!r}; there are {', '.join(KINDS)}")
        client = Client(self.socket)
        try:
            events = client.stream("monitor", types=list(types), timeout=timeout)
        except BaseException:
            client.close()
            raise
        return _closing(client, events)

    def wait_member(
        self, group: str, port: str, *, timeout: float = 10.0, vlan: int | None = None
    ) -> None:
        """Wait until `port` is a member of `group`; TimeoutError otherwise."""
        if not comes(lambda: port in self.members(group, vlan=vlan), within=timeout):
            raise TimeoutError(f"{port} is no member of {group} after {timeout:g} s")

    def wait_members(
        self, group: str, ports: Collection[str], *, timeout: float = 10.0, vlan: int | None = None
    ) -> None:
        """Wait until `group` has exactly these ports; TimeoutError otherwise."""
        wanted = set(ports)
        if not comes(lambda: self.members(group, vlan=vlan) == wanted, within=timeout):
            there = sorted(self.members(group, vlan=vlan))
            raise TimeoutError(
                f"{group} has the ports {there}, not exactly {sorted(wanted)}, after {timeout:g} s"
            )

    def wait_pruning(
        self,
        *,
        timeout: float = PRUNING_SECONDS,
        vlan: int | None = None,
        family: Literal["ipv4", "ipv6"] = "ipv4",
    ) -> None:
        """Wait until frames of a group with members go to members and router ports alone.

        A switch floods until somebody asks and hosts have had one query response interval to
        answer (10 s, unless `query_response_interval` says otherwise). A group that nobody has
        joined floods still, unless `unregistered` says otherwise. Each `family` and VLAN has a
        querier of its own, that of IPv6 is off by default; without a `vlan` a switch that filters
        by VLAN is to prune in all that it has. TimeoutError says what is missing.
        """
        meant = self._meant(vlan)
        if not comes(lambda: self._prunes(meant, family), within=timeout):
            why = self._why_flooding(meant, family)
            raise TimeoutError(f"nothing is pruned after {timeout:g} s: {why}")

    def _prunes(self, vlan: int | None, family: str) -> bool:
        rows = self.show("querier", vlan=vlan, family=family)["queriers"]
        if not rows:  # of a VLAN in which nothing has happened
            config = self.show("config")
            enabled = config[_TABLES[family]]["enabled"]
            return bool(enabled and config["switch"]["no_querier"] == "prune")
        return all(row["pruning"] for row in rows)

    def _why_flooding(self, vlan: int | None, family: str) -> str:
        rows = self.show("querier", vlan=vlan, family=family)["queriers"]
        table = _TABLES[family]
        own = self.show("config")[table]
        if not own["enabled"]:
            return f"snooping is off, `[{table}] enabled = false`"
        if all(port["state"] != "up" for port in self.show("ports")["ports"]):
            return "no port is up"
        if not rows:
            where = "any VLAN" if vlan is None else f"VLAN {vlan}"
            return f"nobody has asked or joined in {where} yet"
        rows = [row for row in rows if not row["pruning"]] or rows
        if rows[0]["role"] != "none":
            took = rows[0]["query_response_interval"]
            return (
                f"hosts have {took:g} s, a query response interval, to answer the querier; wait "
                f"longer, or set a shorter `[{table}] query_response_interval`"
            )
        if own["querier"] == "off" and family == "ipv6":
            return 'nobody asks; set `[mld] querier = "on"`'
        if own["querier"] == "off":
            return "nobody asks; give the switch a `querier_address`"
        return f'nobody asks yet, with `[{table}] querier = "{own["querier"]}"`'

    # Changes -------------------------------------------------------------------------------------

    def add(
        self, group: str, port: str, *, source: str | None = None, vlan: int | None = None
    ) -> None:
        """Add a static entry; without a `vlan` in that of the port's frames without a tag."""
        call(self.socket, "static", add=True, group=group, port=port, source=source, vlan=vlan)

    def delete(
        self, group: str, port: str, *, source: str | None = None, vlan: int | None = None
    ) -> None:
        """Delete a static entry."""
        call(self.socket, "static", add=False, group=group, port=port, source=source, vlan=vlan)

    def add_mrouter(self, port: str, *, vlan: int | None = None, family: str = "ipv4") -> None:
        """Add a static router port."""
        call(self.socket, "mrouter", add=True, port=port, vlan=vlan, family=family)

    def delete_mrouter(self, port: str, *, vlan: int | None = None, family: str = "ipv4") -> None:
        """Delete a static router port."""
        call(self.socket, "mrouter", add=False, port=port, vlan=vlan, family=family)

    def query(
        self,
        group: str | None = None,
        *,
        port: str | None = None,
        vlan: int | None = None,
        family: str | None = None,
    ) -> None:
        """Send a query now: about `group`, or a general one of `family` (None: IPv4)."""
        call(self.socket, "query", group=group, port=port, vlan=vlan, family=family)

    def clear(self, what: str, **filters: object) -> None:
        """Forget "mdb", "fdb" or "counters"."""
        call(self.socket, "clear", what=what, **filters)

    def port_set(self, port: str, **options: object) -> dict[str, Any]:
        """Set options of a port, those of `[[port]]`, until they are put back or the switch ends.

        `access=20`, `trunk=[10, "20-29"]`; None puts one back to what the file says. Of `mld` with
        a table, `mld={"mrouter": "never"}`. What they are then, as the command says it.
        """
        words = [f"{key}={_word(value)}" for key, value in _parts(options)]
        result: dict[str, Any] = call(self.socket, "port_set", port=port, options=words)
        return result

    def port_add(
        self, port: str, *, wait: bool = False, keep: bool = False, **options: object
    ) -> dict[str, Any]:
        """Make an interface a port, options as in `port_set`, until it is deleted or the switch
        ends; with `wait` also one that is not there yet, with `keep` also when the switch starts
        again. What they are then.
        """
        words = [port]
        for key, value in _parts(options):
            each = value if isinstance(value, list | tuple) else [value]
            words += [f"{key}={_word(one)}" for one in each]
        port, kept = ",".join(words), keep or None
        result: dict[str, Any] = call(self.socket, "port_add", port=port, wait=wait, keep=kept)
        return result

    def port_del(self, port: str) -> None:
        """Delete a port that `port_add` has added."""
        call(self.socket, "port_del", port=port)

    def reload(self) -> dict[str, Any]:
        """Read the configuration file again."""
        result: dict[str, Any] = call(self.socket, "reload")
        return result

    def restart(self, *, timeout: float = 30.0) -> dict[str, Any]:
        """Hand over to a new process, without a gap; Refused with the reason if it cannot begin."""
        with Client(self.socket, timeout=timeout + 60) as client:
            result: dict[str, Any] = client.call("restart", timeout=timeout)
        return result


def _parts(options: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    """Options, those in a table by names of their own."""
    for key, value in options.items():
        if isinstance(value, Mapping) and value:
            yield from ((f"{key}.{inner}", one) for inner, one in value.items())
        else:
            yield key, value


def _word(value: object) -> str:
    """As `port set` takes it."""
    if value is None:
        return ""
    if isinstance(value, list | tuple):
        return ",".join(map(str, value)) or "default"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _closing(client: Client, items: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    with client:
        yield from items


def end_with_parent() -> None:
    """For a child before its exec: die with the thread that forked it."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
