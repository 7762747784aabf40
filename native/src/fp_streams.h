/*
 * The multicast flows a loop thread sees, wanted or not: (vlan, source, group, ingress port) with
 * counts and the last verdict. The loop writes, and the control thread adds what the kernel has
 * served; each waits for the other, some stores long. Readers copy an entry under its sequence
 * number. Bounded: a new stream takes the place of the one longest silent among those of its bucket
 * that came in at the port which has most there. So a host with a hundred thousand flows evicts its
 * own, and a port never loses its only stream of a bucket to another's second.
 */
#ifndef FP_STREAMS_H
#define FP_STREAMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fp.h"
#include "fp_atomic.h"

#define FP_STREAM_WAYS 8u
#define FP_STREAM_BYTES offsetof(struct fp_stream, health_packets) /* what a slot has of it */

struct fp_stream_slot {
	_Alignas(64) _Atomic uint32_t seq; /* odd while somebody writes */
	uint32_t pad;
	_Atomic uint64_t words[FP_STREAM_BYTES / 8];
};

struct fp_streams {
	struct fp_stream_slot *slots;
	_Atomic uint32_t *watched; /* of each slot: 1 + its state of health (fp_health.h), or 0 */
	uint32_t *tags;		   /* the loop's own: hash of each slot's key, 0 for a free one */
	uint32_t buckets;	   /* a power of two */
};

int fp_streams_init(struct fp_streams *streams, uint32_t streams_max);
void fp_streams_destroy(struct fp_streams *streams);
/* The slot of the stream with the key of *key, made when it is new. */
struct fp_stream_slot *fp_streams_find(struct fp_streams *streams, const struct fp_stream *key,
				       uint64_t now_ns);
static inline uint32_t fp_streams_index(const struct fp_streams *streams,
					const struct fp_stream_slot *slot)
{
	return (uint32_t)(slot - streams->slots);
}

/* Which state of health a stream has, 1 + its number; 0: none. */
static inline uint32_t fp_streams_watched(const struct fp_streams *streams,
					  const struct fp_stream_slot *slot)
{
	/* relaxed: a number, and what it names is there from the beginning */
	return fp_load_relaxed(&streams->watched[fp_streams_index(streams, slot)]);
}

static inline void fp_streams_watch(const struct fp_streams *streams,
				    const struct fp_stream_slot *slot, uint32_t number)
{
	/* relaxed: as in fp_streams_watched() */
	fp_store_relaxed(&streams->watched[fp_streams_index(streams, slot)], number);
}

/* When it was heard last, and at which port it comes in. */
uint64_t fp_streams_last_ns(const struct fp_stream_slot *slot);
uint16_t fp_streams_port(const struct fp_stream_slot *slot);
/* Since when there is the stream of a slot that the loop has just found. */
uint64_t fp_streams_first_ns(const struct fp_stream_slot *slot);
/*
 * Adds to the counts and records the verdict, and the TTL and path of *key; false when the slot
 * holds another stream by now. Both writers.
 */
bool fp_streams_add(struct fp_stream_slot *slot, const struct fp_stream *key,
		    const struct fp_verdict *verdict, uint64_t frames, uint64_t bytes,
		    uint64_t now_ns);
/* Has a stream be as it was in another process; no loop runs yet. */
void fp_streams_put(struct fp_streams *streams, const struct fp_stream *stream);
/* The stream that has the slot, if one has. */
bool fp_streams_get(const struct fp_stream_slot *slot, struct fp_stream *stream);
/* Whether it is the stream of *key that has the slot. */
bool fp_streams_has(const struct fp_stream_slot *slot, const struct fp_stream *key);
/* What is `health` of each is its number in watched[]. */
uint32_t fp_streams_read(struct fp_streams *streams, struct fp_stream *out, uint32_t out_max);

#endif
