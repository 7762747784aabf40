"""What real neighbours run: routers and Open vSwitch, from Debian's packages, each in the
namespace of one host with a run directory of its own. Nothing of the system's services is touched.

    with Smcroute(lab.h(1), lab.directory) as router:
        router.start("239.1.1.1")

`eth0` is the host's interface at the switch, `down0` the one to the network behind it
(`Lab.add_beyond`). `start` returns when the daemon forwards, `begin` at once.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from snoop.lab import namespaces, wait_until
from snoop.lab.host import Host

UP_S, STOP_S = 15.0, 5.0
FRR = Path("/usr/lib/frr")


class Daemons:
    """Some processes in a host's namespace; ended, with their directory, whatever happens."""

    needs: tuple[str, ...] = ()
    upstream, downstream = "eth0", "down0"

    def __init__(self, host: Host) -> None:
        self.host = host
        # A unix socket's path is short, and daemons that drop root must get in.
        self.directory = Path(tempfile.mkdtemp(prefix="snoop-nb-"))
        self.directory.chmod(0o755)
        self.processes: list[subprocess.Popen[bytes]] = []
        self.environment: dict[str, str] = {}

    @classmethod
    def missing(cls) -> list[str]:
        return [name for name in cls.needs if shutil.which(name) is None]

    def __enter__(self) -> Daemons:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self.close()

    def spawn(self, *command: str | os.PathLike[str]) -> None:
        with (self.directory / "log").open("ab") as log:
            process = namespaces.spawn(
                self.host.namespace,
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **self.environment},
            )
        self.processes.append(process)

    def ask(self, *command: str) -> str:
        """Run a control command to its end; what it printed."""
        with namespaces.inside(self.host.namespace):
            done = subprocess.run(command, capture_output=True, text=True, timeout=20)
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}\n{self.log()}"
        return done.stdout

    def log(self) -> str:
        return (self.directory / "log").read_text(errors="replace")

    def routes(self) -> bool:
        """Does the kernel of that host route multicast between the two? (Routes themselves may
        come with the first datagram.)
        """
        shown = self.host.call("read", path="/proc/net/ip_mr_vif")
        return f" {self.upstream} " in shown and f" {self.downstream} " in shown

    def begin(self, group: str) -> None:
        raise NotImplementedError

    def ready(self, group: str) -> bool:
        return self.routes()

    def start(self, group: str) -> None:
        self.begin(group)
        self.wait(group)

    def wait(self, group: str) -> None:
        def up() -> bool:
            ended = [each.args for each in self.processes if each.poll() is not None]
            assert not ended, f"{ended} ended\n{self.log()}"
            return self.ready(group)

        wait_until(up, within=UP_S, what=f"{type(self).__name__} forwards")

    def close(self) -> None:
        for process in reversed(self.processes):
            process.terminate()
        for process in self.processes:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(STOP_S)
            process.kill()
            process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)


class Smcroute(Daemons):
    """A static multicast router that joins the group itself."""

    needs = ("smcrouted",)

    def rules(self, group: str) -> str:
        up, down = self.upstream, self.downstream
        return f"mgroup from {up} group {group}\nmroute from {up} group {group} to {down}\n"

    def begin(self, group: str) -> None:
        config = self.directory / "smcroute.conf"
        interfaces = f"phyint {self.upstream} enable\nphyint {self.downstream} enable\n"
        config.write_text(interfaces + self.rules(group))
        at = self.directory
        self.spawn("smcrouted", "-n", "-N", "-f", config, "-P", at / "pid", "-u", at / "socket")


class SmcrouteOnAStick(Smcroute):
    """From one VLAN of a trunk to another (`Lab.add_vlan`)."""

    upstream, downstream = "eth0.10", "eth0.20"


class Smcroute6(Smcroute):
    """The same of IPv6, in the other direction: from the network behind the host to the switch."""

    def rules(self, group: str) -> str:
        return f"mroute from down0 group {group} to eth0\n"

    def routes(self) -> bool:
        shown = self.host.call("read", path="/proc/net/ip6_mr_vif")
        return " eth0 " in shown and " down0 " in shown


class Igmpproxy(Daemons):
    """Joins upstream what hosts behind it join; the beyond host must be a member."""

    needs = ("igmpproxy",)

    def begin(self, group: str) -> None:
        config = self.directory / "igmpproxy.conf"
        config.write_text(
            "phyint eth0 upstream ratelimit 0 threshold 1\n altnet 0.0.0.0/0\n"
            "phyint down0 downstream ratelimit 0 threshold 1\n"
            "phyint lo disabled\n"
        )
        self.spawn("igmpproxy", "-n", config)


class Frr(Daemons):
    """FRR's pimd with a static route. It says one hello and is passive from then on."""

    needs = ("vtysh",)
    of_each = ("ip pim", "ip pim passive")

    @classmethod
    def missing(cls) -> list[str]:
        gone = [name for name in ("zebra", "pimd") if not (FRR / name).exists()]
        return gone + super().missing()

    def daemon(self, name: str) -> None:
        at = self.directory
        config = at / f"{name}.conf"
        config.write_text("hostname lab\n")
        shutil.chown(config, "frr", "frr")
        self.spawn(
            *(FRR / name, "-f", config, "-i", at / f"{name}.pid", "-z", at / "zserv"),
            *("--vty_socket", at, "-P", "0", "--log", "stdout", "--log-level", "warnings"),
        )
        wait_until((at / f"{name}.vty").exists, within=UP_S, what=f"{name} listens")

    def begin(self, group: str) -> None:
        shutil.chown(self.directory, "frr", "frr")
        self.daemon("zebra")
        self.daemon("pimd")
        lines = ["configure terminal"]
        for name in ("eth0", "down0"):
            lines += [f"interface {name}", *self.of_each]
        if "ip pim" in self.of_each:
            lines += ["interface eth0", f"ip mroute down0 {group}"]
        words = [word for line in lines for word in ("-c", line)]
        self.ask("vtysh", "--vty_socket", str(self.directory), *words)


class FrrPim(Frr):
    """The same, and it goes on saying hello."""

    of_each = ("ip pim", "ip pim hello 2")


class FrrQuerier(Frr):
    """FRR's pimd as an IGMPv3 querier that routes nothing."""

    of_each = ("ip igmp", "ip igmp query-max-response-time 10", "ip igmp query-interval 2")

    def ready(self, group: str) -> bool:
        return True


class FrrRouter(Frr):
    """As networks have it: PIM, and the querier."""

    of_each = (*FrrPim.of_each, *FrrQuerier.of_each)


class Radvd(Daemons):
    """A router that advertises one prefix on eth0."""

    needs = ("radvd",)

    def begin(self, group: str) -> None:
        for which in ("all", "eth0"):  # It advertises nothing that the kernel does not route.
            self.host.call("sysctl", path=f"net/ipv6/conf/{which}/forwarding", value="1")
        config = self.directory / "radvd.conf"
        config.write_text(
            "interface eth0 { AdvSendAdvert on; MinRtrAdvInterval 3; MaxRtrAdvInterval 4;\n"
            f" MinDelayBetweenRAs 3; prefix {group} {{ }}; }};\n"
        )
        self.spawn("radvd", "-n", "-C", config, "-p", self.directory / "pid", "-m", "stderr")

    def ready(self, group: str) -> bool:
        return (self.directory / "pid").exists()


class OpenVswitch(Daemons):
    """A bridge of eth0 and down0 in Open vSwitch's userspace datapath."""

    needs = ("ovs-vswitchd", "ovsdb-server", "ovs-vsctl", "ovsdb-tool")
    schema = "/usr/share/openvswitch/vswitch.ovsschema"

    def control(self, *words: str) -> str:
        return self.ask("ovs-vsctl", f"--db=unix:{self.directory}/db", "--timeout=15", *words)

    def begin(self, group: str) -> None:
        at = self.directory
        self.environment = {"OVS_RUNDIR": str(at), "OVS_LOGDIR": str(at)}
        self.ask("ovsdb-tool", "create", str(at / "conf.db"), self.schema)
        self.spawn("ovsdb-server", at / "conf.db", f"--remote=punix:{at}/db",
                   f"--unixctl={at}/db.ctl")  # fmt: skip
        wait_until((at / "db").exists, within=UP_S, what="ovsdb-server")
        self.control("--no-wait", "init")
        self.spawn("ovs-vswitchd", f"unix:{at}/db", f"--unixctl={at}/ovs.ctl")
        words = ["add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=netdev"]
        for name, settings in self.ports().items():
            words += ["--", "add-port", "br0", name, *settings]
        self.control(*words)

    def ports(self) -> dict[str, list[str]]:
        """Its ports, and the settings of each."""
        return {self.downstream: [], self.upstream: []}

    def ready(self, group: str) -> bool:
        numbers = self.control("--bare", "--columns=ofport", "find", "interface", "type!=internal")
        return len(numbers.split()) == len(self.ports()) and "-1" not in numbers.split()


class OpenVswitchSnooping(OpenVswitch):
    """The same, which snoops and floods nothing that nobody has joined."""

    def begin(self, group: str) -> None:
        super().begin(group)
        prunes = "other_config:mcast-snooping-disable-flood-unregistered=true"
        self.control("set", "bridge", "br0", "mcast_snooping_enable=true", prunes)


class OpenVswitchTrunk(OpenVswitch):
    """The same as a tagger: eth0 is a trunk, what is behind it access ports with a VLAN each.

    `trunk` are settings of eth0: `trunks`, or `vlan_mode` native-tagged or native-untagged with the
    native VLAN as its `tag`.
    """

    def __init__(self, host: Host, access: Mapping[str, int], **trunk: str) -> None:
        super().__init__(host)
        self.access, self.trunk = access, trunk

    def ports(self) -> dict[str, list[str]]:
        behind = {name: [f"tag={vid}"] for name, vid in self.access.items()}
        return {**behind, self.upstream: [f"{name}={value}" for name, value in self.trunk.items()]}


ROUTERS = {"smcroute": Smcroute, "igmpproxy": Igmpproxy, "frr": Frr, "ovs": OpenVswitch}
