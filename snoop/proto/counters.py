"""Every counter of the control plane, with the line the manual prints for it.

Counters belong to a port; what concerns no port is counted for the switch. The sums over all
ports, past ones included, are what the switch as a whole shows.
"""

from collections.abc import Iterable
from typing import Final

from snoop.proto.dumping import require
from snoop.wire import errors
from snoop.wire.address import Family

Counts = dict[str, int]

# What messages of a version are called; `rx_` or `tx_` goes before it.
QUERIES: Final = {
    Family.IPV4: {1: "query_v1", 2: "query_v2", 3: "query_v3"},
    Family.IPV6: {1: "mld_query_v1", 2: "mld_query_v2"},
}
REPORTS: Final = {
    Family.IPV4: {1: "report_v1", 2: "report_v2", 3: "report_v3"},
    Family.IPV6: {1: "mld_report_v1", 2: "mld_report_v2"},
}

COUNTERS: Final[dict[str, str]] = {
    # received, by type and version
    "rx_query_v1": "IGMPv1 queries received",
    "rx_query_v2": "IGMPv2 queries received",
    "rx_query_v3": "IGMPv3 queries received",
    "rx_query_general": "General Queries among them",
    "rx_query_group": "group-specific queries among them",
    "rx_query_source": "group-and-source-specific queries among them",
    "rx_report_v1": "IGMPv1 reports received",
    "rx_report_v2": "IGMPv2 reports received",
    "rx_report_v3": "IGMPv3 reports received",
    "rx_leave": "IGMPv2 leaves received",
    "rx_mld_query_v1": "MLDv1 queries received",
    "rx_mld_query_v2": "MLDv2 queries received",
    "rx_mld_query_general": "General Queries among them",
    "rx_mld_query_group": "address-specific queries among them",
    "rx_mld_query_source": "address-and-source-specific queries among them",
    "rx_mld_report_v1": "MLDv1 reports received",
    "rx_mld_report_v2": "MLDv2 reports received",
    "rx_mld_done": "MLDv1 dones received",
    "rx_mrd_advertisement": "multicast router advertisements received",
    "rx_mrd_solicitation": "multicast router solicitations received",
    "rx_mrd_termination": "multicast router terminations received",
    "rx_dvmrp": "DVMRP messages received",
    "rx_pim_hello": "PIM hellos received over IPv4",
    "rx_pim6_hello": "PIM hellos received over IPv6",
    "rx_unknown": "IGMP messages of other types received: flooded unread",
    # group records
    "record_is_in": "MODE_IS_INCLUDE records received",
    "record_is_ex": "MODE_IS_EXCLUDE records received, older reports included",
    "record_to_in": "CHANGE_TO_INCLUDE records received, leaves and dones included",
    "record_to_ex": "CHANGE_TO_EXCLUDE records received",
    "record_allow": "ALLOW_NEW_SOURCES records received",
    "record_block": "BLOCK_OLD_SOURCES records received",
    "record_unknown": "records of unknown type skipped (W-20)",
    "record_bad_source": "source addresses in records that cannot be sources (W-27)",
    # sent out of the port, forwarded or our own
    "tx_query_v1": "IGMPv1 queries sent, forwarded and our own",
    "tx_query_v2": "IGMPv2 queries sent, forwarded and our own",
    "tx_query_v3": "IGMPv3 queries sent, forwarded and our own",
    "tx_query_own": "queries among them that this switch made",
    "tx_report_v1": "IGMPv1 reports forwarded",
    "tx_report_v2": "IGMPv2 reports forwarded",
    "tx_report_v3": "IGMPv3 reports forwarded",
    "tx_leave": "IGMPv2 leaves forwarded",
    "tx_mld_query_v1": "MLDv1 queries sent, forwarded and our own",
    "tx_mld_query_v2": "MLDv2 queries sent, forwarded and our own",
    "tx_mld_query_own": "queries among them that this switch made",
    "tx_mld_report_v1": "MLDv1 reports forwarded",
    "tx_mld_report_v2": "MLDv2 reports forwarded",
    "tx_mld_done": "MLDv1 dones forwarded",
    "tx_mrd_advertisement": "multicast router advertisements forwarded",
    "tx_mrd_solicitation": "multicast router solicitations sent, forwarded and our own",
    "tx_mrd_termination": "multicast router terminations forwarded",
    "tx_dvmrp": "DVMRP messages forwarded",
    "tx_fragment": "IGMP and MLD fragments forwarded",
    "tx_unknown": "IGMP messages of other types forwarded",
    "rx_announcement": "session announcements read (SAY-61)",
    # refused or not used, by cause
    "announcement_limit": "session announcements for which there was no room (SAY-62)",
    "probe_refused": "probes of the loop guard that are none, too old, or made up (LOOP-1)",
    "own_frame": "frames from the switch's own MAC address: ignored (V-1)",
    "ttl_not_one": "control frames whose TTL or Hop Limit is not 1 (W-8)",
    "no_router_alert": "IGMPv2, IGMPv3 and MLD messages without Router Alert, not learned (W-7)",
    "version_ignored": "messages not learned because of ignore_v1 or ignore_v2 (SM-47)",
    "disabled": "control frames flooded because snooping is off",
    "port_down": "control frames on a port that is down: ignored",
    "vlan_filtered": "control frames of a VLAN that the port has left: ignored (VLAN-3)",
    "report_no_router": "reports, leaves and dones with no router port to go to (SNOOP-4)",
    "link_local_group": "records for 224.0.0.0/24, ff02::1, scopes 0 and 1: no state (SNOOP-15)",
    "ssm_ignored": "any-source joins and leaves in the SSM range (SM-46)",
    "compat_ignored": "records ignored because of older hosts on the port (SM-42, SM-43)",
    "group_filtered": "joins refused by deny_groups or allow_groups",
    "port_limit": "joins refused by max_groups of the port",
    "table_full": "joins refused by max_groups of the switch",
    "state_limit": "joins refused, or widened to any source, by max_state (SM-68)",
    "vlan_limit": "messages not learned because the port has opened too many VLANs",
    "source_limit": "entries widened to any source by max_sources (SM-68)",
    "host_limit": "hosts not tracked because of max_hosts or max_state",
    "mrouter_limit": "router addresses not recorded: too many on the port",
    "mrouter_refused": "router evidence on a port with mrouter = never (SNOOP-26)",
    "query_null_source": "queries from 0.0.0.0 (Q-5)",
    "query_not_elected": "General Queries from an address above the querier's (Q-4)",
    "query_unheard": "MLD General Queries that no host takes, which elect nobody (Q-18)",
    "query_own_address": "queries from the address of our own querier (Q-7)",
    "query_other_port": "General Queries from the querier's address on another port than its own",
    "query_lowers_nothing": "specific queries of nobody who may end a membership (Q-18)",
    "querier_guarded": "queries on a port with querier_guard (Q-18)",
    "query_older_version": "General Queries of an older version than ours (Q-10)",
    "qqi_clamped": "query intervals longer than is adopted, see qqi_ceiling (TM-37)",
    "fast_leave": "memberships removed at once by fast_leave",
    "tombstone_evicted": "tombstones dropped early to make room for a group",
    **errors.COUNTERS,
    **errors.ANNOUNCEMENTS,
}
"""Counter name -> one line for the manual."""


def zeros() -> Counts:
    """A fresh set of counters."""
    return dict.fromkeys(COUNTERS, 0)


def restored(counts: Counts) -> Counts:
    """A set of counters that goes on from `counts`; names that are no more are left out."""
    result = zeros()
    for name, value in counts.items():
        require(value >= 0, f"counter {name} is below 0")
        if name in result:
            result[name] = value
    return result


def total(sets: Iterable[Counts]) -> Counts:
    """Add counters up by name."""
    result = zeros()
    for counts in sets:
        for name, value in counts.items():
            result[name] += value
    return result
