"""A running switch, by its name or its socket, and ports of it for containers.

The kernel says who listens at the socket, and where that process is: the switch may be in another
network namespace than the container's engine.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from snoop.containers import places
from snoop.control import client
from snoop.control.client import Absent, Client, NoDaemon, Refused
from snoop.printable import printable
from snoop.waiting import comes

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}\Z")
_LABEL_MAX = 64
# What the kernel keeps as an alias, less what a switch and a VLAN take at most.
_LABEL_BYTES_MAX = 120
ANSWER_SECONDS = 10.0
_LOOK_SECONDS = 0.002


class NoSwitch(Exception):
    """It does not run, or cannot be reached: later it may."""


class Unmet(Exception):
    """The switch said no: one line, for whoever started the container."""


class Switch:
    """One that runs. `namespace`: the descriptor of its network namespace, its own to close."""

    def __init__(self, asked: Client, namespace: int, called: str) -> None:
        self._client = asked
        self.namespace = namespace
        self.called = called

    def close(self) -> None:
        """Let go of it."""
        self._client.close()
        os.close(self.namespace)

    def port_add(self, interface: str, options: Mapping[str, object]) -> None:
        """Make an interface of its namespace a port for as long as that is there, also when the
        switch starts again; a list is one option given repeatedly. Unmet if it may not be.
        """
        words = [interface]
        for key, value in options.items():
            values = value if isinstance(value, list) else [value]
            words += (f"{key}={_word(one)}" for one in values)
        self._call("port_add", port=",".join(words), keep=True)

    def port_del(self, interface: str) -> None:
        """Make it a port no longer; the interface stays."""
        self._call("port_del", port=interface)

    def port(self, interface: str) -> dict[str, Any] | None:
        """Its row of `show ports`, None if it is no port."""
        try:
            rows = self._call("show", what="ports", port=interface)["ports"]
        except Unmet:
            return None
        return next((row for row in rows if row["name"] == interface), None)

    def wait_up(self, interface: str, within: float) -> None:
        """Until a port forwards; TimeoutError."""
        serves = comes(
            lambda: (row := self.port(interface)) is not None and row["state"] == "up",
            within=within,
            every=_LOOK_SECONDS,
        )
        if not serves:
            raise TimeoutError(f"{self.called}: {interface} is no port that forwards")

    def ports(self) -> list[dict[str, Any]]:
        """All its rows of `show ports`."""
        rows: list[dict[str, Any]] = self._call("show", what="ports")["ports"]
        return rows

    def config(self) -> dict[str, Any]:
        """Its tables of `show config`."""
        tables: dict[str, Any] = self._call("show", what="config")
        return tables

    def _call(self, request: str, **fields: object) -> Any:
        try:
            return self._client.call(request, **fields)
        except Refused as error:
            raise Unmet(f"{self.called}: {error}") from error
        except (NoDaemon, OSError, ValueError, KeyError) as error:
            raise NoSwitch(f"{self.called}: {error}") from error


@contextlib.contextmanager
def found(name: str, socket: str | None = None) -> Iterator[Switch]:
    """The switch of that name, or at that socket, for the length of the block; NoSwitch, or
    ValueError for what can be the name of none.
    """
    switch = find(name, socket)
    try:
        yield switch
    finally:
        switch.close()


def find(name: str, socket: str | None = None) -> Switch:
    """The same, to be closed by the caller."""
    if not NAME.match(name):
        raise ValueError(f'"{printable(name)}" is no name of a switch')
    path = socket or client.socket_path(name=name)
    called = f'the switch "{name}"'
    try:
        asked = Client(path, timeout=ANSWER_SECONDS)
    except Absent as error:
        raise NoSwitch(f"{called} does not run: nobody listens at {path}") from error
    except Refused as error:
        raise NoSwitch(f"{called} cannot be reached: {error}") from error
    pid = asked.pid
    try:
        if not pid:
            raise NoSwitch(f"{called} runs in a PID namespace that cannot be seen from here")
        namespace = places.open_path(Path(f"/proc/{pid}/ns/net"))
    except places.NoNamespace as error:
        asked.close()
        raise NoSwitch(f"{called}: its network namespace cannot be entered: {error}") from error
    except NoSwitch:
        asked.close()
        raise
    return Switch(asked, namespace, called)


def label(text: str) -> str:
    """A text as a port's `description` can be: commas part options, and there is little room."""
    shown = printable(text.replace(",", " ")).strip()[:_LABEL_MAX]
    return shown.encode()[:_LABEL_BYTES_MAX].decode(errors="ignore").strip()


def _word(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
