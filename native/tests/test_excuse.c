/*
 * What a link that goes down has cost is counted as that, and what an egress has refused long
 * before it went down is not. Time passes as the test says.
 */
#include <errno.h>
#include <unistd.h>

#include "check.h"
#include "fp_clock.h"
#include "fp_excuse.h"
#include "lab.h"

#define EGRESS 1u

static struct lab lab;

/* A broken egress refuses everything. */
static void start(void)
{
	lab_start(&lab, 3);
	close(lab.ports[EGRESS].wire);
	lab.ports[EGRESS].wire = -1;
	fp_kernel_fold(lab.sw);
}

static void refuse(uint32_t frames)
{
	struct packet packet = packet_udp();

	packet.fragment = 0; /* equal ids without DF: nothing is joined */
	while (frames--)
		lab_receive(&lab, 0, &packet);
	lab_run(&lab);
	lab_sent(&lab, 2);
}

/* A look after so long, as the control plane has once a second. */
static void look_after(uint64_t passed_ns)
{
	lab.sw->excuse.looked_ns -= passed_ns;
	fp_kernel_fold(lab.sw);
}

static void second(void)
{
	look_after(FP_NS_PER_S);
}

static void check_counted(uint64_t errors, uint64_t down)
{
	CHECK_EQ(lab_stat(&lab, EGRESS, FP_STAT_TX_DROP_ERROR), errors);
	CHECK_EQ(lab_stat(&lab, EGRESS, FP_STAT_TX_DROP_DOWN), down);
}

static void go_down(void)
{
	lab_set_port(&lab, EGRESS, false, 1500);
}

static void end(void)
{
	lab_end(&lab);
}

static void test_refused_before_the_news_is_down(void)
{
	start();
	refuse(7);
	check_counted(7, 0);
	go_down();
	check_counted(0, 7);
	end();
}

static void test_refused_before_a_flap_is_down(void)
{
	start();
	refuse(4);
	second();
	refuse(3);
	CHECK_EQ(fp_port_flapped(lab.sw, EGRESS), 0);
	check_counted(0, 7);
	refuse(2);
	second();
	second();
	CHECK_EQ(fp_port_flapped(lab.sw, EGRESS), 0);
	check_counted(2, 7);
	CHECK_EQ(fp_port_flapped(lab.sw, 9), -ENOENT);
	CHECK_EQ(fp_port_flapped(lab.sw, FP_PORTS_MAX), -ENOENT);
	end();
}

static void test_look_between_the_refusal_and_the_news_changes_nothing(void)
{
	start();
	refuse(7);
	second();
	refuse(2);
	go_down();
	check_counted(0, 9);
	end();
}

static void test_refused_two_looks_ago_stays(void)
{
	start();
	refuse(7);
	second();
	second();
	refuse(2);
	go_down();
	check_counted(7, 2);
	end();
}

static void test_look_before_a_long_silence_is_none(void)
{
	start();
	second();
	refuse(7);
	look_after(60 * FP_NS_PER_S);
	go_down();
	check_counted(7, 0);
	end();
}

static void test_nothing_is_told_by_a_look_of_long_ago(void)
{
	start();
	refuse(7);
	lab.sw->excuse.looked_ns -= 60 * FP_NS_PER_S;
	go_down();
	check_counted(7, 0);
	end();
}

/* Nothing is excused twice, nor is more than there was. */
static void test_down_again_and_again(void)
{
	start();
	for (uint64_t times = 1; times < 10; times++) {
		refuse(3);
		if (times % 2)
			second();
		go_down();
		check_counted(0, 3 * times);
		lab_set_port(&lab, EGRESS, true, 1500);
		if (times % 3)
			second();
	}
	end();
}

int main(void)
{
	RUN(test_refused_before_the_news_is_down);
	RUN(test_refused_before_a_flap_is_down);
	RUN(test_look_between_the_refusal_and_the_news_changes_nothing);
	RUN(test_refused_two_looks_ago_stays);
	RUN(test_look_before_a_long_silence_is_none);
	RUN(test_nothing_is_told_by_a_look_of_long_ago);
	RUN(test_down_again_and_again);
	return 0;
}
