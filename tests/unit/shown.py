"""Rows of what a switch answers, each of a healthy switch unless a test says otherwise."""

from __future__ import annotations

from typing import Any

import msgspec

from snoop.control import documents


def entry(port: str, group: str = "239.1.2.3", **changes: Any) -> documents.Entry:
    """A learned membership of any source."""
    values: dict[str, Any] = {
        "vlan": 0, "family": "ipv4", "group": group, "port": port, "filter_mode": "exclude",
        "sources": [], "group_timer": 200.0, "origin": "dynamic", "compatibility": "igmpv3",
        "uptime": 30.0, "last_reporter": "10.0.0.11", **changes,
    }  # fmt: skip
    return msgspec.convert(msgspec.to_builtins(values), documents.Entry)


def source(address: str, timer: float | None = None, **changes: Any) -> documents.Source:
    """A source of an `entry`."""
    values: dict[str, Any] = {"address": address, "timer": timer, "forwarding": True, **changes}
    return msgspec.convert(msgspec.to_builtins(values), documents.Source)


def host(port: str, address: str, **changes: Any) -> documents.Host:
    """A host that wants any source."""
    values: dict[str, Any] = {
        "vlan": 0, "family": "ipv4", "group": "239.1.2.3", "port": port, "address": address,
        "mac": "02:00:00:00:01:0b", "filter_mode": "exclude", "sources": [], "timer": 263.2,
        **changes,
    }  # fmt: skip
    return msgspec.convert(msgspec.to_builtins(values), documents.Host)


def querier(
    role: str = "querier", address: str | None = "10.0.0.254", **changes: Any
) -> documents.Querier:
    """We ask, or somebody at p3."""
    values: dict[str, Any] = {
        "vlan": 0, "family": "ipv4", "role": role, "address": address, "version": 3,
        "port": None if role == "querier" else "p3", "timer": None, "query_interval": 60.0,
        "query_response_interval": 10.0, "robustness": 2, "uptime": 60.0,
        "last_member_query_interval": 1.0, "group_membership_interval": 130.0, **changes,
    }  # fmt: skip
    return msgspec.convert(msgspec.to_builtins(values), documents.Querier)


def mrouter(
    address: str | None, port: str = "p3", origin: str = "query", **changes: Any
) -> documents.Mrouter:
    """A router port."""
    values: dict[str, Any] = {
        "vlan": 0, "family": "ipv4", "port": port, "origin": origin, "address": address,
        "timer": None, "uptime": 60.0, **changes,
    }  # fmt: skip
    return msgspec.convert(msgspec.to_builtins(values), documents.Mrouter)


def port(name: str, **changes: Any) -> documents.Port:
    """A port that is up and has seen nothing."""
    values: dict[str, Any] = {
        "name": name, "ifindex": 11, "state": "up", "mrouter": "auto", "fast_leave": "off",
        "mtu": 1500, "mac": "02:00:00:00:00:0b", "isolated": False, "takes_runs": True,
        "takes_runs_because": "a host", "lro": False, "addresses": [], "problem": None,
        "state_bytes": 0, "state_max_bytes": 32 << 20, "rx_frames": 0, "rx_bytes": 0,
        "tx_frames": 0, "tx_bytes": 0, "drops": {}, "lost": 0, "pruned": 0, "refused": 0, **changes,
    }  # fmt: skip
    return msgspec.convert(msgspec.to_builtins(values), documents.Port)


def station(port: str, mac: str = "02:00:00:00:01:01", **changes: Any) -> documents.Station:
    """A unicast address."""
    values: dict[str, Any] = {
        "vlan": 0, "mac": mac, "port": port, "age": 1.0, "rival": None, "sticky": False,
        "claimed": None, **changes,
    }  # fmt: skip
    return msgspec.convert(msgspec.to_builtins(values), documents.Station)


def stream(**changes: Any) -> documents.Stream:
    """A stream of 5 Mbit/s from p0 to its member p1."""
    values: dict[str, Any] = {
        "vlan": 0, "family": "ipv4", "source": "10.0.0.9", "group": "239.1.2.3", "port": "p0",
        "frames": 44_000, "bytes": 6_200_000, "frames_per_s": 4401.4, "bits_per_s": 5e6,
        "registered": True, "egress": ["p1"], "reason": "forward_group", "age": 10.0, "idle": 0.1,
        **changes,
    }  # fmt: skip
    return msgspec.convert(msgspec.to_builtins(values), documents.Stream)


def vlan(vid: int = 10, *ports: tuple[str, bool], **changes: Any) -> documents.Vlan:
    """A VLAN with those ports, each with a tag or (its PVID) without, where we ask."""
    values: dict[str, Any] = {
        "vid": vid, "name": None,
        "ports": [{"port": name, "tagged": tagged, "pvid": not tagged} for name, tagged in ports],
        "families": [
            {"family": "ipv4", "role": "querier", "pruning": True, "groups": 2},
            {"family": "ipv6", "role": "none", "pruning": False, "groups": 0},
        ],
        **changes,
    }  # fmt: skip
    return msgspec.convert(values, documents.Vlan)
