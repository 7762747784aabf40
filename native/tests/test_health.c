/*
 * The health of a stream by its RTP numbers: by example, and by a model that knows all that was
 * ever sent.
 */
#include "looks.h"

static void test_rtp_is_believed_after_four_in_a_row(void)
{
	begin();
	send_rtp(10);
	send_rtp(12);
	send_rtp(13);
	send_rtp(14);
	CHECK_EQ(loop_state.is, 0);
	check_rtp(0, 0, 0, 0);
	send_rtp(15);
	CHECK_EQ(loop_state.is, FP_HEALTH_IS_RTP);
	check_rtp(5, 0, 0, 0);
}

/* A path of two that does not work: there are never four in a row. */
static void test_every_other_one_lost_is_said_from_the_second_on(void)
{
	for (uint16_t each = 2; each <= FP_HEALTH_NEAR; each++) {
		begin();
		for (uint32_t n = 0; n < 1000; n++)
			send_rtp((uint16_t)(65000 + n * each)); /* one of so many comes */
		check_rtp(1000, 998u * (each - 1u), 0, 0);
		begin();
		for (uint32_t n = 0; n < 1000; n++)
			if (n % each)
				send_rtp((uint16_t)(65000 + n)); /* and all but one */
		check_rtp(1000 - (1000 + each - 1u) / each, 998u / each - (each == 2), 0, 0);
	}
	begin();
	for (uint16_t n = 0; n < 5000; n = (uint16_t)(n + FP_HEALTH_NEAR + 1))
		send_rtp(n); /* that may be any counter */
	CHECK_EQ(loop_state.is, 0);
}

static void test_twice_or_in_the_wrong_order_from_the_first_on_is_believed(void)
{
	begin();
	for (uint16_t n = 0; n < 1000; n++) {
		send_rtp(n / 2);
		CHECK_EQ(loop_state.restarts, 0);
	}
	check_rtp(1000 - 3, 0, 0, 500 - 3);
	begin();
	for (uint16_t n = 0; n < 1000; n++)
		if (n) /* of which nobody has looked at the first */
			send_rtp(n ^ 1);
	check_rtp(1000 - 15, 0, 500 - 15, 0); /* the late ones of before are not counted */
}

static void test_bursts_that_are_missing_are_counted_one_by_one(void)
{
	static const uint32_t bursts[] = {1, 2, 50, 63, 64, 65, 400, 2999};

	for (uint32_t i = 0; i < sizeof(bursts) / sizeof(bursts[0]); i++) {
		uint16_t number = 60000;

		begin();
		for (uint32_t n = 0; n < 200; n++) {
			number = (uint16_t)(number + (n % 10 == 9 ? bursts[i] : 0));
			send_rtp(number++);
		}
		check_rtp(200, 20u * bursts[i], 0, 0);
		CHECK_EQ(loop_state.restarts, 0);
	}
}

/* Two paths: what of the longer one was under way when the other took over comes after all. */
static void test_what_comes_from_before_the_window_is_no_sender_that_began_anew(void)
{
	begin();
	for (uint16_t n = 0; n < 100; n++)
		send_rtp(n);
	for (uint16_t n = 200; n < 300; n++)
		send_rtp(n);
	for (uint16_t n = 150; n < 200; n++)
		send_rtp(n);
	for (uint16_t n = 300; n < 400; n++)
		send_rtp(n);
	check_rtp(350, 100, 0, 0); /* they are late: lost is what 64 newer ones are behind */
	CHECK_EQ(loop_state.restarts, 0);
	for (uint16_t n = 0; n < 500; n++)
		send_rtp(n); /* a recording, from its beginning */
	check_rtp(850, 100, 0, 0);
	CHECK_EQ(loop_state.restarts, 1);
}

static void test_gaps_are_lost_and_what_comes_late_is_not(void)
{
	begin();
	for (uint32_t n = 65530; n < 65540; n++) /* beyond the last number there is */
		send_rtp((uint16_t)n);
	check_rtp(10, 0, 0, 0);
	send_rtp(6);
	check_rtp(11, 2, 0, 0);
	send_rtp(5);
	check_rtp(12, 1, 1, 0);
	send_rtp(5);
	send_rtp(6);
	check_rtp(14, 1, 1, 2);
	send_rtp(4);
	check_rtp(15, 0, 2, 2);
	send_rtp(106); /* further than the window */
	check_rtp(16, 99, 2, 2);
	send_rtp(107);
	CHECK_EQ(loop_state.restarts, 0);
}

/* What a reader adds up never goes down, and nobody is told of a damage that was none. */
static void test_what_comes_late_was_never_lost(void)
{
	begin();
	for (uint16_t n = 0; n < 300; n++) {
		send_rtp((uint16_t)(n % 10 == 8 ? n + 1 : n % 10 == 9 ? n - 1 : n));
		CHECK_EQ(loop_state.lost, 0);
		CHECK_EQ(fp_health_lost(&loop_state, now_ns), 0);
	}
	check_rtp(300, 0, 30, 0);
	CHECK_EQ(loop_state.damage_ns, 0);
	CHECK(loop_state.hole_ns);
}

static void test_lost_is_what_sixty_four_newer_ones_or_a_second_are_behind(void)
{
	begin();
	for (uint16_t n = 0; n < 10; n++)
		send_rtp(n);
	for (uint16_t n = 12; n < 75; n++)
		send_rtp(n);
	CHECK_EQ(loop_state.lost, 1);
	CHECK_EQ(fp_health_lost(&loop_state, now_ns), 1);
	check_rtp(73, 2, 0, 0);
	send_rtp(75);
	CHECK_EQ(loop_state.lost, 2);
	CHECK_EQ(loop_state.damage_ns, now_ns);
	send_rtp(77); /* with a hole, when it goes on elsewhere */
	send_rtp(30000);
	send_rtp(30001);
	CHECK_EQ(loop_state.restarts, 1);
	check_rtp(77, 3, 0, 0);
}

/* A number of 32 bits whose highest two are those of RTP, before whatever else. */
static void test_counter_without_a_timestamp_is_not_rtp(void)
{
	struct media media = media_rtp(0);

	begin();
	media.still = true;
	for (uint32_t n = 0; n < 20000; n++, media.number++)
		send_media(&media);
	CHECK_EQ(loop_state.is, 0);
	media.still = false; /* a picture of many datagrams has one timestamp, the next another */
	for (uint32_t n = 0; n < 2 * FP_HEALTH_REST; n++, media.number++)
		send_media(&media);
	CHECK_EQ(loop_state.is, FP_HEALTH_IS_RTP);
}

static void test_late_one_of_before_it_was_believed_is_no_gain(void)
{
	begin();
	for (uint16_t n = 100; n < 104; n++)
		send_rtp(n);
	send_rtp(98);
	check_rtp(5, 0, 0, 1);
}

static void test_numbers_that_go_on_elsewhere_are_a_restart(void)
{
	begin();
	for (uint16_t n = 100; n < 110; n++)
		send_rtp(n);
	send_rtp(50000);
	send_rtp(110); /* one stray datagram changes nothing */
	check_rtp(12, 0, 0, 0);
	for (uint16_t n = 20000; n < 20010; n++)
		send_rtp(n);
	check_rtp(22, 0, 0, 0);
	CHECK_EQ(loop_state.restarts, 1);
}

/* Sixty-three in a row that are something else, and one that is not, for as long as one likes. */
static void test_something_else_in_between_keeps_nobody_from_looking(void)
{
	struct packet packet = packet_udp();
	uint16_t number = 0;

	begin();
	packet.fill = 1;
	for (; number < 10; number++)
		send_rtp(number);
	for (uint32_t n = 0; n < 5000; n++) {
		if (n % FP_HEALTH_MISFITS == FP_HEALTH_MISFITS - 1)
			send_rtp(number++);
		else
			look(&packet);
	}
	CHECK_EQ(loop_state.packets, number);
	CHECK_EQ(loop_state.rest, 0);
}

static void test_what_was_not_looked_at_is_no_loss(void)
{
	struct packet packet = packet_udp();

	begin();
	packet.fill = 1;
	for (uint16_t n = 0; n < 10; n++)
		send_rtp(n);
	for (uint32_t n = 0; n < FP_HEALTH_MISFITS; n++)
		look(&packet);
	CHECK_EQ(loop_state.rest, FP_HEALTH_REST);
	for (uint16_t n = 10; n < 10 + FP_HEALTH_REST; n++)
		if (n < 1000)
			send_rtp(n);
		else
			look(&packet);
	send_rtp(2000);
	send_rtp(2001);
	send_rtp(2003);
	check_rtp(13, 1, 0, 0);
	CHECK_EQ(loop_state.restarts, 0);
}

static void test_longest_gap_is_of_one_sender(void)
{
	begin();
	for (uint16_t n = 0; n < 10; n++)
		send_rtp(n);
	CHECK_EQ(loop_state.gap_ns, MS);
	now_ns += 70 * MS;
	send_rtp(10);
	send_rtp(11);
	CHECK_EQ(loop_state.gap_ns, 71 * MS);
}

static void test_anything_else_is_not_rtp(void)
{
	static uint8_t payload[64];
	struct packet packet = packet_udp();
	uint64_t seed = 5;

	begin();
	packet.payload = payload;
	for (uint32_t i = 0; i < 200000; i++) {
		uint64_t words[8];

		for (uint32_t n = 0; n < 8; n++)
			words[n] = check_random(&seed);
		memcpy(payload, words, sizeof(payload));
		packet.payload_bytes = (uint16_t)check_below(&seed, 65);
		look(&packet);
	}
	CHECK_EQ(loop_state.is, 0);
	CHECK_EQ(loop_state.packets, 0);
}

/* It is looked at now and then all the same. */
static void test_rtp_after_much_else_is_found(void)
{
	struct packet packet = packet_udp();

	begin();
	packet.fill = 1;
	for (uint32_t i = 0; i < 5000; i++)
		look(&packet);
	for (uint32_t n = 0; n < 2 * FP_HEALTH_REST; n++)
		send_rtp((uint16_t)n);
	CHECK_EQ(loop_state.is, FP_HEALTH_IS_RTP);
	CHECK_EQ(lost(), 0);
}

static void test_rtp_of_all_shapes_is_read(void)
{
	struct packet six = packet_udp6();
	struct media media = media_rtp(0);

	begin();
	media.sources = 3;
	media.extension = 2;
	for (uint16_t n = 0; n < 5; n++, media.number++)
		send_as(&six, &media);
	media.number += 2;
	send_as(&six, &media);
	check_rtp(6, 2, 0, 0);
}

static void test_options_tags_extensions_and_first_fragments_are_read(void)
{
	static uint8_t payload[2048];
	struct media media = media_rtp(0);

	for (uint32_t kind = 0; kind < 4; kind++) {
		begin();
		for (uint16_t n = 0; n < 10; n++) {
			struct packet packet = kind == 2 ? packet_udp6() : packet_udp();

			media.number = (uint16_t)(n < 5 ? n : n + 1);
			packet.payload_bytes = media_build(&media, payload);
			packet.payload = payload;
			packet.options_bytes = kind == 0 ? 8 : 0;
			packet.tpid = kind == 1 ? 0x8100 : 0;
			packet.tci = 10;
			packet.fragment = kind == 3 ? 0x2000 : 0;
			if (kind == 2)
				packet_extend(&packet, 60, 0);
			look_alone(&packet);
			if (kind == 3) { /* the rest of the datagram */
				packet.fragment = 8;
				look_alone(&packet);
			}
		}
		check_rtp(10, 1, 0, 0);
	}
}

static void test_ring_that_loses_accuses_nobody(void)
{
	static uint8_t vnet[4096];
	static uint8_t payload[2048];
	struct packet packet = packet_udp();

	begin();
	packet.payload = payload;
	for (uint16_t n = 0; n < 40; n++) {
		struct media media = media_rtp((uint16_t)(n < 20 ? n : n + 7));
		struct fp_frame frame;
		uint32_t len;

		packet.payload_bytes = media_build(&media, payload);
		len = packet_build(&packet, vnet);
		CHECK(fp_frame_parse(vnet + FP_VNET_BYTES, len, &frame));
		fp_health_look(&loop_state, &frame, vnet, n >= 20 && n < 30, now_ns += MS);
	}
	check_rtp(40, 0, 0, 0);
}

/* Several datagrams in one frame, as a sender with UDP_SEGMENT hands them over. */
static void test_run_is_taken_apart(void)
{
	static uint8_t vnet[4096];
	static uint8_t payload[4096];
	struct packet packet = packet_udp();
	struct virtio_net_hdr header = {.gso_type = 5, .gso_size = 32};
	struct fp_frame frame;
	uint32_t len;

	begin();
	packet.payload = payload;
	for (uint16_t n = 0; n < 10; n++) {
		struct media media = media_rtp((uint16_t)(n < 5 ? n : n + 2));

		packet.payload_bytes = (uint16_t)(packet.payload_bytes * (n != 0) +
						  media_build(&media, payload + 32 * n));
	}
	CHECK_EQ(packet.payload_bytes, 320);
	len = packet_build(&packet, vnet);
	memcpy(vnet, &header, sizeof(header));
	CHECK(fp_frame_parse(vnet + FP_VNET_BYTES, len, &frame));
	fp_health_look(&loop_state, &frame, vnet, false, now_ns);
	check_rtp(10, 2, 0, 0);
}

/* A model ------------------------------------------------------------------------------------- */

/*
 * Numbers over all time, and not only the newest: what of those between the first and the newest
 * has come, once or more often, or never. Loss is at most 20 in a row and lateness at most 40.
 */
#define SENT 200000u

static void test_counts_are_those_of_a_model_that_remembers_all(void)
{
	static uint8_t came[SENT + 64];
	uint64_t seed = 17;
	uint64_t highest = 0;
	uint64_t duplicates = 0;
	uint64_t late = 0;
	uint64_t missing = 0;
	uint64_t packets = 0;

	begin();
	memset(came, 0, sizeof(came));
	for (uint64_t n = 0; n < SENT; n++) {
		uint64_t number = n;

		if (n >= 4 && !check_below(&seed, 50))
			n = number = n + check_below(&seed, 20);
		else if (n >= 80 && !check_below(&seed, 30))
			number = highest - check_below(&seed, 40), n--;
		if (number >= SENT)
			break;
		send_rtp((uint16_t)(number + 65000));
		packets++;
		if (came[number])
			duplicates++;
		else if (number < highest)
			late++;
		came[number] = 1;
		highest = number > highest ? number : highest;
	}
	for (uint64_t number = 0; number <= highest; number++)
		missing += !came[number];
	CHECK(missing > 500 && late > 500 && duplicates > 500);
	check_rtp(packets, missing, late, duplicates);
}

int main(void)
{
	RUN(test_rtp_is_believed_after_four_in_a_row);
	RUN(test_every_other_one_lost_is_said_from_the_second_on);
	RUN(test_twice_or_in_the_wrong_order_from_the_first_on_is_believed);
	RUN(test_bursts_that_are_missing_are_counted_one_by_one);
	RUN(test_what_comes_from_before_the_window_is_no_sender_that_began_anew);
	RUN(test_gaps_are_lost_and_what_comes_late_is_not);
	RUN(test_what_comes_late_was_never_lost);
	RUN(test_lost_is_what_sixty_four_newer_ones_or_a_second_are_behind);
	RUN(test_counter_without_a_timestamp_is_not_rtp);
	RUN(test_late_one_of_before_it_was_believed_is_no_gain);
	RUN(test_numbers_that_go_on_elsewhere_are_a_restart);
	RUN(test_something_else_in_between_keeps_nobody_from_looking);
	RUN(test_what_was_not_looked_at_is_no_loss);
	RUN(test_longest_gap_is_of_one_sender);
	RUN(test_anything_else_is_not_rtp);
	RUN(test_rtp_after_much_else_is_found);
	RUN(test_rtp_of_all_shapes_is_read);
	RUN(test_options_tags_extensions_and_first_fragments_are_read);
	RUN(test_ring_that_loses_accuses_nobody);
	RUN(test_run_is_taken_apart);
	RUN(test_counts_are_those_of_a_model_that_remembers_all);
	return 0;
}
