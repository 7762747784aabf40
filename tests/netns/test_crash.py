"""A switch that is killed goes on from its snapshot: members are served, others are spared."""

from __future__ import annotations

import json
import signal
import stat
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from netns.star import BUSY, IGMP, MLD, Star, names
from netns.test_hostile_state import group, joins
from snoop.lab import Lab, wait_until
from snoop.lab.switch import Snoop

WANTED, SOME, SIX, TOLD = "239.15.0.1", "232.15.0.1", "ff1e::15:1", "239.15.0.2"
# Whoever is not remembered is not heard of for minutes: nobody asks before the test has ended.
SLOW = {"query_interval": 125.0, "query_response_interval": 10.0, "startup_query_interval": 31.25}
CONFIG: dict[str, Any] = {"igmp": {**IGMP, **SLOW}, "mld": {**MLD, **SLOW}}


def saved(switch: Snoop) -> Path:
    return Path(switch.socket).with_suffix(".state")


def written_after(switch: Snoop, change: Callable[[], None]) -> None:
    """Until a snapshot is there that was begun after this."""
    change()
    for _ in range(2):  # one may have been under way
        before = saved(switch).stat().st_mtime_ns if saved(switch).exists() else 0
        switch.query()  # something more that changes
        wait_until(
            lambda before=before: saved(switch).exists()
            and saved(switch).stat().st_mtime_ns != before,
            within=20, what="a snapshot",
        )  # fmt: skip


def settled(lab: Lab, **config: Any) -> Star:
    """A switch that prunes, with members of both families and by command, all of it saved."""
    switch = lab.switch(config={**CONFIG, **config})
    net = Star(lab, switch)

    def join() -> None:
        net.h(1).join(WANTED)
        net.h(2).join(SOME, net.h(0).address)
        net.h(3).join(SIX)
        switch.add(TOLD, port="p2")
        switch.wait_members(WANTED, {"p1"})
        switch.wait_members(SOME, {"p2"})
        switch.wait_members(SIX, {"p3"})

    wait_until(lambda: switch.show("querier")["queriers"], within=20)
    written_after(switch, join)
    return net


def kill(net: Star) -> None:
    assert net.switch.stop(signal.SIGKILL) == -signal.SIGKILL


def kinds(net: Star) -> list[str]:
    shown = json.loads(net.switch.quick("show", "events", "--json"))
    return [each["event"] for each in shown["events"]]


def is_as_before(net: Star) -> None:
    assert net.reached(SOME) == names(2)
    assert net.reached(WANTED) == names(1)
    assert net.reached(TOLD) == names(2)
    assert net.reached(SIX) == names(3)


def test_killed_twice_it_serves_members_and_prunes_at_once() -> None:
    """Nobody has asked meanwhile: what is served is what was saved. A stream that runs
    through it all reaches nobody else.
    """
    quick = {"query_response_interval": 0.4}
    with Lab(4, quiet_ipv6=False) as lab:
        net = settled(lab, igmp={**CONFIG["igmp"], **quick}, mld={**CONFIG["mld"], **quick})
        net.switch.wait_pruning(timeout=20)
        assert stat.S_IMODE(saved(net.switch).stat().st_mode) == 0o600
        had = len(kinds(net))
        written_after(net.switch, lambda: None)
        for host in range(4):
            net.h(host).reset()
        flow = net.h(0).start("send", destination=WANTED, count=20_000, rate=5_000, size=100)
        for _ in range(2):
            kill(net)
            net.switch.start()
        flow.result(within=60)
        assert [net.h(host).wire(WANTED).frames for host in (2, 3)] == [0, 0]
        assert net.h(1).wire(WANTED).frames
        is_as_before(net)
        assert "resumed" in kinds(net)
        assert len(kinds(net)) > had, "what was before is known"
        assert "going on after a crash" in net.switch.log


def groups(net: Star) -> list[int]:
    return [row["groups"] for row in net.switch.show("ports")["ports"]]


def test_two_thousand_memberships_outlive_a_kill_in_the_middle_of_writing_them() -> None:
    """A child writes them, and nobody who asks the switch meanwhile waits for it."""
    with Lab(5) as lab:
        net = Star(lab, lab.switch(config={"igmp": {**IGMP, **SLOW}}))
        bases = {port: 0xEF640000 + (port << 12) for port in range(1, 5)}
        for port, base in bases.items():
            lines = list(joins(net, port, 500, vids=range(1), base=base))
            net.h(port).frames([bytes.fromhex(line) for line in lines], rate=50)
        wait_until(lambda: groups(net) == [0, 500, 500, 500, 500], within=30)
        wait_until(
            lambda: saved(net.switch).exists()
            and all(group(499, base) in saved(net.switch).read_bytes() for base in bases.values()),
            within=BUSY, what="all of them are saved",
        )  # fmt: skip
        took = []

        def is_writing() -> bool:
            """Asked all the time; something changes all the time."""
            begun = time.monotonic()
            net.switch.show("status")
            took.append(time.monotonic() - begun)
            net.switch.query()
            pid = net.switch.show("status")["pid"]
            return bool(Path(f"/proc/{pid}/task/{pid}/children").read_text())

        wait_until(is_writing, within=30, every=0.001)
        kill(net)
        net.switch.start()
        assert groups(net) == [0, 500, 500, 500, 500]
        print(f"{len(took)} answers, the slowest after {max(took) * 1000:.0f} ms")
        assert max(took) < 10  # and not as long as the child writes: that ended the wait
        assert "Traceback" not in net.switch.log
        assert net.switch.stop() == 0
        assert not list(saved(net.switch).parent.glob("*.state*")), "nothing of the dead is left"


@pytest.mark.parametrize(
    ("spoil", "because"),
    [
        (lambda data: data[: len(data) // 2], "cut or damaged"),
        (lambda data: data[:16] + b"\0\0\0\x63" + data[20:], "version 99"),
        (lambda data: b"", "cut after 0 bytes"),
    ],
    ids=["torn", "other version", "empty"],
)
def test_a_snapshot_of_no_use_is_named_and_it_begins_anew(
    spoil: Callable[[bytes], bytes], because: str
) -> None:
    with Lab(4, quiet_ipv6=False) as lab:
        net = settled(lab)
        kill(net)
        file = saved(net.switch)
        file.write_bytes(spoil(file.read_bytes()))
        net.switch.start()
        assert because in net.switch.log
        assert "Traceback" not in net.switch.log
        assert net.switch.members(TOLD) == set()


def test_a_file_that_changed_meanwhile_has_the_last_word() -> None:
    """A port that is gone, a limit that is lower."""
    with Lab(4, quiet_ipv6=False) as lab:
        net = settled(lab)
        kill(net)
        ports = [{"name": "p0"}, {"name": "p2", "max_groups": 5}, {"name": "p3"}]
        net.switch.configure({**CONFIG, "port": ports})
        net.switch.start()
        assert net.switch.members(WANTED) == set()
        assert net.switch.members(TOLD) == net.switch.members(SOME) == {"p2"}
        assert "port p1 is gone" in net.switch.log
        assert "Traceback" not in net.switch.log


def test_an_end_by_hand_forgets_and_state_can_be_switched_off() -> None:
    with Lab(4, quiet_ipv6=False) as lab:
        net = settled(lab)
        assert net.switch.stop() == 0
        assert not saved(net.switch).exists()
        ports = [{"name": port} for port in lab.ports]
        net.switch.configure({**CONFIG, "port": ports, "switch": {"state": False}})
        net.switch.start()
        assert net.switch.members(TOLD) == set()
        net.switch.add(TOLD, port="p2")
        kill(net)
        assert not saved(net.switch).exists()


def test_addresses_of_vlans_are_known_from_the_first_frame() -> None:
    """Nothing to them is flooded that was not before."""
    with Lab(3) as lab:
        switch = lab.switch(config=CONFIG, vlans={"p0": 10, "p1": 10, "p2": 10})
        net = Star(lab, switch)
        for sender, receiver in ((0, 1), (1, 0)):
            net.h(sender).send(net.h(receiver).address)

        def known() -> set[tuple[int, str, str]]:
            return {(r["vlan"], r["mac"], r["port"]) for r in switch.show("fdb")["fdb"]}

        wanted = {(10, net.h(i).mac, f"p{i}") for i in (0, 1)}
        wait_until(lambda: wanted <= known(), within=BUSY)
        written_after(switch, lambda: None)
        kill(net)
        switch.start()
        assert wanted <= known()
