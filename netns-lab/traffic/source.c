/* The bench's source of traffic: paced UDP frames of either family, complete as they would come off
 * a wire: multicast, or with --mac to one host, whose address is then the group's.
 *
 * Frames are built here (DF, ID 0 as Linux sends atomic datagrams, TTL 16, valid IPv4 and UDP
 * checksums) and leave one by one through an AF_PACKET socket with sendmmsg: never as one GSO
 * frame, so that nobody is handed work already joined. With --udp the same datagrams are sent
 * through a UDP socket, as programs do: the kernel builds the headers, at a cost of its own, and
 * leaves the UDP checksum to the device. Streams are round-robin, frame by frame.
 * Pace: a burst of at most --burst frames per 100 us of the offered rate, sleeping in between, so
 * that a switch that shares the machine's cores gets them. Rate 0 is as fast as it goes.
 *
 * Prints one JSON object when done. Ends by itself: --seconds and --frames both bound the run.
 */
#include "clock.h"
#include "flow.h"
#include "namespace.h"
#include "payload.h"
#include "wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <net/if.h>
#include <netinet/ether.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define BURST_MAX 64
#define FRAME_MAX 1514
#define SECOND_NS 1000000000ULL
#define BURST_NS 100000ULL /* frames offered within this time leave together */

struct options {
	const char *netns;
	const char *interface;
	const char *source;
	const char *group; /* first group; the others count up from it */
	uint32_t groups;
	uint32_t size_bytes; /* of the frame without FCS */
	uint32_t burst;
	uint64_t rate;	 /* frames per second, 0 = unpaced */
	uint64_t frames; /* stop after so many, 0 = by time alone */
	double seconds;
	uint16_t port;	 /* UDP, both ends */
	uint16_t vlan;	 /* of an 802.1Q tag; 0: none */
	bool udp;	 /* through a UDP socket */
	bool rtp;	 /* streams of media: behind a header of RTP */
	const char *mac; /* of the host it is for, if it is for one */
	int cpu;
};

struct source {
	struct options opt;
	int fd;
	struct flow *flows;
	uint32_t next_flow;
	uint8_t frames[BURST_MAX][FRAME_MAX];
	struct iovec iov[BURST_MAX];
	struct mmsghdr msgs[BURST_MAX];
	struct sockaddr_in groups[BURST_MAX]; /* destinations of msgs, UDP socket only */
	uint64_t sent;
	uint64_t refused; /* send() failures other than a full queue */
	uint64_t full;	  /* ENOBUFS: the frame was not taken and is not counted as sent */
};

static volatile sig_atomic_t stopped;

static void on_signal(int number)
{
	(void)number;
	stopped = 1;
}

/* Send count frames in order; a frame the device refuses is skipped and counted. */
static void burst_send(struct source *src, uint32_t count)
{
	uint64_t now_ns = realtime_ns();
	uint32_t done = 0;

	for (uint32_t i = 0; i < count; i++) {
		const uint8_t *group = src->flows[src->next_flow].headers + 30; /* of UDP's */

		flow_frame_next(&src->flows[src->next_flow], now_ns, src->frames[i]);
		memcpy(&src->groups[i].sin_addr, group, 4);
		if (++src->next_flow == src->opt.groups)
			src->next_flow = 0;
	}
	while (done < count) {
		int n = sendmmsg(src->fd, src->msgs + done, count - done, 0);

		if (n > 0) {
			done += (uint32_t)n;
			src->sent += (uint32_t)n;
		} else if (n < 0 && errno == EINTR) {
			continue;
		} else {
			if (errno == ENOBUFS || errno == EAGAIN)
				src->full++;
			else
				src->refused++;
			done++;
		}
	}
}

static void wait_until(uint64_t when_ns)
{
	uint64_t now_ns = monotonic_ns();
	struct timespec ts = {(time_t)(when_ns / SECOND_NS), (long)(when_ns % SECOND_NS)};

	if (when_ns > now_ns + 20000)
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL);
	while (!stopped && monotonic_ns() < when_ns)
		;
}

static uint32_t burst_size(const struct options *opt)
{
	uint64_t frames = opt->rate ? opt->rate * BURST_NS / SECOND_NS : BURST_MAX;

	if (frames > opt->burst)
		frames = opt->burst;
	return frames ? (uint32_t)frames : 1;
}

static double run(struct source *src)
{
	const struct options *opt = &src->opt;
	uint64_t start_ns = monotonic_ns();
	uint64_t end_ns = start_ns + (uint64_t)(opt->seconds * 1e9);
	uint64_t offered = 0;
	uint32_t burst = burst_size(opt);

	while (!stopped) {
		uint32_t count = burst;

		if (opt->rate)
			wait_until(start_ns +
				   (uint64_t)((double)offered * 1e9 / (double)opt->rate));
		if (monotonic_ns() >= end_ns)
			break;
		if (opt->frames && offered + count > opt->frames)
			count = (uint32_t)(opt->frames - offered);
		if (!count)
			break;
		burst_send(src, count);
		offered += count;
	}
	return (double)(monotonic_ns() - start_ns) / 1e9;
}

static int frames_open(const char *interface, uint8_t *mac)
{
	int fd = wire_open(interface, mac), err = fd < 0 ? fd : wire_bypass_queue(fd);

	return err ? err : fd;
}

/* DF as Linux sets it for datagrams of known path MTU; the kernel takes ID 0 then. */
static int udp_open(const struct options *opt)
{
	struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons(opt->port)};
	struct ip_mreqn out = {.imr_ifindex = (int)if_nametoindex(opt->interface)};
	int ttl = 16, off = 0, discover = IP_PMTUDISC_DO;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	if (setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &out, sizeof(out)) ||
	    setsockopt(fd, IPPROTO_IP, IP_MULTICAST_TTL, &ttl, sizeof(ttl)) ||
	    setsockopt(fd, IPPROTO_IP, IP_MULTICAST_LOOP, &off, sizeof(off)) ||
	    setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &discover, sizeof(discover)) ||
	    bind(fd, (struct sockaddr *)&addr, sizeof(addr))) {
		int err = -errno;

		close(fd);
		return err;
	}
	return fd;
}

static void message_prepare(struct source *src, uint32_t i)
{
	struct msghdr *msg = &src->msgs[i].msg_hdr;

	for (uint32_t j = 0; j < FRAME_MAX; j++)
		src->frames[i][j] = (uint8_t)(j * 7);
	src->iov[i] = (struct iovec){src->frames[i], src->opt.size_bytes};
	*msg = (struct msghdr){.msg_iov = &src->iov[i], .msg_iovlen = 1};
	if (!src->opt.udp)
		return;
	src->iov[i].iov_base = src->frames[i] + FLOW_HEADERS;
	src->iov[i].iov_len -= FLOW_HEADERS;
	src->groups[i].sin_family = AF_INET;
	src->groups[i].sin_port = htons(src->opt.port);
	msg->msg_name = &src->groups[i];
	msg->msg_namelen = sizeof(src->groups[i]);
}

static int source_open(struct source *src)
{
	struct flow_plan plan = {
		.ipv6 = strchr(src->opt.group, ':') != NULL,
		.size_bytes = src->opt.size_bytes,
		.port = src->opt.port,
		.vlan = src->opt.vlan,
		.rtp = src->opt.rtp,
	};
	struct ether_addr *to = src->opt.mac ? ether_aton(src->opt.mac) : NULL;
	int family = plan.ipv6 ? AF_INET6 : AF_INET;
	int err = namespace_enter(src->opt.netns);

	if (err)
		return err;
	plan.to = to ? to->ether_addr_octet : NULL;
	if ((src->opt.mac && !to) || inet_pton(family, src->opt.source, plan.source) != 1 ||
	    inet_pton(family, src->opt.group, plan.group) != 1 ||
	    ((plan.ipv6 || plan.vlan || plan.rtp) && src->opt.udp) ||
	    plan.size_bytes < flow_payload(&plan) + sizeof(struct traffic_payload))
		return -EINVAL;
	plan.filler = src->frames[0] + flow_payload(&plan) + sizeof(struct traffic_payload);
	src->fd = src->opt.udp ? udp_open(&src->opt) : frames_open(src->opt.interface, plan.mac);
	if (src->fd < 0)
		return src->fd;
	src->flows = calloc(src->opt.groups, sizeof(*src->flows));
	if (!src->flows)
		return -ENOMEM;
	for (uint32_t i = 0; i < BURST_MAX; i++)
		message_prepare(src, i);
	for (uint32_t i = 0; i < src->opt.groups; i++)
		flow_build(&src->flows[i], i, &plan);
	return 0;
}

enum word {
	NETNS,
	INTERFACE,
	SOURCE,
	GROUP,
	UDP,
	GROUPS,
	SIZE,
	RATE,
	SECONDS,
	FRAMES,
	BURST,
	CPU,
	PORT,
	VLAN,
	MAC,
	RTP,
	WORDS
};

#define TAKES(word) required_argument, NULL, word

static const struct option long_options[] = {
	{"netns", TAKES(NETNS)},
	{"interface", TAKES(INTERFACE)},
	{"source", TAKES(SOURCE)},
	{"group", TAKES(GROUP)},
	{"udp", no_argument, NULL, UDP},
	{"groups", TAKES(GROUPS)},
	{"size", TAKES(SIZE)},
	{"rate", TAKES(RATE)},
	{"seconds", TAKES(SECONDS)},
	{"frames", TAKES(FRAMES)},
	{"burst", TAKES(BURST)},
	{"cpu", TAKES(CPU)},
	{"port", TAKES(PORT)},
	{"vlan", TAKES(VLAN)},
	{"mac", TAKES(MAC)},
	{"rtp", no_argument, NULL, RTP},
	{NULL, 0, NULL, 0},
};

static uint32_t number(const char *word)
{
	return (uint32_t)strtoul(word, NULL, 10);
}

static int options_parse(int argc, char **argv, struct options *opt)
{
	const char *words[WORDS] = {
		[SOURCE] = "10.99.0.1", [GROUP] = "239.1.0.1", [GROUPS] = "1", [SIZE] = "64",
		[RATE] = "0",		[SECONDS] = "1",       [FRAMES] = "0", [BURST] = "64",
		[CPU] = "-1",		[VLAN] = "0"};
	int c;

	while ((c = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		if (c >= WORDS)
			return -EINVAL;
		words[c] = optarg ? optarg : "";
	}
	*opt = (struct options){
		.netns = words[NETNS],
		.interface = words[INTERFACE],
		.source = words[SOURCE],
		.group = words[GROUP],
		.groups = number(words[GROUPS]),
		.size_bytes = number(words[SIZE]) - 4,
		.burst = number(words[BURST]),
		.rate = strtoull(words[RATE], NULL, 10),
		.frames = strtoull(words[FRAMES], NULL, 10),
		.seconds = strtod(words[SECONDS], NULL),
		.port = words[PORT] ? (uint16_t)number(words[PORT]) : TRAFFIC_PORT,
		.vlan = (uint16_t)number(words[VLAN]),
		.udp = words[UDP] != NULL,
		.rtp = words[RTP] != NULL,
		.mac = words[MAC] && *words[MAC] ? words[MAC] : NULL,
		.cpu = (int)strtol(words[CPU], NULL, 10),
	};
	if (!opt->netns || !opt->interface || opt->size_bytes < 60 || opt->size_bytes > FRAME_MAX ||
	    !opt->groups || opt->groups > TRAFFIC_FLOWS_MAX || !opt->burst ||
	    opt->burst > BURST_MAX || opt->vlan > 4094 || opt->seconds <= 0 || opt->seconds > 600)
		return -EINVAL;
	return 0;
}

static void cpu_pin(int cpu)
{
	cpu_set_t set;

	if (cpu < 0)
		return;
	CPU_ZERO(&set);
	CPU_SET((size_t)cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		perror("source: cannot pin, running anywhere");
}

int main(int argc, char **argv)
{
	static struct source src;
	struct sigaction action = {.sa_handler = on_signal};
	double seconds;
	int err = options_parse(argc, argv, &src.opt);

	if (err) {
		fprintf(stderr,
			"usage: source --netns NS --interface IF [--source A] [--group G] "
			"[--groups N]\n"
			"              [--size 64..1518] [--rate FPS] [--seconds S] [--frames N]\n"
			"              [--burst 1..64] [--port UDP] [--vlan VID] [--udp] [--cpu "
			"N]\n"
			"              [--mac A] [--rtp]\n");
		return 2;
	}
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	prctl(PR_SET_TIMERSLACK, 1UL);
	cpu_pin(src.opt.cpu);
	err = source_open(&src);
	if (err) {
		fprintf(stderr, "source: %s in %s: %s\n", src.opt.interface, src.opt.netns,
			strerror(-err));
		return 1;
	}
	seconds = run(&src);
	printf("{\"sent\": %llu, \"seconds\": %.6f, \"full\": %llu, \"refused\": %llu}\n",
	       (unsigned long long)src.sent, seconds, (unsigned long long)src.full,
	       (unsigned long long)src.refused);
	return 0;
}
