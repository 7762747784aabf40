/*
 * LOOP-7. What a port may send to everybody: broadcast, unknown unicast and multicast of groups
 * that nobody has joined, each so many frames a second and as many at once ([[port]] storm_limit).
 * And what it may show the control plane of probes and topology changes. Token buckets of the
 * port's loop, in nanoseconds of credit; the limit is the table's, so a change holds from the next
 * pass on.
 *
 * What somebody wants is never in it: rows, router ports, groups that always flood, all multicast
 * while nothing is pruned, and groups that are not IP, whose members cannot join.
 */
#ifndef FP_STORM_H
#define FP_STORM_H

#include "fp_clock.h"
#include "fp_decide.h"

#define FP_PROBE_RATE                                                                              \
	200u /* of a port: one a second and port is usual                                          \
	      */
#define FP_PROBE_BURST 400u

enum fp_storm_kind {
	FP_STORM_BROADCAST = 0,
	FP_STORM_UNKNOWN_UNICAST,
	FP_STORM_UNREGISTERED,
	FP_STORM_KINDS
};

struct fp_bucket {
	int64_t credit_ns;
	uint64_t since_ns; /* 0: never asked, so full */
};

struct fp_storm {
	struct fp_bucket kinds[FP_STORM_KINDS];
	struct fp_bucket probes;
};

/* Takes one of rate a second, of which burst may come at once; false: it has had its share. */
static inline bool fp_bucket_take(struct fp_bucket *bucket, uint32_t rate, uint32_t burst,
				  uint64_t now_ns)
{
	int64_t one_ns = (int64_t)(FP_NS_PER_S / rate);
	int64_t full_ns = one_ns * burst;
	uint64_t elapsed_ns = now_ns - bucket->since_ns;

	if (!bucket->since_ns || elapsed_ns > (uint64_t)full_ns ||
	    bucket->credit_ns + (int64_t)elapsed_ns > full_ns)
		bucket->credit_ns = full_ns;
	else
		bucket->credit_ns += (int64_t)elapsed_ns;
	bucket->since_ns = now_ns;
	if (bucket->credit_ns < one_ns)
		return false;
	bucket->credit_ns -= one_ns;
	return true;
}

/* Whether the limit of its port is about frames of this verdict; *kind says by which bucket. */
bool fp_storm_concerns(const struct fp_table *table, uint32_t port, const struct fp_frame *frame,
		       const struct fp_verdict *verdict, enum fp_storm_kind *kind);
/* Of such a frame that is one too many: to router ports alone, or to nobody. */
void fp_storm_cut(const struct fp_table *table, const struct fp_frame *frame,
		  enum fp_storm_kind kind, struct fp_verdict *verdict);

#endif
