/*
 * When the next frame is due, if frames come at an even pace: audio, PTP, a paced stream. Two gaps
 * in a row that are alike make a pace; one miss ends it. Pure: time is passed in.
 */
#ifndef FP_PACE_H
#define FP_PACE_H

#include <stdbool.h>
#include <stdint.h>

#define FP_PACE_GAP_MAX_NS UINT64_C(20000000) /* slower is not worth being awake for */

struct fp_pace {
	uint64_t last_ns;
	uint64_t gap_ns;
	bool even;
};

static inline void fp_pace_arrived(struct fp_pace *pace, uint64_t now_ns)
{
	uint64_t gap_ns = now_ns - pace->last_ns;
	uint64_t off_ns = gap_ns > pace->gap_ns ? gap_ns - pace->gap_ns : pace->gap_ns - gap_ns;

	pace->even = gap_ns <= FP_PACE_GAP_MAX_NS && off_ns <= pace->gap_ns / 4;
	pace->gap_ns = gap_ns;
	pace->last_ns = now_ns;
}

/* The time of the next arrival; 0 when nothing is known of it. */
static inline uint64_t fp_pace_expected(const struct fp_pace *pace)
{
	return pace->even ? pace->last_ns + pace->gap_ns : 0;
}

static inline void fp_pace_missed(struct fp_pace *pace)
{
	pace->even = false;
	pace->gap_ns = 0;
}

#endif
