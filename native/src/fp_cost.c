#include "fp_cost.h"

#define IGMP_QUERY 0x11u
#define IGMP_REPORT_V1 0x12u
#define IGMP_REPORT_V2 0x16u
#define IGMP_LEAVE 0x17u
#define IGMP_REPORT_V3 0x22u
#define IGMP_BYTES 8u
#define QUERY_V3_BYTES 12u
#define RECORD_BYTES 8u
#define SOURCE_BYTES 4u

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

static uint32_t sources_cost(uint32_t room_bytes)
{
	return room_bytes / (SOURCE_BYTES * SOURCES_PER_COST);
}

static uint32_t report_cost(const uint8_t *message, uint32_t room_bytes)
{
	uint32_t fit = (room_bytes - IGMP_BYTES) / RECORD_BYTES;
	uint32_t records = fp_read16(message + 6);

	if (records > fit)
		records = fit;
	return (records ? records : 1) +
	       sources_cost(room_bytes - IGMP_BYTES - records * RECORD_BYTES);
}

static uint32_t igmp_cost(const uint8_t *message, uint32_t room_bytes, uint32_t flood_cost,
			  uint32_t routers_cost)
{
	if (room_bytes < IGMP_BYTES)
		return 1;
	switch (message[0]) {
	case IGMP_REPORT_V1:
	case IGMP_REPORT_V2:
	case IGMP_LEAVE:
		return 1 + routers_cost;
	case IGMP_REPORT_V3:
		return report_cost(message, room_bytes) + routers_cost;
	case IGMP_QUERY:
		return QUERY_COST + flood_cost +
		       (room_bytes > QUERY_V3_BYTES ? sources_cost(room_bytes - QUERY_V3_BYTES)
						    : 0);
	default: /* flooded unread */
		return 1 + flood_cost;
	}
}

uint32_t fp_cost(const struct fp_table *table, const struct fp_frame *frame)
{
	uint32_t vlan = frame->vlan & (FP_VLAN_IDS - 1);
	const struct fp_policy *policy = fp_table_policy(table, vlan, FP_FAMILY_IPV4);
	uint32_t flood_cost = ports_in(table->up) / PORTS_PER_COST;
	uint32_t cost = 1;

	if (frame->protocol == FP_IPPROTO_IGMP)
		cost = igmp_cost(frame->data + frame->l3_offset + frame->header_bytes,
				 frame->total_bytes - frame->header_bytes, flood_cost,
				 ports_in(policy->mrouters) / PORTS_PER_COST);
	if (!table->vlans->index[vlan])
		cost += VLAN_COST + flood_cost;
	return cost < UINT16_MAX ? cost : UINT16_MAX;
}
