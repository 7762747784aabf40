"""Why a stream does not arrive, or goes where it should not: one word a cause, for scripts.

`check` and `explain` give the same word for the same cause; `TROUBLESHOOTING.md` has each with what
they say and the line to type. Words are added, never renamed.
"""

from __future__ import annotations

from enum import StrEnum


class Cause(StrEnum):
    """`cause` of a finding, and of a port in an answer of `explain`."""

    # Who asks, who routes
    NO_QUERIER = "no_querier"
    QUERIER_ADDRESS = "querier_address"  # 0.0.0.0, or somebody else's
    QUERIER_DISPLACED = "querier_displaced"
    QUERIER_UNANSWERED = "querier_unanswered"
    QUERIER_VERSION = "querier_version"
    TWO_QUERIERS = "two_queriers"
    ROUTER_UNKNOWN = "router_unknown"
    ROUTER_REFUSED = "router_refused"
    ROUTER_CLAIM = "router_claim"
    SNOOPING_OFF = "snooping_off"

    # Joins that are refused, or kept for less than they say
    FILTER = "filter"
    SSM_RANGE = "ssm_range"
    VERSION_IGNORED = "version_ignored"
    ROUTER_ALERT = "router_alert"
    TTL_CHECK = "ttl_check"
    CHECKSUM = "checksum"
    MALFORMED = "malformed"
    PORT_LIMIT = "port_limit"
    TABLE_FULL = "table_full"
    STATE_LIMIT = "state_limit"
    VLAN_LIMIT = "vlan_limit"
    SOURCE_LIMIT = "source_limit"
    HOST_LIMIT = "host_limit"
    MROUTER_LIMIT = "mrouter_limit"
    IGMP_FLOOD = "igmp_flood"

    # Hosts
    SILENT_HOST = "silent_host"
    FAST_LEAVE = "fast_leave"
    NOT_JOINED = "not_joined"
    NEVER_JOINED = "never_joined"  # of discovery and clocks, whose listeners often do not
    OTHER_SOURCE = "other_source"
    DOUBLED = "doubled"  # one stream at two ports
    NOT_SENT = "not_sent"
    FOREIGN_SOURCE = "foreign_source"  # which a reverse path filter may drop
    TTL_ONE = "ttl_one"
    WRONG_VLAN = "wrong_vlan"
    VLAN_FILTERED = "vlan_filtered"  # a host sends what its port is not in
    STATIC_OUTSIDE = "static_outside"  # an entry at a port that is not in its VLAN
    NATIVE_MISMATCH = "native_mismatch"  # of two ends of a trunk
    SPLIT_HORIZON = "split_horizon"
    SHARED_MAC = "shared_mac"
    SHARED_ADDRESS = "shared_address"  # of two hosts
    MAC_CLAIMED = "mac_claimed"
    FDB_FULL = "fdb_full"

    # Ports and frames
    PORT_MISSING = "port_missing"
    PORT_DOWN = "port_down"
    PORT_FAULT = "port_fault"
    HOST_STACK = "host_stack"
    SHARED_INTERFACE = "shared_interface"
    MTU = "mtu"
    OFFLOAD = "offload"
    OVERLOAD = "overload"
    DAMAGED = "damaged"  # a stream that was so when it came in
    LOOP = "loop"
    STORM = "storm"
    FLOOD = "flood"
    RUNS = "runs"
    KERNEL = "kernel"  # which serves no stream
    PRIORITY = "priority"
    SNAPSHOT = "snapshot"  # which is not written
    CONFIGURATION = "configuration"  # which cannot be loaded any more
    NOT_DELIVERED = "not_delivered"
    BUG = "bug"
