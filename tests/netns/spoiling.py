"""Control sockets of daemons that nobody should believe: what a real switch says, spoiled.

`SPOILED` has the kinds, each with the state that the page then says the switch is in.
"""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

Spoil = Callable[[bytes, socket.socket], bytes]
"""From a line of the switch to what is said instead; the socket is the client's."""
HUGE = 1 << 62
VLANS = ("vlan", "vid")  # are looked at before anything else


def _all(value: Any, change: Callable[[Any], Any]) -> Any:
    """A document with each of its leaves changed."""
    if isinstance(value, dict):
        return {name: one if name in VLANS else _all(one, change) for name, one in value.items()}
    if isinstance(value, list):
        return [_all(one, change) for one in value]
    return change(value)


def _leaves(change: Callable[[Any], Any]) -> Spoil:
    def spoiled(line: bytes, _: socket.socket) -> bytes:
        said = json.loads(line)
        if "result" in said:
            said["result"] = _all(said["result"], change)
        return json.dumps(said).encode() + b"\n"

    return spoiled


def _number(instead: float) -> Callable[[Any], Any]:
    def change(value: Any) -> Any:
        plain = isinstance(value, int | float) and not isinstance(value, bool)
        return type(value)(instead) if plain else value

    return change


def _endless(line: bytes, client: socket.socket) -> bytes:
    with suppress(OSError):
        while True:
            client.sendall(b'{"ok":true,"result":"' + b"a" * (1 << 20))
    return b""


SPOILED: Mapping[str, tuple[Spoil, set[str]]] = {
    "noise": (lambda *_: b"\xff\xfe\x00 what?\n", {"foreign"}),
    "deep": (lambda *_: b'{"ok":true,"result":' + b"[" * 200_000 + b"\n", {"foreign"}),
    "closes": (lambda *_: b'{"ok":tr', {"dead"}),
    "types": (_leaves(lambda value: [value]), {"foreign"}),
    "null": (lambda *_: b'{"ok":true,"result":null}\n', {"foreign"}),
    "refuses": (lambda *_: b'{"ok":false,"error":"<b>no</b>","code":-7}\n', {"foreign"}),
    "again": (lambda *_: b'{"ok":false,"again":true}\n', {"silent"}),
    "endless": (_endless, {"foreign", "silent"}),  # of a machine too busy to hear enough of it
    "huge numbers": (_leaves(_number(HUGE)), {"foreign", "running"}),
    "negative": (_leaves(_number(-HUGE)), {"foreign", "running"}),
    "no vlan": (
        lambda line, _: line.replace(b'"vlan":0', b'"vlan":4611686018427387904'),
        {"foreign"},
    ),
    "long event": (
        lambda line, _: line if b'"result"' in line else b'{"event":"' + b"a" * (1 << 17) + b'"}\n',
        {"foreign", "running"},
    ),
    "words": (
        _leaves(lambda value: "\r\n<i>\u202e" * 50 if isinstance(value, str) else value),
        {"foreign", "running"},
    ),
}


@contextmanager
def spoiled(switch: Path, where: Path) -> Iterator[dict[str, str]]:
    """A socket of each kind in a directory, by the name the page gives it."""
    with ExitStack() as ending:
        made = {}
        for kind, (spoil, _) in SPOILED.items():
            path = where / f"{kind.replace(' ', '-')}.sock"
            ending.enter_context(_relay(switch, path, spoil))
            made[kind] = str(path)
        yield made


@contextmanager
def _relay(switch: Path, path: Path, spoil: Spoil) -> Iterator[None]:
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen(64)
        taking = threading.Thread(target=_take, args=(listening, switch, spoil), daemon=True)
        taking.start()
        try:
            yield
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            taking.join(10)


def _take(listening: socket.socket, switch: Path, spoil: Spoil) -> None:
    while True:
        try:
            client, _ = listening.accept()
        except OSError:
            return
        threading.Thread(target=_serve, args=(client, switch, spoil), daemon=True).start()


def _serve(client: socket.socket, switch: Path, spoil: Spoil) -> None:
    with client, socket.socket(socket.AF_UNIX) as real, suppress(OSError):
        real.connect(str(switch))
        asked, told = client.makefile("rb"), real.makefile("rb")
        for question in asked:
            real.sendall(question)
            streams = b'"monitor"' in question
            while line := told.readline():
                said = spoil(line, client)
                client.sendall(said)
                if not said.endswith(b"\n"):
                    return
                if not streams:
                    break
