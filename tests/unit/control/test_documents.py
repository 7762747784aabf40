"""Both ends of the socket read the same documents; a switch of another version is understood."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import typing
from pathlib import Path
from typing import Any

import msgspec
import pytest

from snoop.cli.main import run
from snoop.config import effective, loader, schema, schema_port, schema_vlan
from snoop.control import configured, documents, flows, privileged, requests
from snoop.control.client import Client, Refused, read
from snoop.control.requests import Explain, Mrouter, Show, Static
from snoop.table.seen import FdbEntry, Stream
from snoop.wire import address
from snoop.wire.messages import Record, RecordType
from unit import HANGS_S
from unit.scene import G, S, Scene

KINDS = {
    kind.what: kind
    for kind in (*vars(documents).values(), privileged.Privileges)
    if isinstance(kind, type) and issubclass(kind, documents.Document) and hasattr(kind, "what")
}


def test_everything_that_can_be_shown_is_a_document() -> None:
    assert KINDS.keys() == set(typing.get_args(typing.get_type_hints(Show)["what"]))


@pytest.fixture(scope="module")
def scene() -> typing.Iterator[Scene]:
    """A switch with one of everything."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(flows, "LOOK_SECONDS", 0)
        made = Scene().start()
        made.fastpath.seen = [Stream(0, S, G, 0, 9, 900, 1, 2, 2, True, "forward_group")]
        made.fastpath.fdb = lambda: iter([FdbEntry(0, bytes(6), 1, 5, 2, 6)])  # type: ignore[attr-defined]
        made.report(1, Record(RecordType.ALLOW, G, (S,)))
        made.report(2, Record(RecordType.TO_EX, G, (address.parse("10.0.0.77"),)))
        made.report(2, Record(RecordType.TO_EX, address.parse("232.1.1.1"), ()))
        made.ask(Mrouter(add=True, port="p3"))
        made.ask(Static(add=True, group="239.1.2.3", port="p1", source="10.0.0.8"))
        yield made


@pytest.mark.parametrize("what", sorted(KINDS.keys() - {"config"}))
def test_what_is_written_is_read_and_is_the_same(scene: Scene, what: str) -> None:
    """Every field, in its order; `static` of a source only where it is true."""
    line = requests.encode(asyncio.run(scene.answers.answer(Show(what=what))))  # type: ignore[arg-type]
    assert requests.encode(msgspec.json.decode(line, type=KINDS[what])) == line
    assert line.count(b'"static":true') == (what == "mdb")
    assert b'"static":false' not in line


def test_an_explanation_is_read_too(scene: Scene) -> None:
    line = requests.encode(asyncio.run(scene.answers.answer(Explain(port="p0", group="239.1.2.3"))))
    assert requests.encode(msgspec.json.decode(line, type=documents.Explained)) == line


def test_what_is_read_of_the_configuration_are_keys_of_the_file() -> None:
    """The daemon writes the schema; `documents.Config` picks from it."""
    tables = {
        configured.SwitchConfig: schema.SwitchTable,
        configured.IgmpConfig: schema.IgmpTable,
        configured.MldConfig: schema.MldTable,
        configured.VlanMldConfig: schema_vlan.VlanMldTable,
        configured.VlanConfig: schema.VlanTable,
        configured.PortConfig: schema_port.PortTable,
        configured.PortMldConfig: schema_port.PortMldTable,
    }
    for kind, table in tables.items():
        other = schema_port.HostTable if kind is configured.PortConfig else table
        known = {*table.__struct_fields__, *other.__struct_fields__}
        assert set(kind.__struct_fields__) <= known
    raw = {"vlan": [{"vid": 10}], "port": [{"name": "p0"}]}
    config = msgspec.convert(effective.whole(loader.check(raw, where="t")), documents.Config)
    assert config.vlan[0].max_groups == 4096


# Other versions ----------------------------------------------------------------------------------


class Answering:
    """Somebody at a socket who answers every request with one line."""

    def __init__(self, path: Path, result: Any) -> None:
        self.line = json.dumps({"ok": True, "result": result}).encode() + b"\n"
        self.listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listening.bind(str(path))
        self.listening.listen()
        self.thread = threading.Thread(target=self._serve)
        self.thread.start()

    def _serve(self) -> None:
        one, _ = self.listening.accept()
        with one, one.makefile("rb") as lines:
            for _ in lines:
                one.sendall(self.line)

    def close(self) -> None:
        self.thread.join(HANGS_S)
        self.listening.close()


ROW = {"vlan": 0, "family": "ipv4", "port": "p1", "origin": "query", "address": None,
       "timer": None, "uptime": 1.0}  # fmt: skip


def shown(path: Path, row: dict[str, Any]) -> documents.Mrouters:
    other = Answering(path, {"mrouters": [row]})
    try:
        with Client(str(path)) as client:
            return client.show(documents.Mrouters)
    finally:
        other.close()


def test_a_newer_switch_may_say_more_and_use_other_words(tmp_path: Path) -> None:
    row = {**ROW, "origin": "telepathy", "since": "tuesday"}
    (mrouter,) = shown(tmp_path / "sock", row).mrouters
    assert mrouter.origin == "telepathy"


@pytest.mark.parametrize(
    ("row", "text"),
    [
        ({key: value for key, value in ROW.items() if key != "timer"}, "`timer`"),
        ({**ROW, "vlan": "ten"}, "Expected `int`, got `str` - at `$.mrouters[0].vlan`"),
    ],
)
def test_a_switch_that_says_too_little_is_refused_by_name(
    tmp_path: Path, row: dict[str, Any], text: str
) -> None:
    with pytest.raises(Refused) as caught:
        shown(tmp_path / "sock", row)
    assert caught.value.code == 1
    assert "of another version" in str(caught.value)
    assert text in str(caught.value)
    with pytest.raises(Refused):
        read({"time": 1.0}, documents.Event)


def test_a_command_says_so_in_a_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = Answering(tmp_path / "sock", {"mrouters": [{"vlan": 0}]})
    assert run(["--socket", str(tmp_path / "sock"), "show", "mrouters"]) == 1
    other.close()
    said = capsys.readouterr()
    assert said.err.startswith("snoop: the switch is of another version")
    assert said.err.count("\n") == 1
