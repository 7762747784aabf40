"""`snoop docker`: the Docker network driver, in the foreground.

Docker finds a driver by its socket in /run/docker/plugins: the name of the file is that of the
driver. aiohttp is imported here and nowhere else on the command line.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from snoop.cli import options

if TYPE_CHECKING:
    import socket

    from snoop.containers.docker import Driver

SOCKET = "/run/docker/plugins/snoop.sock"
STATE = "/var/lib/snoop/docker.json"


@click.command()
@options.option(
    "--socket", "path", type=options.FILE, default=SOCKET, show_default=True, metavar="PATH",
    help="Where Docker asks; the file is named as the driver is to be.",
)  # fmt: skip
@options.option(
    "--state", type=options.FILE, default=STATE, show_default=True, metavar="FILE",
    help="What Docker tells only once.",
)  # fmt: skip
@options.option(
    "--log-level",
    type=click.Choice(["debug", "info", "warning", "error"]),
    default="info",
    show_default=True,
)
def docker(path: str, state: str, log_level: str) -> None:
    """Serve Docker as its network driver `snoop`, in the foreground.

    `docker network create -d snoop -o switch=sw0 -o vlan=10` makes a network whose containers are
    ports of a switch that runs. Options: switch (sw0), vlan, mtu, and gateway (auto, on or off),
    which says whether the network's gateway is the containers' default route. The line `ready` on
    stdout says that Docker can ask; SIGTERM and SIGINT end it. Containers keep their ports
    meanwhile, and Docker's networks are known again at the next start.
    """
    import asyncio

    from snoop.containers import docker_server
    from snoop.containers.docker import Driver
    from snoop.containers.docker_store import Store, StoreError
    from snoop.containers.docker_wires import SwitchWires
    from snoop.runtime import log

    log.setup(log_level)
    try:
        driver = Driver(Store(Path(state)), SwitchWires())
    except StoreError as error:
        raise options.failure(str(error)) from error
    given = docker_server.handed()
    try:
        if given is not None:
            asyncio.run(_serve(given, driver))
            return
        with docker_server.listening(Path(path)) as own:
            asyncio.run(_serve(own, driver))
    except OSError as error:
        raise options.failure(
            f"cannot serve at {path}: {error.strerror or error}; give another path with --socket"
        ) from error


async def _serve(listening: socket.socket, driver: Driver) -> None:
    import asyncio
    import signal

    from snoop.containers import docker_server
    from snoop.runtime.notify import notify

    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    async with docker_server.serving(listening, driver):
        click.echo("ready")
        notify("READY=1")
        await ended.wait()
