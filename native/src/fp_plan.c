#include "fp_plan.h"

#include <string.h>

#include "fp_announce.h"
#include "fp_frame.h"
#include "fp_mask.h"
#include "fp_port.h"
#include "fp_storm.h"

/* The ports that get frames of that tag as they come, and those that do not. */
static void split(const struct fp_verdict *verdict, uint32_t tci, uint64_t *as_is, uint64_t *others)
{
	bool tagged = tci != FP_NO_TAG;
	bool priority = tagged && !(tci & FP_VLAN_ID_MASK); /* VLAN-2: nobody gets that */

	for (uint32_t i = 0; i < FP_MASK_WORDS; i++) {
		as_is[i] = verdict->ports[i];
		if (verdict->tagging)
			as_is[i] &= tagged ? ~verdict->untagged[i] : verdict->untagged[i];
		if (verdict->tagging && priority)
			as_is[i] = 0;
		others[i] = verdict->ports[i] & ~as_is[i];
	}
}

/* They do not all have it alike: with its VLAN's tag and without one are two spellings. */
static bool are_mixed(const uint64_t *ports, const uint64_t *untagged)
{
	bool with = false;
	bool without = false;

	for (uint32_t i = 0; i < FP_MASK_WORDS; i++) {
		with |= (ports[i] & ~untagged[i]) != 0;
		without |= (ports[i] & untagged[i]) != 0;
	}
	return with && without;
}

static bool is_served(const struct fp_table *table, uint32_t port)
{
	/* relaxed: one that is served from now on is published again */
	return table->ports[port] && fp_load_relaxed(&table->ports[port]->served);
}

static uint32_t family_of(const uint8_t *group)
{
	static const uint8_t ipv4[8];

	return memcmp(group, ipv4, sizeof(ipv4)) ? FP_FAMILY_IPV6 : FP_FAMILY_IPV4;
}

/* Frames of the same addresses, if not this one. */
static bool are_copied(const struct fp_table *table, uint32_t in_port, const uint8_t *group)
{
	return fp_mask_has(table->names, in_port) && fp_announce_is_group(family_of(group), group);
}

void fp_plan_facts(const struct fp_table *table, uint32_t in_port, const uint8_t *group,
		   uint32_t tci, bool allowed, const struct fp_verdict *verdict,
		   struct fp_choice_facts *facts)
{
	uint64_t others[FP_MASK_WORDS];
	uint64_t as_is[FP_MASK_WORDS];

	split(verdict, tci, as_is, others);
	*facts = (struct fp_choice_facts){
		.allowed = allowed,
		.served = is_served(table, in_port),
		.copied = verdict->punt || are_copied(table, in_port, group),
		.spelled = !verdict->tagging || !are_mixed(others, verdict->untagged),
	};
	fp_mask_for_each(verdict->ports, port)
	{
		facts->served &= is_served(table, port) && !fp_mask_has(table->rings, port);
		facts->runs |= fp_mask_has(table->coalesce, port);
		facts->egress++;
	}
}

static void append(const uint64_t *ports, struct fp_path_slot *slot)
{
	fp_mask_for_each(ports, port) slot->egress[slot->count++] = (uint8_t)port;
}

/* Those of ports that are routers, or are not. */
static void append_of(const uint64_t *ports, const uint64_t *routers, bool are,
		      struct fp_path_slot *slot)
{
	uint64_t some[FP_MASK_WORDS];

	for (uint32_t i = 0; i < FP_MASK_WORDS; i++)
		some[i] = ports[i] & (are ? routers[i] : ~routers[i]);
	append(some, slot);
}

/*
 * Routers stand together, in the middle: they alone get what is over the storm limit. Then all that
 * is behind as_is has the other tag, as ever.
 */
static void append_all(const struct fp_table *table, const struct fp_verdict *verdict,
		       uint32_t family, const uint64_t *as_is, const uint64_t *others,
		       struct fp_path_slot *slot)
{
	const uint64_t *routers = fp_table_policy(table, verdict->vlan, family)->mrouters;
	enum fp_storm_kind kind;

	append_of(as_is, routers, false, slot);
	slot->routers_at = slot->count;
	append_of(as_is, routers, true, slot);
	slot->as_is = slot->count;
	append_of(others, routers, true, slot);
	slot->routers_end = slot->count;
	append_of(others, routers, false, slot);
	slot->limited = fp_storm_concerns(table, family, verdict, &kind);
}

void fp_plan_make(const struct fp_table *table, const uint64_t *key,
		  const struct fp_verdict *verdict, const struct fp_choice_facts *facts,
		  struct fp_slot_plan *plan)
{
	struct fp_path_slot *slot = &plan->slot;
	uint32_t tci = fp_plan_tci(key);
	uint64_t others[FP_MASK_WORDS];
	uint64_t as_is[FP_MASK_WORDS];
	uint32_t mtu = FP_FRAME_BYTES_MAX;

	memset(plan, 0, sizeof(*plan));
	plan->verdict = *verdict;
	split(verdict, tci, as_is, others);
	append_all(table, verdict, family_of((const uint8_t *)(key + 5)), as_is, others, slot);
	if (slot->count > slot->as_is) {
		uint32_t other = slot->egress[slot->as_is];
		bool push = !fp_mask_has(verdict->untagged, other);

		slot->retag =
			(uint8_t)((tci == FP_NO_TAG ? 0 : FP_TAG_POP) | (push ? FP_TAG_PUSH : 0));
		if (push)
			slot->tci = (uint16_t)(tci == FP_NO_TAG
						       ? verdict->vlan
						       : (tci & ~FP_VLAN_ID_MASK) | verdict->vlan);
	}
	fp_mask_for_each(verdict->ports, port)
	{
		if (table->mtu[port] < mtu)
			mtu = table->mtu[port];
	}
	slot->frame_max = mtu + FP_ETH_BYTES;
	slot->fast_ns = fp_choice_fast_ns(facts);
	fp_table_shards(table, verdict->vlan, (const uint8_t *)(key + 5),
			(const uint8_t *)(key + 3), slot->shard);
}
