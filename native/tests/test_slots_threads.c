/*
 * A thread in the programs' role serves by the slots while the loop writes decisions and credits
 * and the control thread folds: no mix of two decisions is ever served, none that is void, and
 * every frame is counted once, by the decision that it was served by or its successor.
 */
#include <pthread.h>
#include <sched.h>

#include "check.h"
#include "fp_slots.h"

#define SETS 2u
#define FRAMES 400000u
#define SEED 3u
#define FLOWS 4u
#define REASONS 16u

static struct fp_path_slot memory[SETS * FP_PATH_WAYS];
static struct fp_path_set map[SETS];
static struct fp_slots slots;
static struct fp_stream_slot place;
static uint32_t indexes[FLOWS];
static uint64_t live_seq; /* a word of the maps: decisions of older tables are void */
static uint64_t folded;	  /* under the lock */
static _Atomic uint32_t done;
static uint64_t served;

static void fold(void)
{
	uint64_t frames;
	uint64_t bytes;

	for (uint32_t i = 0; i < FLOWS; i++) {
		for (uint32_t bank = 0; bank < 2; bank++) {
			if (fp_slots_take(&slots, indexes[i], bank, &frames, &bytes))
				folded += frames;
		}
	}
}

/* A decision whose every part says of which table it is. */
static void write_decision(uint32_t index, uint64_t seq)
{
	struct fp_slot_plan plan = {.slot = {.count = FP_PATH_EGRESS_MAX}};

	plan.slot.frame_max = (uint32_t)seq;
	plan.slot.fast_ns = (uint32_t)seq;
	memset(plan.slot.egress, (int)(seq & 0x7f), sizeof(plan.slot.egress));
	plan.verdict.reason = (uint8_t)(seq % REASONS);
	fp_slots_write(&slots, index, &plan, seq);
}

/* As bpf/fp_kernel.bpf.c, with the loads that a machine that reorders them needs. */
static bool serve(struct fp_path_slot *slot)
{
	uint32_t version = fp_word_acquire(&slot->version);
	uint64_t seq = fp_word_acquire(&slot->seq);
	uint64_t egress[FP_PATH_EGRESS_MAX / 8];
	uint32_t frame_max = fp_word_acquire(&slot->frame_max);
	uint64_t fast_ns = fp_word_acquire(&slot->fast_ns);
	uint64_t live = fp_word_acquire(&live_seq);

	if (version & 1 || fp_word_acquire(&slot->mode) != FP_MODE_KERNEL || seq < live)
		return false;
	for (uint32_t i = 0; i < FP_PATH_EGRESS_MAX / 8; i++)
		egress[i] = fp_word_acquire((uint64_t *)(void *)slot->egress + i);
	if (fp_word_load(&slot->version) != version)
		return false;
	for (uint32_t i = 0; i < FP_PATH_EGRESS_MAX / 8; i++)
		CHECK_EQ(egress[i], (fast_ns & 0x7f) * UINT64_C(0x0101010101010101));
	CHECK_EQ(frame_max, fast_ns);
	__atomic_fetch_add(&slot->frames[version >> 1 & 1], 1, __ATOMIC_RELAXED);
	fp_word_store(&slot->last_ns, fast_ns);
	return true;
}

static void *serve_frames(void *argument)
{
	uint64_t seed = 5;

	(void)argument;
	while (served < FRAMES) {
		struct fp_path_slot *slot = &memory[indexes[check_below(&seed, FLOWS)]];

		if (serve(slot))
			served++;
		else
			__atomic_fetch_add(&slot->ringed, 1, __ATOMIC_RELAXED);
	}
	fp_store_relaxed(&done, 1);
	return NULL;
}

/* Control: counts, and now and then makes void. */
static void *control(void *argument)
{
	(void)argument;
	while (!fp_load_relaxed(&done)) {
		fp_slots_lock(&slots);
		fold();
		fp_slots_unlock(&slots);
		fp_word_release(&live_seq, fp_word_load(&live_seq) + 1);
		sched_yield();
	}
	return NULL;
}

static void loop(void)
{
	uint32_t passes = 0;

	while (!fp_load_relaxed(&done)) {
		uint64_t seq = fp_word_acquire(&live_seq);
		uint32_t index = indexes[passes++ % FLOWS];

		if (!fp_slots_try_lock(&slots)) {
			sched_yield();
			continue;
		}
		fold();
		if (memory[index].seq < seq)
			write_decision(index, seq);
		fp_word_release(&memory[index].done, fp_word_acquire(&memory[index].ringed));
		fp_word_release(&memory[index].mode, FP_MODE_KERNEL);
		fp_slots_unlock(&slots);
	}
}

static void test_decisions_are_served_whole_and_counted_once(void)
{
	pthread_t program;
	pthread_t folder;

	CHECK_EQ(fp_slots_init(&slots, memory, map, SETS, SEED), 0);
	for (uint32_t i = 0; i < FLOWS; i++) {
		uint64_t key[FP_PATH_KEY_WORDS] = {i, 0, (uint64_t)FP_PATH_UNTAGGED << 32};
		struct fp_stream stream = {.vlan = (uint16_t)i};

		indexes[i] = fp_slots_place(&slots, key, 1);
		CHECK(indexes[i] != FP_NO_PLACE);
		fp_slots_assign(&slots, indexes[i], key, &stream, &place, 1);
		write_decision(indexes[i], 1);
	}
	CHECK(!pthread_create(&program, NULL, serve_frames, NULL));
	CHECK(!pthread_create(&folder, NULL, control, NULL));
	loop();
	CHECK(!pthread_join(program, NULL));
	CHECK(!pthread_join(folder, NULL));
	fold();
	CHECK_EQ(folded, served);
	fp_slots_destroy(&slots);
}

int main(void)
{
	RUN(test_decisions_are_served_whole_and_counted_once);
	return 0;
}
