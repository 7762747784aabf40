"""The alert rules, by Prometheus itself: they are rules, and fire at what they are for.

That the metrics exist by these names is for `tests/netns/test_dashboard.py`.
"""

from __future__ import annotations

import subprocess
from importlib.resources import files
from pathlib import Path

import pytest

RULES = Path(str(files("snoop") / "share" / "alerts.yml"))
HISTORIES = Path(__file__).parents[1] / "vectors" / "alerts.yml"


@pytest.mark.parametrize("words", [["check", "rules", RULES], ["test", "rules", HISTORIES]])
def test_promtool_agrees(words: list[str | Path]) -> None:
    done = subprocess.run(
        ["promtool", *words], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_has_its_history() -> None:
    """Each is named in one, or counted among those that fire."""
    told = HISTORIES.read_text("utf-8")
    alerts = [
        line.split()[-1] for line in RULES.read_text("utf-8").splitlines() if "- alert:" in line
    ]
    assert len(alerts) > 5
    assert [alert for alert in alerts if alert not in told] == []
