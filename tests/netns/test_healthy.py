"""Networks that are well: `check` is silent, or says once, as a note, what is unusual in them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from netns.discovery import quicken, up, works
from netns.said import explained, named
from netns.star import IGMP, MLD, QUERY, RESPONSE, Star
from snoop.lab import Lab, frames, wait_until
from snoop.lab.switch import Snoop
from snoop.namespace import inside
from unit.causes import rows

GROUP, ROUTER = "239.25.0.1", "10.0.0.13"
GROUP6, DISCOVERY = "ff0e::25:1", ("ff02::fb", "ff02::1:3", "ff02::c")
OFF = {"querier": "off"}
SETTLED = 2.0  # seconds


@dataclass(frozen=True)
class Network:
    """`router`: what the host on p3 sends; `role`: of ours, once all is heard; `notes`: all."""

    igmp: Mapping[str, Any] = field(default_factory=dict)
    tables: Mapping[str, Any] = field(default_factory=dict)
    router: tuple[bytes, ...] = ()
    role: str = "querier"
    joins: bool = True
    groups: tuple[str, ...] = (GROUP,)
    without: str = ""
    notes: tuple[str, ...] = ()


def asks(source: str = ROUTER, version: int = 3) -> bytes:
    return frames.query(source, version=version)


STATIC = {"static": [{"group": GROUP, "ports": ["p1"]}], "switch": {"no_querier": "prune"}}
NETWORKS = {
    "we_ask": Network(),
    "another_asks": Network(OFF, router=(asks(),), role="non-querier"),
    "we_stand_by": Network({"querier": "auto"}, router=(asks(),), role="non-querier"),
    "v2_router": Network(
        OFF, router=(asks(version=2),), role="non-querier", notes=("speaks IGMPv2, so hosts",)
    ),
    "pim_router": Network(OFF, router=(frames.pim_hello(ROUTER), asks()), role="non-querier"),
    "no_address": Network(
        OFF, router=(asks("0.0.0.0"),), role="none", notes=("a querier without an address on p3",)
    ),
    "static_only": Network(
        OFF, STATIC, role="none", joins=False, notes=("static entries stay, what hosts join",)
    ),
    "idle": Network(joins=False),
    "two_joins": Network(groups=(GROUP, "239.25.0.2")),
    "discovery": Network(groups=("224.0.0.251", "239.255.255.250")),
    "no_cap_bpf": Network(without="-bpf,-sys_admin", notes=("the host's own stack sees",)),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_a_healthy_network_has_no_problem_and_no_note_without_a_reason(name: str) -> None:
    """SAY-19."""
    network = NETWORKS[name]
    bounds = ["setpriv", "--inh-caps", "-all", "--bounding-set", network.without]
    with Lab(4) as lab:
        config = {**network.tables, "igmp": {**IGMP, **network.igmp}}
        through = bounds if network.without else []
        net = Star(lab, lab.switch(config=config, through=through))
        begin(net, network)
        is_well(net.switch, *network.notes)


def test_without_the_capability_the_note_is_as_the_table_says() -> None:
    """SAY-19."""
    bounds = ["setpriv", "--inh-caps", "-all", "--bounding-set", NETWORKS["no_cap_bpf"].without]
    with Lab(2) as lab:
        net = Star(lab, lab.switch(config={"igmp": IGMP}, through=bounds))
        row = rows()["the host's stack cannot be kept off"]
        named(net, row)
        explained(net, row, "--port", "p0", "--group", "239.1.1.1")


def test_without_the_capability_streams_go_by_the_rings_and_it_is_said_once() -> None:
    """N-11: the host's stack may see these ports, so nothing else says so."""
    bounds = ["setpriv", "--inh-caps", "-all", "--bounding-set", NETWORKS["no_cap_bpf"].without]
    config = {"igmp": IGMP, "switch": {"isolate": False}}
    with Lab(2) as lab:
        net = Star(lab, lab.switch(config=config, through=bounds))
        named(net, rows()["streams cannot be served inside the kernel"])
        assert net.switch.log.count("inside the kernel") == 1
        net.h(1).join(GROUP)
        net.switch.wait_members(GROUP, {"p1"})
        assert net.reached(GROUP) == {"h1"}
        (stream,) = net.switch.streams(group=GROUP)
        assert (stream["path"], stream["path_cause"]) == ("ring", "off")
        assert "CAP_BPF" in stream["path_because"]
        off = {"isolate": False, "kernel": "off"}
        net.switch.configure({**net.switch.config, "switch": off})
        net.switch.do("reload")
        is_well(net.switch)


def test_a_switch_that_may_not_go_before_others_says_so() -> None:
    """SAY-19: CAP_SYS_NICE, which no user namespace gives."""
    bounds = ["setpriv", "--inh-caps", "-all", "--bounding-set", "-sys_nice"]
    with Lab(2) as lab:
        net = Star(lab, lab.switch(config={"igmp": IGMP}, through=bounds))
        named(net, rows()["the switch may not go before other processes"])


def test_a_switch_whose_snapshot_cannot_be_written_says_so_until_it_can() -> None:
    """SAY-18: something of somebody else is in its place; nothing changes meanwhile."""
    with Lab(2) as lab:
        net = Star(lab, lab.switch(config={"igmp": IGMP}))
        is_well(net.switch)
        place = Path(net.switch.socket).with_suffix(".state")
        wait_until(place.exists, within=20)
        place.unlink()
        (place / "of somebody else").mkdir(parents=True)
        net.h(1).join(GROUP)
        net.switch.wait_members(GROUP, {"p1"})
        net.h(0).send(GROUP, count=20, rate=1000)
        named(net, rows()["the snapshot for a crash cannot be written"])
        (place / "of somebody else").rmdir()
        place.rmdir()
        wait_until(place.is_file, within=20)
        is_well(net.switch)


def test_a_switch_whose_file_is_gone_or_wrong_says_so_until_it_is_mended() -> None:
    """SAY-18: it goes on, and would not start again."""
    with Lab(2) as lab:
        net = Star(lab, lab.switch(config={"igmp": IGMP}))
        file, row = net.switch.config_file, rows()["the configuration cannot be loaded any more"]
        assert file is not None
        whole = file.read_text()
        is_well(net.switch)
        file.unlink()
        named(net, row)
        file.write_text(f"{whole}[[port]]\n")
        named(net, row)
        file.write_text(whole)
        is_well(net.switch)


def test_two_switches_in_a_row_are_well() -> None:
    """SAY-19: one asks, the other's members are behind a port that is a router's."""
    with Lab(4) as lab:
        lab.trunk("l0", "l1")
        first = lab.switch(["p0", "p1", "l0"], config={"igmp": {**IGMP, "querier": "auto"}})
        asks_first = {**IGMP, "querier_address": "10.0.0.253"}
        second = lab.switch(["p2", "p3", "l1"], config={"igmp": asks_first})
        first.wait_pruning()
        for i, switch in ((1, first), (3, second)):
            lab.h(i).join(GROUP)
            switch.wait_members(GROUP, {f"p{i}"} | ({"l1"} if switch is second else set()))
        lab.h(0).send(GROUP, count=100, rate=1000)
        for switch in (first, second):
            is_well(switch)


@contextmanager
def of_both_families() -> Iterator[Lab]:
    """Four hosts with IPv6 up; l0 is a port of ours, or l1 one of a bridge beside us."""
    with Lab(4, quiet_ipv6=False) as lab:
        lab.trunk("l0", "l1")
        silent_on(lab, *lab.ports, "l0", "l1")
        for host in lab.hosts:
            quicken(host)
        up(lab)
        yield lab


@pytest.fixture(scope="module")
def six() -> Iterator[Lab]:
    with of_both_families() as lab:
        yield lab


def silent_on(lab: Lab, *ports: str) -> None:
    """The machine speaks no IPv6 on the ports, as `check` would advise."""
    with inside(lab.namespace):
        for port in ports:
            Path(f"/proc/sys/net/ipv6/conf/{port}/disable_ipv6").write_text("1")


@pytest.mark.parametrize("mld", [{}, {"querier": "auto"}, MLD], ids=["default", "auto", "on"])
def test_hosts_that_only_discover_over_ipv6_are_well(six: Lab, mld: dict[str, Any]) -> None:
    """SAY-19: mDNS, DHCPv6, neighbours; of MLD what kernels say unasked."""
    with at_ours(six, six.ports, mld) as switch:
        for group in DISCOVERY:
            six.h(1).join(group)
        works(six)
        for group in (*DISCOVERY, "ff02::1:2"):
            six.h(0).send(group, count=20)
        six.settle(six.h(0))
        is_well(switch)


def test_a_router_s_own_groups_need_no_querier(six: Lab) -> None:
    """SAY-19: Linux that routes joins ff01::2, ff02::2 and ff05::2, asked by nobody."""
    forwarding = "net/ipv6/conf/eth0/forwarding"
    with at_ours(six, six.ports, {}) as switch:
        six.h(3).call("sysctl", path=forwarding, value="1")
        try:
            switch.wait_members("ff05::2", {"p3"})
            wait_until(
                lambda: switch.show("mdb", group="ff05::2")["mdb"][0]["uptime"] >= SETTLED,
                within=20,
                what="a membership that is not of this very moment",
            )
            is_well(switch)
        finally:
            six.h(3).call("sysctl", path=forwarding, value="0")


def test_listeners_of_both_versions_are_well(six: Lab) -> None:
    """SAY-19: we ask, one stream goes to a host of MLDv1 and one of MLDv2."""
    with at_ours(six, six.ports, MLD) as switch:
        six.h(1).mld_version(1)
        watch(six, switch, {"p1": 1, "p2": 2})
        switch.wait_row(GROUP6, "p1", compatibility="mldv1")
        is_well(switch)
        six.h(1).mld_version(2)


def test_a_kernel_s_bridge_that_asks_beside_us_is_well(six: Lab) -> None:
    """SAY-19: its queries are of MLDv2; h2 is behind it."""
    with at_ours(six, ["p0", "p1", "l0"], {}) as switch:
        times = {"query_interval": QUERY, "query_response_interval": RESPONSE}
        bridge = six.bridge(["p2", "p3", "l1"], **times)
        try:
            wait_role(switch, "non-querier", "ipv6", within=20)
            watch(six, switch, {"p1": 1, "l0": 2})
            is_well(switch)
        finally:
            bridge.close()


@contextmanager
def at_ours(lab: Lab, ports: Sequence[str], mld: Mapping[str, Any]) -> Iterator[Snoop]:
    """This switch, until the end of a test; hosts are out of every group then."""
    switch = lab.switch(list(ports), config={"igmp": IGMP, "mld": dict(mld)})
    try:
        yield switch
    finally:
        for host in lab.hosts:
            host.call("leave_all")
        switch.stop()


def watch(lab: Lab, switch: Snoop, at: Mapping[str, int]) -> None:
    """Those hosts join, and h0 sends."""
    for i in at.values():
        lab.h(i).join(GROUP6)
    switch.wait_members(GROUP6, set(at), timeout=20)
    lab.h(0).send(GROUP6, count=100, rate=1000)
    lab.settle(lab.h(0))


def is_well(switch: Snoop, *notes: str) -> None:
    """No problem, and these notes alone."""
    done = switch.run("check")
    said = done.stdout.splitlines()
    assert (done.returncode, said[-1]) == (0, "no problems found"), done.stdout
    heads = [line for line in said[:-1] if not line.startswith("    ")]
    assert len(heads) == len(notes), done.stdout
    for head, note in zip(heads, notes, strict=True):
        assert head.startswith("note: "), head
        assert note in head


def wait_role(switch: Snoop, role: str, family: str = "ipv4", within: float = 20) -> None:
    wait_until(
        lambda: (
            {row["role"] for row in switch.show("querier", family=family)["queriers"]} == {role}
        ),
        within=within,
        what=f"our role is {role}",
    )


def begin(net: Star, network: Network) -> None:
    """Who asks has asked, who listens has joined, and a stream has come by."""
    if network.router:
        frames_hex = [frame.hex() for frame in network.router]
        net.h(3).start("frames", frames=frames_hex, rate=4, repeat=200)  # it goes on asking
    wait_role(net.switch, network.role)
    if network.joins:
        for group in network.groups:
            net.h(1).join(group)
            if not group.startswith("224.0.0."):
                net.switch.wait_members(group, {"p1"})
            net.h(0).send(group, count=100, rate=1000)
    net.lab.settle(net.h(0))
