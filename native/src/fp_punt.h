/*
 * A punt ring: one port's frames on their way to the control plane. Single producer (the loop
 * thread of the port), single consumer (the control thread). Records are a struct fp_punted and the
 * frame, padded to 8 bytes, contiguous; a record that would cross the end is preceded by padding.
 *
 * Every port has its own, so a port that floods fills nobody's but its own. It lives and goes with
 * the port (fp_port.h), passed on when the port's rings are opened again: what waits in it when the
 * port is closed is lost with what waits in its other rings, and cannot be taken for a frame of the
 * next of that number.
 *
 * It is a mapping of its own: a port is made by one of many threads, each with a heap, and what is
 * freed there of such a size stays with the process.
 */
#ifndef FP_PUNT_H
#define FP_PUNT_H

#include <stdbool.h>
#include <stdint.h>

#include "fp.h"
#include "fp_atomic.h"
#include "fp_limit.h"

struct fp_punt {
	uint32_t size_bytes;   /* a power of two */
	struct fp_limit limit; /* how much the loop may put into it */
	/* written by the loop */
	_Alignas(64) _Atomic uint64_t tail;
	_Atomic uint64_t put_cost; /* of all that was ever put; relaxed: an older one says less */
	/* written by the control thread */
	_Alignas(64) _Atomic uint64_t head;
	_Atomic uint64_t decided; /* what lies before it has become of the table what it does */
	/* the control thread's own, see fp_drain.c */
	uint64_t popped_cost;
	uint64_t stale; /* frames thrown away and not yet counted */
	int64_t deficit;
	bool waited; /* there were frames left when it was last looked at */
	_Alignas(64) uint8_t bytes[];
};

/* Among ports, see fp_drain.c. */
struct fp_turn {
	uint32_t next; /* the port that comes first */
	bool fresh;    /* the last batch was of fresh ports alone */
};

/* -EINVAL for a size that is no power of two or has no room for the largest frame. */
int fp_punt_new(uint32_t size_bytes, struct fp_punt **out);
void fp_punt_free(struct fp_punt *punt);
/* frame: as it was on the wire; a tag that *head tells of is left out. False: no room. */
bool fp_punt_put(struct fp_punt *punt, const struct fp_punted *head, const uint8_t *frame);

/* The oldest record, or NULL; it stays where it is until fp_punt_pop(). */
const struct fp_punted *fp_punt_peek(struct fp_punt *punt);
void fp_punt_pop(struct fp_punt *punt, const struct fp_punted *record);

/* All that was taken is decided, and published. */
void fp_punt_decide(struct fp_punt *punt);

/* What those that wait will cost. Control thread only. */
uint64_t fp_punt_waiting(const struct fp_punt *punt);

static inline uint32_t fp_punted_bytes(uint32_t frame_len)
{
	return (uint32_t)sizeof(struct fp_punted) + ((frame_len + 7u) & ~7u);
}

#endif
