"""The control socket asked without waiting for it: `control/client.py` for an event loop.

An answer is at most ANSWER_BYTES_MAX and comes within ANSWER_SECONDS, or the switch is `silent`.
Whatever goes wrong is an `Unreachable` with a state and a sentence that says what to do: nothing
that comes out of a socket is trusted to be what a switch says. One that is being replaced by
another process (`snoop restart`) is asked there, and nobody notices.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from enum import StrEnum
from typing import Any, TypeVar

import msgspec

from snoop.control.client import Refused
from snoop.control.documents import Answer, Document

ANSWER_SECONDS = 15.0
ANSWER_BYTES_MAX = 64 << 20
EVENT_BYTES_MAX = 1 << 16
PROCESSES_MAX = 5  # followed, one after the other

Shown = TypeVar("Shown", bound=Document)
_encoder = msgspec.json.Encoder()


class State(StrEnum):
    """How a switch is, seen from its socket."""

    RUNNING = "running"
    DEAD = "dead"  # nobody listens
    SILENT = "silent"  # somebody does, and does not answer
    FORBIDDEN = "forbidden"
    FOREIGN = "foreign"  # of another version, or none


class Unreachable(Exception):
    """No answer: the state of the switch, and a sentence for people."""

    def __init__(self, state: State, text: str) -> None:
        super().__init__(text)
        self.state = state


class _GoesOn(Exception):
    """Another process has this one's place."""


class Line:
    """A connection to one daemon; one question at a time. `longest`: line that is taken."""

    def __init__(self, path: str, longest: int = ANSWER_BYTES_MAX) -> None:
        self._path = path
        self._longest = longest
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._one = asyncio.Lock()

    async def raw(self, request: str, **fields: object) -> msgspec.Raw:
        """The result as the daemon wrote it; fields that are None are left out.

        Refused if it says no, Unreachable if it says nothing. A connection that was closed
        meanwhile is opened again, once.
        """
        async with self._one:
            known = self._streams is not None
            for _ in range(PROCESSES_MAX):
                try:
                    return await self._asked(request, fields)
                except _GoesOn:
                    continue
                except Unreachable:
                    self.close()
                    if not known:
                        raise
                known = False
            raise Unreachable(State.SILENT, f"the switch at {self._path} does nothing but restart")

    async def show(self, kind: type[Shown], **filters: object) -> Shown:
        """The state that a document of `show` holds."""
        found: Shown = await self.ask(kind, "show", what=kind.what, **filters)
        return found

    async def ask(self, kind: type[Any], request: str, **fields: object) -> Any:
        """The result as a struct of `documents`."""
        told = await self.raw(request, **fields)
        try:
            return msgspec.json.decode(told, type=kind)
        except NONSENSE as error:
            raise _foreign(error) from error

    async def stream(self, request: str, **fields: object) -> AsyncIterator[bytes]:
        """The lines of a stream, until the daemon ends; the connection is for nothing else then."""
        async with self._one:
            await self._asked(request, fields)
            assert self._streams is not None
            reader, _ = self._streams
            try:
                while line := await reader.readline():
                    yield line
            except OSError as error:
                raise self._gone() from error
            except ValueError as error:
                raise self._too_long() from error
            finally:
                self.close()

    async def knock(self) -> None:
        """Unreachable if nobody listens."""
        await self._open()

    def close(self) -> None:
        """Hang up."""
        if self._streams is not None:
            self._streams[1].transport.abort()
            self._streams = None

    async def _asked(self, request: str, fields: dict[str, object]) -> msgspec.Raw:
        given = {name: value for name, value in fields.items() if value is not None}
        reader, writer = await self._open()
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                writer.write(_encoder.encode({"request": request, **given}) + b"\n")
                await writer.drain()
                line = await reader.readline()
        except TimeoutError as error:
            self.close()
            raise Unreachable(
                State.SILENT,
                f"the switch at {self._path} has not answered for {ANSWER_SECONDS:g} s: "
                "its process is stopped, or very busy; `journalctl -u snoop` may say why",
            ) from error
        except OSError as error:
            self.close()
            raise self._gone() from error
        except ValueError as error:
            self.close()
            raise self._too_long() from error
        except asyncio.CancelledError:
            self.close()  # with its answer, which nobody waits for
            raise
        if not line.endswith(b"\n"):
            self.close()
            raise self._gone()
        try:
            answer = msgspec.json.decode(line, type=Answer)
        except NONSENSE as error:
            raise _foreign(error) from error
        if answer.again:
            self.close()
            raise _GoesOn
        if not answer.ok:
            raise Refused(answer.error, answer.code)
        return answer.result

    async def _open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._streams is None:
            try:
                async with asyncio.timeout(ANSWER_SECONDS):
                    self._streams = await asyncio.open_unix_connection(
                        self._path, limit=self._longest
                    )
            except PermissionError as error:
                raise Unreachable(
                    State.FORBIDDEN,
                    f"no permission to use {self._path}: it takes root, or its group "
                    "([switch] socket_group)",
                ) from error
            except (OSError, TimeoutError) as error:
                raise Unreachable(
                    State.DEAD,
                    f"no switch listens at {self._path}: start it with `snoop run` or "
                    "`systemctl start snoop`",
                ) from error
        return self._streams

    def _gone(self) -> Unreachable:
        return Unreachable(State.DEAD, f"the switch at {self._path} went away")

    def _too_long(self) -> Unreachable:
        return Unreachable(
            State.FOREIGN,
            f"what listens at {self._path} says more than {self._longest >> 10} KiB in a line: it "
            "is no switch, or has more than a page can show (`snoop show --count`)",
        )


NONSENSE = msgspec.DecodeError, RecursionError, UnicodeDecodeError
"""What taking apart what somebody said may raise."""


def _foreign(error: Exception) -> Unreachable:
    return Unreachable(
        State.FOREIGN, f"the switch is of another version, and its answer cannot be read: {error}"
    )
