#include "fp_decide.h"

#include "fp_announce.h"
#include "fp_guard.h"

#define VID_RESERVED 4095u
#define ALL_PIM_ROUTERS 0xe000000du
#define LINK_LOCAL_GROUPS 0xe00000u /* 224.0.0.0/24, shifted */
#define IPV4_OF_KEY 12u		    /* where a v4-mapped address has the IPv4 one */
#define SCOPE_LINK 2u		    /* the smallest that leaves a host */
#define SOLICITED_NODES 0xffu	    /* ff02::1:ff00:0/104, its last 32 bits shifted */

static void drop(struct fp_verdict *verdict, enum fp_reason reason)
{
	verdict->action = FP_ACTION_DROP;
	verdict->reason = (uint8_t)reason;
	memset(verdict->ports, 0, sizeof(verdict->ports));
}

/* Refused as such: not even its source is learned from. */
static void refuse(struct fp_verdict *verdict, enum fp_reason reason)
{
	verdict->learn = 0;
	drop(verdict, reason);
}

/* Until it is decided verdict->ports are all it may leave by; nobody left makes it a drop. */
static void deliver(const uint64_t *wanted, enum fp_reason reason, enum fp_reason reason_if_nobody,
		    struct fp_verdict *verdict)
{
	for (uint32_t i = 0; i < FP_MASK_WORDS; i++)
		verdict->ports[i] &= wanted[i];
	if (fp_mask_empty(verdict->ports)) {
		drop(verdict, reason_if_nobody);
		return;
	}
	verdict->action = (uint8_t)fp_reason_action(reason);
	verdict->reason = (uint8_t)reason;
}

static void flood(enum fp_reason reason, struct fp_verdict *verdict)
{
	deliver(verdict->ports, reason, FP_DROP_NO_EGRESS, verdict);
}

/* To the control plane alone, which says where it goes. */
static void punt(enum fp_reason reason, struct fp_verdict *verdict)
{
	memset(verdict->ports, 0, sizeof(verdict->ports));
	verdict->action = FP_ACTION_PUNT;
	verdict->reason = (uint8_t)reason;
	verdict->punt = 1;
}

/* SNOOP-30, 32, 33: (vlan, group, source), then (vlan, group), then the policy. */
static void decide_group(const struct fp_table *table, const struct fp_frame *frame,
			 const struct fp_policy *policy, struct fp_verdict *verdict)
{
	enum fp_reason reason = FP_FORWARD_SOURCE;
	uint64_t ports[FP_MASK_WORDS];
	const struct fp_entry *entry;
	const uint64_t *wanted;

	if (fp_table_floods(table, frame->family, frame->group)) {
		flood(FP_FLOOD_ALWAYS, verdict);
		return;
	}
	if (!policy->active) {
		flood(FP_FLOOD_NO_QUERIER, verdict);
		return;
	}
	entry = fp_table_find(table, frame->vlan, frame->group, frame->source);
	if (!entry) {
		entry = fp_table_find(table, frame->vlan, frame->group, NULL);
		reason = FP_FORWARD_GROUP;
	}
	verdict->registered = entry != NULL;
	wanted = entry ? entry->ports : policy->unregistered;
	for (uint32_t i = 0; i < FP_MASK_WORDS; i++)
		ports[i] =
			wanted[i] | (entry || !policy->drop_unregistered ? policy->mrouters[i] : 0);
	if (entry)
		deliver(ports, reason, FP_DROP_NO_MEMBER, verdict);
	else
		deliver(ports, FP_FORWARD_UNREGISTERED, FP_DROP_NO_EGRESS, verdict);
}

static void decide_ipv4(const struct fp_table *table, const struct fp_frame *frame,
			struct fp_verdict *verdict)
{
	const uint8_t *mac = frame->data;
	uint32_t group;

	if (frame->ip_error) {
		drop(verdict, FP_DROP_IP_ERROR);
		return;
	}
	group = fp_read32(frame->group + IPV4_OF_KEY);
	/* SNOOP-40: not multicast, or a MAC that is not the group's (W-6) */
	if (group >> 28 != 0xe || mac[0] != 0x01 || mac[1] != 0x00 || mac[2] != 0x5e ||
	    ((uint32_t)mac[3] << 16 | (uint32_t)mac[4] << 8 | mac[5]) != (group & 0x7fffff)) {
		flood(FP_FLOOD_MAC_IP_MISMATCH, verdict);
		return;
	}
	if (frame->control) {
		punt(FP_PUNT_IGMP, verdict);
		return;
	}
	if (group >> 8 == LINK_LOCAL_GROUPS) { /* SNOOP-31 */
		verdict->punt = frame->protocol == FP_IPPROTO_PIM && group == ALL_PIM_ROUTERS;
		flood(FP_FLOOD_LINK_LOCAL, verdict);
		return;
	}
	decide_group(table, frame, fp_table_policy(table, frame->vlan, FP_FAMILY_IPV4), verdict);
}

/* SNOOP-40: the group's MAC address (W-6). */
static bool is_ipv6_mac(const uint8_t *mac, const uint8_t *group)
{
	return group[0] == 0xff && mac[0] == 0x33 && mac[1] == 0x33 &&
	       !memcmp(mac + 2, group + 12, 4);
}

/*
 * SNOOP-51, 52: groups of neighbour discovery and its like, which hosts listen to unasked:
 * all nodes, all routers, MLD, MRD, mDNS, DHCP and the solicited nodes.
 */
static bool is_never_pruned(const uint8_t *group)
{
	uint32_t last = fp_read32(group + 12);

	if (fp_read32(group) != 0xff020000u || fp_read32(group + 4))
		return false;
	if (fp_read32(group + 8))
		return fp_read32(group + 8) == 1 && last >> 24 == SOLICITED_NODES;
	return last == 0x01 || last == 0x02 || last == 0x16 || last == 0x6a || last == 0xfb ||
	       last == 0x10002;
}

static void decide_ipv6(const struct fp_table *table, const struct fp_frame *frame,
			struct fp_verdict *verdict)
{
	static const uint8_t all_pim_routers[FP_ADDRESS_BYTES] = {0xff, 0x02, [15] = 0x0d};
	const struct fp_policy *policy = fp_table_policy(table, frame->vlan, FP_FAMILY_IPV6);
	const uint8_t *group = frame->group;
	bool pim_routers;

	if (policy->bridged) { /* SNOOP-34 */
		flood(FP_FLOOD_IPV6_MULTICAST, verdict);
		return;
	}
	if (frame->ip_error) { /* SNOOP-54 */
		drop(verdict, FP_DROP_IPV6_ERROR);
		return;
	}
	if (!is_ipv6_mac(frame->data, group)) {
		flood(FP_FLOOD_MAC_IP_MISMATCH, verdict);
		return;
	}
	if ((group[1] & 0x0f) < SCOPE_LINK) { /* SNOOP-58 */
		drop(verdict, FP_DROP_IPV6_SCOPE);
		return;
	}
	if (frame->control) {
		punt(FP_PUNT_MLD, verdict);
		return;
	}
	pim_routers = frame->protocol == FP_IPPROTO_PIM &&
		      !memcmp(group, all_pim_routers, FP_ADDRESS_BYTES);
	if (pim_routers || is_never_pruned(group)) {
		verdict->punt = pim_routers;
		flood(FP_FLOOD_IPV6_LINK_LOCAL, verdict);
		return;
	}
	decide_group(table, frame, policy, verdict);
}

/* L2-3: of a group that is known by its MAC address, exactly its ports. */
static void decide_l2(const struct fp_table *table, const struct fp_frame *frame,
		      struct fp_verdict *verdict)
{
	uint8_t key[FP_ADDRESS_BYTES];
	const struct fp_entry *entry;

	fp_map_mac(frame->data, key);
	entry = fp_table_find(table, frame->vlan, key, NULL);
	verdict->registered = entry != NULL;
	verdict->punt = fp_guard_is_change(frame);
	if (entry)
		deliver(entry->ports, FP_FORWARD_L2_GROUP, FP_DROP_NO_MEMBER, verdict);
	else
		flood(FP_FLOOD_L2_MULTICAST, verdict);
}

static void decide_multicast(const struct fp_table *table, const struct fp_frame *frame,
			     struct fp_verdict *verdict)
{
	static const uint8_t broadcast[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

	if (!memcmp(frame->data, broadcast, 6))
		flood(FP_FLOOD_BROADCAST, verdict);
	else if (frame->family == FP_FAMILY_IPV4 && !frame->service_tag) /* VLAN-6 */
		decide_ipv4(table, frame, verdict);
	else if (frame->family == FP_FAMILY_IPV6 && !frame->service_tag)
		decide_ipv6(table, frame, verdict);
	else
		decide_l2(table, frame, verdict);
}

static void decide_unicast(uint32_t in_port, int32_t fdb_port, struct fp_verdict *verdict)
{
	uint64_t ports[FP_MASK_WORDS] = {0};

	if (fdb_port == (int32_t)in_port) {
		drop(verdict, FP_DROP_SAME_PORT);
		return;
	}
	if (fdb_port < 0 || !fp_mask_has(verdict->ports, (uint32_t)fdb_port)) {
		flood(FP_FLOOD_UNKNOWN_UNICAST, verdict);
		return;
	}
	fp_mask_set(ports, (uint32_t)fdb_port);
	deliver(ports, FP_FORWARD_UNICAST, FP_DROP_SAME_PORT, verdict);
}

void fp_decide_horizon(const struct fp_table *table, uint32_t in_port, uint64_t *ports)
{
	uint16_t horizon = table->horizon[in_port];

	fp_mask_for_each(ports, port)
	{
		if (table->horizon[port] == horizon)
			fp_mask_clear(ports, port);
	}
}

/* Of a verdict that stands but for the horizon of its port, which has one. */
static void keep_apart(const struct fp_table *table, uint32_t in_port, struct fp_verdict *verdict)
{
	if (fp_mask_empty(verdict->ports))
		return;
	fp_decide_horizon(table, in_port, verdict->ports);
	if (fp_mask_empty(verdict->ports))
		drop(verdict, FP_DROP_SPLIT_HORIZON);
}

/*
 * VLAN-5: how each port has the VLAN. A trunk never gets as native what would then begin with
 * another tag: the next switch would take that for its VLAN. It gets it with the tag.
 */
static void decide_tags(const struct fp_table *table, const struct fp_frame *frame,
			struct fp_verdict *verdict)
{
	const uint64_t *untagged = fp_table_vlan(table, frame->vlan)->untagged;
	bool stacked = frame->tci != FP_NO_TAG && frame->ethertype == FP_ETHERTYPE_TAG;

	verdict->tagging = 1;
	for (uint32_t i = 0; i < FP_MASK_WORDS; i++)
		verdict->untagged[i] = untagged[i] & ~(stacked ? table->trunks[i] : 0);
}

/* L2-1, but for those that L2-2 lets through. */
static bool is_reserved(const struct fp_table *table, uint32_t in_port, const uint8_t *mac)
{
	static const uint8_t reserved[5] = {0x01, 0x80, 0xc2, 0x00, 0x00};

	return !memcmp(mac, reserved, 5) && mac[5] >= 0x01 && mac[5] <= 0x0f &&
	       !(table->reserved[in_port] >> mac[5] & 1);
}

/* LOOP-1, 3: also at a port that is held, or nobody would know when the loop has gone. */
static bool is_guarded(const struct fp_table *table, const struct fp_frame *frame, uint32_t in_port,
		       const uint64_t *members)
{
	return fp_guard_is_probe(frame) && fp_mask_has(table->guard, in_port) &&
	       fp_mask_has(members, in_port) && frame->vlan != VID_RESERVED;
}

void fp_decide(const struct fp_table *table, const struct fp_frame *frame, uint32_t in_port,
	       int32_t fdb_port, struct fp_verdict *verdict)
{
	static const uint8_t zero[6] = {0};
	const uint64_t *members = fp_table_vlan(table, frame->vlan)->members;
	const uint8_t *mac = frame->data;

	memset(verdict, 0, sizeof(*verdict));
	verdict->vlan = frame->vlan;
	verdict->learn = 1;
	for (uint32_t i = 0; i < FP_MASK_WORDS; i++)
		verdict->ports[i] = members[i] & table->up[i];
	fp_mask_clear(verdict->ports, in_port);
	if (is_guarded(table, frame, in_port, members)) {
		verdict->learn = 0;
		punt(FP_PUNT_PROBE, verdict);
	} else if (!fp_mask_has(table->up, in_port))
		refuse(verdict,
		       fp_mask_has(table->held, in_port) ? FP_DROP_LOOP : FP_DROP_PORT_DOWN);
	else if (is_reserved(table, in_port, mac))
		refuse(verdict, FP_DROP_RESERVED_MAC);
	else if (frame->vlan == VID_RESERVED)
		refuse(verdict, FP_DROP_VLAN_INVALID);
	else if (!fp_mask_has(members, in_port)) /* VLAN-3 */
		refuse(verdict, FP_DROP_VLAN_FILTERED);
	else if (fp_mac_is_multicast(mac + 6) || !memcmp(mac + 6, zero, 6))
		refuse(verdict, FP_DROP_SOURCE_MAC);
	else if (fp_mac_is_multicast(mac))
		decide_multicast(table, frame, verdict);
	else
		decide_unicast(in_port, fdb_port, verdict);
	/* SAY-61: wherever it goes, and also if that is nowhere */
	if (verdict->learn && fp_mask_has(table->names, in_port) &&
	    fp_decide_kind(frame) == FP_KIND_FLOW && fp_announce_is(frame))
		verdict->punt = 1;
	if (table->horizon[in_port])
		keep_apart(table, in_port, verdict);
	if (fp_mask_has(table->filters, in_port))
		decide_tags(table, frame, verdict);
}

void fp_decide_also(const struct fp_table *table, uint32_t in_port, uint32_t also,
		    struct fp_verdict *verdict)
{
	if (verdict->reason != FP_FORWARD_UNICAST && verdict->reason != FP_DROP_SAME_PORT &&
	    verdict->reason != FP_DROP_SPLIT_HORIZON)
		return;
	if (table->horizon[in_port] && table->horizon[in_port] == table->horizon[also])
		return;
	if (also == in_port || !fp_mask_has(table->up, also) ||
	    !fp_mask_has(fp_table_vlan(table, verdict->vlan)->members, also))
		return;
	fp_mask_set(verdict->ports, also);
	verdict->action = FP_ACTION_FORWARD;
	verdict->reason = FP_FORWARD_UNICAST;
}

uint32_t fp_decide_tci(const struct fp_vlan_policy *policy, uint32_t port, uint32_t vlan,
		       uint32_t tci)
{
	if (fp_mask_has(policy->untagged, port))
		return FP_NO_TAG;
	if (tci == FP_NO_TAG)
		return vlan ? vlan : FP_NO_TAG;
	return (tci & ~FP_VLAN_ID_MASK) | vlan;
}
