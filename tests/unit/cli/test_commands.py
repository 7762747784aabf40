"""The commands against a control socket: the contract's JSON, exit codes, one-line errors."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from snoop.cli import main, show
from snoop.config import loader
from snoop.control import counters
from snoop.control.server import ControlServer
from snoop.fastpath import REASONS, STATS
from snoop.runtime import clock
from snoop.switch import Switch, SwitchError
from snoop.table.seen import Stream
from snoop.wire import address
from unit.fake_fastpath import FakeFastPath
from unit.scene import G, Scene

SOURCE = address.parse("10.0.0.10")


class Daemon:
    """A plane on a fake fast path behind a real control socket, in a thread of its own."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.scene = Scene()
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.started = threading.Event()
        self.listened = threading.Event()
        self.stopping = asyncio.Event()

    def _run(self) -> None:
        self.loop.run_until_complete(self._serve())
        self.loop.close()

    async def _serve(self) -> None:
        self.scene.start()
        server = ControlServer(
            self.path,
            answer=self.scene.answers.answer,
            listen=self.listen,
        )
        await server.open()
        self.started.set()
        await self.stopping.wait()
        await server.close()

    def listen(self, request: Any) -> Any:
        listener = self.scene.answers.listen(
            request, events=self.scene.events, captures=self.scene.captures
        )
        self.listened.set()
        return listener

    def do(self, work: Any, *arguments: Any) -> None:
        """Run something in the daemon's thread and wait for it."""
        done = threading.Event()
        self.loop.call_soon_threadsafe(lambda: (work(*arguments), done.set()))
        assert done.wait(10)

    @property
    def fastpath(self) -> FakeFastPath:
        return self.scene.fastpath


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    made = Daemon(tmp_path / "sw.sock")
    made.thread.start()
    assert made.started.wait(10)
    yield made
    made.loop.call_soon_threadsafe(made.stopping.set)
    made.thread.join(10)


class Said:
    """What a command left behind."""

    def __init__(self, status: int, out: str, err: str) -> None:
        self.status, self.out, self.err = status, out, err

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def snoop(daemon: Daemon, capsys: pytest.CaptureFixture[str]) -> Any:
    def run(*words: str) -> Said:
        status = main.run(["--socket", str(daemon.path), *words])
        said = capsys.readouterr()
        return Said(status, said.out, said.err)

    return run


def test_show_mdb_json_is_the_document_of_the_contract(daemon: Daemon, snoop: Any) -> None:
    daemon.do(daemon.scene.join, 1)
    said = snoop("show", "mdb", "--json")
    assert said.status == 0
    assert said.json["switch"] == "sw0"
    (row,) = said.json["mdb"]
    assert set(row) == {
        "vlan", "family", "group", "port", "filter_mode", "sources", "group_timer", "origin",
        "compatibility", "uptime", "last_reporter",
    }  # fmt: skip
    assert (row["group"], row["port"], row["filter_mode"]) == ("239.1.2.3", "p1", "exclude")
    assert snoop("show", "groups", "--json").json["mdb"][0]["group"] == "239.1.2.3"
    assert snoop("show", "mdb", "--json", "--port", "p2").json["mdb"] == []


@pytest.mark.parametrize(
    ("what", "key"),
    [
        ("mdb", "mdb"),
        ("mrouters", "mrouters"),
        ("querier", "queriers"),
        ("ports", "ports"),
        ("counters", "counters"),
        ("fdb", "fdb"),
        ("hosts", "hosts"),
        ("streams", "streams"),
        ("config", "igmp"),
    ],
)
def test_every_show_has_json_and_a_table_of_80_columns(
    daemon: Daemon, snoop: Any, what: str, key: str
) -> None:
    """INTERFACE.md 2."""
    daemon.do(daemon.scene.join, 1)
    daemon.fastpath.seen = [stream()]
    said = snoop("show", what, "--json")
    assert said.status == 0
    assert key in said.json
    table = snoop("show", what)
    assert table.status == 0
    assert table.out.strip()
    assert max(len(line) for line in table.out.splitlines()) <= 80


def stream(**changes: Any) -> Stream:
    now = clock.now()
    values: dict[str, Any] = {
        "vlan": 0, "source": SOURCE, "group": G, "port": 0, "frames": 1001, "bytes": 142_142,
        "first_ns": now - 10_000_000_000, "last_ns": now, "egress": 0b0010, "registered": True,
        "reason": "forward_group", **changes,
    }  # fmt: skip
    return Stream(**values)


def test_show_streams_has_the_fields_of_the_contract(daemon: Daemon, snoop: Any) -> None:
    daemon.fastpath.seen = [stream()]
    (row,) = snoop("show", "streams", "--json").json["streams"]
    assert {
        "vlan", "family", "source", "group", "port", "frames", "bytes", "frames_per_s",
        "bits_per_s", "registered", "egress", "age", "idle",
    } <= set(row)  # fmt: skip
    assert (row["source"], row["egress"], row["frames"]) == ("10.0.0.10", ["p1"], 1001)
    assert row["frames_per_s"] == pytest.approx(100, rel=0.05)
    assert row["bits_per_s"] == pytest.approx(100 * 142 * 8, rel=0.05)


def test_show_ports_has_the_fields_of_the_contract(daemon: Daemon, snoop: Any) -> None:
    daemon.fastpath.counts[1] = {"rx_frames": 3, "no_member": 2, "forward_group": 1, "tx_full": 4}
    rows = snoop("show", "ports", "--json").json["ports"]
    assert [row["name"] for row in rows] == ["p0", "p1", "p2", "p3"]
    assert {
        "name", "ifindex", "state", "mrouter", "fast_leave", "rx_frames", "rx_bytes", "tx_frames",
        "tx_bytes", "drops",
    } <= set(rows[1])  # fmt: skip
    assert rows[1]["drops"] == {"no_member": 2, "tx_full": 4}
    assert (rows[1]["state"], rows[1]["ifindex"]) == ("up", 11)


def test_every_counter_is_explained(daemon: Daemon, snoop: Any) -> None:
    """INTERFACE.md 3: names are stable and listed with one line each."""
    lines = snoop("show", "counters", "--explain", "--json").json
    assert all(lines.values())
    shown = snoop("show", "counters", "--json").json
    assert set(shown["counters"]) == set(lines)
    assert set(REASONS) == set(counters.VERDICTS)
    assert set(STATS) == set(counters.STATS)
    assert "mdb" not in snoop("show", "counters", "--explain").err


def test_a_switch_object_sees_what_the_commands_see(daemon: Daemon) -> None:
    """The Python API on a running switch."""
    daemon.do(daemon.scene.join, 1)
    with Switch.attach(socket=str(daemon.path)) as switch:
        switch.wait_member("239.1.2.3", "p1", within=1)
        assert switch.members("239.1.2.3") == {"p1"}
        switch.add("239.5.5.5", "p2")
        assert switch.members("239.5.5.5") == {"p2"}
        switch.delete("239.5.5.5", "p2")
        assert switch.explain(port="p0", group="239.1.2.3")["ports"] == ["p1"]
        assert switch.counters("p1")["rx_report_v3"] == 1
        with pytest.raises(TimeoutError, match=r"p3 is no member of 239\.1\.2\.3"):
            switch.wait_member("239.1.2.3", "p3", within=0)
    assert daemon.thread.is_alive()


def test_a_switch_object_that_cannot_start_says_why() -> None:
    with pytest.raises(SwitchError) as caught:
        Switch(["no-such-if0"]).start()
    assert "no-such-if0" in str(caught.value) or "CAP_NET" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_commands_change_the_table(daemon: Daemon, snoop: Any) -> None:
    assert snoop("mdb", "add", "239.5.5.5", "--port", "p2").status == 0
    rows = snoop("show", "mdb", "--json").json["mdb"]
    assert [(row["group"], row["port"], row["origin"]) for row in rows] == [
        ("239.5.5.5", "p2", "static")
    ]
    assert snoop("mrouter", "add", "--port", "p3").status == 0
    (router,) = snoop("show", "mrouters", "--json").json["mrouters"]
    assert (router["port"], router["origin"], router["address"]) == ("p3", "static", None)
    assert snoop("mdb", "del", "239.5.5.5", "--port", "p2").status == 0
    assert snoop("mrouter", "del", "--port", "p3").status == 0
    assert snoop("show", "mdb", "--json").json["mdb"] == []
    before = len(daemon.fastpath.injected)
    assert snoop("query").status == 0
    assert len(daemon.fastpath.injected) == before + 1
    assert snoop("clear", "counters").status == 0
    assert snoop("clear", "fdb", "--port", "p1").status == 0
    assert daemon.fastpath.flushed[-1] == (1, None)


@pytest.mark.parametrize(
    ("words", "status", "text"),
    [
        (["mdb", "del", "239.5.5.5", "--port", "p2"], 1, "no static entry of 239.5.5.5 on p2"),
        (["mdb", "add", "239.5.5.5", "--port", "p22"], 2, 'did you mean "p2"?'),
        (["mdb", "add", "10.5.5.5", "--port", "p2"], 2, "is not a multicast group"),
        (["mdb", "add", "239.5.5.5"], 2, "--port"),
        (["mdb", "add", "239.5.5.5", "--port", "p2", "--source", "239.1.1.1"], 2, "of a source"),
        (["show", "mdb", "--vlan", "4095"], 2, "--vlan"),
        (["show", "mdbs"], 2, "mdbs"),
        (["mdb"], 2, "Missing command"),
        (["shwo"], 2, "shwo"),
        (["show", "mdb", "--jsn"], 2, "--jsn"),
        (["explain", "--group", "239.1.2.3"], 2, "--port IN is needed"),
        (["explain", "--group", "239.1.2.3", "--stream"], 1, "no stream of 239.1.2.3"),
        (["config", "check", "/nonexistent"], 2, "cannot read /nonexistent"),
        (["decode", "/nonexistent"], 1, "cannot read /nonexistent"),
        (["decode", "/proc/self/status"], 1, "not a pcap or pcapng file"),
        (["watch"], 2, "needs a terminal"),
        (["run"], 2, "no ports: give --port IF"),
        (["run", "--port", "p0,mrouter=maybe"], 2, '"auto", "always", "never"'),
        (["run", "--config", "/nonexistent"], 2, "cannot read /nonexistent"),
        (["run", "--port", "p0", "--querier-address", "x"], 2, "is not an IPv4 address"),
    ],
)
def test_a_failure_is_one_line_and_an_exit_code(
    snoop: Any, words: list[str], status: int, text: str
) -> None:
    """INTERFACE.md 2: 1 failed, 2 usage or configuration; one line that helps."""
    said = snoop(*words)
    assert said.status == status
    assert text in said.err
    assert len(said.err.splitlines()) == 1
    assert said.err.startswith("snoop: ")
    assert said.out == ""


def test_no_daemon_is_exit_code_3(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["--socket", str(tmp_path / "none"), "show", "mdb", "--json"]) == 3
    said = capsys.readouterr()
    assert "no snoop daemon at" in said.err
    assert said.out == ""


def test_run_says_which_port_does_not_exist(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Start-up failures name the reason: exit 1."""
    path = str(tmp_path / "sw.sock")
    status = main.run(["--socket", path, "run", "--port", "no-such-if0"])
    said = capsys.readouterr()
    assert status == 1
    assert said.err.count("\n") == 1
    assert "no-such-if0" in said.err or "CAP_NET" in said.err


def test_explain_prints_a_reason_a_port_and_json_of_the_contract(
    daemon: Daemon, snoop: Any
) -> None:
    daemon.do(daemon.scene.join, 1)
    words = ("explain", "--port", "p0", "--group", "239.1.2.3")
    answer = snoop(*words, "--json").json
    assert {"action", "reason", "ports", "why"} <= set(answer)
    assert all(set(why) == {"port", "forwarded", "because"} for why in answer["why"])
    text = snoop(*words)
    assert text.status == 0
    assert "member by the IGMPv3 report of 10.0.0.11" in " ".join(text.out.split())
    daemon.fastpath.seen = [stream()]
    assert (
        "10.0.0.10 -> 239.1.2.3, in at p0"
        in snoop("explain", "--group", "239.1.2.3", "--stream").out
    )


def test_bridge_format_is_what_the_bridge_tool_prints(daemon: Daemon, snoop: Any) -> None:
    daemon.do(daemon.scene.join, 1)
    snoop("mdb", "add", "239.5.5.5", "--port", "p2", "--source", "10.0.0.9")
    snoop("mrouter", "add", "--port", "p3")
    (document,) = snoop("show", "mdb", "--format", "bridge").json
    dynamic, static = document["mdb"]
    assert {key: dynamic[key] for key in ("dev", "port", "grp", "state", "filter_mode")} == {
        "dev": "sw0", "port": "p1", "grp": "239.1.2.3", "state": "temp", "filter_mode": "exclude",
    }  # fmt: skip
    assert 0 < float(dynamic["timer"]) <= 270
    assert len(dynamic["timer"]) == 7
    assert {key: static[key] for key in ("port", "grp", "src", "state", "timer")} == {
        "port": "p2", "grp": "239.5.5.5", "src": "10.0.0.9", "state": "permanent",
        "timer": "   0.00",
    }  # fmt: skip
    assert document["router"]["sw0"][0]["port"] == "p3"
    assert document["router"]["sw0"][0]["type"] == "permanent"


def test_yang_format_keeps_the_rules_of_rfc_7951(daemon: Daemon, snoop: Any) -> None:
    """spec section 8, J-1 to J-9."""
    daemon.do(daemon.scene.join, 1)
    document = snoop("show", "mdb", "--format", "yang").json
    (protocol,) = document["ietf-routing:routing"]["control-plane-protocols"][
        "control-plane-protocol"
    ]
    assert protocol["type"] == "ietf-igmp-mld-snooping:igmp-snooping"
    instance = protocol["ietf-igmp-mld-snooping:igmp-snooping-instance"]
    (group,) = instance["group"]
    assert group["mac-address"] == "01:00:5e:01:02:03"
    assert isinstance(group["up-time"], int)
    assert 1 <= group["expire"] <= 65535
    (source,) = group["source"]
    assert source["address"] == "*"
    assert source["bridge-outgoing-interface"] == ["p1"]
    assert source["host-count"] == 1
    assert "static-l2-multicast-group" not in instance
    received = {
        one["name"]: one["statistics"]["received"] for one in instance["interfaces"]["interface"]
    }
    assert received["p1"]["membership-report-v3-count"] == "1"


def test_overview_fits_80_by_24(daemon: Daemon, snoop: Any) -> None:
    daemon.do(daemon.scene.join, 1)
    lines = snoop("show").out.splitlines()
    assert len(lines) <= 24
    assert max(map(len, lines)) <= 80
    assert "this switch is the querier (10.0.0.254)" in "\n".join(lines)


def test_monitor_prints_an_object_a_line(daemon: Daemon) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "snoop", "--socket", str(daemon.path), "monitor", "--json",
         "--type", "join"],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert daemon.listened.wait(10)
        daemon.do(daemon.scene.join, 1)
        assert process.stdout is not None
        event = json.loads(process.stdout.readline())
    finally:
        process.terminate()
        process.communicate(timeout=10)
    assert event["event"] == "join"
    assert (event["port"], event["group"], event["vlan"]) == ("p1", "239.1.2.3", 0)
    assert event["time"] > 1_600_000_000


def test_reload_says_what_needs_a_restart(daemon: Daemon, snoop: Any) -> None:
    daemon.scene.answers._reload = lambda: {  # type: ignore[method-assign]  # its collaborator
        "needs_restart": ["[switch] workers"],
        "missing_ports": ["p9"],
    }
    said = snoop("reload")
    assert "[switch] workers takes effect when the switch is started again" in said.out
    assert "port p9 does not exist yet" in said.out


def test_the_example_is_complete_and_good(tmp_path: Path, snoop: Any) -> None:
    """`config example` has every key of the schema, and is a configuration."""
    text = snoop("config", "example").out
    file = tmp_path / "example.toml"
    file.write_text(text)
    assert "is good; ports: p0, p1" in snoop("config", "check", str(file)).out
    every = tomllib.loads(
        "\n".join(
            line.removeprefix("# ") if " = " in line and not line.startswith("#  ") else line
            for line in text.splitlines()
            if not line.startswith("# ") or line.split(" = ")[0].removeprefix("# ").isidentifier()
        )
    )
    shown = loader.effective(loader.check(every, where="t"))
    for table in ("switch", "igmp", "metrics"):
        assert set(every[table]) == set(shown[table]), table
    assert set(every["port"][0]) == set(shown["port"][0])
    assert set(every["static"][0]) == set(shown["static"][0])
    assert max(len(line) for line in text.splitlines()) <= 100


def test_shell_completion_offers_ports_and_groups(daemon: Daemon) -> None:
    daemon.do(daemon.scene.join, 1)

    def complete(words: str, at: int) -> list[str]:
        done = subprocess.run(
            [sys.executable, "-c", "from snoop.cli.main import main; main()"],
            env={
                "SNOOP_SOCKET": str(daemon.path),
                "COMP_WORDS": words,
                "COMP_CWORD": str(at),
                "_SNOOP_COMPLETE": "bash_complete",
            },
            capture_output=True,
            text=True,
            check=True,
        )
        return [line.split(",")[1] for line in done.stdout.splitlines()]

    assert complete("snoop show mdb --port p", 4) == ["p0", "p1", "p2", "p3"]
    assert complete("snoop explain --group 23", 3) == ["239.1.2.3"]
    assert complete("snoop sh", 1) == ["show"]


def test_help_of_every_command_fits_80_columns() -> None:
    runner = CliRunner()

    def walk(words: list[str], command: Any) -> None:
        said = runner.invoke(main.cli, [*words, "--help"], terminal_width=80)
        assert said.exit_code == 0, words
        assert max(len(line) for line in said.output.splitlines()) <= 80, words
        for name in getattr(command, "list_commands", lambda ctx: [])(None):
            walk([*words, name], command.get_command(None, name))

    walk([], main.cli)
    assert "mdb" in show.show.commands
