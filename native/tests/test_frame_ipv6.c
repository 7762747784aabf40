/* Parsing of IPv6: whole, at every cut, along every chain of extension headers. */
#include "check.h"
#include "packets.h"

#define ETH 14u
#define DESTINATION 60u
#define ROUTING 43u
#define AUTHENTICATION 51u
#define FRAGMENT 44u
#define HOP_BY_HOP 0u

static struct fp_frame parse(const struct packet *packet)
{
	static uint8_t vnet[400];
	struct fp_frame frame;
	uint32_t len = packet_build(packet, vnet);

	CHECK(fp_frame_parse(vnet + FP_VNET_BYTES, len, &frame));
	CHECK_EQ(frame.family, FP_FAMILY_IPV6);
	return frame;
}

static void test_header_is_read_whole(void)
{
	struct packet packet = packet_udp6();
	struct fp_frame frame;

	packet.padding_bytes = 7;
	packet.ttl = 9;
	frame = parse(&packet);
	CHECK(!frame.ip_error && !frame.control);
	CHECK_EQ(frame.protocol, 17);
	CHECK_EQ(frame.header_bytes, 40);
	CHECK_EQ(frame.total_bytes, 148);
	CHECK_EQ(frame.len_bytes, ETH + 148 + 7);
	CHECK_EQ(fp_frame_ttl(&frame), 9);
	CHECK_BYTES(frame.source, packet.source6, 16);
	CHECK_BYTES(frame.group, packet.group6, 16);
	packet.tpid = 0x8100;
	packet.tci = 10;
	frame = parse(&packet);
	CHECK_EQ(frame.vlan, 10);
	CHECK_EQ(frame.protocol, 17);
}

/* SNOOP-54: what the payload length promises is there, or nothing is believed. */
static void test_every_cut_is_an_error(void)
{
	struct packet packet = packet_udp6();
	uint8_t vnet[400];
	uint32_t len;

	packet_extend(&packet, DESTINATION, 0);
	packet_extend(&packet, HOP_BY_HOP, 0);
	len = packet_build(&packet, vnet);
	for (uint32_t cut = 0; cut < len; cut++) {
		uint8_t *data = malloc(cut ? cut : 1); /* a sanitizer sees a read past it */
		struct fp_frame frame;

		CHECK(data);
		memcpy(data, vnet + FP_VNET_BYTES, cut);
		CHECK_EQ(fp_frame_parse(data, cut, &frame), cut >= ETH);
		if (cut >= ETH)
			CHECK(frame.ip_error && !frame.protocol && !frame.control);
		free(data);
	}
}

static void test_version_is_checked(void)
{
	struct packet packet = packet_udp6();
	uint8_t vnet[400];
	uint32_t len = packet_build(&packet, vnet);
	struct fp_frame frame;

	for (uint32_t version = 0; version < 16; version++) {
		vnet[FP_VNET_BYTES + ETH] = (uint8_t)(version << 4);
		CHECK(fp_frame_parse(vnet + FP_VNET_BYTES, len, &frame));
		CHECK_EQ(frame.ip_error, version != 6);
	}
}

static void test_chain_is_walked_to_what_it_carries(void)
{
	static const uint8_t headers[] = {ROUTING, DESTINATION, AUTHENTICATION, FRAGMENT};
	struct packet packet = packet_udp6();
	struct fp_frame frame;

	packet_set_icmp6(&packet, 143);
	packet_extend(&packet, HOP_BY_HOP, 0x0502);
	frame = parse(&packet);
	CHECK(frame.control);
	CHECK_EQ(frame.icmp6_type, 143);
	CHECK_EQ(frame.header_bytes, 48);
	for (uint32_t i = 0; i < 7; i++) { /* eight in all */
		packet_extend(&packet, headers[i % 4], 0);
		frame = parse(&packet);
		CHECK(!frame.ip_error && frame.control);
		CHECK_EQ(frame.header_bytes, 56 + 8 * i);
	}
	packet_extend(&packet, DESTINATION, 0);
	CHECK(parse(&packet).ip_error);
}

static void test_hop_by_hop_comes_first_or_not_at_all(void)
{
	struct packet packet = packet_udp6();

	packet_extend(&packet, DESTINATION, 0);
	packet_extend(&packet, HOP_BY_HOP, 0);
	CHECK(parse(&packet).ip_error);
}

/* Each kind by its own measure, to the last byte of the datagram and not past it. */
static void test_lengths_of_headers(void)
{
	static const struct {
		uint8_t header;
		uint32_t unit;
	} kinds[] = {{HOP_BY_HOP, 8}, {ROUTING, 8}, {DESTINATION, 8}, {AUTHENTICATION, 4}};

	for (uint32_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		for (uint32_t length = 0; length < 256; length++) {
			struct packet packet = packet_udp6();
			struct fp_frame frame;

			packet_extend(&packet, kinds[i].header, 0);
			packet.extensions[1] = (uint8_t)length;
			frame = parse(&packet);
			CHECK_EQ(frame.ip_error, 8 + kinds[i].unit * length > 8 + 108);
			if (!frame.ip_error)
				CHECK_EQ(frame.header_bytes, 48 + kinds[i].unit * length);
		}
	}
}

/* The first fragment shows what it is part of, the others do not; an atomic one is whole. */
static void test_fragments(void)
{
	struct packet packet = packet_udp6();
	struct fp_frame frame;

	packet_set_icmp6(&packet, 130);
	packet_extend(&packet, FRAGMENT, 0);
	CHECK(parse(&packet).control);
	packet.extensions[3] = 0x01;
	CHECK(parse(&packet).control);
	packet.extensions[3] = 0x08;
	frame = parse(&packet);
	CHECK(!frame.ip_error && !frame.control);
	CHECK_EQ(frame.protocol, FRAGMENT);
	CHECK_EQ(frame.header_bytes, 48);
}

/* Nothing behind the headers: ICMPv6 without a type. */
static void test_header_that_carries_nothing(void)
{
	struct packet packet = packet_udp6();
	uint8_t vnet[400];
	uint32_t len;
	struct fp_frame frame;

	packet.protocol = 58;
	len = packet_build(&packet, vnet);
	vnet[FP_VNET_BYTES + ETH + 4] = vnet[FP_VNET_BYTES + ETH + 5] = 0;
	CHECK(fp_frame_parse(vnet + FP_VNET_BYTES, len, &frame));
	CHECK(!frame.ip_error && !frame.control && !frame.icmp6_type);
	CHECK_EQ(frame.total_bytes, 40);
}

int main(void)
{
	RUN(test_header_is_read_whole);
	RUN(test_every_cut_is_an_error);
	RUN(test_version_is_checked);
	RUN(test_chain_is_walked_to_what_it_carries);
	RUN(test_hop_by_hop_comes_first_or_not_at_all);
	RUN(test_lengths_of_headers);
	RUN(test_fragments);
	RUN(test_header_that_carries_nothing);
	return 0;
}
