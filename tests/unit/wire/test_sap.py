"""Session announcements (SAY-61): scapy writes frames, a second parser reads descriptions."""

from __future__ import annotations

from time import thread_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from snoop.wire import sap, sdp
from snoop.wire.address import is_multicast, parse
from snoop.wire.errors import ANNOUNCEMENTS, WireError
from unit import frames, frames6

ORIGIN = "o=- 3724394400 3724394405 IN IP4 10.0.0.1"


def description(*more: str, name: str = "BBC One", origin: str = ORIGIN) -> bytes:
    lines = ["v=0", origin, f"s={name}", *more]
    return "".join(f"{line}\r\n" for line in lines).encode()


AES67 = description(
    "c=IN IP4 239.69.1.2/32", "t=0 0", "a=clock-domain:PTPv2 0", "m=audio 5004 RTP/AVP 96",
    "a=rtpmap:96 L24/48000/2", "a=ptime:1", "a=ts-refclk:ptp=IEEE1588-2008:00-1D:0",
    name="Stage Box 1-2",
)  # fmt: skip
DANTE = description(
    "i=2 channels: Left, Right", "c=IN IP4 239.255.7.9/32", "t=0 0", "a=keywds:Dante",
    "m=audio 5004 RTP/AVP 97", "a=recvonly", name="AVIO-USB : 1",
)  # fmt: skip
VLC = description(
    "i=N/A", "c=IN IP4 239.0.0.7/1", "t=0 0", "a=tool:vlc 3.0.18", "a=recvonly", "a=type:broadcast",
    "a=charset:UTF-8", "m=video 5004 RTP/AVP 33", "b=RR:0", "a=rtpmap:33 MP2T/90000",
    name="Kamera Süd",
)  # fmt: skip


def payload(text: bytes, **how: object) -> bytes:
    return sap.build(text, origin=parse("10.0.0.1"), message=0x1234, **how)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "group",
    ["224.2.127.254", "239.255.255.255", "239.195.255.255", "239.16.255.255", "224.0.0.255"],
)
def test_an_announcement_is_read_out_of_its_frame(group: str) -> None:
    frame = frames.announcement(payload(AES67), group, src="10.0.0.1")
    assert sap.may_be(frame)
    heard = sap.read(frame)
    assert heard.announcer == parse("10.0.0.1")
    assert (heard.message, heard.deletes, heard.description) == (0x1234, False, AES67)
    assert heard.mac == frame[6:12]


@pytest.mark.parametrize("scope", range(2, 16))
def test_one_over_ipv6(scope: int) -> None:
    frame = frames6.announcement(payload(AES67), f"ff{scope:02x}::2:7ffe")
    assert sap.may_be(frame)
    assert sap.read(frame).description == AES67


def counter(frame: bytes) -> str:
    with pytest.raises(WireError) as caught:
        sap.read(frame)
    return caught.value.counter


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ({"group": "239.255.255.254"}, "not_control"),
        ({"port": 9874}, "not_control"),
        ({"proto": 6}, "not_control"),
        ({"mac": "02:00:00:00:00:77"}, "not_control"),
        ({"flags": "MF"}, "announcement_unread"),
        ({"sum": 0x1234}, "announcement_malformed"),
        ({"src": "224.1.1.1"}, "bad_source"),
        ({"chksum": 1}, "ip_error"),
    ],
)
def test_what_is_none_and_what_is_damaged(how: dict[str, object], expected: str) -> None:
    assert counter(frames.announcement(payload(AES67), **how)) == expected  # type: ignore[arg-type]


def test_a_sum_that_is_left_to_a_network_card_is_right() -> None:
    """What a sender on the same machine hands over: the sum of the pseudo-header alone."""
    frame = bytearray(frames.announcement(payload(AES67), src="10.0.0.1"))
    length = int.from_bytes(frame[38:40])
    total = sum(int.from_bytes(frame[at : at + 2]) for at in range(26, 34, 2)) + 17 + length
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    frame[40:42] = total.to_bytes(2)
    assert sap.read(bytes(frame)).description == AES67
    frame[40:42] = bytes(2)  # none at all
    assert sap.read(bytes(frame)).description == AES67
    frame[40:42] = (total ^ 1).to_bytes(2)
    assert counter(bytes(frame)) == "announcement_malformed"


def test_the_header_in_its_forms() -> None:
    """RFC 2974 6: with the type of what follows and without, IPv6 origins, signed, taken back."""
    assert sap.parse(payload(AES67, kind=None)) == (0x1234, False, AES67)
    assert sap.parse(payload(AES67, kind=b"Application/SDP")) == (0x1234, False, AES67)
    assert sap.parse(payload(b"o=x", deletes=True, kind=None)) == (0x1234, True, b"o=x")
    six = sap.build(AES67, origin=parse("2001:db8::1"), message=7)
    assert len(six) - len(payload(AES67)) == 12
    assert sap.parse(six) == (7, False, AES67)
    signed = bytes((0x20, 2)) + six[2:4] + bytes(4) + bytes(8) + AES67
    assert sap.parse(signed) == (7, False, AES67)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", "announcement_malformed"),
        (b"\x20\x00\x12", "announcement_malformed"),
        (b"\x20\xff\x12\x34\x0a\x00\x00\x01" + AES67[:100], "announcement_malformed"),
        (b"\x40\x00\x12\x34\x0a\x00\x00\x01" + AES67, "announcement_malformed"),
        (b"\x21\x00\x12\x34\x0a\x00\x00\x01" + AES67, "announcement_unread"),  # compressed
        (b"\x22\x00\x12\x34\x0a\x00\x00\x01" + AES67, "announcement_unread"),  # encrypted
        (b"\x20\x00\x12\x34\x0a\x00\x00\x01text/plain\0" + AES67, "announcement_unread"),
    ],
)
def test_headers_that_are_not_read(data: bytes, expected: str) -> None:
    with pytest.raises(WireError) as caught:
        sap.parse(data)
    assert caught.value.counter == expected
    assert expected in ANNOUNCEMENTS


# Descriptions ------------------------------------------------------------------------------------


def flows(text: bytes) -> dict[str, list[str] | None]:
    """Group and sources as people write them."""
    from snoop.wire.address import text as shown

    return {
        shown(flow.group): None if flow.sources is None else sorted(map(shown, flow.sources))
        for flow in sdp.parse(text).flows
    }


@pytest.mark.parametrize(
    ("text", "name", "group"),
    [
        (AES67, "Stage Box 1-2", "239.69.1.2"),
        (DANTE, "AVIO-USB : 1", "239.255.7.9"),
        (VLC, "Kamera Süd", "239.0.0.7"),
    ],
)
def test_as_senders_write_them(text: bytes, name: str, group: str) -> None:
    assert sdp.parse(text).name == name
    assert flows(text) == {group: None}
    assert flows(text.replace(b"\r\n", b"\n")) == {group: None}


def test_groups_of_the_session_and_of_each_medium() -> None:
    """RFC 8866 5.7: a medium's own stand in for the session's; ranges count up."""
    text = description(
        "c=IN IP4 239.1.1.1/127", "t=0 0", "m=audio 5004 RTP/AVP 96", "m=video 5006 RTP/AVP 97",
        "c=IN IP4 239.1.2.254/127/3", "c=IN IP4 239.1.9.9/1", "m=text 1 udp x",
        "c=IN IP6 ff15::ffff/2", "m=unicast 1 udp x", "c=IN IP4 10.0.0.9",
    )  # fmt: skip
    assert flows(text) == dict.fromkeys(
        (
            "239.1.1.1",
            "239.1.2.254",
            "239.1.2.255",
            "239.1.3.0",
            "239.1.9.9",
            "ff15::ffff",
            "ff15::1:0",
        )
    )


def test_source_filters() -> None:
    """RFC 4570 3: a medium's before the session's, of a group or of all; exclusions say nothing."""
    text = description(
        "t=0 0", "a=source-filter: incl IN IP4 * 10.0.0.1 10.0.0.2",
        "m=audio 1 udp x", "c=IN IP4 232.1.1.1/9",
        "m=video 1 udp x", "c=IN IP4 232.1.1.2/9",
        "a=source-filter: incl IN IP4 232.1.1.2 10.0.0.7",
        "m=other 1 udp x", "c=IN IP6 ff3e::1", "a=source-filter:incl IN IP6 ff3e::1 2001:db8::7",
    )  # fmt: skip
    assert flows(text) == {
        "232.1.1.1": ["10.0.0.1", "10.0.0.2"],
        "232.1.1.2": ["10.0.0.7"],
        "ff3e::1": ["2001:db8::7"],
    }
    assert flows(description("c=IN IP4 239.1.1.1", "a=source-filter: excl IN IP4 * 10.0.0.1")) == {
        "239.1.1.1": None
    }


@pytest.mark.parametrize(
    "text", [b"", b"v=1\r\n", AES67.replace(b"o=- ", b"o="), AES67 + b"a=x\n" * 2000]
)
def test_descriptions_that_are_none(text: bytes) -> None:
    with pytest.raises(WireError, match="announcement_malformed"):
        sdp.parse(text)


@pytest.mark.parametrize(
    "text",
    [
        AES67.replace(b"s=Stage Box 1-2", b"s= "),
        AES67.replace(b"s=Stage Box 1-2", b"s=-"),
        AES67.replace(b"239.69.1.2", b"10.0.0.2"),
        AES67.replace(b"239.69.1.2/32", b"239.69.1.2/32/0"),
        AES67.replace(b"239.69.1.2", b"host.example"),
        AES67.replace(b"IP4 239", b"IP6 239"),
    ],
)
def test_descriptions_without_a_name_or_a_group(text: bytes) -> None:
    """Nothing is wrong with them: there is nothing to be read."""
    with pytest.raises(WireError, match="announcement_unread"):
        sdp.parse(text)


def test_a_session_of_the_past_is_what_its_announcer_says_it_is() -> None:
    """Its clock may stand: the times are passed over."""
    assert sdp.parse(AES67.replace(b"t=0 0", b"t=2208988800 2208988801")).name == "Stage Box 1-2"


def test_a_name_ends_no_quotes_and_leaves_the_lines_beside_it_alone() -> None:
    assert sdp.clean("a” (“b") == 'a" ("b'
    assert sdp.clean("Z" + "\u0335\u0336\u0337\u0338" * 9 + "x\u20dd") == "Z\u0335\u0336x\u20dd"
    assert sdp.clean("Cafe\u0301") == "Café"
    assert sdp.clean("हिन्दी") == "हिन्दी"


def test_a_session_names_no_more_than_its_share() -> None:
    wide = description(*[f"c=IN IP4 239.{n}.1.1/1/9999" for n in range(200)])
    assert len(sdp.parse(wide).flows) == sdp.GROUPS_MAX
    assert flows(description("c=IN IP4 239.255.255.255/1/9"))["239.255.255.255"] is None


def test_a_range_ends_where_groups_do() -> None:
    """What is behind them is no group, and would be none in a state that another process reads."""
    last = ":".join(8 * ["ffff"])
    for first, groups in (("IP4 239.255.255.250/1", 6), (f"IP6 {last}", 1)):
        session = sdp.parse(description(f"c=IN {first}/64"))
        assert len(session.flows) == groups
        assert all(is_multicast(group) for group, _ in session.flows)


def test_media_that_say_the_session_s_groups_again_cost_no_time() -> None:
    """A datagram of two kilobytes can say a million groups that way."""
    ranges = (f"c=IN IP4 239.1.{number}.1/1/64" for number in range(64))
    text = description(*ranges, *900 * ["m=a"])
    began = thread_time()
    assert len(sdp.parse(text).flows) == sdp.GROUPS_MAX
    assert thread_time() - began < 0.5


def test_a_name_is_one_line_that_a_terminal_can_show() -> None:
    """Escapes, marks that turn the line round, lines of their own, too long: none of it."""
    assert sdp.clean("  a\tb\u00a0 c ") == "a b c"
    assert sdp.clean("a\x1b[31mb\x07\u202ec\u200bd\x9be") == "a�[31mb��c�d�e"
    assert sdp.clean("<b>[red]") == "<b>[red]"  # text, like any other
    assert sdp.clean("x" * 65) == "x" * 63 + "…"
    latin = description("c=IN IP4 239.1.1.1", "a=charset:ISO-8859-1", name="S").replace(
        b"s=S", b"s=S\xfcd"
    )
    assert sdp.parse(latin).name == "Süd"
    assert sdp.parse(latin.replace(b"a=charset:ISO-8859-1\r\n", b"")).name == "S�d"


def test_versions_of_a_session_have_one_owner() -> None:
    newer = description("c=IN IP4 239.1.1.1", origin=ORIGIN.replace("405", "406"))
    assert sdp.parse(newer).owner == sdp.parse(AES67).owner
    assert sdp.owner_of_deleted(ORIGIN.encode() + b"\r\n") == sdp.parse(AES67).owner
    assert sdp.owner_of_deleted(b"nothing") is None


def plainly(text: bytes) -> tuple[str, set[str]] | None:
    """What RFC 8866 says of name and groups, read another way: by regular expressions, with
    addresses by `ipaddress`, and without bounds, filters or ranges.
    """
    import ipaddress
    import re

    lines = re.findall(rb"(?m)^([a-z])=(.*?)\r?$", text)
    if not lines or lines[0] != (b"v", b"0"):
        return None
    names = [value for kind, value in lines if kind == b"s"]
    groups, own, session = set(), None, []
    media: list[list[str] | None] = []
    for kind, value in lines:
        if kind == b"m":
            own = None
            media.append(None)
        elif kind == b"c" and (found := re.fullmatch(rb"IN IP([46]) ([^/\s]+)(/\d+)?", value)):
            try:
                one = ipaddress.ip_address(found[2].decode())
            except ValueError:
                one = None
            good = one is not None and one.is_multicast and one.version == int(found[1])
            listed = [str(one)] if good else []
            if media:
                media[-1] = (media[-1] or []) + listed
            else:
                session += listed
    del own
    for each in media or [None]:
        groups |= set(session if each is None else each)
    return names[0].decode(errors="replace"), groups


ADDRESSES = st.sampled_from(["239.1.1.1", "239.2.2.2", "232.5.5.5", "10.0.0.1", "ff3e::5", "x"])
CONNECTIONS = st.builds(
    lambda of, group, ttl: f"c=IN IP{of} {group}{ttl}",
    st.sampled_from("46"), ADDRESSES, st.sampled_from(["", "/1"]),
)  # fmt: skip
OTHERS = st.sampled_from(["m=audio 5004 RTP/AVP 96", "a=recvonly", "t=0 0", "i=x"])
LINES = st.lists(st.one_of(CONNECTIONS, OTHERS), max_size=12)


@given(LINES, st.text("abc é", min_size=1, max_size=20).filter(str.strip))
def test_name_and_groups_are_as_another_parser_reads_them(lines: list[str], name: str) -> None:
    text = description(*lines, name=name)
    expected = plainly(text)
    assert expected is not None
    try:
        session = sdp.parse(text)
    except WireError:
        assert expected[1] == set()
        return
    assert session.name == " ".join(expected[0].split())
    assert set(flows(text)) == expected[1]


@given(st.binary(max_size=200), st.integers(0, 400), st.integers(0, 255))
def test_arbitrary_bytes_do_no_harm(data: bytes, at: int, byte: int) -> None:
    """Whole, damaged and cut: a name and groups within bounds, or one named error."""
    damaged = bytearray(payload(VLC))
    damaged[at % len(damaged)] = byte
    refused: set[str] = set()
    for given_ in (data, bytes(damaged), bytes(damaged)[:at]):
        try:
            session = sdp.parse(sap.parse(given_)[2])
        except WireError as error:
            refused.add(error.counter)
            continue
        assert 0 < len(session.name) <= sdp.NAME_CHARS_MAX
        assert session.name.isprintable()
        assert 0 < len(session.flows) <= sdp.GROUPS_MAX
    assert refused <= {"announcement_malformed", "announcement_unread"}
