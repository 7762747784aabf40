/*
 * The program of a port, at its interface's ingress hook: it sends on what the kernel serves and
 * keeps the host stack off the port. Any thread; the kernel waits for a grace period with its lock
 * on all interfaces held.
 */
#ifndef FP_ATTACH_H
#define FP_ATTACH_H

#include "fp_port.h"

/* Says in the port what came of it: served, isolated. before_fd: as of fp_isolate(). */
void fp_attach(struct fp_port *port, struct fp_kernel *kernel, int before_fd);
/* For want of the switch's program, which does that as well: one that drops all. 0, or -errno. */
int fp_attach_drop(struct fp_port *port);
/* Are there programs of the switch? */
bool fp_attach_load(struct fp_kernel *kernel);
/* Has somebody taken it off the interface? Then, before the port starts, it gets one anew. */
bool fp_attach_is_lost(const struct fp_port *port);
void fp_attach_again(struct fp_port *port, struct fp_kernel *kernel);

#endif
