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
#include <stdint.h>

#include "fp.h"
#include "fp_atomic.h"

#define FP_STREAM_WAYS 8u

struct fp_stream_slot {
	_Alignas(64) _Atomic uint32_t seq; /* odd while somebody writes */
	uint32_t pad;
	_Atomic uint64_t words[sizeof(struct fp_stream) / 8];
};

struct fp_streams {
	struct fp_stream_slot *slots;
	uint32_t *tags;	  /* the loop's own: hash of each slot's key, 0 for a free one */
	uint32_t buckets; /* a power of two */
};

int fp_streams_init(struct fp_streams *streams, uint32_t streams_max);
void fp_streams_destroy(struct fp_streams *streams);
/* The slot of the stream with the key of *key, made when it is new. */
struct fp_stream_slot *fp_streams_find(struct fp_streams *streams, const struct fp_stream *key,
				       uint64_t now_ns);
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
uint32_t fp_streams_read(struct fp_streams *streams, struct fp_stream *out, uint32_t out_max);

#endif
