"""Which switch a command talks to."""

from __future__ import annotations

from typing import Any

from snoop.control import client


class Session:
    """The global options; which daemon to talk to."""

    def __init__(self, *, name: str | None, path: str | None) -> None:
        self.name = name
        self.given_path = path

    @property
    def path(self) -> str:
        """The control socket."""
        return client.socket_path(name=self.name, path=self.given_path)

    def call(self, request: str, **fields: object) -> Any:
        """One request to the daemon."""
        return client.call(self.path, request, **fields)
