/* The loop counts while the control thread copies: no copy mixes two states of a stream. */
#include <pthread.h>

#include "check.h"
#include "fp_streams.h"

#define STREAMS 200u
#define PLACES 64u
#define ROUNDS 40000u

static struct fp_streams streams;
static _Atomic uint32_t done;

static struct fp_stream key_of(uint32_t n)
{
	struct fp_stream key = {.vlan = (uint16_t)n, .port = (uint16_t)(n + 1)};

	memset(key.source, (int)n, 16);
	memset(key.group, (int)n + 1, 16);
	return key;
}

/* Whatever a slot says, all of its words say it together. */
static void *count(void *argument)
{
	uint64_t seed = 9;

	(void)argument;
	for (uint64_t round = 1; round <= ROUNDS; round++) {
		struct fp_stream key = key_of(check_below(&seed, STREAMS));
		struct fp_verdict verdict = {.ports = {round, round, round, round}};
		struct fp_stream_slot *slot = fp_streams_find(&streams, &key, round);

		CHECK(fp_streams_add(slot, &key, &verdict, 3, 300, round));
	}
	fp_store_relaxed(&done, 1);
	return NULL;
}

static void check_stream(const struct fp_stream *stream)
{
	struct fp_stream key = key_of(stream->vlan);

	CHECK(stream->vlan < STREAMS);
	CHECK_EQ(stream->port, key.port);
	CHECK_BYTES(stream->source, key.source, 16);
	CHECK_BYTES(stream->group, key.group, 16);
	CHECK_EQ(stream->frames * 100, stream->bytes);
	for (uint32_t i = 0; i < FP_MASK_WORDS; i++)
		CHECK_EQ(stream->ports[i], stream->frames ? stream->last_ns : 0);
	CHECK(stream->first_ns <= stream->last_ns);
}

static void test_copies_are_of_one_moment(void)
{
	struct fp_stream copies[PLACES];
	pthread_t counter;
	uint32_t found;

	CHECK_EQ(fp_streams_init(&streams, PLACES), 0);
	CHECK(!pthread_create(&counter, NULL, count, NULL));
	do {
		found = fp_streams_read(&streams, copies, PLACES);
		for (uint32_t i = 0; i < found; i++)
			check_stream(&copies[i]);
	} while (!fp_load_relaxed(&done));
	CHECK(!pthread_join(counter, NULL));
	CHECK_EQ(fp_streams_read(&streams, copies, PLACES), PLACES);
	fp_streams_destroy(&streams);
}

int main(void)
{
	RUN(test_copies_are_of_one_moment);
	return 0;
}
