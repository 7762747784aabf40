/*
 * Keeping the host stack off a port: a program at its tcx ingress hook drops every frame after the
 * taps have seen it, our rings among them. What the short cut writes comes before it in the same
 * program, and takes away the frames it redirects. Needs CAP_BPF and a kernel from 6.6 on; without
 * it the host stack sees the port as well.
 */
#ifndef FP_ISOLATE_H
#define FP_ISOLATE_H

#include "fp_bpf_code.h"

/*
 * Completes the port's ingress program (empty, or of fp_shortcut_write()) and attaches it; *link_fd
 * holds it there. 0, or -errno as of fp_bpf.h.
 */
int fp_isolate(struct fp_bpf_code *ingress, int ifindex, int *link_fd);

#endif
