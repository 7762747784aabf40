/*
 * Streams inside the kernel, as the control thread sees them: whether there may be any, what they
 * count, and what a publish does to them. A new table makes void what it may decide otherwise (the
 * programs compare the slots' seq with that of their rows' shards) and nothing else.
 */
#ifndef FP_SERVED_H
#define FP_SERVED_H

#include "fp_switch.h"

/* Of ports whose states are about to be published: who is at their other end, and their limit. */
void fp_served_ports(struct fp_switch *sw, const struct fp_port_state *ports, uint32_t port_count);
/* A table has been stored in the place of an old one. */
void fp_served_publish(struct fp_switch *sw, const struct fp_table *old,
		       const struct fp_table *table);
/* Takes what the programs could not send for frames that are lost. */
void fp_served_refused(struct fp_switch *sw);
/* Before anything is read that the kernel counts: adds it, if that was not done just now. */
void fp_served_settle(struct fp_switch *sw);

#endif
