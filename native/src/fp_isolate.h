/*
 * Keeping the host stack off a port: a two-instruction program at its tcx
 * ingress hook that drops what the taps have already seen. The kernel (6.6 and
 * later) removes it when the descriptor closes, however the process ends.
 */
#ifndef FP_ISOLATE_H
#define FP_ISOLATE_H

/* 0 and *link_fd, or -errno: -EPERM without CAP_BPF, -EINVAL on an older kernel. */
int fp_isolate_open(int ifindex, int *link_fd);

#endif
