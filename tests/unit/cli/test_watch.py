"""`snoop watch` asks who is the switch now: one that hands over goes away under it."""

from __future__ import annotations

from types import TracebackType
from typing import Any

import pytest

from snoop.cli import watch
from snoop.control.client import Absent, NoDaemon, WentAway


class Asked:
    """A connection; the next answers are what it raises, or None."""

    answers: list[NoDaemon | None]

    def __init__(self, path: str) -> None:
        del path
        answer = type(self).answers.pop(0)
        if answer is not None:
            raise answer

    def __enter__(self) -> Asked:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        return None


@pytest.mark.parametrize(
    ("answers", "raised"),
    [
        ([None], None),
        ([WentAway(), None], None),
        ([WentAway(), WentAway(), WentAway()], WentAway),
        ([Absent()], Absent),
    ],
)
def test_who_went_away_is_asked_for_again_and_who_is_not_there_is_said(
    answers: list[NoDaemon | None], raised: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "Client", Asked)
    monkeypatch.setattr(Asked, "answers", [*answers], raising=False)
    looks = object.__new__(watch._Looks)
    looks._path = "sw0"
    if raised is None:
        assert looks._ask(lambda client: type(client)) is Asked
    else:
        with pytest.raises(raised):
            looks._ask(lambda client: None)
    assert not Asked.answers
