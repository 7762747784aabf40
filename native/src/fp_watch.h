/*
 * Whether a ring still works. The kernel reserves a slot before it writes the virtio header; a
 * frame that has none (UFO, SCTP offload) leaves the slot reserved for good, and everything after
 * it is dropped. Nothing tells but the kernel's count of drops, so each look compares it with what
 * the loop took:
 *
 *   drops, the ring empty, and not one frame taken since the last look, or
 *   drops, the ring empty, and too few frames delivered to have ever filled it
 *
 * can only be a ring that stopped. The looks are the control thread's, at any times; the hot path
 * knows nothing of them.
 */
#ifndef FP_WATCH_H
#define FP_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "fp_ring.h"

struct fp_watch {
	uint64_t waiting; /* in the ring at the last look, at most */
	uint32_t taken;	  /* of the ring, at the last look */
	bool stuck;	  /* stays so until the ring is opened again */
};

/* What a look saw. delivered and drops: of the kernel, since the last look. */
struct fp_look {
	uint64_t delivered;
	uint64_t drops;
	uint32_t taken;
	bool empty;
};

/* Pure. */
void fp_watch_judge(struct fp_watch *watch, uint32_t slots, const struct fp_look *look);
/* Looks at the ring, which resets the kernel's count; returns its drops. */
uint64_t fp_watch_look(struct fp_watch *watch, const struct fp_ring *ring);

#endif
