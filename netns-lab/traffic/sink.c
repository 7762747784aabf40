/* The bench's receivers: one per namespace, hosts that join through their kernel and count what
 * reaches their socket.
 *
 *     sink filter|gro|read NS:IF...
 *
 * filter  each datagram is counted by a BPF filter at the socket (see filter.h) and then dropped:
 * the default gro     the same on sockets that accept runs of datagrams (UDP_GRO), as QUIC stacks
 * and modern relays do read    no filter: a thread per receiver reads with recvmmsg and counts what
 * a process really got
 *
 * Commands arrive on stdin, one a line, and each is answered by one line of JSON on stdout:
 *     join R GROUP COUNT   receiver R (from 0) joins COUNT groups from GROUP up
 *     leave R              receiver R leaves all its groups
 *     runs 0|1             from now on receivers take runs of datagrams (gro) or single ones
 *     reset                all counters to zero
 *     read                 {"receivers": [{"datagrams": ..}..]}
 * The process ends with stdin, or with its parent.
 */
#include "clock.h"
#include "filter.h"
#include "namespace.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define RECEIVERS_MAX 32
#define GROUPS_PER_SOCKET 20 /* net.ipv4.igmp_max_memberships as it comes */
#define READ_BATCH 64

enum mode { MODE_FILTER, MODE_GRO, MODE_READ };

struct receiver {
	char netns[64];
	char interface[IFNAMSIZ];
	/* IPv4 and IPv6: bound, they count; join nothing, so the kernel walks no list per datagram
	 */
	int fds[2];
	int *holders; /* sockets that hold the memberships */
	uint32_t holders_len;
	uint32_t groups;
	struct filter filter;
	struct filter_counters *counters; /* the filter's, or our own in mode read */
	pthread_t thread;
};

static struct receiver receivers[RECEIVERS_MAX];
static uint32_t receivers_len;
static enum mode mode;
static int skip_bytes; /* of a datagram, before what the bench has put into it */

static void datagram_count(struct filter_counters *counters, const uint8_t *data, size_t len_bytes)
{
	struct traffic_payload payload;

	if (len_bytes < sizeof(payload)) {
		counters->foreign++;
		return;
	}
	memcpy(&payload, data, sizeof(payload));
	if (payload.magic != TRAFFIC_MAGIC || payload.flow >= TRAFFIC_FLOWS_MAX) {
		counters->foreign++;
		return;
	}
	if (counters->next_seq[payload.flow] != payload.seq)
		counters->gaps++;
	counters->next_seq[payload.flow] = payload.seq + 1;
	counters->datagrams++;
	counters->batches++;
	counters->bytes += len_bytes;
	counters->last_ns = monotonic_ns();
	if (!counters->first_ns)
		counters->first_ns = counters->last_ns;
}

/* Mode read: the counters are this thread's; `reset` and `read` come while no traffic runs. */
static void *reader(void *arg)
{
	struct receiver *r = arg;
	static _Thread_local uint8_t data[READ_BATCH][2048];
	struct iovec iov[READ_BATCH];
	struct mmsghdr msgs[READ_BATCH];

	for (uint32_t i = 0; i < READ_BATCH; i++) {
		iov[i] = (struct iovec){data[i], sizeof(data[i])};
		msgs[i].msg_hdr = (struct msghdr){.msg_iov = &iov[i], .msg_iovlen = 1};
	}
	for (;;) {
		int n = recvmmsg(r->fds[0], msgs, READ_BATCH, MSG_WAITFORONE, NULL);

		for (int i = 0; i < n; i++)
			datagram_count(r->counters, data[i] + skip_bytes,
				       msgs[i].msg_len > (uint32_t)skip_bytes
					       ? msgs[i].msg_len - (uint32_t)skip_bytes
					       : 0);
	}
	return NULL;
}

static int socket_bind(int fd, bool ipv6)
{
	struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons(TRAFFIC_PORT)};
	struct sockaddr_in6 addr6 = {.sin6_family = AF_INET6, .sin6_port = htons(TRAFFIC_PORT)};
	int one = 1;

	if (!ipv6)
		return bind(fd, (struct sockaddr *)&addr, sizeof(addr)) ? -errno : 0;
	if (setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one)))
		return -errno;
	return bind(fd, (struct sockaddr *)&addr6, sizeof(addr6)) ? -errno : 0;
}

static int socket_open(struct receiver *r, bool ipv6)
{
	int one = 1, buffer_bytes = 4 << 20;
	int fd = socket(ipv6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	r->fds[ipv6] = fd;
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer_bytes, sizeof(buffer_bytes));
	if (mode == MODE_GRO && setsockopt(fd, IPPROTO_UDP, UDP_GRO, &one, sizeof(one)))
		return -errno;
	if (mode != MODE_READ && setsockopt(fd, SOL_SOCKET, SO_ATTACH_BPF, &r->filter.prog_fd,
					    sizeof(r->filter.prog_fd)))
		return -errno;
	return socket_bind(fd, ipv6);
}

static int receiver_open(struct receiver *r, const char *where, int home)
{
	const char *colon = strchr(where, ':');
	int err;

	if (!colon || (size_t)(colon - where) >= sizeof(r->netns) || strlen(colon + 1) >= IFNAMSIZ)
		return -EINVAL;
	memcpy(r->netns, where, (size_t)(colon - where));
	strcpy(r->interface, colon + 1);
	if (mode == MODE_READ) {
		r->counters = calloc(1, sizeof(*r->counters));
		if (!r->counters)
			return -ENOMEM;
	} else {
		err = filter_open(&r->filter, skip_bytes);
		if (err)
			return err;
		r->counters = r->filter.counters;
	}
	err = namespace_enter(r->netns);
	if (!err)
		err = socket_open(r, false);
	if (!err && mode != MODE_READ)
		err = socket_open(r, true);
	if (namespace_return(home) || err)
		return err ? err : -EIO;
	return mode == MODE_READ ? -pthread_create(&r->thread, NULL, reader, r) : 0;
}

/* A group, and where it is joined; the next one is one up. */
struct membership {
	bool ipv6;
	int index;
	uint8_t group[16];
};

static int group_join(int fd, struct membership *next)
{
	uint8_t *last_at = next->group + (next->ipv6 ? 12 : 0);
	struct ip_mreqn mreq = {.imr_ifindex = next->index};
	struct ipv6_mreq mreq6 = {.ipv6mr_interface = (unsigned int)next->index};
	uint32_t last;
	int err;

	memcpy(&mreq.imr_multiaddr, next->group, 4);
	memcpy(&mreq6.ipv6mr_multiaddr, next->group, 16);
	err = next->ipv6 ? setsockopt(fd, IPPROTO_IPV6, IPV6_JOIN_GROUP, &mreq6, sizeof(mreq6))
			 : setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &mreq, sizeof(mreq));
	memcpy(&last, last_at, 4);
	last = htonl(ntohl(last) + 1);
	memcpy(last_at, &last, 4);
	return err ? -errno : 0;
}

static int holder_add(struct receiver *r, struct membership *next, uint32_t count)
{
	int fd = socket(next->ipv6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int *grown;
	int err = 0;

	if (fd < 0)
		return -errno;
	grown = realloc(r->holders, (r->holders_len + 1) * sizeof(int));
	if (!grown) {
		close(fd);
		return -ENOMEM;
	}
	r->holders = grown;
	r->holders[r->holders_len++] = fd;
	for (uint32_t i = 0; i < count && !err; i++) {
		err = group_join(fd, next);
		r->groups += !err;
	}
	return err;
}

static int receiver_join(struct receiver *r, const char *group, uint32_t count, int home)
{
	struct membership next = {.ipv6 = strchr(group, ':') != NULL};
	int err = namespace_enter(r->netns);

	if (err)
		return err;
	next.index = (int)if_nametoindex(r->interface);
	if (inet_pton(next.ipv6 ? AF_INET6 : AF_INET, group, next.group) != 1)
		err = -EINVAL;
	while (!err && count) {
		uint32_t part = count < GROUPS_PER_SOCKET ? count : GROUPS_PER_SOCKET;

		err = holder_add(r, &next, part);
		count -= part;
	}
	return namespace_return(home) || err ? (err ? err : -EIO) : 0;
}

static void receiver_leave(struct receiver *r)
{
	for (uint32_t i = 0; i < r->holders_len; i++)
		close(r->holders[i]);
	free(r->holders);
	r->holders = NULL;
	r->holders_len = r->groups = 0;
}

/* Without UDP_GRO the kernel cuts a run into datagrams before the socket's filter sees it. */
static int runs_set(int accepted)
{
	for (uint32_t i = 0; i < 2 * receivers_len; i++)
		if (setsockopt(receivers[i / 2].fds[i % 2], IPPROTO_UDP, UDP_GRO, &accepted,
			       sizeof(accepted)))
			return -errno;
	return 0;
}

static void counters_print(void)
{
	printf("{\"receivers\": [");
	for (uint32_t i = 0; i < receivers_len; i++) {
		const struct filter_counters *c = receivers[i].counters;

		printf("%s{\"datagrams\": %llu, \"foreign\": %llu, \"gaps\": %llu, \"bytes\": "
		       "%llu, \"batches\": %llu, "
		       "\"first_ns\": %llu, \"last_ns\": %llu, \"groups\": %u}",
		       i ? ", " : "", (unsigned long long)c->datagrams,
		       (unsigned long long)c->foreign, (unsigned long long)c->gaps,
		       (unsigned long long)c->bytes, (unsigned long long)c->batches,
		       (unsigned long long)c->first_ns, (unsigned long long)c->last_ns,
		       receivers[i].groups);
	}
	printf("]}\n");
}

static int command_run(const char *line, int home)
{
	char group[INET6_ADDRSTRLEN];
	unsigned int index, count;
	uint64_t start_ns = monotonic_ns();
	int err = 0;

	if (sscanf(line, "join %u %45s %u", &index, group, &count) == 3 && index < receivers_len) {
		err = receiver_join(&receivers[index], group, count, home);
	} else if (sscanf(line, "leave %u", &index) == 1 && index < receivers_len) {
		receiver_leave(&receivers[index]);
	} else if (sscanf(line, "runs %u", &index) == 1 && index <= 1 && mode != MODE_READ) {
		err = runs_set((int)index);
	} else if (!strncmp(line, "reset", 5)) {
		for (uint32_t i = 0; i < receivers_len; i++)
			memset(receivers[i].counters, 0, sizeof(struct filter_counters));
	} else if (!strncmp(line, "read", 4)) {
		counters_print();
		return 0;
	} else {
		err = -EINVAL;
	}
	if (err)
		printf("{\"error\": \"%s\"}\n", strerror(-err));
	else
		printf("{\"start_ns\": %llu}\n", (unsigned long long)start_ns);
	return err;
}

/* With RTP before what the bench has put into a datagram, or without. */
static int mode_parse(const char *name)
{
	static const char *const names[] = {"filter", "gro", "read"};

	for (int i = 0; i < 3; i++) {
		size_t len = strlen(names[i]);

		if (strncmp(name, names[i], len) || (name[len] && strcmp(name + len, "+rtp")))
			continue;
		skip_bytes = name[len] ? TRAFFIC_RTP_BYTES : 0;
		return i;
	}
	return -EINVAL;
}

int main(int argc, char **argv)
{
	struct rlimit files = {65536, 65536};
	int home = namespace_here(), parsed = argc > 2 ? mode_parse(argv[1]) : -EINVAL;
	char line[256];

	if (parsed < 0 || argc - 2 > RECEIVERS_MAX || home < 0) {
		fprintf(stderr, "usage: sink filter|gro|read[+rtp] NS:IF... (at most %d)\n",
			RECEIVERS_MAX);
		return 2;
	}
	mode = (enum mode)parsed;
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	signal(SIGINT, SIG_IGN); /* Ctrl-C is the bench's to handle: it closes our stdin */
	setrlimit(RLIMIT_NOFILE, &files);
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (int i = 2; i < argc; i++) {
		int err = receiver_open(&receivers[receivers_len], argv[i], home);

		if (err) {
			fprintf(stderr, "sink: %s: %s\n", argv[i], strerror(-err));
			return 1;
		}
		receivers_len++;
	}
	printf("{\"ready\": %u}\n", receivers_len);
	while (fgets(line, sizeof(line), stdin))
		command_run(line, home);
	return 0;
}
