"""A contestant at work: its star, its receivers, and the two things every figure is made of: a
trial and a search.

A trial offers a load and counts what arrived at each member, once no more arrives. Frames that
reach those who are no members, or not any more, make it void: a switch that floods is not doing
the same work.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from benchmark.machine import busy_s, children_cpu_s
from benchmark.star import Star
from benchmark.switches import Contestant
from benchmark.traffic import GROUP, GROUP6, IPV6_BYTES, TAG_BYTES, Offer, Sink, send

RATIO_RESOLUTION = 1.03  # the search ends when pass and fail are this close
QUIET_S = 0.03
DRAIN_S = 1.0
LEARN_S = 20.0
STRAY_FRAMES = 20  # queries and the like
STRAY_SHARE = 0.01
PRIMING_RATE = 20_000
MEDIA_BYTES = 128  # the smallest frame of media: 1 ms of sound
PRIMING_FRAMES = 1_000  # so that one group of ten still forwarded elsewhere is seen


class SiteError(RuntimeError):
    """The contestant did not do the work: it floods, or members get nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What was sent and what each member got."""

    sent: int
    seconds: float
    delivered: tuple[int, ...]
    gaps: int  # places where a sequence number was not the next one: losses or reordering
    stray: int  # frames at the interface of the non-member that got most
    joined: int = 0  # datagrams that came behind another in a run
    busy_s: float = 0.0  # CPU seconds of the whole machine while it was sent
    source_s: float = 0.0  # and of the source, with what the kernel did on its account

    @property
    def sent_rate(self) -> float:
        return self.sent / self.seconds

    @property
    def delivered_rate(self) -> float:
        """Of the member that got least, datagrams/s."""
        return min(self.delivered) / self.seconds

    @property
    def lossless(self) -> bool:
        return self.sent > 0 and all(count == self.sent for count in self.delivered)


@dataclass(frozen=True, slots=True, kw_only=True)
class Throughput:
    """Outcome of a search: the best trial without loss (None: there was none) and the one at full
    load.
    """

    best: Trial | None
    full: Trial

    @property
    def zero_loss(self) -> float:
        return self.best.sent_rate if self.best else 0.0


class Site:
    """One contestant on its star, from `open` to `close`; `members`: how many joined how much."""

    def __init__(
        self,
        contestant: Contestant,
        *,
        receivers: int,
        sink_mode: str,
        udp: bool = False,
        vlan: int = 0,
        rtp: bool = False,
    ) -> None:
        self.contestant = contestant
        self.name = contestant.name
        self.star = Star(self.name, receivers=receivers, vlan=vlan)
        self.sink_mode = sink_mode
        self.udp = udp  # the source sends through a UDP socket
        self.rtp = rtp  # it sends streams of media
        self.sink: Sink | None = None
        self.members = (0, 0)  # fan-out, groups
        self.group = GROUP  # the first that is joined and sent to
        self.runs = True  # receivers' interfaces take runs
        self.mac = ""  # of the one host that is sent to, whose address is then `group`

    def open(self, directory: Path) -> None:
        self.star.open()
        self.contestant.start(self.star, directory)
        self.sink = Sink(self.star.receivers, self.sink_mode + "+rtp" * self.rtp)
        self.contestant.pause()

    def close(self) -> None:
        self.contestant.close()
        if self.sink is not None:
            self.sink.close()
        self.star.close()

    # --- membership

    def join(self, *, fan: int, groups: int) -> None:
        """The first `fan` receivers are members of the first `groups` groups, and the switch prunes
        the rest.

        SiteError if it does not within LEARN_S. The contestant must be resumed.
        """
        assert self.sink is not None
        if self.members == (fan, groups):
            return
        joined, of = self.members
        if of != groups or joined > fan:
            self.leave()
            joined = 0
        for receiver in range(joined, fan):
            self.sink.join(receiver, groups, self.group)
        self.members = (fan, groups)
        try:
            self._prime()
        except SiteError:
            self.leave()
            raise

    @contextlib.contextmanager
    def over_ipv6(self) -> Iterator[None]:
        """What is joined and sent in the block is the same datagrams over IPv6."""
        self.leave()
        try:
            with self.star.speaking_ipv6(*self.contestant.queriers):
                self.contestant.ask_ipv6()
                self.group = GROUP6
                yield
                self.leave()
        finally:
            self.group = GROUP
            self.leave()

    @contextlib.contextmanager
    def to_one_host(self) -> Iterator[None]:
        """What is sent in the block is for the first receiver alone, as unicast."""
        self.leave()
        try:
            self.star.introduce(0)
            self.group, self.mac = self.star.address(1), self.star.mac(self.star.receivers[0])
            self.members = (1, 1)
            self._prime()
            yield
        finally:
            self.group, self.mac, self.members = GROUP, "", (0, 0)

    def take_runs(self, wanted: bool) -> None:
        """Whether the receivers' interfaces leave it to their hosts to take runs apart, or take all
        frames, as those of captures, of bridges and of virtual switches do, so that nobody may hand
        them any. Not to and fro: a switch is right to believe the change back late.
        """
        if self.runs == wanted:
            return
        self.star.set_promiscuous(not wanted)
        self.contestant.wait_runs(taken=wanted)
        self.runs = wanted

    def leave(self) -> None:
        """Nobody is a member of anything."""
        assert self.sink is not None
        for receiver in range(self.members[0]):
            self.sink.leave(receiver)
        self.members = (0, 0)

    def _prime(self) -> None:
        deadline = time.monotonic() + LEARN_S
        groups = self.members[1]
        offer = Offer(
            seconds=LEARN_S,
            size=self.size_of(64),
            groups=groups,
            frames=max(groups, PRIMING_FRAMES),
            rate=PRIMING_RATE,
            group=self.group,
            mac=self.mac,
        )
        while True:
            trial = self.trial(offer)
            if trial.lossless and trial.stray <= STRAY_FRAMES:
                return
            if time.monotonic() > deadline:
                raise SiteError(
                    f"{self.name}: {self.members} not learned: sent {trial.sent}, members got "
                    f"{min(trial.delivered)}…{max(trial.delivered)}, others up to {trial.stray}"
                )
            time.sleep(0.1)  # between two looks

    # --- load

    def trial(self, offer: Offer) -> Trial:
        """Send and count. The contestant must be resumed and the members joined."""
        assert self.sink is not None
        offer = replace(offer, rtp=self.rtp)
        self.sink.reset()
        others = [*self.star.receivers[self.members[0] :], self.star.watcher]
        before = [self.star.arrived(each) for each in others]
        busy, source = busy_s(), children_cpu_s()
        sent = send(self.star, offer)
        busy, source = busy_s() - busy, children_cpu_s() - source
        self._drain()
        receivers = self.sink.read()[: self.members[0]]
        return Trial(
            sent=int(sent["sent"]),
            seconds=sent["seconds"],
            delivered=tuple(each["datagrams"] for each in receivers),
            gaps=sum(each["gaps"] for each in receivers),
            joined=sum(each["datagrams"] - each["batches"] for each in receivers),
            busy_s=busy,
            source_s=source,
            stray=max(
                self.star.arrived(each) - was for each, was in zip(others, before, strict=True)
            ),
        )

    def _drain(self) -> None:
        """Until nothing has arrived for QUIET_S."""
        assert self.sink is not None
        deadline = time.monotonic() + DRAIN_S
        last = -1
        while time.monotonic() < deadline:
            total = sum(each["datagrams"] for each in self.sink.read())
            if total == last:
                return
            last = total
            time.sleep(QUIET_S)

    def throughput(self, *, size: int, groups: int, seconds: float, trials: int) -> Throughput:
        """Full load first, then a binary search for the highest rate without loss, of at most
        `trials` trials. One at full load goes before and does not count: a switch may choose how it
        serves a stream by what it sees of it.
        """
        offer = Offer(
            seconds=seconds,
            size=self.size_of(size),
            groups=groups,
            udp=self.udp,
            group=self.group,
            mac=self.mac,
        )
        self.trial(offer)
        full = self._checked(self.trial(offer))
        if full.lossless:
            return Throughput(best=full, full=full)
        best: Trial | None = None
        low, high = 0.0, full.sent_rate
        rate = max(full.delivered_rate * 0.97, high * 0.05)
        for _ in range(trials):
            trial = self._checked(self.trial(replace(offer, rate=round(rate))))
            if trial.lossless:
                low = rate
                if best is None or trial.sent_rate > best.sent_rate:
                    best = trial
            else:
                high = rate
            if low and high / low < RATIO_RESOLUTION:
                break
            rate = (low + high) / 2 if low else high * 0.7
        return Throughput(best=best, full=full)

    def size_of(self, size: int) -> int:
        """Of a frame whose datagram fills `size` over IPv4, without a tag."""
        tag = TAG_BYTES if self.star.vlan and not self.udp else 0
        size = max(size, MEDIA_BYTES) if self.rtp else size
        return size + tag + (IPV6_BYTES if ":" in self.group else 0)

    def _checked(self, trial: Trial) -> Trial:
        if trial.stray > STRAY_FRAMES + trial.sent * STRAY_SHARE:
            raise SiteError(f"{self.name} floods: others got {trial.stray} of {trial.sent}")
        if trial.joined and not self.runs:
            raise SiteError(f"{self.name} hands runs to neighbours that take none")
        return trial
