"""`explain` of any frame: what is built for the question, what is read of one in hex."""

from __future__ import annotations

import random
from typing import Any

import pytest

from snoop.control.explaining import heading, question
from snoop.control.requests import Explain, RequestError, Show
from snoop.fastpath import REASONS, Verdict
from snoop.table.seen import FdbEntry
from snoop.wire import address, compose, ether, ipv4
from snoop.wire.control import build_frame
from snoop.wire.messages import Record, RecordType
from unit.scene import ALL_V3, HOST, G, Scene, turns_beside

STATION = "02:00:00:00:00:07"  # the fake fast path has it behind p1
SOME = ether.build(ether.multicast_mac(G), b"\x02\0\0\0\0\x09", bytes(46), 0x88B5)


def ask(scene: Scene, **asked: Any) -> dict[str, Any]:
    answer: dict[str, Any] = scene.ask(Explain(port="p0", **asked))
    return answer


def why(answer: dict[str, Any], port: str) -> dict[str, Any]:
    return next(row for row in answer["why"] if row["port"] == port)


@pytest.mark.parametrize(
    ("asked", "reason", "headers"),
    [
        (
            {"to": "255.255.255.255"},
            "flood_broadcast",
            {"destination_mac": "ff:ff:ff:ff:ff:ff", "destination": "255.255.255.255"},
        ),
        ({"to": "ff:ff:ff:ff:ff:ff"}, "flood_broadcast", {"destination": "255.255.255.255"}),
        ({"to": STATION}, "flood_unknown_unicast", {"destination_mac": STATION, "protocol": 17}),
        (
            {"to": "01:80:c2:00:00:02"},
            "reserved_mac",
            {"ethertype": 0x88B5, "destination": None, "protocol": None, "ttl": None},
        ),
        ({"to": "01-80-C2-00-00-20"}, "flood_l2_multicast", {"destination": None}),
        (
            {"to": "33:33:00:00:00:fb"},
            "flood_ipv6_link_local",
            {"destination": "ff02::fb", "ethertype": 0x86DD},
        ),
        ({"group": "ff02::fb"}, "flood_ipv6_link_local", {"destination_mac": "33:33:00:00:00:fb"}),
        ({"group": "ff0e::1"}, "forward_unregistered", {"destination_mac": "33:33:00:00:00:01"}),
        ({"to": "224.0.0.251"}, "flood_link_local", {"destination_mac": "01:00:5e:00:00:fb"}),
        ({"group": "239.1.2.3", "tagged": 4095}, "vlan_invalid", {"tag": 4095, "vlan": 4095}),
        ({"group": "239.1.2.3", "tagged": 0}, "forward_unregistered", {"tag": 0, "vlan": 0}),
        ({"group": "239.1.2.3", "vlan": 5}, "forward_unregistered", {"tag": 5, "vlan": 5}),
        ({"group": "239.1.2.3", "from_mac": "01:00:5e:00:00:01"}, "source_mac", {}),
        (
            {"group": "239.1.2.3", "ttl": 3, "protocol": 89, "source": "10.0.0.9", "size": 900},
            "forward_unregistered",
            {"ttl": 3, "protocol": 89, "source": "10.0.0.9", "bytes": 900},
        ),
        ({"group": "239.1.2.3"}, "forward_unregistered", {"source": None, "bytes": 60}),
        ({"frame": SOME.hex()}, "flood_l2_multicast", {"bytes": 60, "hex": SOME.hex()}),
        ({"frame": SOME[:14].hex()}, "flood_l2_multicast", {"bytes": 14}),
        ({"frame": SOME[:12].hex() + "0800" + "4500"}, "ip_error", {"destination": None}),
        ({"frame": SOME[:12].hex() + "8100"}, "truncated", {"tag": None}),
        ({"group": "239.1.2.3", "protocol": 2}, "punt_igmp", {"protocol": 2}),
    ],
)  # fmt: skip
def test_any_frame_is_asked_about(
    asked: dict[str, Any], reason: str, headers: dict[str, Any]
) -> None:
    answer = ask(Scene(switch={"unregistered": "flood", "no_querier": "prune"}).start(), **asked)
    assert answer["reason"] == reason
    assert answer["counters"][0] == reason
    assert {name: answer["frame"][name] for name in headers} == headers
    assert all(row["because"] and row["cause"] for row in answer["why"])


def test_a_frame_that_is_built_has_right_checksums_and_lengths() -> None:
    for size in (None, 60, 61, 1514):
        built = Explain(port="p0", group="239.1.2.3", size=size, tagged=7)
        read = question.asked(Scene().start().plane, built)
        assert len(read.frame) == (size or 60)
        assert read.heading.tag == 7
        parsed = ipv4.parse(read.heading.bare, ether.HEADER_BYTES)
        assert (parsed.dst, parsed.ttl) == (G, 16)
        if size is not None:
            assert parsed.payload_end == len(read.heading.bare)


@pytest.mark.parametrize("cut", range(len(SOME)))
def test_a_frame_cut_anywhere_is_read_or_refused(cut: int) -> None:
    for frame in (SOME, ether.tagged(SOME, 3), question.datagram(G, HOST, 5)):
        scene = Scene().start()
        if cut >= 14:
            assert ask(scene, frame=frame[:cut].hex())["reason"]
            continue
        with pytest.raises(RequestError, match=f"the frame has {cut} bytes"):
            ask(scene, frame=frame[:cut].hex())


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({}, "which frame"),
        ({"group": "239.1.2.3", "to": "10.0.0.1"}, "which frame"),
        ({"frame": "0", "group": "239.1.2.3"}, "also its group"),
        ({"frame": "00" * 60, "ttl": 3}, "also its ttl"),
        ({"frame": "0"}, "even number of hexadecimal digits"),
        ({"frame": "zz"}, "hexadecimal digits"),
        ({"frame": "00" * 13}, "has 13 bytes"),
        ({"frame": "00" * 2049}, "at most 2048"),
        ({"to": "nobody"}, "neither an address"),
        ({"to": "01:00:5e:01:02:03"}, "32 groups: say which one (239.1.2.3?)"),
        ({"to": "10.0.0.77"}, "ip neigh show 10.0.0.77"),
        ({"group": "239.1.2.3", "from_mac": "02:00"}, "not a MAC address"),
        ({"group": "239.1.2.3", "source": "2001:db8::1"}, "different families"),
        ({"group": "10.0.0.1"}, "not a multicast group"),
    ],
)
def test_a_frame_that_cannot_be_is_refused_in_a_line(asked: dict[str, Any], says: str) -> None:
    with pytest.raises(RequestError) as caught:
        ask(Scene().start(), **asked)
    assert says in str(caught.value)
    assert caught.value.code == 2


def test_a_host_is_known_by_the_address_it_reported_from() -> None:
    scene = Scene().start()
    scene.join(1)
    assert ask(scene, to="10.0.0.11")["frame"]["destination_mac"] == "02:00:00:00:01:0b"


def forward(scene: Scene, reason: str, ports: int) -> None:
    scene.fastpath.verdict = Verdict(REASONS[reason], reason, ports, False, False)


def test_a_station_is_explained_by_what_was_learned(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it is, since when; that it is behind the ingress; that somebody claims it."""
    scene = Scene().start()
    forward(scene, "forward_unicast", 0b10)
    answer = ask(scene, to=STATION)
    assert why(answer, "p1")["because"] == f"{STATION} is behind it, last heard 2 s ago"
    assert why(answer, "p1")["cause"] == "station"
    assert why(answer, "p2")["because"] == f"not sent: {STATION} is behind p1, last heard 2 s ago"
    assert why(answer, "p0")["cause"] == "ingress"

    forward(scene, "same_port", 0)
    answer = scene.ask(Explain(port="p1", to=STATION))
    assert why(answer, "p2")["because"] == f"not sent: {STATION} is behind p1, where it came in"

    mac = bytes.fromhex(STATION.replace(":", ""))
    entry = FdbEntry(0, mac, 1, 10**9, rival=2, claimed_ns=3 * 10**9)
    monkeypatch.setattr(scene.fastpath, "fdb", lambda: iter([entry]))
    forward(scene, "forward_unicast", 0b110)
    claimed = why(ask(scene, to=STATION), "p2")
    assert claimed["cause"] == "mac_claimed"
    assert "its own port is p1" in claimed["because"]


def test_a_frame_over_the_mtu_is_lost_there() -> None:
    """SAY-13, for the very frame: without one lost before."""
    scene = Scene().start()
    scene.fastpath.verdict = Verdict(
        REASONS["flood_broadcast"], "flood_broadcast", 14, False, False
    )
    answer = ask(scene, to="ff:ff:ff:ff:ff:ff", size=1515)
    row = why(answer, "p1")
    assert (row["forwarded"], row["cause"]) == (False, "mtu")
    assert "it has 1515 bytes, and an MTU of 1500 takes 1514" in row["because"]
    assert row["do"] == "ip link set p1 mtu 1501, at both ends"
    assert why(ask(scene, to="ff:ff:ff:ff:ff:ff", size=1514), "p1")["forwarded"]


def test_a_ttl_of_one_ends_at_the_router() -> None:
    """SAY-18: said where a router is, of a frame whose TTL was told."""
    scene = Scene(
        port=[{"name": f"p{n}"} for n in range(3)] + [{"name": "p3", "mrouter": "always"}]
    )
    scene.start()
    scene.fastpath.verdict = Verdict(
        REASONS["forward_unregistered"], "forward_unregistered", 8, False, False
    )
    row = why(ask(scene, group="239.1.2.3", ttl=1), "p3")
    assert row["cause"] == "ttl_one"
    assert "its TTL is 1, so a router there sends it no further" in row["because"]
    assert "IP_MULTICAST_TTL" in row["do"]
    assert why(ask(scene, group="239.1.2.3"), "p3")["cause"] == "router"


def igmp(payload: bytes, dst: bytes = ALL_V3, **how: Any) -> str:
    made = build_frame(src_mac=b"\x02\0\0\0\0\x09", src=HOST, dst=dst, payload=payload, **how)
    return made.hex()


def test_igmp_is_followed_into_the_control_plane() -> None:
    """The counters that would move, and where the message would be sent on."""
    ports = [{"name": f"p{n}"} for n in range(3)] + [{"name": "p3", "mrouter": "always"}]
    ports[0] |= {"deny_groups": ["239.1.2.0/24"]}
    scene = Scene(port=ports).start()
    joins = compose.build_report(version=3, records=(Record(RecordType.TO_EX, G, ()),))

    answer = ask(scene, frame=igmp(joins))
    assert (answer["action"], answer["punted"]) == ("punt", True)
    assert answer["counters"] == ["punt_igmp", "rx_report_v3"]
    assert answer["ports"] == ["p3"]
    assert why(answer, "p3")["because"] == 'router port: [[port]] mrouter = "always"'
    assert answer["notes"] == ["its join of 239.1.2.3 is refused: [[port]] deny_groups"]

    answer = ask(scene, frame=igmp(joins, ttl=9))
    assert answer["counters"] == ["punt_igmp", "rx_report_v3", "ttl_not_one"]

    broken = joins[:2] + b"\xff\xff" + joins[4:]
    answer = ask(scene, frame=igmp(broken))
    assert answer["counters"] == ["punt_igmp", "igmp_checksum"]
    assert answer["ports"] == []

    query = compose.build_query(version=3, group=address.ANY, max_response_ns=10**10)
    answer = ask(scene, frame=igmp(query, address.ALL_SYSTEMS))
    assert answer["counters"] == ["punt_igmp", "rx_query_v3"]
    assert answer["ports"] == ["p1", "p2", "p3"]

    answer = ask(scene, frame=igmp(joins + bytes(1500)))
    assert answer["counters"] == ["punt_igmp", "control_size"]

    answer = ask(scene, group="239.1.2.3", protocol=2)
    assert answer["counters"] == ["punt_igmp"]
    assert answer["notes"] == ["only its bytes tell what becomes of IGMP: explain --frame HEX"]


LIMITS: dict[str, Any] = {
    "igmp": {"querier": "on", "max_groups": 3, "max_sources": 2, "ssm_ranges": ["232.0.0.0/8"]},
    "port": [{"name": "p0", "max_groups": 2, "deny_groups": ["239.9.0.0/16"]}, {"name": "p1"}],
}


@pytest.mark.parametrize(
    ("records", "refused"),
    [
        ([("TO_EX", "239.1.1.1", 0)], []),
        ([("TO_EX", "239.9.1.1", 0)], ["239.9.1.1 is refused: [[port]] deny_groups"]),
        ([("TO_EX", "232.1.1.1", 0)], ["232.1.1.1 is refused: [igmp] ssm_ranges"]),
        ([("ALLOW", "232.1.1.1", 1)], []),
        ([("IS_EX", "224.0.0.251", 0)], ["224.0.0.251 is not kept: 224.0.0.0/24 goes to every"]),
        ([("IS_IN", "239.1.1.1", 3)], ["239.1.1.1 is taken for any source: [igmp] max_sources"]),
        ([("TO_EX", f"239.1.1.{n}", 0) for n in (1, 2, 3)],
         ["239.1.1.3 is refused: [[port]] max_groups = 2 is reached"]),
        ([("TO_EX", "239.1.1.1", 0)] * 3, []),
        ([("TO_IN", "239.1.1.1", 0), ("BLOCK", "239.1.1.2", 1)], []),
    ],
)  # fmt: skip
def test_what_a_report_would_be_refused_is_what_it_is_refused(
    records: list[tuple[str, str, int]], refused: list[str]
) -> None:
    """SAY-2: predicted by `explain --frame`, then done."""
    scene = Scene(**LIMITS).start()
    sources = [address.parse(f"10.0.0.{last}") for last in (1, 2, 3)]
    said = tuple(
        Record(RecordType[kind], address.parse(group), tuple(sources[:count]))
        for kind, group, count in records
    )
    answer = ask(scene, frame=igmp(compose.build_report(version=3, records=said)))
    assert len(answer["notes"]) == len(refused)
    for note, words in zip(answer["notes"], refused, strict=True):
        assert note.startswith(f"its join of {words}")
    scene.report(0, *said)
    kept = scene.ask(Show(what="witnesses"))["refused"]
    assert [row["group"] for row in kept] == [
        words.split()[0] for words in refused if "not kept" not in words
    ]


def test_a_table_that_is_full_refuses_other_ports() -> None:
    """SM-68."""
    scene = Scene(**LIMITS).start()
    for last in (1, 2, 3):
        scene.report(1, Record(RecordType.TO_EX, address.parse(f"239.1.1.{last}"), ()))
    wanted = tuple(
        Record(RecordType.TO_EX, address.parse(f"239.1.1.{last}"), ()) for last in (3, 4)
    )
    answer = ask(scene, frame=igmp(compose.build_report(version=3, records=wanted)))
    assert answer["notes"] == ["its join of 239.1.1.4 is refused: [igmp] max_groups = 3 is reached"]


def test_reading_headers_never_fails_but_for_want_of_them() -> None:
    """A tag, IPv6, and what is no IP."""
    plain = heading.read(question.datagram(address.parse("ff3e::1"), HOST, 0))
    assert (plain.protocol, plain.ttl) == (17, 16)
    assert address.text(plain.group or b"") == "ff3e::1"
    assert heading.read(ether.tagged(SOME, 0xE007)).tag == 7
    assert heading.read(SOME).group is None


def test_the_stations_are_looked_through_a_part_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Thousands of addresses hold up nobody's frames."""
    scene = Scene().start()
    many = [FdbEntry(0, n.to_bytes(6, "big"), 1, 0) for n in range(300)]
    monkeypatch.setattr(scene.fastpath, "fdb", lambda: iter(many))
    monkeypatch.setattr("snoop.control.parts.PART_NS", 0)
    turns, _ = turns_beside(scene, Explain(port="p0", group="239.1.2.3"))
    assert turns >= 300


def test_no_frame_is_too_strange_to_explain() -> None:
    """Reports, queries and datagrams with some bytes changed, cut and tagged."""
    scene, dice = Scene().start(), random.Random(1910)
    scene.join(1)
    joins = compose.build_report(version=3, records=(Record(RecordType.TO_EX, G, (HOST,)),))
    query = compose.build_query(version=3, group=G, max_response_ns=10**9)
    whole = [bytes.fromhex(igmp(joins)), bytes.fromhex(igmp(query, G)), SOME]
    whole += [question.datagram(G, HOST, vid) for vid in (0, 7)]
    for _ in range(2000):
        frame = bytearray(dice.choice(whole))
        for _ in range(dice.randrange(4)):
            frame[dice.randrange(len(frame))] = dice.randrange(256)
        cut = dice.choice([len(frame), dice.randrange(14, len(frame))])
        answer = ask(scene, frame=bytes(frame[:cut]).hex())
        assert answer["counters"]
        assert {row["port"] for row in answer["why"] if row["forwarded"]} == set(answer["ports"])
