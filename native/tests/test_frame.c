/* Parsing: whole, at every cut, with every header byte wrong in turn. */
#include "check.h"
#include "packets.h"

/* A copy that ends where its allocation ends, so that a sanitizer sees a read past it. */
static uint8_t *exact(const uint8_t *bytes, uint32_t len_bytes)
{
	uint8_t *copy = malloc(len_bytes ? len_bytes : 1);

	CHECK(copy);
	memcpy(copy, bytes, len_bytes);
	return copy;
}

/* Read whole; good until the next one. */
static struct fp_frame parse(const struct packet *packet)
{
	static uint8_t vnet[400];
	struct fp_frame frame;
	uint32_t len = packet_build(packet, vnet);

	CHECK(fp_frame_parse(vnet + FP_VNET_BYTES, len, &frame));
	return frame;
}

static void test_untagged_frame_is_read_whole(void)
{
	struct packet packet = packet_udp();
	struct fp_frame frame = parse(&packet);
	uint8_t key[16];

	CHECK_EQ(frame.l3_offset, 14);
	CHECK_EQ(frame.vlan, 0);
	CHECK_EQ(frame.ethertype, 0x0800);
	CHECK(!frame.service_tag);
	CHECK(frame.family == FP_FAMILY_IPV4 && !frame.ip_error);
	fp_map_ipv4(0x0a000001, key);
	CHECK_BYTES(frame.source, key, sizeof(key));
	fp_map_ipv4(0xef010203, key);
	CHECK_BYTES(frame.group, key, sizeof(key));
	CHECK_EQ(frame.header_bytes, 20);
	CHECK_EQ(frame.total_bytes, 128);
	CHECK_EQ(frame.protocol, 17);
}

static struct packet tagged(uint16_t tpid, uint16_t tci)
{
	struct packet packet = packet_udp();

	packet.tpid = tpid;
	packet.tci = tci;
	return packet;
}

static void test_tag_gives_vlan_without_priority(void)
{
	struct packet packet = tagged(0x8100, 0xb00a); /* priority 5, DEI, VID 10 */
	struct fp_frame frame = parse(&packet);

	CHECK_EQ(frame.vlan, 10);
	CHECK_EQ(frame.l3_offset, 18);
	CHECK_EQ(frame.ethertype, 0x0800);
	CHECK(frame.family == FP_FAMILY_IPV4 && !frame.ip_error);
	CHECK_EQ(fp_read32(frame.group + 12), 0xef010203);
}

/* VLAN-6: nobody looks behind a service tag or a second tag. */
static void test_second_and_service_tag_show_as_such(void)
{
	struct packet service = tagged(0x88a8, 10);
	struct packet second = tagged(0x8100, 10);
	struct fp_frame frame;

	CHECK(parse(&service).service_tag);
	second.ethertype = 0x8100;
	frame = parse(&second);
	CHECK_EQ(frame.ethertype, 0x8100);
	CHECK(!frame.service_tag && !frame.family && !frame.ip_error);
}

static void parse_every_cut(const struct packet *packet)
{
	uint8_t vnet[400];
	uint32_t len = packet_build(packet, vnet);
	uint32_t l3_offset = packet->tpid ? 18 : 14;

	for (uint32_t cut = 0; cut < len; cut++) {
		uint8_t *data = exact(vnet + FP_VNET_BYTES, cut);
		struct fp_frame frame;
		bool parsed = fp_frame_parse(data, cut, &frame);

		CHECK_EQ(parsed, cut >= l3_offset);
		if (parsed) /* Total Length is more than there is */
			CHECK(frame.ip_error && !frame.protocol);
		free(data);
	}
}

static void test_every_cut_is_refused(void)
{
	struct packet packet = packet_udp();

	parse_every_cut(&packet);
	packet.options_bytes = 40;
	parse_every_cut(&packet);
	packet.tpid = 0x8100;
	parse_every_cut(&packet);
	packet.tpid = 0x88a8;
	parse_every_cut(&packet);
}

static void test_bytes_behind_the_datagram_are_padding(void)
{
	struct packet packet = packet_udp();
	struct fp_frame frame;

	packet.payload_bytes = 3;
	packet.padding_bytes = 15;
	frame = parse(&packet);
	CHECK(!frame.ip_error);
	CHECK_EQ(frame.total_bytes, 31);
	CHECK_EQ(frame.len_bytes, 14 + 31 + 15);
}

/* V-4, SNOOP-36: no bit of the header can be wrong unseen. */
static void test_every_flipped_header_bit_is_an_ip_error(void)
{
	struct packet packet = packet_udp();
	uint8_t vnet[400];
	uint32_t len;

	packet.options_bytes = 4;
	len = packet_build(&packet, vnet);
	for (uint32_t bit = 0; bit < 24 * 8; bit++) {
		uint8_t *data = exact(vnet + FP_VNET_BYTES, len);
		struct fp_frame frame;

		data[14 + bit / 8] ^= (uint8_t)(1u << bit % 8);
		CHECK(fp_frame_parse(data, len, &frame));
		CHECK(frame.ip_error && !frame.protocol && !frame.total_bytes);
		free(data);
	}
}

static bool parses_with(uint32_t offset, uint8_t value)
{
	struct packet packet = packet_udp();
	uint8_t vnet[400];
	uint32_t len = packet_build(&packet, vnet);
	uint8_t *ip = vnet + FP_VNET_BYTES + 14;
	struct fp_frame frame;

	ip[offset] = value;
	if ((ip[0] & 15) >= 5)
		packet_ip_checksum(ip);
	CHECK(fp_frame_parse(vnet + FP_VNET_BYTES, len, &frame));
	return !frame.ip_error;
}

/* The same errors with a header checksum that fits them. */
static void test_version_and_lengths_are_checked(void)
{
	CHECK(parses_with(0, 0x45));
	CHECK(!parses_with(0, 0x55));
	CHECK(!parses_with(0, 0x65));
	for (uint8_t words = 0; words < 5; words++)
		CHECK(!parses_with(0, 0x40 | words));
	CHECK(parses_with(0, 0x4f)); /* options reach into the payload, but there is room */
	CHECK(parses_with(3, 20));
	CHECK(!parses_with(3, 19));
	CHECK(parses_with(3, 128));
	CHECK(!parses_with(3, 129));
	CHECK(!parses_with(2, 1)); /* 256 + 128 bytes */
}

static void test_sum_agrees_with_the_textbook(void)
{
	uint8_t bytes[2048];
	uint64_t seed = 1;

	for (uint32_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)check_random(&seed);
	for (uint32_t n = 0; n < 3000; n++) {
		uint32_t len = n < 200 ? n : check_below(&seed, sizeof(bytes));
		uint32_t from = check_below(&seed, (uint32_t)sizeof(bytes) - len + 1);

		CHECK_EQ(fp_sum_fold(fp_sum(bytes + from, len)), packet_sum(bytes + from, len, 0));
	}
	memset(bytes, 0xff, sizeof(bytes));
	CHECK_EQ(fp_sum_fold(fp_sum(bytes, sizeof(bytes))), 0xffff);
	CHECK_EQ(fp_sum_fold(0), 0);
	CHECK_EQ(fp_sum_fold(UINT64_MAX), 0xffff);
}

int main(void)
{
	RUN(test_untagged_frame_is_read_whole);
	RUN(test_tag_gives_vlan_without_priority);
	RUN(test_second_and_service_tag_show_as_such);
	RUN(test_every_cut_is_refused);
	RUN(test_bytes_behind_the_datagram_are_padding);
	RUN(test_every_flipped_header_bit_is_an_ip_error);
	RUN(test_version_and_lengths_are_checked);
	RUN(test_sum_agrees_with_the_textbook);
	return 0;
}
