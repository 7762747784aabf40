#include "fp_streams.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define READ_TRIES 8
#define STREAMS_LIMIT (1u << 24)
#define WORDS (FP_STREAM_BYTES / 8)

_Static_assert(FP_STREAM_BYTES % 8 == 0, "copied by words");

int fp_streams_init(struct fp_streams *streams, uint32_t streams_max)
{
	size_t bytes;

	if (streams_max > STREAMS_LIMIT)
		return -EINVAL;
	streams->buckets = 1;
	while (streams->buckets * FP_STREAM_WAYS < streams_max)
		streams->buckets *= 2;
	bytes = streams->buckets * FP_STREAM_WAYS * sizeof(struct fp_stream_slot);
	streams->slots = aligned_alloc(64, bytes);
	streams->tags = calloc(streams->buckets, FP_STREAM_WAYS * sizeof(uint32_t));
	streams->watched = calloc(streams->buckets, FP_STREAM_WAYS * sizeof(*streams->watched));
	if (!streams->slots || !streams->tags || !streams->watched) {
		fp_streams_destroy(streams);
		return -ENOMEM;
	}
	memset(streams->slots, 0, bytes);
	return 0;
}

void fp_streams_destroy(struct fp_streams *streams)
{
	free(streams->slots);
	free(streams->tags);
	free(streams->watched);
	streams->watched = NULL;
	streams->slots = NULL;
	streams->tags = NULL;
}

static void load(const struct fp_stream_slot *slot, struct fp_stream *stream)
{
	uint64_t words[WORDS];

	for (uint32_t i = 0; i < WORDS; i++)
		words[i] = fp_load_relaxed(&slot->words[i]);
	memset(stream, 0, sizeof(*stream));
	memcpy(stream, words, sizeof(words));
}

static void lock(struct fp_stream_slot *slot)
{
	uint32_t seq;

	do {
		seq = fp_load_relaxed(&slot->seq) & ~1u;
		/* acquire: pairs with the release in unlock() of the last writer */
	} while (!atomic_compare_exchange_weak_explicit(
		&slot->seq, &seq, seq + 1, memory_order_acq_rel, memory_order_relaxed));
}

static void store(struct fp_stream_slot *slot, const struct fp_stream *stream)
{
	uint64_t words[WORDS];

	memcpy(words, stream, sizeof(words));
	for (uint32_t i = 0; i < WORDS; i++)
		/* release: seq is odd before any word changes; pairs with fp_streams_get() */
		fp_store_release(&slot->words[i], words[i]);
}

static void unlock(struct fp_stream_slot *slot)
{
	/* release: all words are before the even number; pairs with fp_streams_get() */
	fp_store_release(&slot->seq, fp_load_relaxed(&slot->seq) + 1);
}

bool fp_streams_get(const struct fp_stream_slot *slot, struct fp_stream *stream)
{
	for (int tries = 0; tries < READ_TRIES; tries++) {
		/* acquire: pairs with the last store of store() */
		uint32_t seq = fp_load_acquire(&slot->seq);
		uint64_t words[WORDS];

		if (seq == 0)
			return false;
		if (seq & 1)
			continue;
		for (uint32_t i = 0; i < WORDS; i++)
			/* acquire: the second look at seq stays behind; pairs with store() */
			words[i] = fp_load_acquire(&slot->words[i]);
		if (fp_load_relaxed(&slot->seq) != seq)
			continue;
		memset(stream, 0, sizeof(*stream));
		memcpy(stream, words, sizeof(words));
		return true;
	}
	return false;
}

static bool same_key(const struct fp_stream *a, const struct fp_stream *b)
{
	return a->vlan == b->vlan && a->port == b->port &&
	       !memcmp(a->group, b->group, FP_ADDRESS_BYTES) &&
	       !memcmp(a->source, b->source, FP_ADDRESS_BYTES);
}

static uint64_t hash_of(const struct fp_stream *key)
{
	uint64_t words[4];
	uint64_t hash;

	memcpy(words, key->source, FP_ADDRESS_BYTES);
	memcpy(words + 2, key->group, FP_ADDRESS_BYTES);
	hash = (words[1] ^ words[0]) * UINT64_C(0x9e3779b97f4a7c15);
	hash = (hash ^ (hash >> 29) ^ words[3] ^ words[2]) * UINT64_C(0xbf58476d1ce4e5b9);
	hash ^= (uint64_t)key->vlan << 16 | key->port;
	return (hash ^ (hash >> 31)) * UINT64_C(0x94d049bb133111eb);
}

/*
 * The free slot of a bucket, or the one longest silent of the port that has most of it; of several
 * that have as much, the new stream's own goes first.
 */
static uint32_t victim_of(const struct fp_streams *streams, uint32_t first, uint16_t port)
{
	struct fp_stream held[FP_STREAM_WAYS];
	uint32_t most = 0;
	uint32_t victim = 0;

	for (uint32_t i = 0; i < FP_STREAM_WAYS; i++) {
		if (!streams->tags[first + i])
			return first + i;
		load(&streams->slots[first + i], &held[i]);
	}
	for (uint32_t i = 0; i < FP_STREAM_WAYS; i++) {
		uint32_t weight = held[i].port == port ? 1 : 0;

		for (uint32_t j = 0; j < FP_STREAM_WAYS; j++)
			weight += held[j].port == held[i].port ? 2 : 0;
		if (weight > most || (weight == most && held[i].last_ns < held[victim].last_ns)) {
			most = weight;
			victim = i;
		}
	}
	return first + victim;
}

struct fp_stream_slot *fp_streams_find(struct fp_streams *streams, const struct fp_stream *key,
				       uint64_t now_ns)
{
	uint64_t hash = hash_of(key);
	uint32_t first = ((uint32_t)(hash >> 33) & (streams->buckets - 1)) * FP_STREAM_WAYS;
	uint32_t tag = (uint32_t)hash | 1u;
	struct fp_stream stream;
	uint32_t victim;

	for (uint32_t i = first; i < first + FP_STREAM_WAYS; i++) {
		if (streams->tags[i] != tag)
			continue;
		load(&streams->slots[i], &stream);
		if (same_key(&stream, key))
			return &streams->slots[i];
	}
	victim = victim_of(streams, first, key->port);
	stream = *key;
	stream.frames = stream.bytes = 0;
	stream.first_ns = stream.last_ns = now_ns;
	streams->tags[victim] = tag;
	fp_streams_watch(streams, &streams->slots[victim], 0);
	lock(&streams->slots[victim]);
	store(&streams->slots[victim], &stream);
	unlock(&streams->slots[victim]);
	return &streams->slots[victim];
}

bool fp_streams_add(struct fp_stream_slot *slot, const struct fp_stream *key,
		    const struct fp_verdict *verdict, uint64_t frames, uint64_t bytes,
		    uint64_t now_ns)
{
	struct fp_stream stream;
	bool same;

	lock(slot);
	load(slot, &stream);
	same = same_key(&stream, key);
	if (same) {
		stream.frames += frames;
		stream.bytes += bytes;
		if (now_ns > stream.last_ns)
			stream.last_ns = now_ns;
		stream.reason = verdict->reason;
		stream.registered = verdict->registered;
		stream.ttl = key->ttl;
		stream.path = key->path;
		memcpy(stream.ports, verdict->ports, sizeof(stream.ports));
		store(slot, &stream);
	}
	unlock(slot);
	return same;
}

bool fp_streams_has(const struct fp_stream_slot *slot, const struct fp_stream *key)
{
	struct fp_stream stream;

	return fp_streams_get(slot, &stream) && same_key(&stream, key);
}

uint64_t fp_streams_last_ns(const struct fp_stream_slot *slot)
{
	return fp_load_relaxed(&slot->words[offsetof(struct fp_stream, last_ns) / 8]);
}

uint16_t fp_streams_port(const struct fp_stream_slot *slot)
{
	struct fp_stream stream;

	load(slot, &stream);
	return stream.port;
}

uint64_t fp_streams_first_ns(const struct fp_stream_slot *slot)
{
	return fp_load_relaxed(&slot->words[offsetof(struct fp_stream, first_ns) / 8]);
}

void fp_streams_put(struct fp_streams *streams, const struct fp_stream *stream)
{
	struct fp_stream_slot *slot = fp_streams_find(streams, stream, stream->first_ns);

	lock(slot);
	store(slot, stream);
	unlock(slot);
}

uint32_t fp_streams_read(struct fp_streams *streams, struct fp_stream *out, uint32_t out_max)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < streams->buckets * FP_STREAM_WAYS && count < out_max; i++) {
		if (fp_streams_get(&streams->slots[i], &out[count])) {
			out[count].health = fp_streams_watched(streams, &streams->slots[i]);
			count++;
		}
	}
	return count;
}
