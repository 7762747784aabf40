/* What reasons and counters are called, and what a reason does with a frame. */
#include <stddef.h>

#include "fp.h"

struct reason {
	const char *name;
	enum fp_action action;
};

/* Names are a contract with the users (INTERFACE.md); sized so that none can be missing. */
static const struct reason reasons[FP_REASON_MAX] = {
	[FP_FORWARD_GROUP] = {"forward_group", FP_ACTION_FORWARD},
	[FP_FORWARD_SOURCE] = {"forward_source", FP_ACTION_FORWARD},
	[FP_FORWARD_UNREGISTERED] = {"forward_unregistered", FP_ACTION_FORWARD},
	[FP_FORWARD_UNICAST] = {"forward_unicast", FP_ACTION_FORWARD},
	[FP_FORWARD_L2_GROUP] = {"forward_l2_group", FP_ACTION_FORWARD},
	[FP_FORWARD_STORM_ROUTERS] = {"storm_to_routers", FP_ACTION_FORWARD},
	[FP_FLOOD_LINK_LOCAL] = {"flood_link_local", FP_ACTION_FLOOD},
	[FP_FLOOD_IPV6_LINK_LOCAL] = {"flood_ipv6_link_local", FP_ACTION_FLOOD},
	[FP_FLOOD_ALWAYS] = {"flood_always", FP_ACTION_FLOOD},
	[FP_FLOOD_NO_QUERIER] = {"flood_no_querier", FP_ACTION_FLOOD},
	[FP_FLOOD_BROADCAST] = {"flood_broadcast", FP_ACTION_FLOOD},
	[FP_FLOOD_UNKNOWN_UNICAST] = {"flood_unknown_unicast", FP_ACTION_FLOOD},
	[FP_FLOOD_IPV6_MULTICAST] = {"flood_ipv6_multicast", FP_ACTION_FLOOD},
	[FP_FLOOD_L2_MULTICAST] = {"flood_l2_multicast", FP_ACTION_FLOOD},
	[FP_FLOOD_MAC_IP_MISMATCH] = {"mac_ip_mismatch", FP_ACTION_FLOOD},
	[FP_PUNT_IGMP] = {"punt_igmp", FP_ACTION_PUNT},
	[FP_PUNT_MLD] = {"punt_mld", FP_ACTION_PUNT},
	[FP_PUNT_PROBE] = {"punt_probe", FP_ACTION_PUNT},
	[FP_DROP_NO_MEMBER] = {"no_member", FP_ACTION_DROP},
	[FP_DROP_NO_EGRESS] = {"no_egress", FP_ACTION_DROP},
	[FP_DROP_SAME_PORT] = {"same_port", FP_ACTION_DROP},
	[FP_DROP_SPLIT_HORIZON] = {"split_horizon", FP_ACTION_DROP},
	[FP_DROP_TRUNCATED] = {"truncated", FP_ACTION_DROP},
	[FP_DROP_RESERVED_MAC] = {"reserved_mac", FP_ACTION_DROP},
	[FP_DROP_VLAN_INVALID] = {"vlan_invalid", FP_ACTION_DROP},
	[FP_DROP_VLAN_FILTERED] = {"vlan_filtered", FP_ACTION_DROP},
	[FP_DROP_IP_ERROR] = {"ip_error", FP_ACTION_DROP},
	[FP_DROP_IPV6_ERROR] = {"ipv6_error", FP_ACTION_DROP},
	[FP_DROP_IPV6_SCOPE] = {"ipv6_scope", FP_ACTION_DROP},
	[FP_DROP_SOURCE_MAC] = {"source_mac", FP_ACTION_DROP},
	[FP_DROP_PORT_DOWN] = {"port_down", FP_ACTION_DROP},
	[FP_DROP_PUNT_FULL] = {"punt_full", FP_ACTION_DROP},
	[FP_DROP_RATE_LIMITED] = {"rate_limited", FP_ACTION_DROP},
	[FP_DROP_CONTROL_SIZE] = {"control_size", FP_ACTION_DROP},
	[FP_DROP_LOOP] = {"loop", FP_ACTION_DROP},
	[FP_DROP_PROBE_LIMITED] = {"probe_limited", FP_ACTION_DROP},
	[FP_DROP_STORM_BROADCAST] = {"storm_broadcast", FP_ACTION_DROP},
	[FP_DROP_STORM_UNICAST] = {"storm_unknown_unicast", FP_ACTION_DROP},
	[FP_DROP_STORM_UNREGISTERED] = {"storm_unregistered", FP_ACTION_DROP},
};

static const char *const stats[FP_STAT_MAX] = {
	[FP_STAT_RX_FRAMES] = "rx_frames",	   [FP_STAT_RX_BYTES] = "rx_bytes",
	[FP_STAT_TX_FRAMES] = "tx_frames",	   [FP_STAT_TX_BYTES] = "tx_bytes",
	[FP_STAT_TX_SENDS] = "tx_sends",	   [FP_STAT_TX_COALESCED] = "tx_coalesced",
	[FP_STAT_TX_DROP_FULL] = "tx_full",	   [FP_STAT_TX_DROP_MTU] = "tx_mtu",
	[FP_STAT_TX_DROP_DOWN] = "tx_down",	   [FP_STAT_TX_DROP_ERROR] = "tx_error",
	[FP_STAT_TX_DROP_GSO] = "tx_offload",	   [FP_STAT_RX_OVERSIZE] = "rx_oversize",
	[FP_STAT_PUNT_COPIES] = "punt_copies",	   [FP_STAT_PUNT_COPIES_LOST] = "punt_copies_lost",
	[FP_STAT_FDB_LEARNED] = "fdb_learned",	   [FP_STAT_FDB_MOVED] = "fdb_moved",
	[FP_STAT_FDB_EVICTED] = "fdb_evicted",	   [FP_STAT_FDB_DAMPED] = "fdb_move_damped",
	[FP_STAT_INJECT_FRAMES] = "inject_frames", [FP_STAT_INJECT_DROPS] = "inject_drops",
	[FP_STAT_RING_DROPS] = "ring_full",	   [FP_STAT_RING_STUCK] = "ring_stuck",
	[FP_STAT_RING_REOPENED] = "ring_reopened", [FP_STAT_SHORTCUT_FRAMES] = "shortcut_frames",
	[FP_STAT_PUNT_STALE] = "punt_stale",	   [FP_STAT_KERNEL_FRAMES] = "kernel_frames",
};

static const char *const paths[FP_PATH_MAX] = {
	[FP_PATH_RING_NEW] = "new",	  [FP_PATH_RING_OFF] = "off",
	[FP_PATH_RING_PORT] = "port",	  [FP_PATH_RING_RUNS] = "runs",
	[FP_PATH_RING_FRAMES] = "frames", [FP_PATH_RING_PORTS] = "ports",
	[FP_PATH_RING_COPIED] = "copied", [FP_PATH_RING_FULL] = "full",
	[FP_PATH_KERNEL] = "kernel",	  [FP_PATH_KERNEL_PRUNED] = "pruned",
};

const char *fp_reason_name(uint32_t reason)
{
	return reason < FP_REASON_MAX ? reasons[reason].name : NULL;
}

uint32_t fp_reason_action(uint32_t reason)
{
	return reason < FP_REASON_MAX ? (uint32_t)reasons[reason].action : FP_ACTION_DROP;
}

const char *fp_stat_name(uint32_t stat)
{
	return stat < FP_STAT_MAX ? stats[stat] : NULL;
}

const char *fp_path_name(uint32_t path)
{
	return path < FP_PATH_MAX ? paths[path] : NULL;
}

int fp_path_is_kernel(uint32_t path)
{
	return path == FP_PATH_KERNEL || path == FP_PATH_KERNEL_PRUNED;
}
