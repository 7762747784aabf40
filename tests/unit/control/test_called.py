"""What the file calls groups and ports, wherever they are shown (SAY-57)."""

from __future__ import annotations

from typing import Any

import msgspec

from snoop.cli import monitor, overview, panel, screen, summary, tables
from snoop.cli.findings import looks
from snoop.cli.layout import Table
from snoop.cli.panel import Guests
from snoop.cli.screen import Size, render
from snoop.cli.view import View, press
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


def everything(**rows: Any) -> summary.Everything:
    """A switch with those rows."""
    status = documents.Status(switch="s", version="1", pid=1, uptime=1.0, rows=0, balance={})
    nothing: dict[str, Any] = {key: [] for key in ("queriers", "mrouters", "streams")}
    return summary.Everything(status=status, **{**nothing, **rows})


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
    scene = Scene(group=BBC, port=STUDIO).start()
    scene.join(1)
    told = [msgspec.json.decode(line) for line in scene.plane.history.lines()]
    joins = [event for event in told if event["event"] == "join"]
    assert [event["name"] for event in joins] == ["BBC One"]
    assert '"BBC One"' in monitor.line(joins[0])
    assert " p1 (Studio A) 239.1.2.3 " in monitor.line(joins[0])
    assert {event["port"] for event in told if "description" in event} == {"p1"}
    (row,) = monitor.table(documents.Events(events=joins)).lines
    assert row[2] == "p1 (Studio A)"
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


def test_every_answer_says_what_its_ports_are_called() -> None:
    scene = Scene(port=STUDIO).start()
    scene.join(1)
    for what in ("mdb", "hosts", "streams", "mrouters", "querier", "fdb", "witnesses", "counters"):
        assert scene.ask(Show(what=what))["descriptions"] == {"p1": "Studio A"}
    scene.configure(port=PORTS)
    assert "descriptions" not in scene.ask(Show(what="mdb"))


def test_tables_say_what_ports_are_called_beside_them_or_below() -> None:
    called = {"p0": "Truck", "p1": "Studio A", "p9": "not there"}

    def drawn(document: documents.Document) -> list[str]:
        document = msgspec.structs.replace(document, descriptions=called)
        return tables.describe(tables.NOUNS[document.what].table(document), document).text(60)

    for document in (
        documents.Mdb(switch="s", mdb=[shown.entry("p1")]),
        documents.Hosts(hosts=[shown.host("p1", "10.0.0.11")]),
        documents.Mrouters(mrouters=[shown.mrouter("10.0.0.1", "p1")]),
        documents.Queriers(queriers=[shown.querier("non-querier", "10.0.0.1", port="p1")]),
        documents.Fdb(fdb=[shown.station("p1", sticky=True)]),
    ):
        text = drawn(document)
        assert "Description" in " ".join(text)
        assert "Studio A" in " ".join(" ".join(text).split())
        assert all(len(line) <= 60 for line in text)
    assert drawn(documents.Streams(streams=[shown.stream()]))[-1] == "p0: Truck, p1: Studio A"
    counters = documents.Counters(counters={"rx_frames": 1}, ports={"p1": {"rx_frames": 1}})
    assert drawn(counters)[-1] == "p1: Studio A"
    nothing = documents.Mrouters(mrouters=[shown.mrouter("10.0.0.1", "p3")])
    assert "Description" not in " ".join(drawn(nothing))


def test_the_screen_shows_names_searches_them_and_describes_ports() -> None:
    seen = everything(
        mdb=[shown.entry("p1", name="BBC One"), shown.entry("p1", "239.9.9.9")],
        ports=[shown.port("p1", description="Studio A", problem="no carrier")],
    )
    for width, height in ((60, 20), (200, 50)):
        view = View(sort="group")
        lines = [line.text for line in render(seen, view, Size(width, height))]
        assert max(map(len, lines)) <= width
        assert "! p1 (Studio A): no carrier" in lines
        assert next(line for line in lines if line.startswith("239.1.2.3")).split()[1] == "BBC"
    for text, at in (("bbc", 0), ("239.9", 1)):
        view.search = text
        assert press(view, "n")
        assert view.at == at
    view.filter = "bbc one"
    (row,) = screen.rows(seen, view)
    assert row.group == "239.1.2.3"
    heard = Guests([], [shown.host("p1", "10.0.0.11")])
    lines = [line.text for line in panel.ports(seen, View("ports"), Size(100, 20), {}, heard)]
    assert next(line for line in lines if line.startswith("p1")).endswith("Studio A")
    lines = [line.text for line in panel.hosts(seen, View("hosts", "p1"), Size(99, 20), {}, heard)]
    assert "239.1.2.3 (BBC One)" in next(line for line in lines if line.startswith("10.0.0.11"))
    assert any(line.startswith("p1 (Studio A) up") for line in lines)
    lines = [line.text for line in panel.ports(seen, View("ports"), Size(60, 20), {}, heard)]
    assert any("Groups  Hosts" in line for line in lines), "what is wanted least gives way"
    lines = [line.text for line in panel.hosts(seen, View("hosts", "p1"), Size(60, 20), {}, heard)]
    assert any(line.endswith("1: 239.1.2.3 (BBC One)") for line in lines)


def test_the_overview_and_findings_have_names() -> None:
    seen = everything(
        ports=[shown.port("p1", description="Studio A")],
        mdb=[shown.entry("p1", name="BBC One")],
    )
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
        assert looks.called(subject, names) == name


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
