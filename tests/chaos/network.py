"""The lab of a game, and the model of it: what hosts want, which ports there are and in which VLAN.

The model is what the steps did, and asks the switch nothing: `expected` follows from it.

    h0, h1   send, and want nothing          h5   an enemy, and the bystander
    h2       wants everything, always        h6   its port comes by a pattern of the file
    h3, h4   join and leave; h4 churns, too  h7   its port is added by command
    l0, l1   are two ports of one cable: a loop, while it is plugged in
    h8       is the switch's own: a [[host]] of the file, which sends, joins and leaves

Beside the numbered streams h1 sends one of RTP that the viewer watches, and announces its name: it
is not counted at the hosts, but what the switch says of its health is held to what happened.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from snoop.control.client import Refused
from snoop.lab import Lab, namespaces
from snoop.lab.host import AgentError, Host
from snoop.lab.switch import Snoop

TESTS = Path(__file__).parents[1]
SENDERS, VIEWER, CHURNER, ENEMY, MATCHED, ADDED, OWN = (0, 1, 8), 2, 4, 5, 6, 7, 8
CHANGING = (3, 4, 6, 7)
COMMANDED = (3, 4)  # whose VLAN a command may change
CABLED, HOSTS = 8, 9
LOOP = ("l0", "l1")
OWN_ADDRESSES = ("10.0.0.18/24", "fd00::18/64")
RATE = 200
QUERIER = "10.0.0.254"
QUERY, RESPONSE, LAST_MEMBER = 2.0, 0.4, 0.2
SLOW_S = 2 * (2 * QUERY + RESPONSE)  # somebody who asked, or a host who said nothing, is forgotten


@dataclass(frozen=True, slots=True)
class Stream:
    """`unicast` to the viewer; `options` in its header keep a stream out of the kernel's hands."""

    name: str
    sender: int
    group: str
    options: bool = False
    unicast: bool = False


STREAMS = (
    Stream("any source, in the kernel", 0, "239.1.1.1"),
    Stream("any source, by the rings", 0, "239.1.1.2", options=True),
    Stream("IPv6, the wanted source", 1, "ff3e::1:1"),
    Stream("IPv6, the other source", 0, "ff3e::1:1"),
    Stream("joined now and then", 1, "239.1.1.3"),
    Stream("unicast", 0, "10.0.0.12", unicast=True),
    Stream("IPv6, any source", 1, "ff0e::1:2"),
    Stream("of the switch's own host", OWN, "239.1.1.4"),
)
GROUPS = tuple(dict.fromkeys(stream.group for stream in STREAMS if not stream.unicast))
SSM_GROUP = "ff3e::1:1"
MEDIA, MEDIA_NAME = "239.1.1.9", "Chaos"
WATCHED = (STREAMS[0].group, STREAMS[1].group, STREAMS[-1].group, MEDIA)  # by the viewer, always
TAGGED_ADDRESS = "10.0.0.{}"  # of the interface whose frames have a tag

Settings = dict[str, Any]
DEFAULTS: Settings = {
    "kernel": "auto",
    "coalesce": "auto",
    "unregistered": "mrouters",
    "qdisc_bypass": True,
    "isolate": True,
    "vlan_filtering": False,
    "specific_query_scope": "all",
    "always_flood": ["224.0.1.129"],
    "workers": 1,
    "shortcut": True,
    "robustness": 2,
    "max_groups": 4096,
    "fast_leave": "off",
    "mrouter": "auto",
    "health": "auto",
    "announced_names": True,
    "storm_limit": 10_000,
}
IN_SWITCH = ("kernel", "coalesce", "unregistered", "qdisc_bypass", "isolate", "vlan_filtering",
             "specific_query_scope", "always_flood", "workers",
             "shortcut", "health", "announced_names")  # fmt: skip


@dataclass
class Network:
    lab: Lab
    switch: Snoop = field(init=False)
    own: Host = field(init=False)
    looped: bool = False
    serving: int = 0  # the process that is the switch: it may be the heir of the one we started
    settings: Settings = field(default_factory=lambda: dict(DEFAULTS))
    wants: dict[tuple[int, str], frozenset[str]] = field(default_factory=dict)  # empty: any source
    unplugged: set[int] = field(default_factory=set)
    left_out: set[int] = field(default_factory=set)  # of the file, or not added by command
    vlans: dict[int, int] = field(default_factory=dict)  # in which, if it is not 1
    commanded: dict[int, int] = field(default_factory=dict)  # the same by command, over the file
    tagged: set[int] = field(default_factory=set)  # whose port is a trunk of that VLAN alone
    taggers: set[tuple[int, int]] = field(default_factory=set)  # interfaces made: host, VLAN
    older: set[int] = field(default_factory=set)  # hosts that speak MLDv1
    routed: bool = False  # the enemy's port, by command
    statics: dict[tuple[int, str], frozenset[str]] = field(default_factory=dict)  # by command
    snapshot: bytes = b""  # the switch's of a while ago
    told: list[str] = field(default_factory=list)  # what the step now under way has chosen

    # --- what follows from the model

    def attached(self, host: int) -> bool:
        return host not in self.unplugged and host not in self.left_out

    def hosts(self) -> list[int]:
        """Those whose port is one of the switch, and up."""
        return [host for host in range(HOSTS) if self.attached(host)]

    def vlan(self, host: int) -> int:
        if not self.settings["vlan_filtering"]:
            return 0
        return self.commanded.get(host, self.vlans.get(host, 1))

    def interface(self, host: int) -> str:
        """Where its programs join."""
        tagged = host in self.tagged and self.settings["vlan_filtering"]
        return f"eth0.{self.vlan(host)}" if tagged else self.h(host).interface

    def members(self, group: str) -> set[int]:
        """The hosts at whose ports the switch has a row, of whichever sources."""
        wanting = {host for host, wanted in self.wants if wanted == group and self.attached(host)}
        return wanting | {host for host, wanted in self.statics if wanted == group}

    def expected(self, stream: Stream, host: int) -> bool | None:
        """Whether the stream reaches the host; None: it may, and need not."""
        sender = stream.sender
        same = self.vlan(host) == self.vlan(sender)
        if host == sender or not (self.attached(host) and self.attached(sender) and same):
            return False
        if stream.unicast:
            return True if host == VIEWER else None  # unknown for a moment, it goes everywhere
        sources = self.wants.get((host, stream.group))
        wanted = [
            each for each in (self.statics.get((host, stream.group)), sources) if each is not None
        ]
        routed = host == ENEMY and (self.settings["mrouter"] == "always" or self.routed)
        if any(not each or self.source(stream) in each for each in wanted):
            return True
        if wanted and not routed:
            return False
        joined = any(self.vlan(each) == self.vlan(sender) for each in self.members(stream.group))
        policy = self.settings["unregistered"]
        if routed:
            return joined or policy != "drop"
        return None if policy == "flood" and not joined else False

    def source(self, stream: Stream) -> str:
        host = self.h(stream.sender)
        return host.address6 if ":" in stream.group else host.address

    # --- what the hosts do

    def h(self, number: int) -> Host:
        return self.own if number == OWN else self.lab.h(number)

    def cabled(self) -> list[int]:
        """Hosts at the other end of a cable, whose port is up."""
        return [host for host in self.hosts() if host != OWN]

    def say(self, what: str) -> None:
        self.told.append(what)

    def join(self, host: int, group: str, *sources: str) -> None:
        self.h(host).join(group, *sources, interface=self.interface(host))
        self.wants[host, group] = frozenset(sources)

    def leave(self, host: int, group: str) -> None:
        self.h(host).leave(group, interface=self.interface(host))
        del self.wants[host, group]

    def join_again(self, host: int) -> None:
        """After its interface was another: what it had joined went with the old one."""
        self.part(host)
        self.rejoin(host)

    def part(self, host: int) -> None:
        """Leave all it wants, before its programs are elsewhere."""
        for who, group in self.wants:
            if who == host:
                self.h(host).leave(group, interface=self.interface(host))

    def rejoin(self, host: int) -> None:
        """Join again what was parted from, at the interface there is now."""
        if self.interface(host) != self.h(host).interface:
            self.have_tagger(host)
        for (who, group), sources in self.wants.items():
            if who == host:
                self.h(host).join(group, *sorted(sources), interface=self.interface(host))

    def have_tagger(self, host: int) -> None:
        """One for a VLAN, for as long as there is this eth0: its program stays there."""
        key = host, self.vlan(host)
        if key not in self.taggers:
            address = TAGGED_ADDRESS.format(100 + 10 * host + len(self.taggers) % 10)
            self.lab.add_vlan(self.h(host), key[1], address=address)
            self.taggers.add(key)

    def forget_taggers(self, host: int) -> None:
        """Its eth0 is gone, and with it what tagged."""
        link = self.h(host).link
        for who, vid in list(self.taggers):
            if who == host:
                link.link("del", index=namespaces.index_of(link, f"eth0.{vid}"))
                self.taggers.discard((who, vid))

    def unplug(self, host: int) -> None:
        self.lab.unplug(f"p{host}")
        self.unplugged.add(host)

    def replug(self, host: int) -> None:
        self.forget_taggers(host)
        self.lab.replug(host)
        self.unplugged.discard(host)
        self.older.discard(host)
        self.join_again(host)

    def own_again(self) -> None:
        """After its pair was deleted and made again."""
        index = namespaces.index_of(self.own.link, self.own.interface)
        self.own.link.route("replace", dst="224.0.0.0/4", oif=index)
        self.own.mac = self.own.link.get_links(index)[0].get_attr("IFLA_ADDRESS")
        self.own.call("tap", on=True)
        self.join_again(OWN)

    # --- what the switch is told

    def config(self) -> dict[str, Any]:
        now = self.settings
        times = {
            "querier": "on", "query_interval": QUERY, "query_response_interval": RESPONSE,
            "startup_query_interval": 0.25, "robustness": now["robustness"],
            "max_groups": now["max_groups"],
        }  # fmt: skip
        ports: list[dict[str, Any]] = []
        for host in range(CABLED):
            if host == ADDED or host in self.left_out:
                continue
            port: dict[str, Any] = {"match": "p6*"} if host == MATCHED else {"name": f"p{host}"}
            if now["vlan_filtering"] and host in self.tagged:
                port["trunk"] = [self.vlan(host)]
            elif now["vlan_filtering"] and host in self.vlans:
                port["access"] = self.vlans[host]
            if host in CHANGING:
                port["fast_leave"] = now["fast_leave"]
            if host == ENEMY:
                port["mrouter"] = now["mrouter"]
                port["storm_limit"] = now["storm_limit"]
            ports.append(port)
        ports += [{"name": name} for name in LOOP]
        own: dict[str, Any] = {"interface": f"p{OWN}", "addresses": list(OWN_ADDRESSES)}
        if now["vlan_filtering"] and OWN in self.vlans:
            own["access"] = self.vlans[OWN]
        return {
            "switch": {key: now[key] for key in IN_SWITCH},
            "igmp": {**times, "querier_address": QUERIER,
                     "last_member_query_interval": LAST_MEMBER},
            "mld": {**times, "last_listener_query_interval": LAST_MEMBER},
            "port": ports,
            "host": [] if OWN in self.left_out else [own],
        }  # fmt: skip

    def configure(self) -> None:
        self.switch.configure(self.config())

    def reload(self) -> None:
        self.configure()
        self.switch.reload()

    def hand_over(self) -> None:
        """As `snoop restart` does: all that was known is known."""
        self.serving = self.switch.restart()["pid"]

    def started(self) -> None:
        """A process began: what it knows of commands given to the one before is its own affair,
        since one that dies does so between two of its snapshots.
        """
        self.serving = self.switch.show("status")["pid"]
        shown = {row["name"]: row for row in self.switch.show("ports")["ports"]}
        ports = shown.keys()
        self.commanded = {
            host: row["vlans"]["pvid"]
            for host in self.commanded
            if (row := shown[f"p{host}"])["vlans"]["pvid"] != self.vlans.get(host, 1)
        }
        self._put_back(shown)
        (self.left_out.discard if f"p{ADDED}" in ports else self.left_out.add)(ADDED)
        rows = [row for row in self.switch.mdb() if row["origin"] != "dynamic"]
        self.statics = {(int(row["port"][1:]), row["group"]): static_sources(row) for row in rows}
        routers = self.switch.show("mrouters")["mrouters"]
        self.routed = self.routed and any(row["origin"] == "static" for row in routers)
        if not self.routed:  # of an older snapshot, and not shown while the port is away
            for family in ("ipv4", "ipv6"):
                with suppress(Refused):
                    self.switch.delete_mrouter(f"p{ENEMY}", family=family)

    def _put_back(self, shown: Mapping[str, Mapping[str, Any]]) -> None:
        """What an older snapshot says that a command said, and was taken back since."""
        if not self.settings["vlan_filtering"]:
            return
        for host in COMMANDED:
            row = shown.get(f"p{host}")
            meant = None if host in self.tagged else self.vlan(host)
            if row is not None and row["vlans"]["pvid"] != meant:
                self.switch.port_set(f"p{host}", access=None)


def static_sources(row: Mapping[str, Any]) -> frozenset[str]:
    return frozenset(each["address"] for each in row["sources"])


@contextmanager
def network(seed: int) -> Iterator[Network]:
    """A lab of its own with the streams under way, and everybody where he begins."""
    with Lab(CABLED, quiet_ipv6=False) as lab:
        net = Network(lab)
        net.left_out.add(ADDED)
        lab.trunk(*LOOP)
        lab.set_port(LOOP[0], "down")
        tables = net.config()
        net.switch = lab.switch(tables.pop("port"), config=tables)
        net.serving = net.switch.show("status")["pid"]
        net.own = lab.own(f"p{OWN}")
        for group in WATCHED:
            net.join(VIEWER, group)
        net.join(VIEWER, SSM_GROUP, lab.h(1).address6)
        net.h(VIEWER).call("listen")
        players = [
            play(net.h(sender), "send", net.h(sender).interface, *words(sender))
            for sender in SENDERS
        ]
        players.append(play(net.h(CHURNER), "churn", str(seed)))
        players.append(play(net.h(1), "media", MEDIA, lab.h(1).address, MEDIA_NAME))
        try:
            yield net
        finally:
            for player in players:
                player.kill()
                player.wait()


def words(sender: int) -> list[str]:
    return [
        f"{number},{stream.group},{RATE},{'yes' if stream.options else 'no'}"
        for number, stream in enumerate(STREAMS)
        if stream.sender == sender
    ]


def play(host: Host, role: str, *arguments: str) -> subprocess.Popen[bytes]:
    command = namespaces.program("chaos.players", role, *arguments, home=TESTS)
    return host.spawn(command, stdin=subprocess.PIPE)


__all__ = ["AgentError", "Network", "Stream", "network"]
