"""`snoop watch`: a live screen of groups by ports, with rates. Readable at 80 by 24.

Draws what `screen.py` and `panel.py` make of the `show` documents; here are looks and clock.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable, Mapping
from typing import TypeVar

import click

from snoop.cli import options, panel, screen, terminal
from snoop.cli.panel import Guests, Rates
from snoop.cli.session import Session
from snoop.cli.summary import Everything, gather
from snoop.cli.view import View, press
from snoop.control import documents
from snoop.control.client import Client, WentAway

_Told = TypeVar("_Told")
_TRIES = 2


@click.command()
@options.option(
    "--interval", type=options.Number(0.2, 60), default=1.0, show_default=True, metavar="N",
    help="Seconds between looks.",
)  # fmt: skip
@click.pass_context
def watch(ctx: click.Context, interval: float) -> None:
    """Live screen of groups, ports and rates; ? explains it, q ends it."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise click.UsageError("needs a terminal; for scripts there is `snoop show … --watch N`")
    if os.environ.get("TERM", "dumb") == "dumb":
        raise click.UsageError("needs a terminal that moves its cursor, and TERM says it has none")
    with contextlib.suppress(KeyboardInterrupt):
        _run(options.session(ctx), interval)


class _Looks:
    """The state of the switch, and the rates since the look before. Each look asks anew: who had
    the switch before may have handed over (`snoop restart`).
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._before: dict[str, documents.Port] = {}
        self._at = 0.0
        self.rates: Mapping[str, Rates] = {}
        self.guests = Guests([], [])
        self.everything = self._look()

    def _look(self) -> Everything:
        everything, now = self._ask(gather), time.monotonic()
        self.rates = panel.rates(self._before, everything.ports, now - self._at)
        self._before = {port.name: port for port in everything.ports}
        self._at = now
        return everything

    def again(self, view: View) -> None:
        """Look again."""
        self.everything = self._look()
        self.turn(view)

    def turn(self, view: View) -> None:
        """Look at what only this page shows."""
        if view.page == "groups":
            return
        self.guests = self._ask(lambda client: _guests(client, view))

    def _ask(self, what: Callable[[Client], _Told]) -> _Told:
        for _ in range(_TRIES):
            with contextlib.suppress(WentAway), Client(self._path) as client:
                return what(client)
        with Client(self._path) as client:
            return what(client)


def _guests(client: Client, view: View) -> Guests:
    port = view.port if view.page == "hosts" else None
    hosts = client.show(documents.Hosts, port=port).hosts if view.page == "hosts" else []
    return Guests(client.show(documents.Witnesses, port=port).hosts, hosts)


def _run(session: Session, interval: float) -> None:
    view = View()
    looks = _Looks(session.path)
    with terminal.opened() as shown:
        due = time.monotonic() + interval
        while True:
            shown.draw(_drawn(looks, view, shown.size()))
            keys = shown.keys(due - time.monotonic())
            if keys is None:
                return
            for key in keys:
                before = view.chosen
                if not press(view, key):
                    return
                if view.chosen != before:  # the next key is of what this one brought
                    looks.turn(view)
                    _drawn(looks, view, shown.size())
            if time.monotonic() >= due:
                looks.again(view)
                due = time.monotonic() + interval


def _drawn(looks: _Looks, view: View, size: screen.Size) -> list[screen.Line]:
    if view.page == "groups":
        return screen.render(looks.everything, view, size)
    draw = panel.ports if view.page == "ports" else panel.hosts
    return draw(looks.everything, view, size, looks.rates, looks.guests)
