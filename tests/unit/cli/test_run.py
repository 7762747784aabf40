"""`snoop run` up to where its daemon begins."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from snoop.runtime import priority, privileges


def test_it_begins_ahead_of_others_and_its_caller_stays_where_he_was(
    snoop: Callable[..., object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also one who had gone further ahead himself."""
    seen: list[int] = []
    monkeypatch.setattr(
        "snoop.runtime.log.setup",
        lambda level: seen.append(os.getpriority(os.PRIO_PROCESS, 0)),
    )
    bad = tmp_path / "bad.toml"
    bad.write_text("nonsense = 1\n")
    may = "CAP_SYS_NICE" in privileges.found().effective
    before = os.getpriority(os.PRIO_PROCESS, 0)
    with priority.preferred(-12):
        ahead = os.getpriority(os.PRIO_PROCESS, 0)
        snoop("run", "--config", str(bad))
        assert os.getpriority(os.PRIO_PROCESS, 0) == ahead
    snoop("run", "--config", str(bad))
    assert os.getpriority(os.PRIO_PROCESS, 0) == before
    assert seen == ([-12, min(before, -10)] if may else [before, before])
