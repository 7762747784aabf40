/* What control frames cost: by what their lengths can hold, whatever they say. */
#include "check.h"
#include "fp_cost.h"
#include "packets.h"
#include "rows.h"

#define QUERY 0x1100u
#define REPORT_V1 0x1200u
#define REPORT_V2 0x1600u
#define LEAVE 0x1700u
#define REPORT_V3 0x2200u
#define UNKNOWN 0x9900u
#define VLAN 7u

static struct fp_table *table;

static void start(uint64_t up, uint64_t mrouters)
{
	struct fp_vlan vlan = ipv4_policy(0, 0, mrouters, 0);
	bool own = true;

	table = fp_table_new();
	CHECK(table);
	CHECK_EQ(fp_table_apply_vlan(table, &vlan, &own), 0);
	for (uint32_t i = 0; i < FP_MASK_WORDS; i++)
		table->up[i] = up;
}

/* An IGMP message of that length; records is what a v3 report says it has. */
static uint32_t cost(uint16_t type, uint32_t message_bytes, uint16_t records, uint16_t vid)
{
	static uint8_t vnet[PACKET_BYTES_MAX];
	struct packet packet = packet_udp();
	struct fp_frame frame;
	uint8_t *message;
	uint32_t len;

	packet.protocol = 2;
	packet.payload_bytes = (uint16_t)(message_bytes - 8);
	packet.source_port = type;
	packet.options_bytes = 4;
	packet.padding_bytes = 40;
	packet.tpid = vid ? 0x8100 : 0;
	packet.tci = vid;
	len = packet_build(&packet, vnet);
	message = vnet + FP_VNET_BYTES + 14 + (vid ? 4 : 0) + 24;
	message[6] = (uint8_t)(records >> 8);
	message[7] = (uint8_t)records;
	CHECK(fp_frame_parse(vnet + FP_VNET_BYTES, len, &frame));
	return fp_cost(table, &frame);
}

static void test_report_costs_its_records(void)
{
	start(0xff, 0x1);
	CHECK_EQ(cost(REPORT_V1, 8, 0, 0), 1);
	CHECK_EQ(cost(REPORT_V2, 8, 0, 0), 1);
	CHECK_EQ(cost(LEAVE, 8, 0, 0), 1);
	CHECK_EQ(cost(REPORT_V3, 16, 1, 0), 1);
	CHECK_EQ(cost(REPORT_V3, 8, 0, 0), 1);
	CHECK_EQ(cost(REPORT_V3, 8 + 30 * 8, 30, 0), 30);
	CHECK_EQ(cost(REPORT_V3, 8 + 183 * 8, 183, 0), 183);
	fp_table_free(table);
}

/* MLD by its own lengths: records of 20 bytes, sources of 16. */
static void test_mld_costs_as_igmp(void)
{
	static const struct {
		uint8_t type;
		uint16_t message_bytes;
		uint16_t records;
		uint32_t cost;
	} messages[] = {
		{131, 24, 0, 1},
		{132, 24, 0, 1},
		{143, 28, 1, 1},
		{143, 8 + 30 * 20, 30, 30},
		{143, 28 + 64 * 16, 1, 1 + 8},
		{143, 28, 65535, 1},
		{130, 24, 0, 2 + 4},
		{130, 28 + 64 * 16, 0, 2 + 4 + 8},
		{151, 8, 0, 1 + 4},
	};
	static uint8_t vnet[PACKET_BYTES_MAX];
	struct fp_frame frame;

	start(0xff, 0x1);
	for (uint32_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
		struct packet packet = packet_udp6();

		packet_set_icmp6(&packet, messages[i].type);
		packet_extend(&packet, 0, 0x0502);
		packet.payload_bytes = (uint16_t)(messages[i].message_bytes - 8);
		CHECK(fp_frame_parse(vnet + FP_VNET_BYTES, packet_build(&packet, vnet), &frame));
		fp_write16(vnet + FP_VNET_BYTES + 14 + 48 + 6, messages[i].records);
		CHECK_EQ(fp_cost(table, &frame), messages[i].cost);
	}
	fp_table_free(table);
}

static void test_what_the_length_cannot_hold_is_not_believed(void)
{
	start(0xff, 0);
	CHECK_EQ(cost(REPORT_V3, 16, 65535, 0), 1);
	CHECK_EQ(cost(REPORT_V3, 8 + 30 * 8, 65535, 0), 30);
	CHECK_EQ(cost(REPORT_V3, 8 + 183 * 8, 0, 0), 1 + 183 * 2 / 8); /* read as sources */
	CHECK_EQ(cost(REPORT_V3, 65000, 65535, 0), (65000 - 8) / 8);
	fp_table_free(table);
}

static void test_sources_cost_too(void)
{
	start(0xff, 0);
	CHECK_EQ(cost(REPORT_V3, 16 + 64 * 4, 1, 0), 1 + 8);
	CHECK_EQ(cost(QUERY, 12 + 64 * 4, 0, 0), 2 + 4 + 8);
	fp_table_free(table);
}

/* What the control plane sends on all ports, or on many, costs a send on each. */
static void test_flooded_messages_cost_by_the_ports(void)
{
	start(0xff, 0);
	CHECK_EQ(cost(QUERY, 8, 0, 0), 2 + 4);
	fp_table_free(table);
	start(UINT64_MAX, UINT64_MAX);
	CHECK_EQ(cost(QUERY, 8, 0, 0), 2 + 32);
	CHECK_EQ(cost(UNKNOWN, 8, 0, 0), 1 + 32);
	CHECK_EQ(cost(REPORT_V2, 8, 0, 0), 1 + 8); /* the policy has the routers of one word */
	fp_table_free(table);
}

static void test_vlan_never_seen_costs_most(void)
{
	struct fp_vlan vlan = ipv4_policy(VLAN, 0, 0, 0);
	bool own = true;

	start(0xff, 0);
	CHECK_EQ(cost(REPORT_V2, 8, 0, VLAN), 1 + 8 + 4);
	CHECK_EQ(fp_table_apply_vlan(table, &vlan, &own), 0);
	CHECK_EQ(cost(REPORT_V2, 8, 0, VLAN), 1);
	CHECK_EQ(cost(REPORT_V2, 8, 0, VLAN + 1), 1 + 8 + 4);
	fp_table_free(table);
}

static void test_damaged_and_foreign_frames_cost_one(void)
{
	static uint8_t vnet[PACKET_BYTES_MAX];
	struct packet packet = packet_udp();
	struct fp_frame frame;

	start(0xff, 0);
	packet.protocol = 103;
	packet.payload_bytes = 1400;
	CHECK(fp_frame_parse(vnet + FP_VNET_BYTES, packet_build(&packet, vnet), &frame));
	CHECK_EQ(fp_cost(table, &frame), 1);
	packet.protocol = 2;
	packet_build(&packet, vnet);
	CHECK(fp_frame_parse(vnet + FP_VNET_BYTES, 40, &frame));
	CHECK_EQ(fp_cost(table, &frame), 1);
	fp_table_free(table);
}

int main(void)
{
	RUN(test_report_costs_its_records);
	RUN(test_mld_costs_as_igmp);
	RUN(test_what_the_length_cannot_hold_is_not_believed);
	RUN(test_sources_cost_too);
	RUN(test_flooded_messages_cost_by_the_ports);
	RUN(test_vlan_never_seen_costs_most);
	RUN(test_damaged_and_foreign_frames_cost_one);
	return 0;
}
