/*
 * Inside the short cut: what its maps hold and the one system call, for fp_shortcut.c
 * (the maps) and fp_shortcut_program.c (the programs) only.
 */
#ifndef FP_SHORTCUT_MAP_H
#define FP_SHORTCUT_MAP_H

#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

struct key {
	uint8_t mac[ETH_ALEN];
	uint16_t vlan;
};

struct value {
	uint32_t ifindex;
	uint32_t frame_max; /* of what need not be segmented, MAC header included */
	uint64_t seen_ns;
	uint32_t port;
	uint32_t also_ifindex; /* 0: none */
	uint64_t also_ns;
	uint32_t also_port;
	uint32_t pad;
};

_Static_assert(sizeof(struct key) == 8, "built on the program's stack");

static inline int bpf(int command, union bpf_attr *attr)
{
	long result = syscall(SYS_bpf, command, attr, sizeof(*attr));

	return result < 0 ? -errno : (int)result;
}

static inline uint64_t pointer(const void *p)
{
	return (uint64_t)(uintptr_t)p;
}

#endif
