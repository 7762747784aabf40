/* Rows and policies as tests, fuzz targets and benches publish them. */
#ifndef ROWS_H
#define ROWS_H

#include <string.h>

#include "fp_frame.h"

/* What the first 32 bits of an IPv6 address and its last make of a key. */
static inline void ipv6_key(uint32_t first, uint32_t last, uint8_t *key)
{
	memset(key, 0, FP_ADDRESS_BYTES);
	fp_write16(key, first >> 16);
	fp_write16(key + 2, first & 0xffff);
	fp_write16(key + 12, last >> 16);
	fp_write16(key + 14, last & 0xffff);
}

/* A policy of the VLAN, or of all that have none. */
static inline struct fp_vlan ipv4_policy(uint32_t vlan, uint8_t flags, uint64_t mrouters,
					 uint64_t unregistered)
{
	struct fp_vlan policy = {.op = FP_ROW_SET, .family = FP_FAMILY_IPV4, .flags = flags};

	policy.vlan = (uint16_t)vlan;
	policy.mrouters[0] = mrouters;
	policy.unregistered[0] = unregistered;
	return policy;
}

/* Who is in a VLAN, of the first 64 ports; and who has it without a tag. */
static inline struct fp_members vlan_members(uint32_t vlan, uint64_t ports, uint64_t untagged)
{
	return (struct fp_members){
		.vlan = (uint16_t)vlan, .op = FP_ROW_SET, .ports = {ports}, .untagged = {untagged}};
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

static inline struct fp_vlan ipv6_policy(uint32_t vlan, uint8_t flags, uint64_t mrouters,
					 uint64_t unregistered)
{
	struct fp_vlan policy = ipv4_policy(vlan, flags, mrouters, unregistered);

	policy.family = FP_FAMILY_IPV6;
	return policy;
}

/* A row of the group and source with those 32 bits at either end; NULL: any source. */
static inline struct fp_row ipv6_row(uint32_t vlan, const uint32_t *group, const uint32_t *source,
				     uint64_t ports)
{
	struct fp_row row = {.vlan = (uint16_t)vlan, .op = FP_ROW_SET, .ports = {ports}};

	ipv6_key(group[0], group[1], row.group);
	if (source)
		ipv6_key(source[0], source[1], row.source);
	else
		row.flags = FP_ROW_ANY_SOURCE;
	return row;
}

/* A prefix that always floods. */
static inline struct fp_row flood_row(const uint8_t *group, uint32_t bits)
{
	struct fp_row row = {
		.vlan = FP_VLAN_ANY,
		.op = FP_ROW_SET,
		.flags = FP_ROW_ANY_SOURCE | FP_ROW_ALWAYS_FLOOD,
		.prefix_bits = (uint8_t)bits,
	};

	memcpy(row.group, group, sizeof(row.group));
	return row;
}

#endif
