/* What a port may flood, by literal times; and what the loop guard's frames are. */
#include "fp_guard.h"
#include "fp_storm.h"
#include "fp_clock.h"
#include "programs.h"
#include "rows.h"
#include "verdicts.h"

#define START_NS UINT64_C(5000000000)
#define MS UINT64_C(1000000)

static uint32_t taken(uint64_t *due_ns, uint32_t tries, uint32_t rate, uint64_t now_ns)
{
	uint32_t count = 0;

	while (tries--)
		count += fp_storm_take(due_ns, rate, rate, now_ns);
	return count;
}

static void test_a_second_s_worth_comes_at_once_and_then_the_rate(void)
{
	uint64_t due_ns = 0;

	CHECK_EQ(taken(&due_ns, 50, 20, START_NS), 20);
	CHECK_EQ(taken(&due_ns, 50, 20, START_NS + 49 * MS), 0);
	CHECK_EQ(taken(&due_ns, 50, 20, START_NS + 50 * MS), 1);
	CHECK_EQ(taken(&due_ns, 50, 20, START_NS + 550 * MS), 10);
	CHECK_EQ(taken(&due_ns, 50, 20, START_NS + 90000 * MS), 20);
}

static bool concerned(const struct packet *packet, struct fp_verdict *verdict,
		      struct fp_verdict *cut)
{
	uint8_t vnet[400];
	uint32_t len = packet_build(packet, vnet);
	enum fp_storm_kind kind = FP_STORM_KINDS;
	struct fp_frame frame;
	bool concerns;

	CHECK(fp_frame_parse(vnet + FP_VNET_BYTES, len, &frame));
	fp_decide(table, &frame, IN, -1, verdict);
	concerns = fp_storm_concerns(table, frame.family, verdict, &kind);
	*cut = *verdict;
	if (concerns)
		fp_storm_cut(table, frame.family, kind, cut);
	return concerns;
}

static void test_floods_are_limited_and_what_is_wanted_is_not(void)
{
	struct packet packet = packet_udp();
	struct packet unicast = packet;
	struct packet broadcast = packet;
	struct fp_verdict verdict;
	struct fp_verdict cut;

	start();
	unicast.dst[0] = 0x02;
	memset(broadcast.dst, 0xff, 6);
	set_vlan(FP_VLAN_ANY, FP_VLAN_ACTIVE, 0x08, 0x06);
	CHECK(concerned(&broadcast, &verdict, &cut));
	check_flood(verdict, FP_FLOOD_BROADCAST);
	check_drop(cut, FP_DROP_STORM_BROADCAST);
	CHECK(concerned(&unicast, &verdict, &cut));
	check_drop(cut, FP_DROP_STORM_UNICAST);
	CHECK(concerned(&packet, &verdict, &cut)); /* routers get it all the same */
	check_sent(verdict, FP_FORWARD_UNREGISTERED, 0x0e, 0);
	check_sent(cut, FP_FORWARD_STORM_ROUTERS, 0x08, 0);
	set_vlan(FP_VLAN_ANY, FP_VLAN_ACTIVE, 0, 0x06);
	CHECK(concerned(&packet, &verdict, &cut));
	check_drop(cut, FP_DROP_STORM_UNREGISTERED);
	set_vlan(FP_VLAN_ANY, FP_VLAN_ACTIVE, 0x08, 0);
	CHECK(!concerned(&packet, &verdict, &cut)); /* to routers alone */
	set_row(0, packet.group, 0, 0x02);
	CHECK(!concerned(&packet, &verdict, &cut)); /* joined */
	set_vlan(FP_VLAN_ANY, 0, 0, 0);
	CHECK(!concerned(&packet, &verdict, &cut)); /* no querier: as a bridge */
	packet.ethertype = 0x88ba;
	CHECK(!concerned(&packet, &verdict, &cut)); /* not IP */
}

/* By the loop: each kind of its own, per port, and changed by a publish. */
static void test_each_port_and_kind_has_a_limit_of_its_own(void)
{
	struct fp_port_state state = {
		.mtu = 1500, .port = 0, .flags = FP_PORT_UP, .storm_limit = 10};
	struct packet broadcast = packet_udp();
	struct packet unicast = packet_udp();
	struct lab lab;

	memset(broadcast.dst, 0xff, 6);
	unicast.dst[0] = 0x02;
	lab_start(&lab, 3);
	CHECK_EQ(fp_switch_publish(lab.sw, NULL, 0, NULL, 0, NULL, 0, &state, 1), 0);
	for (uint32_t i = 0; i < 40; i++) {
		lab_receive(&lab, 0, &broadcast);
		lab_receive(&lab, 1, &broadcast);
	}
	lab_run(&lab);
	CHECK(lab_reason(&lab, 0, FP_FLOOD_BROADCAST) >= 10);
	CHECK(lab_reason(&lab, 0, FP_DROP_STORM_BROADCAST) > 0);
	CHECK_EQ(lab_reason(&lab, 0, FP_FLOOD_BROADCAST) +
			 lab_reason(&lab, 0, FP_DROP_STORM_BROADCAST),
		 40);
	CHECK_EQ(lab_reason(&lab, 1, FP_FLOOD_BROADCAST), 40);
	lab_receive(&lab, 0, &unicast);
	lab_run(&lab);
	CHECK_EQ(lab_reason(&lab, 0, FP_FLOOD_UNKNOWN_UNICAST), 1);
	state.storm_limit = 0;
	CHECK_EQ(fp_switch_publish(lab.sw, NULL, 0, NULL, 0, NULL, 0, &state, 1), 0);
	for (uint32_t i = 0; i < 40; i++)
		lab_receive(&lab, 0, &unicast);
	lab_run(&lab);
	CHECK_EQ(lab_reason(&lab, 0, FP_FLOOD_UNKNOWN_UNICAST), 41);
	lab_end(&lab);
}

#define LIMIT 10u
#define KERNEL_PORTS 6u

static uint32_t copied(struct lab *lab, const struct packet *packet)
{
	static struct programs_copy copies[PROGRAMS_EGRESS_MAX];
	uint64_t ports[FP_MASK_WORDS] = {0};
	uint32_t count;

	CHECK(programs_receive(lab, 0, packet, FAKE_NO_TAG));
	count = programs_copies(copies);
	for (uint32_t i = 0; i < count; i++)
		fp_mask_set(ports, copies[i].port);
	return (uint32_t)ports[0];
}

static void set_limit(struct lab *lab, uint32_t limit)
{
	struct fp_port_state state = {.mtu = 1500, .flags = FP_PORT_UP, .storm_limit = limit};

	CHECK_EQ(fp_switch_publish(lab->sw, NULL, 0, NULL, 0, NULL, 0, &state, 1), 0);
}

/* A stream that nobody has joined, to ports 1, 2, 4 and 5, of which those of routers get all. */
static void start_served(struct lab *lab, const struct packet *packet, uint64_t routers)
{
	uint64_t end_ns = fp_now_ns() + 60 * FP_NS_PER_S;

	lab_start(lab, KERNEL_PORTS);
	programs_start(lab);
	for (uint16_t port = 1; port < KERNEL_PORTS; port++) {
		struct fp_port_state state = {.mtu = 1500, .port = port, .flags = FP_PORT_UP};

		CHECK_EQ(fp_switch_publish(lab->sw, NULL, 0, NULL, 0, NULL, 0, &state, 1), 0);
	}
	set_limit(lab, 0);
	lab_set_policy(lab, FP_VLAN_ACTIVE, routers, 0x36);
	while (!programs_receive(lab, 0, packet, FAKE_NO_TAG)) {
		lab_run(lab);
		CHECK(fp_now_ns() < end_ns);
	}
}

/* LOOP-7 in the kernel: one limit with the ring, counted once, changed while the stream runs. */
static void test_what_the_kernel_serves_has_the_same_limit(void)
{
	struct packet packet = packet_udp();
	uint64_t now_ns = fp_now_ns();
	uint64_t before;
	uint64_t sent;
	struct lab lab;

	start_served(&lab, &packet, 0x04);
	set_limit(&lab, LIMIT);
	fp_kernel_fold(lab.sw);
	before = lab_reason(&lab, 0, FP_FORWARD_UNREGISTERED);
	sent = lab_stat(&lab, 2, FP_STAT_TX_FRAMES);
	programs_set_clock(now_ns += FP_NS_PER_S);
	for (uint32_t i = 0; i < LIMIT; i++)
		CHECK_EQ(copied(&lab, &packet), 0x36);
	for (uint32_t i = 0; i < 5; i++)
		CHECK_EQ(copied(&lab, &packet), 0x04);
	programs_set_clock(now_ns += FP_NS_PER_S / LIMIT);
	CHECK_EQ(copied(&lab, &packet), 0x36);
	CHECK_EQ(copied(&lab, &packet), 0x04);
	fp_kernel_fold(lab.sw);
	CHECK_EQ(lab_reason(&lab, 0, FP_FORWARD_UNREGISTERED), before + LIMIT + 1);
	CHECK_EQ(lab_reason(&lab, 0, FP_FORWARD_STORM_ROUTERS), 6);
	CHECK_EQ(lab_stat(&lab, 2, FP_STAT_TX_FRAMES), sent + LIMIT + 7);
	CHECK_EQ(lab_stat(&lab, 1, FP_STAT_TX_FRAMES), sent + LIMIT + 1);
	set_limit(&lab, 0);
	CHECK_EQ(copied(&lab, &packet), 0x36);
	lab_end(&lab);
}

static void test_without_routers_the_kernel_drops_what_is_too_much(void)
{
	struct packet packet = packet_udp();
	struct fp_stream stream;
	struct lab lab;
	uint64_t seen;

	start_served(&lab, &packet, 0);
	set_limit(&lab, LIMIT);
	fp_kernel_fold(lab.sw);
	seen = lab_stat(&lab, 0, FP_STAT_RX_FRAMES);
	programs_set_clock(fp_now_ns() + FP_NS_PER_S);
	for (uint32_t i = 0; i < 100; i++)
		CHECK_EQ(copied(&lab, &packet), i < LIMIT ? 0x36 : 0);
	fp_kernel_fold(lab.sw);
	CHECK_EQ(lab_reason(&lab, 0, FP_DROP_STORM_UNREGISTERED), 90);
	CHECK_EQ(lab_stat(&lab, 0, FP_STAT_RX_FRAMES), seen + 100);
	CHECK_EQ(fp_stream_dump(lab.sw, &stream, 1), 1);
	CHECK_EQ(stream.frames, seen + 100); /* also what went no further */
	lab_end(&lab);
}

/* SAY-61: a share of their own; all of them go on, the same way, what is copied of them or not. */
static void test_copies_of_announcements_are_limited(void)
{
	struct fp_port_state state = {
		.mtu = 1500, .port = 0, .flags = FP_PORT_UP | FP_PORT_NAMES, .igmp_rate = 1};
	struct packet packet = packet_udp();
	struct packet other = packet_udp();
	uint64_t copies;
	struct lab lab;

	packet_set_group(&packet, 0xe0027ffe);
	packet_set_group(&other, 0xe0027ffe);
	packet.port = 9875;
	lab_start(&lab, 3);
	CHECK_EQ(fp_switch_publish(lab.sw, NULL, 0, NULL, 0, NULL, 0, &state, 1), 0);
	for (uint32_t i = 0; i < 150; i++) {
		lab_receive(&lab, 0, &packet);
		lab_receive(&lab, 0, &other);
		lab_receive(&lab, 1, &packet);
		lab_run(&lab);
	}
	copies = lab_stat(&lab, 0, FP_STAT_PUNT_COPIES);
	CHECK(copies >= FP_ANNOUNCE_BURST && copies < 150);
	CHECK_EQ(copies + lab_stat(&lab, 0, FP_STAT_PUNT_COPIES_LOST), 150);
	CHECK_EQ(lab_stat(&lab, 1, FP_STAT_PUNT_COPIES), 0);
	CHECK_EQ(lab_reason(&lab, 0, FP_FORWARD_UNREGISTERED) +
			 lab_reason(&lab, 0, FP_FLOOD_NO_QUERIER),
		 300);
	CHECK_EQ(lab_sent(&lab, 2), 450);
	lab_end(&lab);
}

static struct packet probe(void)
{
	struct packet packet = packet_udp();

	packet_set_group(&packet, 0xe00000fe);
	packet.protocol = 253;
	packet.source = 0;
	return packet;
}

/* LOOP-1, 3: also at a port that is held; never learned from; in VLANs of the port only. */
static void test_probes_are_handed_up_by_ports_with_a_guard(void)
{
	struct packet packet = probe();
	struct packet data = packet_udp();

	start();
	check_flood(decide(&packet), FP_FLOOD_LINK_LOCAL);
	fp_mask_set(table->guard, IN);
	check_sent(decide(&packet), FP_PUNT_PROBE, 0, 0);
	CHECK(!decide(&packet).learn);
	CHECK(decide(&packet).punt);
	fp_mask_clear(table->up, IN);
	check_sent(decide(&packet), FP_PUNT_PROBE, 0, 0);
	check_drop(decide(&data), FP_DROP_PORT_DOWN);
	fp_mask_set(table->held, IN);
	check_drop(decide(&data), FP_DROP_LOOP);
	packet.tpid = 0x8100;
	packet.tci = 4095;
	check_drop(decide(&packet), FP_DROP_LOOP);
	packet.tci = 7;
	check_sent(decide(&packet), FP_PUNT_PROBE, 0, 0);
	packet.tpid = 0x88a8;
	check_drop(decide(&packet), FP_DROP_LOOP);
	packet.tpid = 0;
	packet.protocol = 254;
	check_drop(decide(&packet), FP_DROP_LOOP);
	packet.protocol = 253;
	packet_set_group(&packet, 0xe00000fd);
	check_drop(decide(&packet), FP_DROP_LOOP);
}

/* V-4: whose header is damaged was not sent by a switch. */
static void test_a_probe_with_a_bad_header_is_none(void)
{
	struct packet packet = probe();
	uint8_t vnet[400];
	uint32_t len = packet_build(&packet, vnet);

	start();
	fp_mask_set(table->guard, IN);
	check_sent(decide_bytes(vnet, len, IN, -1), FP_PUNT_PROBE, 0, 0);
	vnet[FP_VNET_BYTES + 14 + 10] ^= 1; /* of the header's checksum */
	check_drop(decide_bytes(vnet, len, IN, -1), FP_DROP_IP_ERROR);
}

/* L2-2: those of the mask; PAUSE never, whatever is published. */
static void test_a_mask_lets_reserved_addresses_through(void)
{
	static const uint8_t lldp[6] = {0x01, 0x80, 0xc2, 0x00, 0x00, 0x0e};
	struct fp_port_state state = {.port = IN, .reserved = 0xffff};
	struct packet packet = packet_udp();

	start();
	memcpy(packet.dst, lldp, 6);
	packet.ethertype = 0x88cc;
	check_drop(decide(&packet), FP_DROP_RESERVED_MAC);
	CHECK_EQ(fp_table_apply_port(table, &state), 0);
	fp_mask_set(table->up, IN);
	check_flood(decide(&packet), FP_FLOOD_L2_MULTICAST);
	packet.dst[5] = 1;
	check_drop(decide(&packet), FP_DROP_RESERVED_MAC);
	table->reserved[IN] = 1u << 3;
	packet.dst[5] = 3;
	check_flood(decide(&packet), FP_FLOOD_L2_MULTICAST);
	packet.dst[5] = 14;
	check_drop(decide(&packet), FP_DROP_RESERVED_MAC);
}

static bool tells(const uint8_t *frame, uint32_t len)
{
	struct fp_frame parsed;

	CHECK(fp_frame_parse(frame, len, &parsed));
	return fp_guard_is_change(&parsed);
}

/* SNOOP-12: a notification, a flag of STP or RSTP; whole, cut at each byte, and of a VLAN. */
static void test_bpdus_that_tell_of_a_change_are_known(void)
{
	uint8_t plain[] = {0x01, 0x80, 0xc2, 0,	   0,	 0,    2, 0, 0, 0,   0,
			   9,	 0,    7,    0x42, 0x42, 0x03, 0, 0, 0, 0x80};
	uint8_t flagged[] = {0x01, 0x80, 0xc2, 0,    0,	   0,	 2, 0, 0, 0,	0,
			     9,	   0,	 38,   0x42, 0x42, 0x03, 0, 0, 2, 0x02, 0x01};
	uint8_t pvst[] = {0x01, 0x00, 0x0c, 0xcc, 0xcc, 0xcd, 2,    0,	  0, 0, 0, 9,	 0,   50,
			  0xaa, 0xaa, 0x03, 0,	  0,	0x0c, 0x01, 0x0b, 0, 0, 0, 0x00, 0x01};

	for (uint32_t len = FP_ETH_BYTES; len <= sizeof(plain); len++)
		CHECK_EQ(tells(plain, len), len == sizeof(plain));
	for (uint32_t len = FP_ETH_BYTES; len <= sizeof(flagged); len++)
		CHECK_EQ(tells(flagged, len), len == sizeof(flagged));
	for (uint32_t len = FP_ETH_BYTES; len <= sizeof(pvst); len++)
		CHECK_EQ(tells(pvst, len), len == sizeof(pvst));
	flagged[21] = 0x3c; /* learning, forwarding, designated: nothing has changed */
	CHECK(!tells(flagged, sizeof(flagged)));
	plain[0] = 0x03;
	CHECK(!tells(plain, sizeof(plain)));
	pvst[21] = 0x0a;
	CHECK(!tells(pvst, sizeof(pvst)));
}

/* A host that makes changes up, or a loop in which BPDUs go round: 2000 of them hide no probe. */
static void test_bpdus_take_nothing_of_what_probes_have(void)
{
	struct fp_port_state state = {
		.mtu = 1500, .port = 0, .flags = FP_PORT_UP | FP_PORT_GUARD, .igmp_rate = 1};
	uint8_t bpdu[FP_VNET_BYTES + 60] = {0};
	static const uint8_t told[] = {0x01, 0x80, 0xc2, 0,    0,    0,	   2, 0, 0, 0,	 0,
				       9,    0,	   7,	 0x42, 0x42, 0x03, 0, 0, 0, 0x80};
	struct packet packet = probe();
	struct lab lab;

	memcpy(bpdu + FP_VNET_BYTES, told, sizeof(told));
	lab_start(&lab, 2);
	CHECK_EQ(fp_switch_publish(lab.sw, NULL, 0, NULL, 0, NULL, 0, &state, 1), 0);
	for (uint32_t i = 0; i < 2000; i++) {
		CHECK(fake_ring_put(&lab.ports[0].data, bpdu, 60, FAKE_NO_TAG, 0));
		lab_run(&lab);
	}
	CHECK(lab_stat(&lab, 0, FP_STAT_PUNT_COPIES) >= FP_CHANGE_BURST);
	CHECK(lab_stat(&lab, 0, FP_STAT_PUNT_COPIES_LOST) > 0);
	for (uint32_t i = 0; i < FP_PROBE_BURST; i++) {
		lab_receive(&lab, 0, &packet);
		lab_run(&lab);
	}
	CHECK_EQ(lab_reason(&lab, 0, FP_PUNT_PROBE), FP_PROBE_BURST);
	CHECK_EQ(lab_reason(&lab, 0, FP_DROP_PROBE_LIMITED), 0);
	lab_end(&lab);
}

int main(void)
{
	RUN(test_a_second_s_worth_comes_at_once_and_then_the_rate);
	RUN(test_floods_are_limited_and_what_is_wanted_is_not);
	RUN(test_each_port_and_kind_has_a_limit_of_its_own);
	RUN(test_what_the_kernel_serves_has_the_same_limit);
	RUN(test_without_routers_the_kernel_drops_what_is_too_much);
	RUN(test_copies_of_announcements_are_limited);
	RUN(test_probes_are_handed_up_by_ports_with_a_guard);
	RUN(test_a_probe_with_a_bad_header_is_none);
	RUN(test_a_mask_lets_reserved_addresses_through);
	RUN(test_bpdus_that_tell_of_a_change_are_known);
	RUN(test_bpdus_take_nothing_of_what_probes_have);
	fp_table_free(table);
	return 0;
}
