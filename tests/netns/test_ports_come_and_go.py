"""Ports that come and go: a file may name what is not there yet; a command line may not."""

from __future__ import annotations

import subprocess

from snoop.lab import Lab, namespaces, wait_until
from snoop.lab.switch import SNOOP, Snoop

GROUP = "239.9.0.1"


def state(switch: Snoop, port: str) -> str:
    rows = switch.show("ports")["ports"]
    return next(str(row["state"]) for row in rows if row["name"] == port)


def wait_state(switch: Snoop, port: str, wanted: str, within: float = 20.0) -> None:
    wait_until(lambda: state(switch, port) == wanted, within=within, what=f"{port} is {wanted}")


def run(lab: Lab, *words: str) -> subprocess.CompletedProcess[str]:
    """`snoop run` that is expected to end by itself."""
    command = [str(SNOOP), "--socket", str(lab.directory / "other.sock"), "run", *words]
    with namespaces.inside(lab.namespace):
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


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
        wait_until(asked, within=20, what="a query")
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


PATTERN = {"match": "p*"}


def test_interfaces_that_match_come_and_go_as_ports() -> None:
    """What is not Ethernet or a loopback is none; who stays loses nothing, and who has gone is
    forgotten: members, addresses and counters are not those of the next with its number."""
    with Lab(4) as lab:
        lab.unplug("p3")
        switch = lab.switch([{"match": "lo*"}, {**PATTERN, "description": "Studio"}])
        rows = {row["name"]: row for row in switch.show("ports")["ports"]}
        assert set(rows) == {"p0", "p1", "p2"}
        assert rows["p1"]["description"] == "Studio"
        assert switch.show("ports")["refused"] == {"lo": "a loopback is no Ethernet interface"}
        assert switch.run("check").returncode == 0, switch.run("check").stdout
        lab.h(1).join(GROUP)
        lab.h(2).join(GROUP)
        switch.wait_members(GROUP, {"p1", "p2"})
        count = 4000
        stream = lab.h(0).start("send", destination=GROUP, count=count, rate=2000)
        lab.unplug("p2")
        wait_until(lambda: "p2" not in ports(switch), within=20, what="p2 is no port")
        assert switch.members(GROUP) == {"p1"}
        lab.replug(3)
        wait_state(switch, "p3", "up")
        assert switch.members(GROUP) == {"p1"}
        assert switch.counters("p3")["rx_report_v3"] == 0
        stream.result()
        lab.settle(lab.h(0), [lab.h(1)])
        assert lab.h(1).app(GROUP).unique == count
        lab.replug(2)
        wait_state(switch, "p2", "up")
        lab.h(2).reset()
        lab.h(0).send(GROUP, count=20)
        lab.settle(lab.h(0), [lab.h(2)])
        assert lab.h(2).wire(GROUP).unique == 20, "it floods to new ports of a switch that learns"


def test_port_that_another_switch_holds_is_refused_by_name() -> None:
    with Lab(3) as lab:
        lab.switch(["p0"], config={"switch": {"name": "first"}})
        other = lab.switch([PATTERN], config={"switch": {"name": "other"}})
        rows = {row["name"]: row for row in other.show("ports")["ports"]}
        assert (rows["p0"]["state"], rows["p1"]["state"]) == ("down", "up")
        assert 'it is a port of the switch "first"' in rows["p0"]["problem"]


def test_ports_are_added_and_deleted_while_the_switch_runs() -> None:
    with Lab(4) as lab:
        switch = lab.switch(["p0", "p1"])
        lab.h(1).join(GROUP)
        switch.wait_members(GROUP, {"p1"})
        count = 4000
        stream = lab.h(0).start("send", destination=GROUP, count=count, rate=2000)
        assert switch.port_add("p2", mrouter="never")["options"] == {"mrouter": "never"}
        assert state(switch, "p2") == "up"
        lab.h(2).join(GROUP)
        switch.wait_members(GROUP, {"p1", "p2"})
        switch.reload()
        assert switch.members(GROUP) == {"p1", "p2"}
        assert switch.show("config")["origins"]["port.p2.mrouter"] == "command"
        switch.port_del("p2")
        assert ports(switch) == {"p0", "p1"}
        assert switch.members(GROUP) == {"p1"}
        wait_until(
            lambda: lab.port_attribute("p2", "IFLA_PROMISCUITY") == 0, within=20, what="p2 is free"
        )
        assert switch.do("port", "add", "p3") == "p3 is a port\n"
        switch.do("port", "del", "p3")
        stream.result()
        lab.settle(lab.h(0), [lab.h(1)])
        assert lab.h(1).app(GROUP).unique == count
        for words, said in (
            (["add", "p1"], "p1 is a port already"),
            (["add", "p9"], "p9 does not exist in this network namespace"),
            (["add", "lo"], "lo: cannot be opened: "),
            (["add", "p2,access=70000"], "access = 70000 is not allowed"),
            (["del", "p1"], "p1 is a port of the file"),
            (["del", "p2"], 'no port "p2" on this switch'),
        ):
            done = switch.run("port", *words)
            assert done.returncode in (1, 2), done
            assert said in done.stderr
        assert ports(switch) == {"p0", "p1"}


def ports(switch: Snoop) -> set[str]:
    return {row["name"] for row in switch.show("ports")["ports"]}
