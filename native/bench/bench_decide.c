/* fp_decide() on tables of several sizes, with the frames in random order. */
#include "pieces.h"
#include "check.h"
#include "fp_decide.h"
#include "fp_mask.h"
#include "packets.h"
#include "rows.h"

#define FRAMES 4096u
#define FRAME_BYTES 128u
#define IPV6_GROUPS 0xff3e0000u /* the first bits of each */
#define IPV6_FIRST 0x100u	/* and the last of the first */

struct traffic {
	uint8_t bytes[FRAMES][FRAME_BYTES];
	uint32_t len_bytes;
};

static struct fp_table *table_of(uint32_t first_group, uint32_t groups, uint64_t ports)
{
	struct fp_vlan vlans[] = {
		ipv4_policy(FP_VLAN_ANY, FP_VLAN_ACTIVE, 0, 0),
		ipv6_policy(FP_VLAN_ANY, FP_VLAN_ACTIVE, 0, 0),
	};
	struct fp_table *table = fp_table_new();
	bool own = true;

	CHECK(table);
	memset(table->up, 0xff, sizeof(table->up));
	for (uint32_t i = 0; i < 2; i++)
		CHECK_EQ(fp_table_apply_vlan(table, &vlans[i], &own), 0);
	for (uint32_t n = 0; n < groups; n++) {
		const uint32_t group[2] = {IPV6_GROUPS, first_group + n};
		struct fp_row row = first_group == IPV6_FIRST ? ipv6_row(0, group, NULL, 0)
							      : ipv4_row(0, first_group + n, 0, 0);

		for (uint32_t i = 0; i < FP_MASK_WORDS; i++)
			row.ports[i] = ports;
		CHECK_EQ(fp_table_apply_row(table, &row), 0);
	}
	return table;
}

static void make_traffic(struct traffic *traffic, uint32_t first_group, uint32_t groups)
{
	uint64_t seed = 1;

	for (uint32_t n = 0; n < FRAMES; n++) {
		bool ipv6 = first_group == IPV6_FIRST;
		struct packet packet = ipv6 ? packet_udp6() : packet_udp();
		uint32_t group = first_group + check_below(&seed, groups);
		uint8_t vnet[256];

		packet.payload_bytes = 18;
		if (ipv6)
			packet_set_group6(&packet, IPV6_GROUPS, group);
		else
			packet_set_group(&packet, group);
		traffic->len_bytes = packet_build(&packet, vnet);
		memcpy(traffic->bytes[n], vnet + FP_VNET_BYTES, traffic->len_bytes);
	}
}

static void decide(const char *what, uint64_t count, const struct fp_table *table,
		   const struct traffic *traffic)
{
	uint64_t start_ns = fp_now_ns();
	uint64_t kept = 0;

	for (uint64_t n = 0; n < count; n++) {
		struct fp_verdict verdict;
		struct fp_frame frame;

		fp_frame_parse(traffic->bytes[n % FRAMES], traffic->len_bytes, &frame);
		fp_decide(table, &frame, 0, -1, &verdict);
		kept += verdict.ports[0] + verdict.reason;
	}
	bench_keep(kept);
	bench_report(what, start_ns, count);
}

void bench_decide(const struct bench *bench)
{
	static const uint32_t sizes[] = {1, 10000, 65536};
	static struct traffic traffic;
	uint64_t count = bench_count(bench, 4000000);

	for (uint32_t i = 0; i < 3; i++) {
		for (uint32_t all = 0; all < 2; all++) {
			struct fp_table *table =
				table_of(0xe1000000, sizes[i], all ? UINT64_MAX : 6);
			char what[80];

			make_traffic(&traffic, 0xe1000000, sizes[i]);
			snprintf(what, sizeof(what), "decide: hit, %u groups, %s", sizes[i],
				 all ? "all ports" : "a few ports");
			decide(what, count, table, &traffic);
			if (!all) {
				make_traffic(&traffic, 0xe8000000, 65536);
				snprintf(what, sizeof(what), "decide: miss, %u groups", sizes[i]);
				decide(what, count, table, &traffic);
			}
			fp_table_free(table);
		}
	}
	for (uint32_t i = 0; i < 3; i++) {
		struct fp_table *table = table_of(IPV6_FIRST, sizes[i], 6);
		char what[80];

		make_traffic(&traffic, IPV6_FIRST, sizes[i]);
		snprintf(what, sizeof(what), "decide: IPv6, hit, %u groups, a few ports", sizes[i]);
		decide(what, count, table, &traffic);
		fp_table_free(table);
	}
}
