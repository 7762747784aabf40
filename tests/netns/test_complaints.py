"""Ten of the eleven commonest complaints about snooping switches, each as a set-up that is broken
on purpose: the listener really misses its stream (or gets what it should not), `check` or `explain`
names the cause, and the key they name cures it. `snoop/TROUBLESHOOTING.md` is about the same; the
eleventh is in `test_neighbours.py`."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from typing import Any

from netns.star import Star, names, star
from snoop.lab import Lab, frames, frames_ipv6, wait_until

GROUP = "239.21.0.1"
QUERIER_OFF = {"querier": "off"}
CALM = {"query_interval": 60.0}  # what was joined, and refused, lasts as long as the test


def said(net: Star, *words: str) -> str:
    """What `check` prints, which must be that something is wrong and hold all these words."""
    text = ""

    def is_said() -> bool:
        nonlocal text
        done = net.switch.here("check")
        text = " ".join(done.stdout.split())
        return done.returncode == 1 and all(word in text for word in words)

    try:
        wait_until(is_said, within=20, what=f"check says {words}")
    except AssertionError as error:
        raise AssertionError(f"{error}\n{text}") from None
    return text


def explained(net: Star, group: str, port: str = "p0") -> tuple[dict[str, str], str]:
    """Of `explain` for a frame that comes in at the port: port -> because, and the notes."""
    answer = json.loads(net.switch.quick("explain", "--port", port, "--group", group, "--json"))
    return {each["port"]: each["because"] for each in answer["why"]}, " ".join(answer["notes"])


def changed(net: Star, *, port: str = "", **tables: Mapping[str, Any]) -> None:
    """The cure: other keys, in force after a reload; from now on `check` counts afresh."""
    config = dict(net.switch.config)
    for table, keys in tables.items():
        if table != "port_keys":
            config[table] = {**config.get(table, {}), **keys}
    config["port"] = [
        {**each, **tables.get("port_keys", {})} if each["name"] == port else each
        for each in config["port"]
    ]
    net.switch.configure(config)
    net.switch.do("reload")
    net.switch.do("clear", "counters")


def healthy(net: Star) -> None:
    done = net.switch.run("check")
    assert done.returncode == 0, done.stdout


def test_stream_dies_after_four_minutes() -> None:
    """Nobody asks, so the membership ends though the viewer still watches."""
    with star(
        3,
        igmp={**QUERIER_OFF, "query_interval": 3.0},
        switch={"no_querier": "prune", "unregistered": "mrouters"},
        pruning=False,
    ) as net:
        net.h(1).join(GROUP)
        net.switch.wait_members(GROUP, {"p1"})
        assert net.reached(GROUP) == names(1)
        said(net, "no querier", "1 membership,", 'querier = "on"')
        assert "no querier refreshes it" in explained(net, GROUP)[0]["p1"]
        net.switch.wait_members(GROUP, set())
        assert net.reached(GROUP) == set()
        said(net, 'no_querier = "prune"', "streams end with the memberships", 'querier = "on"')
        because, notes = explained(net, GROUP)
        assert f"{net.h(1).address} ({net.h(1).mac}) last reported" in because["p1"]
        assert "no querier is known" in notes
        changed(net, igmp={"querier": "on"})
        net.switch.wait_members(GROUP, {"p1"})
        assert net.reached(GROUP) == names(1)
        healthy(net)


def test_mdns_or_sonos_vanish() -> None:
    """Discovery whose listeners do not join: what is not link-local needs always_flood."""
    ssdp, mdns = "239.255.255.250", "224.0.0.251"
    with star(3, switch={"unregistered": "drop"}) as net:
        assert net.reached(ssdp) == set()
        said(net, ssdp, "Sonos", "reaches nobody", "always_flood")
        because, notes = explained(net, ssdp)
        assert '[switch] unregistered = "drop"' in because["p1"]
        assert "Sonos" in notes
        assert "always_flood" in notes
        assert net.reached(mdns) == names(1, 2)
        assert "224.0.0.0/24" in explained(net, mdns)[0]["p1"]
        changed(net, switch={"always_flood": ["224.0.1.129", ssdp]})
        assert net.reached(ssdp) == names(1, 2)
        healthy(net)


def test_ipv6_neighbour_discovery() -> None:
    """What it needs is never pruned; the switch's own host speaking on its ports is named."""
    with Lab(3, quiet_ipv6=False) as lab:
        net = Star(lab, lab.switch(config={"switch": {"unregistered": "drop"}}))
        because, _ = explained(net, "ff02::1:ff00:12")
        assert "IPv6 itself needs this group" in because["p1"]
        target = lab.h(2)
        lab.h(1).record("all")
        target.record("all")
        source, asked = lab.h(0), target.address6
        body = struct.pack("!BBHI", 135, 0, 0, 0) + frames_ipv6.pton(asked)
        solicitation = frames_ipv6.icmpv6(
            body, source.link_local, "ff02::1:ff00:12", hop_limit=255, alert=False, mac=source.mac
        )
        source.frames([solicitation])
        lab.settle(lab.h(0))
        for host in (lab.h(1), target):
            assert solicitation in {each.frame for each in host.captured()}

        def noted() -> bool:
            return "IPv6 stack speaks on these ports" in net.switch.run("check").stdout

        wait_until(noted, within=20, what="check says that the host's IPv6 speaks on the ports")


def test_no_querier() -> None:
    """Nothing is pruned, since nobody would refresh a membership."""
    with star(3, igmp={**QUERIER_OFF, **CALM}, pruning=False) as net:
        net.h(1).join(GROUP)
        net.switch.wait_members(GROUP, {"p1"})
        assert net.reached(GROUP) == names(1, 2)
        said(net, "no querier, but 1 membership,", 'querier = "on"')
        because, _ = explained(net, GROUP)
        assert "no querier is known, so nothing is pruned" in because["p2"]
        stream = net.h(0).start("send", destination=GROUP, count=1 << 20, rate=1500, size=1000)
        said(net, "so nothing is pruned")
        stream.stop()
        net.lab.settle(net.h(0))
        changed(net, igmp={"querier": "on"})
        net.switch.wait_pruning(timeout=20)
        assert net.reached(GROUP) == names(1)
        healthy(net)


def test_fast_leave_cuts_a_second_viewer() -> None:
    """Two viewers behind one port: the leave of one ends the stream of both."""
    with star(3, switch={"unregistered": "mrouters"}, ports={"p1": {"fast_leave": "on"}}) as net:
        two_viewers_one_leaves(net)
        net.switch.wait_members(GROUP, set())
        assert net.reached(GROUP) == set()
        said(net, 'fast_leave = "on"', "stations are behind it", '"tracked"')
        assert 'fast_leave = "on"' in explained(net, GROUP)[0]["p1"]
        changed(net, port="p1", port_keys={"fast_leave": "tracked"})
        two_viewers_one_leaves(net)
        assert net.reached(GROUP) == names(1)
        healthy(net)


def two_viewers_one_leaves(net: Star) -> None:
    one, two = ("10.0.0.71", "02:00:00:00:0e:71"), ("10.0.0.72", "02:00:00:00:0e:72")
    behind = net.h(1)
    behind.frames([frames.report_v2(GROUP, address, mac=mac) for address, mac in (one, two)])
    net.switch.wait_members(GROUP, {"p1"})
    behind.frames([frames.leave_v2(GROUP, one[0], mac=one[1])])
    net.lab.settle(behind)


def test_32_groups_share_a_mac_address() -> None:
    """This switch tells them apart; what does not is named."""
    other, local = "239.149.0.1", "239.0.0.5"
    with star(3) as net:
        net.h(1).join(GROUP)
        net.h(2).join(other)
        net.h(2).join(local)
        net.switch.wait_members(GROUP, {"p1"})
        net.switch.wait_members(other, {"p2"})
        net.switch.wait_members(local, {"p2"})
        assert net.reached(GROUP) == names(1)
        assert net.reached(other) == names(2)
        text = " ".join(net.switch.run("check").stdout.split())
        assert f"{other}, {GROUP}: these groups share a MAC address" in text
        assert f"{local}: shares its MAC address with 224.0.0.0/24" in text
        assert other in explained(net, GROUP)[1]
        assert "224.0.0.5" in explained(net, local)[1]


def test_ptp_clocks_lose_their_master() -> None:
    """Clocks that do not report, and a configuration that took PTP out of always_flood."""
    ptp = "224.0.1.129"
    with star(3, switch={"unregistered": "mrouters", "always_flood": []}) as net:
        assert net.reached(ptp) == set()
        said(net, ptp, "PTP clocks: reaches nobody", "always_flood")
        assert "PTP" in explained(net, ptp)[1]
        changed(net, switch={"always_flood": [ptp]})
        assert net.reached(ptp) == names(1, 2)
        healthy(net)


def test_router_port_not_found_for_queries_of_0_0_0_0() -> None:
    """What a cheap switch asks with; by RFC 4541 it makes no router port, on request (Q-19)."""
    with star(4, igmp={"mrouter_on_null_source": False}) as net:
        member_and_query(net, "0.0.0.0")
        assert net.reached(GROUP) == names(1)
        said(
            net,
            "p3: ",
            "from 0.0.0.0 came in, which makes it no router port",
            "mrouter_on_null_source",
        )
        assert "mrouter_on_null_source" in explained(net, GROUP)[0]["p3"]
        changed(net, port="p3", port_keys={"mrouter": "always"})
        assert net.reached(GROUP) == names(1, 3)


def test_router_port_not_found_where_none_is_allowed() -> None:
    with star(4, ports={"p3": {"mrouter": "never"}}) as net:
        member_and_query(net, "10.0.0.13")
        assert net.reached(GROUP) == names(1)
        said(net, "p3: ", 'not believed, by [[port]] mrouter = "never"', "10.0.0.13, by its query")
        assert 'mrouter = "never"' in explained(net, GROUP)[0]["p3"]
        changed(net, port="p3", port_keys={"mrouter": "auto"})
        member_and_query(net, "10.0.0.13")
        wait_until(lambda: net.switch.show("mrouters")["mrouters"], within=20, what="p3 is one")
        assert net.reached(GROUP) == names(1, 3)


def member_and_query(net: Star, source: str) -> None:
    net.h(1).join(GROUP)
    net.switch.wait_members(GROUP, {"p1"})
    net.query_from(3, source)
    net.lab.settle(net.h(3))


def test_stream_floods_everywhere() -> None:
    """Nobody has joined, and unregistered groups flood by default (RFC 4541 2.1.2 item 3)."""
    with star(3) as net:
        stream = net.h(0).start("send", destination=GROUP, count=1 << 20, rate=2000, size=1000)
        said(net, "nobody has joined it, and it floods", f"{net.h(0).address} -> {GROUP}")
        said(net, 'unregistered = "mrouters"')
        assert '[switch] unregistered = "flood"' in explained(net, GROUP)[0]["p2"]
        stream.stop()
        changed(net, switch={"unregistered": "mrouters"})
        assert net.reached(GROUP) == set()
        healthy(net)


def test_table_full() -> None:
    """The third group of two has no place; its join is refused and its stream floods."""
    joined = ["239.21.1.1", "239.21.1.2", "239.21.1.3"]
    with star(3, igmp={**CALM, "max_groups": 2}) as net:
        for group in joined:
            net.report(1, ("TO_EX", group, []))
        net.lab.settle(net.h(1))
        assert net.reached(joined[2]) == names(1, 2)
        said(net, "the table is full (table_full 1)", "2 groups of at most 2", "max_groups")
        assert "the table is full" in explained(net, joined[2])[1]
        changed(net, igmp={"max_groups": 100})
        net.report(1, ("TO_EX", joined[2], []))
        net.switch.wait_members(joined[2], {"p1"})
        assert net.reached(joined[2]) == names(1)
        assert "max_groups" not in net.switch.here("check").stdout


def test_a_filter_or_limit_that_was_hit_is_named() -> None:
    """Not among the ten, but the next question: the host joins and still gets nothing."""
    deny, most = {"deny_groups": ["239.21.0.0/24"]}, {"max_groups": 1}
    switch, ports = {"unregistered": "mrouters"}, {"p1": deny, "p2": most}
    with star(3, igmp=CALM, switch=switch, ports=ports) as net:
        net.report(1, ("TO_EX", GROUP, []))
        net.report(2, ("TO_EX", "239.22.0.1", []), ("TO_EX", GROUP, []))
        net.switch.wait_members("239.22.0.1", {"p2"})
        assert net.reached(GROUP) == set()
        said(net, "p2: joins were refused by its limit", "[[port]] max_groups")
        because, _ = explained(net, GROUP)
        for port, key in (("p1", "deny_groups"), ("p2", "max_groups = 1")):
            host = net.h(int(port[1:]))
            said_of = f"the join of {host.address} ({host.mac})"
            assert said_of in because[port]
            assert key in because[port]
        other, _ = explained(net, "239.23.0.1")
        assert "max_groups" not in other["p2"], "SAY-2: that group was refused to nobody"
