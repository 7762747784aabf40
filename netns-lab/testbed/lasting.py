"""The `lab` command: a star that stays up until it is taken down, to work in by hand.

`up` makes the namespaces `snlab-sw`, `snlab-h0`, … and starts `snoop run` in the first; it leaves a
note in /run/snoop-lab. `down` takes away everything of that name, with or without the note.

Without root all of it is in namespaces of users and mounts that one process of the lab, the holder,
keeps; the note is in this user's own runtime directory, and every later command goes there first.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import click

from snoop.control import sockets
from snoop.lab import LabError, namespaces
from snoop.lab.lab import Lab, mac
from snoop.lab.switch import SNOOP, Snoop

PREFIX = "snlab-"
HOME = sockets.directory()
DIRECTORY = Path("/run/snoop-lab") if sockets.SHARED == HOME else HOME / "lab"
NOTE = DIRECTORY / "lab.json"
STOP_S = 5.0


def note() -> dict[str, Any]:
    """What `up` left; a UsageError when no lab is up."""
    if not NOTE.exists():
        raise click.UsageError("no lab is up; `lab up` makes one")
    found: dict[str, Any] = json.loads(NOTE.read_text())
    return found


def namespace(name: str) -> str:
    wanted = f"{PREFIX}{name}"
    if not namespaces.exists(wanted):
        there = ", ".join(each.removeprefix(PREFIX) for each in namespaces.named(PREFIX)) or "none"
        raise click.UsageError(f"no namespace {name!r} in the lab (there are: {there})")
    return wanted


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def lab() -> None:
    """A star of network namespaces around one switch, to work in by hand."""
    begin()


@lab.command()
@click.option("--hosts", type=click.IntRange(1, 64), default=4, show_default=True)
@click.option("--mtu", type=click.IntRange(68, 65535), default=1500, show_default=True)
@click.option("--config", type=click.Path(exists=True, dir_okay=False), help="snoop's file.")
@click.option("--ipv6", is_flag=True, help="Leave IPv6 of the hosts on.")
@click.option("--bridge", is_flag=True, help="The kernel's bridge instead of snoop.")
def up(hosts: int, mtu: int, config: str | None, ipv6: bool, bridge: bool) -> None:
    """Make the namespaces and start the switch."""
    if namespaces.named(PREFIX):
        raise click.UsageError("a lab is up already; `lab down` takes it away")
    star = Lab(hosts, mtu=mtu, quiet_ipv6=not ipv6, prefix=PREFIX)
    try:
        star.open()
        sockets.make(HOME)
        DIRECTORY.mkdir(parents=True, exist_ok=True)
        pid = 0 if bridge else start(star, config)
        if bridge:
            star.bridge()
        holder = hold() if namespaces.private else 0
        left = {"hosts": star.names, "pid": pid, "bridge": bridge, "holder": holder}
        NOTE.write_text(json.dumps(left))
    except BaseException as error:
        star.close()
        shutil.rmtree(DIRECTORY, ignore_errors=True)
        if isinstance(error, LabError):
            raise click.ClickException(str(error)) from error
        raise
    star.release()
    click.echo(f"up: {', '.join(star.names)} around {'br0' if bridge else 'snoop'}")
    click.echo("  lab shell h0      a shell in a host; 10.0.0.10 is h0, 10.0.0.11 is h1, …")
    click.echo("  lab shell sw      a shell beside the switch: `snoop show mdb`, `snoop watch`")
    click.echo("  lab down          take it all away")


def hold() -> int:
    """A process that keeps the names of the namespaces until `down`; its pid."""
    nothing = subprocess.DEVNULL
    waits = ["sleep", "infinity"]
    return namespaces.spawn(
        f"{PREFIX}sw", waits, outlive=True, stdin=nothing, stdout=nothing, stderr=nothing
    ).pid


def begin() -> None:
    """Go where this user's own lab is, or else get the rights to make one: those of root, by sudo
    where that is, or of a namespace of users.
    """
    if NOTE.exists():
        if holder := json.loads(NOTE.read_text()).get("holder"):
            try:
                namespaces.join(holder)
            except OSError as error:
                shutil.rmtree(DIRECTORY, ignore_errors=True)
                raise click.ClickException(f"the lab that was up has ended ({error})") from error
        return
    if os.geteuid() == 0:
        return
    path = f"PYTHONPATH={os.environ.get('PYTHONPATH', '')}"
    command = ["env", path, sys.executable, "-m", "testbed.lasting", *sys.argv[1:]]
    if shutil.which("sudo") and (sys.stdin.isatty() or works("sudo", "-n", "true")):
        os.execvp("sudo", ["sudo", *command])
    if not works("unshare", "-Urn", "true"):
        raise click.ClickException(namespaces.NEEDS)
    os.execvp("unshare", ["unshare", "-Urn", *command])


def works(*command: str) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def start(star: Lab, config: str | None) -> int:
    """The daemon, meant to outlive this process; its pid."""
    tables = {"igmp": {"querier": "on", "querier_address": "10.0.0.254"}}
    written = {**tables, "port": [{"name": port} for port in star.ports]}
    switch = Snoop(
        config=Path(config).resolve() if config else written,
        namespace=star.namespace,
        directory=DIRECTORY,
    )
    switch.start()
    return switch.process.pid


@lab.command()
def down() -> None:
    """Take the lab away: the switch, every process in it, namespaces and links."""
    there = namespaces.named(PREFIX)
    pid = json.loads(NOTE.read_text())["pid"] if NOTE.exists() else 0
    # Only a process that really is in the lab is ours to end.
    if pid in namespaces.inhabitants(f"{PREFIX}sw"):
        os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + STOP_S
        while Path(f"/proc/{pid}").exists() and time.monotonic() < deadline:
            time.sleep(0.02)  # between two looks; it is not our child, so there is no wait()
    for name in there:
        namespaces.remove(name)
    shutil.rmtree(DIRECTORY, ignore_errors=True)
    click.echo(f"down: {len(there)} namespaces removed" if there else "no lab was up")


@lab.command()
def status() -> None:
    """Hosts, ports and whether the switch lives; then its own view."""
    shown = note()
    for i, name in enumerate(shown["hosts"]):
        state = "" if namespaces.exists(f"{PREFIX}{name}") else "  (gone)"
        click.echo(f"{name:<4} {f'10.0.0.{10 + i}':<12} {mac(1, i)}  -> p{i}{state}")
    if shown["bridge"]:
        click.echo("switch: the kernel's bridge br0")
        return
    alive = shown["pid"] in namespaces.inhabitants(f"{PREFIX}sw")
    click.echo(f"switch: snoop, process {shown['pid']}{'' if alive else ' (gone)'}")
    click.echo(f"log:    {DIRECTORY / 'log'}")
    if alive:
        click.echo()
        sys.stdout.flush()
        command = [str(SNOOP), "--socket", str(DIRECTORY / "switch.sock"), "show", "mdb"]
        os.execv(command[0], command)


@lab.command(context_settings={"ignore_unknown_options": True})
@click.argument("name")
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
def shell(name: str, command: tuple[str, ...]) -> None:
    """A shell in a host (h0, h1, …) or beside the switch (sw); or one COMMAND there."""
    where = namespace(name)
    environment = {
        **os.environ,
        "SNOOP_SOCKET": str(DIRECTORY / "switch.sock"),
        "PATH": f"{SNOOP.parent}:{os.environ.get('PATH', '')}",
        "PS1": f"[{name}] \\w# ",
    }
    words = list(command) or ["bash", "--norc"]
    namespaces.enter(where)
    try:
        os.execvpe(words[0], words, environment)
    except OSError as error:
        raise click.ClickException(f"{words[0]}: {error.strerror}") from error


if __name__ == "__main__":
    lab(prog_name="lab")
