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
		station->word = fp_move_refused(station->word, port, false, station->heard, now);
		return false;
	}
	station->word = fp_move_moved(station->word, station->port, port, now);
	station->port = port;
	station->heard = now;
	return true;
}

struct claim {
	uint32_t port;
	uint64_t after;
	enum { REFUSED, GRANTED } is;
};

/* Claims of a station that was last heard at port A. */
static struct station hear_all(const struct claim *claims, uint32_t count)
{
	struct station station = {.port = A, .heard = T};

	for (uint32_t n = 0; n < count; n++) {
		bool granted = hear(&station, claims[n].port, T + claims[n].after);

		if (granted != (claims[n].is == GRANTED))
			fprintf(stderr, "claim %u of %u:\n", n + 1, count);
		CHECK_EQ(granted, claims[n].is == GRANTED);
	}
	return station;
}

static void test_who_falls_silent_at_the_old_port_moves_at_once(void)
{
	static const struct claim vm[] = {
		{B, 1, GRANTED},
		{C, 2, GRANTED}, /* and on, as often as it likes */
		{B, 10000, GRANTED},
		{A, 20000, GRANTED},
	};

	CHECK_EQ(hear_all(vm, 4).port, A);
}

static void test_late_frame_takes_the_address_back_until_the_new_port_speaks(void)
{
	struct station router = {.port = A, .heard = T};

	CHECK(hear(&router, B, T + 10));
	CHECK(hear(&router, A, T + 12)); /* was under way */
	CHECK(!fp_move_shares(router.word, router.heard, T + 12));
	CHECK(!hear(&router, B, T + 13));
	CHECK(fp_move_shares(router.word, router.heard, T + 13));
	CHECK(fp_move_shares(router.word, router.heard, T + 4000000)); /* heard there last */
	CHECK(!hear(&router, B, T + 2012));
	CHECK(hear(&router, B, T + 2013));
	CHECK_EQ(router.port, B);
}

static void test_owner_that_is_heard_again_is_held_while_it_is_heard(void)
{
	static const struct claim host[] = {
		{B, 0, GRANTED},    {A, 101, GRANTED},	{B, 2101, REFUSED},
		{A, 2101, GRANTED}, {C, 4101, REFUSED}, /* whoever claims it */
		{B, 4102, GRANTED},
	};

	hear_all(host, 6);
}

static void test_returning_shares_with_who_had_said_a_few_things(void)
{
	for (uint32_t said = 0; said < 4; said++) {
		struct station host = {.port = A, .heard = T};

		CHECK(hear(&host, B, T));
		for (uint32_t n = 0; n < said; n++)
			host.word = fp_move_heard(host.word, T + 1);
		CHECK(hear(&host, A, T + 100));
		CHECK_EQ(fp_move_shares(host.word, host.heard, T + 100), said >= 2);
	}
}

static void test_hold_does_not_grow(void)
{
	struct station host = {.port = A, .heard = T};
	uint64_t now = T;

	for (uint32_t i = 0; i < 50; i++) {
		CHECK(hear(&host, B, now));
		CHECK(hear(&host, A, now += 200));
		CHECK(!hear(&host, B, now + 2000));
		now += 2001;
	}
}

static void test_claimant_shares_for_five_seconds_once_the_owner_spoke(void)
{
	struct station host = {.port = A, .heard = T};

	CHECK(hear(&host, B, T));
	CHECK(hear(&host, A, T + 100));
	CHECK(!hear(&host, B, T + 200));
	CHECK(hear(&host, A, T + 5200));
	CHECK(fp_move_shares(host.word, host.heard, T + 5200));
	CHECK(!fp_move_shares(host.word, host.heard, T + 5201));
}

static void test_thieves_on_two_ports_are_one_dispute(void)
{
	static const struct claim host[] = {{B, 0, GRANTED},  {C, 1, GRANTED},	 {B, 2, GRANTED},
					    {C, 3, GRANTED},  {A, 200, GRANTED}, {B, 201, REFUSED},
					    {C, 201, REFUSED}};

	CHECK_EQ(hear_all(host, 7).port, A);
}

static void test_dispute_is_forgotten_64_s_after_its_last_claim(void)
{
	static const struct claim host[] = {{B, 0, GRANTED},
					    {A, 200, GRANTED},
					    {B, 300, REFUSED},
					    {A, 300 + 64001, GRANTED},
					    {B, 300 + 64001, GRANTED}};

	CHECK_EQ(fp_move_unpack(hear_all(host, 5).word).held, false);
}

static void test_roaming_to_and_fro_is_followed_after_two_seconds_of_silence(void)
{
	static const struct claim phone[] = {
		{B, 3000, GRANTED}, {A, 6000, GRANTED}, {B, 9000, GRANTED}};

	hear_all(phone, 3);
}

static void test_word_keeps_what_is_put_in(void)
{
	for (uint32_t other = 0; other < 256; other += 51) {
		for (uint32_t flags = 0; flags < 8; flags++) {
			struct fp_move in = {
				.time_ms = UINT64_C(1) << 46,
				.other = other,
				.frames = flags,
				.held = flags & 1,
				.shared = flags & 2,
			};
			struct fp_move out = fp_move_unpack(fp_move_pack(&in));

			CHECK(fp_move_pack(&in));
			CHECK_EQ(out.time_ms, in.time_ms);
			CHECK_EQ(out.other, other);
			CHECK_EQ(out.frames, in.frames);
			CHECK_EQ(out.held, in.held);
			CHECK_EQ(out.shared, in.shared);
		}
	}
}

int main(void)
{
	RUN(test_who_falls_silent_at_the_old_port_moves_at_once);
	RUN(test_late_frame_takes_the_address_back_until_the_new_port_speaks);
	RUN(test_owner_that_is_heard_again_is_held_while_it_is_heard);
	RUN(test_returning_shares_with_who_had_said_a_few_things);
	RUN(test_hold_does_not_grow);
	RUN(test_claimant_shares_for_five_seconds_once_the_owner_spoke);
	RUN(test_thieves_on_two_ports_are_one_dispute);
	RUN(test_dispute_is_forgotten_64_s_after_its_last_claim);
	RUN(test_roaming_to_and_fro_is_followed_after_two_seconds_of_silence);
	RUN(test_word_keeps_what_is_put_in);
	return 0;
}
