"""`snoop watch`: a live screen of groups by ports, with rates. Readable at 80 by 24.

Draws what `screen.py` makes of the `show` documents; here are the terminal, the keys and the clock.
"""

from __future__ import annotations

import contextlib
import os
import select
import sys
import termios
import tty
from collections.abc import Iterator

import click

from snoop.cli import options
from snoop.cli.screen import SORTS, View, render
from snoop.cli.session import Session
from snoop.cli.summary import gather
from snoop.control.client import Client

KEYS = "q quit  s sort  m members only  u unwanted only  / filter  j k scroll"


@click.command()
@options.option(
    "--interval", type=click.FloatRange(0.2, 60), default=1.0, show_default=True, metavar="N",
    help="Seconds between looks.",
)  # fmt: skip
@click.pass_context
def watch(ctx: click.Context, interval: float) -> None:
    """Live screen of groups, ports and rates; q ends it."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise click.UsageError("needs a terminal; for scripts there is `snoop show … --watch N`")
    with contextlib.suppress(KeyboardInterrupt):
        _run(options.session(ctx), interval)


def _run(session: Session, interval: float) -> None:
    from rich.console import Console
    from rich.live import Live

    console = Console()
    view = View()
    with (
        Client(session.path) as client,
        _keys_at_once(),
        Live(console=console, screen=True, auto_refresh=False) as live,
    ):
        gathered = gather(client)
        while True:
            live.update(render(gathered, view, console.size, KEYS), refresh=True)
            key = _key(interval)
            if key == "":
                gathered = gather(client)
            elif not press(view, key):
                return


def press(view: View, key: str) -> bool:
    """Apply a key to the view; False to leave."""
    if view.typing is not None:
        if key in ("\r", "\n"):
            view.filter, view.typing = view.typing, None
        elif key == "\x1b":
            view.typing = None
        elif key in ("\x7f", "\b"):
            view.typing = view.typing[:-1]
        elif key.isprintable():
            view.typing += key
        return True
    match key:
        case "q" | "\x03" | "\x04":
            return False
        case "s":
            view.sort = SORTS[(SORTS.index(view.sort) + 1) % len(SORTS)]
        case "m":
            view.members_only, view.unwanted_only = not view.members_only, False
        case "u":
            view.unwanted_only, view.members_only = not view.unwanted_only, False
        case "/":
            view.typing = view.filter
        case "j":
            view.scroll += 1
        case "k":
            view.scroll = max(0, view.scroll - 1)
    return True


def _key(seconds: float) -> str:
    """The key pressed within that time, or ""."""
    ready, _, _ = select.select([sys.stdin], [], [], seconds)
    return os.read(sys.stdin.fileno(), 1).decode(errors="replace") if ready else ""


@contextlib.contextmanager
def _keys_at_once() -> Iterator[None]:
    """Keys without Enter and without echo."""
    fd = sys.stdin.fileno()
    before = termios.tcgetattr(fd)
    tty.setcbreak(fd)
    try:
        yield
    finally:
        termios.tcsetattr(fd, termios.TCSADRAIN, before)
