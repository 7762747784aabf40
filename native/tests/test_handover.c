/*
 * The loop and the kernel's programs together, over slots of memory: who has a stream when, that it
 * is sent where the table says either way, in order, and counted once.
 */
#include "check.h"
#include "fp_clock.h"
#include "fp_slots.h"
#include "programs.h"
#include "served.h"

#define OTHER_GROUP 0xef010204u

static struct programs_copy copies[PROGRAMS_EGRESS_MAX];

static void test_stream_that_lasts_is_handed_over(void)
{
	struct packet packet = packet_udp();
	struct fp_stream stream;
	struct lab lab;
	uint32_t frames;

	start(&lab, 4);
	frames = until_served(&lab, &packet);
	CHECK_EQ(programs_copies(copies), 2);
	CHECK_EQ(copies[0].port, 1);
	CHECK_EQ(copies[1].port, 2);
	for (uint32_t i = 0; i < 50; i++)
		CHECK(step(&lab, &packet));
	CHECK_EQ(lab_stat(&lab, 0, FP_STAT_RX_FRAMES), frames + 50);
	CHECK_EQ(lab_stat(&lab, 0, FP_STAT_KERNEL_FRAMES), 51);
	CHECK_EQ(lab_reason(&lab, 0, FP_FORWARD_GROUP), frames + 50);
	CHECK_EQ(lab_stat(&lab, 1, FP_STAT_TX_FRAMES), frames + 50);
	CHECK_EQ(lab_stat(&lab, 2, FP_STAT_TX_BYTES), lab_stat(&lab, 0, FP_STAT_RX_BYTES));
	CHECK_EQ(lab_stat(&lab, 3, FP_STAT_TX_FRAMES), 0);
	stream = only_stream(&lab);
	CHECK_EQ(stream.frames, frames + 50);
	CHECK_EQ(stream.path, FP_PATH_KERNEL);
	CHECK_EQ(stream.ttl, packet.ttl);
	CHECK_EQ(fp_kernel_fold(lab.sw), 1);
	lab_end(&lab);
}

/* It was counted as sent and is not; what the ring has leaves all the same. */
static void test_frame_that_somebody_takes_before_us_is_not_counted_as_sent(void)
{
	struct packet packet = packet_udp();
	struct lab lab;
	uint64_t frames;

	start(&lab, 4);
	frames = until_served(&lab, &packet);
	programs_take(true);
	for (uint32_t i = 0; i < 10; i++)
		CHECK(programs_receive(&lab, 0, &packet, FAKE_NO_TAG));
	packet.options_bytes = 4; /* not for the programs: it goes round, and is lost there */
	CHECK(programs_receive(&lab, 0, &packet, FAKE_NO_TAG));
	programs_take(false);
	CHECK(!programs_receive(&lab, 0, &packet, FAKE_NO_TAG));
	programs_take(true);
	for (uint32_t i = 0; i < 10; i++)
		CHECK(!programs_receive(&lab, 0, &packet, FAKE_NO_TAG));
	lab_run(&lab);
	CHECK_EQ(lab_stat(&lab, 0, FP_STAT_RX_FRAMES), frames + 21);
	for (uint32_t port = 1; port < 3; port++) {
		CHECK_EQ(lab_stat(&lab, port, FP_STAT_TX_FRAMES), frames + 11);
		CHECK_EQ(lab_stat(&lab, port, FP_STAT_TX_DROP_ERROR), 10);
	}
	lab_end(&lab);
}

/* L2-2: its forwarding is taken back, of what the kernel serves as well. */
static void test_reserved_address_is_dropped_from_the_next_frame_on(void)
{
	struct fp_port_state state = {.mtu = 1500, .flags = FP_PORT_UP, .reserved = 1 << 0xe};
	struct packet packet = packet_udp();
	struct lab lab;

	memcpy(packet.dst, (const uint8_t[]){0x01, 0x80, 0xc2, 0, 0, 0x0e}, sizeof(packet.dst));
	start(&lab, 4);
	CHECK_EQ(fp_switch_publish(lab.sw, NULL, 0, NULL, 0, NULL, 0, &state, 1), 0);
	until_served(&lab, &packet);
	CHECK_EQ(programs_copies(copies), 3); /* it is not the group's */
	state.reserved = 0;
	CHECK_EQ(fp_switch_publish(lab.sw, NULL, 0, NULL, 0, NULL, 0, &state, 1), 0);
	CHECK(!step(&lab, &packet));
	CHECK_EQ(lab_reason(&lab, 0, FP_DROP_RESERVED_MAC), 1);
	lab_end(&lab);
}

/* Flows of one frame each get no slot: they would only push out streams. */
static void test_passing_flows_get_no_slot(void)
{
	struct packet packet = packet_udp();
	struct lab lab;

	start(&lab, 3);
	for (uint32_t i = 0; i < 2000; i++, packet.source++)
		CHECK(!step(&lab, &packet));
	CHECK_EQ(fp_slots_used(&lab.sw->workers[0]->slots), 0);
	for (uint32_t i = 0; i < lab.sw->kernel.sets; i++)
		CHECK_EQ(lab.sw->kernel.map[i].tags[0], 0);
	lab_end(&lab);
}

/* Whatever it changes, a stream that is under way stays where it is, and no frame comes up. */
static void test_publish_holds_from_the_next_frame_on(void)
{
	struct packet packet = packet_udp();
	struct lab lab;

	start(&lab, 4);
	until_served(&lab, &packet);
	for (uint32_t i = 0; i < 2000; i++) {
		lab_set_row(&lab, 0xef020000u + i, 0, 0x02); /* some of them in its shards */
		CHECK(step(&lab, &packet));
	}
	lab_set_row(&lab, GROUP, 0, 0x0a);
	CHECK(step(&lab, &packet));
	CHECK_EQ(programs_copies(copies), 2);
	CHECK_EQ(copies[1].port, 3);
	lab_set_row(&lab, GROUP, 0x0a000001, 0x08); /* the sender's own */
	CHECK(step(&lab, &packet));
	CHECK_EQ(programs_copies(copies), 1);
	lab_set_policy(&lab, FP_VLAN_ACTIVE, 0x04, 0); /* a router */
	CHECK(step(&lab, &packet));
	CHECK_EQ(programs_copies(copies), 2);
	lab_set_port(&lab, 3, false, 1500);
	CHECK(step(&lab, &packet));
	CHECK_EQ(programs_copies(copies), 1);
	CHECK_EQ(copies[0].port, 2);
	CHECK_EQ(lab_reason(&lab, 0, FP_FORWARD_SOURCE), 3);
	lab_end(&lab);
}

static void test_stream_that_nobody_wants_is_dropped_in_the_kernel(void)
{
	struct packet packet = packet_udp();
	struct lab lab;

	start(&lab, 4);
	lab_set_row(&lab, GROUP, 0, 0x01); /* its own port alone */
	until_served(&lab, &packet);
	CHECK_EQ(programs_copies(copies), 0);
	CHECK(step(&lab, &packet));
	CHECK_EQ(only_stream(&lab).path, FP_PATH_KERNEL_PRUNED);
	CHECK_EQ(lab_reason(&lab, 0, FP_DROP_NO_MEMBER), lab_stat(&lab, 0, FP_STAT_RX_FRAMES));
	lab_set_row(&lab, GROUP, 0, 0x08);
	CHECK(step(&lab, &packet));
	CHECK_EQ(programs_copies(copies), 1);
	fp_kernel_fold(lab.sw);
	CHECK_EQ(copies[0].port, 3);
	CHECK_EQ(only_stream(&lab).path, FP_PATH_KERNEL);
	lab_set_row(&lab, GROUP, 0, 0x01);
	CHECK(step(&lab, &packet));
	CHECK_EQ(programs_copies(copies), 0);
	lab_set_row(&lab, GROUP, 0, 0x02);
	CHECK(step(&lab, &packet));
	CHECK_EQ(programs_copies(copies), 1);
	CHECK_EQ(only_stream(&lab).path, FP_PATH_KERNEL);
	lab_end(&lab);
}

/* Frames that were let into the ring and never came up must not keep a stream there for good. */
static void test_what_a_full_ring_loses_is_made_good(void)
{
	struct packet packet = packet_udp();
	struct lab lab;

	start(&lab, 3);
	until_served(&lab, &packet);
	programs_take_back(&lab, GROUP);
	programs_lose(true);
	for (uint32_t i = 0; i < 10; i++)
		CHECK(!receive(&lab, 0, &packet));
	programs_lose(false);
	CHECK(!step(&lab, &packet));
	CHECK(step(&lab, &packet));
	lab_end(&lab);
}

/* Who sends more than the ring takes, from the first frame on, gets the kernel all the same. */
static void test_flood_is_handed_over_though_the_ring_is_never_empty(void)
{
	struct packet packet = packet_udp();
	uint64_t end_ns = fp_now_ns() + PATIENCE_NS;
	uint32_t ringed = 0;
	bool served = false;
	struct lab lab;

	start(&lab, 3);
	while (!served) {
		for (uint32_t i = 0; i < 300 && !served; i++) {
			programs_lose(ringed == FAKE_SLOTS);
			served = receive(&lab, 0, &packet);
			ringed += !served && ringed < FAKE_SLOTS;
		}
		ringed -= lab_pass(&lab);
		drain(&lab);
		CHECK(fp_now_ns() < end_ns);
	}
	programs_lose(false);
	/* nothing that was in the ring before comes after it */
	while (ringed) {
		ringed -= lab_pass(&lab);
		CHECK_EQ(lab_sent(&lab, 1), 0);
	}
	CHECK(lab_stat(&lab, 1, FP_STAT_TX_DROP_FULL) > 0);
	CHECK(step(&lab, &packet));
	/* and when the ring has it again it is sent */
	programs_take_back(&lab, GROUP);
	CHECK(!receive(&lab, 0, &packet));
	lab_run(&lab);
	CHECK_EQ(lab_sent(&lab, 1), 1);
	lab_end(&lab);
}

static void test_switched_off_holds_at_once(void)
{
	struct packet packet = packet_udp();
	struct lab lab;

	start(&lab, 3);
	until_served(&lab, &packet);
	CHECK_EQ(fp_switch_kernel(lab.sw, 0), 0);
	CHECK_EQ(only_stream(&lab).path, FP_PATH_RING_OFF);
	for (uint32_t i = 0; i < 100; i++)
		CHECK(!step(&lab, &packet));
	lab_set_row(&lab, OTHER_GROUP, 0, 0x02);
	CHECK(!step(&lab, &packet));
	CHECK_EQ(only_stream(&lab).path, FP_PATH_RING_OFF);
	CHECK_EQ(fp_switch_kernel(lab.sw, 1), 0);
	until_served(&lab, &packet);
	lab_end(&lab);
}

/* A frame that is too long, or has options, goes by the ring and is not overtaken. */
static void test_what_the_program_leaves_alone_is_not_overtaken(void)
{
	struct packet packet = packet_udp();
	struct packet options = packet_udp();
	struct lab lab;

	start(&lab, 3);
	until_served(&lab, &packet);
	options.options_bytes = 4;
	CHECK(!receive(&lab, 0, &options));
	CHECK(!receive(&lab, 0, &packet)); /* behind it */
	lab_run(&lab);
	CHECK_EQ(lab_sent(&lab, 1), 2);
	CHECK(step(&lab, &packet));
	packet.payload_bytes = 1473;
	CHECK(!receive(&lab, 0, &packet));
	packet.payload_bytes = 1472;
	CHECK(!receive(&lab, 0, &packet));
	lab_run(&lab);
	CHECK(receive(&lab, 0, &packet));
	drain(&lab);
	lab_end(&lab);
}

/* So fast that runs may gain more: the program gives it back, and the ring is tried. */
static void test_fast_stream_is_given_back_where_a_port_takes_runs(void)
{
	struct packet packet = packet_udp();
	uint64_t now_ns = fp_now_ns();
	struct lab lab;
	uint32_t frames = 0;

	start(&lab, 3);
	lab_set_port(&lab, 2, true, 1500); /* takes runs */
	until_served(&lab, &packet);
	for (; receive(&lab, 0, &packet); frames++)
		programs_set_clock(now_ns += 1000);
	CHECK(frames >= FP_PATH_RATE_FRAMES && frames <= 2 * FP_PATH_RATE_FRAMES);
	CHECK(!step(&lab, &packet));
	CHECK(!step(&lab, &packet));
	CHECK_EQ(only_stream(&lab).path, FP_PATH_RING_RUNS);
	programs_set_clock(0);
	until_served(&lab, &packet); /* at this pace it gains nothing */
	lab_end(&lab);
}

static void test_source_that_moved_is_heard_by_the_loop(void)
{
	struct packet packet = packet_udp();
	struct packet elsewhere = packet_udp();
	struct fp_fdb_entry entries[8];
	struct lab lab;

	start(&lab, 4);
	until_served(&lab, &packet);
	CHECK_EQ(fp_fdb_flush(lab.sw, -1, -1), 1);
	CHECK(step(&lab, &packet));
	fp_kernel_fold(lab.sw);
	CHECK(!step(&lab, &packet)); /* its address is nowhere: the loop learns it */
	CHECK_EQ(fp_fdb_dump(lab.sw, entries, 8), 1);
	until_served(&lab, &packet);
	packet_set_group(&elsewhere, OTHER_GROUP);
	lab_receive(&lab, 3, &elsewhere);
	lab_run(&lab);
	CHECK(step(&lab, &packet));
	fp_kernel_fold(lab.sw);
	CHECK(!step(&lab, &packet));
	lab_end(&lab);
}

/* One key, another stream: what comes untagged at a port is in the VLAN of the port. */
static void test_port_in_another_vlan_has_another_stream(void)
{
	struct packet packet = packet_udp();
	struct fp_members members[2] = {vlan_members(10, 0xf, 0xf), vlan_members(20, 0xf, 0xf)};
	uint64_t sent[2] = {0};
	struct fp_stream streams[256];
	struct lab lab;

	start(&lab, 4);
	CHECK_EQ(fp_switch_publish(lab.sw, NULL, 0, NULL, 0, members, 2, NULL, 0), 0);
	for (uint32_t turn = 0; turn < 6; turn++) {
		struct fp_port_state state = {.mtu = 1500,
					      .flags = FP_PORT_UP | FP_PORT_FILTERS,
					      .pvid = (uint16_t)(turn % 2 ? 20 : 10)};

		CHECK_EQ(fp_switch_publish(lab.sw, NULL, 0, NULL, 0, NULL, 0, &state, 1), 0);
		sent[turn % 2] += until_served(&lab, &packet);
		for (uint32_t i = 0; i < 100; i++, sent[turn % 2]++)
			CHECK(step(&lab, &packet));
	}
	CHECK_EQ(fp_stream_dump(lab.sw, streams, 256), 2);
	for (uint32_t i = 0; i < 2; i++)
		CHECK_EQ(streams[i].frames, sent[streams[i].vlan / 10 - 1]);
	lab_end(&lab);
}

int main(void)
{
	RUN(test_stream_that_lasts_is_handed_over);
	RUN(test_frame_that_somebody_takes_before_us_is_not_counted_as_sent);
	RUN(test_reserved_address_is_dropped_from_the_next_frame_on);
	RUN(test_passing_flows_get_no_slot);
	RUN(test_publish_holds_from_the_next_frame_on);
	RUN(test_stream_that_nobody_wants_is_dropped_in_the_kernel);
	RUN(test_what_a_full_ring_loses_is_made_good);
	RUN(test_flood_is_handed_over_though_the_ring_is_never_empty);
	RUN(test_switched_off_holds_at_once);
	RUN(test_what_the_program_leaves_alone_is_not_overtaken);
	RUN(test_fast_stream_is_given_back_where_a_port_takes_runs);
	RUN(test_source_that_moved_is_heard_by_the_loop);
	RUN(test_port_in_another_vlan_has_another_stream);
	return 0;
}
