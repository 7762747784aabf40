/* The time of the fast path: CLOCK_MONOTONIC in nanoseconds, as the kernel programs read it. */
#ifndef FP_CLOCK_H
#define FP_CLOCK_H

#include <stdint.h>
#include <time.h>

#define FP_NS_PER_S UINT64_C(1000000000)
#define FP_NS_PER_MS UINT64_C(1000000)

static inline uint64_t fp_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * FP_NS_PER_S + (uint64_t)now.tv_nsec;
}

#endif
