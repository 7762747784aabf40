"""The commands against a control socket: what they change, exit codes, one-line errors."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from snoop.cli import main, show
from snoop.config import effective, loader
from snoop.switch import Switch, SwitchError
from snoop.waiting import wait_until
from unit import HANGS_S
from unit.cli.conftest import Daemon
from unit.cli.test_show import stream

ALL_HOSTS = bytes.fromhex("01005e000001")


def test_a_switch_object_sees_what_the_commands_see(daemon: Daemon) -> None:
    """The Python API on a running switch."""
    daemon.do(daemon.scene.join, 1)
    with Switch.attach(socket=str(daemon.path)) as switch:
        switch.wait_member("239.1.2.3", "p1", timeout=HANGS_S)
        assert switch.members("239.1.2.3") == {"p1"}
        switch.add("239.5.5.5", "p2")
        assert switch.members("239.5.5.5") == {"p2"}
        switch.delete("239.5.5.5", "p2")
        assert switch.explain(port="p0", group="239.1.2.3")["ports"] == ["p1"]
        assert switch.counters("p1")["rx_report_v3"] == 1
        with pytest.raises(TimeoutError, match=r"p3 is no member of 239\.1\.2\.3"):
            switch.wait_member("239.1.2.3", "p3", timeout=0)
    assert daemon.thread.is_alive()


def test_a_switch_object_that_cannot_start_says_why() -> None:
    with pytest.raises(SwitchError) as caught:
        Switch(["no-such-if0"]).start()
    assert "no-such-if0" in str(caught.value) or "CAP_NET" in str(caught.value)
    assert "\n" not in str(caught.value)


def queries(daemon: Daemon) -> list[bytes]:
    """What was sent to all hosts; probes go out meanwhile."""
    return [sent[1] for sent in daemon.fastpath.injected if sent[1][:6] == ALL_HOSTS]


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
    before = len(queries(daemon))
    assert snoop("query").status == 0
    assert len(queries(daemon)) == before + 1
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
        (["show", "mdb", "--watch", "nan"], 2, "--watch"),
        (["show", "mdb", "--watch", "1e300"], 2, "--watch"),
        (["restart", "--timeout", "nan"], 2, "--timeout"),
        (["check", "--rate", "inf"], 2, "--rate"),
        (["web", "--listen", "\udcff:80"], 1, "cannot listen on"),
        (["web", "--listen", "[::1:80"], 2, "is not ADDRESS:PORT"),
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
        (
            ["run", "--port", "p0", "--querier-address", "x"],
            2,
            "is not allowed: a unicast IPv4 address",
        ),
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


BROKEN = '[switch]\nring_slots = 100\n[[port]]\nname = "p0"\n[metrics]\nlisten = ":99999"\n'


@pytest.mark.parametrize("words", [("config", "check"), ("run", "--config")])
def test_all_that_is_wrong_with_a_file_is_said_by_check_and_by_run(
    tmp_path: Path, snoop: Any, words: tuple[str, str]
) -> None:
    """SAY-10: the same lines, exit 2."""
    file = tmp_path / "x.toml"
    file.write_text(BROKEN)
    said = snoop(*words, str(file))
    assert (said.status, said.out) == (2, "")
    first, second = said.err.splitlines()
    assert first.startswith(f"snoop: {file}:2: [switch] ring_slots = 100 is not allowed: 0, or a")
    assert second.startswith(f'snoop: {file}:6: [metrics] listen = ":99999" is not allowed: ')


def test_what_is_odd_or_missing_is_noted_and_good(tmp_path: Path, snoop: Any) -> None:
    """SAY-10: exit 0, in the table's words and in JSON."""
    file = tmp_path / "x.toml"
    file.write_text('[igmp]\nquerier = "on"\n[[port]]\nname = "no-such-if0"\n')
    said = snoop("config", "check", str(file))
    assert said.status == 0
    first, odd, missing = said.out.splitlines()
    assert first == f"{file} is good; ports: no-such-if0"
    assert odd.startswith('note: [igmp] querier = "on" has no querier_address: ')
    assert missing == "note: [[port]] no-such-if0: no such interface in this network namespace"
    notes = snoop("config", "check", "--json", str(file)).json["notes"]
    assert [f"note: {note}" for note in notes] == [odd, missing]


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


def test_monitor_prints_an_object_a_line(daemon: Daemon) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "snoop", "--socket", str(daemon.path), "monitor", "--json",
         "--type", "join"],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert daemon.listened.wait(HANGS_S)
        daemon.do(daemon.scene.join, 1)
        assert process.stdout is not None
        event = json.loads(process.stdout.readline())
    finally:
        process.terminate()
        process.communicate(timeout=HANGS_S)
    assert event["event"] == "join"
    assert (event["port"], event["group"], event["vlan"]) == ("p1", "239.1.2.3", 0)
    assert event["time"] > 1_600_000_000


def test_reload_says_what_needs_a_restart(daemon: Daemon, snoop: Any) -> None:
    daemon.scene.raw["switch"] = {"no_querier": "prune", "workers": 2}
    daemon.scene.raw["port"] = [*daemon.scene.raw["port"], {"name": "p9"}]
    said = snoop("reload")
    assert "[switch] workers takes effect when the switch is started again" in said.out
    assert "port p9 does not exist yet" in said.out


def test_the_example_changes_nothing_until_it_is_edited(tmp_path: Path, snoop: Any) -> None:
    """SAY-5: loaded as it is, it is no file."""
    file = tmp_path / "example.toml"
    file.write_text(snoop("config", "example").out)
    assert tomllib.loads(file.read_text()) == {}
    assert loader.load(str(file)) == loader.load(None)
    assert "is good; ports: none" in snoop("config", "check", str(file)).out


def test_the_example_uncommented_is_whole_and_good(tmp_path: Path, snoop: Any) -> None:
    """SAY-5: `#` alone stands before every key, and before nothing else."""
    text = snoop("config", "example").out
    assert max(len(line) for line in text.splitlines()) <= 100
    whole = "\n".join(
        line if line.startswith("# ") else line.removeprefix("#") for line in text.splitlines()
    )
    file = tmp_path / "whole.toml"
    file.write_text(whole)
    assert "is good; ports: p0, p1" in snoop("config", "check", str(file)).out
    every = tomllib.loads(whole)
    shown = effective.whole(loader.check(every, where="t"))
    for table in ("switch", "igmp", "mld", "metrics"):
        assert every[table].keys() == shown[table].keys(), table
    for table in ("vlan", "port", "static"):
        without = {"access", "trunk", "native"} if table == "port" else set()
        assert every[table][0].keys() == shown[table][0].keys() - without, table
    for table in ("switch", "metrics"):
        defaults = effective.whole(loader.load(None).config)
        assert every[table] == defaults[table], "what is shown is the default"
    file.write_text(whole.replace("vlan_filtering = false", "vlan_filtering = true"))
    assert "is good; ports: p0, p1" in snoop("config", "check", str(file)).out
    one = re.sub(r"^# (access = 10)$", r"\1", file.read_text(), flags=re.M)
    two = re.sub(r"^# (trunk|native)( = .*)$", r"\1\2", file.read_text(), flags=re.M)
    for text in (one, two):
        file.write_text(text)
        assert text != whole
        assert "is good; ports: p0, p1" in snoop("config", "check", str(file)).out


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
        return [line.split(",")[1] for line in done.stdout.splitlines() if line]

    def asked(words: str, at: int) -> list[str]:  # which waits for an answer for a second only
        return wait_until(lambda: complete(words, at), within=HANGS_S, what=words)

    assert asked("snoop show mdb --port p", 4) == ["p0", "p1", "p2", "p3"]
    assert asked("snoop explain --group 23", 3) == ["239.1.2.3"]
    assert asked("snoop show mdb --group 23", 4) == ["239.1.2.3"]
    assert asked("snoop show hosts --host ", 4) == ["10.0.0.11"]
    assert asked("snoop monitor --host 02", 3) == ["02:00:00:00:01:0b"]
    assert asked("snoop show events --type st", 4) == ["static"]
    daemon.fastpath.seen = [stream()]
    assert asked("snoop show streams --source 1", 4) == ["10.0.0.10"]
    assert asked("snoop sh", 1) == ["show"]


def test_fish_keeps_the_commas_of_a_description(snoop: Any) -> None:
    """SAY-14: type, value and description are one line, split at its first comma."""
    script = snoop("completion", "fish").out
    assert 'string split --max 1 "," $completion' in script
    assert 'string split ","' not in script


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


def test_config_check_takes_the_options_of_run(snoop: Any, tmp_path: Path) -> None:
    """SAY-10: and says all that is wrong with them, beside all that is wrong with the file."""
    file = tmp_path / "s.toml"
    file.write_text('[igmp]\nversion = 9\n[[port]]\nname = "p0"\n')
    wrong = ["--port", "p0,mrouter=maybe", "--port", "p1,colour=red", "--querier-address", "x"]
    said = snoop("config", "check", str(file), *wrong)
    assert said.status == 2
    assert len(said.err.splitlines()) == 4
    for expected in (f"{file}:2: [igmp] version", "mrouter", "colour", "querier_address"):
        assert expected in said.err
    ran = snoop("run", "--config", str(file), *wrong)
    assert (ran.status, ran.err) == (2, said.err)
    file.write_text('[[port]]\nname = "p0"\n')
    for arguments, ports in (
        ([str(file), "--port", "p1"], "p0, p1"),
        (["--config", str(file)], "p0"),
        (["--port", "p1,fast_leave=on", "--querier", "--querier-address", "10.0.0.1"], "p1"),
    ):
        said = snoop("config", "check", *arguments)
        assert said.status == 0, said.err
        assert f"is good; ports: {ports}\n" in said.out
    for arguments in ([], [str(file), "--config", str(file)]):
        assert snoop("config", "check", *arguments).status == 2


def test_metrics_on_stdout(daemon: Daemon, snoop: Any) -> None:
    """What a scrape gets, of one switch; of all each sample says whose it is."""
    daemon.do(daemon.scene.join, 1)
    one = snoop("metrics")
    assert one.status == 0
    assert 'snoop_port_groups{port="p1"} 1.0' in one.out
    assert "tx_mtu" not in one.out
    assert 'snoop_port_tx_mtu_total{port="p1"} 0.0' in snoop("metrics", "--zeros").out
    assert snoop("--name", "sw0", "metrics", "--all").status == 2
