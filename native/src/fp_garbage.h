/*
 * Descriptors whose close the kernel takes long for, a grace period of RCU or two each, one after
 * the other, closed in its own time. They are put into a socket that only its own queue holds,
 * which the kernel's collector of such garbage finds (Linux 6.10: in a thread of its own; before
 * that we wait as for any close).
 *
 * Some are garbage at once: the links of the programs at all ports, when a switch ends. Others are
 * to be if the process dies: while it lives the socket is held by it as well, and the queue holds
 * its descriptors a second time. So a killed process is gone without waiting for them, however it
 * was killed and whoever with it; the kernel looks for garbage when another socket of this family
 * is closed, so it has to have one.
 */
#ifndef FP_GARBAGE_H
#define FP_GARBAGE_H

#include <stdint.h>

#define FP_GARBAGE_MAX 252u /* what one message takes, and the socket itself */

/* Closes them all; -errno: nothing is closed. */
int fp_garbage_give(const int *fds, uint32_t count);
/*
 * They are garbage once this process is dead: a knot to untie before they are closed, or -errno.
 * Each counts in what a user has in flight, of which others of his may be refused more than their
 * RLIMIT_NOFILE (usually 1024).
 */
int fp_garbage_tie(const int *fds, uint32_t count);
void fp_garbage_untie(int knot);

#endif
