/*
 * What the kernel offers to a program, as far as ours use it: helpers by their numbers in
 * linux/bpf.h, and what the loader fills in (fp_kernel_load.c).
 */
#ifndef FP_KERNEL_CALLS_H
#define FP_KERNEL_CALLS_H

#include <linux/bpf.h>
#include <stdint.h>

#define SECTION(name) __attribute__((section(name), used))
#define INLINE static inline __attribute__((always_inline))
#define ONCE(word) (*(volatile typeof(word) *)&(word))

struct fp_map;

/* Instructions, not calls: big-endian, and they end the program where the frame ends. */
uint64_t load_byte(const void *skb, uint64_t at) __asm__("llvm.bpf.load.byte");
uint64_t load_half(const void *skb, uint64_t at) __asm__("llvm.bpf.load.half");
uint64_t load_word(const void *skb, uint64_t at) __asm__("llvm.bpf.load.word");

static void *(*const bpf_map_lookup_elem)(struct fp_map *map, const void *key) = (void *)1;
static uint64_t (*const bpf_ktime_get_ns)(void) = (void *)5;
static long (*const bpf_tail_call)(void *skb, struct fp_map *programs, uint32_t index) = (void *)12;
static long (*const bpf_clone_redirect)(struct __sk_buff *skb, uint32_t ifindex,
					uint64_t flags) = (void *)13;
static long (*const bpf_skb_vlan_push)(struct __sk_buff *skb, uint16_t proto,
				       uint16_t tci) = (void *)18;
static long (*const bpf_skb_vlan_pop)(struct __sk_buff *skb) = (void *)19;
static long (*const bpf_redirect)(uint32_t ifindex, uint64_t flags) = (void *)23;
static long (*const bpf_skb_load_bytes)(const void *skb, uint32_t offset, void *to,
					uint32_t len) = (void *)26;
static long (*const bpf_redirect_peer)(uint32_t ifindex, uint64_t flags) = (void *)155;
static uint64_t (*const bpf_ktime_get_coarse_ns)(void) = (void *)160;

#endif
