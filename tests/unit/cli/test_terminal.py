"""The terminal of `snoop watch`, without a switch: a signal that ends it is never lost (SAY-12)."""

from __future__ import annotations

import os
import pty
import signal
import sys

import pytest

from snoop.cli import terminal


class Finalizer:
    """Python says of what is raised in one that it is ignored, and goes on."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __del__(self) -> None:
        os.kill(os.getpid(), self.number)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, None), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_a_signal_that_lands_in_a_finalizer_ends_it(
    monkeypatch: pytest.MonkeyPatch, number: int, status: int | None
) -> None:
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "w", closefd=False) as shown_at:
        monkeypatch.setattr(sys, "stdin", shown_at)
        monkeypatch.setattr(sys, "stdout", shown_at)
        keys: object = "not asked"
        with terminal.opened() as shown:
            finalizer = Finalizer(number)
            del finalizer
            if status is None:
                keys = shown.keys(20.0)
            else:
                with pytest.raises(SystemExit) as ended:
                    shown.keys(20.0)
                assert ended.value.code == status
                keys = None
    os.close(ours)
    os.close(theirs)
    assert keys is None
