"""What `check` and `explain` say, held to a row of the table of causes."""

from __future__ import annotations

import json

from netns.star import Star
from snoop.lab import wait_until
from unit.causes import SILENT, Row


def named(net: Star, row: Row) -> None:
    """`check` says it, with the line to type."""
    said: list[str] = []

    def is_named() -> bool:
        found = json.loads(net.switch.run("check", "--json").stdout)["findings"]
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
        answer = json.loads(net.switch.quick("explain", *question, "--json"))
        said = [*(each["because"] for each in answer["why"]), *answer["notes"]]
        assert any(row.is_explained_by(line) for line in said), "\n".join([row.explain, *said])
