#include "fp_storm.h"

/* Somebody gets it who is no router. */
static bool is_flooded(const struct fp_policy *policy, const struct fp_verdict *verdict)
{
	for (uint32_t i = 0; i < FP_MASK_WORDS; i++) {
		if (verdict->ports[i] & ~policy->mrouters[i])
			return true;
	}
	return false;
}

bool fp_storm_concerns(const struct fp_table *table, uint32_t family,
		       const struct fp_verdict *verdict, enum fp_storm_kind *kind)
{
	switch (verdict->reason) {
	case FP_FLOOD_BROADCAST:
		*kind = FP_STORM_BROADCAST;
		return true;
	case FP_FLOOD_UNKNOWN_UNICAST:
		*kind = FP_STORM_UNKNOWN_UNICAST;
		return true;
	case FP_FORWARD_UNREGISTERED:
		*kind = FP_STORM_UNREGISTERED;
		return is_flooded(fp_table_policy(table, verdict->vlan, family), verdict);
	default:
		return false;
	}
}

void fp_storm_cut(const struct fp_table *table, uint32_t family, enum fp_storm_kind kind,
		  struct fp_verdict *verdict)
{
	const struct fp_policy *policy = fp_table_policy(table, verdict->vlan, family);

	/* RFC 4541 2.1.2(1): routers get all data, so that they can pass it on */
	for (uint32_t i = 0; i < FP_MASK_WORDS; i++)
		verdict->ports[i] &= kind == FP_STORM_UNREGISTERED ? policy->mrouters[i] : 0;
	fp_storm_say(kind, verdict);
}

void fp_storm_say(enum fp_storm_kind kind, struct fp_verdict *verdict)
{
	static const uint8_t reasons[FP_STORM_KINDS] = {
		[FP_STORM_BROADCAST] = FP_DROP_STORM_BROADCAST,
		[FP_STORM_UNKNOWN_UNICAST] = FP_DROP_STORM_UNICAST,
		[FP_STORM_UNREGISTERED] = FP_DROP_STORM_UNREGISTERED,
	};

	if (!fp_mask_empty(verdict->ports)) {
		verdict->reason = FP_FORWARD_STORM_ROUTERS;
		return;
	}
	verdict->action = FP_ACTION_DROP;
	verdict->reason = reasons[kind];
}
