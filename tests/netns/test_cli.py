"""The command line against a live switch: JSON fields of the contract, actions, exit statuses."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from netns.star import QUERIER, Star, names, star
from snoop.lab import frames, wait_until
from snoop.lab.switch import SNOOP, Snoop

GROUP, SOURCE = "239.15.0.1", "10.0.0.101"

# INTERFACE.md 3: the fields of a row, and what each may be. None in a tuple: null is allowed.
NUMBER = (int, float)
MAYBE = (int, float, type(None))
TEXT = (str,)
MAYBE_TEXT = (str, type(None))
CONTRACT: dict[str, tuple[str, dict[str, tuple[type, ...]]]] = {
    "mdb": (
        "mdb",
        {
            "vlan": (int,),
            "family": TEXT,
            "group": TEXT,
            "port": TEXT,
            "filter_mode": TEXT,
            "sources": (list,),
            "group_timer": MAYBE,
            "origin": TEXT,
            "compatibility": TEXT,
            "uptime": NUMBER,
            "last_reporter": MAYBE_TEXT,
        },
    ),
    "mrouters": (
        "mrouters",
        {
            "vlan": (int,),
            "family": TEXT,
            "port": TEXT,
            "origin": TEXT,
            "address": MAYBE_TEXT,
            "timer": MAYBE,
            "uptime": NUMBER,
        },
    ),
    "querier": (
        "queriers",
        {
            "vlan": (int,),
            "family": TEXT,
            "role": TEXT,
            "address": MAYBE_TEXT,
            "port": MAYBE_TEXT,
            "version": (int, type(None)),
            "timer": MAYBE,
            "query_interval": MAYBE,
            "query_response_interval": MAYBE,
            "robustness": (int, type(None)),
            "uptime": MAYBE,
        },
    ),
    "ports": (
        "ports",
        {
            "name": TEXT,
            "ifindex": (int, type(None)),
            "state": TEXT,
            "mrouter": TEXT,
            "fast_leave": TEXT,
            "rx_frames": (int,),
            "rx_bytes": (int,),
            "tx_frames": (int,),
            "tx_bytes": (int,),
            "drops": (dict,),
        },
    ),
    "fdb": (
        "fdb",
        {
            "vlan": (int,),
            "mac": TEXT,
            "port": TEXT,
            "age": NUMBER,
            "sticky": (bool,),
            "rival": MAYBE_TEXT,
            "claimed": MAYBE,
        },
    ),
    "hosts": (
        "hosts",
        {
            "vlan": (int,),
            "family": TEXT,
            "group": TEXT,
            "port": TEXT,
            "address": TEXT,
            "filter_mode": TEXT,
            "sources": (list,),
            "timer": MAYBE,
        },
    ),
    "streams": (
        "streams",
        {
            "vlan": (int,),
            "family": TEXT,
            "source": TEXT,
            "group": TEXT,
            "port": TEXT,
            "frames": (int,),
            "bytes": (int,),
            "frames_per_s": NUMBER,
            "bits_per_s": NUMBER,
            "registered": (bool,),
            "egress": (list,),
            "age": NUMBER,
            "idle": NUMBER,
        },
    ),
}


@pytest.fixture
def busy(net: Star) -> Iterator[Star]:
    """Members of both modes, a router, unicast, a wanted and an unwanted stream."""
    router = net.h(3)
    net.h(1).join(GROUP)
    net.h(2).filter(GROUP, "include", [SOURCE])
    router.frames([frames.pim_hello("10.0.1.1", mac=router.mac)])
    net.switch.wait_members(GROUP, {"p1", "p2"})
    net.reached_from([SOURCE, "10.0.0.102"], GROUP)
    net.reached("239.15.0.200")
    wait_until(lambda: printed(net.switch, "mrouters")["mrouters"], within=20)
    yield net
    router.frames([frames.pim_hello("10.0.1.1", holdtime=0, mac=router.mac)])
    wait_until(lambda: not printed(net.switch, "mrouters")["mrouters"], within=20)


@pytest.mark.parametrize("what", CONTRACT)
def test_every_field_of_the_contract_is_there(busy: Star, what: str) -> None:
    """INTERFACE.md 3, over the real command: one JSON document on stdout, nothing else."""
    key, fields = CONTRACT[what]
    done = busy.switch.run("show", what, "--json")
    assert done.returncode == 0
    assert done.stderr == ""
    rows = json.loads(done.stdout)[key]
    assert rows
    for row in rows:
        for name, kinds in fields.items():
            assert name in row, (name, row)
            assert isinstance(row[name], kinds), (name, row[name])
            assert not (isinstance(row[name], bool) and bool not in kinds)


def printed(switch: Snoop, *words: str) -> Any:
    """What `show` prints, and not what the control socket has said."""
    return json.loads(switch.quick("show", *words, "--json"))


def test_mdb_rows_say_who_wants_what(busy: Star) -> None:
    document = printed(busy.switch, "mdb", "--group", GROUP)
    assert document["switch"] == "sw0"
    one, two = document["mdb"]
    assert (one["port"], one["filter_mode"], one["sources"]) == ("p1", "exclude", [])
    assert one["origin"] == "dynamic"
    assert (two["port"], two["filter_mode"], two["group_timer"]) == ("p2", "include", None)
    (source,) = two["sources"]
    assert (source["address"], source["forwarding"]) == (SOURCE, True)
    assert source["timer"] > 0
    assert printed(busy.switch, "groups")["mdb"], "`groups` is the same command"
    assert [r["port"] for r in printed(busy.switch, "mdb", "--port", "p2")["mdb"]] == ["p2"]
    assert printed(busy.switch, "mdb", "--vlan", "7")["mdb"] == []


def test_mdb_is_sorted(busy: Star) -> None:
    busy.report(1, ("TO_EX", "239.15.0.10", []), ("TO_EX", "239.15.0.9", []))
    busy.switch.wait_members("239.15.0.9", {"p1"})
    rows = printed(busy.switch, "mdb")["mdb"]
    keys = [(r["vlan"], tuple(map(int, r["group"].split("."))), r["port"]) for r in rows]
    assert keys == sorted(keys)


def test_counters_have_names_for_the_switch_and_for_each_port(busy: Star) -> None:
    shown = printed(busy.switch, "counters")
    assert set(shown["ports"]) == set(busy.lab.ports)
    for counters in (shown["counters"], *shown["ports"].values()):
        assert all(isinstance(value, int) for value in counters.values())
        assert all(name == name.lower() and " " not in name for name in counters)
    assert shown["ports"]["p1"]["rx_report_v3"] > 0
    assert shown["ports"]["p0"]["rx_frames"] > 0


def test_streams_show_wanted_and_unwanted_ones(busy: Star) -> None:
    rows = printed(busy.switch, "streams")["streams"]
    streams = {(r["source"], r["group"]): r for r in rows}
    wanted, other = streams[(SOURCE, GROUP)], streams[("10.0.0.102", GROUP)]
    assert (wanted["port"], wanted["registered"]) == ("p0", True)
    assert set(wanted["egress"]) == {"p1", "p2", "p3"}
    assert set(other["egress"]) == {"p1", "p3"}
    assert not streams[(busy.h(0).address, "239.15.0.200")]["registered"]


def test_show_config_is_the_effective_one(net: Star) -> None:
    shown = printed(net.switch, "config")
    assert f'"{QUERIER}"' in json.dumps(shown)
    assert '"unregistered": "flood"' in json.dumps(shown)


@pytest.mark.parametrize("what", [*CONTRACT, "counters", "config"])
def test_tables_for_people_fit_a_terminal(busy: Star, what: str) -> None:
    done = busy.switch.run("show", what)
    assert done.returncode == 0
    assert done.stdout.strip()
    assert "Traceback" not in done.stderr
    assert max(len(line) for line in done.stdout.splitlines()) <= 120


def test_static_entry_forwards_and_is_removed(net: Star) -> None:
    group = "239.15.0.2"
    net.switch.do("mdb", "add", group, "--port", "p2")
    net.switch.do("mdb", "add", group, "--port", "p3", "--source", SOURCE)
    assert {row["origin"] for row in net.switch.mdb(group=group)} == {"static"}
    assert net.reached_from([SOURCE, "10.0.0.102"], group) == {
        SOURCE: names(2, 3),
        "10.0.0.102": names(2),
    }
    net.switch.do("mdb", "del", group, "--port", "p2")
    net.switch.do("mdb", "del", group, "--port", "p3", "--source", SOURCE)
    assert net.switch.mdb(group=group) == []
    again = net.switch.run("mdb", "del", group, "--port", "p2")
    assert again.returncode == 1
    assert len(again.stderr.splitlines()) == 1


def test_static_router_port_gets_everything_registered(net: Star) -> None:
    """SNOOP-26."""
    group = "239.15.0.3"
    net.h(1).join(group)
    net.switch.wait_members(group, {"p1"})
    net.switch.do("mrouter", "add", "--port", "p4")
    (row,) = printed(net.switch, "mrouters")["mrouters"]
    assert (row["port"], row["origin"], row["timer"]) == ("p4", "static", None)
    assert net.reached(group) == names(1, 4)
    net.switch.do("mrouter", "del", "--port", "p4")
    assert net.reached(group) == names(1)


def test_clear_forgets_what_is_asked(busy: Star) -> None:
    busy.h(1).call("leave_all")
    busy.switch.do("clear", "mdb", "--group", GROUP, "--port", "p1")
    assert busy.switch.members(GROUP) <= {"p2"}
    # A station nobody hears of again; the hosts themselves are learned anew from their reports.
    silent = "02:00:00:00:0f:21"
    busy.h(2).frames([frames.report_v2(GROUP, "10.0.0.77", mac=silent)])
    busy.lab.settle(busy.h(2))
    assert silent in {row["mac"] for row in printed(busy.switch, "fdb")["fdb"]}
    busy.switch.do("clear", "fdb")
    assert silent not in {row["mac"] for row in printed(busy.switch, "fdb")["fdb"]}
    busy.switch.do("clear", "counters")
    assert busy.switch.counters("p0")["rx_frames"] < 50


def test_query_command_asks_at_once(net: Star) -> None:
    group = "239.15.0.4"
    net.h(1).join(group)
    net.switch.wait_members(group, {"p1"})
    for host in net.lab.hosts:
        host.reset()
    net.switch.do("query", "--group", group, "--port", "p1")
    asked = bytes(map(int, group.split(".")))
    wait_until(
        lambda: [f for f in net.igmp_seen(1) if f[38] == 0x11 and f[42:46] == asked], within=20
    )


def test_explain_agrees_with_what_happens(busy: Star) -> None:
    """For each port the reason; the port set is the one that frames really take."""
    asked = ("explain", "--port", "p0", "--group", GROUP, "--source", SOURCE)
    shown = json.loads(busy.switch.quick(*asked, "--json"))
    assert shown["action"] == "forward"
    reached = busy.reached(GROUP, source=SOURCE)
    assert {f"h{port[1:]}" for port in shown["ports"]} == reached
    why = {each["port"]: each for each in shown["why"]}
    assert set(why) == set(busy.lab.ports) or set(why) == set(busy.lab.ports) - {"p0"}
    for port in ("p1", "p2", "p3", "p4"):
        assert why[port]["forwarded"] == (port in shown["ports"])
        assert why[port]["because"]
    assert busy.h(1).address in why["p1"]["because"]
    text = busy.switch.do("explain", "--port", "p0", "--group", GROUP)
    assert "p1" in text


def test_check_finds_no_trouble_in_a_healthy_switch() -> None:
    with star(3) as net:
        net.h(1).join("239.15.0.7")
        net.switch.wait_members("239.15.0.7", {"p1"})
        done = net.switch.run("check")
    assert "no problems" in done.stdout, done.stdout
    assert done.returncode == 0


def test_commands_without_a_daemon_exit_with_three(net: Star) -> None:
    """INTERFACE.md 2."""
    for words in (("show", "mdb"), ("clear", "mdb"), ("query",), ("check",), ("monitor",)):
        done = subprocess.run(
            [SNOOP, "--socket", net.lab.directory / "nobody.sock", *words],
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 3, (words, done.stderr)
        assert len(done.stderr.splitlines()) == 1
        assert done.stdout == ""


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (("mdb", "add", "10.1.1.1", "--port", "p1"), 2),
        (("mdb", "add", GROUP, "--port", "p99"), 1),
        (("mrouter", "add"), 2),
        (("show", "mdb", "--group", "nonsense"), 2),
        (("clear", "weather"), 2),
        (("explain", "--port", "p0"), 2),
    ],
)
def test_wrong_use_is_told_in_one_line(net: Star, words: tuple[str, ...], status: int) -> None:
    done = net.switch.run(*words)
    assert done.returncode in {status, 2}, done.stderr
    assert len(done.stderr.splitlines()) == 1, done.stderr


def test_decode_reads_a_capture(net: Star) -> None:
    """`snoop decode`: one line a message, from a capture of the lab's own frames."""
    from scapy.layers.l2 import Ether
    from scapy.utils import wrpcap

    file = net.lab.directory / "some.pcap"
    sent = [
        frames.query("10.0.0.1"),
        frames.report_v2(GROUP, "10.0.0.11"),
        frames.report_v3([("IS_IN", GROUP, [SOURCE])], "10.0.0.12"),
        frames.leave_v2(GROUP, "10.0.0.11"),
    ]
    wrpcap(str(file), [Ether(frame) for frame in sent])
    lines = net.switch.do("decode", str(file)).splitlines()
    assert len(lines) == len(sent)
    assert GROUP in lines[1]
    assert SOURCE in lines[2]
