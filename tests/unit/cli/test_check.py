"""`snoop check --verbose`: what the switch's process may do."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest

from snoop.cli.check import PRIORITY
from snoop.cli.summary import Everything, gather
from snoop.control import privileged, shows
from snoop.control.client import Client
from snoop.control.requests import RequestError
from snoop.runtime import privileges
from unit.cli.conftest import Said

FOUND = privileges.Found(
    effective=frozenset({"CAP_NET_RAW"}),
    permitted=frozenset({"CAP_NET_RAW", "CAP_41"}),
    bounding=frozenset({"CAP_NET_RAW", "CAP_KILL"}),
    no_new_privs=False,
    seccomp=True,
    uid=994,
    user_namespace=True,
)


def test_what_is_kept_is_told_with_its_reason(
    snoop: Callable[..., Said], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also what could not be given up, of which nobody knows what it is for."""
    why = {"CAP_NET_RAW": "rings"}
    shown = privileged.shown(FOUND, why)
    monkeypatch.setattr(shows.privileged, "shown", lambda found, why: shown)
    said = snoop("check", "-v").out.splitlines()
    at = said.index(
        "privileges: it runs as uid 994 of a user namespace; no_new_privs is not set; "
        "a filter of system calls; it keeps"
    )
    assert said[at + 1 : at + 4] == [
        "  CAP_41: it has no use for this, and could not give it up",
        "  CAP_NET_RAW: rings",
        "  and in the bounding set CAP_KILL",
    ]
    told: Any = snoop("check", "-v", "--json").json["privileges"]
    assert told["capabilities"][0] == {"name": "CAP_41", "why": None}
    assert told["bounding"] == ["CAP_KILL"]
    assert "privileges" not in snoop("check", "--json").json


def test_a_switch_that_does_not_know_the_question_is_checked_all_the_same(
    snoop: Callable[..., Said], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(found: object, why: object) -> None:
        raise RequestError("no such thing")

    monkeypatch.setattr(shows.privileged, "shown", refuse)
    said = snoop("check", "-v").out
    assert "privileges: a switch of this version does not tell" in said
    assert "problem" in said.splitlines()[-1]


def test_a_set_is_read_as_the_kernel_writes_it() -> None:
    assert privileges.named("000000c000003800") == set(privileges.WHY)
    assert privileges.named("0000000000000000") == frozenset()
    assert privileges.named(f"{1 << 63:x}") == {"CAP_63"}


def test_who_checks_within_a_process_of_his_own_keeps_his_priority(
    snoop: Callable[..., Said], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It goes before others while it looks; what its caller starts later does not."""
    seen = []

    def gathered(client: Client) -> Everything:
        seen.append(os.getpriority(os.PRIO_PROCESS, 0))
        return gather(client)

    monkeypatch.setattr("snoop.cli.findings.gathering.gather", gathered)
    before = os.getpriority(os.PRIO_PROCESS, 0)
    snoop("check")
    assert os.getpriority(os.PRIO_PROCESS, 0) == before
    may = "CAP_SYS_NICE" in privileges.found().effective
    assert seen == [PRIORITY if may else before]
