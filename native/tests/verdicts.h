/* A table that prunes by default, frames to decide by it, and what a verdict must be. */
#ifndef VERDICTS_H
#define VERDICTS_H

#include "check.h"
#include "fp_decide.h"
#include "fp_mask.h"
#include "packets.h"
#include "rows.h"

#define PORTS_UP 5u /* ports 0 to 4, and 255 */
#define ALL_OTHERS_LOW 0x1eu
#define IN 0u

static struct fp_table *table;
static bool vlans_own;

static inline void set_vlan(uint16_t vlan, uint8_t flags, uint64_t mrouters, uint64_t unregistered)
{
	struct fp_vlan policy = ipv4_policy(vlan, flags, mrouters, unregistered);

	CHECK_EQ(fp_table_apply_vlan(table, &policy, &vlans_own), 0);
}

static inline void set_row(uint16_t vlan, uint32_t group, uint32_t source, uint64_t ports)
{
	struct fp_row row = ipv4_row(vlan, group, source, ports);

	CHECK_EQ(fp_table_apply_row(table, &row), 0);
}

static inline void start(void)
{
	if (table)
		fp_table_free(table);
	table = fp_table_new();
	CHECK(table);
	vlans_own = true; /* of an image that was not copied */
	for (uint32_t port = 0; port < PORTS_UP; port++)
		fp_mask_set(table->up, port);
	fp_mask_set(table->up, 255);
	set_vlan(FP_VLAN_ANY, FP_VLAN_ACTIVE, 0, 0);
}

/* Of a frame behind room for a virtio header. */
static inline struct fp_verdict decide_bytes(uint8_t *vnet, uint32_t len, uint32_t port,
					     int32_t fdb_port)
{
	struct fp_verdict verdict;
	struct fp_frame frame;

	CHECK(fp_frame_parse(vnet + FP_VNET_BYTES, len, &frame));
	fp_decide_vlan(table, port, &frame);
	fp_decide(table, &frame, port, fdb_port, &verdict);
	return verdict;
}

static inline struct fp_verdict decide_at(const struct packet *packet, uint32_t port,
					  int32_t fdb_port)
{
	uint8_t vnet[400];
	uint32_t len = packet_build(packet, vnet);

	return decide_bytes(vnet, len, port, fdb_port);
}

static inline struct fp_verdict decide(const struct packet *packet)
{
	return decide_at(packet, IN, -1);
}

static inline void check_sent(struct fp_verdict verdict, enum fp_reason reason, uint64_t ports,
			      uint64_t last_ports)
{
	CHECK_EQ(verdict.reason, reason);
	CHECK_EQ(verdict.action, fp_reason_action(reason));
	CHECK_EQ(verdict.ports[0], ports);
	CHECK_EQ(verdict.ports[1], 0);
	CHECK_EQ(verdict.ports[2], 0);
	CHECK_EQ(verdict.ports[3], last_ports);
}

static inline void check_flood(struct fp_verdict verdict, enum fp_reason reason)
{
	check_sent(verdict, reason, ALL_OTHERS_LOW, UINT64_C(1) << 63);
	CHECK_EQ(verdict.action, FP_ACTION_FLOOD);
}

static inline void check_drop(struct fp_verdict verdict, enum fp_reason reason)
{
	check_sent(verdict, reason, 0, 0);
	CHECK_EQ(verdict.action, FP_ACTION_DROP);
}

#endif
