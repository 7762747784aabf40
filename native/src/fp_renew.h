/*
 * Decisions made again by whoever publishes: what the kernel is serving when a table changes its
 * decision stays there, and the next frame goes by the new one. Without it the loop would see to
 * it, at the price of a turn in the ring, which a stream that is more than the ring takes does not
 * come out of whole. So many at a time, of streams that are under way; the rest is the loop's.
 */
#ifndef FP_RENEW_H
#define FP_RENEW_H

#include "fp_switch.h"

/*
 * What the kernel serves of a join that was just noted goes to its port as well, from the next
 * frame on and until the join is decided (fp_joins.h); the ring gets that for which it cannot be
 * so. The loop, between frames.
 */
void fp_renew_joined(struct fp_switch *sw, struct fp_worker *worker, const struct fp_table *table,
		     const struct fp_join *join);

/*
 * Before the slots that a new table concerns become void. changed: by shard, whose rows are others;
 * NULL: all. Waits for nobody: slots that a loop has in hand are left.
 */
void fp_renew(struct fp_switch *sw, const struct fp_table *table, const bool *changed);
/* For whoever has the worker's slots: one that had no room to be watched asks again. */
void fp_renew_watch(struct fp_switch *sw, struct fp_worker *worker, uint32_t index,
		    uint64_t now_ns);

#endif
