/*
 * Counters of one port as one thread keeps them: written by that thread only, relaxed, so never
 * torn for readers and not mutually consistent (documented, not fixed). Blocks of different threads
 * are cache lines apart.
 */
#ifndef FP_STATS_H
#define FP_STATS_H

#include "fp.h"
#include "fp_atomic.h"

struct fp_stats {
	_Alignas(64) _Atomic uint64_t stats[FP_STAT_MAX];
	_Atomic uint64_t reasons[FP_REASON_MAX];
};

#endif
