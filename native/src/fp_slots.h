/*
 * The loop's side of the slots that the kernel's programs read (fp_path_map.h): which flow has
 * which, and beside each slot a note of what only we need to know. Plain memory, no system call.
 *
 * A slot's key and place are its loop's alone. Its decision, its counts and its note are under the
 * lock: the loop only ever tries it, and leaves it for a later pass; the control thread, which
 * counts and renews, waits for it and keeps it for a few slots at a time.
 *
 * A set of FP_PATH_WAYS is shared by the ports whose flows hash there. Its ways have slots from
 * when they are first used. Room is made by a flow that is silent, of the new one's port or of one
 * that has more ways of the set; by one that is not silent only if its port has two more. So a host
 * with a million flows pushes out its own.
 */
#ifndef FP_SLOTS_H
#define FP_SLOTS_H

#include <stdbool.h>
#include <stdint.h>

#include "fp.h"
#include "fp_atomic.h"
#include "fp_choice.h"
#include "fp_flows.h"
#include "fp_path_map.h"
#include "fp_streams.h"

#define FP_SLOTS_GROUPS 1024u /* a power of two */
#define FP_SLOTS_AHEAD 64u    /* what is joined beyond these has a turn in the ring */
#define FP_SLOTS_SILENT_NS UINT64_C(1000000000)
#define FP_SLOTS_GONE_NS UINT64_C(10000000000) /* silent so long it has no claim at all */

struct fp_slot_note {
	uint32_t generation; /* another flow has the slot: another number */
	uint32_t credit;     /* frames of the ring that have left, and `done` does not have yet */
	bool exact;	     /* the ring was empty since it has the slot: done is what has left */
	bool given;	     /* the mode was set to the program's */
	/*
	 * A ring that is never empty says as much when all is taken that was there at some moment:
	 * the port whose ring that is, or NULL; up to where; what the programs had counted by then;
	 * and how many frames have left that came later.
	 */
	const struct fp_port *marked;
	uint32_t mark_end;
	uint32_t mark_ringed;
	uint32_t beyond;
	uint32_t lost;	       /* in the ring, that `done` has in spite of it */
	uint32_t first_ringed; /* what was counted when the flow got the slot */
	uint32_t uncounted;    /* as of its slots, when it was last looked at */
	uint64_t seen_ns;      /* by the loop */
	uint64_t judged_seq;   /* of the table by which the choice was last looked at */
	_Atomic bool ahead;    /* decided with joins that wait: no table says so; under the lock */
	struct fp_choice choice;
	struct fp_stream stream; /* the key of its stream */
	struct fp_stream_slot *place;
	uint32_t health;	       /* handle of its stream's state (fp_health.h) */
	uint64_t rated_ns;	       /* of what it is fast by */
	uint64_t rated_frames;	       /* that were served until then */
	_Atomic uint64_t frames_per_s; /* lately, in the kernel; whoever has the lock, the loop */
	/* of the decisions that the two banks of counts are for */
	struct fp_verdict verdicts[2];
	uint64_t folded_frames[2];
	uint64_t folded_bytes[2];
	uint64_t folded_cut_frames;
	uint64_t folded_cut_bytes;
};

struct fp_slots {
	struct fp_path_slot *slots; /* NULL: there are none */
	struct fp_path_set *map;    /* which set has which of them, for the programs as well */
	struct fp_slot_note *notes;
	uint32_t sets;	       /* a power of two */
	_Atomic uint32_t used; /* slots that were given out: the first ones; none is given back */
	uint64_t seed;
	uint32_t uncounted;			/* passes whose frames were credited to nobody */
	uint32_t *shards;			/* likewise: those of their decisions, two halves */
	uint32_t ahead[FP_SLOTS_AHEAD];		/* the loop's own: slots that were decided so */
	_Atomic uint32_t ahead_count;		/* of them */
	uint32_t *groups;			/* of the slots: a hash of VLAN and group */
	uint32_t group_counts[FP_SLOTS_GROUPS]; /* how many slots have one of that hash */
	_Alignas(64) _Atomic uint32_t locked;
};

/* A decision, as a slot will have it: its words from frame_max on, but for seq. */
struct fp_slot_plan {
	struct fp_path_slot slot;
	struct fp_verdict verdict;
};

/*
 * memory of as many slots as the sets have ways, map of so many sets; memory NULL: there are no
 * slots, and nobody finds any. 0 or -ENOMEM.
 */
int fp_slots_init(struct fp_slots *slots, struct fp_path_slot *memory, struct fp_path_set *map,
		  uint32_t sets, uint64_t seed);
void fp_slots_destroy(struct fp_slots *slots);

static inline bool fp_slots_try_lock(struct fp_slots *slots)
{
	uint32_t free = 0;

	/* acquire: pairs with the release in fp_slots_unlock() of the other thread */
	return atomic_compare_exchange_strong_explicit(&slots->locked, &free, 1,
						       memory_order_acquire, memory_order_relaxed);
}

/* Control: waits for the loop, some microseconds, or until that has its core again. */
void fp_slots_lock(struct fp_slots *slots);

static inline void fp_slots_unlock(struct fp_slots *slots)
{
	/* release: what was written is before; pairs with fp_slots_try_lock() */
	fp_store_release(&slots->locked, 0);
}

/* How many slots have ever had a flow: the first ones. Any thread; what is in them, as below. */
static inline uint32_t fp_slots_used(const struct fp_slots *slots)
{
	/* relaxed: one more is seen the next time */
	return fp_load_relaxed(&slots->used);
}

/* The key that the programs make of the frames of a flow. */
void fp_slots_key(const struct fp_flow_key *flow, uint64_t key[FP_PATH_KEY_WORDS]);
/* The slot of a key, or FP_NO_PLACE. The loop; no lock. */
uint32_t fp_slots_find(const struct fp_slots *slots, const uint64_t *key);
/* The next slot, from this one on, that may be of the group, or FP_NO_PLACE. Likewise. */
uint32_t fp_slots_of_group(const struct fp_slots *slots, uint32_t vlan, const uint8_t *group,
			   uint32_t from);
/*
 * The ring gets the next frames of a slot, and the loop says again where they go; not those of a
 * flow that may be too fast for it. Likewise.
 */
void fp_slots_void(struct fp_slots *slots, uint32_t index);
/* Notes a slot that has just been decided with joins that wait; false: there is no room. Likewise.
 */
bool fp_slots_note_ahead(struct fp_slots *slots, uint32_t index);
/* Some of those joins are no longer there: what has not been decided since is void. Likewise. */
void fp_slots_settle(struct fp_slots *slots);

/* Below: under the lock. */

/* Which slot a new key may have, or FP_NO_PLACE; one that is taken must be counted first. */
uint32_t fp_slots_place(const struct fp_slots *slots, const uint64_t *key, uint64_t now_ns);
/* Gives it to the key, with no decision: the ring's. The loop. */
void fp_slots_assign(struct fp_slots *slots, uint32_t index, const uint64_t *key,
		     const struct fp_stream *stream, struct fp_stream_slot *place, uint64_t now_ns);
/* The slot's decision is this one, by the table of that seq; false: it was, but for seq. */
bool fp_slots_write(struct fp_slots *slots, uint32_t index, const struct fp_slot_plan *plan,
		    uint64_t seq);
/* What a bank has counted since the last time. */
bool fp_slots_take(struct fp_slots *slots, uint32_t index, uint32_t bank, uint64_t *frames,
		   uint64_t *bytes);
/* What it has counted of frames over the storm limit of their port, likewise. */
bool fp_slots_take_cut(struct fp_slots *slots, uint32_t index, uint64_t *frames, uint64_t *bytes);
/* Frames that the programs have served, by all its decisions. */
static inline uint64_t fp_slots_served(const struct fp_slots *slots, uint32_t index)
{
	const struct fp_path_slot *slot = &slots->slots[index];

	return fp_word_load(&slot->frames[0]) + fp_word_load(&slot->frames[1]);
}

static inline uint32_t fp_slots_port(const struct fp_slots *slots, uint32_t index)
{
	return (uint32_t)slots->slots[index].key[2] & (FP_PATH_PORTS - 1);
}

#endif
