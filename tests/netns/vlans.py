"""A switch that filters by VLAN among kernel hosts, and one question: whom does a frame reach?

    h0, h1   access ports of VLAN 10        h4   a trunk of 10 and 20
    h2, h3   access ports of VLAN 20        h5   a trunk of 10 and 20, native VLAN 1
    h6       an access port of VLAN 1, which nobody says is one

`reached` looks at what every host received, whole: what leaves an access port has no tag, what
leaves a trunk has that of its VLAN, with the priority it came with, and no byte besides differs.
That nothing more comes is proved by markers, of the sender first and then by h5 in every VLAN.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from netns.star import IGMP, MLD, Star
from snoop.fastpath import FastPath
from snoop.lab import Lab, frames, frames_ipv6
from snoop.lab.host import Host
from snoop.proto.vlans import PortVlans
from snoop.table.mdb import Mdb
from snoop.table.members import compile_members

TEN, TWENTY, ONE = 10, 20, 1
PORTS: Mapping[str, Any] = {
    "p0": TEN,
    "p1": TEN,
    "p2": TWENTY,
    "p3": TWENTY,
    "p4": [TEN, TWENTY],
    "p5": {"trunk": [TEN, TWENTY], "native": ONE},
}
ADDRESSES = {TEN: "10.0.10.254", TWENTY: "10.0.20.254"}
OWN = [{"vid": vid, "querier_address": address} for vid, address in ADDRESSES.items()]
WITNESS = "h5"


class VlanStar(Star):
    """`members`: of every host its VLANs, and whether they are tagged at its port."""

    members: Mapping[str, Mapping[int, bool]]
    witness = WITNESS

    def within(self, vid: int) -> list[Host]:
        return [host for host in self.lab.hosts if vid in self.members[host.name]]

    def tag_at(self, host: Host, vid: int) -> int | None:
        """The tag that a frame of this VLAN has on the host's wire."""
        return vid if self.members[host.name][vid] else None

    def settle(self, sender: Host, *vids: int) -> None:
        """All that the sender sent before is delivered or dropped, in every VLAN."""
        for vid in vids or self.members[sender.name]:
            others = [host for host in self.within(vid) if host is not sender]
            if others:
                self.lab.settle(sender, others, vid=self.tag_at(sender, vid))
        last = self.lab.h(self.witness)
        for vid in self.members[self.witness]:
            others = [host for host in self.within(vid) if host is not last]
            self.lab.settle(last, others, vid=self.tag_at(last, vid))

    def received(self, sender: int, sent: Sequence[bytes]) -> dict[str, list[bytes]]:
        """What each host got of these frames' senders, of the frames that are sent now."""
        host = self.lab.h(sender)
        stations = {frame[6:12] for frame in sent}
        for each in self.lab.hosts:
            each.record("all")
            each.reset()
        assert host.frames(sent)["refused"] == 0
        self.settle(host)
        return {
            each.name: [c.frame for c in each.captured() if c.frame[6:12] in stations]
            for each in self.lab.hosts
        }

    def reached_by(self, sender: int, frame: bytes, *, vid: int, pcp: int = 0) -> set[str]:
        """The hosts that get the untagged `frame` when it is sent in VLAN `vid` with that priority.

        AssertionError when one gets it otherwise than its port has the VLAN, or twice.
        """
        tag = self.tag_at(self.lab.h(sender), vid)
        sent = frame if tag is None else frames.tagged(frame, tag, pcp=pcp)
        got = self.received(sender, [sent])
        for name, came in got.items():
            if came:
                assert vid in self.members[name], f"{name} is not in VLAN {vid} and got it"
                out = self.tag_at(self.lab.h(name), vid)
                wanted = frame if out is None else frames.tagged(frame, out, pcp=pcp)
                assert came == [wanted], f"{name}: {[each.hex() for each in came]}"
        return {name for name, came in got.items() if came}

    def report_in(self, host: int, group: str, vid: int, kind: str = "TO_EX") -> None:
        """A crafted report of a host, with the tag that its port has for the VLAN."""
        sender = self.lab.h(host)
        if ":" in group:
            frame = frames_ipv6.report_v2([(kind, group, [])], sender.link_local, mac=sender.mac)
        else:
            frame = frames.report_v3([(kind, group, [])], sender.address, mac=sender.mac)
        tag = self.tag_at(sender, vid)
        sender.frames([frame if tag is None else frames.tagged(frame, tag)])

    def quiet(self) -> None:
        super().quiet()
        for host in self.lab.hosts:
            host.record("all")


@contextmanager
def vlan_star(
    *,
    vlans: Mapping[str, Any] = PORTS,
    hosts: int = 7,
    igmp: Mapping[str, Any] | None = None,
    mld: Mapping[str, Any] | None = None,
    switch: Mapping[str, Any] | None = None,
    own: Sequence[Mapping[str, Any]] = OWN,
    ipv6: bool = False,
    pruning: bool = True,
    **tables: Any,
) -> Iterator[VlanStar]:
    """Queriers of short times in VLAN 10 and 20, of both families with `ipv6`, begun to prune."""
    with Lab(hosts, quiet_ipv6=not ipv6) as lab:
        config: dict[str, Any] = {
            "switch": dict(switch or {}),
            "igmp": {**IGMP, **(igmp or {})},
            "vlan": list(own),
            **tables,
        }
        if ipv6:
            config["mld"] = {**MLD, **(mld or {})}
        made = VlanStar(lab, lab.switch(config=config, vlans=vlans))
        made.members = {host.name: members_of(vlans.get(host.port, ONE)) for host in lab.hosts}
        if pruning:
            for vid in ADDRESSES:
                for family in ("ipv4", "ipv6") if ipv6 else ("ipv4",):
                    made.switch.wait_pruning(vlan=vid, family=family)
        yield made
        assert made.switch.process.poll() is None, made.switch.log
        made.conserved()


def members_of(port: Any) -> dict[int, bool]:
    """The VLANs of a port as `Lab.switch` takes them, and whether they are tagged there."""
    if isinstance(port, int):
        return {port: False}
    table = port if isinstance(port, Mapping) else {"trunk": port}
    found = {}
    for each in table["trunk"]:
        first, _, last = str(each).partition("-")
        found |= dict.fromkeys(range(int(first), int(last or first) + 1), True)
    return found | ({table["native"]: False} if "native" in table else {})


def access(*vids: int) -> set[str]:
    """Names of the hosts in one of these VLANs, in the star as it is drawn above."""
    ports = {f"h{i}": members_of(PORTS.get(f"p{i}", ONE)) for i in range(7)}
    return {name for name, of in ports.items() if any(vid in of for vid in vids)}


def stage(
    fastpath: FastPath, mdb: Mdb, ports: Mapping[int, PortVlans], horizons: Mapping[int, int]
) -> None:
    """Have the ports of a bare fast path in these VLANs, from its next publish on."""
    mdb.set_members(compile_members(ports))
    for port, each in ports.items():
        fastpath.port_set(
            port, up=True, mtu=1500, coalesce=False, filters=True, pvid=each.pvid,
            horizon=horizons.get(port, 0),
        )  # fmt: skip
