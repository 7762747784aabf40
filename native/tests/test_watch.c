/* A ring that stopped is told from one that is full, slow or merely quiet. */
#include "check.h"
#include "fp_watch.h"

#define SLOTS 4096u

static bool judge(struct fp_watch *watch, uint32_t taken, uint64_t delivered, uint64_t drops,
		  bool empty)
{
	struct fp_look look = {
		.taken = taken,
		.delivered = delivered,
		.drops = drops,
		.empty = empty,
	};

	fp_watch_judge(watch, SLOTS, &look);
	return watch->stuck;
}

static void test_first_frame_of_a_quiet_ring_that_is_dropped_says_all(void)
{
	struct fp_watch watch = {0};

	CHECK(!judge(&watch, 0, 0, 0, true));
	CHECK(judge(&watch, 0, 0, 1, true));
	CHECK(judge(&watch, 0, 0, 0, true)); /* and it stays so */
}

static void test_drops_among_few_frames_cannot_be_a_full_ring(void)
{
	struct fp_watch watch = {0};

	CHECK(!judge(&watch, 3000, 3000, 0, true));
	CHECK(judge(&watch, 6000, 3000, 1, true));
}

static void test_full_ring_that_is_served_is_not_stuck(void)
{
	struct fp_watch watch = {0};
	uint32_t taken = 0;

	for (uint32_t n = 0; n < 100; n++) {
		taken += 100000;
		CHECK(!judge(&watch, taken, 100000, 5000, n % 2));
	}
	CHECK(!judge(&watch, taken, 0, 0, true));
}

/* The loop has had no core: the ring is full, and nothing is taken. */
static void test_full_ring_that_is_not_served_is_not_stuck(void)
{
	struct fp_watch watch = {0};

	CHECK(!judge(&watch, 0, SLOTS, 10000, false));
	CHECK(!judge(&watch, 0, 0, 10000, false));
	CHECK(!judge(&watch, SLOTS, 0, 10, true)); /* drops of before it was emptied */
	CHECK(!judge(&watch, SLOTS, 0, 0, true));
}

static void test_ring_that_stopped_in_a_flood_is_seen_at_the_next_look(void)
{
	struct fp_watch watch = {0};

	CHECK(!judge(&watch, 100000, 100000, 50000, true));
	CHECK(judge(&watch, 100000, 0, 50000, true));
}

static void test_ring_that_stopped_before_a_silence_is_seen_with_the_next_frame(void)
{
	struct fp_watch watch = {0};

	CHECK(!judge(&watch, 100000, 100000, 1, true));
	CHECK(!judge(&watch, 100000, 0, 0, true));
	CHECK(judge(&watch, 100000, 0, 1, true));
}

static void test_count_may_run_over(void)
{
	struct fp_watch watch = {.taken = UINT32_MAX - 10};

	CHECK(!judge(&watch, 89, 100, 0, true));
	CHECK_EQ(watch.waiting, 0);
	CHECK(!judge(&watch, 189, 200, 0, false));
	CHECK_EQ(watch.waiting, 100);
	CHECK(judge(&watch, 289, 0, 1, true));
}

int main(void)
{
	RUN(test_first_frame_of_a_quiet_ring_that_is_dropped_says_all);
	RUN(test_drops_among_few_frames_cannot_be_a_full_ring);
	RUN(test_full_ring_that_is_served_is_not_stuck);
	RUN(test_full_ring_that_is_not_served_is_not_stuck);
	RUN(test_ring_that_stopped_in_a_flood_is_seen_at_the_next_look);
	RUN(test_ring_that_stopped_before_a_silence_is_seen_with_the_next_frame);
	RUN(test_count_may_run_over);
	return 0;
}
