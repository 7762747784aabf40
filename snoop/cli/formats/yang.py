"""The state as RFC 7951 JSON of RFC 9166 (module ietf-igmp-mld-snooping), spec section 8.

One control-plane-protocol entry a VLAN and family, which a bridge's list of VLANs refers to where
the switch filters (`dot1q`). What the model cannot say (filter modes, blocked sources, who asks)
goes into an augment of our own, `snoop-igmp-ext:…`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from ipaddress import ip_address
from typing import Any, TypeVar

from snoop.cli.formats import dot1q
from snoop.cli.formats.dot1q import MODULE as _MODULE
from snoop.cli.formats.dot1q import PROTOCOL as _PROTOCOL
from snoop.cli.session import Session
from snoop.control import documents
from snoop.control.configured import IgmpConfig, MldConfig, VlanConfig, VlanMldConfig

Keyed = TypeVar("Keyed", documents.Entry, documents.Host, documents.Mrouter)

Node = dict[str, Any]
_EXTRA = "snoop-igmp-ext"
_STATISTICS = {
    "igmp": {
        "query-count": ("query_v1", "query_v2", "query_v3"),
        "membership-report-v1-count": ("report_v1",),
        "membership-report-v2-count": ("report_v2",),
        "membership-report-v3-count": ("report_v3",),
        "leave-count": ("leave",),
        "pim-hello-count": ("pim_hello",),
    },
    "mld": {
        "query-count": ("mld_query_v1", "mld_query_v2"),
        "report-v1-count": ("mld_report_v1",),
        "report-v2-count": ("mld_report_v2",),
        "done-count": ("mld_done",),
        "pim-hello-count": ("pim6_hello",),
    },
}


def gather(session: Session, **filters: object) -> Node:
    """The document of a running switch; the filters are those of `show mdb`."""
    mdb = session.show(documents.Mdb, **filters)
    return document(
        switch=mdb.switch,
        table=mdb.mdb,
        hosts=session.show(documents.Hosts).hosts,
        mrouters=session.show(documents.Mrouters).mrouters,
        queriers=session.show(documents.Queriers).queriers,
        counters=session.show(documents.Counters).ports,
        config=session.show(documents.Config),
        ports=session.show(documents.Ports).ports,
        vlans=session.show(documents.Vlans),
    )


def document(
    *,
    switch: str,
    table: list[documents.Entry],
    hosts: list[documents.Host],
    mrouters: list[documents.Mrouter],
    queriers: list[documents.Querier],
    counters: dict[str, dict[str, int]],
    config: documents.Config,
    ports: list[documents.Port],
    vlans: documents.Vlans,
) -> Node:
    """The document, from the rows of the `show` commands."""
    entries, tracked, routers = _by_instance(table), _by_instance(hosts), _by_instance(mrouters)
    members = {row.vid: {one.port for one in row.ports} for row in vlans.vlans}
    protocols = []
    for querier in queriers:
        key = (querier.vlan, querier.family)
        protocol = _PROTOCOL[querier.family]
        mine = entries[key]
        counted = counters
        if vlans.filtering:
            own = members.get(querier.vlan, set())
            counted = {name: counts for name, counts in counters.items() if name in own}
        protocols.append(
            {
                "type": f"{_MODULE}:{protocol}-snooping",
                "name": f"{protocol}-vlan{querier.vlan}",
                f"{_MODULE}:{protocol}-snooping-instance": _without_empty(
                    {
                        **_settings(config, querier),
                        **_routers(routers[key]),
                        "static-l2-multicast-group": _statics(mine),
                        "entries-count": len({row.group for row in mine}),
                        "group": _groups(mine, tracked[key]),
                        "interfaces": {"interface": _interfaces(counted, protocol)},
                        f"{_EXTRA}:querier": _without_empty(
                            {
                                "role": querier.role,
                                "address": querier.address,
                                "port": querier.port,
                                "version": querier.version,
                            }
                        ),
                    }
                ),
            }
        )
    made: Node = {
        "ietf-routing:routing": {"control-plane-protocols": {"control-plane-protocol": protocols}}
    }
    return made | dot1q.bridges(switch, queriers, ports, vlans) if vlans.filtering else made


def _by_instance(rows: Iterable[Keyed]) -> dict[tuple[int, str], list[Keyed]]:
    """Rows by VLAN and family."""
    found: dict[tuple[int, str], list[Keyed]] = defaultdict(list)
    for row in rows:
        found[row.vlan, row.family].append(row)
    return found


def _settings(config: documents.Config, querier: documents.Querier) -> Node:
    own: IgmpConfig | MldConfig
    vlan: VlanConfig | VlanMldConfig | None
    vlan = next((each for each in config.vlan if each.vid == querier.vlan), None)
    if querier.family == "ipv4":
        own = config.igmp
        version, last = "igmp-version", "last_member_query_interval"
    else:
        assert config.mld is not None  # it has an instance
        own = config.mld
        vlan = None if vlan is None else vlan.mld
        version, last = "mld-version", "last_listener_query_interval"

    def of(key: str) -> Any:
        """What holds in the VLAN."""
        said = getattr(vlan, key, None)
        return getattr(own, key) if said is None else said

    source: str | None = of("querier_address")
    if source is None and querier.role == "querier":
        source = querier.address  # made from the switch's MAC address
    settings: Node = {
        "l2-service-type": f"{_MODULE}:bridge",
        "enabled": own.enabled,
        "forwarding-table-type": "ip",
        "explicit-tracking": all(port.explicit_tracking for port in config.with_hosts().port),
        "send-query": of("querier") != "off",
        "last-member-query-interval": _deciseconds(of(last)),
        "query-interval": max(1, round(of("query_interval"))),
        "query-max-response-time": round(of("query_response_interval") * 10),
        "require-router-alert": own.require_router_alert,
        "robustness-variable": of("robustness"),
        version: of("version"),
        "querier-source": source,
    }
    # J-4: an `empty` leaf is [null] when it is there.
    if all(port.fast_leave != "off" for port in config.with_hosts().port):
        settings["fast-leave"] = [None]
    if own.lite_exclude_filter:
        settings["lite-exclude-filter"] = [None]
    settings[f"{_EXTRA}:effective-query-interval"] = querier.query_interval
    return settings


def _routers(rows: list[documents.Mrouter]) -> Node:
    """The dynamic list leaves out static ones, which have their own leaf-list."""
    return {
        "static-bridge-mrouter-interface": sorted(
            {row.port for row in rows if row.origin == "static"}
        ),
        "bridge-mrouter-interface": sorted({row.port for row in rows if row.origin != "static"}),
    }


def _statics(rows: list[documents.Entry]) -> list[Node]:
    entries: dict[tuple[str, str], list[str]] = defaultdict(list)
    for row in rows:
        if row.origin == "static" and row.filter_mode == "exclude":
            entries[row.group, "*"].append(row.port)
        for source in row.sources:
            if source.static:
                entries[row.group, source.address].append(row.port)
    return [
        {"group": group, "source-addr": source, "bridge-outgoing-interface": sorted(set(ports))}
        for (group, source), ports in entries.items()
    ]


def _groups(rows: list[documents.Entry], hosts: list[documents.Host]) -> list[Node]:
    by_group: dict[str, list[documents.Entry]] = defaultdict(list)
    for row in rows:
        by_group[row.group].append(row)
    return [
        _without_empty(
            {
                "address": group,
                "mac-address": _mac(group),
                "expire": _expire(members),
                "up-time": _whole(max(row.uptime or 0 for row in members)),
                "last-reporter": _last_reporter(members),
                "source": _sources(members, [host for host in hosts if host.group == group]),
                f"{_EXTRA}:port": [
                    {
                        "name": row.port,
                        "filter-mode": f"{_MODULE}:{row.filter_mode}",
                        "compatibility": row.compatibility,
                        "blocked": [s.address for s in row.sources if not s.forwarding],
                    }
                    for row in members
                ],
            }
        )
        for group, members in by_group.items()
    ]


def _sources(members: list[documents.Entry], hosts: list[documents.Host]) -> list[Node]:
    """(*, G): the ports in EXCLUDE. (S, G): the ports that forward S by name."""
    named: dict[str, list[tuple[documents.Entry, documents.Source | None]]] = defaultdict(list)
    for row in members:
        if row.filter_mode == "exclude":
            named["*"].append((row, None))
        for source in row.sources:
            if source.forwarding:
                named[source.address].append((row, source))
    entries = []
    for address in sorted(named, key=lambda each: (each != "*", each)):
        carriers = named[address]
        ports = {row.port for row, _ in carriers}
        listed = [
            {"address": host.address, "filter-mode": f"{_MODULE}:{host.filter_mode}"}
            for host in hosts
            if host.port in ports
            and (host.filter_mode == "exclude" if address == "*" else address in host.sources)
        ]
        timers = [row.group_timer if one is None else one.timer for row, one in carriers]
        static = any(row.origin == "static" if one is None else one.static for row, one in carriers)
        entries.append(
            _without_empty(
                {
                    "address": address,
                    "bridge-outgoing-interface": sorted(ports),
                    "up-time": _whole(max(row.uptime or 0 for row, _ in carriers)),
                    "expire": "infinity" if static else _seconds16(timers),
                    "host-count": len(listed) or None,
                    "last-reporter": _last_reporter([row for row, _ in carriers]),
                    "host": listed,
                }
            )
        )
    return entries


def _interfaces(counters: dict[str, dict[str, int]], protocol: str) -> list[Node]:
    def counts(port: dict[str, int], direction: str) -> dict[str, str]:
        # J-3: a counter64 is a string.
        return {
            name: str(sum(port.get(f"{direction}_{one}", 0) for one in ours))
            for name, ours in _STATISTICS[protocol].items()
        }

    return [
        {
            "name": name,
            "statistics": {"received": counts(port, "rx"), "sent": counts(port, "tx")},
        }
        for name, port in counters.items()
    ]


def _expire(members: list[documents.Entry]) -> int | str:
    if any(row.origin == "static" for row in members):
        return "infinity"
    timers = [row.group_timer for row in members]
    timers += [source.timer for row in members for source in row.sources]
    return _seconds16(timers)


def _seconds16(timers: list[float | None]) -> int | str:
    """J-6: 1..65535, rounded up, or "not-set"."""
    running = [timer for timer in timers if timer is not None]
    return min(65535, max(1, -int(-max(running) // 1))) if running else "not-set"


def _last_reporter(rows: list[documents.Entry]) -> str | None:
    known = [row for row in rows if row.last_reporter is not None]
    youngest = min(known, key=lambda row: row.uptime or 0, default=None)
    return None if youngest is None else youngest.last_reporter


def _mac(group: str) -> str:
    packed = ip_address(group).packed
    mac = b"\x33\x33" + packed[-4:]
    if len(packed) == 4:
        mac = b"\x01\x00\x5e" + bytes([packed[1] & 0x7F]) + packed[2:]
    return mac.hex(":")


def _deciseconds(seconds: float) -> int:
    """Within the model's 10..10230: faster than a second cannot be said there."""
    return min(10230, max(10, round(seconds * 10)))


def _whole(seconds: float) -> int:
    return int(seconds)


def _without_empty(node: Node) -> Node:
    """J-9: what is not there is left out."""
    return {key: value for key, value in node.items() if value is not None and value != []}
