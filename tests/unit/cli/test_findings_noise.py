"""What works is not red, what cannot be changed is said once, and every finding has a next step."""

from __future__ import annotations

import ast
import dataclasses
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from snoop.cli import findings
from snoop.cli.findings import Finding, look
from snoop.control.causes import Cause
from snoop.control.documents import Port
from snoop.runtime.kernel import NOT_HERE
from unit.cli.healthy import facts
from unit.shown import entry, mrouter, port, querier, source, stream

STEP = re.compile(
    r"`[^`]+`"  # a line to type
    r"|\b(?:ip|ethtool|sysctl|snoop|dmesg) [-|\w]"
    r"|\[\[?(?:switch|igmp|mld|port|vlan)\]\]? \w+"  # a key to set
    r"|\b\w+ ?= ?\"?\w"
)

STEP_OF = {"problem": 3, "note": 3, "Rule": 2}


def test_a_router_of_an_older_version_is_one_note_for_all_vlans() -> None:
    """SAY-19: it works; most such routers stay what they are."""
    vlans = range(7)
    found = look(
        facts(
            queriers=[querier("non-querier", "10.0.0.1", version=2, vlan=vid) for vid in vlans],
            mrouters=[mrouter("10.0.0.1", vlan=vid) for vid in vlans],
        )
    )
    assert [(one.severity, one.subject) for one in found] == [
        ("note", "switch, vlan 1, vlan 2, vlan 3, …")
    ]
    assert "version = 2" in found[0].do


def test_a_stack_that_cannot_be_kept_off_is_one_note_for_all_ports() -> None:
    """SAY-19: unprivileged in a user namespace, where nothing can be done about it."""
    notice = "the host's stack is not kept off it: Operation not permitted"
    kept = {"notice": notice, "problem": notice}
    names = [f"p{n}" for n in range(4)]
    because = "Operation not permitted"
    found = look(facts(ports=[port(name, isolated_because=because, **kept) for name in names]))
    assert [(one.severity, one.subject) for one in found] == [("note", "p0, p1, p2, p3")]
    assert "CAP_BPF" in found[0].finding
    assert because in found[0].finding


def test_a_kernel_that_serves_no_stream_is_one_note_or_none() -> None:
    """SAY-19: not where the note of the stack says it, nor where nothing can be done about it."""
    because = "Operation not permitted; it takes CAP_BPF, which a user namespace cannot give"
    healthy = facts()

    def with_kernel(because: str | None, *ports: Port) -> list[Finding]:
        seen = healthy.seen
        status = msgspec.structs.replace(seen.status, kernel="auto", kernel_because=because)
        seen = dataclasses.replace(seen, status=status, ports=list(ports) or seen.ports)
        return look(dataclasses.replace(healthy, seen=seen))

    (found,) = with_kernel(because)
    assert (found.severity, found.subject, found.cause) == ("note", "switch", "kernel")
    assert because in found.finding
    assert with_kernel(None) == with_kernel(NOT_HERE) == []
    stack = with_kernel(because, port("p0", isolated_because="Operation not permitted"))
    assert [one.cause for one in stack] == ["host_stack"]


def test_a_sender_that_has_just_gone_with_its_port_is_no_trouble() -> None:
    """Seen with a virtual machine that ended: its stream still had a rate, and went nowhere."""
    gone = stream(port="vnet0", egress=[])
    assert look(facts(streams=[gone])) == []


def test_a_priority_that_was_not_given_is_a_note() -> None:
    healthy = facts()
    for has, wanted, said in ((0, -10, True), (-10, -10, False), (0, 0, False), (5, 10, False)):
        status = msgspec.structs.replace(healthy.seen.status, nice=has)
        switch = msgspec.structs.replace(healthy.config.switch, nice=wanted)
        config = msgspec.structs.replace(healthy.config, switch=switch)
        seen = dataclasses.replace(healthy.seen, status=status)
        found = look(dataclasses.replace(healthy, seen=seen, config=config))
        assert [one.cause for one in found] == ["priority"] * said
        assert not said or "nice 0, not -10" in found[0].finding


@pytest.mark.parametrize(
    ("status", "severity", "cause"),
    [
        ({"unkept": "No space left on device"}, "problem", "snapshot"),
        ({"unloadable": "sw.toml:3: no such key"}, "note", "configuration"),
    ],
)
def test_what_would_be_missed_after_a_crash_is_said_before(
    status: dict[str, str], severity: str, cause: str
) -> None:
    healthy = facts()
    seen = healthy.seen
    seen = dataclasses.replace(seen, status=msgspec.structs.replace(seen.status, **status))
    (one,) = look(dataclasses.replace(healthy, seen=seen))
    assert (one.severity, one.cause, one.subject) == (severity, cause, "switch")
    assert [why for why in status.values() if why in one.finding]


def test_an_interface_somebody_else_uses_comes_with_the_line_that_frees_it() -> None:
    address = port("p0", addresses=["10.0.0.1"], notice="carries an address", problem="carries …")
    master = port("p1", notice="has a master", problem="has a master")
    found = {one.subject: one for one in look(facts(ports=[address, master]))}
    assert found["p0"].do.startswith("ip ")
    assert found["p1"].do == "ip link set p1 nomaster"


def test_every_next_step_is_a_line_to_type_or_a_key_to_set() -> None:
    """SAY-19: read from the searches themselves, so that no finding can be forgotten."""
    steps = [step for path in sources() for step in _steps(ast.parse(path.read_text()))]
    assert len(steps) > 50
    for step in steps:
        assert STEP.search(step), step
        assert "the log" not in step, step


def sources() -> list[Path]:
    return sorted(Path(findings.__file__).parent.glob("*.py"))


def _steps(tree: ast.AST) -> list[str]:
    """The `do` of every problem and note, and of every row of a table of counters."""
    named = {
        target.id: node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    found = []
    for node in ast.walk(tree):
        called = (
            node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else ""
        )
        if called in STEP_OF:
            assert isinstance(node, ast.Call)
            step = node.args[STEP_OF[called]]
            if isinstance(step, ast.Name):
                if step.id not in named:
                    continue  # a row of a table, which is read above
                step = named[step.id]
            found.append(_text(step))
    return [step for step in found if step]


def _text(node: ast.expr) -> str:
    """The words of a string, with `x` for what is put into it."""
    if isinstance(node, ast.JoinedStr):
        return "".join(
            str(part.value) if isinstance(part, ast.Constant) else "x" for part in node.values
        )
    if isinstance(node, ast.BinOp):
        return _text(node.left) + _text(node.right)
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def test_a_member_of_a_full_small_table_is_red_only_when_one_was_refused() -> None:
    """SAY-19: a limit of one is there to be reached."""
    limit = {"raw": {"port": [{"name": "p1", "max_groups": 1}]}, "mdb": [entry("p1")]}
    assert look(facts(**limit)) == []
    refused = look(facts(**limit, port_counters={"p1": {"port_limit": 1}}))
    assert {one.subject for one in refused} == {"p1"}


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"filter_mode": "include", "sources": [source("10.0.0.7")]}, True),
        ({"sources": [source("10.0.0.9", forwarding=False)]}, True),
        # It came in where its member is, as in a loop, or before he joined.
        ({}, False),
        ({"filter_mode": "include", "sources": [source("10.0.0.9")]}, False),
    ],
)
def test_members_that_want_the_source_are_not_said_to_want_it_not(
    changes: dict[str, Any], named: bool
) -> None:
    lost = stream(egress=[], reason="no_member")
    found = look(facts(streams=[lost], mdb=[entry("p1", **changes)]))
    assert [one.cause for one in found if "goes nowhere: its members" in one.finding] == (
        [Cause.OTHER_SOURCE] if named else []
    )
