/* How a loop waits: what wakes it, and that it is awake when the next frame is due. */
#include <pthread.h>
#include <sched.h>
#include <unistd.h>

#include "check.h"
#include "fp_clock.h"
#include "fp_wait.h"
#include "lab.h"

#define MS UINT64_C(1000000)

static struct fp_switch *sw;
static struct fp_worker *worker;

/* A worker without ports that has seen the newest table: it sleeps on its wake_fd alone. */
static void start(uint32_t spin_us)
{
	struct fp_config config = lab_config();

	config.spin_us = spin_us;
	sw = fp_switch_new(&config);
	CHECK(sw);
	worker = sw->workers[0];
	worker->seq_ports = fp_load_relaxed(&sw->table)->seq;
	worker->polls[0] = (struct pollfd){.fd = worker->wake_fd, .events = POLLIN};
}

static uint64_t sleeps(void)
{
	return fp_load_relaxed(&worker->sleeps);
}

static void test_wake_ends_a_sleep_and_is_used_up(void)
{
	uint64_t ticks;

	start(0);
	fp_worker_wake(worker);
	fp_worker_wake(worker);
	CHECK_EQ(fp_wait(sw, worker), 0);
	CHECK_EQ(sleeps(), 1);
	CHECK(read(worker->wake_fd, &ticks, sizeof(ticks)) < 0);
	fp_switch_free(sw);
}

static void test_publish_and_stop_are_seen_without_sleeping(void)
{
	start(50000);
	CHECK_EQ(fp_switch_publish(sw, NULL, 0, NULL, 0, NULL, 0, NULL, 0), 0);
	CHECK_EQ(fp_wait(sw, worker), 0);
	CHECK_EQ(sleeps(), 0);
	worker->seq_ports = fp_load_relaxed(&sw->table)->seq;
	fp_switch_stop(sw);
	CHECK_EQ(fp_wait(sw, worker), 0);
	CHECK_EQ(sleeps(), 0);
	fp_switch_free(sw);
}

/* Not on the core that it may need, and not by yielding to it for all it has to do. */
static void test_loop_does_not_spin_while_the_control_thread_decides(void)
{
	struct packet packet = packet_udp();
	static uint8_t drained[1 << 20];
	struct lab lab;
	uint8_t vnet[256];

	lab_start(&lab, 2);
	lab.sw->config.spin_us = 5000000;
	packet.protocol = 2;
	CHECK(fake_ring_put(&lab.ports[0].control, vnet, packet_build(&packet, vnet), FAKE_NO_TAG,
			    0));
	CHECK_EQ(lab_pass(&lab), 1);
	CHECK_EQ(lab_pass(&lab), 0);
	fp_worker_wake(lab.sw->workers[0]);
	CHECK_EQ(fp_wait(lab.sw, lab.sw->workers[0]), 0);
	CHECK_EQ(fp_load_relaxed(&lab.sw->workers[0]->sleeps), 1);
	CHECK(fp_punt_drain(lab.sw, drained, sizeof(drained), 1000) > 0);
	CHECK(fp_load_relaxed(&lab.sw->deciding));
	fp_punt_decided(lab.sw);
	CHECK(!fp_load_relaxed(&lab.sw->deciding));
	lab_end(&lab);
}

static void test_frame_in_a_ring_ends_the_spinning(void)
{
	struct packet packet = packet_udp();
	struct lab lab;

	lab_start(&lab, 2);
	lab.sw->config.spin_us = 50000;
	lab_pass(&lab); /* reads the ports */
	lab_receive(&lab, 1, &packet);
	CHECK_EQ(fp_wait(lab.sw, lab.sw->workers[0]), 0);
	CHECK_EQ(fp_load_relaxed(&lab.sw->workers[0]->sleeps), 0);
	lab_end(&lab);
}

/* Once the first sleep is over, the next one, that would have no end, ends at once. */
static void *wake_after_a_sleep(void *argument)
{
	uint64_t end_ns = fp_now_ns() + 10000 * MS;

	(void)argument;
	while (!sleeps() && fp_now_ns() < end_ns)
		sched_yield();
	fp_worker_wake(worker);
	return NULL;
}

/* It sleeps to shortly before, is awake around that time, then sleeps without end. */
static void test_foreseen_frame_that_does_not_come_is_waited_for_once(void)
{
	pthread_t waker;

	start(200);
	worker->pace = (struct fp_pace){.last_ns = fp_now_ns(), .gap_ns = 300 * MS, .even = true};
	CHECK(!pthread_create(&waker, NULL, wake_after_a_sleep, NULL));
	CHECK_EQ(fp_wait(sw, worker), 0);
	CHECK(!pthread_join(waker, NULL));
	CHECK_EQ(sleeps(), 2);
	CHECK(!worker->pace.even);
	fp_switch_free(sw);
}

/* A pace of the past keeps nobody awake. */
static void test_frame_long_overdue_is_not_waited_for(void)
{
	start(200);
	worker->pace = (struct fp_pace){
		.last_ns = fp_now_ns() - 1000 * MS, .gap_ns = 100 * MS, .even = true};
	fp_worker_wake(worker);
	CHECK_EQ(fp_wait(sw, worker), 0);
	CHECK_EQ(sleeps(), 1);
	fp_switch_free(sw);
}

int main(void)
{
	RUN(test_wake_ends_a_sleep_and_is_used_up);
	RUN(test_publish_and_stop_are_seen_without_sleeping);
	RUN(test_loop_does_not_spin_while_the_control_thread_decides);
	RUN(test_frame_in_a_ring_ends_the_spinning);
	RUN(test_foreseen_frame_that_does_not_come_is_waited_for_once);
	RUN(test_frame_long_overdue_is_not_waited_for);
	return 0;
}
