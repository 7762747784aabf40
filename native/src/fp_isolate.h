/*
 * Keeping the host stack off a port: a program at its tcx ingress hook drops every frame after the
 * taps have seen it, our rings among them; or the one of fp_kernel.h, which first sends on what the
 * kernel serves. Needs CAP_BPF and a kernel from 6.6 on; without it the host stack sees the port as
 * well.
 */
#ifndef FP_ISOLATE_H
#define FP_ISOLATE_H

/*
 * Attaches the program, or where program_fd is none the one that only drops; *link_fd holds it
 * there. 0, or -errno as of fp_bpf.h.
 *
 * It takes the place of another, whose link is before_fd; without one, -1, or if that has gone, it
 * is the first there: somebody else's program may end what is behind it for each frame that it lets
 * pass (TCX_PASS), and what the filter then says that the kernel serves would be lost.
 */
int fp_isolate(int program_fd, int ifindex, int before_fd, int *link_fd);

#endif
