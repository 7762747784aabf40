"""What Docker has told this driver and will not tell again, in one file.

Docker keeps its networks over a boot and tells a driver of each once, when it is created. So they
are written down before Docker hears that they are made. The file is replaced whole; one that is
torn, or another version's, is refused with a line: guessing would put containers into a VLAN that
nobody meant.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from snoop.containers.docker_networks import Network

Kept = TypeVar("Kept")

VERSION = 1
_BYTES_MAX = 64 << 20


class StoreError(Exception):
    """The file cannot be read: one line that says what to do."""


class Endpoint(Struct, frozen=True, kw_only=True):
    """A container's place in a network. `sandbox`: where it has joined, "" before and after."""

    network: str
    mac: str
    sandbox: str = ""
    multicast: bool = False  # its interface has the container's multicast route


class _File(Struct, kw_only=True, forbid_unknown_fields=True):
    version: int
    networks: dict[str, Network]
    endpoints: dict[str, Endpoint]


class Store:
    """Networks and endpoints by their ids. Any thread may ask and change; changes are on disk."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._kept = _File(version=VERSION, networks={}, endpoints={})
        try:
            with path.open("rb") as file:
                self._kept = msgspec.json.decode(file.read(_BYTES_MAX), type=_File)
        except FileNotFoundError:
            return
        except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise StoreError(
                f"cannot read {path}: {error}; move it away, and create Docker's networks of this "
                "driver anew"
            ) from error
        if self._kept.version != VERSION:
            raise StoreError(f"{path} is of version {self._kept.version} and not {VERSION}")

    def network(self, name: str) -> Network | None:
        with self._lock:
            return self._kept.networks.get(name)

    def endpoint(self, name: str) -> Endpoint | None:
        with self._lock:
            return self._kept.endpoints.get(name)

    def endpoints(self, network: str) -> list[str]:
        """Those of a network."""
        with self._lock:
            return [name for name, one in self._kept.endpoints.items() if one.network == network]

    def counts(self) -> tuple[int, int]:
        """How many networks, and endpoints."""
        with self._lock:
            return len(self._kept.networks), len(self._kept.endpoints)

    def put_network(self, name: str, network: Network | None) -> None:
        """None: forget it. It is on the disk when this returns."""
        with self._lock:
            self._write(networks=_with(self._kept.networks, name, network), lasting=True)

    def put_endpoint(self, name: str, endpoint: Endpoint | None) -> None:
        """None: forget it."""
        with self._lock:
            self._write(endpoints=_with(self._kept.endpoints, name, endpoint))

    def join(self, name: str, endpoint: Endpoint, sandbox: str) -> Endpoint:
        """Write down that it takes its place, and whether the multicast route goes there.

        A container has that route once: the kernel refuses a second one, and Docker the container.
        """
        with self._lock:
            others = [one for key, one in self._kept.endpoints.items() if key != name]
            taken = any(one.multicast and one.sandbox == sandbox for one in others)
            joined = msgspec.structs.replace(endpoint, sandbox=sandbox, multicast=not taken)
            self._write(endpoints=_with(self._kept.endpoints, name, joined))
            return joined

    def _write(self, *, lasting: bool = False, **changed: dict[str, Any]) -> None:
        """Unless `lasting` the disk may take its time: no endpoint outlives a boot."""
        kept = msgspec.structs.replace(self._kept, **changed)
        self.path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        fresh = self.path.with_name(f".{self.path.name}.{os.getpid()}")
        try:
            with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                file.write(msgspec.json.format(msgspec.json.encode(kept), indent=1))
                file.flush()
                if lasting:
                    os.fsync(file.fileno())
            fresh.replace(self.path)
        except OSError:
            fresh.unlink(missing_ok=True)
            raise
        self._kept = kept


def _with(table: Mapping[str, Kept], name: str, value: Kept | None) -> dict[str, Kept]:
    """The table as it is afterwards."""
    others = {key: kept for key, kept in table.items() if key != name}
    return others if value is None else {**others, name: value}
