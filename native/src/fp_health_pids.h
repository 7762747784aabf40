/*
 * The transport packets of a way whose stream's health is watched (fp_health_map.h): what is known
 * of its PIDs, and what their continuity counters tell. For the loops and the kernel's programs.
 */
#ifndef FP_HEALTH_PIDS_H
#define FP_HEALTH_PIDS_H

#include "fp_health_map.h"

/* What is known of a PID: itself, that it is, its way and that one's turn; counter; seen twice. */
#define FP_HEALTH_PID_KEY 0xff00ffffu
#define FP_HEALTH_PID_KNOWN 0x2000u
#define FP_HEALTH_PID_TWICE 0x100000u

FP_HEALTH_INLINE uint32_t fp_health_pid_key(const struct fp_health_state *state, uint32_t at,
					    uint32_t head)
{
	return (head >> 8 & 0x1fff) | FP_HEALTH_PID_KNOWN | at << 14 |
	       (uint32_t)state->ways[at & (FP_HEALTH_WAYS - 1)].turn << 24;
}

FP_HEALTH_INLINE uint32_t fp_health_pid_place(uint32_t at, uint32_t head)
{
	return ((head >> 8 & 0x1fff) * 0x9e3779b1u ^ at * 0x85ebca6bu) >> 26 & (FP_HEALTH_PIDS - 1);
}

/*
 * What nearly all transport packets are: the next one of a PID that is known, with a payload.
 * False: it is for fp_health_ts() to say.
 */
FP_HEALTH_INLINE bool fp_health_ts_next(struct fp_health_state *state, uint32_t at, uint32_t head)
{
	uint32_t *known = &state->pids[fp_health_pid_place(at, head)];
	uint32_t key = fp_health_pid_key(state, at, head);
	uint32_t last = key | ((head - 1) & 15) << 16;

	if (((*known ^ last) & ~FP_HEALTH_PID_TWICE) | ((head & 0x800010) ^ 0x10))
		return false;
	*known = key | (head & 15) << 16;
	return true;
}

FP_HEALTH_INLINE uint32_t fp_health_pid_stale(const struct fp_health_state *state, uint32_t known)
{
	const struct fp_health_way *way = &state->ways[known >> 14 & (FP_HEALTH_WAYS - 1)];

	return fp_health_none(known) | (1 ^ fp_health_none(way->turn ^ known >> 24));
}

/*
 * One transport packet, by its first four bytes; discontinuity: 1, it says so of itself. A counter
 * goes up with each packet that has a payload; one may come twice; a discontinuity_indicator
 * announces another (2.4.3.3, 2.4.3.5). What is marked as damaged, is filling, or of no kind that
 * there is, counts nothing.
 */
FP_HEALTH_INLINE void fp_health_ts(struct fp_health_state *state, uint32_t at, uint32_t head,
				   uint32_t discontinuity)
{
	const struct fp_health_way *way = &state->ways[at & (FP_HEALTH_WAYS - 1)];
	uint32_t pid = head >> 8 & 0x1fff;
	uint32_t counter = head & 15;
	uint32_t payload = head >> 4 & 1;
	uint32_t key = fp_health_pid_key(state, at, head);
	uint32_t place = fp_health_pid_place(at, head);
	uint32_t first = state->pids[place];
	uint32_t second = state->pids[place ^ 1];
	uint32_t is_first = fp_health_none((first ^ key) & FP_HEALTH_PID_KEY);
	uint32_t is_second = fp_health_none((second ^ key) & FP_HEALTH_PID_KEY);
	uint32_t known;
	uint32_t same;
	uint32_t again;

	if ((head >> 23 & 1) | fp_health_none(pid ^ FP_HEALTH_NULL_PID) |
	    fp_health_none(head & 0x30))
		return;
	place ^= (1 ^ is_first) & (is_second | (fp_health_pid_stale(state, second) &
						(1 ^ fp_health_pid_stale(state, first))));
	place &= FP_HEALTH_PIDS - 1;
	known = state->pids[place];
	if (!(is_first | is_second)) {
		if (fp_health_pid_stale(state, known)) /* else there is no room for it */
			state->pids[place] = key | counter << 16;
		return;
	}
	same = fp_health_none(counter ^ (known >> 16 & 15));
	again = payload & same & (1 ^ (known >> 20 & 1)) & (1 ^ discontinuity);
	if (!(discontinuity | again | fp_health_none(((known >> 16) + payload - counter) & 15))) {
		fp_health_add(&state->continuity_errors, 1);
		FP_HEALTH_SET(state->damage_ns, way->last_ns);
	}
	/* where there is no payload it stands, and so does what is known of it */
	state->pids[place] = key | counter << 16 | again << 20 |
			     (known & FP_HEALTH_PID_TWICE & (0 - (same & (1 ^ payload))));
}

#endif
