"""What changes the configuration of a switch that runs: its file, read again, `port add`, `del` and
`set`, and interfaces that its patterns match.

Either is checked whole before anything happens, and refused with nothing changed.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from snoop.config import aliases, effective, odd, port_options
from snoop.config.loader import Loaded
from snoop.config.port_options import Options
from snoop.config.problems import ConfigError
from snoop.config.schema import Config
from snoop.config.settings import Settings
from snoop.control import named
from snoop.control.documents import PortSettings, Reloaded
from snoop.control.requests import PortAdd, PortDel, PortSet, RequestError
from snoop.printable import name_of, printable
from snoop.proto.effects import By, EventKind
from snoop.runtime import notify
from snoop.runtime.hosts import Hosts
from snoop.runtime.plane import Plane
from snoop.runtime.port import LinkTable, reason

_log = logging.getLogger("snoop.config")

_OPENING_SECONDS = 0.002
_OPENING_STEPS = 10_000  # the longest a client is kept, whatever the kernel is busy with
_HURRIED_MAX = 4
_EVENT_CHARACTERS = 200  # a trunk may list thousands

_Done = TypeVar("_Done")


class Changes:
    """Changes one plane; `load` reads the configuration."""

    def __init__(
        self,
        settings: Settings,
        plane: Plane,
        links: LinkTable,
        hosts: Hosts,
        load: Callable[[], Loaded],
    ) -> None:
        self._settings = settings
        self._plane = plane
        self._links = links
        self._hosts = hosts
        self._load = load
        self._refused: dict[str, str] = {}
        plane.ports.absent = hosts.problems
        self._say_refused()

    def links_changed(self) -> None:
        """Interfaces changed: ports by pattern, and by their aliases, come and go with them."""
        before = self._settings.current
        self._hosts.follow(before)
        if self._settings.see(self._links.bare()):
            self._ports_changed(before)
        else:
            self._plane.links_changed()
        self._say_refused()

    def _ports_changed(self, before: Config) -> None:
        """Ports came or went, or others have taken their place under their names."""
        now = self._settings.current
        had = {port.name: port for port in before.named}
        if all(had.get(port.name, port) == port for port in now.named):
            self._plane.ports_changed(now)
        else:
            self._plane.configure(now)

    def _say_refused(self) -> None:
        refused = self._settings.refused
        for name, why in refused.items():
            if self._refused.get(name) != why:
                _log.warning("%s: no port: %s", name, why)
        self._plane.ports.refused = self._refused = dict(refused)

    async def reload(self) -> Reloaded:
        """`begin_reload`, until the ports that it opens are there."""
        done, opening = self._beginning(self.begin_reload)
        await self._opened(*opening)
        return done

    def begin_reload(self) -> Reloaded:
        """Read the configuration again and become it; what commands have set stays. Ports that take
        opening come after.
        """
        old = self._settings.config
        notify.notify("RELOADING=1")
        try:
            loaded = self._load()
            if obstacles := list(self._hosts.obstacles(loaded.config.host)):
                raise ConfigError(*obstacles)
            gone = self._settings.reload(loaded)
        except ConfigError as error:
            raise RequestError(f"kept the configuration: {error}", code=2) from error
        finally:
            notify.notify("READY=1")
        waiting = [f"[{table}] {key}" for table, key in self._settings.waiting()]
        config = self._settings.config
        self._hosts.become(self._settings.current)
        known = {port.name for port in old.named}
        missing = [
            port.name
            for port in config.named
            if port.name not in known and self._links.by_name(port.device) is None
        ]
        self._plane.configure(self._settings.current)
        self._hosts.part_with(old.host, config.host)
        self._say_refused()
        self._plane.say(EventKind.CONFIG, {"by": By.FILE})
        for key in waiting:
            _log.warning("%s takes effect at the next start", key)
        for name in missing:
            _log.warning("%s: no such interface yet", name)
        for name in gone:
            _log.warning("%s: it is a port no longer, and what `port set` said of it is gone", name)
        _say_new(odd.notes(old), odd.notes(config))
        return Reloaded(needs_restart=waiting, missing_ports=missing)

    async def port_set(self, request: PortSet) -> PortSettings:
        """Set options of one port, or put them back; until it is open where that takes opening."""
        done, opening = self._beginning(partial(self._port_set, request))
        await self._opened(*opening)
        return done

    def _port_set(self, request: PortSet) -> PortSettings:
        name = named.port(self._plane.ports, request.port).name
        old, held = self._settings.config, self._settings.current
        try:
            options = port_options.assigned(name, request.options)
            self._settings.assign(name, options)
        except ConfigError as error:
            raise RequestError(str(error), code=2) from error
        config = self._settings.config
        before, after = _options(held, name), _options(self._settings.current, name)
        changed = {key: after[key] for key in after if after[key] != before[key]}
        follows = {f"mld.{key}" for key in changed} - options.keys()  # for IPv6, as for IPv4
        changed = {key: value for key, value in changed.items() if key not in follows}
        if self._settings.current != held:
            self._plane.configure(self._settings.current)
            said = [word[:_EVENT_CHARACTERS] for word in port_options.spelled(changed)]
            fields: dict[str, object] = {"options": said, "by": By.COMMAND}
            self._plane.say(EventKind.CONFIG, fields, port=name)
            _say_new(odd.of_ports(old), odd.of_ports(config))
        told = {key: after[key] for key in after if key in options or key in changed}
        origins = {key: self._settings.origin(name, key) for key in told}
        return PortSettings(port=name, options=told, origins=origins)

    async def port_add(self, request: PortAdd) -> PortSettings:
        """Make an interface a port, until it is deleted or the switch ends."""
        settings, where = self._settings, f"port add {request.port}"
        try:
            given, options = port_options.argument(where, request.port)
            name = name_of(given)
            if settings.giver(name) == "host":
                raise RequestError(f"{name} is the host's own, by [[host]]", code=2)
            if request.keep:
                return await self._keep(name, request, options)
            if settings.giver(name):
                raise RequestError(f"{name} is a port already: `snoop port set {name} …`", code=2)
            if not request.wait and self._links.by_name(name) is None:
                raise RequestError(
                    f"{name} does not exist in this network namespace (interfaces here: "
                    f"{self._interfaces()}); with --wait it may come later"
                )
            settings.add(name, options)
        except ConfigError as error:
            raise RequestError(str(error), code=2) from error
        self._plane.ports_changed(settings.current)
        await self._opened(name)
        port = self._plane.ports.find(name)
        if port is None:
            raise RequestError(f"{name}: somebody else has taken it back meanwhile")
        problem = port.problem
        if problem is not None and not request.wait:
            settings.remove(name)
            self._plane.ports_changed(settings.current)
            raise RequestError(f"{name}: {problem}")
        self._say_ports(name, added=True)
        told = _options(settings.current, name)
        told = {key: told[key] for key in options}
        return PortSettings(port=name, options=told, origins=dict.fromkeys(told, "command"))

    async def _keep(self, name: str, request: PortAdd, options: Options) -> PortSettings:
        """Have the interface itself say it; what a pattern says of it counts no longer."""
        settings, link = self._settings, self._links.by_name(name)
        if (giver := settings.giver(name)) not in ("", "pattern"):
            by = {"file": "of the file", "command": "by a command"}.get(giver, "already")
            raise RequestError(f"{name} is a port {by}", code=2)
        if link is None:
            raise RequestError(
                f"{name} does not exist in this network namespace (interfaces here: "
                f"{self._interfaces()})"
            )
        words = request.port.partition(",")
        alias = aliases.spelled(settings.config.switch.name, "".join(words[1:]))
        if link.alias and not link.alias.startswith(aliases.PREFIX):
            raise RequestError(
                f'{name} has an alias of its own, "{printable(link.alias)}", which it would lose: '
                f'ip link set {name} alias ""'
            )
        settings.check_carried(name, alias, link.kind)
        self._say_alias(name, alias)
        await self._opened(name)
        port = self._plane.ports.find(name)
        if settings.giver(name) != "interface" or port is None or port.problem is not None:
            why = settings.refused.get(name, "it has gone") if port is None else port.problem
            if self._links.by_name(name) is not None:
                self._say_alias(name, "")
            raise RequestError(f"{name}: {why}")
        self._say_ports(name, added=True)
        told = {key: value for key, value in _options(settings.current, name).items()
                if key in options}  # fmt: skip
        return PortSettings(port=name, options=told, origins=dict.fromkeys(told, "interface"))

    def _say_alias(self, name: str, alias: str) -> None:
        """Have an interface say that, and its port come or go by it."""
        link = self._links.by_name(name)
        try:
            if link is not None:
                self._links.set_alias(link.ifindex, alias)
        except OSError as error:
            raise RequestError(f"{name}: its alias cannot be set: {reason(error)}") from error
        self.links_changed()

    def _beginning(self, change: Callable[[], _Done]) -> tuple[_Done, list[str]]:
        """What a change returns, and the ports that it has begun to open."""
        before = {port.name for port in self._plane.ports if port.opening}
        done = change()
        begun = [p.name for p in self._plane.ports if p.opening and p.name not in before]
        return done, [*begun, *self._plane.turnover.coming]

    async def _opened(self, *names: str) -> None:
        """Until the kernel has made what these ports need, a few of them before all others.

        Who asked waits; frames, timers and other clients do not.
        """
        ports, turnover = self._plane.ports, self._plane.turnover
        for name in names[:_HURRIED_MAX]:
            port = ports.find(name)
            if port is not None:
                ports.opener.hurry(port)
        waiting = set(names)
        for _ in range(_OPENING_STEPS):
            waiting &= {port.name for port in ports if port.opening} | {*turnover.coming}
            if not waiting:
                return
            await asyncio.sleep(_OPENING_SECONDS)

    def port_del(self, request: PortDel) -> None:
        """Take back what `port add` added, or the interface said itself: its memberships, hosts,
        routers and addresses end.
        """
        name = named.port(self._plane.ports, request.port).name
        match self._settings.giver(name):
            case "interface":
                self._say_alias(name, "")
                self._say_ports(name, added=False)
                return
            case "pattern":
                raise RequestError(f"{name} is a port by [[port]] match: take it out there", code=2)
            case "host":
                raise RequestError(
                    f"{name} is the host's own, by [[host]]: take it out there, and say "
                    "`snoop reload`", code=2,
                )  # fmt: skip
            case "file":
                raise RequestError(
                    f"{name} is a port of the file or of the command line: take it out there, and "
                    "say `snoop reload`", code=2,
                )  # fmt: skip
        try:
            self._settings.remove(name)
        except ConfigError as error:
            raise RequestError(str(error), code=2) from error
        self._plane.ports_changed(self._settings.current)
        self._say_ports(name, added=False)
        link = self._links.by_name(name)
        if link is not None and aliases.names(link.alias, self._settings.config.switch.name):
            self._say_alias(name, "")  # else it would be one again

    def _say_ports(self, name: str, *, added: bool) -> None:
        fields: dict[str, object] = {"by": By.COMMAND, "added": added}
        self._plane.say(EventKind.CONFIG, fields, port=name)

    def _interfaces(self) -> str:
        return (
            ", ".join(sorted(one.name for one in self._links.bare() if not one.loopback)) or "none"
        )


def _say_new(before: list[str], now: list[str]) -> None:
    """What an operator should know about the configuration, once."""
    known = set(before)
    for note in now:
        if note not in known:
            _log.warning("%s", note)


def _options(config: Config, name: str) -> dict[str, Any]:
    """Every option of a port as it holds, as `port set` calls them."""
    plain = next(effective.port(config, one) for one in config.named if one.name == name)
    inner = plain.pop("mld")
    plain.pop("name")
    return {**plain, **{f"mld.{key}": value for key, value in inner.items()}}
