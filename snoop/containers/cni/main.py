"""The process: one verb, one JSON object on standard output, an exit status."""

from __future__ import annotations

import json
import os
import signal
import sys
from typing import Any, NoReturn

from snoop.containers.cni import asked, verbs
from snoop.containers.cni.failing import Code, Failed
from snoop.printable import printable

_LATEST = asked.VERSIONS[-1]


def main() -> None:
    """Do what the environment asks for."""
    signal.signal(signal.SIGTERM, _ended)
    version = _LATEST
    try:
        verb = os.environ.get("CNI_COMMAND", "")
        if verb not in verbs.VERBS:
            known = ", ".join(verbs.VERBS)
            raise Failed(Code.ENVIRONMENT, f'CNI_COMMAND is "{printable(verb)}", not of {known}')
        raw = asked.document(_input() or (b"{}" if verb == "VERSION" else b""))
        if raw.get("cniVersion") in asked.VERSIONS:
            version = raw["cniVersion"]
        answer = verbs.VERBS[verb](raw)
    except Failed as error:
        _fail(version, error.code, str(error), error.details)
    except Exception as error:  # A mistake of ours is an answer, too.
        _fail(version, Code.INTERNAL, f"internal error: {error!r}", "")
    if answer is not None:
        _say(answer)


def _input() -> bytes:
    return sys.stdin.buffer.read(asked.BYTES_MAX + 1)


def _say(answer: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


def _fail(version: str, code: int, text: str, details: str) -> NoReturn:
    said: dict[str, Any] = {"cniVersion": version, "code": int(code), "msg": f"snoop-cni: {text}"}
    _say(said | ({"details": details} if details else {}))
    raise SystemExit(1)


def _ended(*_: object) -> NoReturn:
    """What was begun is taken back on the way out."""
    raise SystemExit(128 + signal.SIGTERM)
