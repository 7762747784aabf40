"""`snoop explain` names the host: who left, who fell silent, who never asked, in which VLAN."""

from __future__ import annotations

import json
from typing import Any

import pytest

from netns.star import GMI, Star, star
from snoop.lab import frames, wait_until

GROUP, OTHER = "239.29.0.1", "239.29.0.2"
STRANGER = {"source": "10.0.0.77", "mac": "02:00:00:00:00:77"}
PRUNING = {"unregistered": "mrouters", "no_querier": "prune"}


def explained(net: Star, group: str = GROUP, *words: str) -> dict[str, Any]:
    asked = ("explain", "--port", "p0", "--group", group, "--json", *words)
    answer: dict[str, Any] = json.loads(net.switch.quick(*asked))
    return answer


def row(net: Star, port: str, group: str = GROUP, *words: str) -> dict[str, Any]:
    return {each["port"]: each for each in explained(net, group, *words)["why"]}[port]


@pytest.fixture(scope="module")
def net() -> Any:
    with star(4, switch=PRUNING) as made:
        made.switch.wait_pruning()
        yield made


def test_a_host_that_fell_silent_is_named_at_its_port_alone(net: Star) -> None:
    """SAY-1: with what it left unanswered; the ports without a member ever are not accused."""
    net.report(1, ("TO_EX", GROUP, []), **STRANGER)
    net.h(2).join(GROUP)
    net.switch.wait_members(GROUP, {"p1", "p2"})
    assert row(net, "p1")["host"] == STRANGER["source"]
    net.switch.wait_members(GROUP, {"p2"}, timeout=2 * GMI)
    silent = row(net, "p1")
    assert silent["cause"] == "silent_host"
    assert (silent["host"], silent["mac"]) == (STRANGER["source"], STRANGER["mac"])
    assert GMI <= silent["last_heard"] < GMI + 5
    assert silent["unanswered"] >= 2
    said = f"10.0.0.77 (02:00:00:00:00:77) last reported {silent['last_heard']:.0f} s ago"
    assert said in silent["because"]
    assert f"did not answer {silent['unanswered']} queries" in silent["because"]
    assert silent["do"] == "on 10.0.0.77: ip maddr show; tcpdump -ni any igmp"
    never = row(net, "p3")
    assert never["cause"] == "not_joined"
    assert "10.0.0.77" not in never["because"]
    net.h(2).leave(GROUP)
    net.switch.wait_members(GROUP, set())
    assert row(net, "p1")["cause"] == "silent_host"
    left = row(net, "p2")
    assert (left["cause"], left["host"]) == ("left", net.h(2).address)
    assert f"{net.h(2).address} ({net.h(2).mac}) left it" in left["because"]
    assert "silent" not in row(net, "p3")["because"]
    assert row(net, "p3", OTHER)["cause"] == "unregistered"
    assert "10.0.0" not in row(net, "p1", OTHER)["because"]


def test_a_member_says_who_keeps_it_and_when_it_was_heard(net: Star) -> None:
    net.h(3).join(OTHER)
    net.switch.wait_members(OTHER, {"p3"})
    member = row(net, "p3", OTHER)
    assert (member["cause"], member["forwarded"]) == ("member", True)
    assert (member["host"], member["mac"]) == (net.h(3).address, net.h(3).mac)
    assert member["last_heard"] < GMI
    assert member["unanswered"] == 0
    net.h(3).leave(OTHER)
    net.switch.wait_members(OTHER, set())


def test_a_host_that_is_heard_and_never_asked_is_named(net: Star) -> None:
    """By what it sent: its MAC address is behind the port."""
    group = "239.29.0.3"
    net.h(1).join(group)
    net.switch.wait_members(group, {"p1"})
    silent = net.h(2)
    silent.frames([frames.udp(silent.address, "224.0.0.251", b"here", mac=silent.mac)])
    wait_until(lambda: row(net, "p2", group)["mac"] == silent.mac, within=20)
    never = row(net, "p2", group)
    assert never["cause"] == "not_joined"
    assert never["do"] == f"on the host: ip maddr show; ip route get {group}"
    text = " ".join(net.switch.do("explain", "--port", "p0", "--group", group).split())
    assert "heard there: " in text
    assert f"{never['host'] or never['mac']} (p2)" in text
    gone: dict[str, object] = {}

    def cleared() -> bool:
        """Until the next query is answered, which comes soon here."""
        net.switch.quick("clear", "mdb", "--group", group)
        gone.update(row(net, "p1", group))
        return gone["cause"] == "cleared"

    wait_until(cleared, within=20, what="it is asked between a clear and the next answer")
    assert gone["do"] == f"snoop query --group {group} --port p1"
    net.switch.do("query", "--group", group, "--port", "p1")
    net.switch.wait_members(group, {"p1"})
    net.h(1).leave(group)


def test_a_member_of_another_vlan_is_named(net: Star) -> None:
    """SAY-18: where the frame comes in tagged and the host joined untagged."""
    group = "239.29.0.4"
    net.h(1).join(group)
    net.switch.wait_members(group, {"p1"})
    wrong = row(net, "p1", group, "--tagged", "7")
    assert wrong["cause"] == "wrong_vlan"
    assert wrong["host"] == net.h(1).address
    assert f"{net.h(1).address} behind it has joined it untagged" in wrong["because"]
    net.h(1).leave(group)


def test_a_fast_leave_is_blamed_for_the_group_it_took_alone() -> None:
    """SAY-2: not for another, though the port has counted one."""
    ports = {"p1": {"fast_leave": "on"}}
    with star(3, switch=PRUNING, ports=ports) as net:
        net.switch.wait_pruning()
        for group in (GROUP, OTHER):
            net.h(2).join(group)
            net.report(1, ("TO_EX", group, []), **STRANGER)
            net.switch.wait_members(group, {"p1", "p2"})
        net.report(1, ("TO_IN", GROUP, []), **STRANGER)
        net.switch.wait_members(GROUP, {"p2"})
        taken = row(net, "p1")
        assert taken["cause"] == "fast_leave"
        assert taken["do"] == '[[port]] fast_leave = "tracked"'
        assert "10.0.0.77 (02:00:00:00:00:77) left it" in taken["because"]
        net.switch.wait_members(OTHER, {"p2"}, timeout=2 * GMI)
        assert row(net, "p1", OTHER)["cause"] == "silent_host"


def test_queries_that_no_host_can_answer_are_a_note() -> None:
    """SAY-1: the querier's address is of no network of the hosts, and they drop what it sends."""
    with star(3, switch=PRUNING, igmp={"querier_address": "192.168.99.1"}) as net:
        for i in (1, 2):
            for path in ("all", "default", "eth0"):
                net.h(i).call("sysctl", path=f"net/ipv4/conf/{path}/rp_filter", value="1")
        net.h(1).join(GROUP)
        net.switch.wait_members(GROUP, {"p1"})
        net.switch.wait_members(GROUP, set(), timeout=3 * GMI)
        wait_until(lambda: "nobody answered" in str(explained(net)["notes"]), within=20)
        (note,) = [note for note in explained(net)["notes"] if "nobody answered" in note]
        assert "queries of 192.168.99.1" in note
        assert f"not of the network of {net.h(1).address}" in note
        assert "rp_filter" in note
        assert row(net, "p1")["cause"] == "silent_host"


def test_a_stream_whose_ttl_is_one_ends_at_the_router(net: Star) -> None:
    """SAY-18: by the TTL of its latest frames; said at the router's port alone."""
    group = "239.29.2.1"
    net.switch.do("mrouter", "add", "--port", "p3")
    net.h(1).join(group)
    net.switch.wait_members(group, {"p1"})
    sender = net.h(0)
    for ttl, cause in ((1, "ttl_one"), (2, "router")):
        sender.frames([frames.udp(sender.address, group, mac=sender.mac, ttl=ttl)] * 5)
        wait_until(
            lambda ttl=ttl: (
                [one["ttl"] for one in net.switch.show("streams", group=group)["streams"]] == [ttl]
            ),
            within=20,
        )
        said = json.loads(net.switch.quick("explain", "--stream", "--group", group, "--json"))
        causes = {each["port"]: each["cause"] for each in said["why"]}
        assert (causes["p3"], causes["p1"]) == (cause, "member")
    net.switch.do("mrouter", "del", "--port", "p3")
    net.h(1).leave(group)


def test_a_stream_that_there_is_not_says_what_there_is(net: Star) -> None:
    """Exit 1, in a line, with what its sender sent last and what to type there."""
    sender = net.h(0)
    sender.send("239.29.1.1", count=5)
    wait_until(lambda: net.switch.show("streams", group="239.29.1.1")["streams"], within=20)

    def asked(*words: str) -> str:
        done = net.switch.run("explain", "--stream", *words)
        assert (done.returncode, len(done.stderr.splitlines())) == (1, 1), done.stderr
        return done.stderr

    said = asked("--group", "239.29.1.2", "--source", sender.address)
    assert "what it sent last is 239.29.1.1, at p0" in said
    assert "ip route get 239.29.1.2" in said
    assert "and no other of it" in asked("--group", "239.29.1.2", "--source", "10.0.0.99")
    assert "no stream of 239.29.1.2 has been seen" in asked("--group", "239.29.1.2")
    said = asked("--group", "239.29.1.1", "--vlan", "5")
    assert f"it comes from {sender.address} at p0, untagged" in said
