#include "fp_wait.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fp_clock.h"

#define SPIN_CHECKS 16u	    /* looks at the rings between two yields */
#define SPIN_LATE_NS 10000u /* a round of looks and a yield that took longer: somebody ran */
#define TIMER_SLACK_NS 1000ul
#define SLICE_NS 100000u /* the least that a kernel takes */

/* The kernel's struct sched_attr: its header and the C library's do not go together. */
struct thread_attr {
	uint32_t size;
	uint32_t policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime_ns;
	uint64_t deadline_ns;
	uint64_t period_ns;
};

static inline void pause_core(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#endif
}

static bool work_waits(const struct fp_switch *sw, const struct fp_worker *worker)
{
	for (uint32_t i = 0; i < worker->port_count; i++) {
		if (fp_ring_ready(&worker->ports[i]->data) ||
		    fp_ring_ready(&worker->ports[i]->control))
			return true;
	}
	/* relaxed: a hint. acquire: seq is read through it; pairs with fp_publish_end() */
	return fp_load_relaxed(&sw->stop) || fp_load_acquire(&sw->table)->seq != worker->seq_ports;
}

/*
 * Looks for work until end_ns, in time that nobody else wants: a yield that comes back late has let
 * another thread run here, and then spinning would only take its core. True when there is work.
 */
static bool spin(const struct fp_switch *sw, const struct fp_worker *worker, uint64_t end_ns)
{
	uint64_t now_ns = fp_now_ns();

	while (now_ns < end_ns) {
		uint64_t before_ns = now_ns;

		for (uint32_t i = 0; i < SPIN_CHECKS; i++) {
			if (work_waits(sw, worker))
				return true;
			pause_core();
		}
		sched_yield();
		now_ns = fp_now_ns();
		if (now_ns - before_ns > SPIN_LATE_NS)
			break;
	}
	return work_waits(sw, worker);
}

static int handle(const struct fp_worker *worker, const struct pollfd *event)
{
	int err = 0;
	socklen_t len = sizeof(err);
	uint64_t ticks;

	if (event->fd == worker->wake_fd) {
		if (event->revents && read(event->fd, &ticks, sizeof(ticks)) < 0 && errno != EAGAIN)
			return -errno;
	} else if (event->revents & POLLERR) {
		/* the interface went down; reading the error clears it */
		getsockopt(event->fd, SOL_SOCKET, SO_ERROR, &err, &len);
	}
	return 0;
}

/*
 * Sleeps until a ring is readable, the table changed or the switch is stopped, or for a time (0:
 * without end). The number of events, or -errno.
 */
static int sleep_until_work(struct fp_worker *worker, uint64_t timeout_ns)
{
	struct timespec timeout = {
		.tv_sec = (time_t)(timeout_ns / FP_NS_PER_S),
		.tv_nsec = (long)(timeout_ns % FP_NS_PER_S),
	};
	nfds_t polls = 1 + 2 * (nfds_t)worker->port_count;
	int count = ppoll(worker->polls, polls, timeout_ns ? &timeout : NULL, NULL);
	int err = 0;

	fp_count(&worker->sleeps, 1);
	if (count < 0)
		return errno == EINTR ? 0 : -errno;
	for (nfds_t i = 0; i < polls && count && !err; i++)
		err = handle(worker, &worker->polls[i]);
	return err ? err : count;
}

/* How long a sleep may be, 0: without end. What the kernel serves ahead of a join ends in time. */
static uint64_t longest_ns(const struct fp_worker *worker)
{
	/* relaxed: the loop's own */
	return fp_load_relaxed(&worker->slots.ahead_count) ? FP_JOINS_NS : 0;
}

/* Is awake around the time the next frame is due. 1: work, 0: none came, or -errno. */
static int foresee(const struct fp_switch *sw, struct fp_worker *worker, uint64_t spin_ns)
{
	uint64_t expected_ns = fp_pace_expected(&worker->pace);
	uint64_t now_ns = fp_now_ns();
	int events;

	if (expected_ns + spin_ns <= now_ns)
		return 0;
	if (expected_ns > now_ns + spin_ns) {
		events = sleep_until_work(worker, expected_ns - now_ns - spin_ns);
		if (events)
			return events;
	}
	if (spin(sw, worker, expected_ns + spin_ns))
		return 1;
	fp_pace_missed(&worker->pace);
	return 0;
}

/*
 * The loop asks for its share of the core in short slices, so that the kernel (from 6.12 on) runs
 * it when it is woken, and not when somebody's longer slice is over: mostly that of the control
 * thread, which was woken by what the loop has just handed up. The share stays what it was. Other
 * kernels ignore the length, and what forbids the call costs nothing but that.
 */
static void ask_for_short_slices(void)
{
	struct thread_attr attr = {.size = sizeof(attr)};

	if (syscall(SYS_sched_getattr, 0, &attr, sizeof(attr), 0) || attr.policy != SCHED_OTHER)
		return;
	attr.runtime_ns = SLICE_NS;
	syscall(SYS_sched_setattr, 0, &attr, 0);
}

void fp_wait_begin(void)
{
	prctl(PR_SET_TIMERSLACK, TIMER_SLACK_NS, 0, 0, 0);
	ask_for_short_slices();
}

int fp_wait(const struct fp_switch *sw, struct fp_worker *worker)
{
	uint64_t spin_ns = (uint64_t)sw->config.spin_us * 1000;
	int result = 0;

	/*
	 * While the control thread decides what it was handed it may be on this core, and a yield
	 * would give it the core for all that it has to do: who sleeps is woken ahead of it.
	 * relaxed: a hint
	 */
	if (!spin_ns || fp_load_relaxed(&sw->deciding)) {
		result = sleep_until_work(worker, longest_ns(worker));
		return result < 0 ? result : 0;
	}
	if (!spin(sw, worker, fp_now_ns() + spin_ns))
		result = foresee(sw, worker, spin_ns);
	else
		result = 1;
	if (!result)
		result = sleep_until_work(worker, longest_ns(worker));
	fp_pace_arrived(&worker->pace, fp_now_ns());
	return result < 0 ? result : 0;
}
