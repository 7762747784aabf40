"""What the file calls groups and ports, wherever they are shown (SAY-57)."""

from __future__ import annotations

from typing import Any

import msgspec

from snoop.cli import check, monitor, overview, summary, tables
from snoop.cli.layout import Table
from snoop.control import documents, metrics
from snoop.control.requests import Show
from unit import shown
from unit.control.test_metrics import sample
from unit.scene import Scene

BBC = [{"group": "239.1.2.0/24", "name": "BBC"}, {"group": "239.1.2.3", "name": "BBC One"}]
PORTS: list[dict[str, Any]] = [{"name": f"p{number}"} for number in range(4)]
STUDIO = [PORTS[0], {**PORTS[1], "description": "Studio A"}, *PORTS[2:]]


def rows(scene: Scene, what: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = scene.ask(Show(what=what))[what]
    return found


def test_every_row_of_a_group_has_its_name() -> None:
    scene = Scene(group=BBC, port=STUDIO).start()
    scene.join(1)
    assert rows(scene, "mdb")[0]["name"] == "BBC One"
    assert rows(scene, "hosts")[0]["name"] == "BBC One"
    assert scene.ports()["p1"]["description"] == "Studio A"
    assert scene.ports()["p0"]["description"] is None


def test_a_reload_changes_names_and_no_table() -> None:
    scene = Scene().start()
    scene.join(1)
    assert rows(scene, "mdb")[0]["name"] is None
    before = scene.fastpath.rows.copy()
    opened = list(scene.fastpath.opened)
    scene.configure(group=BBC, port=STUDIO)
    assert rows(scene, "mdb")[0]["name"] == "BBC One"
    assert scene.ports()["p1"]["description"] == "Studio A"
    scene.configure(group=BBC[:1], port=PORTS)
    assert rows(scene, "mdb")[0]["name"] == "BBC"
    assert scene.ports()["p1"]["description"] is None
    assert scene.fastpath.rows == before
    assert list(scene.fastpath.opened) == opened


def test_events_have_names_beside_their_groups() -> None:
    scene = Scene(group=BBC).start()
    scene.join(1)
    told = [msgspec.json.decode(line) for line in scene.plane.history.lines()]
    joins = [event for event in told if event["event"] == "join"]
    assert [event["name"] for event in joins] == ["BBC One"]
    assert '"BBC One"' in monitor.line(joins[0])
    assert all("group" in event for event in told if "name" in event)


def test_tables_have_a_column_only_for_names() -> None:
    entries = [shown.entry("p1", name="BBC One"), shown.entry("p2", "239.9.9.9")]
    streams = [shown.stream(name="BBC One")]
    hosts = [shown.host("p1", "10.0.0.11", name="BBC One")]
    ports = [shown.port("p1", description="Studio A"), shown.port("p2")]
    for table in (
        tables.mdb(documents.Mdb(switch="s", mdb=entries)),
        tables.streams(documents.Streams(streams=streams)),
        tables.hosts(documents.Hosts(hosts=hosts)),
        tables.ports(documents.Ports(ports=ports)),
    ):
        column = list(table.headings).index("Name" if "Name" in table.headings else "Description")
        assert next(line[column] for line in table.lines) in ("BBC One", "Studio A")
        assert {len(line) for line in table.lines} == {len(table.headings)}
    assert "Name" not in tables.mdb(documents.Mdb(switch="s", mdb=entries[1:])).headings
    assert "Description" not in tables.ports(documents.Ports(ports=ports[1:])).headings


def test_the_overview_and_findings_have_names() -> None:
    seen = summary.Everything(
        status=documents.Status(
            switch="s", version="1", pid=1, uptime=1.0, rows=0, balance={}
        ),
        ports=[shown.port("p1", description="Studio A")], queriers=[], mrouters=[],
        mdb=[shown.entry("p1", name="BBC One")], streams=[],
    )  # fmt: skip
    drawn = "\n".join(
        line
        for part in overview.render(seen)
        for line in (part.text() if isinstance(part, Table) else [part])
    )
    assert "239.1.2.3  BBC One" in drawn
    assert "Studio A" in drawn
    names = summary.names(seen)
    for subject, name in (
        ("p1", "Studio A"), ("10.0.0.9 -> 239.1.2.3", "BBC One"), ("switch", None),
        ("239.1.2.3, 239.129.2.3", None),
    ):  # fmt: skip
        assert check.called(subject, names) == name


def test_metrics_have_names_apart() -> None:
    """No series of a counter changes with a name, and what is in it can be read."""
    odd = 'a "b" \\ c'
    seen = sample()
    for row, name in ((seen.streams, odd), (seen.ports, odd)):
        key = "name" if row is seen.streams else "description"
        row[0] = msgspec.structs.replace(row[0], **{key: name})  # type: ignore[index, type-var]
    families = {family.name: family for family in metrics.metrics(seen)}
    assert families["snoop_group_info"].samples[0].labels == {"group": "239.1.2.3", "name": odd}
    assert families["snoop_port_info"].samples[0].labels == {"port": "p0", "description": odd}
    assert "snoop_group_info" not in {family.name for family in metrics.metrics(sample())}
