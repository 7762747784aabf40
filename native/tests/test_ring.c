/* The receive ring with the test as the kernel: order, fullness, tags, what a slot cannot hold. */
#include <linux/if_packet.h>
#include <sys/socket.h>
#include <unistd.h>

#include "check.h"
#include "fake_port.h"
#include "packets.h"

static struct fake_port fake;
static uint8_t oversize[FP_OVERSIZE_BYTES];

static struct fp_ring *ring(void)
{
	return fake.data.ring;
}

static uint32_t numbered(uint32_t number, uint8_t *vnet)
{
	struct packet packet = packet_udp();

	packet.source = number;
	return packet_build(&packet, vnet);
}

static bool put_number(uint32_t number)
{
	uint8_t vnet[256];
	uint32_t len = numbered(number, vnet);

	return fake_ring_put(&fake.data, vnet, len, FAKE_NO_TAG, 0);
}

static void take_number(uint32_t number)
{
	struct fp_rx rx;

	CHECK(fp_ring_take(ring(), oversize, &rx));
	CHECK(rx.whole && !rx.oversize);
	CHECK_EQ(fp_read32(fp_rx_frame(&rx) + 26), number);
}

static void test_frames_come_in_order_round_and_round(void)
{
	uint64_t seed = 5;
	uint32_t put = 0;
	uint32_t taken = 0;

	fake_port_make(&fake, 0);
	while (taken < 5 * FAKE_SLOTS) {
		for (uint32_t n = check_below(&seed, 300); n && put_number(put); n--)
			put++;
		for (uint32_t n = check_below(&seed, 300); n && taken < put; n--)
			take_number(taken++);
		if (check_below(&seed, 2))
			fp_ring_release(ring());
	}
	fake_port_free(&fake);
}

/* Slots are the loop's until they are released: the kernel has to wait, and so have we. */
static void test_taken_slots_are_not_given_back_before_release(void)
{
	struct fp_rx rx;

	fake_port_make(&fake, 0);
	for (uint32_t n = 0; n < FAKE_SLOTS; n++)
		CHECK(put_number(n));
	CHECK(!put_number(FAKE_SLOTS));
	for (uint32_t n = 0; n < FAKE_SLOTS; n++)
		take_number(n);
	CHECK(!fp_ring_ready(ring()));
	CHECK(!fp_ring_take(ring(), oversize, &rx)); /* the next slot is one of those taken */
	CHECK(!put_number(FAKE_SLOTS));
	fp_ring_release(ring());
	CHECK(!fp_ring_ready(ring()));
	CHECK(put_number(77));
	CHECK(fp_ring_ready(ring()));
	take_number(77);
	fake_port_free(&fake);
}

static void check_tag(const struct packet *packet, int tci, uint16_t tpid, uint16_t wire_tpid)
{
	struct packet tagged = *packet;
	uint8_t vnet[2048];
	uint8_t want[2048];
	uint32_t len = packet_build(packet, vnet);
	uint32_t want_len;
	struct fp_rx rx;

	CHECK(fake_ring_put(&fake.data, vnet, len, tci, tpid));
	CHECK(fp_ring_take(ring(), oversize, &rx));
	tagged.tpid = wire_tpid;
	tagged.tci = (uint16_t)tci;
	want_len = packet_build(&tagged, want);
	CHECK(rx.whole);
	CHECK_EQ(rx.len_bytes, want_len);
	CHECK_BYTES(rx.vnet, want, FP_VNET_BYTES + want_len); /* csum_start moved with it */
	fp_ring_release(ring());
}

/* VLAN-7: also a TCI of zero is a tag when the kernel says so. */
static void test_tag_beside_the_frame_is_put_back(void)
{
	struct packet packet = packet_udp();

	fake_port_make(&fake, 0);
	check_tag(&packet, 10, 0x8100, 0x8100);
	check_tag(&packet, 0, 0x8100, 0x8100);
	check_tag(&packet, 0xf123, 0x88a8, 0x88a8);
	check_tag(&packet, 10, 0, 0x8100); /* an old kernel that does not tell the TPID */
	packet.checksum = CHECKSUM_PARTIAL;
	check_tag(&packet, 10, 0x8100, 0x8100);
	packet.payload_bytes = 1900; /* the whole slot is in use */
	check_tag(&packet, 10, 0x8100, 0x8100);
	fake_port_free(&fake);
}

static void test_tag_moves_the_header_length_of_gso_frames(void)
{
	struct packet packet = packet_udp();
	struct virtio_net_hdr header;
	uint8_t vnet[2048];
	uint32_t len = packet_build(&packet, vnet);
	struct fp_rx rx;

	fake_port_make(&fake, 0);
	memcpy(&header, vnet, FP_VNET_BYTES);
	header.gso_type = VIRTIO_NET_HDR_GSO_TCPV4;
	header.hdr_len = 54;
	memcpy(vnet, &header, FP_VNET_BYTES);
	CHECK(fake_ring_put(&fake.data, vnet, len, 10, 0x8100));
	CHECK(fp_ring_take(ring(), oversize, &rx));
	memcpy(&header, rx.vnet, FP_VNET_BYTES);
	CHECK_EQ(header.hdr_len, 58);
	CHECK_EQ(header.gso_type, VIRTIO_NET_HDR_GSO_TCPV4);
	fake_port_free(&fake);
}

/* V-1: what was not captured whole is said to be so. */
static void test_truncated_frame_is_not_whole(void)
{
	uint8_t vnet[2048] = {0};
	struct fp_rx rx;

	fake_port_make(&fake, 0);
	CHECK(fake_ring_put_cut(&fake.data, vnet, 1500, 96));
	CHECK(fp_ring_take(ring(), oversize, &rx));
	CHECK(!rx.whole);
	CHECK_EQ(rx.len_bytes, 1500);
	fake_port_free(&fake);
}

static uint32_t big(uint8_t fill, uint16_t payload_bytes, uint8_t *vnet)
{
	struct packet packet = packet_udp();

	packet.payload_bytes = payload_bytes;
	packet.fill = fill;
	return packet_build(&packet, vnet);
}

static void test_oversize_frame_is_read_whole_beside_the_ring(void)
{
	static uint8_t vnet[PACKET_BYTES_MAX];
	uint32_t len = big(1, 65000, vnet);
	struct fp_rx rx;

	fake_port_make(&fake, 0);
	CHECK(fake_ring_put(&fake.data, vnet, len, FAKE_NO_TAG, 0));
	CHECK(!fp_ring_take(ring(), NULL, &rx)); /* no buffer: next time */
	CHECK(fp_ring_take(ring(), oversize, &rx));
	CHECK(rx.whole && rx.oversize);
	CHECK_EQ(rx.len_bytes, len);
	CHECK_BYTES(rx.vnet, vnet, FP_VNET_BYTES + len);
	len = big(2, 3000, vnet);
	CHECK(fake_ring_put(&fake.data, vnet, len, 0x700a, 0x8100));
	CHECK(fp_ring_take(ring(), oversize, &rx));
	CHECK(rx.whole && rx.oversize);
	CHECK_EQ(rx.len_bytes, len + 4);
	CHECK_EQ(fp_read32(fp_rx_frame(&rx) + 12), 0x8100700a);
	CHECK_BYTES(fp_rx_frame(&rx) + 16, vnet + FP_VNET_BYTES + 12, len - 12);
	fake_port_free(&fake);
}

static void test_oversize_frame_of_another_length_is_not_whole(void)
{
	static uint8_t vnet[PACKET_BYTES_MAX];
	uint32_t len = big(1, 3000, vnet);
	struct fp_rx rx;

	fake_port_make(&fake, 0);
	CHECK_EQ(send(fake.data.queue, vnet, 100, 0), 100);
	CHECK(fake_ring_put(&fake.data, vnet, len, FAKE_NO_TAG, 0));
	CHECK(fp_ring_take(ring(), oversize, &rx));
	CHECK(!rx.whole);
	fake_port_free(&fake);
}

/*
 * A socket error (the interface went down) is told in place of the next frame. The frame is still
 * there and belongs to this slot, not to the next one.
 */
static void test_pending_socket_error_does_not_put_the_queue_out_of_step(void)
{
	static uint8_t vnet[PACKET_BYTES_MAX];
	uint32_t len = 0;
	struct fp_rx rx;

	fake_port_make(&fake, 0);
	CHECK_EQ(send(ring()->fd, "x", 1, 0), 1); /* closed unread: ECONNRESET waits for us */
	for (uint8_t fill = 1; fill <= 3; fill++) {
		len = big(fill, 3000, vnet);
		CHECK(fake_ring_put(&fake.data, vnet, len, FAKE_NO_TAG, 0));
	}
	close(fake.data.queue);
	for (uint8_t fill = 1; fill <= 3; fill++) {
		big(fill, 3000, vnet);
		CHECK(fp_ring_take(ring(), oversize, &rx));
		CHECK(rx.whole && rx.oversize);
		CHECK_BYTES(rx.vnet, vnet, FP_VNET_BYTES + len);
	}
	fake.data.queue = -1;
	fake_port_free(&fake);
}

int main(void)
{
	RUN(test_frames_come_in_order_round_and_round);
	RUN(test_taken_slots_are_not_given_back_before_release);
	RUN(test_tag_beside_the_frame_is_put_back);
	RUN(test_tag_moves_the_header_length_of_gso_frames);
	RUN(test_truncated_frame_is_not_whole);
	RUN(test_oversize_frame_is_read_whole_beside_the_ring);
	RUN(test_oversize_frame_of_another_length_is_not_whole);
	RUN(test_pending_socket_error_does_not_put_the_queue_out_of_step);
	return 0;
}
