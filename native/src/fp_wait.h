/*
 * How a loop waits: it spins for spin_us after the last work and for as long on either side of the
 * time the next frame is due (fp_pace.h), and sleeps for the rest. An idle switch sleeps without
 * end; with spin_us = 0 nothing ever polls.
 */
#ifndef FP_WAIT_H
#define FP_WAIT_H

#include "fp_switch.h"

/* Once, in the loop's thread: its timers are to be on time. */
void fp_wait_begin(void);
/* Returns when there may be work; 0, or -errno on a fault. */
int fp_wait(const struct fp_switch *sw, struct fp_worker *worker);

#endif
