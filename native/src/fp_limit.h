/*
 * How much a port may ask of the control plane: a token bucket over the cost of its control frames
 * (fp_cost.h), in nanoseconds of credit, so that nothing is rounded away between two frames. It
 * acts in the loop, before anything that ports share.
 *
 * A frame passes while there is credit and may leave a debt: one whose cost is above the whole
 * burst would never pass otherwise.
 */
#ifndef FP_LIMIT_H
#define FP_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

#include "fp_atomic.h"
#include "fp_clock.h"

struct fp_limit {
	/* written by the control thread; relaxed: nothing is published through them */
	_Atomic uint64_t record_ns; /* what one record takes off the credit; 0: no limit */
	_Atomic uint64_t full_ns;
	/* the loop's own */
	int64_t credit_ns;
	uint64_t since_ns; /* 0: never asked, so full */
};

static inline void fp_limit_set(struct fp_limit *limit, uint32_t rate, uint32_t burst)
{
	uint64_t record_ns = rate ? FP_NS_PER_S / rate : 0;

	if (rate && !record_ns)
		record_ns = 1;
	fp_store_relaxed(&limit->full_ns, burst * record_ns);
	fp_store_relaxed(&limit->record_ns, record_ns);
}

/* Takes what a frame costs; false if the port has had its share. */
static inline bool fp_limit_take(struct fp_limit *limit, uint32_t cost, uint64_t now_ns)
{
	uint64_t record_ns = fp_load_relaxed(&limit->record_ns);
	int64_t full_ns = (int64_t)fp_load_relaxed(&limit->full_ns);
	uint64_t elapsed_ns = now_ns - limit->since_ns;

	if (!record_ns)
		return true;
	if (!limit->since_ns || limit->credit_ns > full_ns ||
	    elapsed_ns > (uint64_t)(full_ns - limit->credit_ns))
		limit->credit_ns = full_ns;
	else
		limit->credit_ns += (int64_t)elapsed_ns;
	limit->since_ns = now_ns;
	if (limit->credit_ns <= 0)
		return false;
	limit->credit_ns -= (int64_t)(cost * record_ns);
	return true;
}

#endif
