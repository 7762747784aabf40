"""`from snoop import Switch`, as a script uses it; the lab starts every other switch by it too."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from netns.star import IGMP, LAST_MEMBER, QUERIER, star
from snoop import NoDaemon, Switch, SwitchError
from snoop.lab import Lab, wait_until

GROUP = "239.20.0.1"


def test_a_switch_of_ports_and_tables_lives_as_long_as_its_block() -> None:
    with Lab(2) as lab:
        with Switch(["p0", "p1"], config={"igmp": IGMP}, namespace=lab.namespace) as switch:
            (row,) = switch.show("querier", family="ipv4")["queriers"]
            assert (row["role"], row["address"]) == ("querier", QUERIER)
            lab.h(1).join(GROUP)
            switch.wait_member(GROUP, "p1")
            with pytest.raises(TimeoutError, match=r"not exactly \['p0'\], after 0 s"):
                switch.wait_members(GROUP, {"p0"}, timeout=0)
            switch.configure({"igmp": {**IGMP, "version": 2}})
            assert switch.reload()
            assert switch.show("config")["igmp"]["version"] == 2
            kept, log = switch.directory, switch.log
        assert not kept.exists()
        assert switch.process is not None
        assert switch.process.returncode == 0
        assert log
        assert switch.log.startswith(log), "still to be read when its directory is gone"
        with switch:  # once more
            assert {port["name"] for port in switch.show("ports")["ports"]} == {"p0", "p1"}


def test_what_keeps_a_switch_from_starting_is_said(tmp_path: Path) -> None:
    with pytest.raises(SwitchError, match="no-such-namespace"):
        Switch(["p0"], namespace="no-such-namespace").start()
    with Lab(1) as lab:
        refused = Switch(config={"switch": {"fdb_max": 0}}, namespace=lab.namespace)
        with pytest.raises(SwitchError, match="fdb_max"):
            refused.start()
        early = Switch(["p0"], namespace=lab.namespace, through=["false"], directory=tmp_path)
        with pytest.raises(SwitchError, match="did not become ready"):
            early.start()
        assert early.stop() == 1
    with pytest.raises(SwitchError, match="no-such-command"):
        Switch(["p0"], through=["no-such-command"]).start()


def test_after_wait_pruning_no_frame_reaches_a_non_member() -> None:
    """SAY-21: not the next one either, and not only mostly; before it, all of them do."""
    asks = {**IGMP, "query_response_interval": 0.2, "last_member_query_interval": LAST_MEMBER}
    with star(3, igmp=asks) as net:
        net.h(1).join(GROUP)
        net.switch.wait_members(GROUP, {"p1"})
        config = net.switch.config
        assert config is not None
        for _ in range(20):
            net.switch.configure({**config, "igmp": {**asks, "querier": "off"}})
            net.switch.reload()
            assert net.reached(GROUP) == {"h1", "h2"}
            assert not net.switch.show("querier")["queriers"][0]["pruning"]
            net.switch.configure(config)
            net.switch.reload()
            for host in net.lab.hosts:
                host.reset()
            net.switch.wait_pruning()
            net.h(0).send(GROUP)
            net.lab.settle(net.h(0))
            assert (net.h(1).app(GROUP).unique, net.h(2).wire(GROUP).frames) == (1, 0)


def test_after_wait_members_the_next_frame_goes_to_them_alone() -> None:
    """SAY-21: when the fast path has it, not when the engine does; also after leaves."""
    groups = [f"239.21.0.{number + 1}" for number in range(50)]
    with star(3, ports={"p1": {"fast_leave": "on"}}) as net:
        for group in groups:
            net.h(1).join(group)
            net.switch.wait_members(group, {"p1"})
            net.h(0).send(group)
            net.h(1).leave(group)
            net.switch.wait_members(group, ())
            net.h(0).send(group)
        net.lab.settle(net.h(0))
        got = {group: net.h(1).wire(group).unique for group in groups}
        assert got == dict.fromkeys(groups, 1)
        assert {net.h(2).wire(group).unique for group in groups} == {0}


@pytest.mark.parametrize(
    ("igmp", "why"),
    [
        ({"querier": "off"}, "nobody asks; give the switch a `querier_address`"),
        ({"querier": "auto", "querier_address": QUERIER}, "nobody asks yet"),
        ({"enabled": False}, "snooping is off"),
        (
            {"querier": "on", "querier_address": QUERIER},
            "hosts have 10 s, a query response",
        ),
    ],
    ids=["off", "auto", "disabled", "fresh"],
)
def test_wait_pruning_says_what_it_waits_for(igmp: dict[str, object], why: str) -> None:
    """SAY-21: the first test anybody writes; it tells what the switch lacks."""
    with Lab(1) as lab:
        switch = lab.switch(config={"igmp": igmp})
        with pytest.raises(TimeoutError, match=why) as raised:
            switch.wait_pruning(timeout=0.2)
        assert str(raised.value).startswith("nothing is pruned after 0.2 s: ")
        lab.set_port("p0", "down")
        with pytest.raises(TimeoutError, match=r"no port is up|snooping is off"):
            switch.wait_pruning(timeout=0.5)


def test_pruning_without_a_querier_is_true_at_once() -> None:
    with Lab(1) as lab:
        lab.switch(config={"switch": {"no_querier": "prune"}}).wait_pruning(timeout=0)


def test_events_end_with_their_time_and_begin_with_the_call() -> None:
    """SAY-21: what happens between the call and the first look is there, however late the look."""
    with Lab(2) as lab, Switch(lab.ports, config={"igmp": IGMP}, namespace=lab.namespace) as switch:
        events = switch.events("join", timeout=4)
        lab.h(1).join(GROUP)
        switch.wait_member(GROUP, "p1")
        first = next(events)
        assert (first["event"], first["group"], first["port"]) == ("join", GROUP, "p1")
        assert list(events) == []
        assert next(switch.events("join", timeout=0), None) is None
        late, asked = switch.events("leave", timeout=4), time.time()
        lab.h(1).leave(GROUP)
        switch.wait_members(GROUP, [])
        wait_until(lambda: time.time() > asked + 5, within=20)
        assert {event["group"] for event in late} == {GROUP}
        with pytest.raises(ValueError, match=r"no event is called 'nonsense'; there are .*join"):
            switch.events("nonsense")
        unbounded = switch.events("port")
        switch.stop()
        assert list(unbounded) == []
        with pytest.raises(NoDaemon):
            switch.events()
