/* A flood of membership reports at a steady rate, as from a port with very many hosts behind it.
 *
 *     reports NS IF SOURCE-ADDRESS FIRST-GROUP GROUPS RATE SECONDS
 *
 * One IGMPv3 report with one record a frame: joins of all groups in turn, then leaves of all of
 * them, and so on. Bursts of one millisecond's worth. Prints one JSON object.
 */
#include "namespace.h"
#include "report.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>

#define BURST_NS 1000000ULL

struct flood {
	int fd;
	uint8_t mac[6];
	uint32_t source; /* network order */
	uint32_t group;	 /* host order, the first */
	uint32_t groups;
	uint64_t rate;
	uint64_t sent;
	uint64_t refused;
};

static uint64_t monotonic_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ULL + (uint64_t)ts.tv_nsec;
}

static int socket_open(const char *interface, uint8_t *mac)
{
	struct sockaddr_ll addr = {.sll_family = AF_PACKET};
	struct ifreq ifr = {0};
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	addr.sll_ifindex = (int)if_nametoindex(interface);
	strncpy(ifr.ifr_name, interface, IFNAMSIZ - 1);
	if (!addr.sll_ifindex || ioctl(fd, SIOCGIFHWADDR, &ifr) ||
	    bind(fd, (struct sockaddr *)&addr, sizeof(addr)))
		return -errno;
	memcpy(mac, ifr.ifr_hwaddr.sa_data, 6);
	return fd;
}

static void report_send(struct flood *flood)
{
	uint64_t n = flood->sent + flood->refused;
	bool join = (n / flood->groups) % 2 == 0;
	uint8_t frame[REPORT_BYTES];

	report_build(frame, flood->mac, flood->source,
		     htonl(flood->group + (uint32_t)(n % flood->groups)),
		     join ? REPORT_TO_EX : REPORT_TO_IN);
	if (send(flood->fd, frame, sizeof(frame), 0) == (ssize_t)sizeof(frame))
		flood->sent++;
	else
		flood->refused++;
}

static void run(struct flood *flood, double seconds)
{
	uint64_t start_ns = monotonic_ns(), total = (uint64_t)(seconds * (double)flood->rate);

	while (flood->sent + flood->refused < total) {
		uint64_t due = (monotonic_ns() - start_ns + BURST_NS) * flood->rate / 1000000000ULL;
		struct timespec ts = {.tv_nsec = (long)BURST_NS / 2};

		while (flood->sent + flood->refused < due && flood->sent + flood->refused < total)
			report_send(flood);
		nanosleep(&ts, NULL);
	}
}

int main(int argc, char **argv)
{
	struct flood flood = {0};
	uint64_t start_ns;
	double seconds = argc == 8 ? strtod(argv[7], NULL) : 0;
	int err;

	if (seconds <= 0 || seconds > 600 ||
	    !(flood.groups = (uint32_t)strtoul(argv[5], NULL, 10)) ||
	    !(flood.rate = strtoull(argv[6], NULL, 10))) {
		fprintf(stderr,
			"usage: reports NS IF SOURCE-ADDRESS FIRST-GROUP GROUPS RATE SECONDS\n");
		return 2;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	flood.source = inet_addr(argv[3]);
	flood.group = ntohl(inet_addr(argv[4]));
	err = namespace_enter(argv[1]);
	flood.fd = err ? err : socket_open(argv[2], flood.mac);
	if (flood.fd < 0) {
		fprintf(stderr, "reports: %s: %s\n", argv[1], strerror(-flood.fd));
		return 1;
	}
	start_ns = monotonic_ns();
	run(&flood, seconds);
	printf("{\"sent\": %llu, \"refused\": %llu, \"seconds\": %.6f}\n",
	       (unsigned long long)flood.sent, (unsigned long long)flood.refused,
	       (double)(monotonic_ns() - start_ns) / 1e9);
	return 0;
}
