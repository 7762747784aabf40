"""What is known of the neighbour behind each port, kept current in whatever namespace it lives.

A port is followed from the first question about its interface. The kernel is asked about the
interface and, if it is one end of a veth pair, about the other end; events of all namespaces tell
when to ask again. "Takes no runs" holds at once; "takes runs (again)" waits, so that somebody who
toggles costs one publish a while. What no event tells is asked for every few seconds.

Between an event and its publish the fast path gives watched ports no runs (`FastPath.hold`): the
control thread may be busy, a router that starts behind a port must not lose a datagram to that.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from snoop.runtime import offloads, rtnetlink, runs
from snoop.runtime.rtnetlink import ALL_INTERFACES, Asker, Facts, LinkEvent, RoutingEvent
from snoop.runtime.runs import PAIRS, Runs

_log = logging.getLogger("snoop.neighbours")

ASK_SECONDS = 5.0
CALM_SECONDS = 1.0
CALM_SECONDS_MAX = 60.0
ASKED_AT_ONCE = 32
READ_AT_ONCE = 256
# More events than any life of containers makes: somebody makes them. Then they are read rarely and
# unread, everybody is asked instead, and nothing is held back for them.
STORM_EVENTS, STORM_SECONDS, STORM_REST_SECONDS = 2000, 1.0, 0.2
STORM_DISCARDED = 8192
_CAP_NET_BROADCAST = 11


class Held(Protocol):
    """The part of the fast path that gives way while news wait."""

    def watch(self, fd: int) -> None: ...
    def hold(self, hold: bool) -> None: ...


@dataclass(slots=True)
class _Followed:
    """One port's interface, what was said of it last, and when to ask again."""

    ifindex: int
    own: Facts
    runs: Runs = runs.UNKNOWN
    guests: frozenset[str] = frozenset()
    moved: set[tuple[int, int]] = field(default_factory=set)  # Guests in other namespaces.
    ask_at: float = 0.0
    calm: float = CALM_SECONDS
    since: float = 0.0

    @property
    def peer(self) -> tuple[int | None, int] | None:
        """Where the other end is: nsid, ifindex."""
        return (self.own.link_nsid, self.own.link) if self.own.kind in PAIRS else None


class Neighbours:
    """`open`, then ask at will; `watch` follows in an asyncio loop."""

    def __init__(self) -> None:
        self._followed: dict[int, _Followed] = {}
        self._asker: Asker | None = None
        self._events: socket.socket | None = None
        self._deaf: str | None = "not asked yet"
        self._self_nsid: int | None = None
        self._by_peer: dict[tuple[int | None, int], list[_Followed]] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._counted, self._counted_from = 0, 0.0
        self._storm = False

    def open(self) -> None:
        """Subscribe before anything is asked. Without netlink everybody takes no runs."""
        try:
            self._asker = Asker()
            self._events = rtnetlink.events()
        except OSError as error:
            self._deaf = f"changes of its peer cannot be heard: {error.strerror}"
            return
        self._deaf = None
        if not _may_hear():
            self._deaf = "changes of its peer cannot be heard: CAP_NET_BROADCAST is missing"

    def watch(
        self,
        loop: asyncio.AbstractEventLoop,
        fastpath: Held,
        changed: Callable[[], None],
    ) -> None:
        """Call `changed` from `loop` when an answer changed; hold runs back until it returns."""
        self._loop, self._fastpath, self._changed = loop, fastpath, changed
        if self._events is not None:
            fastpath.watch(self._events.fileno())
            loop.add_reader(self._events.fileno(), self._readable)
        self._arm()

    def close(self) -> None:
        """After the fast path has ended."""
        if self._loop is not None and self._events is not None:
            self._loop.remove_reader(self._events.fileno())
        if self._timer is not None:
            self._timer.cancel()
        for each in (self._events, self._asker):
            if each is not None:
                each.close()
        self._events = self._asker = self._loop = None

    # Answers -----------------------------------------------------------------------------------

    def runs(self, ifindex: int) -> Runs:
        """Does what is behind this interface take runs?"""
        return self._follow(ifindex).runs

    def guests(self, ifindex: int) -> frozenset[str]:
        """What else sits on this interface: macvlan, VLAN and the like, by name."""
        return self._follow(ifindex).guests

    def qdisc(self, ifindex: int) -> str:
        """The interface's own queueing discipline."""
        return self._follow(ifindex).own.qdisc

    def keep(self, ifindexes: Iterable[int]) -> None:
        """Follow no others."""
        kept = set(ifindexes)
        for ifindex in [each for each in self._followed if each not in kept]:
            del self._followed[ifindex]
            self._by_peer = None

    def _follow(self, ifindex: int) -> _Followed:
        one = self._followed.get(ifindex)
        if one is None:
            one = self._followed[ifindex] = _Followed(ifindex, Facts(ifindex, ""))
            self._ask_whole(one, {})
            self._arm()
        return one

    # Asking ------------------------------------------------------------------------------------

    def _ask_whole(self, one: _Followed, dumps: dict[int | None, list[Facts]]) -> bool:
        """Everything anew; True if an answer changed. `dumps`: namespaces listed in this round."""
        before = (one.runs, one.guests)
        now = time.monotonic()
        one.ask_at = now + ASK_SECONDS
        found = self._verdict(one, dumps)
        try:
            one.guests = self._guests(one, dumps)
        except OSError:
            one.guests = frozenset()  # It is going; `links` says so.
        if found.takes != one.runs.takes:
            one.since = now
        one.runs = found
        return before != (one.runs, one.guests)

    def _ask_again(self, one: _Followed) -> bool:
        """After an event, at once: only what can make it take no runs."""
        now = time.monotonic()
        if one.runs.takes:
            before = one.peer
            found = self._verdict(one, None)
            if found.takes and one.peer == before:
                return False
            if found.takes:
                found = Runs(False, "its peer has moved")
            self._refuse(one, found, now)
            return True
        one.ask_at = min(one.ask_at, now + one.calm)
        return False

    def _refuse(self, one: _Followed, because: Runs, now: float) -> None:
        # Who changes his mind often waits longer, up to a minute.
        often = now - one.since < 10 * one.calm
        one.calm = min(2 * one.calm, CALM_SECONDS_MAX) if often else CALM_SECONDS
        one.runs, one.since, one.ask_at = because, now, now + one.calm

    def _verdict(self, one: _Followed, dumps: dict[int | None, list[Facts]] | None) -> Runs:
        """What holds now; without `dumps` what sits on the peer is not looked for."""
        if self._asker is None:
            return Runs(False, self._deaf or "nothing can be asked")
        try:
            own = one.own = self._asker.link(one.ifindex)
            self._by_peer = None
            if own.kind in PAIRS:
                return self._verdict_of_pair(own, dumps)
        except OSError as error:
            if one.own.kind in PAIRS and error.errno != errno.ENODEV:
                return Runs(False, f"its peer cannot be asked: {error.strerror}")
            return runs.MISSING
        if own.kind == "tun":
            return runs.of_tap(segments=offloads.segments_udp(own.name))
        if own.kind:
            return runs.of_kind(own.kind)
        segments = offloads.segments_udp(own.name)
        return runs.of_device(offloads.driver(own.name), segments=segments)

    def _verdict_of_pair(self, own: Facts, dumps: dict[int | None, list[Facts]] | None) -> Runs:
        assert self._asker is not None
        nsid = own.link_nsid
        if nsid is not None and self._deaf is not None:
            return Runs(False, self._deaf)
        if not own.link:
            return Runs(False, "its peer cannot be asked: it is in a namespace without an id here")
        try:
            peer = self._asker.link(own.link, nsid)
        except OSError as error:
            if error.errno == errno.ENODEV:
                return Runs(False, "its peer is moving or gone")
            return Runs(False, f"its peer cannot be asked: {error.strerror}")
        if nsid is not None and peer.link_nsid is not None:
            self._self_nsid = peer.link_nsid  # Events of our own namespace may carry it.
        found = runs.of_pair(own, peer, ())
        if found.takes and dumps is not None:
            links = self._listed(nsid, dumps)
            on_top = [each.name for each in links if runs.sits_on(each, peer.ifindex)]
            found = runs.of_pair(own, peer, on_top)
        return found

    def _listed(self, nsid: int | None, dumps: dict[int | None, list[Facts]]) -> list[Facts]:
        assert self._asker is not None
        if nsid not in dumps:
            dumps[nsid] = self._asker.links(nsid)
        return dumps[nsid]

    def _guests(self, one: _Followed, dumps: dict[int | None, list[Facts]]) -> frozenset[str]:
        """What sits on the port: here, where it moved to, or known by its address only."""
        if self._asker is None:
            return frozenset()
        listed = self._listed(None, dumps)
        found = {each.name for each in listed if runs.sits_on(each, one.ifindex)}
        for place in list(one.moved):
            try:
                found.add(f"{self._asker.link(place[1], place[0]).name} (elsewhere)")
            except OSError:
                one.moved.discard(place)
        if not found:
            found = {each.hex(":") for each in self._asker.guest_addresses(one.ifindex)}
        return frozenset(found)

    # Events ------------------------------------------------------------------------------------

    def _readable(self) -> None:
        self._fastpath.hold(True)
        self._settle(self._read())

    def _due(self) -> None:
        self._timer = None
        if self._storm and self._events is not None and self._loop is not None:
            self._storm = False
            self._settle(self._weather_storm())
            self._fastpath.watch(self._events.fileno())
            self._loop.add_reader(self._events.fileno(), self._readable)
            return
        now = time.monotonic()
        due = sorted((each.ask_at, each.ifindex) for each in self._followed.values())
        dumps: dict[int | None, list[Facts]] = {}
        changed = False
        for _, ifindex in [each for each in due if each[0] <= now][:ASKED_AT_ONCE]:
            changed |= self._ask_whole(self._followed[ifindex], dumps)
        self._settle(changed)

    def _settle(self, changed: bool) -> None:
        """Make it effective, then let go."""
        try:
            if changed:
                self._changed()
        except OSError as error:
            # Not published: no runs until it is. Everybody is asked again, and so it is tried.
            _log.error("cannot publish what the neighbours take: %s", error.strerror)
            for one in self._followed.values():
                one.runs, one.ask_at = runs.UNKNOWN, time.monotonic() + CALM_SECONDS
        else:
            self._fastpath.hold(False)
        self._arm()

    def _arm(self) -> None:
        if self._loop is None:
            return
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._storm:
            self._timer = self._loop.call_later(STORM_REST_SECONDS, self._due)
        elif self._followed:
            at = min(one.ask_at for one in self._followed.values())
            self._timer = self._loop.call_later(max(0.0, at - time.monotonic()), self._due)

    def _read(self) -> bool:
        """Take in what waits; True if an answer changed."""
        assert self._events is not None
        suspects: dict[int, _Followed] = {}
        changed = False
        count = 0
        try:
            for event in rtnetlink.read_events(self._events, READ_AT_ONCE):
                count += 1
                if isinstance(event, LinkEvent):
                    changed |= self._link_event(event, suspects)
                else:
                    changed |= self._routing_event(event, suspects)
        except OSError as error:
            if error.errno != errno.ENOBUFS:
                raise
            suspects = dict(self._followed)
            for one in suspects.values():
                one.ask_at = min(one.ask_at, time.monotonic() + CALM_SECONDS)
        for one in suspects.values():
            changed |= self._ask_again(one)
        self._count(count)
        return changed

    def _link_event(self, event: LinkEvent, suspects: dict[int, _Followed]) -> bool:
        nsid = self._place(event.nsid)
        facts = event.facts
        here = (nsid, facts.ifindex)
        for one in self._with_peer(here):
            suspects[one.ifindex] = one
        if nsid is None and facts.ifindex in self._followed:
            suspects[facts.ifindex] = self._followed[facts.ifindex]
        for one in self._followed.values():
            if here in one.moved:
                one.ask_at = time.monotonic()
        changed = False
        if runs.sits_on(facts, facts.link):
            for one in self._with_peer((nsid, facts.link)):
                changed |= self._on_peer_event(one, event)
            if nsid is None and facts.link in self._followed:
                changed |= self._guest_event(self._followed[facts.link], event)
        return changed

    def _with_peer(self, place: tuple[int | None, int]) -> list[_Followed]:
        """The ports whose other end is there."""
        if self._by_peer is None:
            self._by_peer = {}
            for one in self._followed.values():
                if one.peer is not None:
                    self._by_peer.setdefault(one.peer, []).append(one)
        return self._by_peer.get(place, [])

    def _guest_event(self, one: _Followed, event: LinkEvent) -> bool:
        """Something sits on the port, or no longer."""
        name, before = event.facts.name, one.guests
        if event.moved_to is not None:
            one.moved.add(event.moved_to)
            one.guests = before - {name} | {f"{name} (elsewhere)"}
        elif event.gone:
            one.guests = before - {name}
        else:
            one.guests = before | {name}
        return before != one.guests

    def _on_peer_event(self, one: _Followed, event: LinkEvent) -> bool:
        now = time.monotonic()
        if event.gone or not one.runs.takes:
            one.ask_at = min(one.ask_at, now + one.calm)
            return False
        self._refuse(one, Runs(False, f"{event.facts.name} sits on its peer"), now)
        return True

    def _routing_event(self, event: RoutingEvent, suspects: dict[int, _Followed]) -> bool:
        """A router starts: MRT_INIT says so for the whole namespace before it has an interface.

        One on an interface that sits on a peer from a third namespace shows only in the peer's
        all-multicast count, which changes without an event: then everybody is asked.
        """
        if not event.on:
            return False
        nsid = self._place(event.nsid)
        changed = False
        for one in self._followed.values():
            if event.ifindex != ALL_INTERFACES or one.peer is None or one.peer[0] != nsid:
                suspects[one.ifindex] = one
            elif one.runs.takes:
                because = Runs(False, "a multicast router is starting behind it")
                self._refuse(one, because, time.monotonic())
                changed = True
        return changed

    def _place(self, nsid: int | None) -> int | None:
        return None if nsid == self._self_nsid else nsid

    # Storms ------------------------------------------------------------------------------------

    def _count(self, events: int) -> None:
        now = time.monotonic()
        if now - self._counted_from > STORM_SECONDS:
            self._counted, self._counted_from = 0, now
        self._counted += events
        if self._counted > STORM_EVENTS and self._loop is not None and self._events is not None:
            if not self._storm:
                _log.info("interfaces change more than %d times a second", STORM_EVENTS)
            self._storm = True
            self._fastpath.watch(-1)
            self._loop.remove_reader(self._events.fileno())

    def _weather_storm(self) -> bool:
        """Forget what waits unread and ask; reading begins again from here."""
        assert self._events is not None
        self._counted, self._counted_from = STORM_EVENTS // 2, time.monotonic()
        try:
            for _ in range(STORM_DISCARDED):
                self._events.recv(1)
        except OSError:
            pass  # Empty, or an overrun: all the same.
        changed = False
        for one in self._followed.values():
            changed |= self._ask_again(one)
        return changed


def _may_hear() -> bool:
    """CAP_NET_BROADCAST, without which events of other namespaces are not delivered."""
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii")
        held = int(status.split("CapEff:")[1].split()[0], 16)
    except (OSError, IndexError, ValueError):
        return False
    return bool(held >> _CAP_NET_BROADCAST & 1)
