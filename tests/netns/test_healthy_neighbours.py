"""Healthy networks with real neighbours: routers and queriers of FRR, Open vSwitch that snoops.

Each carries a stream to its members and to nobody else while `check` and `explain` are asked.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

import pytest

from netns.discovery import quicken, up
from netns.star import IGMP, MLD, QUERY, RESPONSE
from netns.test_healthy import OFF, is_well, of_both_families, silent_on, wait_role
from netns.test_offloads import offloads_off
from snoop.lab import Lab, wait_until
from snoop.lab.host import Host
from snoop.lab.switch import Snoop
from testbed.daemons import Frr, FrrPim, FrrQuerier, FrrRouter, OpenVswitchSnooping

GROUP, GROUP6 = "239.25.0.1", "ff0e::25:1"
COUNT = 200
MEMBER, ROUTER, NOBODY = "member", "router", ""


@pytest.mark.parametrize(
    ("kind", "igmp", "role"),
    [
        (FrrPim, {}, "querier"),
        (FrrQuerier, OFF, "non-querier"),
        (FrrRouter, {"querier": "auto"}, "non-querier"),
    ],
)
def test_a_router_of_frr_is_well(kind: type[Frr], igmp: dict[str, str], role: str) -> None:
    """SAY-19, Q-9: h1 says it is a router by PIM, by its queries, by both; h2 is a member."""
    assert not kind.missing(), f"{kind.missing()}: tests/run installs them"
    with Lab(4) as lab:
        beyond = lab.add_beyond(lab.h(1))
        switch = lab.switch(config={"igmp": {**IGMP, **igmp}})
        with kind(lab.h(1)) as daemons:
            daemons.start(GROUP)
            wait_role(switch, role, within=20)
            wait_until(
                lambda: {row["port"] for row in switch.show("mrouters")["mrouters"]} == {"p1"},
                within=20,
                what=f"p1 is a router port\n{daemons.log()}",
            )
            for host in (lab.h(2), beyond):
                host.join(GROUP)
            switch.wait_members(GROUP, {"p2"})
            behind = [] if kind is FrrQuerier else [beyond]
            carries(lab, GROUP, [lab.h(2), *behind], [lab.h(3)])
            is_well(switch)
            explains(switch, GROUP, p1=ROUTER, p2=MEMBER, p3=NOBODY)


@pytest.fixture(scope="module")
def ovs() -> Iterator[tuple[Lab, Host, Host]]:
    """Open vSwitch at p1; behind it a host that joins and one that does not."""
    assert not OpenVswitchSnooping.missing()
    with Lab(4, quiet_ipv6=False) as lab:
        joins, does_not = (lab.add_beyond(lab.h(1)) for _ in range(2))
        for host in (*lab.hosts, joins, does_not):
            quicken(host)
            offloads_off(host.namespace, "eth0")  # It takes unfinished checksums for finished ones.
        silent_on(lab, *lab.ports)
        up(lab)
        yield lab, joins, does_not


@pytest.mark.alone  # the socket of its userspace datapath overflows where others take the processor
@pytest.mark.parametrize("group", [GROUP, GROUP6])
def test_open_vswitch_that_snoops_is_well(ovs: tuple[Lab, Host, Host], group: str) -> None:
    """SAY-19: we ask, it learns by it where to send its hosts' reports, and prunes as we do."""
    lab, joins, does_not = ovs
    switch = lab.switch(config={"igmp": IGMP, "mld": MLD})
    with OpenVswitchSnooping(lab.h(1)) as daemons:
        daemons.start(group)
        for host in (joins, lab.h(2)):
            host.join(group)
        try:
            switch.wait_members(group, {"p1", "p2"}, timeout=20)
            carries(lab, group, [lab.h(2), joins], [lab.h(3), does_not])
            is_well(switch)
            explains(switch, group, p1=MEMBER, p2=MEMBER, p3=NOBODY)
        finally:
            for host in (joins, lab.h(2)):
                host.leave(group)
            switch.stop()


@pytest.mark.parametrize("asks", [True, False], ids=["it asks", "we ask"])
def test_a_kernel_s_bridge_is_well(asks: bool) -> None:
    """SAY-19: h2 and h3 are behind it. Its IPv4 queries have no address: a note."""
    with of_both_families() as lab:
        ours = OFF if asks else {}
        tables = {"igmp": {**IGMP, **ours}, "mld": {**MLD, **ours}}
        switch = lab.switch(["p0", "p1", "l0"], config=tables)
        times = {"query_interval": QUERY, "query_response_interval": RESPONSE}
        lab.bridge(["p2", "p3", "l1"], querier=asks, **times)
        for family, role in (("ipv4", "none"), ("ipv6", "non-querier")):
            wait_role(switch, role if asks else "querier", family, within=20)
        for group in (GROUP, GROUP6):
            for i in (1, 2):
                lab.h(i).join(group)
            switch.wait_members(group, {"p1", "l0"}, timeout=20)
            carries(lab, group, [lab.h(1), lab.h(2)], [lab.h(3)])
            explains(switch, group, p1=MEMBER, l0=MEMBER)
        is_well(switch, *(["a querier without an address on l0"] if asks else []))


def carries(lab: Lab, group: str, to: Sequence[Host], not_to: Sequence[Host]) -> None:
    """A stream of h0 gets to those, whole, once the neighbour's tables are as they will be."""

    def arrives() -> bool:
        for host in (*to, *not_to):
            host.reset()
        lab.h(0).send(group, ttl=16, stream=1)
        lab.settle(lab.h(0))
        got = [host for host in (*to, *not_to) if host.wire(group).frames]
        return got == [*to]

    wait_until(arrives, within=20, what=f"it arrives at {[host.name for host in to]} alone")
    for host in (*to, *not_to):
        host.reset()
    lab.h(0).send(group, count=COUNT, rate=400, ttl=16, stream=2)
    lab.settle(lab.h(0))
    for host in to:  # one of before may come late through a router
        wait_until(lambda host=host: host.app(group).unique >= COUNT, within=20,
                   what=f"{COUNT} at {host.name}")  # fmt: skip
        assert host.app(group).missing == 0, host.name
    for host in not_to:
        assert host.wire(group).frames == 0, host.name


def explains(switch: Snoop, group: str, **causes: str) -> None:
    """Why each port gets it, and that another does not; nothing troubles the stream."""
    answer = json.loads(switch.quick("explain", "--port", "p0", "--group", group, "--json"))
    why = {each["port"]: each for each in answer["why"]}
    for port, cause in causes.items():
        assert why[port]["forwarded"] is (cause != NOBODY), answer
        assert not cause or why[port]["cause"] == cause, answer
    assert all(note.startswith("it comes in, and is sent to p") for note in answer["notes"]), answer
