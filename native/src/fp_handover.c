#include "fp_handover.h"

#include <string.h>

#include "fp_clock.h"
#include "fp_fold.h"
#include "fp_mask.h"
#include "fp_plan.h"

#define LASTS_NS (10 * FP_NS_PER_MS) /* a stream that is older than this and still comes */
#define CUT_RINGS 2u /* of frames that have not come: one may wait there, one at least is lost */
#define CUT_TRIES 8u /* passes: a frame that is on its way into the ring spoils one */

#define MARKS 64u /* of a pass: the others have theirs by a later one */

struct pass {
	uint32_t marks[MARKS]; /* slots to be marked */
	uint32_t mark_count;
	struct fp_switch *sw;
	struct fp_worker *worker;
	const struct fp_table *table;
	uint64_t now_ns;
	bool allowed;
};

void fp_handover_find(const struct fp_switch *sw, const struct fp_worker *worker,
		      struct fp_flow *flow)
{
	const struct fp_slots *slots = &worker->slots;
	uint64_t words[FP_PATH_KEY_WORDS];

	flow->place = FP_NO_PLACE;
	flow->judged = false;
	flow->stream.path = FP_PATH_RING_OFF;
	/* relaxed: nothing is published through it */
	if (!slots->slots || !fp_load_relaxed(&sw->kernel_allowed) || !flow->slot)
		return;
	flow->stream.path = flow->verdict.punt ? FP_PATH_RING_COPIED : FP_PATH_RING_NEW;
	flow->first_ns = fp_streams_first_ns(flow->slot);
	/* of the same addresses there may be others, that are nobody's but the ring's */
	if (flow->verdict.punt)
		return;
	fp_slots_key(&flow->key, words);
	flow->place = fp_slots_find(slots, words);
	if (flow->place == FP_NO_PLACE)
		return;
	flow->generation = slots->notes[flow->place].generation;
}

void fp_handover_look(const struct fp_slots *slots, struct fp_flow *flow)
{
	const struct fp_slot_note *note;

	flow->marked = false;
	if (flow->place == FP_NO_PLACE)
		return;
	note = &slots->notes[flow->place];
	if (note->generation != flow->generation)
		return;
	flow->marked = note->marked != NULL;
	flow->mark_end = note->mark_end;
}

static void add_credit(struct fp_slots *slots, const struct fp_credit *credit, uint64_t now_ns)
{
	struct fp_slot_note *note = &slots->notes[credit->place];

	if (note->generation != credit->generation)
		return;
	note->credit += credit->frames;
	note->beyond += credit->beyond;
	note->seen_ns = now_ns;
	fp_choice_count(&note->choice, credit->frames,
			credit->sample > slots->slots[credit->place].frame_max);
}

static bool is_cut(const struct fp_worker *worker, uint32_t index)
{
	return worker->cut.on && worker->cut.place == index;
}

/* A slot for a flow that has none, if its stream lasts; what it held before is counted first. */
static void find_place(const struct pass *pass, struct fp_flow *flow)
{
	struct fp_slots *slots = &pass->worker->slots;
	uint64_t key[FP_PATH_KEY_WORDS];
	uint32_t index;

	if (pass->now_ns - flow->first_ns < LASTS_NS)
		return;
	fp_slots_key(&flow->key, key);
	index = fp_slots_find(slots, key);
	if (index == FP_NO_PLACE) {
		index = fp_slots_place(slots, key, pass->now_ns);
		if (index == FP_NO_PLACE || is_cut(pass->worker, index)) {
			flow->stream.path = FP_PATH_RING_FULL;
			return;
		}
		fp_fold_slot(pass->sw, slots, index, pass->worker->stats);
		fp_slots_assign(slots, index, key, &flow->stream, flow->slot, pass->now_ns);
	}
	flow->place = index;
	flow->generation = slots->notes[index].generation;
}

/* The decision of this pass's table, unless a newer one's is there. */
static void write_decision(const struct pass *pass, const struct fp_flow *flow,
			   const struct fp_choice_facts *facts)
{
	struct fp_slots *slots = &pass->worker->slots;
	struct fp_slot_plan plan;

	if (slots->slots[flow->place].seq >= pass->table->seq)
		return;
	fp_plan_make(pass->table, slots->slots[flow->place].key, &flow->verdict, facts, &plan);
	fp_fold_slot(pass->sw, slots, flow->place, pass->worker->stats);
	fp_slots_write(slots, flow->place, &plan, pass->table->seq);
}

/* Its port is in another VLAN than it was: what was counted is of the stream before. */
static void keep_stream(const struct pass *pass, struct fp_flow *flow)
{
	struct fp_slots *slots = &pass->worker->slots;
	struct fp_slot_note *note = &slots->notes[flow->place];

	if (note->stream.vlan != flow->stream.vlan) {
		fp_fold_slot(pass->sw, slots, flow->place, pass->worker->stats);
		note->stream = flow->stream;
	}
	note->place = flow->slot;
	if (flow->health || flow->unwatched) /* else none is wanted */
		flow->health =
			fp_health_find(&pass->worker->healths, &pass->worker->streams, flow->slot);
	if (note->health == flow->health)
		return;
	note->health = flow->health;
	/* release: the state is there */
	fp_word_release(&slots->slots[flow->place].watched, flow->health);
}

/* Who is to have the flow, by what is known now. */
static void judge(const struct pass *pass, struct fp_flow *flow)
{
	struct fp_slots *slots = &pass->worker->slots;
	struct fp_choice_facts facts;
	struct fp_slot_note *note;
	struct fp_path_slot *slot;
	uint64_t thrown_ns = 0;

	if (flow->place == FP_NO_PLACE && !flow->judged) {
		uint32_t tci = fp_read16(flow->key.l2 + FP_TAG_OFFSET) == FP_ETHERTYPE_TAG
				       ? fp_read16(flow->key.l2 + FP_TAG_OFFSET + 2)
				       : FP_NO_TAG;
		enum fp_path rule;

		fp_plan_facts(pass->table, flow->key.port, flow->key.group, tci, pass->allowed,
			      &flow->verdict, &facts);
		rule = fp_choice_rule(&facts);
		flow->judged = true;
		flow->kept = !fp_path_is_kernel(rule);
		if (flow->kept)
			flow->stream.path = (uint8_t)rule;
	}
	if (flow->place == FP_NO_PLACE && !flow->kept)
		find_place(pass, flow);
	if (flow->place == FP_NO_PLACE)
		return;
	note = &slots->notes[flow->place];
	slot = &slots->slots[flow->place];
	if (note->generation != flow->generation) {
		flow->place = FP_NO_PLACE; /* it lost its slot to another */
		return;
	}
	if (note->judged_seq == pass->table->seq && fp_choice_waits(&note->choice, pass->now_ns))
		return;
	note->judged_seq = pass->table->seq;
	keep_stream(pass, flow);
	fp_plan_facts(pass->table, flow->key.port, flow->key.group, fp_plan_tci(slot->key),
		      pass->allowed, &flow->verdict, &facts);
	if (note->given && fp_word_load(&slot->mode) == FP_MODE_RING)
		thrown_ns = fp_word_load(&slot->took_ns) | 1;
	fp_choice_look(&note->choice, &facts, fp_slots_served(slots, flow->place), thrown_ns,
		       pass->now_ns);
	if (fp_path_is_kernel(note->choice.path))
		write_decision(pass, flow, &facts);
	flow->stream.path = fp_path_is_kernel(note->choice.path) && !note->given
				    ? FP_PATH_RING_NEW
				    : note->choice.path;
	note->stream.path = flow->stream.path;
}

/* The ring has lost datagrams of it, or will: what the kernel sees next is no loss before us. */
static void pass_over(const struct pass *pass, const struct fp_slot_note *note)
{
	fp_health_pass_over(fp_health_state(&pass->worker->healths, note->health));
}

static void give(struct fp_path_slot *slot, struct fp_slot_note *note, uint32_t done)
{
	/* release: what it counts has been sent; pairs with the programs' look at it */
	fp_word_release(&slot->done, done);
	note->credit = 0;
	if (note->given)
		return;
	fp_word_release(&slot->try_ns, note->choice.try_ns);
	fp_word_release(&slot->mode, FP_MODE_KERNEL);
	note->given = true;
	note->stream.path = note->choice.path;
}

/*
 * What waits in the ring of a flow is let go, once the kernel serves it: all that was there when it
 * was given, and nothing that came later. A frame that came while it was given keeps the kernel
 * from serving; then it is given anew, some times, and else the flow stays as it was.
 */
static void go_on_cut(const struct pass *pass)
{
	struct fp_cut *cut = &pass->worker->cut;
	struct fp_slots *slots = &pass->worker->slots;
	struct fp_slot_note *note = &slots->notes[cut->place];
	struct fp_path_slot *slot = &slots->slots[cut->place];
	uint32_t ringed = fp_word_acquire(&slot->ringed); /* before the ring is looked at */
	uint32_t taken;

	if (pass->table->ports[fp_slots_port(slots, cut->place)] != cut->port) {
		cut->on = false; /* and its ring is gone */
		return;
	}
	taken = fp_load_relaxed(&cut->port->data.taken);
	if (cut->tries && fp_path_is_kernel(note->choice.path) && ringed != slot->done &&
	    fp_slots_served(slots, cut->place) == cut->served) {
		cut->tries--;
		cut->end = fp_ring_end(&cut->port->data, taken);
		give(slot, note, ringed);
	}
	note->credit = 0;
	note->exact = false;
	cut->on = (int32_t)(cut->end - taken) > 0;
}

/*
 * A flow that is more than the ring can take, and that the kernel should have, would never see the
 * ring without it. It costs what waits there, so not before the ring has lost as much of it.
 */
static void begin_cut(const struct pass *pass, uint32_t index, const struct fp_port *port)
{
	struct fp_cut *cut = &pass->worker->cut;
	struct fp_slot_note *note = &pass->worker->slots.notes[index];

	if (cut->on)
		return;
	note->marked = NULL;
	note->lost = 0;
	pass_over(pass, note);
	*cut = (struct fp_cut){
		.on = true,
		.place = index,
		.port = port,
		.end = fp_load_relaxed(&port->data.taken),
		.tries = CUT_TRIES,
		.served = fp_slots_served(&pass->worker->slots, index),
	};
	go_on_cut(pass);
}

/*
 * A frame that the programs had let into the ring before they knew the slot is counted nowhere, and
 * is there when a later one of the flow has been counted.
 */
static void want_mark(struct pass *pass, uint32_t index, uint32_t ringed)
{
	struct fp_slot_note *note = &pass->worker->slots.notes[index];

	if (ringed == note->first_ringed || pass->mark_count == MARKS)
		return;
	note->mark_ringed = ringed;
	pass->marks[pass->mark_count++] = index;
}

/* What was counted is there, so before the end that is looked for now; for many slots at once. */
static void set_marks(struct pass *pass)
{
	struct fp_slots *slots = &pass->worker->slots;
	const struct fp_port *port = NULL;
	uint32_t end = 0;

	for (uint32_t i = 0; i < pass->mark_count; i++) {
		uint32_t index = pass->marks[i];
		struct fp_slot_note *note = &slots->notes[index];
		const struct fp_port *its = pass->table->ports[fp_slots_port(slots, index)];

		if (its != port) {
			port = its;
			end = fp_ring_end(&port->data, fp_load_relaxed(&port->data.taken));
		}
		/* one more may be before the end as well: the kernel would wait for it for ever */
		if (fp_word_load(&slots->slots[index].ringed) != note->mark_ringed)
			continue;
		note->mark_end = end;
		note->beyond = 0;
		note->marked = port;
	}
}

/* All that the mark stands for has left or is lost. */
static bool has_passed(const struct fp_slot_note *note, const struct fp_port *port)
{
	return note->marked == port &&
	       (int32_t)(fp_load_relaxed(&port->data.taken) - note->mark_end) >= 0;
}

/* The slot of a flow whose frames have just left: the kernel's from here on, if it is to be. */
static void hand_over(struct pass *pass, uint32_t index)
{
	struct fp_slots *slots = &pass->worker->slots;
	struct fp_slot_note *note = &slots->notes[index];
	struct fp_path_slot *slot = &slots->slots[index];
	const struct fp_port *port = pass->table->ports[fp_slots_port(slots, index)];
	uint32_t ringed;
	int32_t missing;

	if (!fp_path_is_kernel(note->choice.path)) {
		if (note->given)
			fp_word_release(&slot->mode, FP_MODE_RING);
		note->given = false;
		note->marked = NULL;
		return;
	}
	if (!port || is_cut(pass->worker, index))
		return;
	/* acquire: the ring has had what it counts; pairs with the ingress program's addition */
	ringed = fp_word_acquire(&slot->ringed);
	if (note->uncounted != slots->uncounted) {
		/* what left while the kernel was off is not missing: begin to count */
		note->uncounted = slots->uncounted;
		note->credit = ringed - slot->done;
		note->exact = false;
		note->marked = NULL;
		note->lost = 0;
	}
	missing = (int32_t)(ringed - slot->done - note->credit);
	if (!fp_ring_ready(&port->data)) {
		if (missing > 0)
			pass_over(pass, note);
		note->exact = true;
		note->marked = NULL;
		note->lost = 0;
		give(slot, note, ringed);
		return;
	}
	if (has_passed(note, port)) {
		uint32_t done = note->mark_ringed + note->beyond;

		if (ringed != done)
			pass_over(pass, note);
		note->lost += (uint32_t)missing - (ringed - done);
		note->exact = true;
		note->marked = NULL;
		give(slot, note, done);
	} else if (missing + (int32_t)note->lost >= (int32_t)(CUT_RINGS * port->data.slots)) {
		begin_cut(pass, index, port);
	} else if (missing < 0) {
		note->exact = false; /* more has left than was counted: that may be still to come */
	} else if (note->exact) {
		give(slot, note, slot->done + note->credit);
	}
	if (ringed == slot->done)
		note->lost = 0;
	else if (note->marked != port)
		want_mark(pass, index, ringed);
}

void fp_handover_pass(struct fp_switch *sw, struct fp_worker *worker, const struct fp_table *table,
		      uint64_t now_ns)
{
	struct fp_slots *slots = &worker->slots;
	struct fp_flows *flows = &worker->flows;
	struct pass pass = {
		.sw = sw,
		.worker = worker,
		.table = table,
		.now_ns = now_ns,
	};

	if (!slots->slots || !(flows->credit_count | flows->touched_count))
		return;
	/* relaxed: who changes it publishes, and then every flow is decided anew */
	pass.allowed = fp_load_relaxed(&sw->kernel_allowed);
	if (!pass.allowed) {
		slots->uncounted++;
		flows->credit_count = 0;
		return;
	}
	if (!fp_slots_try_lock(slots))
		return;
	for (uint32_t i = 0; i < flows->credit_count; i++)
		add_credit(slots, &flows->credits[i], now_ns);
	for (uint32_t i = 0; i < flows->touched_count; i++) {
		struct fp_flow *flow = &flows->flows[flows->touched[i]];

		if (flow->slot && !flow->ahead)
			judge(&pass, flow);
	}
	if (worker->cut.on)
		go_on_cut(&pass);
	for (uint32_t i = 0; i < flows->credit_count; i++) {
		const struct fp_credit *credit = &flows->credits[i];

		if (slots->notes[credit->place].generation == credit->generation)
			hand_over(&pass, credit->place);
	}
	set_marks(&pass);
	flows->credit_count = 0;
	fp_slots_unlock(slots);
}
