"""`[[vlan]]`: what one VLAN may have of its own, from the file to the engine."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from typing import Any

import pytest

from snoop.config import effective, loader, resolve
from snoop.config.problems import ConfigError
from snoop.proto.effects import Transmit
from snoop.proto.params import Params, QuerierMode
from snoop.proto.units import SECOND, seconds
from snoop.wire import control
from snoop.wire.address import mapped, parse, text
from snoop.wire.messages import Query
from unit.device import P1
from unit.frames import TO_EX
from unit.proto_lab import Lab, record, v3

FILE = """
[igmp]
query_interval = 100.0
max_groups = 50
[[vlan]]
vid = 10
querier = "on"
querier_address = "10.10.0.254"
query_interval = 4.0
[[vlan]]
vid = 0
version = 2
"""
NO_PORTS: dict[str, int] = {}


def params(text: str) -> Params:
    return resolve.params(
        loader.check(tomllib.loads(text), where="t"),
        port_id=NO_PORTS.__getitem__,
        switch_mac=resolve.NO_MAC,
    )


def test_a_key_left_out_is_that_of_igmp() -> None:
    own = dict(params(FILE).vlans)
    assert set(own) == {0, 10}
    assert (own[10].querier, own[10].querier_address) == (QuerierMode.ON, parse("10.10.0.254"))
    assert (own[10].query_interval, own[10].max_groups) == (seconds(4), 50)
    assert own[10].query_response_interval == seconds(4), "at most the interval (TM-2)"
    assert (own[0].version, own[0].querier, own[0].query_interval) == (
        2,
        QuerierMode.OFF,
        seconds(100),
    )
    assert params(FILE).version == 3


def test_the_groups_of_a_port_in_one_vlan_have_a_limit_of_each_family() -> None:
    """SM-68: left out it is none, whatever the other family says."""
    own = params("[[vlan]]\nvid = 10\nport_max_groups = 3\n[[vlan]]\nvid = 11\n"
                 "mld = { port_max_groups = 4 }\n")  # fmt: skip
    assert own.mld is not None
    assert [one.port_max_groups for _, one in own.vlans] == [3, 0]
    assert [one.port_max_groups for _, one in own.mld.vlans] == [0, 4]
    assert (own.port_max_groups, own.mld.port_max_groups) == (0, 0)


def test_show_config_fills_in_what_holds() -> None:
    shown = effective.whole(loader.check(tomllib.loads(FILE), where="t"))["vlan"]
    assert [vlan["vid"] for vlan in shown] == [10, 0]
    assert shown[0]["querier_address"] == "10.10.0.254"
    assert (shown[0]["startup_query_interval"], shown[1]["startup_query_interval"]) == (1.0, 25.0)
    assert (shown[1]["version"], shown[1]["max_groups"]) == (2, 50)


@pytest.mark.parametrize(
    ("tables", "line"),
    [
        ([{"vid": 10}, {"vid": 10}], "t: [[vlan]] vid = 10 is given twice: allowed is once"),
        ([{"querier": "on"}], 't: [[vlan]] 1: the key "vid" is missing'),
        ([{"vid": 4095}], "t: [[vlan]] 4095: vid = 4095 is not allowed: a whole number from 0 to"),
        ([{"vid": 0, "version": 4}], "t: [[vlan]] 0: version = 4 is not allowed: a whole number"),
        ([{"vid": 7, "unregistered": "drop"}], 't: [[vlan]] 7: unknown key "unregistered"'),
        ([{"vid": 7, "query_interval": 5, "query_response_interval": 6}],
         "t: [[vlan]] 7: query_response_interval = 6 is not allowed: at most query_interval, 5"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(tables: list[dict[str, Any]], line: str) -> None:
    with pytest.raises(ConfigError) as error:
        loader.check({"vlan": tables}, where="t")
    assert str(error.value).startswith(line)


def lab(**own: Any) -> Lab:
    """Everybody else is the querier, except in VLAN 10."""
    vlan = Params(
        querier=QuerierMode.ON,
        querier_address=mapped(bytes((10, 10, 0, 254))),
        query_interval=seconds(40),
        **own,
    )
    return Lab(vlans=((10, vlan),))


def queries(lab: Lab) -> list[tuple[float, int, str, int]]:
    """(when, VLAN, sender, interval told) of every query of ours to every port."""
    found = []
    for when, effect in lab.effects:
        if isinstance(effect, Transmit) and effect.ports == 0b1111:
            parsed = control.parse(effect.frame)
            if isinstance(parsed.message, Query):
                found.append((when, effect.vid, text(parsed.ip.src), parsed.message.qqi_s))
    return found


def test_the_querier_of_a_vlan_asks_there_alone_and_waits_for_no_host() -> None:
    """VLAN-1: an address and an interval of its own; VLAN 0 has no querier."""
    switch = lab()
    switch.at(100)
    assert queries(switch) == [
        (10.0, 10, "10.10.0.254", 40),
        (50.0, 10, "10.10.0.254", 40),
        (90.0, 10, "10.10.0.254", 40),
    ]
    roles = {row.vid: row.role for row in switch.engine.queriers(switch.now)}
    assert roles == {0: "none", 10: "querier"}


def test_memberships_of_a_vlan_last_by_its_own_timers() -> None:
    """TM-4 with the VLAN's interval: 2 * 40 + 2 * 10 s; by the switch's it would be 270 s."""
    switch = lab()
    switch.at(20)
    switch.hear(P1, v3(record(TO_EX), vid=10))
    row = switch.row(P1, vid=10)
    assert row is not None
    assert row.group_timer == 100 * SECOND
    switch.at(119.9)
    assert switch.row(P1, vid=10) is not None
    switch.at(120.1)
    assert switch.row(P1, vid=10) is None


def test_the_limit_of_a_vlan_is_its_own() -> None:
    """SM-68."""
    switch = lab(max_groups=1)
    for vid in (0, 10):
        for group in ("239.1.1.1", "239.1.1.2"):
            switch.hear(P1, v3(record(TO_EX, group), vid=vid))
    assert switch.holds("239.1.1.2", vid=0)
    assert not switch.holds("239.1.1.2", vid=10)
    assert switch.count("table_full") == 1


def test_a_reload_gives_a_vlan_settings_and_takes_them_back() -> None:
    switch = Lab()
    with_vlan = replace(switch.params, vlans=lab().params.vlans)
    switch.take(switch.engine.configure(with_vlan, {}, now=switch.now))
    assert {row.vid: row.role for row in switch.engine.queriers(switch.now)}[10] == "querier"
    switch.hear(P1, v3(record(TO_EX), vid=10))
    switch.take(switch.engine.configure(switch.params, {}, now=switch.now))
    assert {row.vid: row.role for row in switch.engine.queriers(switch.now)}[10] == "none"
    assert switch.row(P1, vid=10) is not None
