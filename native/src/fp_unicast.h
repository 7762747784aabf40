/*
 * Unicast addresses: the fdb and the short cut that follows it, learned, looked up and flushed
 * together. For the loops; fp_fdb_flush(), of the contract, is the control thread's.
 *
 * What a new table makes untrue is flushed by who publishes it, and what a loop on an older one
 * learns after that by the loop itself.
 */
#ifndef FP_UNICAST_H
#define FP_UNICAST_H

#include "fp_frame.h"
#include "fp_switch.h"

/* The source of a frame was heard at a port. */
void fp_unicast_learn(struct fp_switch *sw, struct fp_stats *stats, const struct fp_table *table,
		      const struct fp_frame *frame, uint32_t port, uint64_t now_ns);
/* Where its destination is, or -1; *also: where it may still be, or -1. */
int32_t fp_unicast_lookup(struct fp_switch *sw, const struct fp_frame *frame, uint64_t now_ns,
			  int32_t *also);
/*
 * A table has been stored in the place of an old one: forgets the addresses at ports that are down
 * or have their VLAN no more, or otherwise, and what the short cut cannot know. Control.
 */
void fp_unicast_settle(struct fp_switch *sw, const struct fp_table *old,
		       const struct fp_table *table);

#endif
