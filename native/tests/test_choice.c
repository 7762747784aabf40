/* Who serves a flow, by literal times. */
#include "check.h"
#include "fp_choice.h"

#define MS UINT64_C(1000000)
#define S UINT64_C(1000000000)

static const struct fp_choice_facts three_ports = {
	.allowed = true, .served = true, .spelled = true, .runs = true, .egress = 3};

/* Frames a second at which three ports take so many thousandths of a core. */
static uint64_t rate_of(uint64_t permille)
{
	return permille * S / 1000 / fp_choice_frame_ns(3);
}

/* The ring has that rate for a time; looks every 10 ms. */
static uint64_t pass_time(struct fp_choice *choice, const struct fp_choice_facts *facts,
			  uint64_t now_ns, uint64_t for_ns, uint64_t rate)
{
	for (uint64_t end_ns = now_ns + for_ns; now_ns < end_ns;) {
		now_ns += 10 * MS;
		fp_choice_count(choice, rate / 100, false);
		fp_choice_look(choice, facts, 0, false, now_ns);
	}
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

static void test_without_runs_the_kernel_has_it_at_once(void)
{
	struct fp_choice_facts facts = three_ports;
	struct fp_choice choice;

	facts.runs = false;
	fp_choice_begin(&choice, FP_PATH_RING_NEW, 0, 1 * S);
	fp_choice_look(&choice, &facts, 0, false, 1 * S);
	CHECK_EQ(choice.path, FP_PATH_KERNEL);
	CHECK_EQ(fp_choice_fast_ns(&facts), 0);
}

static void test_new_flow_is_measured_for_a_tenth_of_a_second(void)
{
	struct fp_choice choice;

	fp_choice_begin(&choice, FP_PATH_RING_NEW, 0, 1 * S);
	pass_time(&choice, &three_ports, 1 * S, 90 * MS, rate_of(600));
	CHECK_EQ(choice.path, FP_PATH_RING_NEW);
	pass_time(&choice, &three_ports, 1 * S + 90 * MS, 10 * MS, rate_of(600));
	CHECK_EQ(choice.path, FP_PATH_KERNEL);
	fp_choice_begin(&choice, FP_PATH_RING_NEW, 0, 1 * S);
	pass_time(&choice, &three_ports, 1 * S, 100 * MS, rate_of(700));
	CHECK_EQ(choice.path, FP_PATH_RING_RUNS);
}

static void test_fast_flow_stays_until_it_was_slow_for_a_second(void)
{
	struct fp_choice choice;
	uint64_t now_ns = 5 * S;

	fp_choice_begin(&choice, FP_PATH_RING_RUNS, 0, now_ns);
	now_ns = pass_time(&choice, &three_ports, now_ns, 3 * S, rate_of(500));
	CHECK_EQ(choice.path, FP_PATH_RING_RUNS); /* between the two limits */
	now_ns = pass_time(&choice, &three_ports, now_ns, 900 * MS, rate_of(300));
	CHECK_EQ(choice.path, FP_PATH_RING_RUNS);
	now_ns = pass_time(&choice, &three_ports, now_ns, 200 * MS, rate_of(450));
	now_ns = pass_time(&choice, &three_ports, now_ns, 900 * MS, rate_of(300));
	CHECK_EQ(choice.path, FP_PATH_RING_RUNS); /* it was fast again: the second begins anew */
	now_ns = pass_time(&choice, &three_ports, now_ns, 200 * MS, rate_of(300));
	CHECK_EQ(choice.path, FP_PATH_KERNEL);
}

static void test_what_the_program_throws_out_is_fast(void)
{
	struct fp_choice choice;

	fp_choice_begin(&choice, FP_PATH_KERNEL, 0, 1 * S);
	fp_choice_look(&choice, &three_ports, 100, false, 1 * S + 10 * MS);
	CHECK_EQ(choice.path, FP_PATH_KERNEL);
	fp_choice_look(&choice, &three_ports, 100, true, 1 * S + 20 * MS);
	CHECK_EQ(choice.path, FP_PATH_RING_RUNS);
	/* the limit of the program is the same: 256 frames in less are over 650 thousandths */
	CHECK(fp_choice_load(256, 3, fp_choice_fast_ns(&three_ports) - 1000) >= 650);
	CHECK(fp_choice_load(256, 3, fp_choice_fast_ns(&three_ports) + 1000) <= 650);
}

static void test_port_that_takes_runs_no_more_frees_the_flow(void)
{
	struct fp_choice_facts facts = three_ports;
	struct fp_choice choice;

	facts.runs = false;
	fp_choice_begin(&choice, FP_PATH_RING_RUNS, 0, 1 * S);
	pass_time(&choice, &facts, 1 * S, 100 * MS, rate_of(2000));
	CHECK_EQ(choice.path, FP_PATH_KERNEL);
}

/* Most frames are of a kind that the program leaves alone: they need not wait for each other. */
static void test_flow_of_odd_frames_is_left_to_the_ring_for_a_while(void)
{
	struct fp_choice choice;

	fp_choice_begin(&choice, FP_PATH_KERNEL, 1000, 1 * S);
	fp_choice_count(&choice, 60, true);
	fp_choice_count(&choice, 50, false);
	fp_choice_look(&choice, &three_ports, 1100, false, 2 * S - 1);
	CHECK_EQ(choice.path, FP_PATH_KERNEL); /* too early to say */
	fp_choice_look(&choice, &three_ports, 1100, false, 2 * S);
	CHECK_EQ(choice.path, FP_PATH_RING_FRAMES);
	CHECK(fp_choice_waits(&choice, 12 * S - 1));
	fp_choice_look(&choice, &three_ports, 1100, false, 12 * S);
	CHECK_EQ(choice.path, FP_PATH_KERNEL);
	/* as many, but the kernel has served more */
	fp_choice_count(&choice, 60, true);
	fp_choice_count(&choice, 50, false);
	fp_choice_look(&choice, &three_ports, 1300, false, 13 * S);
	CHECK_EQ(choice.path, FP_PATH_KERNEL);
}

static void test_member_of_a_pruned_flow_gets_it_from_the_kernel(void)
{
	struct fp_choice_facts facts = three_ports;
	struct fp_choice choice;

	facts.egress = 0;
	fp_choice_begin(&choice, FP_PATH_RING_NEW, 0, 1 * S);
	fp_choice_look(&choice, &facts, 0, false, 1 * S);
	CHECK_EQ(choice.path, FP_PATH_KERNEL_PRUNED);
	fp_choice_look(&choice, &three_ports, 0, false, 1 * S);
	CHECK_EQ(choice.path, FP_PATH_KERNEL);
	facts = three_ports;
	facts.served = false;
	fp_choice_look(&choice, &facts, 0, false, 1 * S);
	CHECK_EQ(choice.path, FP_PATH_RING_PORT);
	fp_choice_look(&choice, &three_ports, 0, false, 1 * S);
	CHECK_EQ(choice.path, FP_PATH_RING_NEW);
}

int main(void)
{
	RUN(test_rules_come_before_rates);
	RUN(test_without_runs_the_kernel_has_it_at_once);
	RUN(test_new_flow_is_measured_for_a_tenth_of_a_second);
	RUN(test_fast_flow_stays_until_it_was_slow_for_a_second);
	RUN(test_what_the_program_throws_out_is_fast);
	RUN(test_port_that_takes_runs_no_more_frees_the_flow);
	RUN(test_flow_of_odd_frames_is_left_to_the_ring_for_a_while);
	RUN(test_member_of_a_pruned_flow_gets_it_from_the_kernel);
	return 0;
}
