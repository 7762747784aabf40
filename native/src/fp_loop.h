/*
 * The loop of one worker: take, decide, join, send, release, until stopped. It has no protocol
 * knowledge; fp_decide() is asked about every flow. C never calls Python from here.
 */
#ifndef FP_LOOP_H
#define FP_LOOP_H

#include "fp_switch.h"

/* The table of the next pass, and what else that one goes by. For the loop and its tests. */
const struct fp_table *fp_loop_read(struct fp_switch *sw, struct fp_worker *worker);

/* One pass over all rings; the number of frames taken. For the loop and its tests. */
uint32_t fp_loop_pass(struct fp_switch *sw, struct fp_worker *worker, const struct fp_table *table);

#endif
