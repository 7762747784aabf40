"""SAY-52: what one host has joined and sends, what a source or a prefix is about, and how much."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from netns.star import Star, star
from snoop.lab import frames, wait_until

A, B, SSM, SENT, DENIED = "239.27.1.1", "239.27.2.2", "232.27.0.1", "239.27.3.3", "239.28.0.1"
SOURCE = "192.0.2.9"


@pytest.fixture(scope="module")
def net() -> Iterator[Star]:
    """h1 and h2 have joined, h2 in VLAN 7 too; h1 sends, and was refused a group."""
    ports = {"p1": {"deny_groups": ["239.28.0.0/16"]}}
    with star(4, igmp={"query_interval": 60.0}, ports=ports) as made:
        members = {A: {"p1", "p2"}, B: {"p2"}, SSM: {"p1"}}
        made.h(1).join(A)
        made.h(2).join(A)
        made.h(2).join(B)
        made.h(1).join(SSM, SOURCE)
        made.h(1).join(DENIED)
        for group, ports in members.items():
            made.switch.wait_members(group, ports)
        host = made.h(2)
        report = frames.report_v3([("TO_EX", A, [])], host.address, mac=host.mac)
        wait_until(
            lambda: host.frames([frames.tagged(report, 7)]) and count(made, "mdb", "--vlan", "7"),
            within=20,
            what="the join in VLAN 7",
        )
        made.reached(SENT, sender=1)
        made.reached(SSM, source=SOURCE)
        made.reached(A)
        yield made


def rows(net: Star, what: str, *words: str) -> list[tuple[int, str, str]]:
    """(vlan, group, port), or the source in place of the port."""
    found = json.loads(net.switch.quick("show", what, *words, "--json"))[what]
    last = "source" if what == "streams" else "port"
    return [(row["vlan"], row["group"], row[last]) for row in found]


def count(net: Star, what: str, *words: str) -> int:
    numbers = json.loads(net.switch.quick("show", what, *words, "--count", "--json"))["count"]
    assert net.switch.quick("show", what, *words, "--count").split()[0] == str(
        next(iter(numbers.values()))
    )
    first: int = next(iter(numbers.values()))
    return first


def test_each_filter_finds_its_rows_and_no_others(net: Star) -> None:
    h1, h2 = net.h(1), net.h(2)
    cases: list[tuple[str, list[str], list[tuple[int, str, str]]]] = [
        ("mdb", ["--host", h1.address], [(0, SSM, "p1"), (0, A, "p1")]),
        ("mdb", ["--host", h2.mac], [(0, A, "p2"), (0, B, "p2"), (7, A, "p2")]),
        ("mdb", ["--host", h2.mac.upper().replace(":", "-"), "--vlan", "7"], [(7, A, "p2")]),
        ("mdb", ["--group", "239.27.1.0/24", "--vlan", "0"], [(0, A, "p1"), (0, A, "p2")]),
        ("mdb", ["--group", "239.27.0.0/16", "--port", "p1"], [(0, A, "p1")]),
        ("mdb", ["--source", SOURCE], [(0, SSM, "p1")]),
        ("hosts", ["--source", SOURCE], [(0, SSM, "p1")]),
        ("hosts", ["--host", h2.address], [(0, A, "p2"), (0, B, "p2"), (7, A, "p2")]),
        ("streams", ["--source", SOURCE], [(0, SSM, SOURCE)]),
        ("streams", ["--group", "239.27.3.0/24"], [(0, SENT, h1.address)]),
        (
            "streams",
            ["--host", h1.address],
            [(0, SSM, SOURCE), (0, A, net.h(0).address), (0, SENT, h1.address)],
        ),
    ]
    for what, words, wanted in cases:
        found = [row for row in rows(net, what, *words) if not row[1].startswith("224.")]
        assert found == wanted, (what, words)
        assert count(net, what, *words) >= len(wanted)


def test_what_a_host_joined_and_sends_is_one_command(net: Star) -> None:
    """By its address and by its MAC; with what it was refused."""
    for name in (net.h(1).address, net.h(1).mac):
        answer: dict[str, Any] = json.loads(
            net.switch.quick("show", "hosts", "--host", name, "--json")
        )
        assert [row["group"] for row in answer["hosts"]] == [SSM, A]
        sends = {row["group"] for row in answer["sends"]}
        assert SENT in sends
        assert {SSM, A}.isdisjoint(sends)
        assert [(row["group"], row["why"]) for row in answer["refused"]] == [(DENIED, "filter")]
        said = net.switch.do("show", "hosts", "--host", name)
        assert [said.count(group) for group in (SSM, A, SENT, DENIED)] == [1, 1, 1, 1]
        assert said.index(A) < said.index("It sends:") < said.index(SENT)
        assert said.index(SENT) < said.index("It was refused:") < said.index(DENIED)
    assert "it sends nothing" in net.switch.do("show", "hosts", "--host", "10.9.9.9")


@pytest.mark.parametrize("what", ["mdb", "hosts", "streams"])
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--host", "h1"], '"h1" is neither'),
        (["--host", "239.1.1.1"], '"239.1.1.1" is neither'),
        (["--source", "239.1.1.1"], "not the address of a source"),
        (["--group", "239.1.1.1/8"], "has host bits set"),
        (["--group", "10.0.0.0/8"], "not a prefix of multicast groups"),
        (["--host", "10.0.0.1", "--host", "10.0.0.2"], "given twice"),
    ],
)
def test_a_bad_filter_is_a_line_and_exit_2(
    net: Star, what: str, words: list[str], said: str
) -> None:
    done = net.switch.run("show", what, *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


def test_forgetting_takes_no_prefix(net: Star) -> None:
    done = net.switch.run("clear", "mdb", "--group", "239.27.0.0/16")
    assert done.returncode == 2
    assert rows(net, "mdb", "--source", SOURCE)
