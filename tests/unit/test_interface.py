"""The page of the interface is true: its commands, fields and keys are those of the program."""

import asyncio
import re
import tomllib
import typing
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import click
import msgspec
import pytest

import snoop
from snoop.cli import running
from snoop.cli.main import cli
from snoop.config import schema, words
from snoop.config.loader import TABLES
from snoop.control import flows
from snoop.control.documents import Finding
from snoop.control.kinds import KINDS
from snoop.control.requests import Clear, Events, Explain, Monitor, Mrouter, PortSet, Show
from snoop.lab import plugin
from snoop.proto.effects import EventKind
from snoop.runtime import clock
from snoop.table.seen import Punted, Stream
from snoop.wire import address
from snoop.wire.messages import Record, RecordType
from unit.frames import v3_query
from unit.scene import G, S, Scene, heard

PAGE = Path(schema.__file__).parents[1] / "INTERFACE.md"


@cache
def section(number: int) -> str:
    """The text of one numbered section."""
    return re.split(r"^## \d+\. .*$", PAGE.read_text(), flags=re.MULTILINE)[number]


# Commands ----------------------------------------------------------------------------------------


def synopses() -> list[list[str]]:
    """Section 2: the words of every command line in a first column."""
    lines = re.findall(r"^\| `snoop (.+?)` \|", section(2), re.MULTILINE)
    return [re.findall(r"[\w-]+", line.replace("\\|", " ")) for line in lines]


def test_every_call_from_python_is_there() -> None:
    """Section 2, From Python; and the fixtures it names."""
    called = set(re.findall(r"`(?:[sS]witch)\.(\w+)\(", section(2)))
    assert {"wait_pruning", "wait_members", "events", "attach"} <= called
    assert {name for name in called if not callable(getattr(snoop.Switch, name, None))} == set()
    exported = re.search(r"`from snoop import (.+?)`", section(2))
    assert exported is not None
    assert set(exported[1].split(", ")) == set(snoop.__all__) - {"__version__"}
    assert {"snoop_lab", "snoop_switch"} <= vars(plugin).keys()


def resolved(words: list[str]) -> tuple[click.Command, list[str]]:
    """The command that `words` begin with, and the words behind it."""
    command: click.Command = cli
    context = click.Context(cli)
    while isinstance(command, click.Group) and words:
        found = command.get_command(context, words[0])
        if found is None:
            break
        command, words = found, words[1:]
    return command, words


def leaves(group: click.Group, *path: str) -> Iterator[str]:
    """Every command that does something, as its words."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from leaves(command, *path, name)
        else:
            yield " ".join((*path, name))


@pytest.mark.parametrize("words", synopses(), ids=" ".join)
def test_every_command_and_option_exists(words: list[str]) -> None:
    command, rest = resolved(words)
    assert command is not cli, f"there is no {words[0]}"
    known = {option for param in command.params for option in (*param.opts, *param.secondary_opts)}
    assert {word for word in rest if word.startswith("--")} <= known
    assert not {word for word in rest if word.islower() and word[0] != "-"}, "an unknown command"


def test_every_command_is_on_the_page() -> None:
    lines = [" ".join(words) for words in synopses()]
    missing = [
        leaf for leaf in leaves(cli) if not any(f"{one} ".startswith(f"{leaf} ") for one in lines)
    ]
    assert not missing, f"add to section 2 of {PAGE.name}: {missing}"


def test_other_names_and_global_options_exist() -> None:
    assert resolved(["show", "groups"])[1] == []
    known = {option for param in cli.params for option in param.opts}
    assert {"-n", "--name", "--socket"} <= known
    assert set(re.findall(r"\(?`(--?\w+)", section(2).split("| exit")[0])) <= known


def test_every_show_takes_json() -> None:
    """What shows state, and no command of section 2 that says so in vain."""
    for leaf in leaves(cli):
        if leaf.split()[0] in ("show", "check", "explain", "monitor", "reload"):
            assert "--json" in {o for p in resolved(leaf.split())[0].params for o in p.opts}, leaf


# JSON --------------------------------------------------------------------------------------------


def documents() -> dict[str, tuple[set[str], dict[str, set[str]]]]:
    """Section 3: of each answer the names at its top, and its fields with what is in them."""
    found = {}
    for part in section(3).split("\n### ")[1:]:
        title, _, text = part.partition("\n")
        top = re.search(r"^`(\{.+?\})`", text, re.MULTILINE)
        fields: dict[str, set[str]] = {}
        for names, value in re.findall(r"^\| (`.+?) \| (.+) \|$", text, re.MULTILINE):
            inner = re.search(r"`\[\{(.+?)\}\]`", value)
            for name in re.findall(r"`(\w+)`", names):
                fields[name] = set(re.findall(r'"(\w+)"', inner[1])) if inner else set()
        found[title] = (set(re.findall(r'"(\w+)":', top[1])) if top else set(), fields)
    return found


PARTS = ("hosts", "gone", "asked", "routers")


@pytest.fixture(scope="module")
def answered() -> dict[str, Any]:
    """The real answers of a switch in which there is one of everything."""
    guarded = [{"name": f"p{n}", "querier_guard": n == 2} for n in range(4)]
    scene = Scene(port=guarded).start()
    now = clock.now()
    scene.fastpath.seen = [
        Stream(0, address.parse("10.0.0.10"), G, 0, 9, 900, now - 10, now, 2, True, "forward_group")
    ]
    scene.report(1, Record(RecordType.ALLOW, G, (S,)))
    scene.report(1, Record(RecordType.TO_EX, address.parse("232.1.1.1"), ()))
    scene.ask(Mrouter(add=True, port="p3"))
    scene.fastpath.waiting.append(Punted(2, 0, v3_query(), 0))
    scene.plane.punted()
    scene.report(2, Record(RecordType.TO_EX, address.parse("239.1.1.9"), ()))
    scene.ask(Clear(what="mdb", group="239.1.1.9"))
    seen = scene.ask(Show(what="witnesses"))
    return {
        **{f"show witnesses: {part}": {part: seen[part]} for part in PARTS},
        **{f"show {what}": scene.ask(Show(what=what)) for what in typing.get_args(_shown())},
        "show vlans": filtering().ask(Show(what="vlans")),
        "show events": scene.ask(Events()),
        "count": scene.ask(Show(what="mdb", count=True)),
        "explain": scene.ask(Explain(port="p0", group="239.1.2.3")),
        "port set": scene.ask(PortSet(port="p1", options=("fast_leave=on",))),
        "list": {"switches": [running.row_of(Path("/no/such.sock"))]},
        "check": {"findings": [dict.fromkeys(Finding.__struct_fields__, "")]},
        "monitor": {"lines": [asyncio.run(event(scene))]},
    }


def filtering() -> Scene:
    """A switch whose ports are in VLANs."""
    return Scene(switch={"vlan_filtering": True}).start()


def _shown() -> Any:
    return typing.get_type_hints(Show)["what"]


async def event(scene: Scene) -> dict[str, Any]:
    """What `monitor` prints of a join."""
    listener = scene.answers.listen(Monitor(), events=scene.events, captures=scene.captures)
    scene.join(2)
    items = await heard(listener)
    listener.close()
    return items[0]


@pytest.mark.parametrize("title", documents())
def test_every_field_is_in_the_real_answer(title: str, answered: dict[str, Any]) -> None:
    answer = answered[title]
    top, fields = documents()[title]
    assert top <= set(answer)
    if not fields:
        return
    lists = [value for value in answer.values() if isinstance(value, list)]
    row = next(value[0] for value in lists if value and isinstance(value[0], dict))
    assert set(fields) <= set(row)
    for name, inner in fields.items():
        assert not inner or inner <= set(row[name][0])


def test_every_answer_is_on_the_page() -> None:
    """`status` is the commands' own affair, and `privileges` a part of `check`."""
    own = {"status", "privileges"}
    shown = {f"show {what}" for what in typing.get_args(_shown()) if what not in own}
    assert shown <= documents().keys()


def test_events_are_those_that_can_be_monitored() -> None:
    (kinds,) = re.findall(r"^\| `event` \| `([a-z_ ]+)`", section(3), re.MULTILINE)
    assert set(kinds.split()) == KINDS.keys() == {kind.value for kind in EventKind}


# Configuration -----------------------------------------------------------------------------------


def keys(number: int) -> dict[str, dict[str, str]]:
    """The TOML of a section: each table's keys with their lines."""
    found: dict[str, dict[str, str]] = {}
    for block in re.findall(r"^```toml\n(.*?)^```", section(number), re.MULTILINE | re.DOTALL):
        table = ""
        for line in block.splitlines():
            if heading := re.match(r"\[+(\w+)\]+", line):
                table = heading[1]
            elif key := re.match(r"(?:# )?(\w+)", line):
                found.setdefault(table, {})[key[1]] = line
    return found


@pytest.mark.parametrize("table", TABLES)
def test_the_keys_are_those_of_the_schema_with_their_defaults(table: str) -> None:
    """After adding a key: add its line to section 4, commented out if its default is None."""
    there = keys(4)[table]
    own = words.own(TABLES[table])
    known = msgspec.structs.fields(TABLES[table])
    fields = {field.name: field for field in known if field.name in own}
    missing = {name: fields[name].default for name in fields.keys() - there.keys()}
    assert not missing, f"add to [{table}] in section 4 of {PAGE.name}: {missing}"
    assert not there.keys() - fields.keys(), f"not in {schema.__name__}: take out of {PAGE.name}"
    for name, line in there.items():
        said = None if line.startswith("# ") else tomllib.loads(line)[name]
        if not fields[name].required:
            assert said == default(fields[name]), f"[{table}] {name}: the default is another"


def default(field: msgspec.structs.FieldInfo) -> object:
    made = field.default_factory
    value = field.default if made is msgspec.NODEFAULT else made()
    return msgspec.to_builtins(value, enc_hook=str)


def test_every_word_a_key_takes_is_beside_it() -> None:
    for table, there in keys(4).items():
        hints = typing.get_type_hints(TABLES[table], include_extras=True)
        for name, line in there.items():
            taken = re.findall(r'"[^"]+"', words.allowed(hints[name]))
            missing = [word for word in taken if word not in line]
            assert not missing or line.startswith("# "), f"[{table}] {name} also takes {missing}"


def test_what_is_to_come_is_not_there_yet() -> None:
    """What is built moves from section 5 to where it belongs."""
    for table, there in keys(5).items():
        for name in there.keys() - {"name", "vid"}:
            assert name not in TABLES[table].__struct_fields__, f"[{table}] {name}: move it up"


@pytest.fixture(autouse=True, scope="module")
def _at_once() -> Iterator[None]:
    """`show streams` looks twice; here it need not wait between."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(flows, "LOOK_SECONDS", 0)
        yield
