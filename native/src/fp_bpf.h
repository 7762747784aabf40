/*
 * The bpf() system call, as far as the fast path needs it: maps, loading a program, and a port's
 * ingress hook. No library stands between, and what is made here is held by its descriptor alone:
 * the kernel removes it with the process, however that ends.
 *
 * Calls return 0 or a descriptor, and -errno: -EPERM without CAP_BPF, -EINVAL for what this kernel
 * does not know.
 */
#ifndef FP_BPF_H
#define FP_BPF_H

#include <linux/bpf.h>
#include <stdbool.h>
#include <stdint.h>

int fp_bpf_map_new(uint32_t type, uint32_t key_bytes, uint32_t value_bytes, uint32_t entries_max,
		   uint32_t flags);
int fp_bpf_map_get(int map_fd, const void *key, void *value);
int fp_bpf_map_set(int map_fd, const void *key, const void *value);
int fp_bpf_map_delete(int map_fd, const void *key);
/* The key after another, in no order; key NULL: the first. -ENOENT at the end. */
int fp_bpf_map_next(int map_fd, const void *key, void *next);

int fp_bpf_load(uint32_t type, const struct bpf_insn *code, uint32_t count);
/*
 * Hangs a program on an interface's tcx ingress hook; the descriptor holds it there. Before that of
 * another such descriptor, -1: before all that are there. -ENOENT: that other is there no more.
 */
int fp_bpf_attach_ingress(int program_fd, int ifindex, int before_fd);
/* Takes it off there, whoever else has a descriptor that holds it. */
int fp_bpf_detach(int link_fd);
/* Has anybody? False where the kernel does not say. */
bool fp_bpf_is_detached(int link_fd);

#endif
