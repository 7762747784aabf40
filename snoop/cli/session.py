"""Which switch a command talks to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from snoop.control import client

if TYPE_CHECKING:
    from snoop.control.documents import Document

    Shown = TypeVar("Shown", bound=Document)
Answered = TypeVar("Answered")


class Session:
    """The global options; which daemon to talk to."""

    def __init__(self, *, name: str | None, path: str | None) -> None:
        self.name = name
        self.given_path = path

    @property
    def path(self) -> str:
        """The control socket."""
        return client.socket_path(name=self.name, path=self.given_path)

    def call(self, request: str, wait: float = client.TIMEOUT_SECONDS, /, **fields: object) -> Any:
        """One request to the daemon, its answer as plain data, for which it may take `wait`."""
        with client.Client(self.path, timeout=wait) as one:
            return one.call(request, **fields)

    def ask(
        self,
        kind: type[Answered],
        request: str,
        wait: float = client.TIMEOUT_SECONDS,
        /,
        **fields: object,
    ) -> Answered:
        """One request, its answer read as a struct of `documents`."""
        with client.Client(self.path, timeout=wait) as one:
            return one.ask(kind, request, **fields)

    def show(self, kind: type[Shown], **filters: object) -> Shown:
        """The state that a document of `show` holds."""
        with client.Client(self.path) as one:
            return one.show(kind, **filters)
