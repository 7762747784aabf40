/* An fdb to learn in as a loop without a short cut does it. */
#ifndef FDB_CLAIMS_H
#define FDB_CLAIMS_H

#include <string.h>

#include "check.h"
#include "fp_fdb.h"

#define SECOND UINT64_C(1000000000)
#define MS UINT64_C(1000000)
#define START (100 * SECOND)

static inline const uint8_t *mac_of(uint32_t n)
{
	static uint8_t mac[6];

	mac[0] = 0x02;
	mac[2] = (uint8_t)(n >> 24);
	mac[3] = (uint8_t)(n >> 16);
	mac[4] = (uint8_t)(n >> 8);
	mac[5] = (uint8_t)n;
	return mac;
}

static struct fp_fdb fdb;

/* An empty one, in place of the last. */
static inline void start(uint32_t max_entries)
{
	fp_fdb_destroy(&fdb);
	memset(&fdb, 0, sizeof(fdb));
	CHECK_EQ(fp_fdb_init(&fdb, max_entries, 300 * SECOND), 0);
	fdb.seed = 2; /* which addresses meet in a bucket must not be luck here */
}

static inline uint32_t entries_at(uint64_t now_ns)
{
	static struct fp_fdb_entry entries[32768];

	return fp_fdb_read(&fdb, entries, 32768, now_ns, 0);
}

static inline enum fp_fdb_result learn(uint32_t vlan, const uint8_t *mac, uint32_t port,
				       uint64_t now_ns)
{
	struct fp_fdb_claim claim = {
		.vlan = vlan,
		.mac = mac,
		.port = port,
		.now_ns = now_ns,
		.asked = true,
		.shortcut_port = -1,
	};

	return fp_fdb_learn(&fdb, &claim);
}

static inline int32_t port_now(uint32_t vlan, const uint8_t *mac, uint64_t now_ns)
{
	int32_t also;

	return fp_fdb_lookup(&fdb, vlan, mac, now_ns, &also);
}

#endif
