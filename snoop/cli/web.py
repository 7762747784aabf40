"""`snoop web`: the page over all switches of this machine, in the foreground.

Like `docker` a process of its own; aiohttp is loaded when it runs.
"""

from __future__ import annotations

import socket

import click

from snoop.cli import options

LISTEN = "127.0.0.1:9571"


def _listen(ctx: click.Context, param: click.Parameter, value: str) -> tuple[str, int]:
    """ADDRESS:PORT; an IPv6 address in brackets."""
    address, colon, port = value.rpartition(":")
    paired = address.startswith("[") == address.endswith("]")
    if not (colon and paired and port.isascii() and port.isdigit() and int(port) < 1 << 16):
        text = f'"{value}" is not ADDRESS:PORT, such as {LISTEN} or [::1]:9571'
        raise click.BadParameter(text, ctx, param)
    return address.removeprefix("[").removesuffix("]") or "0.0.0.0", int(port)


@click.command()
@options.option(
    "--listen", callback=_listen, default=LISTEN, show_default=True, metavar="ADDRESS:PORT",
    help="Where the page is. Nobody has to log in: whoever reaches it, sees it.",
)  # fmt: skip
@options.option(
    "--host", "names", multiple=True, metavar="NAME",
    help="A name that browsers may call this machine by; may be repeated. "
    "Addresses and localhost always go.",
)  # fmt: skip
@options.option(
    "--socket", "paths", multiple=True, type=options.FILE, metavar="PATH",
    help="A switch's control socket, in place of those in the runtime directories; "
    "may be repeated.",
)  # fmt: skip
@click.pass_context
def web(
    ctx: click.Context,
    listen: tuple[str, int],
    names: tuple[str, ...],
    paths: tuple[str, ...],
) -> None:
    """Show all switches of this machine on a page, in the foreground.

    It asks their control sockets, as the other commands do, and changes nothing; it needs no right
    but to use these. The line `ready` on stdout has its address; SIGTERM and SIGINT end it.
    /metrics there is the Prometheus exposition of all switches, /api their documents as JSON.
    """
    import asyncio

    session, given = options.session(ctx), [*paths]
    if not given and (session.name or session.given_path):
        given = [session.path]
    address, port = listen
    try:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        listening = socket.create_server((address, port), family=family)
    except (OSError, UnicodeError, TypeError) as error:  # the latter two: no name of a machine
        raise options.failure(
            f"cannot listen on {address}:{port}: {getattr(error, 'strerror', None) or error}; "
            "say another with --listen"
        ) from error
    with listening:
        asyncio.run(_serve(listening, given, {*names, address}))


async def _serve(listening: socket.socket, given: list[str], names: set[str]) -> None:
    import asyncio
    import signal

    from snoop.runtime.notify import notify
    from snoop.web import server, switches

    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    async with server.serving(listening, lambda: switches.found(given), names=names):
        host, port = listening.getsockname()[:2]
        shown = f"[{host}]" if ":" in host else host
        click.echo(f"ready: http://{shown}:{port}/")
        notify("READY=1")
        await ended.wait()
