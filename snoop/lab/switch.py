"""The thing in the middle of the star: the switch as a process, or the kernel's own bridge for
comparison.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from socket import AF_INET6
from typing import Any

from pyroute2 import IPRoute
from pyroute2.netlink.rtnl.ifaddrmsg import IFA_F_TENTATIVE

from snoop.lab import namespaces
from snoop.namespace import inside
from snoop.switch import READY_SECONDS, Switch, SwitchError
from snoop.waiting import wait_until

SNOOP = Path(sys.executable).with_name("snoop")
HUNDREDTHS = 100
# A querier with which a test begins in half a second: when a host has left, its stream ends within
# half a second, and nobody ages out because the machine was busy for some seconds.
QUICK: Mapping[str, Mapping[str, Any]] = {
    "igmp": {
        "querier": "on",
        "querier_address": "10.0.0.254",
        "query_interval": 5.0,
        "query_response_interval": 0.4,
        "startup_query_interval": 0.25,
        "last_member_query_interval": 0.2,
    }
}
# The same of MLD, to be laid beside it where hosts have IPv6.
QUICK_IPV6: Mapping[str, Mapping[str, Any]] = {
    "mld": {
        "querier": "on",
        "query_interval": 5.0,
        "query_response_interval": 0.4,
        "startup_query_interval": 0.25,
        "last_listener_query_interval": 0.2,
    }
}


class Snoop(Switch):
    """The product's own `Switch`, its commands as a user types them, and its rows."""

    def wait_ready(self, *, timeout: float = READY_SECONDS) -> None:
        """AssertionError with the whole log when it does not become ready."""
        try:
            super().wait_ready(timeout=timeout)
        except SwitchError as error:
            assert self.process is not None
            status = self.process.returncode
            raise AssertionError(f"snoop ended with {status}: {error}\n{self.log}") from error

    close = Switch.stop

    # --- the CLI

    def run(self, *words: str, within: float = 60.0) -> subprocess.CompletedProcess[str]:
        """One `snoop` command as its user types it, in a process of its own."""
        return subprocess.run(
            [SNOOP, "--socket", self.socket, *words],
            capture_output=True,
            text=True,
            timeout=within,
            stdin=subprocess.DEVNULL,
            env={**os.environ, "COLUMNS": "120"},
        )

    def do(self, *words: str) -> str:
        """A command that must work; returns what it printed."""
        done = self.run(*words)
        assert done.returncode == 0, f"snoop {' '.join(words)}: {done.returncode} {done.stderr}"
        return done.stdout

    def quick(self, *words: str) -> str:
        """A command that must work, run in this process: polling stays cheap."""
        done = self.here(*words)
        if done.returncode != 0:
            raise AssertionError(f"snoop {' '.join(words)}: {done.returncode} {done.stderr}")
        return done.stdout

    def here(self, *words: str) -> subprocess.CompletedProcess[str]:
        """As `run`, in this process: in time for what is soon over, on a busy machine too."""
        from snoop.cli.main import run

        printed, complained = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(complained):
            status = run(["--socket", str(self.socket), *words])
        return subprocess.CompletedProcess(words, status, printed.getvalue(), complained.getvalue())

    def rows(self, group: str | None = None) -> list[dict[str, Any]]:
        return self.mdb(group=group)

    def row(self, group: str, port: str) -> dict[str, Any] | None:
        return next((row for row in self.rows(group) if row["port"] == port), None)

    def wait_row(
        self, group: str, port: str, timeout: float = 10.0, **fields: object
    ) -> dict[str, Any]:
        """Wait for a row with these field values; `forwarding`/`blocked` compare the sets of
        sources.
        """

        def matches() -> dict[str, Any] | None:
            row = self.row(group, port)
            if row is None:
                return None
            view = {
                **row,
                "forwarding": {s["address"] for s in row["sources"] if s["forwarding"]},
                "blocked": {s["address"] for s in row["sources"] if not s["forwarding"]},
            }
            return row if all(view[name] == value for name, value in fields.items()) else None

        found = wait_until(matches, within=timeout, what=f"{group} on {port} with {fields}")
        assert found is not None
        return found


class KernelBridge:
    """A bridge with `mcast_snooping` and `mcast_querier`, its queries from 0.0.0.0 and from its
    link-local address. Times in seconds.
    """

    def __init__(
        self,
        namespace: str,
        link: IPRoute,
        ports: Sequence[str],
        *,
        query_interval: float = 1.0,
        query_response_interval: float = 0.5,
        last_member_query_interval: float = 0.2,
        membership_interval: float = 3.0,
        igmp_version: int = 3,
        mld_version: int = 2,
        snooping: bool = True,
        querier: bool = True,
        name: str = "br0",
    ) -> None:
        self.namespace, self.link, self.name = namespace, link, name

        def ticks(seconds: float) -> int:
            return round(seconds * HUNDREDTHS)

        link.link(
            "add",
            ifname=name,
            kind="bridge",
            br_mcast_snooping=int(snooping),
            br_mcast_igmp_version=igmp_version,
            br_mcast_mld_version=mld_version,
            br_mcast_query_intvl=ticks(query_interval),
            br_mcast_query_response_intvl=ticks(query_response_interval),
            br_mcast_last_member_intvl=ticks(last_member_query_interval),
            br_mcast_startup_query_intvl=ticks(query_interval / 4),
            br_mcast_membership_intvl=ticks(membership_interval),
            br_mcast_querier_intvl=ticks(2 * query_interval + query_response_interval / 2),
        )
        index = namespaces.index_of(link, name)
        for port in ports:
            link.link("set", index=namespaces.index_of(link, port), master=index)
        link.link("set", index=index, state="up")
        self.have_address(index)
        # Last, with an address to ask from: it asks at once, and then not for a startup interval.
        link.link("set", index=index, kind="bridge", br_mcast_querier=int(querier))

    def have_address(self, index: int) -> None:
        """Wait for a link-local address to ask from, whatever the lab says of IPv6."""
        with inside(self.namespace):
            settings = Path("/proc/sys/net/ipv6/conf") / self.name
            if not settings.exists():
                return
            for setting, value in (("accept_dad", "0"), ("disable_ipv6", "0")):
                (settings / setting).write_text(value)

        def usable() -> bool:  # from a tentative one the bridge does not ask for its startup time
            held = self.link.get_addr(index=index, family=AF_INET6)
            return any(not each["flags"] & IFA_F_TENTATIVE for each in held)

        wait_until(usable, within=5, what=f"{self.name} has a link-local address")

    def ask_again(self) -> None:
        """Ask now, in both families: over IPv6 only once the bridge has an address."""
        index = namespaces.index_of(self.link, self.name)
        for querier in (0, 1):
            self.link.link("set", index=index, kind="bridge", br_mcast_querier=querier)

    def members(self, group: str) -> set[str]:
        """Ports that have an entry for the group; needs iproute2's `bridge`."""
        with inside(self.namespace):
            shown = subprocess.run(["bridge", "-j", "mdb", "show"], capture_output=True, check=True)
        rows = [row for each in json.loads(shown.stdout) for row in each["mdb"]]
        return {row["port"] for row in rows if (row["dev"], row["grp"]) == (self.name, group)}

    def wait_members(self, group: str, ports: set[str], timeout: float = 10.0) -> None:
        def same() -> bool:
            return self.members(group) == ports

        wait_until(same, within=timeout, what=f"{group} has exactly the ports {sorted(ports)}")

    def close(self) -> None:
        with contextlib.suppress(KeyError):
            self.link.link("del", index=namespaces.index_of(self.link, self.name))
