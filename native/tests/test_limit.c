/* The token bucket of a port, by literal times. */
#include "check.h"
#include "fp_limit.h"

#define START_NS UINT64_C(5000000000)
#define MS UINT64_C(1000000)

static uint32_t taken(struct fp_limit *limit, uint32_t tries, uint32_t cost, uint64_t now_ns)
{
	uint32_t count = 0;

	while (tries--)
		count += fp_limit_take(limit, cost, now_ns);
	return count;
}

static void test_burst_passes_at_once_and_then_the_rate(void)
{
	struct fp_limit limit = {0};

	fp_limit_set(&limit, 10, 20);
	CHECK_EQ(taken(&limit, 50, 1, START_NS), 20);
	CHECK_EQ(taken(&limit, 50, 1, START_NS + 50 * MS), 1); /* there is credit: into debt */
	CHECK_EQ(taken(&limit, 50, 1, START_NS + 100 * MS), 0);
	CHECK_EQ(taken(&limit, 50, 1, START_NS + 200 * MS), 1);
	CHECK_EQ(taken(&limit, 50, 1, START_NS + 10000 * MS), 20); /* never more than the burst */
}

static void test_rate_zero_lets_everything_through(void)
{
	struct fp_limit limit = {0};

	CHECK_EQ(taken(&limit, 1000, UINT16_MAX, START_NS), 1000);
	fp_limit_set(&limit, 0, 1);
	CHECK_EQ(taken(&limit, 1000, UINT16_MAX, START_NS), 1000);
}

/* One frame above the whole burst passes, and is paid off before the next. */
static void test_frame_that_costs_more_than_the_burst_leaves_a_debt(void)
{
	struct fp_limit limit = {0};

	fp_limit_set(&limit, 1000, 10);
	CHECK_EQ(taken(&limit, 5, 183, START_NS), 1);
	CHECK_EQ(taken(&limit, 5, 1, START_NS + 173 * MS), 0);
	CHECK_EQ(taken(&limit, 5, 1, START_NS + 174 * MS), 1);
}

static void test_records_count_and_not_frames(void)
{
	struct fp_limit ones = {0};
	struct fp_limit thirties = {0};

	fp_limit_set(&ones, 20000, 40000);
	fp_limit_set(&thirties, 20000, 40000);
	CHECK_EQ(taken(&ones, 100000, 1, START_NS), 40000);
	CHECK_EQ(taken(&thirties, 100000, 30, START_NS), 1334);
}

static void test_new_settings_hold_from_the_next_frame_on(void)
{
	struct fp_limit limit = {0};

	fp_limit_set(&limit, 1, 1000);
	CHECK_EQ(taken(&limit, 10, 1, START_NS), 10);
	fp_limit_set(&limit, 1000, 2);
	CHECK_EQ(taken(&limit, 10, 1, START_NS + MS), 2);
	fp_limit_set(&limit, 0, 2);
	CHECK_EQ(taken(&limit, 10, 1, START_NS + MS), 10);
	fp_limit_set(&limit, UINT32_MAX, UINT32_MAX);
	CHECK_EQ(taken(&limit, 10, UINT16_MAX, START_NS + 2 * MS), 10);
}

int main(void)
{
	RUN(test_burst_passes_at_once_and_then_the_rate);
	RUN(test_rate_zero_lets_everything_through);
	RUN(test_frame_that_costs_more_than_the_burst_leaves_a_debt);
	RUN(test_records_count_and_not_frames);
	RUN(test_new_settings_hold_from_the_next_frame_on);
	return 0;
}
