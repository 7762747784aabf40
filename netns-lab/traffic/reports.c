/* A flood of membership reports at a steady rate, as from a port with very many hosts behind it.
 *
 *     reports NS IF SOURCE-ADDRESS FIRST-GROUP GROUPS RATE SECONDS
 *
 * One IGMPv3 report with one record a frame: joins of all groups in turn, then leaves of all of
 * them, and so on. Bursts of one millisecond's worth. Prints one JSON object.
 */
#include "clock.h"
#include "flood.h"
#include "report.h"

#include <arpa/inet.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>

struct joiner {
	struct flood flood;
	uint32_t source; /* network order */
	uint32_t group;	 /* host order, the first */
	uint32_t groups;
};

static uint64_t done(const struct joiner *joiner)
{
	return joiner->flood.sent + joiner->flood.refused;
}

static void report_send(struct joiner *joiner)
{
	struct flood *flood = &joiner->flood;
	uint64_t n = done(joiner);
	bool join = (n / joiner->groups) % 2 == 0;
	uint8_t frame[REPORT_BYTES];

	report_build(frame, flood->mac, joiner->source,
		     htonl(joiner->group + (uint32_t)(n % joiner->groups)),
		     join ? REPORT_TO_EX : REPORT_TO_IN);
	if (send(flood->fd, frame, sizeof(frame), 0) == (ssize_t)sizeof(frame))
		flood->sent++;
	else
		flood->refused++;
}

static void run(struct joiner *joiner, uint64_t start_ns, double seconds)
{
	uint64_t total = (uint64_t)(seconds * (double)joiner->flood.rate);

	while (done(joiner) < total) {
		uint64_t due = flood_due(&joiner->flood, start_ns);

		while (done(joiner) < due && done(joiner) < total)
			report_send(joiner);
		flood_wait();
	}
}

int main(int argc, char **argv)
{
	struct joiner joiner = {0};
	uint64_t start_ns;
	double seconds = argc == 8 ? strtod(argv[7], NULL) : 0;

	if (seconds <= 0 || seconds > 600 ||
	    !(joiner.groups = (uint32_t)strtoul(argv[5], NULL, 10)) ||
	    !(joiner.flood.rate = strtoull(argv[6], NULL, 10))) {
		fprintf(stderr,
			"usage: reports NS IF SOURCE-ADDRESS FIRST-GROUP GROUPS RATE SECONDS\n");
		return 2;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	joiner.source = inet_addr(argv[3]);
	joiner.group = ntohl(inet_addr(argv[4]));
	if (flood_open(&joiner.flood, argv[1], argv[2]))
		return 1;
	start_ns = monotonic_ns();
	run(&joiner, start_ns, seconds);
	flood_print(&joiner.flood, start_ns);
	return 0;
}
