/* The health of a stream by the continuity counters of its transport packets. */
#include "looks.h"

static void believe_ts(uint16_t pid)
{
	begin();
	for (uint8_t n = 0; n < 6; n++)
		send_ts(pid, n);
	CHECK_EQ(loop_state.is, FP_HEALTH_IS_TS);
	CHECK_EQ(loop_state.packets, 6);
	CHECK_EQ(loop_state.continuity_errors, 0);
}

/* As ffmpeg does by itself: most datagrams end within a packet, some do not. */
static void test_packets_cut_by_datagrams_are_not_judged(void)
{
	struct packet cut = packet_udp();

	begin();
	cut.payload_bytes = 1472;
	cut.fill = 0x10;
	for (uint32_t n = 0; n < 2000; n++) {
		if (n % 5)
			look(&cut);
		else
			send_ts(0x100, (uint8_t)(n * 3 & 15));
	}
	CHECK_EQ(loop_state.is, 0);
	believe_ts(0x100);
	look(&cut);
	send_ts(0x100, 3);
	CHECK_EQ(loop_state.continuity_errors, 0);
}

static void test_continuity_counter_goes_up_by_one(void)
{
	believe_ts(0x100);
	for (uint8_t n = 6; n < 40; n++)
		send_ts(0x100, n & 15);
	CHECK_EQ(loop_state.continuity_errors, 0);
	send_ts(0x100, 10);
	CHECK_EQ(loop_state.continuity_errors, 1);
	send_ts(0x100, 11);
	CHECK_EQ(loop_state.continuity_errors, 1);
}

static void test_packet_may_come_twice_and_no_more(void)
{
	believe_ts(0x100);
	send_ts(0x100, 6);
	send_ts(0x100, 6);
	send_ts(0x100, 7);
	CHECK_EQ(loop_state.continuity_errors, 0);
	send_ts(0x100, 7);
	send_ts(0x100, 7);
	CHECK_EQ(loop_state.continuity_errors, 1);
}

static void test_counter_stands_where_there_is_no_payload(void)
{
	struct media media = media_ts(0x100, 5);

	believe_ts(0x100);
	media.packets[0].no_payload = true;
	send_media(&media);
	send_media(&media);
	send_ts(0x100, 6);
	CHECK_EQ(loop_state.continuity_errors, 0);
	media.packets[0].counter = 7;
	send_media(&media);
	CHECK_EQ(loop_state.continuity_errors, 1);
}

static void test_announced_discontinuity_null_and_damaged_packets_are_no_error(void)
{
	struct media media = media_ts(0x100, 13);
	struct media null = media_ts(0x1fff, 3);
	struct media damaged = media_ts(0x100, 3);

	believe_ts(0x100);
	damaged.packets[0].damaged = true;
	send_media(&damaged);
	send_media(&null);
	send_media(&null);
	null.packets[0].counter = 9;
	send_media(&null);
	media.packets[0].discontinuity = true;
	send_media(&media);
	send_ts(0x100, 14);
	CHECK_EQ(loop_state.continuity_errors, 0);
}

static void test_pids_count_apart_and_as_many_as_there_is_room_for(void)
{
	struct media media = {.packet_count = 7};

	begin();
	for (uint32_t round = 0; round < 64; round++) {
		for (uint32_t pid = 0; pid < 280; pid += 7) {
			for (uint32_t n = 0; n < 7; n++)
				media.packets[n] = (struct media_ts){
					.pid = (uint16_t)(0x20 + (pid + n) * 0x1d),
					.counter = (uint8_t)(round & 15)};
			send_media(&media);
		}
	}
	CHECK_EQ(loop_state.is, FP_HEALTH_IS_TS);
	CHECK_EQ(loop_state.continuity_errors, 0);
}

/* Type 33, seven packets of one PID that follow each other as the numbers do. */
static struct media carrying(uint16_t number)
{
	struct media media = media_rtp(number);

	media.type = 33;
	media.packet_count = 7;
	for (uint32_t i = 0; i < 7; i++)
		media.packets[i] =
			(struct media_ts){.pid = 0x100, .counter = (number * 7 + i) & 15};
	return media;
}

static void test_transport_packets_inside_rtp(void)
{
	struct media media;

	begin();
	for (uint16_t n = 0; n < 20; n++) {
		media = carrying(n);
		media.packets[4].counter ^= n == 10 ? 4 : 0; /* damaged before it was wrapped */
		send_media(&media);
	}
	CHECK_EQ(loop_state.is, FP_HEALTH_IS_RTP | FP_HEALTH_IS_TS);
	check_rtp(20, 0, 0, 0);
	CHECK_EQ(loop_state.continuity_errors, 2);
	send_media(&media); /* the same once more, as over two ways */
	check_rtp(21, 0, 0, 1);
	media = carrying(30000); /* the sender begins anew, with what it had long ago */
	send_media(&media);
	media = carrying(30001);
	send_media(&media);
	CHECK_EQ(loop_state.restarts, 1);
	CHECK_EQ(loop_state.continuity_errors, 2);
}

/* What the numbers explain is no error of the transport packets as well; nor is what comes late. */
static void test_gap_of_rtp_is_told_once(void)
{
	begin();
	for (uint16_t n = 0; n < 200; n++) {
		struct media media = carrying((uint16_t)(n % 10 == 8   ? n + 1
							 : n % 10 == 9 ? n - 1
								       : n));

		if (n != 100)
			send_media(&media);
	}
	check_rtp(199, 1, 20, 0);
	CHECK_EQ(loop_state.continuity_errors, 0);
}

/* Of a first fragment there is the number, and some packets; the others are not seen. */
static void test_packets_of_a_fragmented_datagram_are_left_alone(void)
{
	static uint8_t payload[2048];
	struct packet packet = packet_udp();

	begin();
	packet.payload = payload;
	for (uint16_t n = 0; n < 20; n++) {
		struct media media = carrying((uint16_t)(n < 10 ? n : n + 1));

		packet.payload_bytes = media_build(&media, payload);
		packet.fragment = 0x2000;
		packet.rest_bytes = 1880; /* ten packets are in the rest */
		look(&packet);
	}
	CHECK_EQ(loop_state.is, FP_HEALTH_IS_RTP);
	check_rtp(20, 1, 0, 0);
	CHECK_EQ(loop_state.continuity_errors, 0);
}

int main(void)
{
	RUN(test_packets_cut_by_datagrams_are_not_judged);
	RUN(test_continuity_counter_goes_up_by_one);
	RUN(test_packet_may_come_twice_and_no_more);
	RUN(test_counter_stands_where_there_is_no_payload);
	RUN(test_announced_discontinuity_null_and_damaged_packets_are_no_error);
	RUN(test_pids_count_apart_and_as_many_as_there_is_room_for);
	RUN(test_transport_packets_inside_rtp);
	RUN(test_gap_of_rtp_is_told_once);
	RUN(test_packets_of_a_fragmented_datagram_are_left_alone);
	return 0;
}
