/*
 * One frame that a loop has taken: counted, read, decided, and added to what the pass sends or
 * handed to the control plane. Streams go by the flow cache: all else is decided frame by frame.
 */
#ifndef FP_PROCESS_H
#define FP_PROCESS_H

#include "fp_switch.h"

/* The frame must stay where it is until the pass has sent; its segments have room. */
void fp_process(struct fp_switch *sw, struct fp_worker *worker, const struct fp_table *table,
		uint32_t port, const struct fp_rx *rx, uint64_t now_ns);
/* Every flow is decided anew. */
void fp_process_forget(struct fp_worker *worker, const struct fp_table *table);

/* At the end of a pass: those of its streams that want a state of health have one. */
void fp_process_watch(struct fp_worker *worker, uint64_t now_ns);

#endif
