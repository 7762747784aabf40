"""The IPAM plugin: found in CNI_PATH, started with our environment and configuration."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from typing import Any

from snoop.containers.cni.failing import Code, Failed

ANSWER_SECONDS = 60.0  # a DHCP server may take its time
_BYTES_MAX = 1 << 20


def run(verb: str, kind: str, path: str, raw: Mapping[str, Any]) -> dict[str, Any]:
    """What it answers to a verb; Failed with its own error, or for what is no answer."""
    plugin = _found(kind, path)
    try:
        done = subprocess.run(
            [plugin],
            input=json.dumps(raw).encode(),
            stdout=subprocess.PIPE,
            env={**os.environ, "CNI_COMMAND": verb},
            timeout=ANSWER_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        text = f"the IPAM plugin {kind} does not answer"
        raise Failed(Code.LATER, text) from error
    except OSError as error:
        raise Failed(Code.IO, f"the IPAM plugin {plugin} cannot be started: {error}") from error
    said = _object(done.stdout)
    if done.returncode != 0:
        code = said.get("code")
        raise Failed(
            code if isinstance(code, int) and code > 0 else Code.IO,
            f"the IPAM plugin {kind}: {said.get('msg') or f'it ended with {done.returncode}'}",
            str(said.get("details") or ""),
        )
    if verb == "ADD" and not said:
        raise Failed(Code.DECODING, f"the IPAM plugin {kind} answered nothing that can be read")
    return said


def _found(kind: str, path: str) -> str:
    for directory in path.split(os.pathsep):
        plugin = os.path.join(directory, kind)
        if directory and os.path.isfile(plugin) and os.access(plugin, os.X_OK):
            return plugin
    raise Failed(Code.CONFIGURATION, f'there is no IPAM plugin "{kind}" in CNI_PATH, {path or "-"}')


def _object(data: bytes) -> dict[str, Any]:
    try:
        said = json.loads(data) if 0 < len(data) <= _BYTES_MAX else {}
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}
