/*
 * Takes punted frames from all ports for the control plane: deficit round robin by cost. Each port
 * gets a quantum a turn, what costs more than is left of it waits for the next turn, so ports share
 * the control plane's time and not its frames. Ports that had nothing left behind last time come
 * first, for at most half of the budget and every other time alone: a join of a quiet port waits
 * for the batch that is being dealt with and for nothing else, however many flood. Control thread
 * only.
 *
 * A port that asks more than it is given has a queue that is seconds long, and would be served, and
 * its frames sent on, long after it has stopped. So the oldest frames of a port go unread once they
 * are older than FP_DRAIN_STALE_NS, down to what a port may well ask at once. It keeps a burst of
 * some 40 000 new groups of one port.
 */
#ifndef FP_DRAIN_H
#define FP_DRAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "fp_port.h"

#define FP_DRAIN_QUANTUM 16u
#define FP_DRAIN_STALE_NS UINT64_C(2000000000)
#define FP_DRAIN_KEPT_COST 4096u
#define FP_DRAIN_STALE_FRAMES 4096u /* of a port in one drain; the rest in the next */

struct fp_drained {
	uint32_t bytes;
	bool more; /* some wait still */
};

/* ports[] by id, NULL where there is none. */
struct fp_drained fp_drain(struct fp_port *const *ports, struct fp_turn *turn, uint64_t now_ns,
			   uint8_t *buffer, uint32_t buffer_bytes, uint32_t budget);

#endif
