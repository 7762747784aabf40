/*
 * What the kernel has counted becomes ours: the counters of the ports, the stream, and the time at
 * which the source was heard. By whoever has the worker's slots: the control thread, or the loop
 * when it is about to write another decision.
 */
#ifndef FP_FOLD_H
#define FP_FOLD_H

#include "fp_switch.h"

/* Of one slot, both banks; stats: those of the thread, by port. */
void fp_fold_slot(struct fp_switch *sw, struct fp_slots *slots, uint32_t index,
		  struct fp_stats *stats);

#endif
