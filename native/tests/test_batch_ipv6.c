/* Runs of IPv6: which frames leave together, which must not; pass.c checks what arrives. */
#include "check.h"
#include "pass.h"

#define EVERY_PORT 0xfu

static void test_frames_of_one_flow_leave_as_one(void)
{
	struct packet packet = packet_udp6();

	pass_add_run(&packet, 10, EVERY_PORT);
	CHECK_EQ(pass_sent(), 1);
	CHECK_EQ(pass_coalesced(0), 10);
	for (uint32_t port = 0; port < PASS_PORTS; port++)
		CHECK_EQ(pass_sends(port), 1);
	packet.tpid = 0x8100;
	packet.tci = 10;
	pass_add_run(&packet, 10, EVERY_PORT);
	packet.payload_bytes--;
	pass_add(&packet, EVERY_PORT);
	CHECK_EQ(pass_sent(), 1);
	CHECK_EQ(pass_coalesced(3), 11);
}

/* Each differs from the plain flow in one thing that a receiver sees. */
static void test_other_flow_is_another_send(void)
{
	struct packet base = packet_udp6();
	struct packet other[9];

	for (uint32_t i = 0; i < 9; i++)
		other[i] = base;
	other[0].source6[15]++;
	other[1].source6[0]++;
	other[2].group6[8]++; /* the same MAC */
	other[3].source_port++;
	other[4].port++;
	other[5].tos = 0xb8;
	other[6].ttl++;
	other[7].flow_label = 1;
	other[8].src[5]++;
	pass_check_other_flows(base, other, 9);
}

/* A header with two meanings: nothing of one family joins the other's. */
static void test_families_never_join(void)
{
	struct packet ipv6 = packet_udp6();
	struct packet ipv4 = packet_udp();

	memcpy(ipv4.dst, ipv6.dst, 6);
	for (uint32_t i = 0; i < 3; i++) {
		pass_add_run(&ipv6, 1, 1);
		pass_add_run(&ipv4, 1, 1);
	}
	CHECK_EQ(pass_sent(), 6);
}

/* RFC 8200 8.1: a checksum is a must; one that is wrong is not made right. */
static void test_only_good_checksums_join(void)
{
	pass_check_checksums(packet_udp6());
}

static void test_odd_headers_are_never_joined(void)
{
	struct packet odd[5];

	for (uint32_t i = 0; i < 5; i++)
		odd[i] = packet_udp6();
	packet_extend(&odd[0], 0, 0);
	packet_extend(&odd[1], 44, 0); /* an atomic fragment */
	packet_extend(&odd[2], 44, 1);
	odd[3].padding_bytes = 6; /* would be lost */
	odd[4].payload_bytes = 0;
	pass_check_never_joined(packet_udp6(), odd, 5);
}

static void test_send_holds_64_frames_and_64_kib(void)
{
	struct packet packet = packet_udp6();

	packet.payload_bytes = 18;
	pass_add_run(&packet, 130, 1);
	CHECK_EQ(pass_sent(), 3);
	packet.payload_bytes = 1452;
	pass_add_run(&packet, 45 + 1, 1); /* 45 * 1452 + 48 = 65 388 */
	CHECK_EQ(pass_sent(), 2);
	CHECK_EQ(pass_coalesced(0), 45);
	pass_add_run(&packet, 45, 1);
	packet.payload_bytes = 148; /* 65 536 with the header */
	pass_add_run(&packet, 1, 1);
	CHECK_EQ(pass_sent(), 2);
}

static void test_segments_fit_the_mtu_or_go_one_by_one(void)
{
	struct packet packet = packet_udp6();

	pass_set_mtu(2, 147); /* the datagrams are 148 bytes */
	pass_set_mtu(3, 148);
	pass_add_run(&packet, 6, EVERY_PORT);
	CHECK_EQ(pass_sent(), 1);
	CHECK_EQ(pass_sends(2), 6);
	CHECK_EQ(pass_sends(3), 1);
	pass_set_mtu(2, 1500);
	pass_set_mtu(3, 1500);
}

static struct packet random_packet(uint64_t *seed)
{
	struct packet packet = check_below(seed, 4) ? packet_udp6() : packet_udp();

	packet.dst[5] = packet.group6[15] = (uint8_t)check_below(seed, 3);
	packet.tpid = check_below(seed, 3) ? 0 : 0x8100;
	packet.port = (uint16_t)check_below(seed, 2);
	packet.flow_label = check_below(seed, 8) ? 0 : 5;
	packet.payload_bytes = (uint16_t)(check_below(seed, 12) ? 60 : check_below(seed, 61));
	packet.fill = (uint8_t)check_random(seed);
	packet.checksum = check_below(seed, 8) ? CHECKSUM_GOOD : check_below(seed, 5);
	if (!check_below(seed, 20))
		packet_extend(&packet, 60, 0);
	return packet;
}

static void test_random_mixtures_arrive_as_they_were(void)
{
	pass_check_mixtures(12, random_packet);
}

int main(void)
{
	pass_start(1500);
	RUN(test_frames_of_one_flow_leave_as_one);
	RUN(test_other_flow_is_another_send);
	RUN(test_families_never_join);
	RUN(test_only_good_checksums_join);
	RUN(test_odd_headers_are_never_joined);
	RUN(test_send_holds_64_frames_and_64_kib);
	RUN(test_segments_fit_the_mtu_or_go_one_by_one);
	RUN(test_random_mixtures_arrive_as_they_were);
	pass_end();
	return 0;
}
