"""`snoop explain` names the host whose join was refused, and the key that refused it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from netns.star import Star, star
from snoop.lab import frames, wait_until

GROUP, SSM, OTHER = "239.25.0.1", "232.25.0.1", "239.25.0.2"


def because(net: Star, group: str) -> str:
    """Why p1 gets the group, or not."""
    answer = json.loads(net.switch.quick("explain", "--port", "p0", "--group", group, "--json"))
    return {each["port"]: each["because"] for each in answer["why"]}["p1"]


def refused(net: Star, group: str) -> list[dict[str, Any]]:
    return [row for row in net.switch.show("witnesses")["refused"] if row["group"] == group]


@pytest.mark.parametrize(
    ("igmp", "port", "group", "why", "key"),
    [
        ({}, {}, SSM, "ssm", "[igmp] ssm_ranges"),
        ({}, {"deny_groups": ["239.25.0.0/24"]}, GROUP, "filter", "[[port]] deny_groups"),
        ({}, {"allow_groups": ["239.26.0.0/24"]}, GROUP, "filter", "[[port]] allow_groups"),
    ],
)
def test_join_of_a_kernel_host_that_is_refused_is_explained(
    igmp: dict[str, Any], port: dict[str, Any], group: str, why: str, key: str
) -> None:
    """SAY-2: the host, by address and MAC, the key, and nothing of the kind for another group."""
    with star(3, igmp=igmp, ports={"p1": port}, switch={"unregistered": "mrouters"}) as net:
        host = net.h(1)
        host.join(group)
        wait_until(lambda: refused(net, group), within=20, what="the refusal is seen")
        (row,) = refused(net, group)
        assert (row["port"], row["why"]) == ("p1", why)
        assert (row["address"], row["mac"]) == (host.address, host.mac)
        assert f"the join of {host.address} ({host.mac})" in because(net, group)
        assert key in because(net, group)
        assert "the join of" not in because(net, OTHER)
        host.leave(group)
        wait_until(lambda: not refused(net, group), within=20, what="the host wants it no more")
        assert "the join of" not in because(net, group)


def test_reports_that_are_not_believed_are_explained() -> None:
    """SAY-2: of a version, with a TTL, without an option that the switch is told not to take."""
    policies = {"ignore_v2": True, "ttl_check": True, "require_router_alert": True}
    with star(3, igmp=policies, switch={"unregistered": "mrouters"}) as net:
        host = net.h(1)
        who = {"source": host.address, "mac": host.mac}
        for why, key, frame in (
            ("version", "ignore_v1 or ignore_v2", frames.report_v2(GROUP, **who)),
            ("ttl", "ttl_check", frames.report_v3([("TO_EX", GROUP, [])], **who, ttl=3)),
            (
                "router_alert",
                "require_router_alert",
                frames.report_v3([("TO_EX", GROUP, [])], **who, alert=False),
            ),
        ):
            host.frames([frame])
            wait_until(
                lambda why=why: why in {row["why"] for row in refused(net, GROUP)},
                within=20,
                what=f"refused: {why}",
            )
            assert f"the join of {host.address}" in because(net, GROUP)
            assert key in because(net, GROUP)
