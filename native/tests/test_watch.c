/* A ring that stopped is told from one that is full, slow or merely quiet. */
#include "check.h"
#include "fp_watch.h"

#define SLOTS 4096u

static bool judge(struct fp_watch *watch, struct fp_look look)
{
	fp_watch_judge(watch, SLOTS, &look);
	return watch->stuck;
}

/* What a look sees, and what the ring is held to be after it. */
struct seen {
	struct fp_look look; /* delivered, drops, taken, empty */
	enum { RUNS, STUCK } is;
};

/* Looks at a ring, beginning with its first. */
static void judge_all(const struct seen *looks, uint32_t count)
{
	struct fp_watch watch = {0};

	for (uint32_t n = 0; n < count; n++) {
		bool stuck = judge(&watch, looks[n].look);

		if (stuck != (looks[n].is == STUCK))
			fprintf(stderr, "look %u of %u:\n", n + 1, count);
		CHECK_EQ(stuck, looks[n].is == STUCK);
	}
}

#define JUDGE(...)                                                                                 \
	judge_all((const struct seen[]){__VA_ARGS__},                                              \
		  sizeof((const struct seen[]){__VA_ARGS__}) / sizeof(struct seen))

static void test_first_frame_of_a_quiet_ring_that_is_dropped_says_all(void)
{
	JUDGE({{0, 0, 0, true}, RUNS}, {{0, 1, 0, true}, STUCK}, {{0, 0, 0, true}, STUCK});
}

static void test_drops_among_few_frames_cannot_be_a_full_ring(void)
{
	JUDGE({{3000, 0, 3000, true}, RUNS}, {{3000, 1, 6000, true}, STUCK});
}

static void test_full_ring_that_is_served_is_not_stuck(void)
{
	struct fp_watch watch = {0};
	uint32_t taken = 0;

	for (uint32_t n = 0; n < 100; n++) {
		taken += 100000;
		CHECK(!judge(&watch, (struct fp_look){100000, 5000, taken, n % 2}));
	}
	CHECK(!judge(&watch, (struct fp_look){0, 0, taken, true}));
}

/* The loop has had no core: the ring is full, and nothing is taken. */
static void test_full_ring_that_is_not_served_is_not_stuck(void)
{
	JUDGE({{SLOTS, 10000, 0, false}, RUNS}, {{0, 10000, 0, false}, RUNS},
	      {{0, 10, SLOTS, true}, RUNS}, /* drops of before it was emptied */
	      {{0, 0, SLOTS, true}, RUNS});
}

static void test_ring_that_stopped_in_a_flood_is_seen_at_the_next_look(void)
{
	JUDGE({{100000, 50000, 100000, true}, RUNS}, {{0, 50000, 100000, true}, STUCK});
}

static void test_ring_that_stopped_before_a_silence_is_seen_with_the_next_frame(void)
{
	JUDGE({{100000, 1, 100000, true}, RUNS}, {{0, 0, 100000, true}, RUNS},
	      {{0, 1, 100000, true}, STUCK});
}

static void test_count_may_run_over(void)
{
	struct fp_watch watch = {.taken = UINT32_MAX - 10};

	CHECK(!judge(&watch, (struct fp_look){100, 0, 89, true}));
	CHECK_EQ(watch.waiting, 0);
	CHECK(!judge(&watch, (struct fp_look){200, 0, 189, false}));
	CHECK_EQ(watch.waiting, 100);
	CHECK(judge(&watch, (struct fp_look){0, 1, 289, true}));
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
