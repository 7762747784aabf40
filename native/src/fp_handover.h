/*
 * Flows handed over to the kernel, and taken back. At the end of each pass, when its frames have
 * left: what came of frames of the ring is credited to the slots of their flows, flows without a
 * slot that last get one, decisions of older tables are written again, and where the ring has
 * nothing more of a flow that the kernel is to have, it has it.
 *
 * Order: from kernel to ring any moment will do. From ring to kernel a program takes over at a
 * frame at which `done` says that all that was let into the ring has left, so `done` grows only
 * when it has, and not behind a pass so large that it may still wait in the receivers' queues.
 */
#ifndef FP_HANDOVER_H
#define FP_HANDOVER_H

#include "fp_switch.h"

/* The slot of a flow that has just been decided. */
void fp_handover_find(const struct fp_switch *sw, const struct fp_worker *worker,
		      struct fp_flow *flow);
/* After the last send and the flush of a pass of so many frames. */
void fp_handover_pass(struct fp_switch *sw, struct fp_worker *worker, const struct fp_table *table,
		      uint32_t taken, uint64_t now_ns);

#endif
