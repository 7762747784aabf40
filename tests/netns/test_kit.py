"""`snoop.lab` as others use it: the page's example, the fixtures, with root and without (SAY-22).

What runs here runs as its user would start it: pytest of its own, in a directory of its own.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from netns.nobody import ROOT, place, run, run_as_nobody, run_rootless
from snoop.lab import AgentError, Lab, LabError, namespaces

__all__ = ["place"]

PAGE = ROOT / "snoop/lab/README.md"
PYTEST = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist"]
MARKED = """
import pytest

@pytest.mark.snoop_lab(["studio", "tv"], mtu=1400)
@pytest.mark.snoop_switch(config={"igmp": {"version": 2}, "switch": {"unregistered": "drop"}})
def test_markers(snoop_lab, snoop_switch):
    assert [host.name for host in snoop_lab.hosts] == ["studio", "tv"]
    shown = snoop_switch.show("config")
    assert shown["igmp"]["version"] == 2
    assert shown["igmp"]["query_interval"] == 5
    snoop_lab.h("studio").send("239.9.9.9")
    snoop_lab.settle(snoop_lab.h("studio"))
    assert snoop_lab.h("tv").wire("239.9.9.9").frames == 0
"""
VLANS = """
import pytest

@pytest.mark.snoop_switch(vlans={"p0": 10, "p1": 10, "p2": 20, "p3": [10, 20]})
def test_vlans(snoop_lab, snoop_switch):
    sender, one, other, trunk = snoop_lab.hosts
    tagged = snoop_lab.add_vlan(trunk, 10)
    other.join("239.1.2.3")
    one.join("239.1.2.3")
    trunk.join("239.1.2.3", interface=tagged)
    snoop_switch.wait_members("239.1.2.3", {"p1", "p3"}, vlan=10)
    sender.send("239.1.2.3", count=100, rate=2000)
    snoop_lab.settle(sender, [one, trunk])
    snoop_lab.settle(trunk, [other], vid=20)
    assert one.app("239.1.2.3").unique == 100
    assert trunk.app("239.1.2.3", interface=tagged).unique == 100
    assert trunk.wire("239.1.2.3", vid=10).unique == 100
    assert other.wire("239.1.2.3").frames == 0
"""
TOO_FAST = """
import os, signal
import pytest
from snoop.lab import AgentError

def test_it_says_when_it_could_not_count(snoop_lab, snoop_switch):
    sender, receiver = snoop_lab.hosts[:2]
    receiver.join("239.1.2.3")
    snoop_switch.wait_member("239.1.2.3", "p1")
    os.kill(receiver.process.pid, signal.SIGSTOP)
    sender.send("239.1.2.3", count=6000, size=1400, rate=40000)
    os.kill(receiver.process.pid, signal.SIGCONT)
    for count in (receiver.wire, receiver.app):
        with pytest.raises(AgentError, match="h1: .* could be counted: send at a lower"):
            count("239.1.2.3")
    receiver.reset()
    sender.send("239.1.2.3")
    snoop_lab.settle(sender)
    assert receiver.wire("239.1.2.3").unique == receiver.app("239.1.2.3").unique == 1
"""


def example() -> str:
    """The file that the page has the reader save."""
    return re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)[0]


def test_the_example_of_the_page_runs_as_it_stands(place: Path) -> None:
    (place / "test_stream.py").write_text(example())
    before = set(namespaces.named("sn"))
    done = run(place, *PYTEST, "test_stream.py")
    assert "3 passed" in done.stdout, done.stdout + done.stderr
    left = {name for name in set(namespaces.named("sn")) - before if not alive(name)}
    assert left == set(), "other labs may have come; these nobody will take away"


def alive(name: str) -> bool:
    match = namespaces.PASSING.match(name)
    return match is not None and Path(f"/proc/{match[1]}").exists()


def test_the_example_runs_without_root(place: Path) -> None:
    (place / "test_stream.py").write_text(example())
    (place / "test_too_fast.py").write_text(TOO_FAST)
    done = run_rootless(place, *PYTEST, "test_stream.py", "test_too_fast.py")
    assert "4 passed" in done.stdout, done.stdout + done.stderr


def test_the_demo_runs_without_root(place: Path) -> None:
    done = run_rootless(
        place, "env", f"PYTHONPATH={ROOT / 'netns-lab'}", sys.executable, "-m", "testbed.demo"
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "FAIL" not in done.stdout


def test_who_lacks_the_rights_is_told_in_a_line(place: Path) -> None:
    (place / "test_stream.py").write_text(example())
    done = run_as_nobody(place, *PYTEST, "test_stream.py", "-k", "leaves")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "network namespaces need root" in done.stdout
    assert "unshare -Urn" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    assert "lab.py" not in done.stdout


def test_markers_lay_out_the_lab_and_configure_the_switch(place: Path) -> None:
    (place / "test_marked.py").write_text(MARKED)
    done = run(place, *PYTEST, "--strict-markers", "test_marked.py")
    assert "1 passed" in done.stdout, done.stdout + done.stderr


def test_ports_in_vlans_and_a_host_on_a_trunk(place: Path) -> None:
    (place / "test_vlans.py").write_text(VLANS)
    done = run(place, *PYTEST, "--strict-markers", "test_vlans.py")
    assert "1 passed" in done.stdout, done.stdout + done.stderr


def test_a_switch_that_ended_fails_the_test(place: Path) -> None:
    (place / "test_ended.py").write_text(
        "import signal\n"
        "def test_ended(snoop_switch):\n"
        "    snoop_switch.process.send_signal(signal.SIGABRT)\n"
        "    snoop_switch.process.wait()\n"
    )
    done = run(place, *PYTEST, "test_ended.py")
    assert "the switch ended: -6" in done.stdout, done.stdout + done.stderr


def test_programs_run_on_a_host() -> None:
    with Lab(1) as lab:
        host = lab.h(0)
        shown = host.run(["cat", "/proc/thread-self/net/dev"])
        assert "eth0:" in shown.stdout
        assert host.run(["sh", "-c", "echo no >&2; exit 3"]).returncode == 3
        with pytest.raises(subprocess.TimeoutExpired):
            host.run(["sleep", "60"], timeout=0.1)
        beside = host.spawn(["sleep", "60"])
    assert beside.wait(timeout=20) != 0, "it ends with the lab"


def test_what_a_host_cannot_do_is_said() -> None:
    with Lab(1) as lab:
        host = lab.h(0)
        for group in ("10.0.0.1", "239.1.2", "ff3e::1"):
            with pytest.raises(AgentError, match=re.escape(group)):
                host.join(group)
        with pytest.raises(AgentError, match=r"239.2.2.2 is a multicast group"):
            host.join("232.1.1.1", "239.2.2.2")
        with pytest.raises(LabError, match=r"h0: leave: .*not a member of 239.1.1.1"):
            host.leave("239.1.1.1")
