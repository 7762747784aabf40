"""The systemd unit's promises, kept without systemd: the switch runs with the unit's capabilities,
without new privileges, without writable code, and says so to the service manager."""

from __future__ import annotations

import re
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path

from netns.nobody import UID, given, with_ambient
from netns.star import IGMP, Star, names
from snoop.lab import Lab, wait_until
from snoop.lab.switch import Snoop
from snoop.runtime import privileges

GROUP = "239.19.0.1"
PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN = 65, 1
MICROSECONDS = 1_000_000


def unit(key: str) -> str:
    """The value of a key of the unit, the last one given."""
    text = files("snoop").joinpath("share/snoop.service").read_text("utf-8")
    return re.findall(rf"^{key}=(.*)$", text, re.MULTILINE)[-1]


# Linux 6.3; MemoryDenyWriteExecute= of the unit does the same, or more, by seccomp.
NO_WRITABLE_CODE = f"""
import ctypes, os, sys
ctypes.CDLL(None).prctl({PR_SET_MDWE}, {PR_MDWE_REFUSE_EXEC_GAIN}, 0, 0, 0)
os.execvp(sys.argv[1], sys.argv[1:])
"""


def confined(lab: Lab, **environment: str) -> list[str]:
    """What runs a command as the unit does, as far as it can be done without systemd."""
    lab.directory.chmod(0o755)
    user = with_ambient(
        unit("AmbientCapabilities").split(),
        stash=lab.directory / "stash", owns=lab.directory / "sw0",
    )  # fmt: skip
    bounding = ["-all", *given(unit("CapabilityBoundingSet").split())]
    at = user.index("setpriv")
    return [
        "env", *(f"{name}={value}" for name, value in environment.items()),
        "nice", "-n", unit("Nice"), *user[:at],
        "setpriv", "--bounding-set", ",".join(bounding), "--no-new-privs", *user[at + 1 :],
        sys.executable, "-c", NO_WRITABLE_CODE,
    ]  # fmt: skip


@contextmanager
def manager(path: Path) -> Iterator[socket.socket]:
    """The service manager's end of sd_notify."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(str(path))
        path.chmod(0o777)
        receiver.settimeout(10)
        yield receiver


def test_the_unit_gives_the_switch_what_it_needs() -> None:
    """Readiness, watchdog, reload, snooping, the short cut, nice, and the end: all as the unit's
    user, within its capabilities."""
    config = {
        "igmp": IGMP,
        "switch": {"nice": -5, "socket_group": "nogroup"},
        "metrics": {"listen": "127.0.0.1:9570"},
    }
    with Lab(4) as lab, manager(lab.directory / "notify") as systemd:
        through = confined(
            lab, NOTIFY_SOCKET=systemd.getsockname(), WATCHDOG_USEC=str(MICROSECONDS // 2)
        )
        switch = lab.switch(config=config, through=through)
        assert heard(systemd, "READY=1", "WATCHDOG=1", "WATCHDOG=1")
        status = Path(f"/proc/{switch.process.pid}/status").read_text()
        assert "NoNewPrivs:\t1" in status
        wanted = sum(
            1 << privileges.NAMES.index(name) for name in unit("CapabilityBoundingSet").split()
        )
        for key in ("CapBnd", "CapPrm", "CapEff", "CapAmb"):
            assert int(status.split(f"{key}:")[1].split()[0], 16) == wanted
        assert status.split("Uid:")[1].split()[0] == str(UID)
        assert loop_nice(switch) == -5
        assert Path(switch.socket).group() == "nogroup"
        net = Star(lab, switch)
        net.h(1).join(GROUP)
        switch.wait_members(GROUP, {"p1"})
        lab.wait_pruning(lab.h(0), lab.h(1), lab.h(3))
        assert net.reached(GROUP) == names(1)
        assert all(port["isolated"] for port in switch.show("ports")["ports"])
        unicast_goes_the_short_way(net)
        switch.hang_up()
        assert heard(systemd, "RELOADING=1", "READY=1")
        assert switch.members(GROUP) == {"p1"}
        assert switch.stop(signal.SIGTERM) == 0
        assert heard(systemd, "STOPPING=1")
        assert "Traceback" not in switch.log


def heard(manager: socket.socket, *wanted: str) -> bool:
    """Wait for these states in this order; others may come in between."""
    for state in wanted:
        while manager.recv(4096).decode() != state:
            pass
    return True


def loop_nice(switch: Snoop) -> int:
    """The priority of the forwarding thread."""
    tasks = Path(f"/proc/{switch.process.pid}/task").iterdir()
    return min(int((task / "stat").read_text().rsplit(")", 1)[1].split()[16]) for task in tasks)


def unicast_goes_the_short_way(net: Star) -> None:
    """BPF is allowed: frames to a learned address are redirected by the kernel."""
    one, two = net.h(0), net.h(1)

    def short() -> bool:
        two.send(one.address, count=1)
        one.send(two.address, count=20)
        return net.switch.counters("p0").get("shortcut_frames", 0) > 0

    wait_until(short, within=20, what="shortcut_frames of p0 move")
