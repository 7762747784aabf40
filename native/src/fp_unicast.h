/*
 * Learning and looking up a unicast address: the fdb, and the short cut that follows
 * it. For the loops.
 */
#ifndef FP_LEARN_H
#define FP_LEARN_H

#include "fp_frame.h"
#include "fp_switch.h"

/* The source of a frame was heard at a port. */
void fp_learn(struct fp_switch *sw, struct fp_stats *stats, const struct fp_table *table,
	      const struct fp_frame *frame, uint32_t port, uint64_t now_ns);
/* Where its destination is, or -1; *also: where it may still be, or -1. */
int32_t fp_look_up(const struct fp_switch *sw, const struct fp_frame *frame, uint64_t now_ns,
		   int32_t *also);

#endif
