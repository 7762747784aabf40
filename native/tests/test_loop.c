/* Frames in at one port, out at others: what the loop adds to deciding and joining. */
#include "check.h"
#include "fp_mask.h"
#include "lab.h"
#include "rows.h"

#define GROUP 0xef010203u

static void set_member(struct lab *lab, uint64_t ports)
{
	lab_set_policy(lab, FP_VLAN_ACTIVE, 0, 0);
	lab_set_row(lab, GROUP, 0, ports);
}

static void receive_run(struct lab *lab, uint32_t port, uint32_t count)
{
	struct packet packet = packet_udp();

	for (uint32_t n = 0; n < count; n++, packet.ip_id++)
		lab_receive(lab, port, &packet);
}

static struct packet unicast(uint8_t from, uint8_t to)
{
	struct packet packet = packet_udp();

	memset(packet.dst, 0, 6);
	packet.dst[0] = 0x02;
	packet.dst[5] = to;
	packet.src[5] = from;
	return packet;
}

static void test_stream_reaches_its_members_and_is_counted(void)
{
	struct fp_stream streams[8];
	struct lab lab;

	lab_start(&lab, 5);
	set_member(&lab, 0x6);
	receive_run(&lab, 0, 100);
	lab_run(&lab);
	CHECK_EQ(lab_sent(&lab, 1), 2);
	CHECK_EQ(lab_stat(&lab, 1, FP_STAT_TX_FRAMES), 100);
	CHECK_EQ(lab_stat(&lab, 2, FP_STAT_TX_COALESCED), 100);
	CHECK_EQ(lab_stat(&lab, 3, FP_STAT_TX_FRAMES) + lab_stat(&lab, 0, FP_STAT_TX_FRAMES), 0);
	CHECK_EQ(lab_reason(&lab, 0, FP_FORWARD_GROUP), 100);
	CHECK_EQ(lab_stat(&lab, 0, FP_STAT_RX_BYTES), 100 * 142);
	CHECK_EQ(fp_stream_dump(lab.sw, streams, 8), 1);
	CHECK_EQ(streams[0].frames, 100);
	CHECK_EQ(streams[0].bytes, 100 * 142);
	CHECK_EQ(streams[0].ports[0], 6);
	CHECK_EQ(streams[0].reason, FP_FORWARD_GROUP);
	CHECK(streams[0].registered);
	lab_end(&lab);
}

/* Idea 129: IPv6 is forwarded and listed by the same means; discovery is neither punted nor a
 * stream. */
static void test_ipv6_stream_is_counted_and_discovery_passes(void)
{
	static const uint32_t group[2] = {0xff3e0000, 0x1234};
	struct fp_vlan policy = ipv6_policy(FP_VLAN_ANY, FP_VLAN_ACTIVE, 0, 0);
	struct fp_row row = ipv6_row(0, group, NULL, 0x6);
	struct packet packet = packet_udp6();
	struct fp_stream streams[8];
	struct lab lab;

	lab_start(&lab, 4);
	CHECK_EQ(fp_switch_publish(lab.sw, &row, 1, &policy, 1, NULL, 0, NULL, 0), 0);
	for (uint32_t n = 0; n < 40; n++)
		lab_receive(&lab, 0, &packet);
	packet_set_icmp6(&packet, 135);
	packet_set_group6(&packet, 0xff020000, 1);
	lab_receive(&lab, 0, &packet);
	packet_set_icmp6(&packet, 143);
	packet_set_group6(&packet, 0xff020000, 0x16);
	lab_receive(&lab, 0, &packet);
	lab_run(&lab);
	CHECK_EQ(lab_stat(&lab, 1, FP_STAT_TX_FRAMES), 41);
	CHECK_EQ(lab_stat(&lab, 1, FP_STAT_TX_COALESCED), 40);
	CHECK_EQ(lab_stat(&lab, 3, FP_STAT_TX_FRAMES), 1);
	CHECK_EQ(lab_reason(&lab, 0, FP_FORWARD_GROUP), 40);
	CHECK_EQ(lab_reason(&lab, 0, FP_FLOOD_IPV6_LINK_LOCAL), 1);
	CHECK_EQ(lab_reason(&lab, 0, FP_PUNT_MLD), 1);
	CHECK_EQ(fp_stream_dump(lab.sw, streams, 8), 1);
	CHECK_EQ(streams[0].frames, 40);
	CHECK_EQ(streams[0].ttl, 8);
	CHECK_BYTES(streams[0].group, row.group, sizeof(row.group));
	lab_end(&lab);
}

/* The flow cache must not outlive the table its verdict is of. */
static void test_publish_holds_from_the_next_pass_on(void)
{
	struct lab lab;

	lab_start(&lab, 4);
	for (uint32_t n = 0; n < 20; n++) {
		uint32_t to = 1 + n % 3;

		set_member(&lab, UINT64_C(1) << to);
		receive_run(&lab, 0, 5);
		lab_pass(&lab);
		for (uint32_t port = 1; port < 4; port++)
			CHECK_EQ(lab_sent(&lab, port), port == to);
	}
	lab_set_port(&lab, 1, false, 1500);
	set_member(&lab, 0x6);
	receive_run(&lab, 0, 1);
	receive_run(&lab, 1, 1);
	lab_pass(&lab);
	CHECK_EQ(lab_sent(&lab, 1), 0);
	CHECK_EQ(lab_sent(&lab, 2), 1);
	CHECK_EQ(lab_reason(&lab, 1, FP_DROP_PORT_DOWN), 1);
	lab_end(&lab);
}

/* A full data ring costs the control ring nothing. */
static void test_control_ring_is_served_first(void)
{
	struct packet packet = packet_udp();
	static uint8_t buffer[1 << 20];
	struct lab lab;
	uint8_t vnet[256];
	uint32_t len;

	lab_start(&lab, 2);
	receive_run(&lab, 0, 1000);
	packet.protocol = 2;
	len = packet_build(&packet, vnet);
	CHECK(fake_ring_put(&lab.ports[0].control, vnet, len, FAKE_NO_TAG, 0));
	CHECK(lab_pass(&lab) < 1000);
	CHECK_EQ(lab_reason(&lab, 0, FP_PUNT_IGMP), 1);
	CHECK_EQ(fp_punt_drain(lab.sw, buffer, sizeof(buffer), 1000), fp_punted_bytes(len));
	CHECK_BYTES(buffer + sizeof(struct fp_punted), vnet + FP_VNET_BYTES, len);
	lab_end(&lab);
}

/* Whatever it came with, the control plane gets the frame without its tag, and what that said. */
static void test_tag_of_a_punted_frame_becomes_fields(void)
{
	static const uint32_t tcis[] = {FP_NO_TAG, 0xb00a, 0xa000, 0};
	static uint8_t buffer[1 << 20];
	struct packet packet = packet_udp();
	struct fp_punted head;
	struct lab lab;
	uint8_t vnet[256];
	uint32_t len;

	lab_start(&lab, 2);
	packet.protocol = 2;
	len = packet_build(&packet, vnet);
	for (uint32_t i = 0; i < sizeof(tcis) / sizeof(tcis[0]); i++) {
		packet.tpid = tcis[i] == FP_NO_TAG ? 0 : 0x8100;
		packet.tci = (uint16_t)tcis[i];
		lab_receive(&lab, 0, &packet);
		lab_pass(&lab);
		CHECK_EQ(fp_punt_drain(lab.sw, buffer, sizeof(buffer), 1000), fp_punted_bytes(len));
		memcpy(&head, buffer, sizeof(head));
		CHECK_EQ(head.tci, tcis[i]);
		CHECK_EQ(head.vlan, tcis[i] == 0xb00a ? 10 : 0);
		CHECK_EQ(head.frame_len, len);
		CHECK_BYTES(buffer + sizeof(head), vnet + FP_VNET_BYTES, len);
	}
	lab_end(&lab);
}

static void test_bridge_learns_moves_and_forgets(void)
{
	struct packet ask = unicast(1, 2);
	struct packet answer = unicast(2, 1);
	struct lab lab;

	lab_start(&lab, 3);
	lab_receive(&lab, 0, &ask);
	lab_pass(&lab);
	CHECK_EQ(lab_reason(&lab, 0, FP_FLOOD_UNKNOWN_UNICAST), 1);
	lab_receive(&lab, 1, &answer);
	lab_receive(&lab, 0, &ask);
	lab_pass(&lab);
	lab_receive(&lab, 0, &ask);
	lab_pass(&lab);
	CHECK_EQ(lab_reason(&lab, 1, FP_FORWARD_UNICAST), 1);
	CHECK(lab_reason(&lab, 0, FP_FORWARD_UNICAST) >= 1);
	CHECK_EQ(lab_stat(&lab, 0, FP_STAT_FDB_LEARNED), 1);
	lab_receive(&lab, 2, &ask); /* host 1 has moved */
	lab_pass(&lab);
	CHECK_EQ(lab_stat(&lab, 2, FP_STAT_FDB_MOVED), 1);
	CHECK_EQ(fp_fdb_flush(lab.sw, 2, -1), 1);
	lab_receive(&lab, 1, &answer);
	lab_pass(&lab);
	CHECK_EQ(lab_reason(&lab, 1, FP_FLOOD_UNKNOWN_UNICAST), 1);
	lab_end(&lab);
}

/* Nobody is learned from a frame that is refused for its sender, its tag or its port. */
static void test_refused_frames_teach_nothing(void)
{
	struct packet packet = unicast(1, 2);
	struct fp_fdb_entry entries[8];
	struct lab lab;

	lab_start(&lab, 2);
	packet.src[0] = 0x03;
	lab_receive(&lab, 0, &packet);
	packet = packet_udp();
	packet.src[0] = 0x01;
	lab_receive(&lab, 0, &packet);
	packet = unicast(1, 2);
	packet.tpid = 0x8100;
	packet.tci = 0xfff;
	lab_receive(&lab, 0, &packet);
	lab_set_port(&lab, 1, false, 1500);
	packet = unicast(1, 2);
	lab_receive(&lab, 1, &packet);
	lab_pass(&lab);
	CHECK_EQ(fp_fdb_dump(lab.sw, entries, 8), 0);
	CHECK_EQ(lab_reason(&lab, 0, FP_DROP_SOURCE_MAC), 2);
	CHECK_EQ(lab_reason(&lab, 0, FP_DROP_VLAN_INVALID), 1);
	lab_end(&lab);
}

/* V-1 */
static void test_cut_and_short_frames_are_dropped_as_truncated(void)
{
	uint8_t vnet[2048] = {0};
	struct lab lab;

	lab_start(&lab, 2);
	CHECK(fake_ring_put_cut(&lab.ports[0].data, vnet, 1500, 100));
	CHECK(fake_ring_put(&lab.ports[0].data, vnet, 13, FAKE_NO_TAG, 0));
	CHECK(fake_ring_put(&lab.ports[0].data, vnet, 0, FAKE_NO_TAG, 0));
	CHECK_EQ(lab_pass(&lab), 3);
	CHECK_EQ(lab_reason(&lab, 0, FP_DROP_TRUNCATED), 3);
	CHECK_EQ(lab_sent(&lab, 1), 0);
	lab_end(&lab);
}

/* More oversize frames than buffers take more passes, and keep their order. */
static void test_oversize_frames_pass_unchanged(void)
{
	static uint8_t got[PACKET_BYTES_MAX + 100];
	static uint8_t want[PACKET_BYTES_MAX + 100];
	struct packet packet = packet_udp();
	struct lab lab;
	uint32_t passes = 0;

	lab_start(&lab, 2);
	packet.payload_bytes = 2500;
	for (uint32_t n = 0; n < 40; n++, packet.fill++)
		lab_receive(&lab, 0, &packet);
	while (lab_pass(&lab))
		passes++;
	CHECK(passes > 1);
	packet.fill = 0;
	for (uint32_t n = 0; n < 40; n++, packet.fill++) {
		uint32_t len = packet_build(&packet, want);

		CHECK_EQ(fake_wire_read(lab.ports[1].wire, got, sizeof(got)), FP_VNET_BYTES + len);
		CHECK_BYTES(got, want, FP_VNET_BYTES + len);
	}
	CHECK_EQ(lab_stat(&lab, 0, FP_STAT_RX_OVERSIZE), 40);
	lab_end(&lab);
}

/* A stream that goes on stays in sight, however many others come and go. */
static void test_lasting_stream_is_listed_among_more_than_there_is_room_for(void)
{
	static struct fp_stream streams[1024];
	struct packet lasting = packet_udp();
	struct packet passing = packet_udp();
	bool found = false;
	struct lab lab;
	int count;

	lab_start(&lab, 2);
	for (uint32_t n = 0; n < 4000; n++) {
		passing.source = 0x0b000000 + n;
		lab_receive(&lab, 0, &passing);
		if (n % 100 == 99) {
			lab_pass(&lab);
			lab_sent(&lab, 1);
		}
	}
	for (uint32_t n = 0; n < 3; n++) {
		lab_receive(&lab, 0, &lasting);
		for (uint32_t i = 0; i < 400; i++, passing.source++)
			lab_receive(&lab, 0, &passing);
		lab_run(&lab);
		lab_sent(&lab, 1);
	}
	for (uint32_t n = 0; n < 2; n++) {
		lab_receive(&lab, 0, &lasting);
		lab_pass(&lab);
	}
	count = fp_stream_dump(lab.sw, streams, 1024);
	CHECK_EQ(count, 256);
	for (int i = 0; i < count; i++)
		found |= streams[i].source[12] == 0x0a && streams[i].frames > 0;
	CHECK(found);
	lab_end(&lab);
}

static void test_closing_a_port_keeps_the_others_going(void)
{
	struct lab lab;

	lab_start(&lab, 4);
	set_member(&lab, 0xe);
	receive_run(&lab, 0, 3);
	receive_run(&lab, 1, 3);
	CHECK_EQ(fp_port_close(lab.sw, 1), 0); /* with frames in its ring */
	lab_pass(&lab);
	CHECK_EQ(lab_sent(&lab, 2), 1);
	CHECK_EQ(lab_stat(&lab, 0, FP_STAT_RX_FRAMES), 3);
	CHECK_EQ(lab_stat(&lab, 1, FP_STAT_RX_FRAMES), 0);
	CHECK_EQ(fp_switch_retired(lab.sw), 0);
	lab_end(&lab);
}

int main(void)
{
	RUN(test_stream_reaches_its_members_and_is_counted);
	RUN(test_ipv6_stream_is_counted_and_discovery_passes);
	RUN(test_publish_holds_from_the_next_pass_on);
	RUN(test_control_ring_is_served_first);
	RUN(test_tag_of_a_punted_frame_becomes_fields);
	RUN(test_bridge_learns_moves_and_forgets);
	RUN(test_refused_frames_teach_nothing);
	RUN(test_cut_and_short_frames_are_dropped_as_truncated);
	RUN(test_oversize_frames_pass_unchanged);
	RUN(test_lasting_stream_is_listed_among_more_than_there_is_room_for);
	RUN(test_closing_a_port_keeps_the_others_going);
	return 0;
}
