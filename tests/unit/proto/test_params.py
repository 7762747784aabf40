"""`proto.params` and `proto.timings`: what is allowed, and the times that follow from it."""

from __future__ import annotations

from typing import Any

import pytest

from snoop.proto.params import SSM_RANGES6, FastLeave, Params, PortParams, TimerProfile
from snoop.proto.settings import Settings
from snoop.proto.timings import Timings
from snoop.proto.units import NEVER, Duration, Instant, left, port_ids, seconds, to_seconds
from snoop.wire.address import UNSPECIFIED6, Family, parse, parse_prefix


def test_default_times_are_those_of_the_rfc() -> None:
    """TM-1 to TM-10, TM-13."""
    times = Params().timings
    assert (times.gmi, times.oqpi, times.ovhpi) == (seconds(270), seconds(255), seconds(260))
    assert (times.lmqc, times.lmqt) == (2, seconds(2))
    assert Params().effective_startup_query_interval == seconds(31.25)
    assert Params().effective_startup_query_count == 2


def test_older_profile_waits_for_one_response_less() -> None:
    """G-1, G-0: 260 s, and nothing else differs."""
    new, old = Params().timings, Params(timer_profile=TimerProfile.RFC3376).timings
    assert old.gmi == seconds(260)
    assert (old.oqpi, old.ovhpi, old.lmqt) == (new.oqpi, new.ovhpi, new.lmqt)


def test_adopted_values_give_the_times_of_the_example() -> None:
    """TM-35."""
    times = Timings(
        robustness=3,
        query_interval=seconds(60),
        query_response_interval=seconds(10),
        last_member_query_interval=seconds(1),
        last_member_query_count=None,
        profile=TimerProfile.RFC9776,
    )
    assert [times.gmi, times.oqpi, times.ovhpi, times.lmqt] == [
        seconds(200),
        seconds(185),
        seconds(190),
        seconds(3),
    ]


def test_configured_count_stands_instead_of_the_robustness_variable() -> None:
    """TM-9: RFC 6636 asks once on a good link."""
    assert Params(last_member_query_count=1, robustness=3).timings.lmqt == seconds(1)


@pytest.mark.parametrize(
    ("version", "configured", "effective"),
    [(3, 25.5, 24.8), (2, 25.5, 25.5), (2, 200.0, 25.5), (1, 3.0, 3.0), (3, 0.25, 0.2)],
)
def test_times_are_what_the_wire_can_say(version: int, configured: float, effective: float) -> None:
    """W-13, W-14; idea 15: the value that is sent is the value LMQT counts with."""
    params = Params(version=version, last_member_query_interval=seconds(configured))
    assert params.effective_last_member_query_interval == seconds(effective)
    assert params.timings.lmqt == 2 * seconds(effective)


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("robustness", 0, "1 to 255"),
        ("version", 4, "1 to 3"),
        ("query_interval", seconds(0.05), "0.1 to 31744 seconds"),
        ("query_response_interval", seconds(126), "at most query_interval, 125"),
        ("query_response_interval", seconds(4000), "0.1 to 3174.4 seconds"),
        ("last_member_query_interval", 0, "0.1 to 3174.4 seconds"),
        ("last_member_query_count", 0, "1 to 255"),
        ("startup_query_count", 0, "1 to 255"),
        ("startup_query_interval", Duration(0), "seconds"),
        ("qqi_ceiling", seconds(0.5), "1 to 31744 seconds"),
        ("max_groups", 0, "1 to 16777216"),
        ("max_groups_total", 0, "1 to 16777216"),
        ("max_sources", 0, "1 to 65536"),
        ("max_hosts", -1, "0 to 1048576"),
        ("switch_mac", b"\x01\0\x5e\0\0\1", "a unicast MAC address"),
        ("querier_address", parse("239.1.1.1"), "a unicast address or 0.0.0.0"),
        ("querier_address", parse("::1"), "an IPv4 address"),
        ("ssm_ranges", (parse_prefix("10.0.0.0/8"),), "prefixes of multicast groups"),
    ],
)
def test_value_out_of_range_is_named_with_what_is_allowed(
    key: str, value: object, says: str
) -> None:
    with pytest.raises(ValueError, match=key) as raised:
        Params(**{key: value})  # type: ignore[arg-type]  # the point of the test
    assert says in str(raised.value)


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ({"name": ""}, "name"),
        ({"max_groups": -1}, "max_groups"),
        ({"deny_groups": (parse_prefix("10.0.0.0/8"),)}, "deny_groups"),
        ({"fast_leave": FastLeave.TRACKED, "explicit_tracking": False}, "explicit_tracking = true"),
    ],
)
def test_port_value_out_of_range_is_named(keys: dict[str, object], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        PortParams(**{"name": "p0", **keys})  # type: ignore[arg-type]  # the point of the test


@pytest.mark.parametrize(
    "keys",
    [
        {"enabled": False},
        {"ignore_v1": True},
        {"ignore_v2": True},
        {"require_router_alert": True},
        {"port_max_groups": 5},
        {"ssm_ranges": (parse_prefix("239.0.0.0/8"),)},
    ],
)
def test_joins_are_served_ahead_where_every_report_is_believed(keys: dict[str, Any]) -> None:
    """SM-70."""
    assert Params().ahead
    assert Params(ssm_ranges=()).ahead
    assert not Params(**keys).ahead


def test_units() -> None:
    """Whole nanoseconds, and a timer that never ends has nothing left to show."""
    assert seconds(31.25) == 31_250_000_000
    assert to_seconds(seconds(0.1)) == 0.1
    assert left(Instant(10), Instant(12)) == 0
    assert left(NEVER, Instant(0)) is None
    assert port_ids(0) == []
    assert port_ids(1 << 255 | 0b1010) == [1, 3, 255]


def test_settings_of_both_families_stand_beside_each_other() -> None:
    mld = Params(
        family=Family.IPV6,
        version=2,
        querier_address=UNSPECIFIED6,
        query_response_interval=seconds(33.5),
        ssm_ranges=SSM_RANGES6,
        vlans=((7, Params(family=Family.IPV6, version=1, querier_address=UNSPECIFIED6,
                          ssm_ranges=())),),
    )  # fmt: skip
    held = Settings(Params(mld=mld, vlans=((8, Params(version=2)),)))
    assert held.of(0, Family.IPV6) is mld
    assert mld.timings.query_response_interval == seconds(33.5 - 0.004), "W-12 carries 33 496 ms"
    assert (held.of(7, Family.IPV6).version, held.of(8, Family.IPV6).version) == (1, 2)
    assert held.of(7, Family.IPV4).version == 3
    assert held.configured() == [(vid, family) for vid in (0, 8, 7) for family in Family]
    assert parse("ff35::1") in held.mld.ssm
    assert parse("232.1.1.1") in held.igmp.ssm
    assert parse("ff35:1::1") not in held.mld.ssm
    assert not Settings(Params()).of(0, Family.IPV6).enabled


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"version": 3}, "version = 3 is not allowed: 1 to 2"),
        ({"querier_address": parse("2001:db8::1")}, "a link-local IPv6 address"),
        ({"ssm_ranges": (parse_prefix("232.0.0.0/8"),)}, "groups of the same family"),
    ],
)
def test_settings_of_ipv6_are_held_to_their_family(wrong: dict[str, Any], said: str) -> None:
    right: dict[str, Any] = {"version": 2, "querier_address": UNSPECIFIED6, "ssm_ranges": ()}
    with pytest.raises(ValueError, match=said):
        Params(family=Family.IPV6, **{**right, **wrong})
    with pytest.raises(ValueError, match="settings of IPv6"):
        Params(mld=Params())
    port = PortParams(name="p0", mld=PortParams(name="p0", max_groups=1))
    assert (port.of(Family.IPV4).max_groups, port.of(Family.IPV6).max_groups) == (0, 1)
