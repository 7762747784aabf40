"""What a running switch goes by: the configuration in effect, and what of the file has to wait.

Keys of `RESTART_KEYS` stay as they were at the start, whatever is loaded later (SAY-7). Ports that
commands have added, and options of ports that they have set, hold over the file, also one that is
loaded later, until they are taken back; a port that goes takes its options with it. An interface
that says itself that it is a port (`aliases.py`) is one unless the file names it or a command added
it; what a pattern says of it then does not count.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import msgspec
from msgspec import structs

from snoop.config import aliases, effective, given_ports, loader, patterns, port_options
from snoop.config.aliases import Told
from snoop.config.bounds import PORTS_MAX
from snoop.config.given_ports import Commanded
from snoop.config.loader import Loaded
from snoop.config.patterns import Matched
from snoop.config.port_options import Options
from snoop.config.problems import ConfigError
from snoop.config.schema import RESTART_KEYS, Config
from snoop.printable import natural

_SAID = 4


class CommandsState(NamedTuple):
    """What survives of `port add` and `port set`: names, and options as they are typed."""

    added: tuple[str, ...]
    options: dict[str, list[str]]


class Settings:
    """The configuration as it was at the start and as it was last loaded. `current` is `config`
    with the ports that its patterns have made of the interfaces last seen.
    """

    def __init__(self, loaded: Loaded) -> None:
        self._started = self._loaded = loaded
        self._commands = given_ports.NOTHING
        self._seen: Collection[Told] = ()
        self._said: dict[str, tuple[str, str]] = {}
        self._unkept: dict[str, str] = {}
        self.matched: Matched = patterns.NOTHING
        self.config = self.current = loaded.config

    @property
    def file(self) -> str | None:
        """What a reload reads again."""
        return self._started.document.path

    @property
    def refused(self) -> dict[str, str]:
        """What a pattern matches, or says itself that it is a port, and cannot be one; and why."""
        return {**self.matched.refused, **self._unkept}

    def see(self, found: Collection[Told]) -> bool:
        """Take notice of the interfaces that there are; True if other ports come of it, or others'
        options.
        """
        self._seen = tuple(found)
        heard = self._hear()
        return self._match_seen() or heard

    def _hear(self) -> bool:
        """What interfaces say of themselves; True if that makes other ports."""
        said = aliases.of(self._started.config.switch.name, self._seen)
        if said == self._said:
            return False
        known = {name for name in self._unkept if said.get(name) == self._said[name]}
        self._said = said
        before = self._commands.carried
        self._carry(known)
        return before != self._commands.carried

    def _carry(self, known: Collection[str] = ()) -> None:
        """Make ports of those that say so, as far as they can be, the ones that were first; those
        `known` to be wrong are so still.
        """
        before = self._commands.carried
        held = given_ports.names(self._loaded.document.given) | {*self._commands.added}
        self._unkept = {name: self._unkept[name] for name in known}
        carried: dict[str, Options] = {}
        room = PORTS_MAX - len(self.config.port) + len(before)
        wanted = self._said.keys() - held - set(known)
        for name in sorted(wanted, key=lambda name: (name not in before, natural(name))):
            try:
                if len(carried) >= room:
                    raise ConfigError(f"{PORTS_MAX} ports are the most")
                carried[name] = aliases.options(*self._said[name])
            except ConfigError as error:
                self._unkept[name] = str(error)
        if before or carried:
            self._command(self._with(self._right({}, carried)))

    def _right(self, held: Mapping[str, Options], more: dict[str, Options]) -> dict[str, Options]:
        """Of `more` those that may be ports beside `held`, found by halves."""
        both = {**held, **more}
        try:
            loader.settle(self._loaded.document, self._with(both), before=self._loaded.config)
        except ConfigError as error:
            if len(more) > 1:
                names = [*more]
                for half in (names[: len(names) // 2], names[len(names) // 2 :]):
                    held = self._right(held, {name: more[name] for name in half})
            else:
                self._unkept |= dict.fromkeys(more, error.problems[0])
            return {**held}
        return both

    def _with(self, carried: Mapping[str, Options]) -> Commanded:
        """What commands said, and these; what was set of a port that goes has gone with it."""
        gone = self._commands.carried.keys() - carried.keys()
        kept = {name: had for name, had in self._commands.options.items() if name not in gone}
        return Commanded(kept, self._commands.added, carried)

    def check_carried(self, port: str, alias: str, kind: str) -> None:
        """ConfigError if an interface that said this would be no port."""
        carried = {**self._commands.carried, port: aliases.options(alias, kind)}
        document, config = self._loaded.document, self._loaded.config
        loader.settle(document, self._with(carried), before=config)

    def _match_seen(self) -> bool:
        """True if patterns now make other ports."""
        if not self.config.patterns:
            return False
        before = self.matched
        there = {one.name for one in self._seen}
        made = given_ports.appended(self._loaded.document.given, self._commands)
        gone = set(made) - there - set(self._commands.added)
        if gone:  # what `port set` said of them goes with them
            kept = {n: had for n, had in self._commands.options.items() if n not in gone}
            self._command(replace(self._commands, options=kept))
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
        named = given_ports.names(loaded.document.given)
        carried = {n: said for n, said in self._commands.carried.items() if n not in named}
        there |= carried.keys()
        had = self._commands.options
        commands = Commanded(
            {name: given for name, given in had.items() if name in there},
            self._commands.added,
            carried,
        )
        try:
            together = loader.settle(loaded.document, commands) if commands else loaded
        except ConfigError as error:
            raise ConfigError(*in_the_way(error, loaded, commands)) from error
        self.follow(together)
        self._commands = commands
        self._carry()  # what was none before may be one now
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
        self._command(replace(self._commands, options=commands))

    def add(self, port: str, options: Options) -> None:
        """Have one more port; ConfigError, and nothing is changed, if that is not allowed."""
        commands = self._commands
        options_of, added = {**commands.options, port: options}, (*commands.added, port)
        self._command(replace(commands, options=options_of, added=added))

    def remove(self, port: str) -> None:
        """Take back a port that a command added, and what was set of it."""
        commands = self._commands
        options = {name: each for name, each in commands.options.items() if name != port}
        added = tuple(name for name in commands.added if name != port)
        self._command(replace(commands, options=options, added=added))

    def dump(self) -> CommandsState:
        """What commands have said and hold to."""
        options = {
            name: port_options.spelled(given) for name, given in self._commands.options.items()
        }
        return CommandsState(self._commands.added, options)

    def take_up(self, state: CommandsState) -> list[str]:
        """Have what commands said in another process hold here, too; what of it this file does not
        allow is left out, and said.
        """
        left_out = []
        for name in dict.fromkeys((*state.added, *state.options)):
            try:
                options = port_options.assigned(name, state.options.get(name, ()))
                if name not in state.added:
                    self.assign(name, options)
                elif not self.giver(name):
                    self.add(name, options)
            except ConfigError as error:
                command = "port add" if name in state.added else "port set"
                left_out.append(f"`snoop {command} {name}`: {error}")
        return left_out

    def giver(self, port: str) -> str:
        """What makes an interface a port: "command", "interface" (it says so itself), "file",
        "host", "pattern" or "" (nothing).
        """
        if port in self.matched.ports:
            return "pattern"
        given = self._loaded.document.given
        if port in self._commands.carried:
            return "interface"
        if port in given_ports.appended(given, self._commands):
            return "command" if port in self._commands.added else "pattern"
        if any(one.name == port or one.device == port for one in self.config.host):
            return "host"
        return "file" if any(one.name == port for one in self.config.named) else ""

    def origin(self, port: str, option: str) -> str:
        """Where an option of a port is from."""
        table = self.matched.ports.get(port)
        pattern = patterns.of(self.config, port) if table is not None else None
        name = port if pattern is None else pattern.name
        of = "host" if any(one.name == port for one in self.config.host) else "port"
        return self._loaded.origins[f"{of}.{name}.{option.partition('.')[0]}"]

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
    names = {"port": [port.name for port in loaded.config.port]}
    names["port"] += given_ports.appended(loaded.document.given, commands)
    names["host"] = [host.name for host in loaded.config.host]
    for text, problem in zip(error.problems, error.found, strict=True):
        ports = [*commands.options, *commands.carried]
        if problem.table in names and problem.index is not None:
            ports = [names[problem.table][problem.index]]
        words = [
            word for name in dict.fromkeys(ports) for word in _said(name, problem.key, commands)
        ]
        said = ", ".join(words[:_SAID])
        more = f" and {len(words) - _SAID} more" if len(words) > _SAID else ""
        yield f"{said}{more} in the way: {text}"


def _said(name: str, key: str | None, commands: Commanded) -> Iterator[str]:
    """The commands that said it, or the interface itself."""
    words = port_options.spelled(_concerned(commands.options.get(name, {}), key))
    if name in commands.added:
        yield f"`snoop port add {','.join((name, *words))}`"
        return
    for word in words:
        yield f"`snoop port set {name} {word}`"
    if name in commands.carried:
        said = port_options.spelled(_concerned(commands.carried[name], key))
        yield f"the alias of {name} ({', '.join(said) or 'a port'})"


def _concerned(options: Options, key: str | None) -> Options:
    """The options by which a key is wrong: its own, else any of them."""
    own = {option: value for option, value in options.items() if option == key}
    return own or options


def _value(config: Config, table: str, key: str) -> Any:
    return getattr(getattr(config, table), key)
