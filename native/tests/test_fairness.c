/*
 * What a flooding port costs the others, and what it does not: rings served, buffers for oversize
 * frames, queues to the control plane, the rate of them.
 */
#include "check.h"
#include "lab.h"
#include "rows.h"

#define REPORT_V3 0x2200u

static uint8_t drained[1 << 20];

static struct packet igmp(uint16_t payload_bytes)
{
	struct packet packet = packet_udp();

	packet.protocol = 2;
	packet.source_port = REPORT_V3;
	packet.payload_bytes = payload_bytes;
	packet.checksum = CHECKSUM_ABSENT; /* no record, as a report reads it */
	return packet;
}

/* Broadcast that is nobody's: it is flooded frame by frame. */
static struct packet noise_frame(void)
{
	struct packet packet = packet_udp();

	packet.ethertype = 0x88b5;
	return packet;
}

static struct packet oversize_frame(void)
{
	struct packet packet = packet_udp();

	packet.payload_bytes = 2500;
	return packet;
}

static bool put(struct fake_ring *ring, const struct packet *packet)
{
	static uint8_t vnet[PACKET_BYTES_MAX];

	return fake_ring_put(ring, vnet, packet_build(packet, vnet), FAKE_NO_TAG, 0);
}

static void fill(struct fake_ring *ring, const struct packet *packet)
{
	while (put(ring, packet)) {
	}
}

/* In a VLAN that is known: one that is not costs more. */
static void set_rate(struct lab *lab, uint32_t port, uint32_t rate, uint32_t burst)
{
	struct fp_vlan vlan = ipv4_policy(0, 0, 0, 0);
	struct fp_port_state state = {
		.mtu = 1500,
		.port = (uint16_t)port,
		.flags = FP_PORT_UP,
		.igmp_rate = rate,
		.igmp_burst = burst,
	};

	CHECK_EQ(fp_switch_publish(lab->sw, NULL, 0, &vlan, 1, NULL, 0, &state, 1), 0);
}

static void receive_run(struct lab *lab, uint32_t port, uint32_t count)
{
	struct packet packet = packet_udp();

	for (uint32_t n = 0; n < count; n++, packet.ip_id++)
		lab_receive(lab, port, &packet);
}

static void test_flooding_port_keeps_the_others_waiting_one_pass_at_most(void)
{
	struct packet noise = noise_frame();
	struct lab lab;

	lab_start(&lab, 4);
	for (uint32_t n = 0; n < 16; n++) {
		fill(&lab.ports[0].data, &noise);
		receive_run(&lab, 1, 3);
		receive_run(&lab, 2, 3);
		lab_pass(&lab);
		CHECK_EQ(lab_stat(&lab, 1, FP_STAT_RX_FRAMES), 3 * (n + 1));
		CHECK_EQ(lab_stat(&lab, 2, FP_STAT_RX_FRAMES), 3 * (n + 1));
		lab_sent(&lab, 3);
		lab_sent(&lab, 2);
		lab_sent(&lab, 1);
	}
	lab_end(&lab);
}

/* F-4: two control rings flooded, data elsewhere; the third control ring is read in each pass. */
static void test_control_rings_have_a_rotation_of_their_own(void)
{
	struct packet report = igmp(40);
	struct lab lab;

	lab_start(&lab, 4);
	for (uint32_t n = 0; n < 50; n++) {
		fill(&lab.ports[0].control, &report);
		fill(&lab.ports[1].control, &report);
		receive_run(&lab, 3, 100);
		CHECK(put(&lab.ports[2].control, &report));
		lab_pass(&lab);
		CHECK_EQ(lab_stat(&lab, 2, FP_STAT_RX_FRAMES), n + 1);
		for (uint32_t port = 0; port < 4; port++)
			lab_sent(&lab, port);
		fp_punt_drain(lab.sw, drained, sizeof(drained), 10000);
	}
	CHECK_EQ(lab_reason(&lab, 2, FP_PUNT_IGMP), 50);
	lab_end(&lab);
}

/* More control rings are flooded than a pass reads: each has its turn in the one after it. */
static void test_more_flooded_control_rings_than_a_pass_reads_take_turns(void)
{
	struct packet report = igmp(40);
	uint64_t before[LAB_PORTS_MAX] = {0};
	struct lab lab;

	lab_start(&lab, LAB_PORTS_MAX);
	for (uint32_t n = 0; n < 40; n++) {
		for (uint32_t port = 0; port < LAB_PORTS_MAX; port++)
			fill(&lab.ports[port].control, &report);
		lab_pass(&lab);
		lab_pass(&lab);
		for (uint32_t port = 0; port < LAB_PORTS_MAX; port++) {
			uint64_t frames = lab_stat(&lab, port, FP_STAT_RX_FRAMES);

			CHECK(frames > before[port]);
			before[port] = frames;
		}
	}
	lab_end(&lab);
}

static void test_control_flood_leaves_half_of_a_pass_to_data(void)
{
	struct packet report = igmp(40);
	struct packet noise = noise_frame();
	struct lab lab;

	lab_start(&lab, 3);
	fill(&lab.ports[0].control, &report);
	fill(&lab.ports[1].control, &report);
	fill(&lab.ports[2].data, &noise);
	CHECK_EQ(lab_pass(&lab), 256);
	CHECK_EQ(lab_stat(&lab, 2, FP_STAT_RX_FRAMES), 128);
	lab_end(&lab);
}

/* PIM hellos and unknown types are flooded: two such floods would make all the sends of a pass. */
static void test_control_flood_that_is_forwarded_leaves_sends_to_data(void)
{
	struct packet noise = noise_frame();
	struct packet hello = packet_udp();
	struct lab lab;

	lab_start(&lab, LAB_PORTS_MAX);
	hello.protocol = 103;
	packet_set_group(&hello, 0xe000000d);
	for (uint32_t n = 0; n < 10; n++) {
		uint64_t before = lab_stat(&lab, 2, FP_STAT_RX_FRAMES);

		for (uint32_t port = 0; port < 2; port++) {
			while (put(&lab.ports[port].control, &hello))
				hello.ip_id++;
		}
		fill(&lab.ports[2].data, &noise);
		lab_pass(&lab);
		CHECK(lab_stat(&lab, 2, FP_STAT_RX_FRAMES) >= before + 32);
		for (uint32_t port = 0; port < LAB_PORTS_MAX; port++)
			lab_sent(&lab, port);
		fp_punt_drain(lab.sw, drained, sizeof(drained), 10000);
	}
	lab_end(&lab);
}

/* A broadcast to seven ports is seven sends: who comes next waits for a thousand, not for 1800. */
static void test_pass_is_bounded_by_what_it_sends(void)
{
	struct packet noise = noise_frame();
	struct lab lab;
	uint32_t taken;

	lab_start(&lab, LAB_PORTS_MAX);
	fill(&lab.ports[0].data, &noise);
	receive_run(&lab, 1, 100);
	taken = lab_pass(&lab);
	CHECK(taken > 1024 / (LAB_PORTS_MAX - 1) && taken < 256);
	CHECK(lab_stat(&lab, 1, FP_STAT_RX_FRAMES) > 0); /* the flow is sent as a run */
	taken += lab_run(&lab);
	CHECK_EQ(taken, FAKE_SLOTS + 100);
	lab_end(&lab);
}

/* Turns are by what a pass sends: 32 broadcasts are worth far more than 32 frames to one port. */
static void test_stream_beside_floods_of_broadcasts_has_its_frames_in_every_pass(void)
{
	struct packet noise = noise_frame();
	uint32_t stream = LAB_PORTS_MAX - 1;
	struct lab lab;

	lab_start(&lab, LAB_PORTS_MAX);
	for (uint32_t n = 0; n < 30; n++) {
		for (uint32_t port = 0; port < stream; port++)
			fill(&lab.ports[port].data, &noise);
		receive_run(&lab, stream, 32);
		lab_pass(&lab);
		CHECK_EQ(lab_stat(&lab, stream, FP_STAT_RX_FRAMES), 32 * (n + 1));
		for (uint32_t port = 0; port < LAB_PORTS_MAX; port++)
			lab_sent(&lab, port);
	}
	lab_end(&lab);
}

/* The buffers of a pass are shared too: an oversize frame at the head of a ring holds all behind
 * it. */
static void test_port_that_floods_oversize_frames_leaves_buffers_to_the_others(void)
{
	struct packet large = oversize_frame();
	struct lab lab;

	lab_start(&lab, 4);
	for (uint32_t n = 0; n < 30; n++) {
		for (uint32_t i = 0; i < 40; i++)
			put(&lab.ports[0].data, &large);
		CHECK(put(&lab.ports[1].data, &large));
		receive_run(&lab, 1, 1);
		CHECK(put(&lab.ports[2].data, &large));
		lab_pass(&lab);
		CHECK_EQ(lab_stat(&lab, 1, FP_STAT_RX_FRAMES), 2 * (n + 1));
		CHECK_EQ(lab_stat(&lab, 2, FP_STAT_RX_FRAMES), n + 1);
		for (uint32_t port = 0; port < 4; port++)
			lab_sent(&lab, port);
	}
	lab_end(&lab);
}

static void test_oversize_control_frames_leave_buffers_to_data(void)
{
	struct packet large = oversize_frame();
	struct packet report = igmp(2500);
	struct lab lab;

	lab_start(&lab, 4);
	for (uint32_t n = 0; n < 60; n++) {
		CHECK(put(&lab.ports[0].control, &report));
		CHECK(put(&lab.ports[1].control, &report));
	}
	for (uint32_t n = 0; n < 24; n++)
		CHECK(put(&lab.ports[2].data, &large));
	lab_pass(&lab);
	CHECK_EQ(lab_stat(&lab, 2, FP_STAT_RX_FRAMES), 24);
	CHECK(lab_stat(&lab, 0, FP_STAT_RX_FRAMES) >= 4);
	CHECK(lab_stat(&lab, 1, FP_STAT_RX_FRAMES) >= 4);
	lab_end(&lab);
}

/* F-3: a queue is its port's own. */
static void test_full_queue_is_a_drop_of_its_port_and_nobody_elses(void)
{
	struct packet report = igmp(1400);
	uint64_t punted;
	struct lab lab;

	lab_start(&lab, 3);
	for (uint32_t port = 0; port < 2; port++) {
		for (uint32_t n = 0; n < 300; n++)
			CHECK(put(&lab.ports[port].control, &report));
	}
	lab_run(&lab);
	punted = lab_reason(&lab, 0, FP_PUNT_IGMP);
	CHECK(punted > 150 && punted < 200); /* of 256 KiB */
	CHECK_EQ(lab_reason(&lab, 0, FP_DROP_PUNT_FULL), 300 - punted);
	CHECK_EQ(lab_reason(&lab, 1, FP_PUNT_IGMP), punted);
	for (uint32_t n = 0; n < 100; n++)
		CHECK(put(&lab.ports[2].control, &report));
	lab_run(&lab);
	CHECK_EQ(lab_reason(&lab, 2, FP_PUNT_IGMP), 100);
	lab_end(&lab);
}

static void test_what_is_over_the_rate_is_dropped_by_name(void)
{
	struct packet report = igmp(40);
	uint64_t counts[FP_PORTS_MAX];
	struct lab lab;

	lab_start(&lab, 2);
	set_rate(&lab, 0, 1, 25);
	for (uint32_t n = 0; n < 100; n++) {
		CHECK(put(&lab.ports[0].control, &report));
		CHECK(put(&lab.ports[1].control, &report));
	}
	lab_run(&lab);
	CHECK_EQ(lab_reason(&lab, 0, FP_PUNT_IGMP), 13); /* two each: a record and its sources */
	CHECK_EQ(lab_reason(&lab, 0, FP_PUNT_IGMP) + lab_reason(&lab, 0, FP_DROP_RATE_LIMITED),
		 100);
	CHECK_EQ(lab_reason(&lab, 1, FP_PUNT_IGMP), 100);
	CHECK_EQ(fp_reason_read(lab.sw, FP_DROP_RATE_LIMITED, counts), 0);
	CHECK_EQ(counts[0], lab_reason(&lab, 0, FP_DROP_RATE_LIMITED));
	CHECK_EQ(counts[1], 0);
	CHECK(fp_reason_read(lab.sw, FP_REASON_MAX, counts) < 0);
	set_rate(&lab, 0, 0, 1);
	for (uint32_t n = 0; n < 100; n++)
		CHECK(put(&lab.ports[0].control, &report));
	lab_run(&lab);
	CHECK(lab_reason(&lab, 0, FP_PUNT_IGMP) > 100);
	lab_end(&lab);
}

/* A thousand records in a frame that no wire of this port carries: not ours to read. */
static void test_control_frame_over_the_mtu_is_dropped_by_name(void)
{
	struct packet report = igmp(1472);
	struct lab lab;

	lab_start(&lab, 2);
	report.tpid = 0x8100;
	lab_receive(&lab, 0, &report);
	report.payload_bytes = 8000;
	lab_receive(&lab, 0, &report);
	report.payload_bytes = 60000;
	lab_receive(&lab, 0, &report);
	lab_run(&lab);
	CHECK_EQ(lab_reason(&lab, 0, FP_PUNT_IGMP), 1);
	CHECK_EQ(lab_reason(&lab, 0, FP_DROP_CONTROL_SIZE), 2);
	lab_end(&lab);
}

static void test_pim_hello_is_forwarded_whatever_becomes_of_its_copy(void)
{
	struct packet packet = packet_udp();
	uint32_t sent = 0;
	uint64_t copies;
	struct lab lab;

	lab_start(&lab, 3);
	set_rate(&lab, 0, 1, 100);
	packet.protocol = 103;
	packet_set_group(&packet, 0xe000000d);
	for (uint32_t n = 0; n < 400; n++) {
		lab_receive(&lab, 0, &packet);
		if (n % 50 == 49) {
			lab_run(&lab);
			sent += lab_sent(&lab, 1);
			lab_sent(&lab, 2);
		}
	}
	CHECK_EQ(sent, 400);
	CHECK_EQ(lab_reason(&lab, 0, FP_FLOOD_LINK_LOCAL), 400);
	copies = lab_stat(&lab, 0, FP_STAT_PUNT_COPIES);
	CHECK(copies == 100 || copies == 101); /* one more for the time that went by */
	CHECK_EQ(lab_stat(&lab, 0, FP_STAT_PUNT_COPIES_LOST), 400 - copies);
	lab_end(&lab);
}

/* What waits for the control plane goes with its port; the next of that number starts empty. */
static void test_port_closed_with_frames_in_its_queue_leaves_none_to_the_next(void)
{
	struct packet report = igmp(40);
	struct fake_port again;
	struct lab lab;

	lab_start(&lab, 3);
	for (uint32_t n = 0; n < 20; n++) {
		CHECK(put(&lab.ports[0].control, &report));
		CHECK(put(&lab.ports[1].control, &report));
	}
	lab_run(&lab);
	CHECK_EQ(fp_port_close(lab.sw, 1), 0);
	fake_port_make(&again, 1);
	fake_port_plug(&again, lab.sw);
	lab_set_port(&lab, 1, true, 1500);
	CHECK(put(&again.control, &report));
	lab_run(&lab);
	CHECK_EQ(fp_punt_drain(lab.sw, drained, sizeof(drained), 10000) /
			 (int64_t)(sizeof(struct fp_punted) + 88),
		 21);
	fake_port_unplug(&again);
	lab_end(&lab);
}

int main(void)
{
	RUN(test_flooding_port_keeps_the_others_waiting_one_pass_at_most);
	RUN(test_control_rings_have_a_rotation_of_their_own);
	RUN(test_more_flooded_control_rings_than_a_pass_reads_take_turns);
	RUN(test_control_flood_leaves_half_of_a_pass_to_data);
	RUN(test_control_flood_that_is_forwarded_leaves_sends_to_data);
	RUN(test_pass_is_bounded_by_what_it_sends);
	RUN(test_stream_beside_floods_of_broadcasts_has_its_frames_in_every_pass);
	RUN(test_port_that_floods_oversize_frames_leaves_buffers_to_the_others);
	RUN(test_oversize_control_frames_leave_buffers_to_data);
	RUN(test_full_queue_is_a_drop_of_its_port_and_nobody_elses);
	RUN(test_what_is_over_the_rate_is_dropped_by_name);
	RUN(test_control_frame_over_the_mtu_is_dropped_by_name);
	RUN(test_pim_hello_is_forwarded_whatever_becomes_of_its_copy);
	RUN(test_port_closed_with_frames_in_its_queue_leaves_none_to_the_next);
	return 0;
}
