#include "fp_fdb.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

#include "fp_fdb_bucket.h"
#include "fp_move.h"

_Static_assert(sizeof(struct fp_fdb_bucket) == 128, "two cache lines");
_Static_assert(FP_PORTS_MAX <= 256, "fp_move keeps a port in a byte");

int fp_fdb_init(struct fp_fdb *fdb, uint32_t max_entries, uint64_t ageing_ns)
{
	uint32_t buckets = 16;

	/* Thrice the room, so that entries are evicted by age and not by an unlucky bucket. */
	while ((uint64_t)buckets * FP_FDB_WAYS < (uint64_t)max_entries * 3)
		buckets *= 2;
	fdb->buckets = aligned_alloc(64, buckets * sizeof(struct fp_fdb_bucket));
	if (!fdb->buckets)
		return -ENOMEM;
	for (uint32_t i = 0; i < buckets; i++)
		fdb->buckets[i] = (struct fp_fdb_bucket){0};
	if (getrandom(&fdb->seed, sizeof(fdb->seed), GRND_NONBLOCK) != sizeof(fdb->seed))
		fdb->seed = (uint64_t)(uintptr_t)fdb->buckets; /* too early for better */
	fdb->bucket_count = buckets;
	fdb->max_entries = max_entries ? max_entries : 1;
	fdb->ageing_ms = ageing_ns / FP_NS_PER_MS;
	return 0;
}

void fp_fdb_destroy(struct fp_fdb *fdb)
{
	free(fdb->buckets);
	fdb->buckets = NULL;
}

int32_t fp_fdb_lookup(const struct fp_fdb *fdb, uint32_t vlan, const uint8_t *mac, uint64_t now_ns,
		      int32_t *also)
{
	uint64_t key = key_of(vlan, mac);
	struct entry entry;

	*also = -1;
	if (bucket_find(bucket_of(fdb, key), key, &entry) != FOUND ||
	    expired(fdb, entry.seen_ms, now_ns / FP_NS_PER_MS))
		return -1;
	if (fp_move_shares(entry.move, entry.seen_ms, now_ns / FP_NS_PER_MS))
		*also = (int32_t)fp_move_unpack(entry.move).other;
	return (int32_t)entry.port;
}

void fp_fdb_forget(struct fp_fdb *fdb, uint32_t vlan, const uint8_t *mac, uint32_t port)
{
	uint64_t key = key_of(vlan, mac);
	struct fp_fdb_bucket *bucket = bucket_of(fdb, key);
	uint32_t way;

	bucket_lock(bucket);
	way = way_of(bucket, key);
	if (way < FP_FDB_WAYS && value_port(fp_load_relaxed(&bucket->ways[way].value)) == port)
		way_clear(fdb, bucket, way);
	bucket_unlock(bucket);
}

uint32_t fp_fdb_flush_stale(struct fp_fdb *fdb,
			    bool (*stale)(const void *context, uint32_t vlan, uint32_t port),
			    const void *context)
{
	uint32_t flushed = 0;

	for (uint32_t b = 0; b < fdb->bucket_count; b++) {
		struct fp_fdb_bucket *bucket = &fdb->buckets[b];

		bucket_lock(bucket);
		for (uint32_t i = 0; i < FP_FDB_WAYS; i++) {
			uint64_t key = fp_load_relaxed(&bucket->ways[i].key);
			uint64_t value = fp_load_relaxed(&bucket->ways[i].value);
			uint64_t move = fp_load_relaxed(&bucket->ways[i].move);

			if (!key)
				continue;
			if (stale(context, key_vlan(key), value_port(value))) {
				way_clear(fdb, bucket, i);
				flushed++;
			} else if (move &&
				   stale(context, key_vlan(key), fp_move_unpack(move).other)) {
				way_set(bucket, i, key, value, 0); /* nobody claims it there */
			}
		}
		bucket_unlock(bucket);
	}
	return flushed;
}

bool fp_fdb_is_of(const void *context, uint32_t vlan, uint32_t port)
{
	const struct fp_fdb_which *which = context;

	return (which->port < 0 || port == (uint32_t)which->port) &&
	       (which->vlan < 0 || vlan == (uint32_t)which->vlan);
}

uint32_t fp_fdb_flush_matching(struct fp_fdb *fdb, int32_t port, int32_t vlan)
{
	struct fp_fdb_which which = {port, vlan};

	return fp_fdb_flush_stale(fdb, fp_fdb_is_of, &which);
}

/*
 * The ways of a bucket as they were at one moment. Without the lock: a control thread that loses
 * its core while it holds one would keep a loop spinning.
 */
static void bucket_copy(const struct fp_fdb_bucket *bucket, uint64_t *keys, uint64_t *values,
			uint64_t *moves)
{
	uint32_t seq;

	do {
		/* acquire: pairs with bucket_unlock() */
		seq = fp_load_acquire(&bucket->seq);
		for (uint32_t i = 0; i < FP_FDB_WAYS; i++) {
			/* acquire: the second look at seq stays behind; pairs with way_set() */
			keys[i] = fp_load_acquire(&bucket->ways[i].key);
			values[i] = fp_load_acquire(&bucket->ways[i].value);
			moves[i] = fp_load_acquire(&bucket->ways[i].move);
		}
	} while (seq & 1 || fp_load_relaxed(&bucket->seq) != seq);
}

static uint64_t since_ns(uint64_t then_ms, uint64_t now_ms)
{
	return now_ms > then_ms ? (now_ms - then_ms) * FP_NS_PER_MS : 0;
}

static void describe(uint64_t key, uint64_t value, uint64_t word, uint64_t now_ms,
		     struct fp_fdb_entry *entry)
{
	struct fp_move move = fp_move_unpack(word);

	*entry = (struct fp_fdb_entry){
		.vlan = (uint16_t)key_vlan(key),
		.port = (uint16_t)value_port(value),
		.age_ns = since_ns(value >> 16, now_ms),
		.rival = FP_FDB_NO_RIVAL,
	};
	if (move.held && now_ms <= move.time_ms + FP_MOVE_MEMORY_MS) {
		entry->rival = (uint16_t)move.other;
		entry->claimed_ns = since_ns(move.time_ms, now_ms);
	}
	for (uint32_t m = 0; m < 6; m++)
		entry->mac[m] = (uint8_t)(key >> (40 - 8 * m));
}

uint32_t fp_fdb_read(const struct fp_fdb *fdb, struct fp_fdb_entry *entries, uint32_t entries_max,
		     uint64_t now_ns, uint64_t within_ns)
{
	uint64_t now_ms = now_ns / FP_NS_PER_MS;
	uint32_t count = 0;

	for (uint32_t b = 0; b < fdb->bucket_count; b++) {
		uint64_t values[FP_FDB_WAYS];
		uint64_t moves[FP_FDB_WAYS];
		uint64_t keys[FP_FDB_WAYS];

		bucket_copy(&fdb->buckets[b], keys, values, moves);
		for (uint32_t i = 0; i < FP_FDB_WAYS && count < entries_max; i++) {
			struct fp_fdb_entry *entry = &entries[count];

			if (!keys[i] || expired(fdb, values[i] >> 16, now_ms))
				continue;
			describe(keys[i], values[i], moves[i], now_ms, entry);
			count += !within_ns || (entry->rival != FP_FDB_NO_RIVAL &&
						entry->claimed_ns <= within_ns);
		}
	}
	return count;
}
