"""The host's own place on the switch: a pair of interfaces for each `[[host]]`, made if it is not
there, and kept as the file says.

The pair outlives the switch, so that what the host's programs have opened and joined there goes on
over a restart and a crash. It is known again by its two names; what else has one of them is not
touched. It goes with its `[[host]]`, by a reload, if it was made here. Nothing in here forwards:
one end is a port like any other.
"""

from __future__ import annotations

import errno
import hashlib
import logging
import os
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import NamedTuple, Protocol

from snoop.config.addresses import HostAddress
from snoop.config.schema import Config
from snoop.config.schema_port import HostTable
from snoop.links.addresses import Interface
from snoop.links.interfaces import Link
from snoop.links.pairs import End
from snoop.links.rtnetlink import Facts
from snoop.links.runs import PAIRS
from snoop.proto.units import SECOND, Instant, after
from snoop.runtime import clock
from snoop.runtime.port import LinkTable, reason
from snoop.wire.address import Family, parse_mac

_log = logging.getLogger("snoop.host")

MTU = 1500
"""Where no port says another."""
# What somebody else takes away is given back at most so often.
AGAIN = SECOND
_ALIAS = "made by snoop, the switch's end of"
_OF_FIRST = Path("/proc/sys/net/core/netdev_budget")
_MACHINE = (Path("/etc/machine-id"), Path("/var/lib/dbus/machine-id"))


class PairTable(Protocol):
    """What is done to interfaces: `pairs.Pairs`, or what a test puts in its place."""

    def look(self, ifindex: int) -> Facts: ...
    def make(self, one: End, other: End, *, mtu: int) -> None: ...
    def remove(self, ifindex: int) -> None: ...
    def set_up(self, ifindex: int) -> None: ...
    def set_mtu(self, ifindex: int, mtu: int) -> None: ...
    def set_mac(self, ifindex: int, mac: bytes) -> None: ...
    def set_alias(self, ifindex: int, alias: str) -> None: ...
    def accept_local(self, ifindex: int, *, on: bool) -> None: ...
    def keep_silent(self, ifindex: int) -> None: ...
    def keep_secondaries(self, ifindex: int) -> None: ...
    def addresses(self, ifindex: int) -> dict[Interface, bool]: ...
    def add_address(self, ifindex: int, address: Interface) -> None: ...
    def remove_address(self, ifindex: int, address: Interface) -> None: ...


class LinksRead(LinkTable, Protocol):
    """Links that can be read anew: a pair that was just made is there."""

    def read(self) -> None: ...


class _Wanted(NamedTuple):
    """What a configuration says to all of its hosts."""

    config: Config
    ports: frozenset[str]
    asking: frozenset[str]

    @classmethod
    def of(cls, config: Config) -> _Wanted:
        """Work it out: of thousands of VLANs it takes long."""
        hosts = {host.name for host in config.host}
        asking = [config.igmp.querier_address, *(vlan.querier_address for vlan in config.vlan)]
        return cls(
            config,
            frozenset(port.name for port in config.named if port.name not in hosts),
            frozenset(str(each) for each in asking if each is not None),
        )


class Hosts:
    """The pairs of one switch. `problems`: by interface, why one is not as it should be."""

    def __init__(self, pairs: PairTable, links: LinksRead, switch: str) -> None:
        self._pairs = pairs
        self._links = links
        self._switch = switch
        self._namespace = _namespace()  # while we may still look (`privileges.py`)
        self._mtus: dict[str, int] = {}
        self._local: set[int] = set()
        self._again: dict[str, Instant] = {}
        self._given: dict[str, set[Interface]] = {}
        self._known: dict[str, tuple[int, int]] = {}
        self._wanted: _Wanted | None = None
        self.problems: dict[str, str] = {}
        self.waits = False
        """Is there something to be tried again?"""

    def obstacles(self, hosts: Collection[HostTable]) -> Iterator[str]:
        """What stands in the way of those that are not there yet."""
        for host in hosts:
            why = self._obstacle(host)
            if why is not None:
                yield f"{host.where}: {why}"

    def become(self, config: Config) -> None:
        """Make and change what the file says, as it is when it was read."""
        for host in config.host:
            self._attempt(host, config, anew=True)
        self._links.read()

    def follow(self, config: Config) -> None:
        """Interfaces changed: give back what one has lost."""
        if not config.host:
            return
        self.waits = False
        for host in config.host:
            self._attempt(host, config, anew=False)
        self._links.read()

    def part_with(self, before: Collection[HostTable], now: Collection[HostTable]) -> None:
        """Delete the pairs of those that are no more, but not one that somebody else made."""
        kept = {host.name for host in now}
        for host in before:
            end = None if host.name in kept else self._links.by_name(host.device)
            if end is None:
                continue
            try:
                if end.alias.startswith(_ALIAS):
                    self._pairs.remove(end.ifindex)
                    _log.info("%s: deleted", host.name)
            except OSError as error:
                _log.warning("%s: cannot be deleted: %s", host.name, reason(error))
            self._forget(host.name)
        self._links.read()

    # One of them ---------------------------------------------------------------------------------

    def _attempt(self, host: HostTable, config: Config, *, anew: bool) -> None:
        try:
            problem = self._obstacle(host)
            if problem is None:
                problem = self._settle(host, self._of(config), anew=anew)
        except OSError as error:
            self.waits = True
            problem = f"cannot be made: {reason(error)}"
        if problem is None:
            self.problems.pop(host.name, None)
        elif self.problems.get(host.name) != problem:
            self.problems[host.name] = problem
            _log.error("%s: %s", host.where, problem)

    def _obstacle(self, host: HostTable) -> str | None:
        """Why there cannot be the pair that there should be."""
        own, end = self._links.by_name(host.name), self._links.by_name(host.device)
        if end is None:
            return None if own is None else self._not_ours(own, host)
        indexes = (0 if own is None else own.ifindex, end.ifindex)
        if self._known.get(host.name) == indexes:
            return None
        why = self._strange(host, own, end)
        if why is None and own is not None:
            self._known[host.name] = indexes
        return why

    def _strange(self, host: HostTable, own: Link | None, end: Link) -> str | None:
        """Why the two are no pair of ours."""
        try:
            facts = self._pairs.look(end.ifindex)
        except OSError:
            return None  # it is going
        if facts.kind not in PAIRS:
            return self._not_ours(end, host)
        if facts.link_nsid is not None:  # somebody has moved the host's end elsewhere
            return None if own is None else self._not_ours(own, host)
        if own is not None and facts.link == own.ifindex:
            return None
        other = next((one.name for one in self._links.bare() if one.ifindex == facts.link), None)
        if own is not None or other is None:
            return self._not_ours(own or end, host)
        return f"its interface is called {other} now: `ip link set {other} name {host.name}`"

    def _not_ours(self, link: Link, host: HostTable) -> str:
        what = link.kind or ("loopback" if link.loopback else "hardware")
        return (
            f"{link.name} is there ({what}) and is no pair of {host.name} and {host.device}: "
            f"delete it (`ip link del {link.name}`), or give interface another name"
        )

    def _of(self, config: Config) -> _Wanted:
        if self._wanted is None or self._wanted.config is not config:
            self._wanted = _Wanted.of(config)
        return self._wanted

    def _settle(self, host: HostTable, wanted: _Wanted, *, anew: bool) -> str | None:
        """Have the pair be as it should, `anew`: also what may have been changed since; what could
        not be.
        """
        mtu = self._mtu(host, wanted)
        if self._links.by_name(host.device) is None:
            if not self._may(host):
                return None
            self._make(host, mtu)
            anew = True
        own, end = self._links.by_name(host.name), self._links.by_name(host.device)
        if end is None:
            return None
        begins = host.name not in self._mtus
        if begins:
            self._pairs.set_up(end.ifindex)
        if anew or self._mtus.get(host.name) != mtu:
            for link in (own, end):
                if link is not None and link.mtu != mtu:
                    self._pairs.set_mtu(link.ifindex, mtu)
            self._mtus[host.name] = mtu
        if own is None:
            return None  # in another namespace, whose affair it is
        if begins:
            self._pairs.set_up(own.ifindex)
            self._pairs.keep_secondaries(own.ifindex)
        if anew and host.mac is not None and own.mac != parse_mac(host.mac):
            self._pairs.set_mac(own.ifindex, parse_mac(host.mac))
        self._hear_ourselves(host, own, wanted)
        return self._address(host, own, anew=anew)

    def _make(self, host: HostTable, mtu: int) -> None:
        mac = self._mac(host.name) if host.mac is None else parse_mac(host.mac)
        port = End(host.device, mac=self._mac(host.device))
        self._pairs.make(End(host.name, mac=mac), port, mtu=mtu)
        self._links.read()
        end = self._links.by_name(host.device)
        if end is not None:
            self._pairs.set_alias(end.ifindex, f"{_ALIAS} {host.name}")
            self._pairs.keep_silent(end.ifindex)
        self._forget(host.name)
        _log.info("%s: made, with its other end, %s", host.name, host.device)

    def _address(self, host: HostTable, own: Link, *, anew: bool) -> str | None:
        """Give and take addresses; those that could not be given, and why."""
        wanted = {each.interface for each in host.addresses}
        there = {str(each.address) for each in host.addresses} <= own.addresses
        if not anew and there:
            return None
        if not anew and (not own.admin_up or not self._may(host)):
            return self.problems.get(host.name)
        has = self._pairs.addresses(own.ifindex)
        given = self._given.get(host.name, set())
        for address, by_us in has.items():
            if address not in wanted and (by_us or address in given):
                self._pairs.remove_address(own.ifindex, address)
        held = {address.ip for address in self._pairs.addresses(own.ifindex)}
        failed = []
        for each in host.addresses:
            if each.interface.ip in held:
                continue
            try:
                self._pairs.add_address(own.ifindex, each.interface)
            except OSError as error:
                failed.append(f"{each} cannot be added: {_why_not(each, error)}")
                self.waits = True
            else:
                if not anew:
                    _log.info("%s: has %s again", host.name, each)
        self._given[host.name] = wanted
        return "; ".join(failed) or None

    def _hear_ourselves(self, host: HostTable, own: Link, wanted: _Wanted) -> None:
        """The kernel drops what comes from an address of its own; queries from one would end what
        the host has joined.
        """
        held = {str(one.address) for one in host.addresses} | own.addresses
        hears = not wanted.asking.isdisjoint(held)
        if hears != (own.ifindex in self._local):
            self._pairs.accept_local(own.ifindex, on=hears)
            (self._local.add if hears else self._local.discard)(own.ifindex)

    def _mtu(self, host: HostTable, wanted: _Wanted) -> int:
        """What it should be: as long as the shortest of the ports takes, as a bridge has it."""
        if host.mtu is not None:
            return host.mtu
        found = (link.mtu for link in self._links.bare() if link.name in wanted.ports)
        return min(found, default=MTU)

    def _may(self, host: HostTable) -> bool:
        """Is it time to give something back? Somebody else may take it away each time."""
        now = clock.now()
        if now < self._again.get(host.name, now):
            self.waits = True
            return False
        self._again[host.name] = after(now, AGAIN)
        return True

    def _mac(self, name: str) -> bytes:
        """The same at each start of this machine, and no other's; b"" if it has no id of its
        own.
        """
        machine = next((path.read_bytes().strip() for path in _MACHINE if path.exists()), b"")
        if not machine:
            return b""
        seed = b"\0".join((machine, self._namespace, self._switch.encode(), name.encode()))
        made = hashlib.sha256(seed).digest()[:6]
        return bytes((made[0] & 0xFC | 2,)) + made[1:]

    def _forget(self, name: str) -> None:
        self._mtus.pop(name, None)
        self._given.pop(name, None)
        self._known.pop(name, None)
        self.problems.pop(name, None)


def _why_not(address: HostAddress, error: OSError) -> str:
    if error.errno == errno.EACCES and address.address.family is Family.IPV6:
        return "IPv6 is switched off there (sysctl net.ipv6.conf.*.disable_ipv6)"
    return reason(error)


def _namespace() -> bytes:
    """What tells this network namespace from the machine's first, which has nothing."""
    try:
        own, first = (os.stat(f"/proc/{pid}/ns/net").st_ino for pid in ("self", "1"))
    except OSError:  # that process is none of ours; only the machine's first has this one
        if _OF_FIRST.exists():
            return b""
        return os.readlink("/proc/self/ns/net").encode()
    return b"" if own == first else str(own).encode()
