/*
 * The forwarding database of the learning bridge: (vlan, mac) to port.
 *
 * Buckets of FP_FDB_WAYS entries, each behind a sequence lock: any loop thread learns, any thread
 * looks up or dumps. A reader that meets a writer tries again a few times and then reports a miss,
 * which floods one frame. Bounded: at max_entries an old address of a port that holds most makes
 * room; it never grows, and a flood of addresses costs only the port it comes from. The hash has a
 * secret seed, so nobody can choose addresses that share a bucket with another's.
 *
 * Whether a known address may move, and who else gets its frames, is fp_move's to say. What the
 * loops cannot see is what the short cut carries: before an address is learned that may be known
 * there, and before a claim is judged, fp_fdb_learn() answers FP_FDB_ASK and is called again with
 * what the short cut knows.
 */
#ifndef FP_FDB_H
#define FP_FDB_H

#include <stdbool.h>
#include <stdint.h>

#include "fp.h"
#include "fp_atomic.h"

#define FP_FDB_WAYS 5

struct fp_fdb_bucket {
	/* odd while a writer is inside; the ways are written by whoever took it odd */
	_Atomic uint32_t seq;
	uint32_t pad;
	struct {
		_Atomic uint64_t key;	/* 0: free */
		_Atomic uint64_t value; /* last seen in ms << 16 | port */
		_Atomic uint64_t move;	/* fp_move.h */
	} ways[FP_FDB_WAYS];
};

struct fp_fdb {
	struct fp_fdb_bucket *buckets;
	uint32_t bucket_count;
	uint32_t max_entries;
	uint64_t seed;
	uint64_t ageing_ms;
	/* by all writers; relaxed: each true alone, and all together only when nobody writes */
	_Atomic uint64_t disputes; /* grows when an address returns, and is claimed in vain */
	_Atomic uint32_t count;
	_Atomic uint32_t hand;	/* where the next eviction looks */
	_Atomic uint32_t broom; /* where the next sweep begins */
	_Atomic uint32_t port_counts[FP_PORTS_MAX];
};

enum fp_fdb_result {
	FP_FDB_KNOWN,
	FP_FDB_REFRESHED,
	FP_FDB_LEARNED,
	FP_FDB_MOVED,
	FP_FDB_EVICTED, /* learned, and another made room */
	FP_FDB_DAMPED,	/* stays where it is, and is heard here as well */
	FP_FDB_ASK	/* nothing done yet: call again with asked and what the short cut knows */
};

/* Where an address is. */
struct fp_fdb_place {
	uint32_t port;
	int32_t also; /* where it is heard as well, and gets its frames, or -1 */
	uint64_t heard_ns;
	uint64_t also_ns; /* when it was heard there */
};

/* The addresses of a port, a VLAN or both; -1: any. */
struct fp_fdb_which {
	int32_t port;
	int32_t vlan;
};

/* An address that was heard at a port. */
struct fp_fdb_claim {
	uint32_t vlan;
	const uint8_t *mac;
	uint32_t port;
	uint64_t now_ns;
	const uint64_t *sticky; /* ports whose addresses never move away; NULL: none */
	bool asked;
	int32_t shortcut_port; /* with asked: where the short cut has it, or -1 */
	uint64_t shortcut_ns;  /* and when it was heard there last */
	/* out, of every result but FP_FDB_KNOWN and FP_FDB_ASK */
	bool changed; /* there is something new in place */
	bool unsure;  /* it has just moved, and must not take the short cut */
	struct fp_fdb_place place;
};

/* Empty, and never more than max_entries; 0 or -ENOMEM. Before the loops run. */
int fp_fdb_init(struct fp_fdb *fdb, uint32_t max_entries, uint64_t ageing_ns);
/* After the last loop has returned. */
void fp_fdb_destroy(struct fp_fdb *fdb);
/*
 * An address was heard: learns it, moves it, or says why not. Any thread. Waits for another writer
 * of the bucket only when the address is new or in dispute.
 */
enum fp_fdb_result fp_fdb_learn(struct fp_fdb *fdb, struct fp_fdb_claim *claim);
/*
 * An address was heard at the port where it is: raises its time and changes nothing else. Any
 * thread; never waits. False when it is not there, or another writer was in the way.
 */
bool fp_fdb_refresh(struct fp_fdb *fdb, uint32_t vlan, const uint8_t *mac, uint32_t port,
		    uint64_t heard_ns);
/* The port, or -1; *also is the port where it may still be, or -1. Any thread; never waits. */
int32_t fp_fdb_lookup(const struct fp_fdb *fdb, uint32_t vlan, const uint8_t *mac, uint64_t now_ns,
		      int32_t *also);
/* Forgets an address, if it is at that port. Any thread; waits for other writers. */
void fp_fdb_forget(struct fp_fdb *fdb, uint32_t vlan, const uint8_t *mac, uint32_t port);
/*
 * Forgets the addresses of a port, a VLAN or both, -1: any, and what was claimed there of others';
 * how many addresses. Waits for other writers.
 */
uint32_t fp_fdb_flush_matching(struct fp_fdb *fdb, int32_t port, int32_t vlan);
/* Likewise those of which stale() says so. */
uint32_t fp_fdb_flush_stale(struct fp_fdb *fdb,
			    bool (*stale)(const void *context, uint32_t vlan, uint32_t port),
			    const void *context);
/* One that is asked so; context: a struct fp_fdb_which. */
bool fp_fdb_is_of(const void *context, uint32_t vlan, uint32_t port);
/*
 * Copies the entries that have not aged, without a lock; how many. Those in dispute only, if
 * within_ns: whose last claim in vain is not older.
 */
uint32_t fp_fdb_read(const struct fp_fdb *fdb, struct fp_fdb_entry *entries, uint32_t entries_max,
		     uint64_t now_ns, uint64_t within_ns);

#endif
