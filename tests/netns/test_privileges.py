"""What a switch may still do once it runs, by `/proc` and of every thread; and that it is enough
(F-14)."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from netns.nobody import UID, with_ambient
from netns.star import IGMP, Star, names
from snoop.lab import Lab, wait_until
from snoop.lab.switch import Snoop
from snoop.runtime import privileges

GROUP = "239.14.0.1"
NETWORK = {"CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_NET_BROADCAST", "CAP_BPF", "CAP_PERFMON"}
# The last: unless whoever runs this may raise RLIMIT_NICE.
ROOT = {*NETWORK, "CAP_CHOWN", "CAP_SYS_NICE"}
CONFIG = {"igmp": IGMP, "switch": {"nice": -5}, "metrics": {"listen": "127.0.0.1:9571"}}


def sets(pid: int) -> Iterator[dict[str, str]]:
    """What the kernel says of each thread."""
    for task in Path(f"/proc/{pid}/task").iterdir():
        lines = (task / "status").read_text().splitlines()
        yield {key: value.strip() for key, _, value in (line.partition(":") for line in lines)}


def as_user(lab: Lab) -> list[str]:
    """A user with ambient capabilities, as a unit with User= has them, and one too many."""
    lab.directory.chmod(0o755)
    return with_ambient(
        [*sorted(NETWORK), "CAP_KILL"], stash=lab.directory / "stash", owns=lab.directory / "sw0"
    )


@pytest.mark.parametrize("who", ["root", "user"])
def test_what_is_kept_is_enough_and_nothing_else_is_kept(who: str) -> None:
    """Of every thread, those that open ports later too; then all that a switch does while it
    runs."""
    with Lab(4) as lab:
        switch = lab.switch(
            ["p0", "p1", "p2"], config=CONFIG, through=as_user(lab) if who == "user" else ()
        )
        assert switch.process is not None
        net = Star(lab, switch)
        switch.do("port", "add", "p3")
        everything_works(net)
        allowed = ROOT if who == "root" else NETWORK
        threads = list(sets(switch.process.pid))
        assert len(threads) > 3
        for thread in threads:
            for key in ("CapEff", "CapPrm"):
                assert NETWORK <= privileges.named(thread[key]) <= allowed
            assert privileges.named(thread["CapInh"]) == privileges.named(thread["CapAmb"]) == (
                NETWORK if who == "user" else set()
            )  # fmt: skip
            assert thread["NoNewPrivs"] == "1"
            if who == "root":
                assert privileges.named(thread["CapBnd"]) == privileges.named(thread["CapPrm"])
        said_by_check(
            switch, privileges.named(threads[0]["CapEff"]), uid=0 if who == "root" else UID
        )
        if who == "root":
            switch.configure({**switch.config, "switch": {"nice": -5, "socket_group": "nogroup"}})
            switch.do("reload")
            assert Path(switch.socket).group() == "nogroup"
        assert switch.stop(signal.SIGTERM) == 0
        assert not Path(switch.socket).exists()
        assert "Traceback" not in switch.log


def everything_works(net: Star) -> None:
    """Ports that come, go down and up, and come back as others; streams inside the kernel; the
    host's own place."""
    lab, switch = net.lab, net.switch
    for i in (1, 3):
        net.h(i).join(GROUP)
    switch.wait_members(GROUP, {"p1", "p3"})
    lab.wait_pruning(lab.h(0), lab.h(1), lab.h(2))
    assert net.reached(GROUP) == names(1, 3)
    lab.set_port("p1", "down")
    lab.set_port("p1", "up")
    lab.unplug("p2")
    lab.replug(2)
    hosts = [{"interface": "sw0", "addresses": ["10.0.0.250/24"]}]
    switch.configure({**switch.config, "host": hosts})
    switch.do("reload")

    def up() -> bool:
        rows = {row["name"]: row for row in switch.show("ports")["ports"]}
        return all(
            rows[name]["state"] == "up" and rows[name]["isolated"]
            for name in ("p0", "p1", "p2", "p3")
        ) and rows["sw0"]["state"] == "up"  # fmt: skip

    wait_until(up, within=20, what="all ports are up, with their programs")
    assert switch.show("status")["kernel_because"] is None
    net.h(2).join(GROUP)
    switch.do("query")
    switch.wait_members(GROUP, {"p1", "p2", "p3"})


def said_by_check(switch: Snoop, kept: set[str], *, uid: int) -> None:
    """`check --verbose` names the same, each with its reason."""
    told = switch.run("check", "--verbose", "--json")
    found = json.loads(told.stdout)["privileges"]
    assert {each["name"] for each in found["capabilities"]} == kept
    assert all(each["why"] for each in found["capabilities"])
    assert (found["uid"], found["no_new_privs"], found["user_namespace"]) == (uid, True, False)
    lines = switch.run("check", "-v").stdout
    assert f"privileges: it runs as uid {uid}" in lines
    for name in kept:
        assert f"  {name}: " in lines


def test_what_lies_where_only_root_can_read_is_read_again() -> None:
    """A file in somebody's home, as `sudo snoop run --config` has it: the capability that this
    takes stays, and that alone."""
    with Lab(2) as lab:
        home = lab.directory / "sw0"
        lab_owner = f"chown -R {UID} {home} && chmod -R go-rwx {home}"
        switch = lab.switch(
            config={"igmp": IGMP}, through=["sh", "-c", f'{lab_owner} && exec "$@"', "sh"]
        )
        assert switch.process is not None
        extra = privileges.named(next(sets(switch.process.pid))["CapPrm"]) - ROOT
        assert extra == {"CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH"}
        switch.configure({"igmp": {**IGMP, "querier": "off"}, "port": [{"name": "p0"}]})
        os.chown(home / "snoop.toml", UID, UID)
        (home / "snoop.toml").chmod(0o600)
        switch.do("reload")
        assert [row["name"] for row in switch.show("ports")["ports"]] == ["p0"]
        assert switch.stop() == 0
        assert not Path(switch.socket).exists()
