"""What `check` and `explain` say, held to a row of the table of causes."""

from __future__ import annotations

import json
from contextlib import suppress

from netns.star import BUSY, Star
from snoop.lab import wait_until
from unit.causes import SILENT, Row


def named(net: Star, row: Row) -> None:
    """`check` says it, with the line to type."""
    said: list[str] = []

    def is_named() -> bool:
        found = json.loads(net.switch.here("check", "--json").stdout)["findings"]
        said[:] = [" ".join(map(str, each.values())) for each in found]
        return any(row.is_said_by(**each) for each in found)

    if row.check != SILENT:
        try:
            wait_until(is_named, within=20, what=row.check)
        except AssertionError as error:
            raise AssertionError("\n".join([str(error), row.line, *said])) from None


def explained(net: Star, row: Row, *question: str) -> None:
    """`explain` says it of some port, or in a note."""
    if row.explain != SILENT:
        said: list[str] = []

        def is_explained() -> bool:
            answer = json.loads(net.switch.quick("explain", *question, "--json"))
            said[:] = [*(each["because"] for each in answer["why"]), *answer["notes"]]
            return any(row.is_explained_by(line) for line in said)

        with suppress(AssertionError):
            wait_until(is_explained, within=BUSY)
        assert is_explained(), "\n".join([row.explain, *said])
