"""SAY-61, SAY-64: what a sender announces its stream as is shown, and nothing goes another way."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from netns.star import BUSY, Star, star
from snoop.lab import wait_until
from snoop.lab.host import Host
from snoop.wire import sap
from snoop.wire.address import parse
from unit import frames6

GROUP, GROUP6, SAID, SAID6 = "239.69.1.2", "ff3e::4242", "239.255.255.255", "ff0e::2:7ffe"
HOSTILE = "\x1b[2J<img src=x>\u202eeno CBB"


def sdp(name: str, connection: str = f"IN IP4 {GROUP}/32", session: int = 7) -> bytes:
    """As a stage box writes it (AES67)."""
    lines = ("v=0", f"o=- {session} 1 IN IP4 10.9.9.9", f"s={name}", f"c={connection}", "t=0 0",
             "a=clock-domain:PTPv2 0", "m=audio 5004 RTP/AVP 96", "a=rtpmap:96 L24/48000/8",
             "a=ptime:1", "a=ts-refclk:ptp=IEEE1588-2008:00-1D-C1-FF-FE-12-34-56:0")  # fmt: skip
    return "".join(f"{line}\r\n" for line in lines).encode()


@contextmanager
def speaker(host: Host) -> Iterator[Any]:
    """Announces by a socket of the host's kernel."""
    with host.inside():
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        own = socket.inet_aton(host.address)
    sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, own)
    sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 255)
    with sock:

        def say(text: bytes, **how: Any) -> None:
            payload = sap.build(text, origin=parse(host.address), message=7, **how)
            sock.sendto(payload, (SAID, sap.PORT))

        yield say


def path(net: Star) -> str:
    """Who serves what goes to the group of announcements."""
    return next((row["path"] for row in net.switch.streams() if row["group"] == SAID), "")


def announced(net: Star, noun: str, group: str = GROUP) -> set[str | None]:
    return {row["announced"] for row in net.switch.show(noun)[noun] if row["group"] == group}


def test_announcements_are_read_from_the_moment_on_that_it_is_wanted() -> None:
    """Though the kernel serves their group by then, and others of the same sender to that group."""
    with star(3, switch={"announced_names": False}) as net, speaker(net.h(0)) as say:
        net.h(1).join(GROUP)
        net.switch.wait_members(GROUP, {"p1"})
        assert net.reached(GROUP) == {"h1"}
        others = net.h(0).start("send", destination=SAID, count=1_000_000, rate=200)
        wait_until(lambda: path(net) == "kernel", within=BUSY, what="the kernel serves it")
        config = {**net.switch.config, "switch": {}}
        net.switch.configure(config)
        net.switch.quick("reload")

        def named() -> bool:
            say(sdp("Stage Box 1-8"))
            return announced(net, "mdb") == {"Stage Box 1-8"}

        wait_until(named, within=BUSY, what="it is read")
        wait_until(lambda: path(net) == "ring", within=BUSY, what="it stays in the rings")
        others.stop()


def test_a_stream_is_shown_by_what_its_sender_calls_it() -> None:
    """From the kernel's own socket, over both families, until the sender takes it back."""
    with star(3) as net, speaker(net.h(0)) as say:
        net.h(1).join(GROUP)
        net.switch.wait_members(GROUP, {"p1"})
        assert net.reached(GROUP) == {"h1"}
        say(sdp("Stage Box 1-8"))
        name = {"Stage Box 1-8"}
        wait_until(lambda: announced(net, "mdb") == name, within=20, what="it is read")
        assert announced(net, "streams") == announced(net, "hosts") == name
        for words in (("show", "streams"), ("show",)):
            assert "“Stage Box 1-8”" in net.switch.do(*words), words
        why = net.switch.do("explain", "--port", "p0", "--group", GROUP)
        assert why.startswith(f"some source -> {GROUP} (“Stage Box 1-8”), in at p0\n")
        config = {**net.switch.config, "group": [{"group": GROUP, "name": "Mine"}]}
        net.switch.configure(config)
        net.switch.quick("reload")
        assert "“" not in net.switch.do("show", "mdb")
        six = sap.build(sdp("Six", f"IN IP6 {GROUP6}"), origin=parse("2001:db8::1"), message=1)
        net.h(0).frames([frames6.announcement(six, SAID6)])
        say(sdp(HOSTILE, session=9))
        wait_until(
            lambda: net.switch.counters("p0")["rx_announcement"] == 3,
            within=20,
            what="all are read",
        )
        explained = json.loads(
            net.switch.do("explain", "--port", "p0", "--group", GROUP6, "--json")
        )
        assert explained["announced"] == "Six"
        say(b"o=- 7 1 IN IP4 10.9.9.9\r\n", deletes=True)
        wait_until(
            lambda: announced(net, "mdb") == {"�[2J<img src=x>�eno CBB"},
            within=20,
            what="it was taken back, and another says what it does",
        )


def test_announcements_and_their_groups_go_where_they_went() -> None:
    """However many there are: members get all of them, the control plane some; other data of the
    group may be the kernel's, and after `announced_names = false` nothing is read."""
    with star(4) as net, speaker(net.h(0)) as say:
        net.h(1).join(SAID)
        net.switch.wait_members(SAID, {"p1"})
        net.switch.wait_pruning()
        before = net.switch.counters("p1")["tx_frames"]
        for _ in range(300):
            say(sdp("Loud"))

        def copies() -> tuple[int, int]:
            counted = net.switch.counters("p0")
            return counted["punt_copies"], counted["punt_copies_lost"]

        wait_until(lambda: sum(copies()) == 300, within=20, what="all have come in")
        assert 100 <= copies()[0] < 300
        wait_until(
            lambda: net.switch.counters("p1")["tx_frames"] - before >= 300,
            within=20, what="a member gets each",
        )  # fmt: skip
        assert net.h(2).wire(SAID).frames == net.h(3).wire(SAID).frames == 0
        assert net.reached(SAID) == {"h1"}
        net.switch.configure({**net.switch.config, "switch": {"announced_names": False}})
        net.switch.quick("reload")
        had = sum(copies())
        say(sdp("Unread"))
        net.settle(net.h(0))
        assert net.reached(SAID) == {"h1"}
        assert sum(copies()) == had
