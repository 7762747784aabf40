"""What changes the configuration of a switch that runs: its file, read again, and `port set`.

Either is checked whole before anything happens, and refused with nothing changed.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from snoop.config import effective, odd, port_options
from snoop.config.loader import Loaded
from snoop.config.problems import ConfigError
from snoop.config.schema import Config
from snoop.config.settings import Settings
from snoop.control import named
from snoop.control.documents import PortSettings, Reloaded
from snoop.control.requests import PortSet, RequestError
from snoop.proto.effects import By, EventKind
from snoop.runtime import notify
from snoop.runtime.plane import Plane
from snoop.runtime.ports import LinkTable

_log = logging.getLogger("snoop.config")

_EVENT_CHARACTERS = 200  # a trunk may list thousands


class Changes:
    """Changes one plane; `load` reads the configuration."""

    def __init__(
        self, settings: Settings, plane: Plane, links: LinkTable, load: Callable[[], Loaded]
    ) -> None:
        self._settings = settings
        self._plane = plane
        self._links = links
        self._load = load

    def reload(self) -> Reloaded:
        """Read the configuration again and become it; what commands have set stays."""
        old = self._settings.config
        notify.notify("RELOADING=1")
        try:
            gone = self._settings.reload(self._load())
        except ConfigError as error:
            raise RequestError(f"kept the configuration: {error}", code=2) from error
        finally:
            notify.notify("READY=1")
        waiting = [f"[{table}] {key}" for table, key in self._settings.waiting()]
        config = self._settings.config
        known = {port.name for port in old.port}
        missing = [
            port.name
            for port in config.port
            if port.name not in known and self._links.by_name(port.name) is None
        ]
        self._plane.configure(config)
        self._plane.say(EventKind.CONFIG, {"by": By.FILE})
        for key in waiting:
            _log.warning("%s takes effect at the next start", key)
        for name in missing:
            _log.warning("%s: no such interface yet", name)
        for name in gone:
            _log.warning("%s: it is a port no longer, and what `port set` said of it is gone", name)
        _say_new(odd.notes(old), odd.notes(config))
        return Reloaded(needs_restart=waiting, missing_ports=missing)

    def port_set(self, request: PortSet) -> PortSettings:
        """Set options of one port, or put them back."""
        name = named.port(self._plane.ports, request.port).name
        old = self._settings.config
        try:
            options = port_options.assigned(name, request.options)
            self._settings.assign(name, options)
        except ConfigError as error:
            raise RequestError(str(error), code=2) from error
        config = self._settings.config
        before, after = _options(old, name), _options(config, name)
        changed = {key: after[key] for key in after if after[key] != before[key]}
        follows = {f"mld.{key}" for key in changed} - options.keys()  # for IPv6, as for IPv4
        changed = {key: value for key, value in changed.items() if key not in follows}
        if config != old:
            self._plane.configure(config)
            said = [word[:_EVENT_CHARACTERS] for word in port_options.spelled(changed)]
            fields: dict[str, object] = {"options": said, "by": By.COMMAND}
            self._plane.say(EventKind.CONFIG, fields, port=name)
            _say_new(odd.of_ports(old), odd.of_ports(config))
        told = {key: after[key] for key in after if key in options or key in changed}
        origins = {key: self._settings.origin(name, key) for key in told}
        return PortSettings(port=name, options=told, origins=origins)


def _say_new(before: list[str], now: list[str]) -> None:
    """What an operator should know about the configuration, once."""
    known = set(before)
    for note in now:
        if note not in known:
            _log.warning("%s", note)


def _options(config: Config, name: str) -> dict[str, Any]:
    """Every option of a port as it holds, as `port set` calls them."""
    plain = next(effective.port(config, one) for one in config.port if one.name == name)
    inner = plain.pop("mld")
    del plain["name"]
    return {**plain, **{f"mld.{key}": value for key, value in inner.items()}}
