/* Inside the fdb: keys, buckets and their locks, for fp_fdb.c and fp_fdb_learn.c only. */
#ifndef FP_FDB_BUCKET_H
#define FP_FDB_BUCKET_H

#include "fp_clock.h"
#include "fp_fdb.h"

#define KEY_VALID (UINT64_C(1) << 60)
#define READ_TRIES 4

/* What an entry says, or may come to say. */
struct entry {
	uint64_t seen_ms;
	uint64_t move;
	uint32_t port;
};

static inline uint64_t key_of(uint32_t vlan, const uint8_t *mac)
{
	uint64_t key = KEY_VALID | (uint64_t)(vlan & 0xfff) << 48;

	for (uint32_t i = 0; i < 6; i++)
		key |= (uint64_t)mac[i] << (40 - 8 * i);
	return key;
}

static inline uint32_t key_vlan(uint64_t key)
{
	return (uint32_t)(key >> 48) & 0xfff;
}

static inline struct fp_fdb_bucket *bucket_of(const struct fp_fdb *fdb, uint64_t key)
{
	uint64_t hash = key ^ fdb->seed;

	hash = (hash ^ hash >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	hash = (hash ^ hash >> 27) * UINT64_C(0x94d049bb133111eb);
	return &fdb->buckets[(hash >> 32) & (fdb->bucket_count - 1)];
}

static inline uint32_t value_port(uint64_t value)
{
	return (uint32_t)(value & 0xffff);
}

/* False at once when another writer is inside. */
static inline bool bucket_try_lock(struct fp_fdb_bucket *bucket)
{
	uint32_t seq = fp_load_relaxed(&bucket->seq) & ~1u;

	/* acquire: pairs with the release in bucket_unlock() of the last writer */
	return atomic_compare_exchange_strong_explicit(&bucket->seq, &seq, seq + 1,
						       memory_order_acq_rel, memory_order_relaxed);
}

static inline void bucket_lock(struct fp_fdb_bucket *bucket)
{
	while (!bucket_try_lock(bucket)) {
		/* a few loads and stores, unless the other has lost its core */
	}
}

static inline void bucket_unlock(struct fp_fdb_bucket *bucket)
{
	/* release: the entries are before the even number; pairs with bucket_find() */
	fp_store_release(&bucket->seq, fp_load_relaxed(&bucket->seq) + 1);
}

enum found { FOUND, ABSENT, BUSY /* writers were always in the way */ };

/* The entry under a key, without the lock; *entry only if it is found. */
static inline enum found bucket_find(const struct fp_fdb_bucket *bucket, uint64_t key,
				     struct entry *entry)
{
	for (int tries = 0; tries < READ_TRIES; tries++) {
		/* acquire: pairs with bucket_unlock() */
		uint32_t seq = fp_load_acquire(&bucket->seq);
		enum found found = ABSENT;
		uint64_t value;

		if (seq & 1)
			continue;
		for (uint32_t i = 0; i < FP_FDB_WAYS; i++) {
			/* acquire: the second look at seq stays behind; pairs with way_set() */
			if (fp_load_acquire(&bucket->ways[i].key) != key)
				continue;
			value = fp_load_acquire(&bucket->ways[i].value);
			entry->move = fp_load_acquire(&bucket->ways[i].move);
			entry->seen_ms = value >> 16;
			entry->port = value_port(value);
			found = FOUND;
			break;
		}
		if (fp_load_relaxed(&bucket->seq) == seq)
			return found;
	}
	return BUSY;
}

/* The way that holds a key, or FP_FDB_WAYS. Under the bucket's lock. */
static inline uint32_t way_of(const struct fp_fdb_bucket *bucket, uint64_t key)
{
	uint32_t way = 0;

	while (way < FP_FDB_WAYS && fp_load_relaxed(&bucket->ways[way].key) != key)
		way++;
	return way;
}

static inline bool expired(const struct fp_fdb *fdb, uint64_t seen_ms, uint64_t now_ms)
{
	return now_ms > seen_ms && now_ms - seen_ms > fdb->ageing_ms;
}

static inline void way_set(struct fp_fdb_bucket *bucket, uint32_t way, uint64_t key, uint64_t value,
			   uint64_t move)
{
	/* release: a reader that sees any word also sees seq odd; pairs with bucket_find() */
	fp_store_release(&bucket->ways[way].move, move);
	fp_store_release(&bucket->ways[way].value, value);
	fp_store_release(&bucket->ways[way].key, key);
}

static inline void count_port(struct fp_fdb *fdb, uint32_t port, uint32_t by)
{
	atomic_fetch_add_explicit(&fdb->port_counts[port], by, memory_order_relaxed);
}

/* Under the bucket's lock: whatever the way held is gone. */
static inline void way_clear(struct fp_fdb *fdb, struct fp_fdb_bucket *bucket, uint32_t way)
{
	if (!fp_load_relaxed(&bucket->ways[way].key))
		return;
	count_port(fdb, value_port(fp_load_relaxed(&bucket->ways[way].value)), UINT32_MAX);
	atomic_fetch_sub_explicit(&fdb->count, 1, memory_order_relaxed);
	way_set(bucket, way, 0, 0, 0);
}

#endif
