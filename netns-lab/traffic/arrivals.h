/* When datagrams of the bench reached an interface: a BPF filter at a packet socket looks at the
 * clock.
 *
 * The time that the kernel keeps with a frame will not do: it stays on a frame that is redirected
 * into another namespace past the queue, and is then that of the switch's first port. The filter
 * runs where the interface's own taps do, before the host's IP, whatever way the frame came.
 */
#ifndef TRAFFIC_ARRIVALS_H
#define TRAFFIC_ARRIVALS_H

#include <stdint.h>

#define ARRIVALS_MAX (1u << 20)
#define ARRIVALS_RUN 64u /* datagrams of a run: the first one's time is that of all */

struct arrivals {
	uint64_t *ns;	   /* CLOCK_MONOTONIC of the first with that sequence number, 0: none yet */
	int64_t offset_ns; /* of CLOCK_REALTIME from it */
};

/* Watch an interface of the namespace the thread is in for IPv4 datagrams to that UDP port, until
 * the process ends. Returns 0 or -errno. */
int arrivals_open(struct arrivals *arrivals, const char *interface, uint16_t port);

/* CLOCK_REALTIME of the arrival of that sequence number, alone or within a run; 0: not yet. */
uint64_t arrival_ns(const struct arrivals *arrivals, uint32_t seq);

#endif
