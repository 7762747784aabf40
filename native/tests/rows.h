/* Rows and policies as tests, fuzz targets and benches publish them. */
#ifndef ROWS_H
#define ROWS_H

#include <string.h>

#include "fp_frame.h"

/* A policy of the VLAN, or of all that have none, which keeps no port out. */
static inline struct fp_vlan ipv4_policy(uint32_t vlan, uint8_t flags, uint64_t mrouters,
					 uint64_t unregistered)
{
	struct fp_vlan policy = {.op = FP_ROW_SET, .family = FP_FAMILY_IPV4, .flags = flags};

	policy.vlan = (uint16_t)vlan;
	memset(policy.members, 0xff, sizeof(policy.members));
	policy.mrouters[0] = mrouters;
	policy.unregistered[0] = unregistered;
	return policy;
}

/* A row of the VLAN; source 0: the any-source row. */
static inline struct fp_row ipv4_row(uint32_t vlan, uint32_t group, uint32_t source, uint64_t ports)
{
	struct fp_row row = {.vlan = (uint16_t)vlan, .op = FP_ROW_SET, .ports = {ports}};

	fp_map_ipv4(group, row.group);
	fp_map_ipv4(source, row.source);
	if (!source)
		row.flags = FP_ROW_ANY_SOURCE;
	return row;
}

#endif
