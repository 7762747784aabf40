/*
 * LOOP-7. What a port may send to everybody: broadcast, unknown unicast and multicast of groups
 * that nobody has joined, each so many frames a second and as many at once ([[port]] storm_limit).
 * And what it may show the control plane of probes, topology changes and announcements. Each is a
 * time up to which all is taken (fp_due_take()), of the port's loop; that of unregistered multicast
 * is the port's in what the kernel's programs share, so a flow that they serve and one of the ring
 * have one limit between them. The limit is the table's, so a change holds from the next pass on.
 *
 * What somebody wants is never in it: rows, router ports, groups that always flood, all multicast
 * while nothing is pruned, and groups that are not IP, whose members cannot join.
 */
#ifndef FP_STORM_H
#define FP_STORM_H

#include "fp_clock.h"
#include "fp_decide.h"
#include "fp_due.h"

#define FP_PROBE_RATE                                                                              \
	200u /* of a port: one a second and port is usual                                          \
	      */
#define FP_PROBE_BURST 400u
#define FP_CHANGE_RATE 20u /* of a port: a bridge tells of one every two seconds, of each VLAN */
#define FP_CHANGE_BURST 100u
#define FP_ANNOUNCE_RATE 20u /* of a port: some sessions, each every few seconds to minutes */
#define FP_ANNOUNCE_BURST 100u

enum fp_storm_kind {
	FP_STORM_BROADCAST = 0,
	FP_STORM_UNKNOWN_UNICAST,
	FP_STORM_UNREGISTERED,
	FP_STORM_KINDS
};

struct fp_storm {
	uint64_t due_ns[FP_STORM_KINDS];
	uint64_t probe_due_ns;
	uint64_t change_due_ns;
	uint64_t announcement_due_ns;
};

/* Takes one of rate a second, of which burst may come at once; false: it has had its share. */
static inline bool fp_storm_take(uint64_t *due_ns, uint32_t rate, uint32_t burst, uint64_t now_ns)
{
	uint64_t one_ns = FP_NS_PER_S / rate;

	return fp_due_take(due_ns, one_ns, one_ns * burst, now_ns);
}

/* Whether the limit, if its port has one, is about such a frame; *kind says which. */
bool fp_storm_concerns(const struct fp_table *table, uint32_t family,
		       const struct fp_verdict *verdict, enum fp_storm_kind *kind);
/* Of such a frame that is one too many: to router ports alone, or to nobody. */
void fp_storm_cut(const struct fp_table *table, uint32_t family, enum fp_storm_kind kind,
		  struct fp_verdict *verdict);
/* Its reason, by the ports that are left. */
void fp_storm_say(enum fp_storm_kind kind, struct fp_verdict *verdict);

#endif
