/* Which frames leave together, which must not; pass.c checks that none is lost or changed. */
#include "check.h"
#include "pass.h"

#define EVERY_PORT 0xfu

/* Sends what was added; the sends port 0 needed. */
static void test_frames_of_one_flow_leave_as_one(void)
{
	struct packet packet = packet_udp();

	pass_add_run(&packet, 10, EVERY_PORT);
	CHECK_EQ(pass_sent(), 1);
	CHECK_EQ(pass_coalesced(0), 10);
	for (uint32_t port = 0; port < PASS_PORTS; port++)
		CHECK_EQ(pass_sends(port), 1);
	pass_add(&packet, 1);
	CHECK_EQ(pass_sent(), 1);
	CHECK_EQ(pass_coalesced(0), 0);
}

/* Each must differ from the plain flow in one thing that a receiver sees. */
static void test_other_flow_is_another_send(void)
{
	struct packet base = packet_udp();
	struct packet other[8];

	for (uint32_t i = 0; i < 8; i++)
		other[i] = base;
	other[0].source++;
	other[1].source_port++;
	other[2].port++;
	other[3].tos = 0xb8;
	other[4].ttl++;
	packet_set_group(&other[5], base.group + 1);
	other[6].src[5]++;
	packet_set_group(&other[7], base.group ^ 0x00800000); /* the same MAC */
	pass_check_other_flows(base, other, 8);
}

static void test_other_port_set_is_another_send(void)
{
	struct packet packet = packet_udp();

	pass_add_run(&packet, 3, 0x1);
	pass_add_run(&packet, 3, 0x3);
	pass_add_run(&packet, 3, 0x1);
	CHECK_EQ(pass_sent(), 3);
	CHECK_EQ(pass_sends(1), 1);
	CHECK_EQ(pass_sends(2), 0);
}

/* The sends of three frames of 100 bytes and some of another size. */
static uint32_t sends_of_sizes(uint16_t other_bytes, uint32_t others)
{
	struct packet packet = packet_udp();

	pass_add_run(&packet, 3, 1);
	packet.payload_bytes = other_bytes;
	pass_add_run(&packet, others, 1);
	return pass_sent();
}

static void test_last_may_be_shorter_and_closes_the_send(void)
{
	CHECK_EQ(sends_of_sizes(99, 1), 1);
	CHECK_EQ(sends_of_sizes(1, 2), 2);
	CHECK_EQ(pass_coalesced(0), 4);
	CHECK_EQ(sends_of_sizes(101, 2), 2); /* longer: a send of its own */
	CHECK_EQ(pass_coalesced(0), 5);
}

static void test_every_size_can_be_joined(void)
{
	for (uint32_t bytes = 1; bytes <= 1472; bytes += bytes < 70 ? 1 : 37) {
		struct packet packet = packet_udp();

		packet.payload_bytes = (uint16_t)bytes;
		pass_add_run(&packet, 5, EVERY_PORT);
		CHECK_EQ(pass_sent(), 1);
	}
}

/* RFC 6864: with DF the id carries no meaning; without it ids must come out as they were. */
static void test_ids_matter_only_without_df(void)
{
	struct packet packet = packet_udp();

	for (uint32_t i = 0; i < 4; i++) {
		packet.ip_id = (uint16_t)(i * i * 777);
		pass_add(&packet, 1);
	}
	CHECK_EQ(pass_sent(), 1);
	packet.fragment = 0;
	packet.ip_id = 0xfffe; /* counts through zero */
	pass_add_run(&packet, 5, 1);
	CHECK_EQ(pass_sent(), 1);
	CHECK_EQ(pass_coalesced(0), 5);
	pass_add(&packet, 1);
	pass_add(&packet, 1);
	CHECK_EQ(pass_sent(), 2);
	pass_add_run(&packet, 2, 1);
	packet.ip_id++;
	pass_add_run(&packet, 2, 1);
	CHECK_EQ(pass_sent(), 2);
	pass_add_run(&packet, 2, 1);
	packet.fragment = 0x4000;
	pass_add_run(&packet, 2, 1);
	CHECK_EQ(pass_sent(), 2);
}

/* Never launder a payload that was not known to be good. */
static void test_checksums_that_are_not_good_are_left_alone(void)
{
	pass_check_checksums(packet_udp());
}

/* A single flipped payload bit keeps its frame, and only that one, out of a send of several. */
static void test_corrupted_payload_is_sent_as_it_came(void)
{
	struct packet packet = packet_udp();
	uint8_t vnet[2048];
	uint32_t len;

	for (uint32_t byte = 42; byte < 142; byte += 9) {
		pass_add_run(&packet, 2, 1);
		len = packet_build(&packet, vnet);
		vnet[FP_VNET_BYTES + byte] ^= 0x10;
		pass_add_bytes(vnet, len, 1);
		pass_add_run(&packet, 2, 1);
		CHECK_EQ(pass_sent(), 3);
		CHECK_EQ(pass_coalesced(0), 4);
	}
}

/* A checksum left unfinished for another header than UDP's at its place is none we know. */
static void test_partial_checksum_of_something_else_is_left_alone(void)
{
	struct packet packet = packet_udp();
	struct virtio_net_hdr header;
	uint8_t vnet[2048];
	uint32_t len;

	packet.checksum = CHECKSUM_PARTIAL;
	for (uint32_t i = 0; i < 2; i++) {
		len = packet_build(&packet, vnet);
		memcpy(&header, vnet, FP_VNET_BYTES);
		header.csum_start = (uint16_t)(header.csum_start + (i ? 0 : 2));
		header.csum_offset = (uint16_t)(header.csum_offset - (i ? 2 : 0));
		memcpy(vnet, &header, FP_VNET_BYTES);
		pass_add(&packet, 1);
		pass_add_bytes(vnet, len, 1);
		pass_add(&packet, 1);
		CHECK_EQ(pass_sent(), 3);
	}
}

static void test_tags_are_part_of_the_flow_and_are_kept(void)
{
	struct packet packet = packet_udp();

	packet.tpid = 0x8100;
	packet.tci = 10;
	pass_add_run(&packet, 3, EVERY_PORT);
	packet.tci = 20;
	pass_add_run(&packet, 3, EVERY_PORT);
	packet.tci = 0xa014; /* VLAN 20, another priority: another flow, the same order */
	pass_add_run(&packet, 3, EVERY_PORT);
	packet.tci = 20;
	pass_add_run(&packet, 3, EVERY_PORT);
	CHECK_EQ(pass_sent(), 4);
	CHECK_EQ(pass_coalesced(3), 12);
}

static void test_odd_headers_are_never_joined(void)
{
	struct packet odd[5];

	for (uint32_t i = 0; i < 5; i++)
		odd[i] = packet_udp();
	odd[0].options_bytes = 4;
	odd[1].fragment = 0x2000; /* more fragments */
	odd[2].fragment = 0x0010; /* a later fragment */
	odd[3].padding_bytes = 6; /* would be lost */
	odd[4].payload_bytes = 0;
	pass_check_never_joined(packet_udp(), odd, 5);
}

static void test_other_protocols_are_never_joined(void)
{
	struct packet packet = packet_udp();

	packet.protocol = 6;
	pass_add_run(&packet, 3, 1);
	packet = packet_udp();
	packet.ethertype = 0x86dd;
	pass_add_run(&packet, 3, 1);
	CHECK_EQ(pass_sent(), 6);
}

static void test_send_holds_64_frames_and_64_kib(void)
{
	struct packet packet = packet_udp();

	packet.payload_bytes = 18;
	pass_add_run(&packet, 130, 1);
	CHECK_EQ(pass_sent(), 3);
	CHECK_EQ(pass_coalesced(0), 130);
	packet.payload_bytes = 1472;
	pass_add_run(&packet, 44 + 44 + 1, 1); /* 45 would be 66 268 bytes of IP */
	CHECK_EQ(pass_sent(), 3);
	CHECK_EQ(pass_coalesced(0), 88);
	packet.payload_bytes = 1460;
	pass_add_run(&packet, 44, 1);
	packet.payload_bytes = 1267; /* 44 * 1460 + 1267 + 28 = 65 535 */
	pass_add_run(&packet, 1, 1);
	CHECK_EQ(pass_sent(), 1);
	packet.payload_bytes = 1460;
	pass_add_run(&packet, 44, 1);
	packet.payload_bytes = 1268;
	pass_add_run(&packet, 1, 1);
	CHECK_EQ(pass_sent(), 2);
}

/* RTP and RTCP of one group have one MAC pair: they keep their order. */
static void test_interleaved_groups_join_and_ports_of_one_group_do_not(void)
{
	struct packet group[3];
	struct packet rtcp;

	for (uint32_t i = 0; i < 3; i++) {
		group[i] = packet_udp();
		packet_set_group(&group[i], 0xef000001 + i);
	}
	for (uint32_t n = 0; n < 90; n++)
		pass_add_run(&group[n % 3], 1, EVERY_PORT);
	CHECK_EQ(pass_sent(), 3);
	CHECK_EQ(pass_coalesced(1), 90);
	rtcp = group[0];
	rtcp.port++;
	for (uint32_t n = 0; n < 5; n++) {
		pass_add_run(&group[0], 4, 1);
		pass_add_run(&rtcp, 1, 1);
	}
	CHECK_EQ(pass_sent(), 10);
}

static void test_port_that_may_not_coalesce_gets_single_frames(void)
{
	struct packet packet = packet_udp();

	pass_set_coalesce(1, false);
	pass_set_mtu(2, 127); /* the datagrams are 128 bytes */
	pass_set_mtu(3, 128);
	pass_add_run(&packet, 6, EVERY_PORT);
	CHECK_EQ(pass_sent(), 1);
	CHECK_EQ(pass_sends(1), 6);
	CHECK_EQ(pass_sends(2), 6);
	CHECK_EQ(pass_sends(3), 1);
	pass_add_run(&packet, 6, 0x2);
	pass_send();
	CHECK_EQ(pass_sends(1), 6);
	pass_set_coalesce(1, true);
	pass_set_mtu(2, 1500);
	pass_set_mtu(3, 1500);
}

static struct packet random_packet(uint64_t *seed)
{
	static uint16_t ids[3];
	struct packet packet = packet_udp();

	packet_set_group(&packet, 0xef000000 + check_below(seed, 3));
	packet.src[5] = (uint8_t)check_below(seed, 2);
	packet.tpid = check_below(seed, 3) ? 0 : 0x8100;
	packet.tci = (uint16_t)check_below(seed, 2);
	packet.fragment = check_below(seed, 2) ? 0x4000 : 0;
	packet.port = (uint16_t)check_below(seed, 2);
	packet.payload_bytes = (uint16_t)(check_below(seed, 12) ? 60 : check_below(seed, 61));
	packet.fill = (uint8_t)check_random(seed);
	packet.checksum = check_below(seed, 8) ? CHECKSUM_GOOD : check_below(seed, 5);
	packet.options_bytes = check_below(seed, 20) ? 0 : 8;
	packet.ip_id = ids[packet.group & 3] += (uint16_t)(check_below(seed, 9) ? 1 : 2);
	return packet;
}

static void test_random_mixtures_arrive_as_they_were(void)
{
	pass_check_mixtures(11, random_packet);
}

int main(void)
{
	pass_start(1500);
	RUN(test_frames_of_one_flow_leave_as_one);
	RUN(test_other_flow_is_another_send);
	RUN(test_other_port_set_is_another_send);
	RUN(test_last_may_be_shorter_and_closes_the_send);
	RUN(test_every_size_can_be_joined);
	RUN(test_ids_matter_only_without_df);
	RUN(test_checksums_that_are_not_good_are_left_alone);
	RUN(test_corrupted_payload_is_sent_as_it_came);
	RUN(test_partial_checksum_of_something_else_is_left_alone);
	RUN(test_tags_are_part_of_the_flow_and_are_kept);
	RUN(test_odd_headers_are_never_joined);
	RUN(test_other_protocols_are_never_joined);
	RUN(test_send_holds_64_frames_and_64_kib);
	RUN(test_interleaved_groups_join_and_ports_of_one_group_do_not);
	RUN(test_port_that_may_not_coalesce_gets_single_frames);
	RUN(test_random_mixtures_arrive_as_they_were);
	pass_end();
	return 0;
}
