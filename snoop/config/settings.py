"""What a running switch goes by: the configuration in effect, and what of the file has to wait.

Keys of `RESTART_KEYS` stay as they were at the start, whatever is loaded later (SAY-7). Ports that
commands have added, and options of ports that they have set, hold over the file, also one that is
loaded later, until they are taken back; a port that goes takes its options with it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

import msgspec
from msgspec import structs

from snoop.config import effective, given_ports, loader, patterns, port_options
from snoop.config.given_ports import Commanded
from snoop.config.loader import Loaded
from snoop.config.patterns import Interface, Matched
from snoop.config.port_options import Options
from snoop.config.problems import ConfigError
from snoop.config.schema import RESTART_KEYS, Config

_SAID = 4


class Settings:
    """The configuration as it was at the start and as it was last loaded. `current` is `config`
    with the ports that its patterns have made of the interfaces last seen.
    """

    def __init__(self, loaded: Loaded) -> None:
        self._started = self._loaded = loaded
        self._commands = given_ports.NOTHING
        self._seen: Collection[Interface] = ()
        self.matched: Matched = patterns.NOTHING
        self.config = self.current = loaded.config

    def see(self, found: Collection[Interface]) -> bool:
        """Take notice of the interfaces that there are; True if patterns now make other ports."""
        self._seen = tuple(found)
        if not self.config.patterns:
            return False
        before = self.matched
        there = {one.name for one in self._seen}
        made = given_ports.appended(self._loaded.document.given, self._commands)
        gone = set(made) - there - set(self._commands.added)
        if gone:  # what `port set` said of them goes with them
            kept = {n: had for n, had in self._commands.options.items() if n not in gone}
            self._command(Commanded(kept, self._commands.added))
        else:
            self._match()
        return bool(gone) or before.ports.keys() != self.matched.ports.keys()

    def reload(self, loaded: Loaded) -> list[str]:
        """Become what was loaded, and what commands have set over it; the ports whose commands went
        with them. ConfigError, and nothing is changed, if the two do not go together.
        """
        there = {port.name for port in loaded.config.named} | {*self._commands.added}
        there |= {
            one.name for one in self._seen if patterns.of(loaded.config, one.name) is not None
        }
        had = self._commands.options
        commands = Commanded(
            {name: given for name, given in had.items() if name in there}, self._commands.added
        )
        try:
            together = loader.settle(loaded.document, commands) if commands else loaded
        except ConfigError as error:
            raise ConfigError(*in_the_way(error, loaded, commands)) from error
        self.follow(together)
        self._commands = commands
        return [name for name in had if name not in commands.options]

    def assign(self, port: str, options: Options) -> None:
        """Have options of a port hold over the file, or put them back; ConfigError, and nothing is
        changed, if they are not allowed.
        """
        had = self._commands.options
        given = port_options.merged(had.get(port, {}), options)
        commands = {name: each for name, each in had.items() if name != port}
        if given:
            commands[port] = given
        self._command(Commanded(commands, self._commands.added))

    def add(self, port: str, options: Options) -> None:
        """Have one more port; ConfigError, and nothing is changed, if that is not allowed."""
        commands = self._commands
        self._command(Commanded({**commands.options, port: options}, (*commands.added, port)))

    def remove(self, port: str) -> None:
        """Take back a port that a command added, and what was set of it."""
        commands = self._commands
        self._command(
            Commanded(
                {name: each for name, each in commands.options.items() if name != port},
                tuple(name for name in commands.added if name != port),
            )
        )

    def giver(self, port: str) -> str:
        """What makes an interface a port: "command", "file", "pattern" or "" (nothing)."""
        if port in self.matched.ports:
            return "pattern"
        given = self._loaded.document.given
        if port in given_ports.appended(given, self._commands):
            return "command" if port in self._commands.added else "pattern"
        return "file" if any(one.name == port for one in self.config.named) else ""

    def origin(self, port: str, option: str) -> str:
        """Where an option of a port is from."""
        table = self.matched.ports.get(port)
        pattern = patterns.of(self.config, port) if table is not None else None
        name = port if pattern is None else pattern.name
        return self._loaded.origins[f"port.{name}.{option.partition('.')[0]}"]

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
        self._match()

    def _command(self, commands: Commanded) -> None:
        loaded = self._loaded
        self.follow(loader.settle(loaded.document, commands, before=loaded.config))
        self._commands = commands

    def _match(self) -> None:
        self.matched = patterns.match(self.config, self._seen, self.matched.ports)
        self.current = patterns.laid_out(self.config, self.matched)

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
        whole = effective.whole(self.current)
        for port in whole["port"]:
            if (name := port.get("name")) in self.matched.ports:
                for key in port.keys() - {"name"}:
                    origins[f"port.{name}.{key}"] = self.origin(name, key)
        pending = {f"{table}.{key}": value for (table, key), value in waiting.items()}
        return {**whole, "origins": origins, "pending": pending}


def in_the_way(error: ConfigError, loaded: Loaded, commands: Commanded) -> Iterator[str]:
    """What is wrong with a file that is good by itself, with the commands that made it so."""
    names = [port.name for port in loaded.config.port]
    names += given_ports.appended(loaded.document.given, commands)
    for text, problem in zip(error.problems, error.found, strict=True):
        ports: Mapping[str, Options] = commands.options
        if problem.table == "port" and problem.index is not None:
            name = names[problem.index]
            ports = {name: commands.options.get(name, {})}
        words = [
            word
            for name, options in ports.items()
            for word in _said(name, _concerned(options, problem.key), commands)
        ]
        said = ", ".join(f"`snoop {each}`" for each in words[:_SAID])
        more = f" and {len(words) - _SAID} more" if len(words) > _SAID else ""
        yield f"{said}{more} in the way: {text}"


def _said(name: str, options: Options, commands: Commanded) -> Iterator[str]:
    """The commands that said it."""
    words = port_options.spelled(options)
    if name in commands.added:
        yield f"port add {','.join((name, *words))}"
    else:
        for word in words:
            yield f"port set {name} {word}"


def _concerned(options: Options, key: str | None) -> Options:
    """The options by which a key is wrong: its own, else any of them."""
    own = {option: value for option, value in options.items() if option == key}
    return own or options


def _value(config: Config, table: str, key: str) -> Any:
    return getattr(getattr(config, table), key)
