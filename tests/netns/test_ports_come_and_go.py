"""Ports that come and go: a file may name what is not there yet; a command line may not."""

from __future__ import annotations

import subprocess

from snoop.lab import Lab, namespaces, wait_until
from snoop.lab.switch import SNOOP, Snoop

GROUP = "239.9.0.1"


def state(switch: Snoop, port: str) -> str:
    rows = switch.show("ports")["ports"]
    return next(str(row["state"]) for row in rows if row["name"] == port)


def wait_state(switch: Snoop, port: str, wanted: str, within: float = 5.0) -> None:
    wait_until(lambda: state(switch, port) == wanted, within=within, what=f"{port} is {wanted}")


def run(lab: Lab, *words: str) -> subprocess.CompletedProcess[str]:
    """`snoop run` that is expected to end by itself."""
    command = [str(SNOOP), "--socket", str(lab.directory / "other.sock"), "run", *words]
    with namespaces.inside(lab.namespace):
        return subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)


def test_port_of_the_file_that_is_not_there_is_missing_and_joins_when_it_appears() -> None:
    """W-8: said in log, check, show ports and explain; the others forward meanwhile."""
    with Lab(3) as lab:
        lab.unplug("p2")
        switch = lab.switch(["p0", "p1", "p2"])
        assert "no such interface yet: p2 (interfaces here: p0, p1)" in switch.log
        assert "ready, 3 ports, 1 missing" in switch.log
        assert (state(switch, "p1"), state(switch, "p2")) == ("up", "missing")
        found = switch.run("check")
        assert found.returncode == 1
        assert "p2: the interface does not exist" in found.stdout
        why = {row["port"]: row for row in switch.explain(port="p0", group=GROUP)["why"]}
        assert (why["p2"]["cause"], why["p2"]["forwarded"]) == ("port_missing", False)
        lab.h(1).reset()
        lab.h(0).send(GROUP, count=20)
        lab.settle(lab.h(0), [lab.h(1)])
        assert lab.h(1).wire(GROUP).unique == 20
        lab.replug(2)
        wait_state(switch, "p2", "up")
        lab.h(2).reset()
        lab.h(0).send(GROUP, count=20)
        lab.settle(lab.h(0), [lab.h(2)])
        assert lab.h(2).wire(GROUP).unique == 20


def test_switch_whose_ports_all_come_later_asks_from_an_address_of_theirs() -> None:
    """Two switches that began with nothing must not both be 02:00:00:00:00:01."""
    with Lab(2) as lab:
        for port in ("p0", "p1"):
            lab.unplug(port)
        igmp = {"querier": "on", "querier_address": "10.0.0.254", "startup_query_interval": 0.5}
        switch = lab.switch(["p0", "p1"], config={"igmp": igmp})
        lab.replug(1)
        wait_state(switch, "p1", "up")
        lab.h(1).record("control")

        def asked() -> set[str]:
            return {captured.frame[6:12].hex(":") for captured in lab.h(1).captured()}

        switch.query()
        wait_until(asked, within=5, what="a query")
        assert asked() == {"02:00:00:00:02:01"}


def test_missing_port_on_the_command_line_is_an_error_unless_it_is_waited_for() -> None:
    with Lab(2) as lab:
        done = run(lab, "--port", "p0", "--port", "p9", "--port", "p8")
        assert done.returncode == 1
        assert done.stderr.splitlines() == [
            "snoop: ports do not exist in this network namespace: p9, p8 (interfaces here: p0, p1);"
            " with --wait they may come later"
        ]
        switch = lab.switch(["p0"], arguments=["--port", "p1,mrouter=never", "--wait"])
        assert state(switch, "p1") == "up"
        switch.stop()
        lab.unplug("p1")
        switch = lab.switch(["p0"], arguments=["--port", "p1,mrouter=never", "--wait"])
        assert state(switch, "p1") == "missing"
        lab.replug(1)
        wait_state(switch, "p1", "up")
