"""SAY-52: rows of one host, source or prefix, and their numbers, are found by the switch."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from snoop.control import flows, requests
from snoop.control.requests import Clear, RequestError, Show
from snoop.runtime import clock
from snoop.table.seen import Punted, Stream
from snoop.wire import address, compose, ether, ipv4
from snoop.wire.messages import Record, RecordType
from unit.scene import ALL_V3, Scene

A, B, PROXY = "10.0.0.7", "10.0.0.8", "10.0.0.9"
MACS = {A: "02:00:00:00:00:07", B: "02:00:00:00:00:08", PROXY: "02:00:00:00:00:07"}
ANY_SOURCE, ONLY = RecordType.TO_EX, RecordType.ALLOW


def report(
    scene: Scene, port: int, host: str, kind: RecordType, group: str, *sources: str, vid: int = 0
) -> None:
    record = Record(kind, address.parse(group), tuple(map(address.parse, sources)))
    packet = ipv4.build(
        address.parse(host), ALL_V3, 2, compose.build_report(version=3, records=(record,))
    )
    mac = address.parse_mac(MACS[host])
    frame = ether.build(ether.multicast_mac(ALL_V3), mac, packet)
    scene.fastpath.waiting.append(Punted(port, vid, frame, 0))
    scene.plane.punted()


def flow(source: str, group: str, port: int = 0, vlan: int = 0) -> Stream:
    now = clock.now()
    return Stream(
        vlan, address.parse(source), address.parse(group), port, 9, 900, now - 10, now, 2, True,
        "forward_group",
    )  # fmt: skip


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """`show streams` looks twice; here it need not wait between."""
    monkeypatch.setattr(flows, "LOOK_SECONDS", 0)


@pytest.fixture
def scene() -> Scene:
    """Two hosts, and a second address of the first, at two ports, in two VLANs."""
    ports: list[dict[str, Any]] = [{"name": f"p{n}"} for n in range(4)]
    ports[2] |= {"deny_groups": ["239.66.0.0/16"]}
    ports[3] |= {"explicit_tracking": False}
    scene = Scene(port=ports).start()
    report(scene, 1, A, ANY_SOURCE, "239.1.0.1")
    report(scene, 1, A, ONLY, "232.1.0.1", "192.0.2.1", "192.0.2.2")
    report(scene, 1, PROXY, ANY_SOURCE, "239.2.0.2")
    report(scene, 2, B, ANY_SOURCE, "239.1.0.1")
    report(scene, 2, B, ANY_SOURCE, "239.1.0.1", vid=7)
    report(scene, 2, B, ANY_SOURCE, "239.66.0.1")
    report(scene, 3, A, ANY_SOURCE, "239.3.0.1")
    scene.fastpath.seen = [
        flow(A, "239.9.9.9", port=1),
        flow("192.0.2.1", "232.1.0.1"),
        flow("192.0.2.3", "232.1.0.1"),
        flow("192.0.2.1", "239.1.0.1"),
        flow("192.0.2.1", "239.1.0.1", vlan=7),
        flow(PROXY, "239.8.8.8", port=1),
    ]
    return scene


def found(scene: Scene, what: Any, **filters: Any) -> list[str]:
    """Of each row what tells it apart here."""
    rows = scene.ask(Show(what=what, **filters))[what]
    if what == "streams":
        return [f"{row['vlan']} {row['source']} {row['group']}" for row in rows]
    return [f"{row['vlan']} {row['group']} {row['port']}" for row in rows]


@pytest.mark.parametrize(
    ("filters", "rows"),
    [
        ({"host": A}, ["0 232.1.0.1 p1", "0 239.1.0.1 p1", "0 239.3.0.1 p3"]),
        ({"host": MACS[A]}, ["0 232.1.0.1 p1", "0 239.1.0.1 p1", "0 239.2.0.2 p1"]),
        ({"host": "0200.0000.0008"}, ["0 239.1.0.1 p2", "7 239.1.0.1 p2"]),
        ({"host": B, "vlan": 7}, ["7 239.1.0.1 p2"]),
        ({"host": "10.0.0.77"}, []),
        ({"source": "192.0.2.2"}, ["0 232.1.0.1 p1"]),
        ({"source": "192.0.2.3"}, []),
        ({"group": "239.1.0.0/24"}, ["0 239.1.0.1 p1", "0 239.1.0.1 p2", "7 239.1.0.1 p2"]),
        ({"group": "239.2.0.2/32"}, ["0 239.2.0.2 p1"]),
        ({"group": "239.0.0.0/8", "host": A}, ["0 239.1.0.1 p1", "0 239.3.0.1 p3"]),
        ({"group": "ff00::/8"}, []),
        ({"host": "fe80::7"}, []),
        ({"group": "232.0.0.0/8", "source": "192.0.2.1", "port": ("p1", "p2")}, ["0 232.1.0.1 p1"]),
    ],
)
def test_the_table_is_filtered(scene: Scene, filters: dict[str, Any], rows: list[str]) -> None:
    """Where hosts are not tracked, by who asked last (p3)."""
    assert found(scene, "mdb", **filters) == rows


@pytest.mark.parametrize(
    ("filters", "rows"),
    [
        ({"host": A}, ["0 232.1.0.1 p1", "0 239.1.0.1 p1"]),
        ({"host": MACS[PROXY]}, ["0 232.1.0.1 p1", "0 239.1.0.1 p1", "0 239.2.0.2 p1"]),
        ({"source": "192.0.2.1"}, ["0 232.1.0.1 p1"]),
        ({"group": "239.0.0.0/15"}, ["0 239.1.0.1 p1", "0 239.1.0.1 p2", "7 239.1.0.1 p2"]),
    ],
)
def test_hosts_are_filtered(scene: Scene, filters: dict[str, Any], rows: list[str]) -> None:
    assert found(scene, "hosts", **filters) == rows


@pytest.mark.parametrize(
    ("filters", "rows"),
    [
        ({"source": "192.0.2.1", "vlan": 7}, ["7 192.0.2.1 239.1.0.1"]),
        ({"group": "232.0.0.0/8"}, ["0 192.0.2.1 232.1.0.1", "0 192.0.2.3 232.1.0.1"]),
        (
            {"host": A},  # what it sends, and what it joined: not 192.0.2.3, not VLAN 7
            ["0 192.0.2.1 232.1.0.1", "0 192.0.2.1 239.1.0.1", "0 10.0.0.7 239.9.9.9"],
        ),
        ({"host": B}, ["0 192.0.2.1 239.1.0.1", "7 192.0.2.1 239.1.0.1"]),
        ({"host": MACS[A], "port": "p1"}, ["0 10.0.0.9 239.8.8.8", "0 10.0.0.7 239.9.9.9"]),
    ],
)
def test_streams_are_filtered(scene: Scene, filters: dict[str, Any], rows: list[str]) -> None:
    assert found(scene, "streams", **filters) == rows


@pytest.mark.parametrize(
    ("host", "joined", "sends", "refused"),
    [
        (A, 2, ["239.9.9.9"], []),
        (MACS[A], 3, ["239.8.8.8", "239.9.9.9"], []),
        (B, 2, [], ["239.66.0.1"]),
        (MACS[B], 2, [], ["239.66.0.1"]),
        ("192.0.2.1", 0, ["232.1.0.1", "239.1.0.1", "239.1.0.1"], []),
        ("02:00:00:00:00:99", 0, None, []),
    ],
)
def test_what_a_host_joined_sends_and_was_refused_is_one_question(
    scene: Scene, host: str, joined: int, sends: list[str] | None, refused: list[str]
) -> None:
    """What a host sends that is known by its MAC alone is not known."""
    answer = scene.ask(Show(what="hosts", host=host))
    assert len(answer["hosts"]) == joined
    assert answer["sends"] == sends or [row["group"] for row in answer["sends"]] == sends
    assert [row["group"] for row in answer["refused"]] == refused
    assert scene.ask(Show(what="hosts")).keys() == {"hosts"}


@pytest.mark.parametrize(
    ("what", "filters", "count"),
    [
        ("mdb", {}, {"entries": 6, "groups": 5, "ports": 3}),
        ("mdb", {"group": "239.1.0.0/16"}, {"entries": 3, "groups": 2, "ports": 2}),
        ("mdb", {"host": "10.0.0.77"}, {"entries": 0, "groups": 0, "ports": 0}),
        ("hosts", {}, {"joins": 5, "hosts": 3, "groups": 4, "ports": 2}),
        ("hosts", {"host": MACS[A]}, {"joins": 3, "hosts": 2, "groups": 3, "ports": 1}),
        ("streams", {}, {"streams": 6, "groups": 5, "sources": 4, "ports": 2}),
        ("streams", {"host": A}, {"streams": 3, "groups": 3, "sources": 2, "ports": 2}),
    ],
)
def test_numbers_are_those_of_the_rows(
    scene: Scene, what: Any, filters: dict[str, Any], count: dict[str, int]
) -> None:
    assert scene.ask(Show(what=what, count=True, **filters)) == {"count": count}
    assert len(found(scene, what, **filters)) == next(iter(count.values()))


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (Show(what="mdb", host="nobody"), '"nobody" is neither'),
        (Show(what="mdb", source="239.1.1.1"), '"239.1.1.1" is not the address of a source'),
        (Show(what="mdb", group="10.0.0.0/8"), '"10.0.0.0/8" is neither'),
        (Show(what="ports", host=A), "show ports takes no --host"),
        (Show(what="querier", source=A), "show querier takes no --source"),
        (Show(what="fdb", count=True), "show fdb takes no --count"),
        (Show(what="witnesses", count=True), "show witnesses takes no --count"),
        (Clear(what="mdb", group="239.1.0.0/16"), '"239.1.0.0/16" is not a multicast group'),
    ],
)
def test_a_filter_that_makes_no_sense_is_refused(scene: Scene, asked: Any, said: str) -> None:
    with pytest.raises(RequestError) as caught:
        scene.ask(asked)
    assert said in str(caught.value)
    assert caught.value.code == 2
    assert len(found(scene, "mdb")) == 6


@pytest.mark.parametrize("count", [False, True])
def test_a_filter_that_finds_little_lets_others_have_their_turn(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, count: bool
) -> None:
    """Also where one row in a thousand is wanted, and where all of a host's addresses are."""
    groups = [f"239.50.{n >> 8}.{n & 255}" for n in range(400)]
    for group in groups:
        report(scene, 1, A, ANY_SOURCE, group)
    monkeypatch.setattr("snoop.control.parts.PART_NS", -1)

    async def turns(asked: Show) -> int:
        answer = asyncio.ensure_future(scene.answers.answer(asked))
        turns = 0
        while not answer.done():
            turns += 1
            await asyncio.sleep(0)
        assert requests.encode(answer.result())
        return turns

    scene.fastpath.seen = [flow(B, group) for group in groups]
    for asked in (
        Show(what="mdb", group="239.1.0.0/24", count=count),
        Show(what="streams", source=B, count=count),
        Show(what="mdb", host=B, count=count),
        Show(what="hosts", host=MACS[B], count=count),
        Show(what="streams", host=MACS[B], count=count),
    ):
        assert asyncio.run(turns(asked)) > 400 // 8
