#include "fp_joins.h"

#include <string.h>

#include "fp_clock.h"
#include "fp_mask.h"
#include "fp_punt.h"
#include "fp_report.h"

_Static_assert(FP_JOINS_OF_PORT <= UINT8_MAX, "counted in of_port[]");

/* Who makes them meet in one tag makes a loop over some hundred entries longer, and that is all. */
static uint32_t tag_of(uint32_t vlan, const uint8_t *group)
{
	return (fp_read32(group) ^ fp_read32(group + 8)) * 0x85ebca6bu ^
	       fp_read32(group + 12) * 0x9e3779b1u ^ vlan;
}

/* Has the table the port in the row that such a datagram goes by? */
static bool is_served(const struct fp_table *table, uint32_t vlan,
		      const struct fp_report_join *join, uint32_t port)
{
	const struct fp_entry *entry = NULL;

	if (!join->any)
		entry = fp_table_find(table, vlan, join->group, join->source);
	if (!entry)
		entry = fp_table_find(table, vlan, join->group, NULL);
	return entry && fp_mask_has(entry->ports, port);
}

static struct fp_join *find(struct fp_joins *joins, uint32_t vlan,
			    const struct fp_report_join *wanted, uint32_t port, uint32_t tag)
{
	for (uint32_t i = 0; i < joins->count; i++) {
		struct fp_join *join = &joins->joins[i];

		if (joins->tags[i] == tag && join->port == port && join->vlan == vlan &&
		    join->any == wanted->any &&
		    !memcmp(join->group, wanted->group, sizeof(join->group)) &&
		    !memcmp(join->source, wanted->source, sizeof(join->source)))
			return join;
	}
	return NULL;
}

bool fp_joins_note(struct fp_joins *joins, const struct fp_table *table,
		   const struct fp_frame *frame, const struct fp_port *port, uint64_t now_ns)
{
	const struct fp_policy *policy = fp_table_policy(table, frame->vlan, frame->family);
	struct fp_report_join read[FP_JOINS_OF_PORT];
	uint64_t changes = joins->changes;
	uint32_t count;

	if (!policy->active || !policy->ahead || !fp_mask_has(table->ahead, port->id))
		return false;
	count = fp_report_joins(frame, read, FP_JOINS_OF_PORT);
	for (uint32_t i = 0; i < count; i++) {
		uint32_t tag = tag_of(frame->vlan, read[i].group);
		struct fp_join *join = find(joins, frame->vlan, &read[i], port->id, tag);

		if (!join) {
			if (joins->count == FP_JOINS_MAX ||
			    joins->of_port[port->id] == FP_JOINS_OF_PORT ||
			    is_served(table, frame->vlan, &read[i], port->id))
				continue;
			joins->tags[joins->count] = tag;
			join = &joins->joins[joins->count++];
			memcpy(join->group, read[i].group, sizeof(join->group));
			memcpy(join->source, read[i].source, sizeof(join->source));
			join->vlan = frame->vlan;
			join->port = (uint16_t)port->id;
			join->any = read[i].any;
			joins->of_port[port->id]++;
			joins->changes++;
		}
		join->punt = port->punt;
		/* relaxed: this thread writes it */
		join->mark = fp_load_relaxed(&port->punt->tail);
		join->until_ns = now_ns + FP_JOINS_NS;
	}
	return joins->changes != changes;
}

static bool is_decided(const struct fp_join *join, struct fp_port *const *ports,
		       uint32_t port_count, uint64_t now_ns)
{
	for (uint32_t i = 0; i < port_count; i++) {
		if (ports[i]->id == join->port && ports[i]->punt == join->punt)
			/* acquire: the table that says so is read next; pairs with
			 * fp_punt_decided() */
			return fp_load_acquire(&ports[i]->punt->decided) >= join->mark ||
			       now_ns >= join->until_ns;
	}
	return true; /* its port is another's now, or nobody's */
}

bool fp_joins_settle(struct fp_joins *joins, struct fp_port *const *ports, uint32_t port_count)
{
	uint64_t changes = joins->changes;
	uint64_t now_ns = joins->count ? fp_now_ns() : 0;

	for (uint32_t i = joins->count; i-- > 0;) {
		if (!is_decided(&joins->joins[i], ports, port_count, now_ns))
			continue;
		joins->of_port[joins->joins[i].port]--;
		joins->count--;
		joins->changes++;
		joins->joins[i] = joins->joins[joins->count];
		joins->tags[i] = joins->tags[joins->count];
	}
	return joins->changes != changes;
}

/* Who wants it: a stream that is known, or of no row; not what floods, or is nobody's to have. */
static bool is_pruned(const struct fp_verdict *verdict)
{
	switch (verdict->reason) {
	case FP_FORWARD_GROUP:
	case FP_FORWARD_SOURCE:
	case FP_FORWARD_UNREGISTERED:
	case FP_DROP_NO_MEMBER:
	case FP_DROP_NO_EGRESS:
	case FP_DROP_SPLIT_HORIZON:
		return true;
	default:
		return false;
	}
}

bool fp_joins_grant(const struct fp_joins *joins, const struct fp_table *table,
		    const struct fp_frame *frame, uint32_t in_port, struct fp_verdict *verdict)
{
	uint32_t tag = tag_of(frame->vlan, frame->group);
	const uint64_t *members = fp_table_vlan(table, frame->vlan)->members;
	uint16_t horizon = table->horizon[in_port];
	bool granted = false;

	if (!joins->count || !is_pruned(verdict))
		return false;
	for (uint32_t i = 0; i < joins->count; i++) {
		const struct fp_join *join = &joins->joins[i];

		if (joins->tags[i] != tag || join->vlan != frame->vlan || join->port == in_port ||
		    memcmp(join->group, frame->group, sizeof(join->group)) ||
		    (!join->any && memcmp(join->source, frame->source, sizeof(join->source))))
			continue;
		if (!fp_mask_has(table->up, join->port) || !fp_mask_has(members, join->port) ||
		    (horizon && horizon == table->horizon[join->port]))
			continue;
		fp_mask_set(verdict->ports, join->port);
		granted = true;
		if (verdict->action == FP_ACTION_DROP) {
			verdict->action = FP_ACTION_FORWARD;
			verdict->reason = FP_FORWARD_GROUP;
			verdict->registered = 1;
		}
	}
	return granted;
}
