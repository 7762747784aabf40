/*
 * The kernel's programs against fp_decide(): frames of several flows, tagged and not, of both
 * families, while everything changes that a publish can change. What the programs serve goes where
 * fp_decide() says, with its tags; none overtakes one that is in the ring; every frame is counted
 * once.
 */
#include "check.h"
#include "fp_decide.h"
#include "fp_storm.h"
#include "programs.h"
#include "rows.h"

#define LAB_PORTS 6u
#define FRAMES 300000u

static struct programs_copy copies[PROGRAMS_EGRESS_MAX];

static void drain(struct lab *lab)
{
	for (uint32_t port = 0; port < lab->port_count; port++)
		lab_sent(lab, port);
}

struct flow {
	struct packet packet;
	uint32_t port;
	int tci;
	uint32_t waiting; /* in the ring */
};

#define FLOWS 12u

static void make_flows(struct flow *flows)
{
	static const int tcis[] = {FAKE_NO_TAG, 10, 20, 0xa00a, 0x6000};

	for (uint32_t i = 0; i < FLOWS; i++) {
		flows[i] = (struct flow){.packet = i % 3 ? packet_udp() : packet_udp6()};
		flows[i].packet.src[5] = (uint8_t)(10 + i);
		flows[i].port = i % 2;
		flows[i].tci = tcis[i % 5];
		if (flows[i].packet.ipv6)
			packet_set_group6(&flows[i].packet, 0xff3e0000, 0x100 + i % 2);
		else
			packet_set_group(&flows[i].packet, 0xef010200u + i % 4);
	}
}

/* Anything may change: rows, policies, members, ports. */
static void publish_something(struct lab *lab, uint64_t *seed)
{
	uint64_t ports = check_below(seed, 64);
	struct fp_members members =
		vlan_members(10 + 10 * check_below(seed, 2), 0x3f, check_below(seed, 64));
	struct fp_row row =
		ipv4_row(10 + 10 * check_below(seed, 2), 0xef010200u + check_below(seed, 4),
			 check_below(seed, 3) ? 0 : 0x0a000001, ports);
	uint32_t group6[2] = {0xff3e0000, 0x100 + check_below(seed, 2)};
	struct fp_row row6 = ipv6_row(10, group6, NULL, ports);
	struct fp_vlan vlan = check_below(seed, 2)
				      ? ipv4_policy(FP_VLAN_ANY, FP_VLAN_ACTIVE, ports & 4, ports)
				      : ipv6_policy(FP_VLAN_ANY, FP_VLAN_ACTIVE, ports & 8, ports);
	struct fp_port_state state = {
		.port = (uint16_t)check_below(seed, LAB_PORTS),
		.mtu = check_below(seed, 4) ? 1500 : 120,
		.flags = (uint16_t)(FP_PORT_UP | FP_PORT_FILTERS |
				    (check_below(seed, 40) ? 0 : FP_PORT_RINGS)),
		.pvid = check_below(seed, 4) ? 10 : 20,
		.horizon = (uint16_t)(check_below(seed, 4) == 0),
		.storm_limit = check_below(seed, 2) ? 100 : 0,
	};

	fp_kernel_isolate(&lab->sw->kernel, (uint32_t)check_below(seed, 2), check_below(seed, 3));
	row.op = check_below(seed, 4) ? FP_ROW_SET : FP_ROW_DELETE;
	switch (check_below(seed, 6)) {
	case 0:
		CHECK_EQ(fp_switch_publish(lab->sw, NULL, 0, &vlan, 1, NULL, 0, NULL, 0), 0);
		return;
	case 1:
		CHECK_EQ(fp_switch_publish(lab->sw, NULL, 0, NULL, 0, &members, 1, NULL, 0), 0);
		return;
	case 2:
		CHECK_EQ(fp_switch_publish(lab->sw, NULL, 0, NULL, 0, NULL, 0, &state, 1), 0);
		return;
	case 3:
		CHECK_EQ(fp_switch_publish(lab->sw, &row6, 1, NULL, 0, NULL, 0, NULL, 0), 0);
		return;
	default:
		CHECK_EQ(fp_switch_publish(lab->sw, &row, 1, NULL, 0, NULL, 0, NULL, 0), 0);
	}
}

/* LOOP-7: whether frames of that verdict that are over the limit go to those ports. */
static bool is_cut(const struct fp_table *table, const struct flow *flow,
		   const struct fp_verdict *verdict, const uint64_t *ports)
{
	uint32_t family = flow->packet.ipv6 ? FP_FAMILY_IPV6 : FP_FAMILY_IPV4;
	struct fp_verdict cut = *verdict;
	enum fp_storm_kind kind;

	if (!table->storm_limit[flow->port] || !fp_storm_concerns(table, family, verdict, &kind))
		return false;
	fp_storm_cut(table, family, kind, &cut);
	return !memcmp(ports, cut.ports, sizeof(cut.ports));
}

/* What the kernel did with a frame is what fp_decide() says of it; true: it was over the limit. */
static bool check_served(struct lab *lab, const struct flow *flow)
{
	const struct fp_table *table = fp_load_acquire(&lab->sw->table);
	uint32_t count = programs_copies(copies);
	uint64_t ports[FP_MASK_WORDS] = {0};
	struct packet packet = flow->packet;
	struct fp_verdict verdict;
	static uint8_t vnet[4096];
	uint32_t tci = flow->tci == FAKE_NO_TAG ? FP_NO_TAG : (uint32_t)flow->tci;
	uint32_t len;

	packet.tpid = flow->tci == FAKE_NO_TAG ? 0 : 0x8100;
	packet.tci = (uint16_t)flow->tci;
	len = packet_build(&packet, vnet);
	CHECK_EQ(fp_explain(lab->sw, flow->port, vnet + FP_VNET_BYTES, len, &verdict), 0);
	for (uint32_t i = 0; i < count; i++) {
		uint32_t want = verdict.tagging ? fp_decide_tci(fp_table_vlan(table, verdict.vlan),
								copies[i].port, verdict.vlan, tci)
						: tci;

		CHECK_EQ(copies[i].tci, want);
		fp_mask_set(ports, copies[i].port);
		CHECK(packet.payload_bytes <= table->mtu[copies[i].port]);
		CHECK(!fp_mask_has(table->rings, copies[i].port));
	}
	if (is_cut(table, flow, &verdict, ports))
		return true;
	CHECK_BYTES(ports, verdict.ports, sizeof(ports));
	return false;
}

static void test_kernel_does_as_fp_decide_says(void)
{
	static struct flow flows[FLOWS];
	uint64_t seed = 11;
	uint64_t served = 0;
	uint64_t cut = 0;
	struct lab lab;

	lab_start(&lab, LAB_PORTS);
	programs_start(&lab);
	make_flows(flows);
	for (uint32_t i = 0; i < 60; i++)
		publish_something(&lab, &seed);
	for (uint32_t i = 0; i < FRAMES; i++) {
		struct flow *flow = &flows[check_below(&seed, FLOWS)];

		if (!check_below(&seed, 3000))
			publish_something(&lab, &seed);
		if (!check_below(&seed, 20)) {
			lab_run(&lab);
			drain(&lab);
			for (uint32_t f = 0; f < FLOWS; f++)
				flows[f].waiting = 0;
		}
		if (programs_receive(&lab, flow->port, &flow->packet, flow->tci)) {
			CHECK_EQ(flow->waiting, 0); /* none was overtaken */
			cut += check_served(&lab, flow);
			served++;
		} else {
			flow->waiting++;
		}
	}
	lab_run(&lab);
	drain(&lab);
	CHECK(served > 40000);
	CHECK(cut > 1000);
	CHECK_EQ(lab_stat(&lab, 0, FP_STAT_KERNEL_FRAMES) +
			 lab_stat(&lab, 1, FP_STAT_KERNEL_FRAMES),
		 served);
	CHECK_EQ(lab_stat(&lab, 0, FP_STAT_RX_FRAMES) + lab_stat(&lab, 1, FP_STAT_RX_FRAMES),
		 FRAMES);
	lab_end(&lab);
}

int main(void)
{
	RUN(test_kernel_does_as_fp_decide_says);
	return 0;
}
