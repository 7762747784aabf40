/* Who serves a flow, by literal times. */
#include "check.h"
#include "fp_choice.h"

#define MS UINT64_C(1000000)
#define S UINT64_C(1000000000)

static const struct fp_choice_facts three_ports = {
	.allowed = true, .served = true, .spelled = true, .runs = true, .egress = 3};

#define KERNEL_RATE 100000u

/* The time in which the kernel has served FP_PATH_RATE_FRAMES at that rate. */
static const uint64_t thrown_ns = FP_PATH_RATE_FRAMES * S / KERNEL_RATE;

/* The ring has that rate for a time; looks every 10 ms, where they are asked for. */
static uint64_t pass_time(struct fp_choice *choice, const struct fp_choice_facts *facts,
			  uint64_t now_ns, uint64_t for_ns, uint64_t rate)
{
	for (uint64_t end_ns = now_ns + for_ns; now_ns < end_ns;) {
		now_ns += 10 * MS;
		fp_choice_count(choice, rate / 100, false);
		if (!fp_choice_waits(choice, now_ns))
			fp_choice_look(choice, facts, 0, 0, now_ns);
	}
	return now_ns;
}

/* Thrown out by the program at KERNEL_RATE. */
static uint64_t begin_try(struct fp_choice *choice, uint64_t now_ns)
{
	fp_choice_begin(choice, FP_PATH_KERNEL, 0, now_ns);
	fp_choice_look(choice, &three_ports, 0, thrown_ns, now_ns);
	CHECK_EQ(choice->path, FP_PATH_RING_RUNS);
	return now_ns;
}

static void test_rules_come_before_rates(void)
{
	struct fp_choice_facts facts = three_ports;

	CHECK_EQ(fp_choice_rule(&facts), FP_PATH_KERNEL);
	facts.spelled = false;
	CHECK_EQ(fp_choice_rule(&facts), FP_PATH_RING_FRAMES);
	facts.egress = FP_PATH_EGRESS_MAX + 1;
	CHECK_EQ(fp_choice_rule(&facts), FP_PATH_RING_PORTS);
	facts.egress = 0;
	CHECK_EQ(fp_choice_rule(&facts), FP_PATH_KERNEL_PRUNED);
	facts.copied = true;
	CHECK_EQ(fp_choice_rule(&facts), FP_PATH_RING_COPIED);
	facts.served = false;
	CHECK_EQ(fp_choice_rule(&facts), FP_PATH_RING_PORT);
	facts.allowed = false;
	CHECK_EQ(fp_choice_rule(&facts), FP_PATH_RING_OFF);
}

static void test_new_flow_is_the_kernels_at_once(void)
{
	struct fp_choice_facts facts = three_ports;
	struct fp_choice choice = {0};

	fp_choice_begin(&choice, FP_PATH_RING_NEW, 0, 1 * S);
	fp_choice_look(&choice, &three_ports, 0, 0, 1 * S);
	CHECK_EQ(choice.path, FP_PATH_KERNEL);
	facts.runs = false;
	CHECK_EQ(fp_choice_fast_ns(&facts), 0); /* and stays so where nobody takes runs */
}

static void test_a_third_of_a_core_is_fast(void)
{
	/* 3300 + 3 * 800 = 5700 ns a frame: 300 thousandths are 52 631 frames/s */
	CHECK_EQ(fp_choice_fast_ns(&three_ports) / MS, 77);
}

static void test_flow_that_is_faster_in_the_ring_stays_there(void)
{
	struct fp_choice choice = {0};
	uint64_t now_ns = begin_try(&choice, 5 * S);

	now_ns = pass_time(&choice, &three_ports, now_ns, 50 * MS, 2 * KERNEL_RATE);
	CHECK(!choice.gained);
	now_ns = pass_time(&choice, &three_ports, now_ns, 10 * MS, 2 * KERNEL_RATE);
	CHECK(choice.gained);
	now_ns = pass_time(&choice, &three_ports, now_ns, 10 * S, KERNEL_RATE);
	CHECK_EQ(choice.path, FP_PATH_RING_RUNS); /* as fast as the kernel managed is not slow */
	now_ns = pass_time(&choice, &three_ports, now_ns, 900 * MS, KERNEL_RATE / 2);
	CHECK_EQ(choice.path, FP_PATH_RING_RUNS);
	now_ns = pass_time(&choice, &three_ports, now_ns, 200 * MS, KERNEL_RATE);
	now_ns = pass_time(&choice, &three_ports, now_ns, 900 * MS, KERNEL_RATE / 2);
	CHECK_EQ(choice.path, FP_PATH_RING_RUNS); /* it was fast again: the second begins anew */
	pass_time(&choice, &three_ports, now_ns, 200 * MS, KERNEL_RATE / 2);
	CHECK_EQ(choice.path, FP_PATH_KERNEL);
}

static void test_flow_with_a_pace_of_its_own_goes_back_for_longer_each_time(void)
{
	static const uint64_t waits_ms[] = {500, 1000, 2000, 4000, 4000, 4000};
	struct fp_choice choice = {0};
	uint64_t now_ns = 5 * S;

	for (uint32_t i = 0; i < sizeof(waits_ms) / sizeof(waits_ms[0]); i++) {
		now_ns = begin_try(&choice, now_ns);
		now_ns = pass_time(&choice, &three_ports, now_ns, 60 * MS, KERNEL_RATE);
		CHECK_EQ(choice.path, FP_PATH_KERNEL);
		CHECK_EQ(choice.try_ns, now_ns + waits_ms[i] * MS);
	}
	/* what gains at last may be tried soon again */
	now_ns += 5 * S;
	now_ns = begin_try(&choice, now_ns);
	now_ns = pass_time(&choice, &three_ports, now_ns, 60 * MS, 2 * KERNEL_RATE);
	now_ns = pass_time(&choice, &three_ports, now_ns, 2 * S, 10000);
	CHECK_EQ(choice.path, FP_PATH_KERNEL);
	CHECK_EQ(choice.try_ns, 0);
}

static void test_where_the_kernel_is_full_the_ring_need_not_gain(void)
{
	struct fp_choice choice = {0};
	uint64_t full_ns = FP_PATH_RATE_FRAMES * fp_choice_frame_ns(3) * 10 / 9;
	uint64_t rate = FP_PATH_RATE_FRAMES * S / full_ns;

	fp_choice_begin(&choice, FP_PATH_KERNEL, 0, 1 * S);
	fp_choice_look(&choice, &three_ports, 0, full_ns - 1000, 1 * S);
	pass_time(&choice, &three_ports, 1 * S, 60 * MS, rate);
	CHECK_EQ(choice.path, FP_PATH_RING_RUNS);
	CHECK(choice.gained);
}

static void test_port_that_takes_runs_no_more_frees_the_flow(void)
{
	struct fp_choice_facts facts = three_ports;
	struct fp_choice choice = {0};

	facts.runs = false;
	pass_time(&choice, &facts, begin_try(&choice, 1 * S), 100 * MS, 2 * KERNEL_RATE);
	CHECK_EQ(choice.path, FP_PATH_KERNEL);
}

/* Most frames are of a kind that the program leaves alone: they need not wait for each other. */
static void test_flow_of_odd_frames_is_left_to_the_ring_for_a_while(void)
{
	struct fp_choice choice = {0};

	fp_choice_begin(&choice, FP_PATH_KERNEL, 1000, 1 * S);
	fp_choice_count(&choice, 60, true);
	fp_choice_count(&choice, 50, false);
	fp_choice_look(&choice, &three_ports, 1100, 0, 2 * S - 1);
	CHECK_EQ(choice.path, FP_PATH_KERNEL); /* too early to say */
	fp_choice_look(&choice, &three_ports, 1100, 0, 2 * S);
	CHECK_EQ(choice.path, FP_PATH_RING_FRAMES);
	CHECK(fp_choice_waits(&choice, 12 * S - 1));
	fp_choice_look(&choice, &three_ports, 1100, 0, 12 * S);
	CHECK_EQ(choice.path, FP_PATH_KERNEL);
	/* as many, but the kernel has served more */
	fp_choice_count(&choice, 60, true);
	fp_choice_count(&choice, 50, false);
	fp_choice_look(&choice, &three_ports, 1300, 0, 13 * S);
	CHECK_EQ(choice.path, FP_PATH_KERNEL);
}

static void test_member_of_a_pruned_flow_gets_it_from_the_kernel(void)
{
	struct fp_choice_facts facts = three_ports;
	struct fp_choice choice = {0};

	facts.egress = 0;
	fp_choice_begin(&choice, FP_PATH_RING_NEW, 0, 1 * S);
	fp_choice_look(&choice, &facts, 0, 0, 1 * S);
	CHECK_EQ(choice.path, FP_PATH_KERNEL_PRUNED);
	fp_choice_look(&choice, &three_ports, 0, 0, 1 * S);
	CHECK_EQ(choice.path, FP_PATH_KERNEL);
	facts = three_ports;
	facts.served = false;
	fp_choice_look(&choice, &facts, 0, 0, 1 * S);
	CHECK_EQ(choice.path, FP_PATH_RING_PORT);
	fp_choice_look(&choice, &three_ports, 0, 0, 1 * S);
	CHECK_EQ(choice.path, FP_PATH_KERNEL);
}

int main(void)
{
	RUN(test_rules_come_before_rates);
	RUN(test_new_flow_is_the_kernels_at_once);
	RUN(test_a_third_of_a_core_is_fast);
	RUN(test_flow_that_is_faster_in_the_ring_stays_there);
	RUN(test_flow_with_a_pace_of_its_own_goes_back_for_longer_each_time);
	RUN(test_where_the_kernel_is_full_the_ring_need_not_gain);
	RUN(test_port_that_takes_runs_no_more_frees_the_flow);
	RUN(test_flow_of_odd_frames_is_left_to_the_ring_for_a_while);
	RUN(test_member_of_a_pruned_flow_gets_it_from_the_kernel);
	return 0;
}
