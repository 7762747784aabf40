#include "fp_renew.h"

#include <string.h>

#include "fp_clock.h"
#include "fp_decide.h"
#include "fp_fold.h"
#include "fp_mask.h"
#include "fp_plan.h"

#define RENEWED_MAX 512u  /* slots: some tenths of a millisecond */
#define LOCKED_SLOTS 256u /* at a time */
#define UNDER_WAY_NS FP_NS_PER_S
#define MACS_AT 2u /* of the MAC addresses in a key, in bytes */

struct renewal {
	struct fp_switch *sw;
	struct fp_worker *worker;
	const struct fp_table *table;
	const struct fp_joins *joins; /* the loop's, that wait; NULL: it is the control thread */
	struct fp_stats *stats;	      /* of who does it */
	const bool *changed;
	uint64_t now_ns;
	uint32_t left;
};

/* A frame of the key, as far as fp_decide() reads one of a stream. */
static struct fp_frame frame_of(const uint64_t *key)
{
	uint32_t tci = fp_plan_tci(key);
	struct fp_frame frame = {
		.data = (const uint8_t *)key + MACS_AT,
		.tci = tci,
		.vlan = (uint16_t)(tci == FP_NO_TAG ? 0 : tci & FP_VLAN_ID_MASK),
		.ethertype = fp_read16((const uint8_t *)key + MACS_AT + FP_TAG_OFFSET),
		.protocol = FP_IPPROTO_UDP,
	};

	frame.family = frame.ethertype == FP_ETHERTYPE_IPV6 ? FP_FAMILY_IPV6 : FP_FAMILY_IPV4;
	memcpy(frame.source, key + 3, sizeof(frame.source));
	memcpy(frame.group, key + 5, sizeof(frame.group));
	return frame;
}

/* It goes on in the kernel, with whatever is to become of it now. */
static void go_on(const struct renewal *renewal, struct fp_slot_note *note, enum fp_path rule)
{
	if (note->choice.path == rule)
		return;
	fp_choice_begin(&note->choice, rule, note->folded_frames[0] + note->folded_frames[1],
			renewal->now_ns);
	note->stream.path = (uint8_t)rule;
}

/* The decision that is there is still in force: one that is void is the loop's to see to. */
static bool holds(const struct fp_switch *sw, const struct fp_path_slot *slot)
{
	const uint64_t *shard_seq = sw->kernel.shared->shard_seq;

	return slot->seq >= shard_seq[slot->shard[0]] && slot->seq >= shard_seq[slot->shard[1]];
}

/* One that is wanted from now on is watched. */
static void watch(const struct renewal *renewal, struct fp_path_slot *slot,
		  struct fp_slot_note *note, const struct fp_verdict *verdict)
{
	/* relaxed: this thread alone writes it */
	uint32_t mode = fp_load_relaxed(&renewal->sw->health);

	if (mode == FP_HEALTH_OFF || fp_health_state(&renewal->worker->healths, note->health) ||
	    (mode == FP_HEALTH_WANTED && fp_mask_empty(verdict->ports)) ||
	    !fp_streams_has(note->place, &note->stream))
		return;
	note->health = fp_health_take(&renewal->worker->healths, &renewal->worker->streams,
				      note->place, renewal->now_ns);
	/* release: the state is there */
	fp_word_release(&slot->watched, note->health);
}

void fp_renew_watch(struct fp_switch *sw, struct fp_worker *worker, uint32_t index, uint64_t now_ns)
{
	struct renewal renewal = {.sw = sw, .worker = worker, .now_ns = now_ns};
	struct fp_path_slot *slot = &worker->slots.slots[index];
	struct fp_slot_note *note = &worker->slots.notes[index];

	if (note->given && fp_word_load(&slot->mode) == FP_MODE_KERNEL &&
	    fp_word_load(&slot->last_ns) + UNDER_WAY_NS > now_ns)
		watch(&renewal, slot, note, &note->verdicts[slot->version >> 1 & 1]);
}

/* Nobody of who gets it now is left out. */
static bool covers(const struct fp_verdict *verdict, const struct fp_verdict *now)
{
	bool all = true;

	for (uint32_t i = 0; i < FP_MASK_WORDS; i++)
		all &= !(now->ports[i] & ~verdict->ports[i]);
	return all;
}

/* Whether the slot is decided anew. */
static bool renew_slot(struct renewal *renewal, struct fp_slots *slots, uint32_t index)
{
	const struct fp_table *table = renewal->table;
	struct fp_path_slot *slot = &slots->slots[index];
	struct fp_slot_note *note = &slots->notes[index];
	uint32_t port = fp_slots_port(slots, index);
	struct fp_frame frame = frame_of(slot->key);
	struct fp_choice_facts facts;
	struct fp_verdict verdict;
	struct fp_slot_plan plan;
	enum fp_path rule;

	if (!note->given || fp_word_load(&slot->mode) != FP_MODE_KERNEL || !table->ports[port] ||
	    slot->seq > table->seq ||
	    fp_word_load(&slot->last_ns) + UNDER_WAY_NS < renewal->now_ns ||
	    !holds(renewal->sw, slot))
		return false;
	fp_decide_vlan(table, port, &frame);
	if (frame.vlan != note->stream.vlan) /* it is another stream now */
		return false;
	fp_decide(table, &frame, port, -1, &verdict);
	if (renewal->joins && !fp_joins_grant(renewal->joins, table, &frame, port, &verdict))
		return false;
	/* relaxed: under the lock. Of a join that still waits the table says nothing: the loop does
	 */
	if (!renewal->joins && fp_load_relaxed(&note->ahead) &&
	    !covers(&verdict, &note->verdicts[slot->version >> 1 & 1]))
		return false;
	fp_plan_facts(table, port, frame.group, frame.tci, true, &verdict, &facts);
	rule = fp_choice_rule(&facts);
	if (!verdict.learn || !fp_path_is_kernel(rule))
		return false;
	go_on(renewal, note, rule);
	fp_plan_make(table, slot->key, &verdict, &facts, &plan);
	if (renewal->joins)
		plan.slot.limited = 0; /* LOOP-7: somebody has joined it */
	else
		watch(renewal, slot, note, &verdict);
	fp_fold_slot(renewal->sw, slots, index, renewal->stats);
	fp_slots_write(slots, index, &plan, table->seq);
	renewal->left--;
	return true;
}

void fp_renew_joined(struct fp_switch *sw, struct fp_worker *worker, const struct fp_table *table,
		     const struct fp_join *join)
{
	struct fp_slots *slots = &worker->slots;
	struct renewal renewal = {
		.sw = sw,
		.worker = worker,
		.table = table,
		.joins = &worker->joins,
		.stats = worker->stats,
		.now_ns = fp_now_ns(),
		.left = RENEWED_MAX,
	};
	uint32_t index = fp_slots_of_group(slots, join->vlan, join->group, 0);
	bool locked;

	if (index == FP_NO_PLACE)
		return;
	locked = fp_slots_try_lock(slots);
	while (index != FP_NO_PLACE) {
		if (!locked || !renewal.left || !renew_slot(&renewal, slots, index) ||
		    !fp_slots_note_ahead(slots, index))
			fp_slots_void(slots, index);
		index = fp_slots_of_group(slots, join->vlan, join->group, index + 1);
	}
	if (locked)
		fp_slots_unlock(slots);
}

static bool is_changed(const struct renewal *renewal, const struct fp_slots *slots, uint32_t index)
{
	uint32_t shards = slots->shards[index];

	return !renewal->changed || renewal->changed[shards & 0xffff] ||
	       renewal->changed[shards >> 16];
}

static void renew_worker(struct renewal *renewal, struct fp_slots *slots)
{
	uint32_t count = fp_slots_used(slots);

	for (uint32_t first = 0; first < count && renewal->left; first += LOCKED_SLOTS) {
		uint32_t end = first + LOCKED_SLOTS < count ? first + LOCKED_SLOTS : count;

		if (!fp_slots_try_lock(slots))
			continue;
		for (uint32_t i = first; i < end && renewal->left; i++) {
			if (is_changed(renewal, slots, i))
				renew_slot(renewal, slots, i);
		}
		fp_slots_unlock(slots);
	}
}

void fp_renew(struct fp_switch *sw, const struct fp_table *table, const bool *changed)
{
	struct renewal renewal = {
		.sw = sw,
		.table = table,
		.stats = sw->control_stats,
		.changed = changed,
		.now_ns = fp_now_ns(),
		.left = RENEWED_MAX,
	};

	for (uint32_t i = 0; i < sw->worker_count; i++) {
		renewal.worker = sw->workers[i];
		renew_worker(&renewal, &renewal.worker->slots);
	}
}
