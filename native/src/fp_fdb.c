#include "fp_fdb.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#define NS_PER_MS UINT64_C(1000000)
#define KEY_VALID (UINT64_C(1) << 60)
#define REFRESH_MS 1000u
#define READ_TRIES 4

static uint64_t key_of(uint32_t vlan, const uint8_t *mac)
{
	uint64_t key = KEY_VALID | (uint64_t)(vlan & 0xfff) << 48;

	for (uint32_t i = 0; i < 6; i++)
		key |= (uint64_t)mac[i] << (40 - 8 * i);
	return key;
}

static struct fp_fdb_bucket *bucket_of(const struct fp_fdb *fdb, uint64_t key)
{
	uint64_t hash = (key ^ key >> 32) * UINT64_C(0x9e3779b97f4a7c15);

	/* folded first: the VLAN is in the top bits, which a product carries no further down */
	return &fdb->buckets[(hash >> 32) & (fdb->bucket_count - 1)];
}

static uint32_t value_port(uint64_t value)
{
	return (uint32_t)(value & 0xffff);
}

int fp_fdb_init(struct fp_fdb *fdb, uint32_t max_entries, uint64_t ageing_ns)
{
	uint32_t buckets = 16;

	/* Twice the room, so that entries are evicted by age and not by an unlucky bucket. */
	while ((uint64_t)buckets * FP_FDB_WAYS < (uint64_t)max_entries * 2)
		buckets *= 2;
	fdb->buckets = aligned_alloc(64, buckets * sizeof(struct fp_fdb_bucket));
	if (!fdb->buckets)
		return -ENOMEM;
	for (uint32_t i = 0; i < buckets; i++)
		fdb->buckets[i] = (struct fp_fdb_bucket){0};
	fdb->bucket_count = buckets;
	fdb->max_entries = max_entries ? max_entries : 1;
	fp_store_relaxed(&fdb->ageing_ms, ageing_ns / NS_PER_MS);
	return 0;
}

void fp_fdb_destroy(struct fp_fdb *fdb)
{
	free(fdb->buckets);
	fdb->buckets = NULL;
}

static void bucket_lock(struct fp_fdb_bucket *bucket)
{
	uint32_t seq;

	do {
		seq = fp_load_relaxed(&bucket->seq) & ~1u;
		/* acquire: pairs with the release in bucket_unlock() of the last writer */
	} while (!atomic_compare_exchange_weak_explicit(
		&bucket->seq, &seq, seq + 1, memory_order_acq_rel, memory_order_relaxed));
}

static void bucket_unlock(struct fp_fdb_bucket *bucket)
{
	/* release: the entries are before the even number; pairs with bucket_find() */
	fp_store_release(&bucket->seq, fp_load_relaxed(&bucket->seq) + 1);
}

/* The value under a key, 0 when there is none (a real value has its time, never 0 with port 0). */
static uint64_t bucket_find(const struct fp_fdb_bucket *bucket, uint64_t key)
{
	for (int tries = 0; tries < READ_TRIES; tries++) {
		/* acquire: pairs with bucket_unlock() */
		uint32_t seq = fp_load_acquire(&bucket->seq);
		uint64_t value = 0;

		if (seq & 1)
			continue;
		for (uint32_t i = 0; i < FP_FDB_WAYS; i++) {
			/* acquire: the second look at seq stays behind; pairs with entry_set() */
			if (fp_load_acquire(&bucket->ways[i].key) == key) {
				value = fp_load_acquire(&bucket->ways[i].value);
				break;
			}
		}
		if (fp_load_relaxed(&bucket->seq) == seq)
			return value;
	}
	return 0;
}

static bool expired(const struct fp_fdb *fdb, uint64_t value, uint64_t now_ms)
{
	uint64_t seen_ms = value >> 16;

	return now_ms > seen_ms && now_ms - seen_ms > fp_load_relaxed(&fdb->ageing_ms);
}

static void entry_set(struct fp_fdb_bucket *bucket, uint32_t way, uint64_t key, uint64_t value)
{
	/* release: a reader that sees either word also sees seq odd; pairs with bucket_find() */
	fp_store_release(&bucket->ways[way].value, value);
	fp_store_release(&bucket->ways[way].key, key);
}

/* The way for a new key: free, else expired, else the one longest unseen. */
static uint32_t victim_of(const struct fp_fdb *fdb, const struct fp_fdb_bucket *bucket,
			  uint64_t now_ms, bool *used)
{
	uint64_t oldest_ms = UINT64_MAX;
	uint32_t victim = 0;

	*used = true;
	for (uint32_t i = 0; i < FP_FDB_WAYS; i++) {
		uint64_t value = fp_load_relaxed(&bucket->ways[i].value);

		if (!fp_load_relaxed(&bucket->ways[i].key)) {
			*used = false;
			return i;
		}
		if (expired(fdb, value, now_ms))
			value = 0;
		if (value >> 16 < oldest_ms) {
			oldest_ms = value >> 16;
			victim = i;
		}
	}
	return victim;
}

/* Full: the oldest entry of the next bucket that has one goes, but not the one to keep. */
static void evict_one(struct fp_fdb *fdb, uint64_t keep)
{
	for (uint32_t n = 0; n < fdb->bucket_count; n++) {
		uint32_t at = atomic_fetch_add_explicit(&fdb->hand, 1, memory_order_relaxed);
		struct fp_fdb_bucket *bucket = &fdb->buckets[at & (fdb->bucket_count - 1)];
		uint64_t oldest = UINT64_MAX;
		uint32_t victim = 0;

		bucket_lock(bucket);
		for (uint32_t i = 0; i < FP_FDB_WAYS; i++) {
			uint64_t key = fp_load_relaxed(&bucket->ways[i].key);
			uint64_t value = fp_load_relaxed(&bucket->ways[i].value);

			if (key && key != keep && value < oldest) {
				oldest = value;
				victim = i;
			}
		}
		if (oldest != UINT64_MAX) {
			entry_set(bucket, victim, 0, 0);
			atomic_fetch_sub_explicit(&fdb->count, 1, memory_order_relaxed);
		}
		bucket_unlock(bucket);
		if (oldest != UINT64_MAX)
			return;
	}
}

enum fp_fdb_result fp_fdb_learn(struct fp_fdb *fdb, uint32_t vlan, const uint8_t *mac,
				uint32_t port, uint64_t now_ns)
{
	uint64_t key = key_of(vlan, mac);
	struct fp_fdb_bucket *bucket = bucket_of(fdb, key);
	uint64_t now_ms = now_ns / NS_PER_MS;
	uint64_t value = bucket_find(bucket, key);
	enum fp_fdb_result result = FP_FDB_LEARNED;
	bool used = true;
	uint32_t way;

	if (value && value_port(value) == port && now_ms < (value >> 16) + REFRESH_MS)
		return FP_FDB_KNOWN;
	bucket_lock(bucket);
	for (way = 0; way < FP_FDB_WAYS; way++) {
		if (fp_load_relaxed(&bucket->ways[way].key) == key)
			break;
	}
	if (way < FP_FDB_WAYS) {
		value = fp_load_relaxed(&bucket->ways[way].value);
		result = value_port(value) == port ? FP_FDB_REFRESHED : FP_FDB_MOVED;
	} else {
		way = victim_of(fdb, bucket, now_ms, &used);
		if (used)
			result = FP_FDB_EVICTED;
		else
			atomic_fetch_add_explicit(&fdb->count, 1, memory_order_relaxed);
	}
	entry_set(bucket, way, key, now_ms << 16 | port);
	bucket_unlock(bucket);
	/* Only now, since a full bucket has made room in itself; one lock at a time. */
	if (!used && fp_load_relaxed(&fdb->count) > fdb->max_entries) {
		evict_one(fdb, key);
		result = FP_FDB_EVICTED;
	}
	return result;
}

int32_t fp_fdb_lookup(const struct fp_fdb *fdb, uint32_t vlan, const uint8_t *mac, uint64_t now_ns)
{
	uint64_t key = key_of(vlan, mac);
	uint64_t value = bucket_find(bucket_of(fdb, key), key);

	if (!value || expired(fdb, value, now_ns / NS_PER_MS))
		return -1;
	return (int32_t)value_port(value);
}

static bool matches(uint64_t key, uint64_t value, int32_t port, int32_t vlan)
{
	return key && (port < 0 || value_port(value) == (uint32_t)port) &&
	       (vlan < 0 || ((key >> 48) & 0xfff) == (uint32_t)vlan);
}

uint32_t fp_fdb_flush_matching(struct fp_fdb *fdb, int32_t port, int32_t vlan)
{
	uint32_t flushed = 0;

	for (uint32_t b = 0; b < fdb->bucket_count; b++) {
		struct fp_fdb_bucket *bucket = &fdb->buckets[b];

		bucket_lock(bucket);
		for (uint32_t i = 0; i < FP_FDB_WAYS; i++) {
			uint64_t key = fp_load_relaxed(&bucket->ways[i].key);
			uint64_t value = fp_load_relaxed(&bucket->ways[i].value);

			if (!matches(key, value, port, vlan))
				continue;
			entry_set(bucket, i, 0, 0);
			atomic_fetch_sub_explicit(&fdb->count, 1, memory_order_relaxed);
			flushed++;
		}
		bucket_unlock(bucket);
	}
	return flushed;
}

/*
 * The ways of a bucket as they were at one moment. Without the lock: a control
 * thread that loses its core while it holds one would keep a loop spinning.
 */
static void bucket_copy(const struct fp_fdb_bucket *bucket, uint64_t *keys, uint64_t *values)
{
	uint32_t seq;

	do {
		/* acquire: pairs with bucket_unlock() */
		seq = fp_load_acquire(&bucket->seq);
		for (uint32_t i = 0; i < FP_FDB_WAYS; i++) {
			/* acquire: the second look at seq stays behind; pairs with entry_set() */
			keys[i] = fp_load_acquire(&bucket->ways[i].key);
			values[i] = fp_load_acquire(&bucket->ways[i].value);
		}
	} while (seq & 1 || fp_load_relaxed(&bucket->seq) != seq);
}

uint32_t fp_fdb_read(struct fp_fdb *fdb, struct fp_fdb_entry *entries, uint32_t entries_max,
		     uint64_t now_ns)
{
	uint64_t now_ms = now_ns / NS_PER_MS;
	uint32_t count = 0;

	for (uint32_t b = 0; b < fdb->bucket_count; b++) {
		uint64_t values[FP_FDB_WAYS];
		uint64_t keys[FP_FDB_WAYS];

		bucket_copy(&fdb->buckets[b], keys, values);
		for (uint32_t i = 0; i < FP_FDB_WAYS && count < entries_max; i++) {
			uint64_t key = keys[i];
			uint64_t value = values[i];
			struct fp_fdb_entry *entry = &entries[count];

			if (!key || expired(fdb, value, now_ms))
				continue;
			*entry = (struct fp_fdb_entry){
				.vlan = (uint16_t)((key >> 48) & 0xfff),
				.port = (uint16_t)value_port(value),
				.age_ns = now_ms > value >> 16
						  ? (now_ms - (value >> 16)) * NS_PER_MS
						  : 0,
			};
			for (uint32_t m = 0; m < 6; m++)
				entry->mac[m] = (uint8_t)(key >> (40 - 8 * m));
			count++;
		}
	}
	return count;
}
