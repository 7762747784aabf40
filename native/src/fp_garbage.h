/*
 * Descriptors whose close the kernel takes long for, closed in its own time: the links of programs
 * at the ports' interfaces, a grace period of RCU each, one after the other. They are put into a
 * socket that only its own queue holds, which the kernel's collector of such garbage finds (Linux
 * 6.10: in a thread of its own; before that we wait as for any close).
 */
#ifndef FP_GARBAGE_H
#define FP_GARBAGE_H

#include <stdint.h>

#define FP_GARBAGE_MAX 252u /* what one message takes, and the socket itself */

/* Closes them all; -errno: nothing is closed. */
int fp_garbage_give(const int *fds, uint32_t count);

#endif
