"""Without root: switches, commands and labs of a user who may have user namespaces and no more."""

from __future__ import annotations

import json
import os
import re
import stat
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from netns.nobody import ROOT, UID, place, run_as_nobody, run_rootless
from netns.star import IGMP
from snoop.control import sockets
from snoop.lab import Lab, wait_until
from snoop.lab.switch import SNOOP
from snoop.runtime import privileges

__all__ = ["place"]

OWN = sockets.TEMPORARY / f"snoop-{UID}"
NAME = f"rl{os.getpid()}"
CHECKED = ["host_stack", "host_stack"]  # IPv6
BEGINS = f"""
set -e
ip link add p0 type veth peer name e0
ip link add p1 type veth peer name e1
for each in p0 p1 e0 e1; do ip link set $each up; done
{SNOOP} -n {NAME} run --port p0 --port p1 --querier --querier-address 10.0.0.254 >out 2>log &
until grep -q ready out; do kill -0 $!; sleep .05; done
cat /proc/self/uid_map >uid_map
awk '{{ print $19 }}' /proc/$!/stat >nice
cat /proc/$!/task/*/status >status
{SNOOP} list --json >list
{SNOOP} -n {NAME} check --verbose --json >check || echo $? >failed
touch checked
until [ -e end ]; do kill -0 $!; sleep .05; done
kill $!
wait $!
"""


@pytest.fixture
def open_place(place: Path) -> Path:
    """Where nobody may write, too."""
    os.chown(place, UID, UID)
    return place


def test_a_switch_without_root_is_found_from_both_sides_of_its_namespace(open_place: Path) -> None:
    """Nothing says where: neither XDG_RUNTIME_DIR nor /run/user. `check` finds no trouble, and
    says what is missing and what that costs.
    """
    (open_place / "begin").write_text(BEGINS)
    with ThreadPoolExecutor() as pool:
        job = pool.submit(run_rootless, open_place, "sh", "begin")
        try:
            wait_until(
                lambda: job.done() or (open_place / "checked").exists(),
                within=60, what="the switch is there",
            )  # fmt: skip
            outside = run_as_nobody(open_place, str(SNOOP), "list", "--json")
            shown = run_as_nobody(open_place, str(SNOOP), "-n", NAME, "show", "querier", "--json")
            mode = stat.S_IMODE(OWN.stat().st_mode)
        finally:
            (open_place / "end").touch()
        done = job.result(timeout=60)
    with suppress(OSError):
        OWN.rmdir()  # unless somebody else is nobody, too
    assert done.returncode == 0, done.stderr + (open_place / "log").read_text()
    assert (open_place / "uid_map").read_text().split() == ["0", str(UID), "1"]
    for text in ((open_place / "list").read_text(), outside.stdout):
        (row,) = (row for row in json.loads(text)["switches"] if row["name"] == NAME)
        assert (row["state"], row["ports"]) == ("running", 2)
        assert row["socket"] == str(OWN / f"{NAME}.sock")
    assert shown.returncode == 0, shown.stderr
    assert mode == 0o700
    held = re.findall(r"^Cap(?:Eff|Prm|Bnd):\s*(\w+)$", (open_place / "status").read_text(), re.M)
    kept = {name for mask in held for name in privileges.named(mask)}
    assert len(held) > 3
    assert kept - {"CAP_SYS_NICE"} == {*privileges.WHY, "CAP_CHOWN"}
    checked = json.loads((open_place / "check").read_text())
    assert {one["name"] for one in checked["privileges"]["capabilities"]} == kept
    assert checked["privileges"]["user_namespace"]
    findings = checked["findings"]
    # What a user namespace cannot give, unless the limits of whoever runs this let it.
    unheard = ["priority"] if int((open_place / "nice").read_text()) > -10 else []
    assert sorted(one["cause"] for one in findings) == [*CHECKED, *unheard]
    assert not (open_place / "failed").exists()
    assert not (OWN / f"{NAME}.sock").exists()
    assert "Traceback" not in done.stderr + (open_place / "log").read_text()


def test_a_lab_of_a_user_stays_until_he_takes_it_down(place: Path) -> None:
    lab = ["env", f"PYTHONPATH={ROOT / 'netns-lab'}", f"XDG_RUNTIME_DIR={place}/run",
           sys.executable, "-m", "testbed.lasting"]  # fmt: skip
    (place / "run").mkdir(mode=0o700)
    os.chown(place / "run", UID, UID)
    try:
        up = run_as_nobody(place, *lab, "up", "--hosts", "2")
        assert up.returncode == 0, up.stdout + up.stderr
        status = run_as_nobody(place, *lab, "status")
        assert "h1   10.0.0.11" in status.stdout, status.stderr
        assert "(gone)" not in status.stdout
        asked = run_as_nobody(place, *lab, "shell", "sw", str(SNOOP), "show", "ports", "--json")
        assert {row["state"] for row in json.loads(asked.stdout)["ports"]} == {"up"}
    finally:
        down = run_as_nobody(place, *lab, "down")
    assert "3 namespaces removed" in down.stdout, down.stderr
    assert list((place / "run").rglob("*")) == [place / "run/snoop"]


def test_members_of_the_group_may_ask_and_others_may_not(place: Path) -> None:
    """`socket_group`, which a reload changes; the socket of root's switch, asked by nobody."""
    config = {"igmp": IGMP, "switch": {"socket_group": "nogroup"}}
    with Lab(1) as lab:
        lab.directory.chmod(0o755)
        switch = lab.switch(config=config)
        ask = [str(SNOOP), "--socket", switch.socket, "show", "ports"]
        for directory in Path(switch.socket).parents:
            assert directory.stat().st_mode & 0o001, directory
        assert run_as_nobody(place, *ask).returncode == 0
        switch.configure({**switch.config, "switch": {"socket_group": "nosuchgroup"}})
        refused = switch.run("reload")
        assert refused.returncode == 2
        assert 'there is no group "nosuchgroup"' in refused.stderr
        assert run_as_nobody(place, *ask).returncode == 0, "it is as it was"
        switch.configure({**switch.config, "switch": {}})
        switch.do("reload")
        assert "no permission to use" in run_as_nobody(place, *ask).stderr
