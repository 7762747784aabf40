"""`snoop list`: the switches of this machine, by their sockets in the runtime directory."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import click

from snoop.cli import options
from snoop.control import client, sockets

ANSWER_SECONDS = 3.0


@click.command("list")
@options.as_json
def list(as_json: bool) -> None:
    """List the switches whose sockets are in the runtime directory.

    That is /run/snoop for root, else $XDG_RUNTIME_DIR/snoop, and both are looked into. Of a dead
    one only the socket is left.
    """
    switches = [row_of(path) for path in sockets.every()]
    if as_json:
        options.print_json({"switches": switches})
        return
    if not switches:
        click.echo(f"no switches: no socket in {' or '.join(map(str, sockets.directories()))}")
        return
    from snoop.cli import human, layout

    fields = ("name", "state", "pid", "ports", "socket")
    lines = [[human.plain(row[field]) for field in fields] for row in switches]
    layout.show(
        layout.table([field.capitalize() for field in fields], lines, right=("Pid", "Ports"))
    )


def instead() -> str:
    """Who runs in place of the one that was asked, for whoever forgot the name."""
    names = [path.stem for path in sockets.every() if row_of(path)["state"] == "running"]
    return f". Running: {', '.join(names)}" if names else ""


def socket_of(pid: int) -> str:
    """The socket that a process listens at; NoDaemon."""
    for path in sockets.every():
        with (
            contextlib.suppress(client.NoDaemon, client.Refused),
            client.Client(str(path), timeout=ANSWER_SECONDS) as one,
        ):
            if one.pid == pid:
                return str(path)
    raise client.Absent(f"no switch in the runtime directories is process {pid}")


def row_of(path: Path) -> dict[str, Any]:
    """As INTERFACE.md 3 has it; what nobody tells is None."""
    row: dict[str, Any] = {
        "name": path.stem, "socket": str(path), "pid": None, "state": "unknown", "ports": None,
    }  # fmt: skip
    try:
        with client.Client(str(path), timeout=ANSWER_SECONDS) as one:
            row["pid"] = one.call("show", what="status")["pid"]
            row["ports"] = len(one.call("show", what="ports")["ports"])
            row["state"] = "running"
    except client.NoDaemon:
        row["state"] = "dead"
    except (client.Refused, ValueError, KeyError, OSError):
        pass  # Somebody is there, and does not say who: "unknown".
    return row
