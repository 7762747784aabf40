/*
 * The forwarding database of the learning bridge: (vlan, mac) to port.
 *
 * Buckets of FP_FDB_WAYS entries, each behind a sequence lock: any loop thread
 * learns, any thread looks up or dumps. A reader that meets a writer tries
 * again a few times and then reports a miss, which floods one frame. Bounded:
 * at max_entries something old makes room; it never grows.
 */
#ifndef FP_FDB_H
#define FP_FDB_H

#include <stdint.h>

#include "fp.h"
#include "fp_atomic.h"

#define FP_FDB_WAYS 7

struct fp_fdb_bucket {
	/* odd while a writer is inside; written by whoever took it odd */
	_Atomic uint32_t seq;
	uint32_t pad;
	struct {
		_Atomic uint64_t key;	/* 0: free */
		_Atomic uint64_t value; /* last seen in ms << 16 | port */
	} ways[FP_FDB_WAYS];
	uint64_t pad2;
};

struct fp_fdb {
	struct fp_fdb_bucket *buckets;
	uint32_t bucket_count;
	uint32_t max_entries;
	_Atomic uint64_t ageing_ms;
	_Atomic uint32_t count;
	_Atomic uint32_t hand; /* where the next eviction looks */
};

enum fp_fdb_result { FP_FDB_KNOWN, FP_FDB_REFRESHED, FP_FDB_LEARNED, FP_FDB_MOVED, FP_FDB_EVICTED };

int fp_fdb_init(struct fp_fdb *fdb, uint32_t max_entries, uint64_t ageing_ns);
void fp_fdb_destroy(struct fp_fdb *fdb);
enum fp_fdb_result fp_fdb_learn(struct fp_fdb *fdb, uint32_t vlan, const uint8_t *mac,
				uint32_t port, uint64_t now_ns);
/* The port, or -1. */
int32_t fp_fdb_lookup(const struct fp_fdb *fdb, uint32_t vlan, const uint8_t *mac, uint64_t now_ns);
uint32_t fp_fdb_flush_matching(struct fp_fdb *fdb, int32_t port, int32_t vlan);
uint32_t fp_fdb_read(struct fp_fdb *fdb, struct fp_fdb_entry *entries, uint32_t entries_max,
		     uint64_t now_ns);

#endif
