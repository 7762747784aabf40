"""What a running switch goes by: the configuration in effect, and what of the file has to wait.

Keys of `RESTART_KEYS` stay as they were at the start, whatever is loaded later (SAY-7). Options of
ports that a command has set hold over the file, also one that is loaded later, until they are put
back; a port that goes takes them with it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from msgspec import structs

from snoop.config import effective, loader, port_options
from snoop.config.loader import Loaded
from snoop.config.port_options import Options
from snoop.config.problems import ConfigError
from snoop.config.schema import RESTART_KEYS, Config

_SAID = 4


class Settings:
    """The configuration as it was at the start and as it was last loaded."""

    def __init__(self, loaded: Loaded) -> None:
        self._started = self._loaded = loaded
        self._commands: dict[str, Options] = {}
        self.config = loaded.config

    def reload(self, loaded: Loaded) -> list[str]:
        """Become what was loaded, and what commands have set over it; the ports whose commands went
        with them. ConfigError, and nothing is changed, if the two do not go together.
        """
        there = {port.name for port in loaded.config.port}
        commands = {name: given for name, given in self._commands.items() if name in there}
        try:
            together = loader.settle(loaded.document, commands) if commands else loaded
        except ConfigError as error:
            raise ConfigError(*in_the_way(error, loaded.config, commands)) from error
        self.follow(together)
        gone = [name for name in self._commands if name not in commands]
        self._commands = commands
        return gone

    def assign(self, port: str, options: Options) -> None:
        """Have options of a port hold over the file, or put them back; ConfigError, and nothing is
        changed, if they are not allowed.
        """
        given = port_options.merged(self._commands.get(port, {}), options)
        commands = {name: had for name, had in self._commands.items() if name != port}
        if given:
            commands[port] = given
        loaded = self._loaded
        self.follow(loader.settle(loaded.document, commands, before=loaded.config))
        self._commands = commands

    def origin(self, port: str, option: str) -> str:
        """Where an option of a port is from."""
        return self._loaded.origins[f"port.{port}.{option.partition('.')[0]}"]

    def follow(self, loaded: Loaded) -> None:
        """Become what was loaded, as far as that is possible."""
        self._loaded = loaded
        kept: dict[str, dict[str, Any]] = {}
        for table, key in RESTART_KEYS:
            kept.setdefault(table, {})[key] = _value(self._started.config, table, key)
        self.config = structs.replace(
            loaded.config,
            switch=structs.replace(loaded.config.switch, **kept["switch"]),
            metrics=structs.replace(loaded.config.metrics, **kept["metrics"]),
        )

    def waiting(self) -> dict[tuple[str, str], Any]:
        """What was loaded and takes a restart: (table, key) to the value."""
        return {
            (table, key): msgspec.to_builtins(_value(self._loaded.config, table, key), enc_hook=str)
            for table, key in RESTART_KEYS
            if _value(self._loaded.config, table, key) != _value(self.config, table, key)
        }

    def shown(self) -> dict[str, Any]:
        """As `show config` has it."""
        waiting = self.waiting()
        origins = dict(self._loaded.origins)
        for table, key in waiting:
            name = f"{table}.{key}"
            origins[name] = self._started.origins[name]
        pending = {f"{table}.{key}": value for (table, key), value in waiting.items()}
        return {**effective.whole(self.config), "origins": origins, "pending": pending}


def in_the_way(
    error: ConfigError, config: Config, commands: Mapping[str, Options]
) -> Iterator[str]:
    """What is wrong with a file that is good by itself, with the commands that made it so."""
    for text, problem in zip(error.problems, error.found, strict=True):
        ports: Mapping[str, Options] = commands
        if problem.table == "port" and problem.index is not None:
            name = config.port[problem.index].name
            ports = {name: commands.get(name, {})}
        words = [
            f"port set {name} {word}"
            for name, options in ports.items()
            for word in port_options.spelled(_concerned(options, problem.key))
        ]
        said = ", ".join(f"`snoop {each}`" for each in words[:_SAID])
        more = f" and {len(words) - _SAID} more" if len(words) > _SAID else ""
        yield f"{said}{more} in the way: {text}"


def _concerned(options: Options, key: str | None) -> Options:
    """The options by which a key is wrong: its own, else any of them."""
    own = {option: value for option, value in options.items() if option == key}
    return own or options


def _value(config: Config, table: str, key: str) -> Any:
    return getattr(getattr(config, table), key)
