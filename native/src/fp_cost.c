#include "fp_cost.h"

#include "fp_announce.h"

#define HEAD_BYTES 8u /* of every message, of either family */

enum message { JOIN_OR_LEAVE, REPORT, QUERY, OTHER };

/* How a family writes them. */
struct shape {
	uint32_t query_bytes; /* in front of the sources */
	uint32_t record_bytes;
	uint32_t source_bytes;
};

static const struct shape igmp = {.query_bytes = 12, .record_bytes = 8, .source_bytes = 4};
static const struct shape mld = {.query_bytes = 28, .record_bytes = 20, .source_bytes = 16};

#define QUERY_COST 2u	  /* it moves timers and is an event */
#define VLAN_COST 8u	  /* a VLAN not seen before: made, asked, published */
#define PORTS_PER_COST 8u /* each port it is sent on costs a send */
#define SOURCES_PER_COST 8u

static uint32_t ports_in(const uint64_t *mask)
{
	uint32_t ports = 0;

	for (uint32_t i = 0; i < FP_MASK_WORDS; i++)
		ports += (uint32_t)__builtin_popcountll(mask[i]);
	return ports;
}

static enum message message_of(uint8_t type)
{
	switch (type) {
	case 0x11: /* IGMP, all versions */
	case 130:  /* MLD, both versions */
		return QUERY;
	case 0x12: /* IGMPv1 report, IGMPv2 report and leave */
	case 0x16:
	case 0x17:
	case 131: /* MLDv1 report and done */
	case 132:
		return JOIN_OR_LEAVE;
	case 0x22: /* IGMPv3 */
	case 143:  /* MLDv2 */
		return REPORT;
	default:
		return OTHER;
	}
}

static uint32_t sources_cost(const struct shape *shape, uint32_t room_bytes)
{
	return room_bytes / (shape->source_bytes * SOURCES_PER_COST);
}

static uint32_t report_cost(const struct shape *shape, const uint8_t *message, uint32_t room_bytes)
{
	uint32_t fit = (room_bytes - HEAD_BYTES) / shape->record_bytes;
	uint32_t records = fp_read16(message + 6);

	if (records > fit)
		records = fit;
	return (records ? records : 1) +
	       sources_cost(shape, room_bytes - HEAD_BYTES - records * shape->record_bytes);
}

static uint32_t message_cost(const struct shape *shape, const uint8_t *message, uint32_t room_bytes,
			     uint32_t flood_cost, uint32_t routers_cost)
{
	if (room_bytes < HEAD_BYTES)
		return 1;
	switch (message_of(message[0])) {
	case JOIN_OR_LEAVE:
		return 1 + routers_cost;
	case REPORT:
		return report_cost(shape, message, room_bytes) + routers_cost;
	case QUERY:
		return QUERY_COST + flood_cost +
		       (room_bytes > shape->query_bytes
				? sources_cost(shape, room_bytes - shape->query_bytes)
				: 0);
	case OTHER: /* flooded unread */
		break;
	}
	return 1 + flood_cost;
}

uint32_t fp_cost(const struct fp_table *table, const struct fp_frame *frame)
{
	uint32_t vlan = frame->vlan & (FP_VLAN_IDS - 1);
	const struct fp_policy *policy = fp_table_policy(table, vlan, frame->family);
	uint32_t flood_cost = ports_in(table->up) / PORTS_PER_COST;
	uint32_t cost = 1;

	if (fp_announce_is(frame)) /* the engine does not see it */
		return FP_ANNOUNCE_COST;

	if (frame->control)
		cost = message_cost(frame->family == FP_FAMILY_IPV6 ? &mld : &igmp,
				    frame->data + frame->l3_offset + frame->header_bytes,
				    frame->total_bytes - frame->header_bytes, flood_cost,
				    ports_in(policy->mrouters) / PORTS_PER_COST);
	if (!table->vlans->index[vlan] || !fp_vlan_has_family(fp_table_vlan(table, vlan)))
		cost += VLAN_COST + flood_cost;
	return cost < UINT16_MAX ? cost : UINT16_MAX;
}
