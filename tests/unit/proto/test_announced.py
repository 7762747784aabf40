"""What senders call their groups: whose word counts, for how long, and how much there may be."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from snoop.proto import announced
from snoop.proto.announced import FLOW_MAX, HOST_MAX, PORT_MAX, TOTAL_MAX, Announced, SessionState
from snoop.proto.dumping import BadState
from snoop.proto.units import SECOND, Instant
from snoop.runtime import saved
from snoop.wire import sap
from snoop.wire.address import mapped, parse
from snoop.wire.checksum import checksum

GROUP, START = "239.1.1.1", Instant(1000 * SECOND)
HOUR = 3600 * SECOND


def mac(number: int) -> bytes:
    return b"\x02\x00" + number.to_bytes(4)


def description(name: str, *lines: str, session: int = 1, version: int = 1) -> bytes:
    own = lines or (f"c=IN IP4 {GROUP}/32",)
    head = ("v=0", f"o=- {session} {version} IN IP4 10.9.9.9", f"s={name}")
    return "\r\n".join((*head, *own, "")).encode()


def frame(
    text: bytes, src: str = "10.0.0.1", *, host: int = 1, message: int = 1, deletes: bool = False
) -> bytes:
    """An announcement without scapy, a thousand times as fast."""
    source, group = parse(src)[12:], bytes((224, 2, 127, 254))
    payload = sap.build(text, origin=parse(src), message=message, deletes=deletes)
    udp = b"\x26\x93\x26\x93" + (8 + len(payload)).to_bytes(2) + bytes(2) + payload
    head = b"\x45\0" + (20 + len(udp)).to_bytes(2) + bytes(4) + b"\xff\x11"
    value = checksum(head + bytes(2) + source + group).to_bytes(2)
    return (
        bytes.fromhex("01005e027ffe") + mac(host) + b"\x08\x00"
        + head + value + source + group + udp
    )  # fmt: skip


class Told(Announced):
    """With announcements as a test says them."""

    def say(self, name: str, *lines: str, src: str = "10.0.0.1", port: int = 1, vid: int = 0,
            now: int = START, session: int = 1, version: int = 1, host: int = 1
            ) -> str:  # fmt: skip
        text = description(name, *lines, session=session, version=version)
        made = frame(text, src, host=host, message=session)
        return self.receive(port=port, vid=vid, frame=made, now=Instant(now))

    def called(
        self, source: str | None = None, group: str = GROUP, vid: int = 0, port: int | None = None
    ) -> str | None:
        return self.name(vid, parse(group), None if source is None else parse(source), port)


def test_a_session_names_its_groups_in_its_vlan() -> None:
    told = Told()
    assert told.say("One", "c=IN IP4 239.1.1.1/1/2") == "rx_announcement"
    assert told.called() == told.called(group="239.1.1.2") == told.called("10.0.0.7") == "One"
    assert told.called(group="239.1.1.3") is None
    assert told.called(vid=7) is None
    assert len(told) == 1


def test_the_next_version_takes_the_place_of_the_last() -> None:
    told = Told()
    told.say("One", "c=IN IP4 239.1.1.1", "m=a 1 x y")
    told.say("Two", "c=IN IP4 239.1.1.9", version=2, now=START + SECOND)
    assert (told.called(), told.called(group="239.1.1.9"), len(told)) == (None, "Two", 1)


def test_the_stream_s_own_source_is_believed_first() -> None:
    """SAY-64, whoever was there before; of a group at large it is whoever was first."""
    told = Told()
    told.say("Stranger", src="10.0.0.66", port=6)
    told.say("Names it", "c=IN IP4 239.1.1.1", "a=source-filter: incl IN IP4 * 10.0.0.1 10.0.0.2",
             src="10.0.0.50", port=5, now=START + 1)  # fmt: skip
    told.say("Itself", src="10.0.0.1", port=1, now=START + 2)
    assert told.called("10.0.0.1") == "Itself"
    assert told.called("10.0.0.2") == "Names it"
    assert told.called("10.0.0.3") == "Stranger"
    assert told.called() == "Stranger"


def test_who_comes_later_takes_nobody_s_name() -> None:
    """SAY-64: neither from another port in the same address's name, nor by saying it again."""
    told = Told()
    told.say("Right")
    told.say("Wrong", port=2, now=START + SECOND)
    assert told.called("10.0.0.1") == "Right"
    for second in range(2, 9):
        told.say("Right", now=START + second * SECOND)
    assert told.called("10.0.0.1") == "Right"


def test_a_made_up_address_names_no_stream_of_another_port() -> None:
    """SAY-64: who was there first with the source's own address is not where it comes in."""
    told = Told()
    told.say("Stranger as it", src="10.0.0.1", port=6)
    told.say("Stranger", src="10.0.0.66", port=1, now=START + 1)
    told.say("Itself", src="10.0.0.1", port=1, now=START + 2)
    assert told.called("10.0.0.1", port=1) == "Itself"
    assert told.called("10.0.0.1", port=6) == told.called("10.0.0.1") == "Stranger as it"
    assert told.called("10.0.0.9", port=1) == "Stranger"


def test_a_name_of_other_sources_is_none() -> None:
    told = Told()
    told.say("SSM", "c=IN IP4 232.1.1.1", "a=source-filter: incl IN IP4 * 10.0.0.9")
    assert told.called("10.0.0.9", "232.1.1.1") == "SSM"
    assert told.called("10.0.0.8", "232.1.1.1") is None


def test_it_ends_an_hour_or_ten_intervals_after_it_was_heard() -> None:
    """SAY-63."""
    told = Told()
    told.say("One")
    told.expire(Instant(START + HOUR - 1))
    assert told.called() == "One"
    told.say("One", now=START + 1200 * SECOND)  # every twenty minutes
    told.expire(Instant(START + 1200 * SECOND + 12000 * SECOND - 1))
    assert told.called() == "One"
    told.expire(Instant(START + 1200 * SECOND + 12000 * SECOND))
    assert (told.called(), len(told)) == (None, 0)


def test_its_announcer_takes_it_back_and_nobody_else() -> None:
    told = Told()
    told.say("One")
    told.say("Other", session=2)

    def delete(text: bytes, src: str = "10.0.0.1", port: int = 1, message: int = 99) -> None:
        made = frame(text, src, message=message, deletes=True)
        assert told.receive(port=port, vid=0, frame=made, now=START) == "rx_announcement"

    owner = b"o=- 1 7 IN IP4 10.9.9.9\r\n"
    delete(owner, src="10.0.0.2")
    delete(owner, port=2)
    assert told.called() == "One"
    delete(owner)
    assert told.called() == "Other"
    delete(b"", message=2)
    assert len(told) == 0


def test_a_port_that_goes_takes_its_sessions_along() -> None:
    told = Told()
    told.say("One")
    told.say("Two", port=2, now=START + 1)
    told.forget(1)
    assert told.called() == "Two"
    told.forget()
    assert len(told) == 0


def test_a_host_a_port_and_all_of_them_have_limits() -> None:
    """SAY-62: who floods fills his own share, and room is made for whoever has less."""
    told = Told()

    def flood(port: int, hosts: int, sessions: int) -> Counter[str]:
        return Counter(
            told.say("x", f"c=IN IP4 239.{port}.{host}.{n}", port=port, host=host, session=n,
                     src=f"10.{port}.0.{host}")
            for host in range(hosts)
            for n in range(sessions)
        )  # fmt: skip

    assert flood(1, 1, HOST_MAX + 9) == {"rx_announcement": HOST_MAX, "announcement_limit": 9}
    assert flood(1, 8, HOST_MAX)["announcement_limit"] == 8 * HOST_MAX - PORT_MAX
    for port in range(2, 2 + TOTAL_MAX // PORT_MAX):
        flood(port, 4, HOST_MAX)
    assert len(told) == TOTAL_MAX
    assert told.say("Quiet", port=200) == "rx_announcement"
    assert told.called() == "Quiet"
    assert len(told) == TOTAL_MAX


def test_one_group_is_not_hidden_behind_many_names() -> None:
    """FLOW_MAX of a port: the owner of the stream finds room, whatever another port claims."""
    told = Told()
    for session in range(9):
        said = told.say("False", port=6, src="10.0.0.66", session=session)
        assert said == ("rx_announcement" if session < FLOW_MAX else "announcement_limit")
    told.say("True", now=START + SECOND)
    assert told.called("10.0.0.1") == "True"


STEPS = st.lists(
    st.tuples(
        st.integers(0, 3), st.integers(0, 2), st.integers(0, 3),
        st.sampled_from(["say", "say", "say", "delete", "forget", "expire"]), st.integers(0, 4),
    ),
    max_size=40,
)  # fmt: skip


@settings(max_examples=60)
@given(STEPS)
def test_what_is_counted_is_what_is_there(steps: list[tuple[int, int, int, str, int]]) -> None:
    """Whatever comes and goes, with limits so low that all of them are met."""
    old = (announced.HOST_MAX, announced.PORT_MAX, announced.TOTAL_MAX)
    try:
        announced.HOST_MAX, announced.PORT_MAX, announced.TOTAL_MAX = 2, 3, 6  # type: ignore[misc]
        told, now = Told(), int(START)
        for port, host, session, what, later in steps:
            now += later * 900 * SECOND
            if what == "forget":
                told.forget(port)
            elif what == "expire":
                told.expire(Instant(now))
            elif what == "delete":
                text = f"o=- {session} 1 IN IP4 10.9.9.9".encode()
                made = frame(text, f"10.0.{port}.{host}", host=host, deletes=True)
                told.receive(port=port, vid=0, frame=made, now=Instant(now))
            else:
                told.say(
                    f"{port}.{host}.{session}", f"c=IN IP4 239.0.0.{session}", port=port,
                    host=host, session=session, src=f"10.0.{port}.{host}", now=now,
                )  # fmt: skip
            there = list(told.sessions())
            assert len(there) == len(told) <= 6
            assert max(Counter(one.key.port for one in there).values(), default=0) <= 3
            assert max(Counter((one.key.port, one.mac) for one in there).values(), default=0) <= 2
            named = {flow.group for one in there for flow in one.flows}
            for number in range(4):
                group = mapped(bytes((239, 0, 0, number)))
                assert (told.name(0, group) is not None) == (group in named)
    finally:
        announced.HOST_MAX, announced.PORT_MAX, announced.TOTAL_MAX = old  # type: ignore[misc]


NAMES = {1: "p1", 2: "p2"}


class Sessions(NamedTuple):
    """As a part of a state."""

    all: tuple[SessionState, ...]


def survived(told: Announced) -> tuple[SessionState, ...]:
    """By nothing but bytes."""
    states = saved.unpack(saved.pack(Sessions(told.dump(NAMES))), Sessions).all
    Announced.require_sense(states, Instant(START + 10))
    return states


def test_another_process_knows_what_was_announced() -> None:
    """Whose word counts, for how long, and who may take it back: under other numbers of ports."""
    told = Told()
    told.say("Music", "c=IN IP4 239.1.1.1/32", "a=source-filter: incl IN IP4 * 10.0.0.1 10.0.0.9")
    told.say("Another", src="10.0.0.2", port=2, now=START + 5)
    told.say("Gone", "c=IN IP4 239.1.1.2/32", src="10.0.0.3", port=3)
    other = Told()
    other.load(survived(told), {"p1": 7, "p2": 8})
    assert len(other) == 2
    for source in (None, "10.0.0.1", "10.0.0.9", "10.0.0.2", "10.0.0.5"):
        assert other.called(source) == Told.called(told, source), source
    ends = [(one.name, one.since, one.until) for one in told.sessions()]
    assert [(one.name, one.since, one.until) for one in other.sessions()] == ends[:2]
    other.expire(Instant(START + HOUR))
    assert other.called() == "Another"
    again = frame(description("Another"), "10.0.0.2", deletes=True)
    assert other.receive(port=8, vid=0, frame=again, now=Instant(START + 6)) == "rx_announcement"
    assert other.called() is None


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("x", "c=IN IP4 239.255.255.250/1/64"),
        # Without the third mark on a letter those that are left come in another order.
        ("a\u0ecc\u1715\U0001cf01\u1ac5\u0ac4\ua9e5\U0001193d\u0e4c", "c=IN IP4 239.1.1.1/1"),
    ],
)
def test_nothing_that_is_announced_makes_a_state_that_is_none(name: str, line: str) -> None:
    """It would keep a switch from being restarted."""
    told = Told()
    assert told.say(name, line) == "rx_announcement"
    assert survived(told)


@settings(max_examples=50)
@given(st.text(min_size=1), st.integers(0, 255), st.integers(0, 99))
def test_whatever_is_announced_is_known_by_another_process(
    name: str, number: int, count: int
) -> None:
    told = Told()
    name = name.replace("\n", " ").replace("\r", " ")
    told.say(name, f"c=IN IP4 239.255.255.{number}/1/{count}")
    assert len(survived(told)) == len(told)


def test_what_another_process_knew_is_bounded_as_what_is_heard() -> None:
    told = Told()
    for number in range(HOST_MAX):
        told.say("x", f"c=IN IP4 239.2.0.{number}/32", session=number)
    states = survived(told)
    other = Told()
    twice = [*states, *(one._replace(owner=one.owner + b"x") for one in states)]
    other.load(twice, {"p1": 1})
    assert len(other) == HOST_MAX


@pytest.mark.parametrize(
    "changes",
    [
        {"vid": 4096},
        {"mac": b"12345"},
        {"owner": bytes(257)},
        {"name": ""},
        {"name": "\x1b[2J"},
        {"name": "x" * 65},
        {"flows": ()},
        {"flows": ((parse("10.0.0.1"), None),)},
        {"flows": ((b"short", None),)},
        {"flows": ((parse(GROUP), (b"short",)),)},
        {"flows": ((parse(GROUP), None),) * 65},
        {"announcer": b""},
        {"heard": Instant(START + 99)},
        {"since": Instant(START + 1)},
        {"until": Instant(1 << 70)},
    ],
)
def test_what_nobody_can_have_announced_is_no_state(changes: dict[str, object]) -> None:
    told = Told()
    told.say("Music")
    (state,) = told.dump(NAMES)
    with pytest.raises(BadState):
        Announced.require_sense((state._replace(**changes),), Instant(START + 10))  # type: ignore[arg-type]
    with pytest.raises(BadState, match="twice"):
        Announced.require_sense((state, state), Instant(START + 10))
