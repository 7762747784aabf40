/*
 * Flows handed over to the kernel, and taken back. At the end of each pass, when its frames have
 * left: what came of frames of the ring is credited to the slots of their flows, flows without a
 * slot that last get one, decisions of older tables are written again, and where the ring has
 * nothing more of a flow that the kernel is to have, it has it.
 *
 * Order, from ring to kernel: a program serves a frame only if `ringed` == `done`. It counts a
 * frame of the slot into `ringed` when the ring has it, before it looks at the next one that came
 * in that order; the loop moves `done` only when all that it counts has left by every port, or was
 * lost. That is known where the ring is empty after `ringed` was read: `done` is `ringed` then,
 * exactly, and from there on `done` and what the passes send. A ring that is never empty, or has
 * lost some, says as much of the flow when all is taken that was there after `ringed` was read:
 * `done` is what it was then, and what has been sent of frames behind. So the kernel sends no frame
 * while the ring holds an older one of its flow, whatever its ports are, by runs or frame by frame:
 * a pass has sent by all of them before it ends. One port's ring is one worker's, so workers add
 * nothing. The one exception is a flow that the ring loses anyway (begin_cut()): what waits there
 * is let go. From kernel to ring the programs see to the order themselves (send_round()).
 */
#ifndef FP_HANDOVER_H
#define FP_HANDOVER_H

#include "fp_switch.h"

/* The slot of a flow that has just been decided. */
void fp_handover_find(const struct fp_switch *sw, const struct fp_worker *worker,
		      struct fp_flow *flow);
/* Whether its slot has a mark, at the flow's first frame of a pass. */
void fp_handover_look(const struct fp_slots *slots, struct fp_flow *flow);
/* After the last send and the flush of a pass. */
void fp_handover_pass(struct fp_switch *sw, struct fp_worker *worker, const struct fp_table *table,
		      uint64_t now_ns);

#endif
