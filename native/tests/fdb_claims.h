/* Learning as a loop without a short cut does it. */
#ifndef FDB_CLAIMS_H
#define FDB_CLAIMS_H

#include "fp_fdb.h"

static inline enum fp_fdb_result learn(struct fp_fdb *fdb, uint32_t vlan, const uint8_t *mac,
				       uint32_t port, uint64_t now_ns)
{
	struct fp_fdb_claim claim = {
		.vlan = vlan,
		.mac = mac,
		.port = port,
		.now_ns = now_ns,
		.asked = true,
		.shortcut_port = -1,
	};

	return fp_fdb_learn(fdb, &claim);
}

static inline int32_t port_now(const struct fp_fdb *fdb, uint32_t vlan, const uint8_t *mac,
			       uint64_t now_ns)
{
	int32_t also;

	return fp_fdb_lookup(fdb, vlan, mac, now_ns, &also);
}

#endif
