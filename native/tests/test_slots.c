/* Slots by themselves: who has which, and what is written when. */
#include "check.h"
#include "fp_slots.h"

#define SETS 8u
#define PORTS 5u
#define S UINT64_C(1000000000)
#define SEED 7u

static struct fp_path_slot memory[SETS * FP_PATH_WAYS];
static struct fp_path_set map[SETS];
static struct fp_slots slots;
static struct fp_stream_slot place;

static void start(void)
{
	fp_slots_destroy(&slots);
	memset(memory, 0, sizeof(memory));
	memset(map, 0, sizeof(map));
	memset(&slots, 0, sizeof(slots));
	CHECK_EQ(fp_slots_init(&slots, memory, map, SETS, SEED), 0);
}

static void key_of(uint32_t n, uint32_t port, uint64_t *key)
{
	memset(key, 0, FP_PATH_KEY_WORDS * sizeof(*key));
	key[0] = n;
	key[2] = (uint64_t)FP_PATH_UNTAGGED << 32 | port;
}

static uint32_t set_of(const uint64_t *key)
{
	return (uint32_t)(fp_path_hash(key, SEED) >> 32) & (SETS - 1);
}

/* The next flow of the port that hashes to set 0, from *n on. */
static void next_key(uint32_t *n, uint32_t port, uint64_t *key)
{
	do
		key_of((*n)++, port, key);
	while (set_of(key));
}

static uint32_t take(const uint64_t *key, uint64_t now_ns)
{
	struct fp_stream stream = {.port = (uint16_t)key[2]};
	uint32_t index = fp_slots_place(&slots, key, now_ns);

	memcpy(stream.group, key, sizeof(uint64_t));
	if (index != FP_NO_PLACE)
		fp_slots_assign(&slots, index, key, &stream, &place, now_ns);
	return index;
}

static void test_key_is_as_the_wire_has_it(void)
{
	struct fp_flow_key flow = {.port = 3, .protocol = 17};
	const uint8_t untagged[] = {1, 0, 0x5e, 1, 2, 3, 2, 0, 0, 0, 0, 9, 0x08, 0x00};
	const uint8_t tagged[] = {1, 0, 0x5e, 1,    2,	  3,	2,    0,    0,
				  0, 0, 9,    0x81, 0x00, 0xa0, 0x0a, 0x08, 0x00};
	const uint8_t head[] = {0, 0, 1, 0, 0x5e, 1, 2, 3, 2, 0, 0, 0, 0, 9, 0x08, 0x00};
	uint64_t key[FP_PATH_KEY_WORDS];

	memcpy(flow.l2, untagged, sizeof(untagged));
	memset(flow.source, 0x11, sizeof(flow.source));
	memset(flow.group, 0x22, sizeof(flow.group));
	fp_slots_key(&flow, key);
	CHECK_BYTES(key, head, sizeof(head));
	CHECK_EQ(key[2], UINT64_C(0x10000) << 32 | 3);
	CHECK_EQ(key[3], UINT64_C(0x1111111111111111));
	CHECK_EQ(key[6], UINT64_C(0x2222222222222222));
	memcpy(flow.l2, tagged, sizeof(tagged));
	fp_slots_key(&flow, key);
	CHECK_BYTES(key, head, sizeof(head));
	CHECK_EQ(key[2], UINT64_C(0xa00a) << 32 | 3);
}

static void test_what_is_assigned_is_found_and_nothing_else(void)
{
	uint64_t key[FP_PATH_KEY_WORDS];
	uint32_t index;

	start();
	key_of(1, 0, key);
	CHECK_EQ(fp_slots_find(&slots, key), FP_NO_PLACE);
	index = take(key, 1 * S);
	CHECK_EQ(fp_slots_find(&slots, key), index);
	CHECK_EQ(fp_slots_find(&slots, key), index);
	CHECK_EQ(memory[index].mode, FP_MODE_RING);
	CHECK_EQ(memory[index].version & 1, 0);
	key_of(1, 1, key);
	CHECK_EQ(fp_slots_find(&slots, key), FP_NO_PLACE);
	fp_slots_destroy(&slots);
	CHECK_EQ(fp_slots_find(&slots, key), FP_NO_PLACE);
}

/* Whatever their hashes: what is in use lies close together. Who gets another's slot has its way.
 */
static void test_slots_are_given_out_one_after_the_other(void)
{
	uint64_t key[FP_PATH_KEY_WORDS];
	uint64_t first[FP_PATH_KEY_WORDS];
	uint32_t n = 0;

	start();
	next_key(&n, 0, first);
	CHECK_EQ(take(first, 1 * S), 0);
	for (uint32_t i = 1; i < FP_PATH_WAYS; i++) {
		next_key(&n, 0, key);
		CHECK_EQ(take(key, 1 * S + i), i);
		CHECK_EQ(fp_slots_find(&slots, key), i);
	}
	CHECK_EQ(fp_slots_used(&slots), FP_PATH_WAYS);
	next_key(&n, 0, key);
	CHECK_EQ(take(key, 30 * S), 0); /* the first one's */
	CHECK_EQ(fp_slots_find(&slots, key), 0);
	CHECK_EQ(fp_slots_find(&slots, first), FP_NO_PLACE);
	CHECK_EQ(fp_slots_used(&slots), FP_PATH_WAYS);
	do
		key_of(n++, 0, key);
	while (!set_of(key));
	CHECK_EQ(take(key, 30 * S), FP_PATH_WAYS); /* of another set */
	CHECK_EQ(fp_slots_find(&slots, key), FP_PATH_WAYS);
}

/* Four flows that go on: a fifth has no room, of whichever port, until one is silent. */
static void test_active_flows_keep_their_slots(void)
{
	uint64_t key[FP_PATH_KEY_WORDS];
	uint32_t n = 0;
	uint32_t first;

	start();
	next_key(&n, 0, key);
	first = take(key, 10 * S);
	for (uint32_t port = 1; port < 4; port++) {
		next_key(&n, port, key);
		CHECK(take(key, 10 * S) != FP_NO_PLACE);
	}
	next_key(&n, 0, key);
	CHECK_EQ(fp_slots_place(&slots, key, 11 * S - 1), FP_NO_PLACE);
	CHECK_EQ(fp_slots_place(&slots, key, 11 * S), first); /* its own goes before others' */
	memory[first].last_ns = 11 * S;			      /* the kernel has served it */
	CHECK_EQ(fp_slots_place(&slots, key, 11 * S), FP_NO_PLACE);
	next_key(&n, 4, key);
	CHECK(fp_slots_place(&slots, key, 11 * S) != FP_NO_PLACE);
}

/* A host with a million flows: it gets what is free, and then pushes out its own. */
static void test_flood_of_one_port_leaves_the_others_slots(void)
{
	uint64_t quiet[FP_PATH_KEY_WORDS];
	uint64_t key[FP_PATH_KEY_WORDS];
	uint64_t now_ns = 10 * S;
	uint32_t n = 0;
	uint32_t index;

	start();
	next_key(&n, 1, quiet);
	index = take(quiet, now_ns); /* a stream of one frame in five seconds */
	for (uint32_t i = 0; i < 100000; i++, now_ns += S / 1000) {
		next_key(&n, 0, key);
		take(key, now_ns);
		if (i % 5000 == 0)
			slots.notes[index].seen_ns = now_ns;
	}
	CHECK_EQ(fp_slots_find(&slots, quiet), index);
}

/* Fair shares: who has none of a set gets a way of the port that has two more, active or not. */
static void test_port_with_most_ways_makes_room(void)
{
	uint64_t key[FP_PATH_KEY_WORDS];
	uint32_t n = 0;
	uint32_t index;

	start();
	for (uint32_t i = 0; i < FP_PATH_WAYS; i++) {
		next_key(&n, 0, key);
		CHECK(take(key, 10 * S + i) != FP_NO_PLACE);
	}
	next_key(&n, 1, key);
	index = take(key, 10 * S + 10);
	CHECK_EQ(fp_slots_find(&slots, key), index);
	next_key(&n, 1, key);
	index = take(key, 10 * S + 10);
	CHECK(index != FP_NO_PLACE);
	next_key(&n, 1, key);
	CHECK_EQ(take(key, 10 * S + 10), FP_NO_PLACE); /* two each */
}

/* What is counted goes to the decision that was in force, also what arrives late. */
static void test_counts_go_to_the_decision_they_were_made_by(void)
{
	struct fp_slot_plan plan = {.slot = {.count = 1, .as_is = 1}, .verdict = {.reason = 1}};
	uint64_t key[FP_PATH_KEY_WORDS];
	uint64_t frames;
	uint64_t bytes;
	uint32_t index;
	uint32_t bank;

	start();
	key_of(1, 0, key);
	index = take(key, 1 * S);
	CHECK(fp_slots_write(&slots, index, &plan, 5));
	bank = memory[index].version >> 1 & 1;
	CHECK_EQ(slots.notes[index].verdicts[bank].reason, 1);
	memory[index].frames[bank] += 10;
	memory[index].bytes[bank] += 1000;
	CHECK(!fp_slots_write(&slots, index, &plan, 6)); /* nothing new but the table */
	CHECK_EQ(memory[index].version >> 1 & 1, bank);
	CHECK_EQ(memory[index].seq, 6);
	plan.verdict.reason = 2;
	CHECK(fp_slots_write(&slots, index, &plan, 7));
	CHECK_EQ(memory[index].version >> 1 & 1, !bank);
	memory[index].frames[bank] += 1; /* by a program that had looked before */
	CHECK(fp_slots_take(&slots, index, bank, &frames, &bytes));
	CHECK_EQ(frames, 11);
	CHECK_EQ(bytes, 1000);
	CHECK_EQ(slots.notes[index].verdicts[bank].reason, 1);
	CHECK_EQ(slots.notes[index].verdicts[!bank].reason, 2);
	CHECK(!fp_slots_take(&slots, index, bank, &frames, &bytes));
	CHECK_EQ(fp_slots_served(&slots, index), 11);
}

static void test_group_that_somebody_joins_is_found_and_void(void)
{
	struct fp_stream stream = {.vlan = 3};
	uint64_t key[FP_PATH_KEY_WORDS];
	uint32_t joined;
	uint32_t other;

	start();
	stream.group[15] = 9;
	key_of(1, 0, key);
	joined = fp_slots_place(&slots, key, S);
	fp_slots_assign(&slots, joined, key, &stream, &place, S);
	stream.vlan = 4;
	key_of(2, 0, key);
	other = fp_slots_place(&slots, key, S);
	fp_slots_assign(&slots, other, key, &stream, &place, S);
	memory[joined].seq = memory[other].seq = 8;
	CHECK_EQ(fp_slots_of_group(&slots, 5, stream.group, 0), FP_NO_PLACE);
	CHECK_EQ(fp_slots_of_group(&slots, 3, stream.group, 0), joined);
	CHECK_EQ(fp_slots_of_group(&slots, 3, stream.group, joined + 1), FP_NO_PLACE);
	fp_slots_void(&slots, joined);
	CHECK_EQ(memory[joined].seq, 0);
	CHECK_EQ(memory[other].seq, 8);
}

int main(void)
{
	RUN(test_key_is_as_the_wire_has_it);
	RUN(test_what_is_assigned_is_found_and_nothing_else);
	RUN(test_slots_are_given_out_one_after_the_other);
	RUN(test_active_flows_keep_their_slots);
	RUN(test_flood_of_one_port_leaves_the_others_slots);
	RUN(test_port_with_most_ways_makes_room);
	RUN(test_counts_go_to_the_decision_they_were_made_by);
	RUN(test_group_that_somebody_joins_is_found_and_void);
	fp_slots_destroy(&slots);
	return 0;
}
