/* Who moves moves at once; who is heard where he was has not moved. Times are in ms. */
#include "check.h"
#include "fp_move.h"

#define T UINT64_C(1000000)
#define A 3u
#define B 4u
#define C 5u

/* An entry as the fdb keeps it: every claim goes through the same two questions. */
struct station {
	uint64_t word;
	uint64_t heard;
	uint32_t port;
};

static bool hear(struct station *station, uint32_t port, uint64_t now)
{
	if (port == station->port) {
		station->heard = now;
		return true;
	}
	if (fp_move_refuses(station->word, station->heard, now)) {
		station->word = fp_move_refused(station->word, port, now);
		return false;
	}
	station->word = fp_move_moved(station->word, station->port, port, now);
	station->port = port;
	station->heard = now;
	return true;
}

static void test_who_falls_silent_at_the_old_port_moves_at_once(void)
{
	struct station vm = {.port = A, .heard = T};

	CHECK(hear(&vm, B, T + 1));
	CHECK(hear(&vm, C, T + 2)); /* and on, as often as it likes */
	CHECK(hear(&vm, B, T + 10000));
	CHECK(hear(&vm, A, T + 20000));
	CHECK_EQ(vm.port, A);
}

static void test_late_frame_holds_the_new_port_off_for_100_ms(void)
{
	struct station router = {.port = A, .heard = T};

	CHECK(hear(&router, B, T + 10));
	CHECK(hear(&router, A, T + 12)); /* was under way */
	CHECK(!hear(&router, B, T + 13));
	CHECK(!hear(&router, B, T + 112));
	CHECK(hear(&router, B, T + 113));
	CHECK_EQ(router.port, B);
}

static void test_owner_that_is_heard_again_later_is_held_for_a_second(void)
{
	struct station host = {.port = A, .heard = T};

	CHECK(hear(&host, B, T));
	CHECK(hear(&host, A, T + 101));
	CHECK(!hear(&host, B, T + 1101));
	CHECK(hear(&host, A, T + 1101));
	CHECK(!hear(&host, C, T + 2101)); /* whoever claims it */
	CHECK(hear(&host, B, T + 2102));
}

static void test_each_new_theft_holds_longer(void)
{
	static const uint64_t holds[] = {1000, 4000, 16000, 64000, 64000};
	struct station host = {.port = A, .heard = T};
	uint64_t now = T;

	for (uint32_t i = 0; i < 5; i++) {
		CHECK(hear(&host, B, now));
		now += 200;
		CHECK(hear(&host, A, now));
		CHECK(!hear(&host, B, now + holds[i]));
		now += holds[i] + 1;
	}
}

static void test_thieves_on_two_ports_are_one_dispute(void)
{
	struct station host = {.port = A, .heard = T};

	CHECK(hear(&host, B, T));
	CHECK(hear(&host, C, T + 1));
	CHECK(hear(&host, B, T + 2));
	CHECK(hear(&host, C, T + 3));
	CHECK(hear(&host, A, T + 200));
	CHECK(!hear(&host, B, T + 201));
	CHECK(!hear(&host, C, T + 201));
	CHECK_EQ(host.port, A);
}

static void test_dispute_is_forgotten_64_s_after_its_last_claim(void)
{
	struct station host = {.port = A, .heard = T};

	CHECK(hear(&host, B, T));
	CHECK(hear(&host, A, T + 200));
	CHECK(!hear(&host, B, T + 200));
	CHECK(hear(&host, A, T + 200 + 64001));
	CHECK(hear(&host, B, T + 200 + 64001));
	CHECK_EQ(fp_move_unpack(host.word).strikes, 0);
}

static void test_roaming_to_and_fro_is_served_after_a_second_of_silence(void)
{
	struct station phone = {.port = A, .heard = T};

	CHECK(hear(&phone, B, T + 3000));
	CHECK(hear(&phone, A, T + 6000));
	CHECK(hear(&phone, B, T + 9000));
}

static void test_word_keeps_what_is_put_in(void)
{
	for (uint32_t other = 0; other < 256; other += 51) {
		for (uint32_t strikes = 0; strikes <= FP_MOVE_STRIKES_MAX; strikes++) {
			struct fp_move in = {
				.time_ms = UINT64_C(1) << 46,
				.other = other,
				.strikes = strikes,
				.frames = other % 8,
				.held = strikes & 1,
			};
			struct fp_move out = fp_move_unpack(fp_move_pack(&in));

			CHECK(fp_move_pack(&in));
			CHECK_EQ(out.time_ms, in.time_ms);
			CHECK_EQ(out.other, other);
			CHECK_EQ(out.strikes, strikes);
			CHECK_EQ(out.frames, in.frames);
			CHECK_EQ(out.held, in.held);
		}
	}
}

int main(void)
{
	RUN(test_who_falls_silent_at_the_old_port_moves_at_once);
	RUN(test_late_frame_holds_the_new_port_off_for_100_ms);
	RUN(test_owner_that_is_heard_again_later_is_held_for_a_second);
	RUN(test_each_new_theft_holds_longer);
	RUN(test_thieves_on_two_ports_are_one_dispute);
	RUN(test_dispute_is_forgotten_64_s_after_its_last_claim);
	RUN(test_roaming_to_and_fro_is_served_after_a_second_of_silence);
	RUN(test_word_keeps_what_is_put_in);
	return 0;
}
