"""What is installed beside the program: the man page and the units are well formed and complete."""

from __future__ import annotations

import configparser
import re
import shutil
import subprocess
import sys
import typing
from importlib.resources import files
from pathlib import Path

import pytest

from snoop import __version__
from snoop.cli import example, manual
from snoop.config import schema, schema_port, words
from snoop.containers.cni import asked, verbs
from snoop.control import counters
from snoop.runtime import privileges
from unit import HANGS_S

SHARE = Path(str(files("snoop") / "share"))
PAGE = SHARE / "snoop.8"
PLUGIN = SHARE / "snoop-cni.8"
UNITS = ["snoop.service", "snoop@.service"]
TABLES = {
    "[switch]": schema.SwitchTable,
    "[igmp]": schema.IgmpTable,
    "[mld]": schema.MldTable,
    "[[vlan]]": schema.VlanTable,
    "[[port]]": schema_port.PortTable,
    "[[host]]": schema_port.HostTable,
    "[[static]]": schema.StaticTable,
    "[metrics]": schema.MetricsTable,
}


# The manual --------------------------------------------------------------------------------------


def test_the_page_is_what_the_program_says_of_itself() -> None:
    """After a change of an option, a key or a counter: snoop manual > snoop/share/snoop.8."""
    assert manual.page() == PAGE.read_text("ascii")


def sections(title: str) -> dict[str, list[str]]:
    """Tags of the items below each heading of a section."""
    text = PAGE.read_text().split(f".SH {title}\n")[1].split("\n.SH ")[0]
    found = {}
    for part in re.split(r"^\.SS ", "\n" + text, flags=re.MULTILINE):
        heading, _, rest = part.partition("\n")
        found[heading] = [
            tag.replace(r"\-", "-") for tag in re.findall(r"^\.TP\n\\fB(.*)\\fR$", rest, re.M)
        ]
    return found


def test_every_key_of_the_configuration_is_in_the_page() -> None:
    """Field by field, from the structs the loader reads."""
    there = sections("CONFIGURATION")
    for heading, table in TABLES.items():
        assert there[heading] == words.own(table)


def test_every_counter_is_in_the_page() -> None:
    assert sections("COUNTERS")[""] == list(counters.everything())


def test_every_command_and_option_is_in_the_page() -> None:
    """As `--help` lists them, asked the way a user does."""
    there = sections("COMMANDS")
    words = {heading.split(" ")[0] for heading in there if heading}
    listed = subprocess.run(
        [sys.executable, "-m", "snoop", "--help"], capture_output=True, text=True, check=True
    ).stdout
    assert words == set(re.findall(r"^  ([a-z]+) {2,}", listed.split("Commands:")[1], re.M))
    helped = subprocess.run(
        [sys.executable, "-m", "snoop", "show", "mdb", "--help"],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    options = set(re.findall(r"(--[a-z]+)", helped.split("Options:")[1])) - {"--help"}
    assert {tag.split(" ")[0] for tag in there["show mdb"]} == options


def test_every_verb_and_key_of_the_plugin_is_in_its_page() -> None:
    text = PLUGIN.read_text("ascii")
    head = re.sub(r"\s+", " ", text.split(".SH CONFIGURATION")[0])
    assert all(re.search(rf"\b{verb}\b", head) for verb in verbs.VERBS)
    tags = re.findall(r"^\.TP\n\.BR? (.*)$", text.split(".SH CONFIGURATION")[1], re.M)
    assert {word for tag in tags for word in re.findall(r"[a-z]+", tag)} == asked.OWN
    assert f'"snoop {__version__}"' in text


@pytest.mark.parametrize("page", [PAGE, PLUGIN], ids=lambda page: page.stem)
@pytest.mark.parametrize(
    "words",
    [
        ["man", "--warnings=w", "-l"],
        ["mandoc", "-T", "lint", "-W", "style"],
        ["groff", "-man", "-ww", "-z"],
    ],
    ids=lambda words: words[0],
)
def test_the_page_is_clean(words: list[str], page: Path) -> None:
    if shutil.which(words[0]) is None:
        pytest.skip(f"{words[0]} is not installed")
    command = [*words, str(page)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=HANGS_S, check=False)
    said = done.stderr + (done.stdout if words[0] == "mandoc" else "")
    assert (done.returncode, said) == (0, "")


def test_the_example_has_every_key() -> None:
    text = example.text()
    for heading, table in TABLES.items():
        part = re.split(r"^#\[", text.split(f"\n#{heading}\n")[1], maxsplit=1, flags=re.M)[0]
        keys = re.findall(r"^# ?([a-z0-9_]+) = ", part, re.M)
        assert keys == words.own(table), heading


@pytest.mark.parametrize(
    "name",
    [
        "TROUBLESHOOTING.md",
        "share/README.md",
        *(f"cli/findings/{path.name}" for path in (SHARE.parent / "cli/findings").glob("*.py")),
        *(
            f"control/explaining/{path.name}"
            for path in (SHARE.parent / "control/explaining").glob("*.py")
        ),
        "control/reasons.py",
    ],
)
def test_every_key_that_is_recommended_exists(name: str) -> None:
    """ "[igmp] querier" and the like, in texts for operators."""
    text = (SHARE.parent / name).read_text("utf-8")
    for heading, table in TABLES.items():
        for key in re.findall(rf"{re.escape(heading)} ([a-z0-9_]+)", text):
            if key not in ("or", "entry", "in", "says"):
                assert key in typing.get_type_hints(table), f"{heading} {key}"


# The units ---------------------------------------------------------------------------------------


def service(name: str) -> configparser.SectionProxy:
    parser = configparser.ConfigParser(interpolation=None, strict=True)
    parser.optionxform = str  # Keys keep their case.
    parser.read(SHARE / name)
    return parser["Service"]


@pytest.mark.parametrize("name", UNITS)
def test_the_unit_says_how_the_switch_is_run(name: str) -> None:
    keys = service(name)
    assert keys["Type"] == "notify"
    assert int(keys["WatchdogSec"]) > 0
    assert keys["OOMPolicy"] == "continue", "who writes the snapshot is the first to go"
    # One knows its switch by its own name, the other whatever the file calls it.
    which = "" if "@" in name else " --pid $MAINPID"
    assert keys["ExecReload"] == keys["ExecStart"].partition(" run ")[0] + " restart" + which
    assert (keys["RuntimeDirectory"], keys["RuntimeDirectoryPreserve"]) == ("snoop", "yes")
    assert keys["NoNewPrivileges"] == "yes"
    assert keys["CapabilityBoundingSet"] == keys["AmbientCapabilities"]
    assert set(keys["CapabilityBoundingSet"].split()) == privileges.WHY.keys()
    users = (SHARE / "sysusers.conf").read_text()
    assert f"u {keys['User']} - " in users
    assert f"m {keys['User']} snoop" in users
    assert (
        f"d /run/snoop 0755 {keys['User']} {keys['Group']} -"
        in (SHARE / "tmpfiles.conf").read_text()
    )
    start = keys["ExecStart"].split()
    if "@" in name:
        assert start[1:] == ["--name", "%i", "run", "--config", "/etc/snoop/%i.toml"]
    else:
        assert start[1:] == ["run", "--config", "/etc/snoop/snoop.toml"]


def test_the_template_differs_from_the_unit_in_its_name_only() -> None:
    one, many = (dict(service(name)) for name in UNITS)
    for key in ("ExecStart", "ExecReload"):
        assert one.pop(key) != many.pop(key)
    assert one == many


def test_the_driver_of_docker_is_started_when_docker_asks() -> None:
    """What is in the unit is where the program looks."""
    from snoop.cli import docker

    keys = service("snoop-docker.service")
    assert (keys["Type"], keys["ExecStart"].split()[1:]) == ("notify", ["docker"])
    assert Path(docker.STATE).parent == Path("/var/lib") / keys["StateDirectory"]
    socket = (SHARE / "snoop-docker.socket").read_text()
    assert f"ListenStream={docker.SOCKET}\nSocketMode=0600\n" in socket
    assert "Before=docker.service" in socket


def test_the_page_has_no_right_but_to_ask() -> None:
    keys = service("snoop-web.service")
    assert (keys["Type"], keys["ExecStart"].split()[1:]) == ("notify", ["web"])
    assert (keys["DynamicUser"], keys["SupplementaryGroups"]) == ("yes", "snoop")
    assert keys["CapabilityBoundingSet"] == keys["AmbientCapabilities"] == ""
    assert "g snoop -" in (SHARE / "sysusers.conf").read_text()


@pytest.mark.parametrize("name", [*UNITS, "snoop-docker.service", "snoop-web.service"])
def test_systemd_accepts_the_unit(name: str, tmp_path: Path) -> None:
    """`systemd-analyze verify`, with the command where this machine has it."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd is not installed")
    for beside in SHARE.glob("*.socket"):
        shutil.copy(beside, tmp_path)
    unit = tmp_path / name
    text = (SHARE / name).read_text()
    unit.write_text(text.replace("/usr/local/bin/snoop", sys.executable))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(unit)],
        capture_output=True, text=True, timeout=HANGS_S, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@pytest.mark.parametrize("name", [*UNITS, "snoop-web.service"])
def test_the_unit_exposes_little(name: str) -> None:
    """`systemd-analyze security`: under 2 of 10 (F-14)."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd is not installed")
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--threshold=19", str(SHARE / name)],
        capture_output=True, text=True, timeout=HANGS_S, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
