/* One TCP connection between two namespaces, as fast as it goes.
 *
 *     stream SENDER-NS RECEIVER-NS RECEIVER-ADDRESS SECONDS
 *
 * The receiver's bytes count, over the time between its first and its last read. Prints one JSON
 * object.
 */
#include "clock.h"
#include "namespace.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHUNK_BYTES (256u << 10)

static char chunk[CHUNK_BYTES];

static double now_s(void)
{
	return (double)monotonic_ns() / 1e9;
}

static int listener_open(const char *netns, struct sockaddr_in *addr)
{
	socklen_t len = sizeof(*addr);
	struct timeval patience = {.tv_sec = 5};
	int fd, err = namespace_enter(netns);

	if (err)
		return err;
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) ||
	    bind(fd, (struct sockaddr *)addr, sizeof(*addr)) || listen(fd, 1) ||
	    getsockname(fd, (struct sockaddr *)addr, &len))
		return -errno;
	return fd;
}

static int sender_run(const char *netns, const struct sockaddr_in *addr, double seconds)
{
	struct timeval patience = {.tv_sec = 2};
	double end;
	int fd;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGPIPE, SIG_IGN);
	if (namespace_enter(netns))
		return 1;
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) ||
	    connect(fd, (const struct sockaddr *)addr, sizeof(*addr)))
		return 1;
	for (end = now_s() + seconds; now_s() < end;)
		if (send(fd, chunk, sizeof(chunk), 0) < 0)
			return 1;
	return 0;
}

static int receive(int listener, uint64_t *bytes, double *seconds)
{
	struct timeval patience = {.tv_sec = 3};
	int fd = accept(listener, NULL, NULL);
	double first, last;
	ssize_t n;

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	first = last = now_s();
	while ((n = recv(fd, chunk, sizeof(chunk), 0)) > 0) {
		*bytes += (uint64_t)n;
		last = now_s();
	}
	*seconds = last - first;
	close(fd);
	return n < 0 && errno != EAGAIN ? -errno : 0;
}

int main(int argc, char **argv)
{
	struct sockaddr_in addr = {.sin_family = AF_INET};
	uint64_t bytes = 0;
	double seconds = argc == 5 ? strtod(argv[4], NULL) : 0, elapsed = 0;
	int fd, err;
	pid_t child;

	if (seconds <= 0 || seconds > 600) {
		fprintf(stderr, "usage: stream SENDER-NS RECEIVER-NS RECEIVER-ADDRESS SECONDS\n");
		return 2;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	addr.sin_addr.s_addr = inet_addr(argv[3]);
	fd = listener_open(argv[2], &addr);
	if (fd < 0) {
		fprintf(stderr, "stream: %s: %s\n", argv[2], strerror(-fd));
		return 1;
	}
	child = fork();
	if (!child)
		_exit(sender_run(argv[1], &addr, seconds));
	err = child < 0 ? -errno : receive(fd, &bytes, &elapsed);
	if (child > 0) {
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
	}
	if (err) {
		fprintf(stderr, "stream: no connection through the switch: %s\n", strerror(-err));
		return 1;
	}
	printf("{\"bytes\": %llu, \"seconds\": %.6f}\n", (unsigned long long)bytes, elapsed);
	return 0;
}
