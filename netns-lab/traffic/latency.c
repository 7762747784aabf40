/* One receiver that measures: a process blocked in recvmsg on a UDP socket, as a real receiver is.
 *
 *     latency NS IF GROUP UDP-PORT SECONDS
 *
 * Joins nothing (the sink holds the memberships of the host). Two delays per datagram, both from
 * the instant the source filled the frame: to the host's interface (`port`, see arrivals.h), and to
 * the process having it (`process`). CLOCK_REALTIME on both ends of one machine. Prints one JSON
 * object with nanoseconds.
 */
#include "arrivals.h"
#include "clock.h"
#include "namespace.h"
#include "payload.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>

#define SAMPLES_MAX 2000000u

struct series {
	uint32_t *ns; /* delays over 4 s are cut to it */
	uint32_t len;
};

static void series_add(struct series *series, uint64_t from_ns, uint64_t to_ns)
{
	uint64_t delay = to_ns > from_ns ? to_ns - from_ns : 0;

	if (series->len < SAMPLES_MAX)
		series->ns[series->len++] = delay > 4000000000ULL ? 4000000000U : (uint32_t)delay;
}

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static void series_print(const char *name, struct series *series, const char *after)
{
	uint32_t n = series->len;

	if (!n) {
		printf("\"%s\": null%s", name, after);
		return;
	}
	qsort(series->ns, n, sizeof(*series->ns), compare);
	printf("\"%s\": {\"min\": %u, \"p50\": %u, \"p99\": %u, \"max\": %u}%s", name,
	       series->ns[0], series->ns[n / 2], series->ns[(uint32_t)((uint64_t)n * 99 / 100)],
	       series->ns[n - 1], after);
}

static int socket_open(const char *netns, const char *interface, const char *group, uint16_t port)
{
	struct sockaddr_in addr = {.sin_family = AF_INET,
				   .sin_port = htons(port),
				   .sin_addr.s_addr = inet_addr(group)};
	struct timeval patience = {.tv_usec = 100000};
	int buffer_bytes = 4 << 20, fd, err = namespace_enter(netns);

	if (err)
		return err;
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer_bytes, sizeof(buffer_bytes));
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) ||
	    setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, interface, (socklen_t)strlen(interface)) ||
	    bind(fd, (struct sockaddr *)&addr, sizeof(addr)))
		return -errno;
	return fd;
}

static void measure(int fd, double seconds, const struct arrivals *arrivals, struct series *port,
		    struct series *process)
{
	uint64_t end_ns = realtime_ns() + (uint64_t)(seconds * 1e9), now_ns = 0;

	while (now_ns < end_ns) {
		struct traffic_payload payload;
		ssize_t len = recv(fd, &payload, sizeof(payload), 0);

		now_ns = realtime_ns();
		if (len < (ssize_t)sizeof(payload) || payload.magic != TRAFFIC_MAGIC)
			continue;
		series_add(process, payload.time_ns, now_ns);
		series_add(port, payload.time_ns, arrival_ns(arrivals, payload.seq));
	}
}

int main(int argc, char **argv)
{
	struct series port = {0}, process = {0};
	struct arrivals arrivals;
	uint16_t udp_port;
	double seconds;
	int fd, err;

	if (argc != 6 || (seconds = strtod(argv[5], NULL)) <= 0 || seconds > 600) {
		fprintf(stderr, "usage: latency NS IF GROUP UDP-PORT SECONDS\n");
		return 2;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	port.ns = calloc(SAMPLES_MAX, sizeof(uint32_t));
	process.ns = calloc(SAMPLES_MAX, sizeof(uint32_t));
	udp_port = (uint16_t)strtoul(argv[4], NULL, 10);
	fd = socket_open(argv[1], argv[2], argv[3], udp_port);
	err = fd < 0 ? fd : arrivals_open(&arrivals, argv[2], udp_port);
	if (err || !port.ns || !process.ns) {
		fprintf(stderr, "latency: %s: %s\n", argv[1], strerror(err ? -err : ENOMEM));
		return 1;
	}
	mlockall(MCL_CURRENT | MCL_FUTURE);
	printf("ready\n");
	fflush(stdout);
	measure(fd, seconds, &arrivals, &port, &process);
	printf("{\"samples\": %u, ", process.len);
	series_print("port", &port, ", ");
	series_print("process", &process, "}\n");
	return 0;
}
