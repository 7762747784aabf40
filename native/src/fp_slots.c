#include "fp_slots.h"

#include <assert.h>
#include <errno.h>
#include <sched.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "fp_frame.h"

#define KEY_PAD 2u /* zero bytes before the MAC addresses */
#define MACS_BYTES 12u
#define DECISION_AT (offsetof(struct fp_path_slot, frame_max) / 8)
#define DECISION_END (offsetof(struct fp_path_slot, try_ns) / 8)

_Static_assert(offsetof(struct fp_path_slot, frame_max) % 8 == 0 &&
		       offsetof(struct fp_path_slot, egress) % 8 == 0 &&
		       offsetof(struct fp_path_slot, try_ns) % 8 == 0,
	       "written, and read, by words");
_Static_assert(offsetof(struct fp_path_slot, egress) + FP_PATH_EGRESS_NEAR == 192,
	       "on the line of the decision");

int fp_slots_init(struct fp_slots *slots, struct fp_path_slot *memory, struct fp_path_set *map,
		  uint32_t sets, uint64_t seed)
{
	size_t count = (size_t)sets * FP_PATH_WAYS;

	if (!memory)
		return 0;
	slots->notes = calloc(count, sizeof(*slots->notes));
	slots->groups = calloc(count, sizeof(*slots->groups));
	slots->shards = calloc(count, sizeof(*slots->shards));
	if (!slots->notes || !slots->groups || !slots->shards) {
		fp_slots_destroy(slots);
		return -ENOMEM;
	}
	slots->slots = memory;
	slots->map = map;
	slots->sets = sets;
	fp_store_relaxed(&slots->used, 0);
	slots->seed = seed;
	return 0;
}

void fp_slots_destroy(struct fp_slots *slots)
{
	free(slots->notes);
	free(slots->groups);
	free(slots->shards);
	slots->notes = NULL;
	slots->groups = NULL;
	slots->shards = NULL;
	slots->slots = NULL;
	fp_store_relaxed(&slots->used, 0);
}

void fp_slots_lock(struct fp_slots *slots)
{
	while (!fp_slots_try_lock(slots))
		sched_yield();
}

void fp_slots_key(const struct fp_flow_key *flow, uint64_t key[FP_PATH_KEY_WORDS])
{
	uint8_t head[2 * sizeof(uint64_t)] = {0};
	uint64_t tci = FP_PATH_UNTAGGED;
	const uint8_t *type = flow->l2 + FP_TAG_OFFSET;

	if (fp_read16(type) == FP_ETHERTYPE_TAG) {
		tci = fp_read16(type + 2);
		type += FP_TAG_BYTES;
	}
	memcpy(head + KEY_PAD, flow->l2, MACS_BYTES);
	memcpy(head + KEY_PAD + MACS_BYTES, type, 2);
	memcpy(key, head, sizeof(head));
	key[2] = tci << 32 | flow->port;
	memcpy(key + 3, flow->source, sizeof(flow->source));
	memcpy(key + 5, flow->group, sizeof(flow->group));
}

static struct fp_path_set *set_of(const struct fp_slots *slots, uint64_t hash)
{
	return &slots->map[(uint32_t)(hash >> 32) & (slots->sets - 1)];
}

uint32_t fp_slots_find(const struct fp_slots *slots, const uint64_t *key)
{
	const struct fp_path_set *set;
	uint64_t hash;
	uint32_t tag;

	if (!slots->slots)
		return FP_NO_PLACE;
	hash = fp_path_hash(key, slots->seed);
	set = set_of(slots, hash);
	tag = fp_path_tag_of(hash);
	for (uint32_t i = 0; i < FP_PATH_WAYS; i++) {
		uint32_t at = set->at[i];

		if (set->tags[i] == tag &&
		    !memcmp(slots->slots[at].key, key, sizeof(slots->slots[at].key)))
			return at;
	}
	return FP_NO_PLACE;
}

static uint32_t group_of(uint32_t vlan, const uint8_t *group)
{
	uint64_t words[2];
	uint64_t hash;

	memcpy(words, group, sizeof(words));
	hash = (words[0] ^ (words[1] + vlan) * UINT64_C(0x9e3779b97f4a7c15)) *
	       UINT64_C(0xbf58476d1ce4e5b9);
	return (uint32_t)(hash >> 32);
}

/* So fast that the ring might not take it: it waits for the table. */
static bool is_fast(const struct fp_slots *slots, uint32_t index)
{
	/* relaxed: a rate of a while ago */
	uint64_t frames = fp_load_relaxed(&slots->notes[index].frames_per_s);
	uint32_t egress = fp_word_load(&slots->slots[index].count);

	return fp_choice_load(frames, egress, UINT64_C(1000000000)) >= FP_CHOICE_RING_PERMILLE;
}

uint32_t fp_slots_of_group(const struct fp_slots *slots, uint32_t vlan, const uint8_t *group,
			   uint32_t from)
{
	uint32_t hash = group_of(vlan, group);

	if (!slots->slots || !slots->group_counts[hash & (FP_SLOTS_GROUPS - 1)])
		return FP_NO_PLACE;
	for (uint32_t i = from; i < fp_slots_used(slots); i++) {
		if (slots->groups[i] == hash)
			return i;
	}
	return FP_NO_PLACE;
}

void fp_slots_void(struct fp_slots *slots, uint32_t index)
{
	if (!is_fast(slots, index))
		/* release: as every store of seq; a decision that another writes now is older */
		fp_word_release(&slots->slots[index].seq, 0);
}

bool fp_slots_note_ahead(struct fp_slots *slots, uint32_t index)
{
	uint32_t count = fp_load_relaxed(&slots->ahead_count);

	if (count == FP_SLOTS_AHEAD)
		return false;
	slots->ahead[count] = index;
	fp_store_relaxed(&slots->notes[index].ahead, true);
	fp_store_relaxed(&slots->ahead_count, count + 1);
	/* seq_cst: the control thread sees it, or the loop that the join is decided already */
	atomic_thread_fence(memory_order_seq_cst);
	return true;
}

void fp_slots_settle(struct fp_slots *slots)
{
	uint32_t count = fp_load_relaxed(&slots->ahead_count);

	for (uint32_t i = 0; i < count; i++) {
		/* relaxed: one that is decided meanwhile has a turn in the ring for nothing */
		if (fp_load_relaxed(&slots->notes[slots->ahead[i]].ahead))
			/* release: as every store of seq */
			fp_word_release(&slots->slots[slots->ahead[i]].seq, 0);
	}
	fp_store_relaxed(&slots->ahead_count, 0);
}

static uint64_t active_ns(const struct fp_slots *slots, uint32_t index)
{
	uint64_t served_ns = fp_word_load(&slots->slots[index].last_ns);
	uint64_t seen_ns = slots->notes[index].seen_ns;

	return served_ns > seen_ns ? served_ns : seen_ns;
}

uint32_t fp_slots_place(const struct fp_slots *slots, const uint64_t *key, uint64_t now_ns)
{
	const struct fp_path_set *set = set_of(slots, fp_path_hash(key, slots->seed));
	uint32_t port = (uint32_t)key[2] & (FP_PATH_PORTS - 1);
	uint32_t weights[FP_PATH_WAYS] = {0};
	uint32_t victim = FP_NO_PLACE;
	uint64_t victim_ns = 0;
	uint32_t most = 0;
	uint32_t own = 0;

	for (uint32_t i = 0; i < FP_PATH_WAYS; i++) {
		if (!set->tags[i])
			return fp_slots_used(slots);
		own += fp_slots_port(slots, set->at[i]) == port;
		for (uint32_t j = 0; j < FP_PATH_WAYS; j++)
			weights[i] += fp_slots_port(slots, set->at[i]) ==
				      fp_slots_port(slots, set->at[j]);
	}
	for (uint32_t i = 0; i < FP_PATH_WAYS; i++) {
		uint64_t last_ns = active_ns(slots, set->at[i]);
		uint64_t silent_ns = now_ns > last_ns ? now_ns - last_ns : 0;
		bool is_own = fp_slots_port(slots, set->at[i]) == port;
		bool may = weights[i] > own + 1 ||
			   ((is_own || weights[i] > own) && silent_ns >= FP_SLOTS_SILENT_NS) ||
			   silent_ns >= FP_SLOTS_GONE_NS;

		if (!may || weights[i] < most || (weights[i] == most && last_ns >= victim_ns))
			continue;
		most = weights[i];
		victim = set->at[i];
		victim_ns = last_ns;
	}
	return victim;
}

/*
 * A program that looks meanwhile leaves its frame to the ring. Until write_end() every word is a
 * release store: whoever sees it sees the odd number too.
 */
static void write_begin(struct fp_path_slot *slot)
{
	fp_word_store(&slot->version, slot->version + 1);
}

static void write_end(struct fp_path_slot *slot)
{
	/* release: every word is before; pairs with the programs' second look */
	fp_word_release(&slot->version, slot->version + 1);
}

/* The way of the set that has the slot, or one that has none yet and is to have this one. */
static uint32_t way_of(struct fp_path_set *set, uint32_t index)
{
	uint32_t way = 0;

	while (set->tags[way] && set->at[way] != index)
		way++;
	assert(way < FP_PATH_WAYS); /* fp_slots_place() has said so */
	return way;
}

void fp_slots_assign(struct fp_slots *slots, uint32_t index, const uint64_t *key,
		     const struct fp_stream *stream, struct fp_stream_slot *place, uint64_t now_ns)
{
	struct fp_path_slot *slot = &slots->slots[index];
	struct fp_slot_note *note = &slots->notes[index];
	uint64_t hash = fp_path_hash(key, slots->seed);
	struct fp_path_set *set = set_of(slots, hash);
	uint32_t way = way_of(set, index);

	write_begin(slot);
	fp_word_release(&slot->mode, FP_MODE_RING);
	fp_word_release(&slot->seq, 0);
	for (uint32_t i = 0; i < FP_PATH_KEY_WORDS; i++)
		fp_word_release(&slot->key[i], key[i]);
	/* before the programs know the new flow, and count for it */
	fp_word_release(&slot->done, fp_word_acquire(&slot->ringed));
	fp_word_release(&set->at[way], index);
	fp_word_release(&set->tags[way], fp_path_tag_of(hash));
	write_end(slot);
	if (index < fp_slots_used(slots))
		slots->group_counts[slots->groups[index] & (FP_SLOTS_GROUPS - 1)]--;
	else
		/* relaxed: what is in it is under the lock */
		fp_store_relaxed(&slots->used, index + 1);
	slots->groups[index] = group_of(stream->vlan, stream->group);
	slots->group_counts[slots->groups[index] & (FP_SLOTS_GROUPS - 1)]++;
	note->generation++;
	note->credit = 0;
	note->exact = false;
	note->given = false;
	note->marked = NULL;
	note->lost = 0;
	note->first_ringed = slot->done;
	note->judged_seq = 0;
	fp_store_relaxed(&note->ahead, false);
	note->seen_ns = now_ns;
	note->stream = *stream;
	note->place = place;
	note->health = 0;
	fp_word_release(&slot->watched, 0);
	note->rated_ns = now_ns;
	note->rated_frames = fp_slots_served(slots, index);
	fp_store_relaxed(&note->frames_per_s, 0);
	note->choice = (struct fp_choice){0};
	fp_choice_begin(&note->choice, FP_PATH_RING_NEW, fp_slots_served(slots, index), now_ns);
}

static uint64_t word_of(const struct fp_path_slot *slot, size_t at)
{
	uint64_t word;

	memcpy(&word, (const uint8_t *)slot + at * sizeof(word), sizeof(word));
	return word;
}

static bool is_written(const struct fp_path_slot *slot, const struct fp_path_slot *plan)
{
	bool same = true;

	for (size_t at = DECISION_AT; at < DECISION_END && same; at++)
		same = word_of(slot, at) == word_of(plan, at);
	return same;
}

bool fp_slots_write(struct fp_slots *slots, uint32_t index, const struct fp_slot_plan *plan,
		    uint64_t seq)
{
	struct fp_path_slot *slot = &slots->slots[index];
	struct fp_slot_note *note = &slots->notes[index];
	uint32_t bank = slot->version >> 1 & 1;
	bool same = is_written(slot, &plan->slot) &&
		    !memcmp(&note->verdicts[bank], &plan->verdict, sizeof(plan->verdict));

	if (!same) {
		write_begin(slot);
		for (size_t at = DECISION_AT; at < DECISION_END; at++)
			fp_word_release((uint64_t *)(void *)slot + at, word_of(&plan->slot, at));
		/* the other bank's count may be a few frames from a full FP_PATH_RATE_FRAMES */
		fp_word_release(&slot->mark_ns, 0);
		note->verdicts[!bank] = plan->verdict;
		slots->shards[index] = plan->slot.shard[0] | (uint32_t)plan->slot.shard[1] << 16;
		write_end(slot);
	}
	fp_store_relaxed(&note->ahead, false);
	/* release: the decision is before; pairs with the programs' look at seq */
	fp_word_release(&slot->seq, seq);
	return !same;
}

bool fp_slots_take(struct fp_slots *slots, uint32_t index, uint32_t bank, uint64_t *frames,
		   uint64_t *bytes)
{
	const struct fp_path_slot *slot = &slots->slots[index];
	struct fp_slot_note *note = &slots->notes[index];
	uint64_t frames_now = fp_word_load(&slot->frames[bank]);
	uint64_t bytes_now = fp_word_load(&slot->bytes[bank]);

	*frames = frames_now - note->folded_frames[bank];
	*bytes = bytes_now - note->folded_bytes[bank];
	note->folded_frames[bank] = frames_now;
	note->folded_bytes[bank] = bytes_now;
	return *frames || *bytes;
}

bool fp_slots_take_cut(struct fp_slots *slots, uint32_t index, uint64_t *frames, uint64_t *bytes)
{
	const struct fp_path_slot *slot = &slots->slots[index];
	struct fp_slot_note *note = &slots->notes[index];
	uint64_t frames_now = fp_word_load(&slot->cut_frames);
	uint64_t bytes_now = fp_word_load(&slot->cut_bytes);

	*frames = frames_now - note->folded_cut_frames;
	*bytes = bytes_now - note->folded_cut_bytes;
	note->folded_cut_frames = frames_now;
	note->folded_cut_bytes = bytes_now;
	return *frames || *bytes;
}
