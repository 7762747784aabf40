/*
 * What the loop remembers of the multicast flows it has just decided: a small direct-mapped
 * cache, so that a run of one flow costs one decision, one fdb refresh and one stream update per
 * pass. Valid for one table; one thread.
 */
#ifndef FP_FLOWS_H
#define FP_FLOWS_H

#include <stdbool.h>
#include <stdint.h>

#include "fp_frame.h"
#include "fp_health.h"
#include "fp_streams.h"

#define FP_FLOWS 512u /* a power of two */
#define FP_NO_PLACE UINT32_MAX
#define FP_NOT_PLAIN UINT32_MAX

struct fp_flow_key {
	uint8_t l2[FP_ETH_BYTES + FP_TAG_BYTES]; /* MACs, tag, ethertype */
	uint16_t port;
	uint32_t protocol;
	uint8_t source[FP_ADDRESS_BYTES];
	uint8_t group[FP_ADDRESS_BYTES];
};

struct fp_flow {
	struct fp_flow_key key;
	uint64_t epoch; /* of the table; another: empty */
	uint64_t pass;	/* in which it was last seen */
	struct fp_verdict verdict;
	struct fp_stream stream; /* key of its stream */
	struct fp_stream_slot *slot;
	uint32_t health; /* handle of its stream's state (fp_health.h) */
	bool unwatched;	 /* and it wants one */
	uint64_t ask_ns; /* when it asks for it */
	uint64_t frames; /* of this pass, not yet in the stream */
	uint64_t bytes;
	/* its slot (fp_slots.h) */
	uint32_t place; /* or FP_NO_PLACE */
	uint32_t generation;
	uint32_t ringed; /* frames of this pass that a data ring had, not yet in credits[] */
	uint32_t beyond; /* of these, behind the mark of its slot (fp_slots.h) */
	uint32_t mark_end;
	uint32_t sample;   /* length of one without a tag, or FP_NOT_PLAIN: not for a program */
	uint64_t first_ns; /* of its stream */
	bool marked;	   /* its slot had a mark when the pass began */
	bool ahead;	   /* decided with joins that wait (fp_joins.h): no table says so */
	bool judged;	   /* without a slot: whether the kernel may have it at all was asked */
	bool kept;	   /* and it may not */
};

/* Frames that have left the ring, for the slot of their flow. */
struct fp_credit {
	uint32_t place;
	uint32_t generation;
	uint32_t frames;
	uint32_t beyond;
	uint32_t sample;
};

#define FP_CREDITS 1024u /* of several passes, when somebody else has the slots */

struct fp_flows {
	uint64_t epoch;
	uint32_t touched_count; /* in this pass */
	uint32_t credit_count;
	uint16_t touched[FP_FLOWS];
	struct fp_credit credits[FP_CREDITS];
	struct fp_flow flows[FP_FLOWS];
};

/* Where a flow with this key lives; *known: its verdict is of the current table. */
struct fp_flow *fp_flows_find(struct fp_flows *flows, const struct fp_flow_key *key, bool *known);
/* Moves the counts of the pass to the streams, and to the credits. */
void fp_flows_flush(struct fp_flows *flows, uint64_t now_ns);
void fp_flow_flush(struct fp_flows *flows, struct fp_flow *flow, uint64_t now_ns);

#endif
