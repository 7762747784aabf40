/* Foresight of the next frame: what makes a pace, and what ends it. */
#include "check.h"
#include "fp_pace.h"

#define GAP UINT64_C(500000)

static struct fp_pace paced(uint32_t arrivals, uint64_t *now_ns)
{
	struct fp_pace pace = {0};

	for (uint32_t i = 0; i < arrivals; i++) {
		*now_ns += GAP;
		fp_pace_arrived(&pace, *now_ns);
	}
	return pace;
}

static void test_two_gaps_that_are_alike_make_a_pace(void)
{
	uint64_t now_ns = 7 * GAP;
	struct fp_pace pace = paced(2, &now_ns);

	CHECK_EQ(fp_pace_expected(&pace), 0);
	now_ns += GAP + GAP / 4;
	fp_pace_arrived(&pace, now_ns);
	CHECK_EQ(fp_pace_expected(&pace), now_ns + GAP + GAP / 4);
}

static void test_an_odd_gap_ends_it(void)
{
	uint64_t now_ns = 7 * GAP;
	struct fp_pace pace = paced(5, &now_ns);

	CHECK(fp_pace_expected(&pace) == now_ns + GAP);
	fp_pace_arrived(&pace, now_ns + 2 * GAP);
	CHECK_EQ(fp_pace_expected(&pace), 0);
}

static void test_a_miss_ends_it_until_two_gaps_agree_again(void)
{
	uint64_t now_ns = 7 * GAP;
	struct fp_pace pace = paced(5, &now_ns);

	fp_pace_missed(&pace);
	CHECK_EQ(fp_pace_expected(&pace), 0);
	fp_pace_arrived(&pace, now_ns + GAP);
	CHECK_EQ(fp_pace_expected(&pace), 0);
	fp_pace_arrived(&pace, now_ns + 2 * GAP);
	CHECK_EQ(fp_pace_expected(&pace), now_ns + 3 * GAP);
}

static void test_a_slow_pace_is_slept_through(void)
{
	struct fp_pace pace = {0};

	for (uint64_t i = 1; i < 6; i++)
		fp_pace_arrived(&pace, i * (FP_PACE_GAP_MAX_NS + 1));
	CHECK_EQ(fp_pace_expected(&pace), 0);
}

int main(void)
{
	RUN(test_two_gaps_that_are_alike_make_a_pace);
	RUN(test_an_odd_gap_ends_it);
	RUN(test_a_miss_ends_it_until_two_gaps_agree_again);
	RUN(test_a_slow_pace_is_slept_through);
	return 0;
}
