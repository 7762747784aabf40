"""What `snoop explain` prints: ports of one reason, or many of one cause, are a row (SAY-16)."""

from __future__ import annotations

from typing import Any

import pytest

from snoop.cli import explain, human
from snoop.control.documents import Why
from unit.cli.conftest import Daemon
from unit.cli.test_show import stream


def why(
    port: str, because: str, cause: str = "", *, forwarded: bool = False, **changes: Any
) -> Why:
    return Why(port=port, forwarded=forwarded, because=because, cause=cause, **changes)


def printed(rows: list[Why]) -> list[tuple[str, str]]:
    return [
        (human.ports(why.port for why in some), explain._because(some))
        for some in explain.grouped(rows)
    ]


def test_64_ports_are_a_few_rows() -> None:
    rows = [why("p0", "ingress", "ingress")]
    rows += [
        why(f"p{n}", f"member by the report of 10.0.0.{n}, {n} s left", "member", forwarded=True,
            host=f"10.0.0.{n}")
        for n in range(1, 32)
    ]  # fmt: skip
    rows += [why(f"p{n}", "no host behind it has joined", "not_joined") for n in range(32, 64)]
    assert printed(rows) == [
        ("p0", "ingress"),
        ("p1-p31 (31)", "member by the report of 10.0.0.1, 1 s left; likewise 10.0.0.2 (p2), "
         "10.0.0.3 (p3), 10.0.0.4 (p4) and 27 more"),
        ("p32-p63 (32)", "no host behind it has joined"),
    ]  # fmt: skip


def test_a_few_reasons_of_one_cause_stand_each_for_itself() -> None:
    """Nor are ports of an older switch, which knows no causes, thrown together."""
    rows = [why(f"p{n}", f"left by 10.0.0.{n}", "left") for n in range(3)]
    assert [ports for ports, _ in printed(rows)] == ["p0", "p1", "p2"]
    rows = [why(f"p{n}", f"reason {n}") for n in range(9)]
    assert len(printed(rows)) == 9


def test_of_a_few_ports_it_is_said_whom_one_hears_there() -> None:
    some = [
        why("p1", "nobody joined", "not_joined", mac="02:00:00:00:00:01", do="ip maddr show"),
        why("p2", "nobody joined", "not_joined", mac="02:00:00:00:00:02", host="10.0.0.2"),
    ]
    said = "nobody joined; heard there: 02:00:00:00:00:01 (p1), 10.0.0.2 (p2) -> ip maddr show"
    assert printed(some) == [("p1, p2", said)]
    many = [why(f"p{n}", "nobody joined", "not_joined", mac="02:00:00:00:00:01") for n in range(4)]
    assert printed(many) == [("p0-p3 (4)", "nobody joined")]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--group", "239.9.9.9"], "no stream of 239.9.9.9 has been seen; on the sender"),
        (["--group", "239.9.9.9", "--source", "10.0.0.10"],
         "what it sent last is 239.1.2.3, at p0"),
        (["--group", "239.9.9.9", "--source", "10.0.0.1"], "and no other of it"),
        (["--group", "239.1.2.3", "--vlan", "7"], "it comes from 10.0.0.10 at p0, untagged"),
        (["--group", "239.1.2.3", "--source", "10.0.0.1"], "it comes from 10.0.0.10 at p0"),
    ],
)  # fmt: skip
def test_a_stream_that_there_is_not_says_what_there_is(
    daemon: Daemon, snoop: Any, words: list[str], says: str
) -> None:
    """Exit 1, in a line."""
    daemon.fastpath.seen = [stream()]
    said = snoop("explain", "--stream", *words)
    assert (said.status, len(said.err.splitlines())) == (1, 1)
    assert says in said.err
