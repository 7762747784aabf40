/*
 * Joins that the control plane has not decided yet, and what they get meanwhile.
 *
 * A host that joins sends at once, or is sent to at once; the control plane needs a wake-up and
 * some hundred microseconds, and under a flood thousands. So the loop that hands a report up notes
 * what its host joins, and until that very report has been decided the host's port gets it, where
 * the table has nothing against it: as if the row were there already. Nothing is decided here: what
 * the control plane then publishes, or refuses, is all that counts from that moment on.
 *
 * Only where it would be refused for nothing but want of room: the control plane says which ports
 * and VLANs are so (FP_PORT_AHEAD, FP_VLAN_AHEAD); filters, limits of groups and policies about who
 * is believed are not for the loop.
 *
 * Bounded: so many of a port and of all, and in time. A report that brings more is served when it
 * is decided, as everything used to be. The loop's own; the word between the threads is fp_punt's
 * `decided`.
 *
 * A stream that comes in at another worker's port does not know of it.
 */
#ifndef FP_JOINS_H
#define FP_JOINS_H

#include <stdbool.h>
#include <stdint.h>

#include "fp_frame.h"
#include "fp_port.h"
#include "fp_table.h"

#define FP_JOINS_MAX 256u
#define FP_JOINS_OF_PORT 16u
#define FP_JOINS_NS UINT64_C(3000000000) /* what has waited so long is not read any more */

struct fp_join {
	uint8_t group[FP_ADDRESS_BYTES];
	uint8_t source[FP_ADDRESS_BYTES];
	const struct fp_punt *punt; /* that took the report; never followed */
	uint64_t mark;		    /* decided when all before this is */
	uint64_t until_ns;
	uint16_t vlan;
	uint16_t port;
	bool any; /* of any source */
};

struct fp_joins {
	uint32_t count;
	uint64_t changes; /* grows with each that comes or goes */
	uint8_t of_port[FP_PORTS_MAX];
	uint32_t tags[FP_JOINS_MAX]; /* of VLAN and group: what is not there is seen at a glance */
	struct fp_join joins[FP_JOINS_MAX];
};

/* Notes what a report joins that was just put into its port's queue. True: something was new. */
bool fp_joins_note(struct fp_joins *joins, const struct fp_table *table,
		   const struct fp_frame *frame, const struct fp_port *port, uint64_t now_ns);

/*
 * Forgets what has been decided. ports[]: those of the table that was last read; the next one must
 * be read after this, so that what is no longer here is there. True: something has gone.
 */
bool fp_joins_settle(struct fp_joins *joins, struct fp_port *const *ports, uint32_t port_count);

/* Adds to the verdict of a stream's frame the ports whose joins of it wait; false: there are none.
 */
bool fp_joins_grant(const struct fp_joins *joins, const struct fp_table *table,
		    const struct fp_frame *frame, uint32_t in_port, struct fp_verdict *verdict);

#endif
