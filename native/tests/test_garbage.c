/* What is held a second time outlives its process for a moment, and nobody who has untied it. */
#include "fp_garbage.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

#define SOON_MS 20000

/* Has every writer of a pipe gone, within this time? */
static bool hung_up(int reader, int within_ms)
{
	struct pollfd poll_for = {.fd = reader, .events = POLLIN};

	return poll(&poll_for, 1, within_ms) == 1 && poll_for.revents & POLLHUP;
}

static void test_untied_it_is_closed_with_its_last_descriptor(void)
{
	int ends[2];
	int knot;

	CHECK(!pipe(ends));
	knot = fp_garbage_tie(&ends[1], 1);
	CHECK(knot >= 0);
	CHECK_EQ(fcntl(knot, F_GETFD), FD_CLOEXEC);
	close(ends[1]);
	CHECK(!hung_up(ends[0], 0));
	fp_garbage_untie(knot);
	CHECK(hung_up(ends[0], 0));
	close(ends[0]);
}

/* Of a process that is killed: the kernel lets go of it. */
static void test_it_goes_soon_after_who_held_it(void)
{
	int ends[2], others[2];
	int said[2];
	char something;
	pid_t child;

	CHECK(!pipe(ends) && !pipe(said));
	child = fork();
	CHECK(child >= 0);
	if (!child) {
		if (socketpair(AF_UNIX, SOCK_STREAM, 0, others) || /* what makes it look */
		    fp_garbage_tie(&ends[1], 1) < 0 || write(said[1], "", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(ends[1]);
	close(said[1]);
	CHECK_EQ(read(said[0], &something, 1), 1);
	CHECK(!hung_up(ends[0], 0));
	CHECK(!kill(child, SIGKILL));
	CHECK_EQ(waitpid(child, NULL, 0), child);
	CHECK(hung_up(ends[0], SOON_MS));
	close(ends[0]);
	close(said[0]);
}

static void test_given_away_it_goes_soon(void)
{
	int ends[2];

	CHECK(!pipe(ends));
	CHECK(!fp_garbage_give(&ends[1], 1));
	CHECK(fcntl(ends[1], F_GETFD) < 0);
	CHECK(hung_up(ends[0], SOON_MS));
	close(ends[0]);
}

/* The descriptors stay whose they are, and none is left over. */
static void test_what_cannot_be_is_refused(void)
{
	int many[FP_GARBAGE_MAX + 1] = {0};
	int bad = 1 << 20;
	int next = dup(0);

	CHECK_EQ(fp_garbage_tie(many, FP_GARBAGE_MAX + 1), -E2BIG);
	CHECK_EQ(fp_garbage_give(many, FP_GARBAGE_MAX + 1), -E2BIG);
	CHECK_EQ(fp_garbage_tie(&bad, 1), -EBADF);
	CHECK_EQ(fp_garbage_give(&bad, 1), -EBADF);
	close(next);
	CHECK_EQ(dup(0), next);
	close(next);
}

int main(void)
{
	RUN(test_untied_it_is_closed_with_its_last_descriptor);
	RUN(test_it_goes_soon_after_who_held_it);
	RUN(test_given_away_it_goes_soon);
	RUN(test_what_cannot_be_is_refused);
	return 0;
}
