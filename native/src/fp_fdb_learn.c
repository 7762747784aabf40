/* Learning: whether an address may move, and who makes room for a new one. */
#include "fp_fdb_bucket.h"
#include "fp_mask.h"
#include "fp_move.h"

#define SWEEP 4u
#define SPARE 64u /* buckets in which disputed addresses are passed over */

static bool way_aged(const struct fp_fdb *fdb, const struct fp_fdb_bucket *bucket, uint32_t way,
		     uint64_t now_ms)
{
	return fp_load_relaxed(&bucket->ways[way].key) &&
	       expired(fdb, fp_load_relaxed(&bucket->ways[way].value) >> 16, now_ms);
}

static uint32_t entries_of(const struct fp_fdb *fdb, uint32_t port)
{
	return fp_load_relaxed(&fdb->port_counts[port]);
}

/* A flood must not make room of an address that it has claimed before: who else has it is lost. */
static bool disputed(const struct fp_fdb_bucket *bucket, uint32_t way, uint64_t now_ms)
{
	return fp_move_known(fp_load_relaxed(&bucket->ways[way].move), now_ms);
}

/* The way for a new key: free, else expired, else the longest unseen of the port that has most. */
static uint32_t victim_of(const struct fp_fdb *fdb, const struct fp_fdb_bucket *bucket,
			  uint64_t now_ms)
{
	uint64_t oldest = UINT64_MAX;
	uint32_t victim = 0;
	uint32_t most = 0;

	for (uint32_t i = 0; i < FP_FDB_WAYS; i++) {
		uint64_t value = fp_load_relaxed(&bucket->ways[i].value);
		uint32_t entries =
			disputed(bucket, i, now_ms) ? 0 : entries_of(fdb, value_port(value));

		if (!fp_load_relaxed(&bucket->ways[i].key) || expired(fdb, value >> 16, now_ms))
			return i;
		if (entries > most || (entries == most && value >> 16 < oldest)) {
			most = entries;
			oldest = value >> 16;
			victim = i;
		}
	}
	return victim;
}

/* The way of a bucket to be evicted: expired, or the longest unseen of a port that holds so many.
 */
static uint32_t candidate(const struct fp_fdb *fdb, const struct fp_fdb_bucket *bucket,
			  uint64_t keep, uint32_t least, bool spare, uint64_t now_ms)
{
	uint64_t oldest = UINT64_MAX;
	uint32_t victim = FP_FDB_WAYS;

	for (uint32_t i = 0; i < FP_FDB_WAYS; i++) {
		uint64_t key = fp_load_relaxed(&bucket->ways[i].key);
		uint64_t value = fp_load_relaxed(&bucket->ways[i].value);

		if (!key || key == keep)
			continue;
		if (expired(fdb, value >> 16, now_ms))
			return i;
		if (spare && disputed(bucket, i, now_ms))
			continue;
		if (entries_of(fdb, value_port(value)) >= least && value >> 16 < oldest) {
			oldest = value >> 16;
			victim = i;
		}
	}
	return victim;
}

static bool evict_from(struct fp_fdb *fdb, uint32_t least, uint64_t keep, uint64_t now_ms)
{
	for (uint32_t n = 0; n < fdb->bucket_count; n++) {
		uint32_t at = atomic_fetch_add_explicit(&fdb->hand, 1, memory_order_relaxed);
		struct fp_fdb_bucket *bucket = &fdb->buckets[at & (fdb->bucket_count - 1)];
		bool spare = n < SPARE;
		uint32_t victim = candidate(fdb, bucket, keep, least, spare, now_ms);

		if (victim == FP_FDB_WAYS)
			continue;
		bucket_lock(bucket);
		victim = candidate(fdb, bucket, keep, least, spare, now_ms);
		if (victim < FP_FDB_WAYS)
			way_clear(fdb, bucket, victim);
		bucket_unlock(bucket);
		if (victim < FP_FDB_WAYS)
			return true;
	}
	return false;
}

/*
 * Full: an old address goes of a port that holds at least half as many as the one that holds most
 * (so that the search is short where all hold alike), but not the one to keep.
 */
static void evict_one(struct fp_fdb *fdb, uint64_t keep, uint64_t now_ms)
{
	uint32_t most = 0;

	for (uint32_t port = 0; port < FP_PORTS_MAX; port++) {
		if (entries_of(fdb, port) > most)
			most = entries_of(fdb, port);
	}
	if (!evict_from(fdb, most / 2 + 1, keep, now_ms))
		evict_from(fdb, 0, keep, now_ms);
}

/*
 * What has aged makes room before anybody's live address has to: once the fdb is half full each new
 * address sweeps some buckets, all of them before it is full.
 */
static void sweep(struct fp_fdb *fdb, uint64_t now_ms)
{
	uint32_t first = atomic_fetch_add_explicit(&fdb->broom, SWEEP, memory_order_relaxed);

	for (uint32_t n = 0; n < SWEEP; n++) {
		struct fp_fdb_bucket *bucket = &fdb->buckets[(first + n) & (fdb->bucket_count - 1)];
		bool aged = false;

		for (uint32_t i = 0; i < FP_FDB_WAYS; i++)
			aged |= way_aged(fdb, bucket, i, now_ms);
		if (!aged)
			continue;
		bucket_lock(bucket);
		for (uint32_t i = 0; i < FP_FDB_WAYS; i++) {
			if (way_aged(fdb, bucket, i, now_ms))
				way_clear(fdb, bucket, i);
		}
		bucket_unlock(bucket);
	}
}

static bool is_sticky(const struct fp_fdb_claim *claim, const struct entry *entry)
{
	return claim->sticky && fp_mask_has(claim->sticky, entry->port);
}

static bool refuses(const struct fp_fdb_claim *claim, const struct entry *entry, uint64_t now_ms)
{
	return is_sticky(claim, entry) || fp_move_refuses(entry->move, entry->seen_ms, now_ms);
}

static uint64_t refused(const struct fp_fdb_claim *claim, const struct entry *entry,
			uint64_t now_ms)
{
	return fp_move_refused(entry->move, claim->port, is_sticky(claim, entry), entry->seen_ms,
			       now_ms);
}

/* Heard where it is, and its place not in doubt: only the time is new. */
static bool is_refresh(const struct fp_fdb_claim *claim, const struct entry *entry, uint64_t now_ms)
{
	return entry->port == claim->port && !fp_move_unsure(entry->move, now_ms);
}

/* Most frames: nothing to write, no lock. False: fp_fdb_learn() has to look closer. */
static bool nothing_new(const struct fp_fdb *fdb, const struct fp_fdb_claim *claim,
			const struct entry *entry, uint64_t now_ms, enum fp_fdb_result *result)
{
	if (entry->port == claim->port) {
		*result = FP_FDB_KNOWN;
		return is_refresh(claim, entry, now_ms) &&
		       now_ms < entry->seen_ms + fp_move_refresh_ms(entry->move, entry->seen_ms);
	}
	*result = FP_FDB_DAMPED;
	return !expired(fdb, entry->seen_ms, now_ms) && refuses(claim, entry, now_ms) &&
	       refused(claim, entry, now_ms) == entry->move;
}

/* Would the answer depend on what went by the short cut? */
static bool must_ask(const struct fp_fdb *fdb, const struct fp_fdb_claim *claim, bool found,
		     const struct entry *entry, uint64_t now_ms)
{
	if (claim->asked)
		return false;
	if (!found)
		return true;
	if (entry->port == claim->port)
		return false;
	return expired(fdb, entry->seen_ms, now_ms) || is_sticky(claim, entry) ||
	       fp_move_unpack(entry->move).held;
}

static void dispute(struct fp_fdb *fdb)
{
	atomic_fetch_add_explicit(&fdb->disputes, 1, memory_order_relaxed);
}

/* A known address is heard at this port or another. */
static enum fp_fdb_result hear(struct fp_fdb *fdb, const struct fp_fdb_claim *claim,
			       struct entry *entry, uint64_t now_ms)
{
	uint64_t move;

	if (entry->port == claim->port) {
		entry->seen_ms = now_ms;
		entry->move = fp_move_heard(entry->move, now_ms);
		return FP_FDB_REFRESHED;
	}
	if (claim->asked && claim->shortcut_port == (int32_t)entry->port &&
	    claim->shortcut_ns / FP_NS_PER_MS > entry->seen_ms)
		entry->seen_ms = claim->shortcut_ns / FP_NS_PER_MS;
	if (expired(fdb, entry->seen_ms, now_ms)) {
		*entry = (struct entry){.port = claim->port, .seen_ms = now_ms};
		return FP_FDB_MOVED;
	}
	if (refuses(claim, entry, now_ms)) {
		move = refused(claim, entry, now_ms);
		if (move != entry->move)
			dispute(fdb);
		entry->move = move;
		return FP_FDB_DAMPED;
	}
	entry->move = fp_move_moved(entry->move, entry->port, claim->port, now_ms);
	if (fp_move_unpack(entry->move).held)
		dispute(fdb); /* back where it was: the claim that took it away was another's */
	entry->port = claim->port;
	entry->seen_ms = now_ms;
	return FP_FDB_MOVED;
}

/* An address that is not here: as the short cut knows it, or new. */
static enum fp_fdb_result meet(struct fp_fdb *fdb, const struct fp_fdb_claim *claim,
			       struct entry *entry, uint64_t now_ms)
{
	if (claim->asked && claim->shortcut_port >= 0) {
		*entry = (struct entry){
			.port = (uint32_t)claim->shortcut_port,
			.seen_ms = claim->shortcut_ns / FP_NS_PER_MS,
		};
		if (entry->port != claim->port)
			return hear(fdb, claim, entry, now_ms);
	}
	*entry = (struct entry){.port = claim->port, .seen_ms = now_ms};
	return FP_FDB_LEARNED;
}

bool fp_fdb_refresh(struct fp_fdb *fdb, uint32_t vlan, const uint8_t *mac, uint32_t port,
		    uint64_t heard_ns)
{
	uint64_t key = key_of(vlan, mac);
	struct fp_fdb_bucket *bucket = bucket_of(fdb, key);
	uint64_t heard_ms = heard_ns / FP_NS_PER_MS;
	bool there;
	uint32_t way;

	if (!bucket_try_lock(bucket))
		return false;
	way = way_of(bucket, key);
	there = way < FP_FDB_WAYS && value_port(fp_load_relaxed(&bucket->ways[way].value)) == port;
	if (there && heard_ms > fp_load_relaxed(&bucket->ways[way].value) >> 16)
		/* release: as in way_set() */
		fp_store_release(&bucket->ways[way].value, heard_ms << 16 | port);
	bucket_unlock(bucket);
	return there;
}

static struct fp_fdb_place place_of(const struct entry *entry, uint64_t now_ms)
{
	struct fp_move move = fp_move_unpack(entry->move);
	bool shares = fp_move_shares(entry->move, entry->seen_ms, now_ms);

	return (struct fp_fdb_place){
		.port = entry->port,
		.also = shares ? (int32_t)move.other : -1,
		.heard_ns = entry->seen_ms * FP_NS_PER_MS,
		.also_ns = move.time_ms * FP_NS_PER_MS,
	};
}

static enum fp_fdb_result refresh(struct fp_fdb *fdb, struct fp_fdb_claim *claim,
				  struct entry *entry, uint64_t now_ms)
{
	if (!fp_fdb_refresh(fdb, claim->vlan, claim->mac, claim->port, claim->now_ns))
		return FP_FDB_KNOWN; /* by a later frame */
	entry->seen_ms = now_ms;
	claim->changed = true;
	claim->unsure = false;
	claim->place = place_of(entry, now_ms);
	return FP_FDB_REFRESHED;
}

enum fp_fdb_result fp_fdb_learn(struct fp_fdb *fdb, struct fp_fdb_claim *claim)
{
	uint64_t key = key_of(claim->vlan, claim->mac);
	struct fp_fdb_bucket *bucket = bucket_of(fdb, key);
	uint64_t now_ms = claim->now_ns / FP_NS_PER_MS;
	struct entry entry = {0};
	enum found found = bucket_find(bucket, key, &entry);
	enum fp_fdb_result result;
	bool room = true;
	uint32_t way;

	claim->changed = false;
	if (found == BUSY)
		return FP_FDB_KNOWN; /* or not: the next frame will tell */
	if (found == FOUND && nothing_new(fdb, claim, &entry, now_ms, &result))
		return result;
	if (found == FOUND && is_refresh(claim, &entry, now_ms))
		return refresh(fdb, claim, &entry, now_ms);
	if (must_ask(fdb, claim, found == FOUND, &entry, now_ms))
		return FP_FDB_ASK;
	bucket_lock(bucket);
	way = way_of(bucket, key);
	if (way < FP_FDB_WAYS) {
		uint64_t value = fp_load_relaxed(&bucket->ways[way].value);

		entry.port = value_port(value);
		entry.seen_ms = value >> 16;
		entry.move = fp_load_relaxed(&bucket->ways[way].move);
		count_port(fdb, entry.port, UINT32_MAX);
		result = hear(fdb, claim, &entry, now_ms);
	} else {
		way = victim_of(fdb, bucket, now_ms);
		room = !fp_load_relaxed(&bucket->ways[way].key);
		way_clear(fdb, bucket, way);
		atomic_fetch_add_explicit(&fdb->count, 1, memory_order_relaxed);
		result = meet(fdb, claim, &entry, now_ms);
	}
	count_port(fdb, entry.port, 1);
	way_set(bucket, way, key, entry.seen_ms << 16 | entry.port, entry.move);
	bucket_unlock(bucket);
	claim->changed = true;
	claim->unsure = fp_move_unsure(entry.move, now_ms);
	claim->place = place_of(&entry, now_ms);
	/* Only now, since a full bucket has made room in itself; one lock at a time. */
	if (result == FP_FDB_LEARNED && fp_load_relaxed(&fdb->count) > fdb->max_entries / 2)
		sweep(fdb, now_ms);
	if (room && fp_load_relaxed(&fdb->count) > fdb->max_entries) {
		evict_one(fdb, key, now_ms);
		room = false;
	}
	return result == FP_FDB_LEARNED && !room ? FP_FDB_EVICTED : result;
}
