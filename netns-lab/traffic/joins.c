/* How long a quiet host waits for what it joins, time after time: a real one, by its kernel.
 *
 *     joins SOURCE-NS SOURCE-ADDRESS HOST-NS HOST-ADDRESS IF FIRST-GROUP JOINS GAP-MS LIMIT-MS
 *           [RATE]
 *
 * Each join is of another group (so that nothing is left of an earlier one). The delay counts from
 * the host's report on its wire to the first datagram at its interface. With a RATE the group's
 * stream runs at it, from before the join until it is there; without, one datagram leaves with the
 * report and then one every SEND_NS. The groups must be registered and not forwarded to the host
 * before. Joins of which nothing came until the host's second report, if that was not at once, or
 * within LIMIT-MS, are lost; early are those whose stream was there before the report. Prints one
 * JSON object.
 */
#include "arrivals.h"
#include "clock.h"
#include "namespace.h"
#include "payload.h"
#include "wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>

#define SEND_NS 500000ULL
#define LEAD_NS 2000000ULL	/* for which the stream runs before it is joined */
#define AT_ONCE_NS 250000000ULL /* the second report comes at random: so soon it says nothing */
#define PORT 5008
#define JOINS_MAX 4000u
#define RATE_MAX 100000u

static int wire = -1, host = -1, source = -1;
static uint64_t send_every_ns = SEND_NS;
static struct arrivals arrivals;
static uint32_t early;
static double delays_ms[JOINS_MAX];

static int wire_start(const char *interface)
{
	/* IGMP */
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 23),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_IGMP, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0x40000),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog program = {.len = sizeof(code) / sizeof(code[0]), .filter = code};
	uint8_t mac[6];
	int err, room = 32 << 20, fd = wire_open(interface, mac);

	if (fd < 0)
		return fd;
	/* A flood that reaches this host must not crowd out what is looked for. */
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
	if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)))
		return -errno;
	err = wire_listen(fd, interface, ETH_P_ALL);
	return err ? err : fd;
}

/* A host says what it joins twice, at random within a second: so late that it says who lost one. */
static void second_report_late(const char *interface)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/sys/net/ipv4/conf/%s/%s", interface,
		 "igmpv3_unsolicited_report_interval");
	file = fopen(path, "w");
	if (file) {
		fputs("30000", file);
		fclose(file);
	}
}

static int udp_open(const char *address, bool receives)
{
	struct sockaddr_in bound = {.sin_family = AF_INET, .sin_port = htons(PORT)};
	struct in_addr interface = {.s_addr = inet_addr(address)};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &interface, sizeof(interface)) ||
	    (receives && bind(fd, (struct sockaddr *)&bound, sizeof(bound))))
		return -errno;
	return fd;
}

/* A v3 report with a record of the group, also behind those of earlier groups; or a v2 one. */
static bool reports(const uint8_t *igmp, size_t bytes, uint32_t group)
{
	if (igmp[0] != 0x22)
		return bytes >= 8 && !memcmp(igmp + 4, &group, 4);
	for (size_t at = 8; at + 8 <= bytes; at += 8 + 4u * (igmp[at + 2] << 8 | igmp[at + 3])) {
		if (!memcmp(igmp + at + 4, &group, 4))
			return true;
	}
	return false;
}

/* When the host's next report of the group left; 0: none waits. */
static uint64_t report_next_ns(uint32_t group)
{
	struct wire_frame frame;

	while (wire_next(wire, &frame))
		if (frame.out && frame.time_ns && frame.len_bytes >= 42 &&
		    frame.data[23] == IPPROTO_IGMP &&
		    reports(frame.data + 38, frame.len_bytes - 38, group))
			return frame.time_ns;
	return 0;
}

static void datagram_send(uint32_t group, uint32_t number)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(PORT)};
	struct traffic_payload payload = {.magic = TRAFFIC_MAGIC, .seq = number};

	to.sin_addr.s_addr = group;
	sendto(source, &payload, sizeof(payload), 0, (struct sockaddr *)&to, sizeof(to));
}

/* Sends what is due at due_ns, then waits for the next or for something on the wire. */
static void stream_turn(uint32_t group, uint32_t number, uint64_t *due_ns)
{
	struct pollfd poll_wire = {.fd = wire, .events = POLLIN};
	uint64_t now_ns = realtime_ns();

	if (now_ns >= *due_ns) {
		datagram_send(group, number);
		*due_ns = now_ns + send_every_ns;
	}
	ppoll(&poll_wire, 1, &(struct timespec){.tv_nsec = (long)send_every_ns / 2}, NULL);
}

/* number: which join this is, also what its datagrams carry. */
static bool join(uint32_t group, uint32_t number, const char *address, bool runs, uint64_t limit_ns,
		 double *delay_ms)
{
	struct ip_mreq membership = {{group}, {inet_addr(address)}};
	uint64_t now_ns = realtime_ns(), due_ns = runs ? now_ns : UINT64_MAX, report_ns = 0;
	uint64_t join_ns = now_ns + (runs ? LEAD_NS : 0), arrived_ns = 0;
	bool joined = false, given_up = false;

	while (!arrived_ns && !given_up && now_ns < join_ns + limit_ns) {
		uint64_t seen_ns;

		if (!joined && now_ns >= join_ns &&
		    setsockopt(host, IPPROTO_IP, IP_ADD_MEMBERSHIP, &membership,
			       sizeof(membership)))
			return false;
		joined = joined || now_ns >= join_ns;
		while ((seen_ns = report_next_ns(group)) != 0) {
			given_up = report_ns && seen_ns > report_ns + AT_ONCE_NS;
			if (!report_ns)
				report_ns = seen_ns;
			if (due_ns == UINT64_MAX)
				due_ns = seen_ns;
		}
		stream_turn(group, number, &due_ns);
		now_ns = realtime_ns();
		arrived_ns = report_ns ? arrival_ns(&arrivals, number) : 0;
	}
	setsockopt(host, IPPROTO_IP, IP_DROP_MEMBERSHIP, &membership, sizeof(membership));
	early += arrived_ns && arrived_ns < report_ns;
	*delay_ms = arrived_ns > report_ns ? (double)(arrived_ns - report_ns) / 1e6 : 0;
	return arrived_ns != 0;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
	uint32_t first, joins, gap_ms, served = 0;
	uint64_t limit_ns, rate = argc == 11 ? strtoull(argv[10], NULL, 10) : 0;
	int err;

	if (argc < 10 || argc > 11 || rate > RATE_MAX ||
	    !(joins = (uint32_t)strtoul(argv[7], NULL, 10)) || joins > JOINS_MAX) {
		fprintf(stderr, "usage: joins SOURCE-NS SOURCE-ADDRESS HOST-NS HOST-ADDRESS IF "
				"FIRST-GROUP JOINS GAP-MS LIMIT-MS [RATE]\n");
		return 2;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_TIMERSLACK, 1UL);
	if (rate)
		send_every_ns = 1000000000ULL / rate;
	first = ntohl(inet_addr(argv[6]));
	gap_ms = (uint32_t)strtoul(argv[8], NULL, 10);
	limit_ns = strtoull(argv[9], NULL, 10) * 1000000;
	err = namespace_enter(argv[1]);
	if (!err)
		err = source = udp_open(argv[2], false);
	if (err >= 0)
		err = namespace_enter(argv[3]);
	if (err >= 0)
		err = host = udp_open(argv[4], true);
	if (err >= 0)
		err = wire = wire_start(argv[5]);
	if (err >= 0)
		err = arrivals_open(&arrivals, argv[5], PORT);
	second_report_late(argv[5]);
	if (err < 0) {
		fprintf(stderr, "joins: %s: %s\n", argv[3], strerror(-err));
		return 1;
	}
	for (uint32_t n = 0; n < joins; n++) {
		/* Not in step with anything: the gap goes from a half to one and a half. */
		long gap_ns = (long)gap_ms * 500000 + (long)(n * 7919 % 101) * gap_ms * 10000;

		served += join(htonl(first + n), n * ARRIVALS_RUN, argv[4], rate != 0, limit_ns,
			       &delays_ms[served]);
		nanosleep(&(struct timespec){.tv_sec = gap_ns / 1000000000,
					     .tv_nsec = gap_ns % 1000000000},
			  NULL);
	}
	qsort(delays_ms, served, sizeof(*delays_ms), compare);
	if (!served) {
		printf("{\"joins\": %u, \"lost\": %u, \"early\": 0}\n", joins, joins);
		return 0;
	}
	printf("{\"joins\": %u, \"lost\": %u, \"early\": %u, \"p50\": %.4f, \"p99\": %.4f, "
	       "\"max\": %.4f}\n",
	       joins, joins - served, early, delays_ms[served / 2],
	       delays_ms[served - 1 - (served - 1) / 100], delays_ms[served - 1]);
	return 0;
}
