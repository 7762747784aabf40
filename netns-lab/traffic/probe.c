/* Join and leave delay, after RFC 3918 sections 6.1 and 6.2: a host played by hand on one port
 * while a stream runs.
 *
 *     probe join|leave NS IF SOURCE-ADDRESS GROUP QUIET-MS LIMIT-MS
 *
 * The host's kernel is no member, so nothing but this program answers for it; what the port
 * delivers is seen by a packet socket. join: the stream must be absent; sends IGMPv3 TO_EX{} and
 * waits for the stream's first frame. leave: the stream must be there; sends TO_IN{} and waits
 * until no frame has come for QUIET-MS: the delay is that of the last one. LIMIT-MS bounds both.
 * Prints one JSON object: delay_ns, or null and why.
 */
#include "clock.h"
#include "namespace.h"
#include "report.h"
#include "wire.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>

static int host_open(const char *netns, const char *interface, uint8_t *mac)
{
	int err = namespace_enter(netns), fd = err ? err : wire_open(interface, mac);

	if (fd < 0)
		return fd;
	err = wire_listen(fd, interface, ETH_P_IP);
	return err ? err : fd;
}

/* Kernel receive time of the next frame to the group; 0: none within the time. */
static uint64_t frame_next(int fd, uint32_t group, uint64_t until_ns)
{
	for (;;) {
		struct wire_frame frame;
		struct pollfd pfd = {.fd = fd, .events = POLLIN};
		uint64_t now_ns = realtime_ns();

		if (now_ns >= until_ns ||
		    poll(&pfd, 1, (int)((until_ns - now_ns) / 1000000) + 1) <= 0)
			return 0;
		if (wire_next(fd, &frame) && frame.len_bytes >= 34 && !frame.out &&
		    frame.data[23] == IPPROTO_UDP && !memcmp(frame.data + 30, &group, 4) &&
		    frame.time_ns)
			return frame.time_ns;
	}
}

static bool join_delay(int fd, uint32_t group, uint64_t start_ns, uint64_t limit_ns,
		       uint64_t *delay_ns)
{
	uint64_t seen_ns = frame_next(fd, group, start_ns + limit_ns);

	*delay_ns = seen_ns > start_ns ? seen_ns - start_ns : 0;
	return seen_ns != 0;
}

static bool leave_delay(int fd, uint32_t group, uint64_t start_ns, uint64_t quiet_ns,
			uint64_t limit_ns, uint64_t *delay_ns)
{
	uint64_t last_ns = start_ns, seen_ns;

	while ((seen_ns = frame_next(fd, group, realtime_ns() + quiet_ns)) != 0) {
		last_ns = seen_ns;
		if (seen_ns > start_ns + limit_ns)
			return false;
	}
	*delay_ns = last_ns > start_ns ? last_ns - start_ns : 0;
	return true;
}

int main(int argc, char **argv)
{
	uint8_t mac[6], frame[REPORT_BYTES];
	uint64_t quiet_ns, limit_ns, start_ns, delay_ns = 0;
	uint32_t group;
	bool join, done;
	int fd;

	if (argc != 8) {
		fprintf(stderr,
			"usage: probe join|leave NS IF SOURCE-ADDRESS GROUP QUIET-MS LIMIT-MS\n");
		return 2;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	join = !strcmp(argv[1], "join");
	group = inet_addr(argv[5]);
	quiet_ns = strtoull(argv[6], NULL, 10) * 1000000;
	limit_ns = strtoull(argv[7], NULL, 10) * 1000000;
	fd = host_open(argv[2], argv[3], mac);
	if (fd < 0) {
		fprintf(stderr, "probe: %s: %s\n", argv[2], strerror(-fd));
		return 1;
	}
	report_build(frame, mac, inet_addr(argv[4]), group, join ? REPORT_TO_EX : REPORT_TO_IN);
	if (join == (frame_next(fd, group, realtime_ns() + quiet_ns) != 0)) {
		printf("{\"delay_ns\": null, \"why\": \"%s\"}\n",
		       join ? "the stream was there before the join"
			    : "no stream before the leave");
		return 0;
	}
	start_ns = realtime_ns();
	if (send(fd, frame, sizeof(frame), 0) != (ssize_t)sizeof(frame)) {
		perror("probe: send");
		return 1;
	}
	done = join ? join_delay(fd, group, start_ns, limit_ns, &delay_ns)
		    : leave_delay(fd, group, start_ns, quiet_ns, limit_ns, &delay_ns);
	if (done)
		printf("{\"delay_ns\": %llu}\n", (unsigned long long)delay_ns);
	else
		printf("{\"delay_ns\": null, \"why\": \"%s\"}\n",
		       join ? "no frame came" : "frames never stopped");
	return 0;
}
