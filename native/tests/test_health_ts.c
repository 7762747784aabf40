/* The health of a stream of MPEG transport packets: what their continuity counters say. */
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

static void test_transport_packets_inside_rtp(void)
{
	struct media media = media_rtp(0);

	begin();
	media.type = 33;
	media.packet_count = 7;
	for (uint16_t n = 0; n < 20; n++) {
		media.number = (uint16_t)(n < 10 ? n : n + 1);
		for (uint32_t i = 0; i < 7; i++)
			media.packets[i] = (struct media_ts){
				.pid = 0x100, .counter = (media.number * 7 + i) & 15};
		send_media(&media);
	}
	CHECK_EQ(loop_state.is, FP_HEALTH_IS_RTP | FP_HEALTH_IS_TS);
	check_rtp(20, 1, 0, 0);
	CHECK_EQ(loop_state.continuity_errors, 1);
	send_media(&media); /* the same once more, as over two ways */
	check_rtp(21, 1, 0, 1);
	CHECK_EQ(loop_state.continuity_errors, 1);
	media.number = 30000; /* the sender begins anew, with what it had long ago */
	send_media(&media);
	media.number++;
	send_media(&media);
	CHECK_EQ(loop_state.restarts, 1);
	CHECK_EQ(loop_state.continuity_errors, 1);
}

int main(void)
{
	RUN(test_continuity_counter_goes_up_by_one);
	RUN(test_packet_may_come_twice_and_no_more);
	RUN(test_counter_stands_where_there_is_no_payload);
	RUN(test_announced_discontinuity_null_and_damaged_packets_are_no_error);
	RUN(test_pids_count_apart_and_as_many_as_there_is_room_for);
	RUN(test_transport_packets_inside_rtp);
	return 0;
}
