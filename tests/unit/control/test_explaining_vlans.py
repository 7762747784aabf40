"""The VLAN story of `explain`: what arrives, where it is put and why, whom it cannot reach."""

from __future__ import annotations

from typing import Any

import pytest

from snoop.control.requests import Explain, Static
from snoop.fastpath import Action, Verdict
from snoop.runtime import clock
from snoop.table.seen import Punted, Stream
from snoop.wire import address, ether
from snoop.wire.messages import Record, RecordType
from unit.scene import HOST, G, S, Scene

SWITCH = {"vlan_filtering": True, "no_querier": "prune", "unregistered": "drop"}
PORTS: list[dict[str, Any]] = [
    {"name": "p0", "access": 10},
    {"name": "p1", "access": 10},
    {"name": "p2", "access": 20},
    {"name": "p3", "trunk": [10, "20-21"]},
    {"name": "p4", "trunk": [10], "native": 1},
]
GROUP = address.text(G)
BROADCAST = "ff:ff:ff:ff:ff:ff"


def scene(**tables: Any) -> Scene:
    made = Scene(**{"switch": SWITCH, "port": PORTS, **tables})
    from unit.fake_fastpath import link

    made.links.links["p4"] = link("p4", 14)
    return made.start()


def ask(made: Scene, port: str = "p0", **asked: Any) -> dict[str, Any]:
    answer: dict[str, Any] = made.ask(Explain(port=port, **asked))
    return answer


def why(answer: dict[str, Any], port: str) -> dict[str, Any]:
    return next(row for row in answer["why"] if row["port"] == port)


def joined(made: Scene, port: int, vid: int) -> None:
    frame = made.report_frame(Record(RecordType.TO_EX, G, ()))
    made.fastpath.waiting.append(Punted(port, vid, frame, vid))
    made.plane.punted()


@pytest.mark.parametrize(
    ("port", "asked", "vlan", "because"),
    [
        ("p0", {}, 10, "it has no tag: the VLAN of p0 is 10"),
        ("p0", {"vlan": 10}, 10, "it has no tag: the VLAN of p0 is 10"),
        ("p0", {"tagged": 10}, 10, "its tag says VLAN 10"),
        ("p0", {"tagged": 0}, 10, "its tag has a priority alone (VID 0): the VLAN of p0 is 10"),
        ("p4", {}, 1, "it has no tag: the native VLAN of p4 is 1"),
        ("p3", {"vlan": 21}, 21, "its tag says VLAN 21"),
        ("p3", {}, 0, "it has no tag, and p3 has no native VLAN"),
    ],
)
def test_the_vlan_and_why_it_is_that(
    port: str, asked: dict[str, Any], vlan: int, because: str
) -> None:
    """VLAN-2."""
    answer = ask(scene(), port, to=BROADCAST, **asked)
    assert answer["frame"]["vlan"] == vlan
    assert answer["frame"]["vlan_because"] == because


def test_a_service_tag_counts_as_none() -> None:
    """VLAN-6."""
    frame = ether.build(b"\xff" * 6, b"\x02\0\0\0\0\x09", b"\0\x0a\x08\0" + bytes(44), 0x88A8)
    answer = ask(scene(), frame=frame.hex())
    assert answer["frame"]["vlan"] == 10
    assert answer["frame"]["vlan_because"].startswith("its tag is a service tag (0x88a8)")


@pytest.mark.parametrize(
    ("port", "tag", "because", "do"),
    [
        (
            "p0", 20, "dropped: p0 is not in VLAN 20 (it is in 10)",
            "snoop port set p0 trunk=20 native=10, or let it send without a tag",
        ),
        (
            "p3", 30, "dropped: p3 is not in VLAN 30 (it is in 10, 20-21)",
            "snoop port set p3 trunk=10,20-21,30",
        ),
        (
            "p3", None, "dropped: it has no tag, and p3 has no native VLAN",
            "snoop port set p3 native=VID, the VLAN that such frames are of",
        ),
    ],
)  # fmt: skip
def test_what_is_refused_says_what_to_type(
    port: str, tag: int | None, because: str, do: str
) -> None:
    """VLAN-3."""
    answer = ask(scene(), port, to=BROADCAST, tagged=tag)
    assert answer["reason"] == "vlan_filtered"
    group = ask(scene(), port, group="239.1.2.3", tagged=tag)
    assert group["reason"] == "vlan_filtered"
    assert not [note for note in group["notes"] if "querier" in note], "in which VLAN?"
    rows = [row for row in answer["why"] if row["port"] != port]
    assert {row["because"] for row in rows} == {because}
    assert {row["do"] for row in rows} == {do}
    assert {row["cause"] for row in rows} == {"vlan_filtered"}


def test_each_port_says_how_it_leaves_or_that_it_is_not_in_the_vlan() -> None:
    """VLAN-5."""
    answer = ask(scene(), to=BROADCAST)
    assert answer["ports"] == ["p1", "p3", "p4"]
    assert {row["port"]: row["tagged"] for row in answer["why"]} == {
        "p0": None, "p1": False, "p2": None, "p3": True, "p4": True,
    }  # fmt: skip
    assert why(answer, "p2")["because"] == "not in VLAN 10"
    assert why(answer, "p2")["cause"] == "not_in_vlan"


def test_without_filtering_nothing_is_said_of_vlans() -> None:
    answer = ask(Scene().start(), to=BROADCAST)
    assert answer["frame"]["vlan_because"] is None
    assert {row["tagged"] for row in answer["why"]} == {None}


def test_a_member_in_another_vlan_is_named() -> None:
    made = scene()
    joined(made, 2, 20)
    answer = ask(made, group=GROUP)
    row = why(answer, "p2")
    assert row["because"] == "not in VLAN 10: 10.0.0.11 behind it has joined it in VLAN 20"
    assert row["cause"] == "wrong_vlan"
    assert row["host"] == address.text(HOST)
    assert any(
        note == "nobody has joined it in VLAN 10, but it has members elsewhere: VLAN 20, at p2"
        for note in answer["notes"]
    )


def test_a_stream_in_another_vlan_than_its_member_is_named() -> None:
    made = scene()
    joined(made, 1, 10)
    now = clock.now()
    made.fastpath.seen = [Stream(20, S, G, 2, 9, 900, now - 10, now, 2, True, "no_member")]
    answer = ask(made, group=GROUP)
    text = f"no frame of {GROUP} has come in in VLAN 10: it arrives in VLAN 20, at p2"
    assert text in answer["notes"]


def test_a_split_horizon_is_a_reason_of_its_own() -> None:
    ports = [
        {**one, "split_horizon": "mesh"} if one["name"] in ("p0", "p1") else one for one in PORTS
    ]
    made = scene(port=ports)
    joined(made, 1, 10)
    answer = ask(made, group=GROUP)
    row = why(answer, "p1")
    assert row["cause"] == "split_horizon"
    assert row["because"].startswith(
        'split_horizon = "mesh" is also that of p0, where it came in, so'
    )
    assert "10.0.0.11 there has joined" in row["because"]
    assert row["do"] == "take [[port]] split_horizon from p1, if it is not meant so"
    assert why(ask(made, to=BROADCAST), "p1")["cause"] == "split_horizon"


def test_a_static_entry_outside_its_vlan_never_delivers() -> None:
    made = scene(static=[{"group": GROUP, "vlan": 10, "ports": ["p2"]}])
    row = why(ask(made, group=GROUP), "p2")
    assert row["cause"] == "static_outside"
    assert row["forwarded"] is False
    assert "never delivers" in row["because"]
    assert row["do"].endswith(f"snoop mdb del {GROUP} --port p2 --vlan 10")


def test_what_hosts_say_stays_in_its_vlan() -> None:
    """SNOOP-1, among members: the router port of another VLAN does not get it."""
    made = scene(port=[*PORTS[:2], {**PORTS[2], "mrouter": "always"}, *PORTS[3:]])
    frame = made.report_frame(Record(RecordType.TO_EX, G, ()))
    answer = ask(made, frame=frame.hex())
    assert answer["reason"] == "punt_igmp"
    assert why(answer, "p2")["because"] == "not in VLAN 10"
    assert "p2" not in answer["ports"]


def test_a_group_by_its_mac_address_is_explained() -> None:
    """L2-3."""
    made = scene()
    made.fastpath.verdict = Verdict(Action.FORWARD, "forward_l2_group", 1 << 1, False, True, 10)
    answer = ask(made, to="01:00:00:01:02:03")
    assert why(answer, "p1")["because"].startswith("static entry of 01:00:00:01:02:03")
    assert why(answer, "p3")["because"].startswith("pruned: static entries send 01:00:00:01:02:03")
    assert why(answer, "p2")["because"] == "not in VLAN 10"


def test_a_static_entry_is_named_by_its_command() -> None:
    made = scene()
    made.ask(Static(add=True, group=GROUP, port="p1", vlan=10))
    assert why(ask(made, group=GROUP), "p1")["cause"] == "static"
