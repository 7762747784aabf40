"""The table of causes in `snoop/TROUBLESHOOTING.md`: each row set up on real interfaces, and what
`check` and `explain` say must be what the row says (SAY-1, SAY-18).
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from netns.said import explained, named
from netns.star import IGMP, MLD, Star, star
from netns.troublemakers import PORTS, Trouble, nothing, stops
from netns.troubles import TROUBLES
from unit.causes import rows

GROUPS = {title: f"239.30.0.{number}" for number, title in enumerate(TROUBLES, 6)}


@pytest.fixture(scope="module")
def net() -> Iterator[Star]:
    with star(len(PORTS), mld={}) as made:
        yield made


@pytest.mark.parametrize("title", TROUBLES)
def test_a_trouble_is_named_as_the_table_says(net: Star, title: str) -> None:
    trouble, row = TROUBLES[title], rows()[title]
    group = trouble.group or GROUPS[title]
    configure(net, trouble)
    try:
        trouble.make(net, group)
        named(net, row)
        to = () if "--to" in trouble.explain else ("--group", group)
        explained(net, row, *trouble.explain, *to)
    finally:
        stops()
        if trouble.undo is not None:
            trouble.undo(net, group)
        configure(net, Trouble(nothing))
        net.quiet()


def configure(net: Star, trouble: Trouble) -> None:
    """Put the tables of a trouble in force, and count afresh."""
    tables = dict(trouble.tables)
    config = {**tables, "igmp": {**IGMP, **tables.get("igmp", {})}}
    config["mld"] = {**MLD, **tables.get("mld", {})}
    config["port"] = [{"name": port, **trouble.ports.get(port, {})} for port in PORTS]
    net.switch.configure(config)
    net.switch.do("reload")
    net.switch.quick("clear", "counters")
    net.switch.quick("clear", "fdb")
