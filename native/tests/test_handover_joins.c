/*
 * Who joins what the kernel serves: it gets that from the next frame on, and for as long as its
 * report is undecided nothing but that says so.
 */
#include <unistd.h>

#include "served.h"

static struct programs_copy copies[PROGRAMS_EGRESS_MAX];

/* A stream that the kernel serves to ports 1 and 2, and port 3 has just joined. */
static void start_joined(struct lab *lab, const struct packet *packet)
{
	struct packet report = packet_udp();
	static uint8_t frame[PACKET_BYTES_MAX];
	struct fp_vlan vlan = ipv4_policy(FP_VLAN_ANY, FP_VLAN_ACTIVE | FP_VLAN_AHEAD, 0, 0);
	struct fp_port_state state = {.mtu = 1500, .port = 3, .flags = FP_PORT_UP | FP_PORT_AHEAD};
	uint8_t *igmp = frame + FP_VNET_BYTES + FP_ETH_BYTES + FP_IPV4_BYTES;
	uint32_t len;

	start(lab, 4);
	CHECK_EQ(fp_switch_publish(lab->sw, NULL, 0, &vlan, 1, NULL, 0, &state, 1), 0);
	until_served(lab, packet);
	report.protocol = FP_IPPROTO_IGMP;
	report.ttl = 1;
	report.payload_bytes = 0;
	report.src[5] = 9;
	len = packet_build(&report, frame);
	memset(igmp, 0, 8);
	igmp[0] = 0x16;
	fp_write16(igmp + 4, GROUP >> 16);
	fp_write16(igmp + 6, GROUP & 0xffff);
	fp_write16(igmp + 2, (uint16_t)~packet_sum(igmp, 8, 0));
	CHECK(fake_ring_put(&lab->ports[3].control, frame, len, FAKE_NO_TAG, 0));
	lab_run(lab);
	drain(lab);
}

static void decide(struct lab *lab)
{
	static uint8_t buffer[1 << 20];

	CHECK(fp_punt_drain(lab->sw, buffer, sizeof(buffer), 1000) > 0);
	while (read(lab->sw->workers[0]->wake_fd, buffer, sizeof(uint64_t)) > 0)
		;
	fp_punt_decided(lab->sw);
	/* the loop may be asleep, since the kernel serves, and is to look */
	CHECK_EQ(read(lab->sw->workers[0]->wake_fd, buffer, sizeof(uint64_t)), sizeof(uint64_t));
	lab_run(lab);
}

/* A host that joins gets the stream from the next frame on, and no frame comes up for it. */
static void test_join_is_served_by_the_kernel_before_and_after_it_is_decided(void)
{
	struct packet packet = packet_udp();
	struct lab lab;

	start_joined(&lab, &packet);
	for (uint32_t i = 0; i < 200; i++) {
		CHECK(step(&lab, &packet));
		CHECK_EQ(programs_copies(copies), 3);
	}
	lab_set_row(&lab, GROUP, 0, 0x0e);
	CHECK(step(&lab, &packet));
	decide(&lab);
	for (uint32_t i = 0; i < 20; i++) {
		CHECK(step(&lab, &packet));
		CHECK_EQ(programs_copies(copies), 3);
	}
	CHECK_EQ(only_stream(&lab).ports[0], 0x0e);
	CHECK_EQ(fp_kernel_fold(lab.sw), 1);
	CHECK_EQ(lab_stat(&lab, 3, FP_STAT_TX_FRAMES), 221);
	lab_end(&lab);
}

static void test_join_that_is_refused_gets_no_more(void)
{
	struct packet packet = packet_udp();
	struct lab lab;

	start_joined(&lab, &packet);
	CHECK(step(&lab, &packet));
	CHECK_EQ(programs_copies(copies), 3);
	decide(&lab); /* nothing is published */
	CHECK(!receive(&lab, 0, &packet));
	lab_run(&lab);
	CHECK_EQ(lab_sent(&lab, 3), 0);
	CHECK_EQ(lab_sent(&lab, 1), 1);
	drain(&lab);
	until_served(&lab, &packet);
	CHECK_EQ(programs_copies(copies), 2);
	lab_end(&lab);
}

/* Of a row that changes meanwhile the loop knows more than who changes it. */
static void test_join_that_waits_outlasts_other_changes(void)
{
	struct packet packet = packet_udp();
	struct lab lab;

	start_joined(&lab, &packet);
	CHECK(step(&lab, &packet));
	lab_set_row(&lab, GROUP, 0, 0x02);
	for (uint32_t i = 0; i < 200; i++) {
		CHECK(!receive(&lab, 0, &packet));
		lab_run(&lab);
		CHECK_EQ(lab_sent(&lab, 3), 1);
		CHECK_EQ(lab_sent(&lab, 1), 1);
		CHECK_EQ(lab_sent(&lab, 2), 0);
	}
	decide(&lab);
	until_served(&lab, &packet);
	CHECK_EQ(programs_copies(copies), 1);
	lab_end(&lab);
}

int main(void)
{
	RUN(test_join_is_served_by_the_kernel_before_and_after_it_is_decided);
	RUN(test_join_that_is_refused_gets_no_more);
	RUN(test_join_that_waits_outlasts_other_changes);
	return 0;
}
