"""`snoop-cni` as a runtime starts it: environment, configuration, one JSON object back."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PLUGIN = Path(sys.executable).with_name("snoop-cni")
# Where Debian has those that give out addresses.
PLUGINS = "/usr/lib/cni"


@dataclass
class Runtime:
    """A network on the switch at `socket`, and who joins it."""

    socket: str
    switch: str = "sw0"
    version: str = "1.0.0"
    name: str = "tv"
    keys: dict[str, Any] = field(default_factory=dict)
    path: str = PLUGINS

    def config(self, **keys: Any) -> dict[str, Any]:
        own = {"switch": self.switch, "socket": self.socket}
        return {"cniVersion": self.version, "name": self.name, "type": "snoop-cni"} | own | (
            self.keys | keys
        )  # fmt: skip

    def call(
        self, verb: str, container: str = "", netns: str = "", *, interface: str = "eth0",
        raw: bytes | None = None, environment: dict[str, str] | None = None, **keys: Any,
    ) -> tuple[int, dict[str, Any]]:  # fmt: skip
        """Exit status and answer."""
        given = {
            "CNI_COMMAND": verb, "CNI_CONTAINERID": container, "CNI_IFNAME": interface,
            "CNI_NETNS": netns, "CNI_PATH": self.path,
        }  # fmt: skip
        given = {key: value for key, value in given.items() if value} | (environment or {})
        done = subprocess.run(
            [PLUGIN],
            input=json.dumps(self.config(**keys)).encode() if raw is None else raw,
            capture_output=True,
            env={"PATH": os.environ["PATH"]} | given,
            timeout=30,
            check=False,
        )
        assert not done.stderr, done.stderr.decode()
        return done.returncode, json.loads(done.stdout) if done.stdout else {}

    def do(self, verb: str, *words: str, **keys: Any) -> dict[str, Any]:
        """What must go well."""
        status, answer = self.call(verb, *words, **keys)
        assert status == 0, answer
        return answer

    def fails(self, verb: str, *words: str, **keys: Any) -> tuple[int, str]:
        """The code and the sentence of what must not."""
        status, answer = self.call(verb, *words, **keys)
        assert status == 1, answer
        assert answer["cniVersion"]
        return answer["code"], answer["msg"]
