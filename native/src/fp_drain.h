/*
 * Takes punted frames from all ports for the control plane: deficit round robin
 * by cost. Each port gets a quantum a turn, what costs more than is left of it
 * waits for the next turn, so ports share the control plane's time and not its
 * frames. Ports that had nothing left behind last time come first, for at most
 * half of the budget: a join of a quiet port waits for one batch of the others
 * and no longer, however many flood. Control thread only.
 */
#ifndef FP_DRAIN_H
#define FP_DRAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "fp_port.h"

#define FP_DRAIN_QUANTUM 16u

struct fp_drained {
	uint32_t bytes;
	bool more; /* some wait still */
};

/* ports[] by id, NULL where there is none; *next: whose turn comes first. */
struct fp_drained fp_drain(struct fp_port *const *ports, uint32_t *next, uint8_t *buffer,
			   uint32_t buffer_bytes, uint32_t budget);

#endif
