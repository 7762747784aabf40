/*
 * What the filter tells the ingress program of a frame, and what both know: the maps, the port.
 */
#ifndef FP_ANSWER_H
#define FP_ANSWER_H

#include <stdbool.h>

#include "kernel_calls.h"
#include "../src/fp_move.h"
#include "../src/fp_path_map.h"
#include "../src/fp_shortcut_map.h"

#define TO_RING (-1) /* all of it: what a socket filter returns is a length */
#define NOT_TO_RING 0
#define DROPPED 2    /* TCX_DROP */
#define TO_HOST (-1) /* TCX_NEXT: to whoever is behind us */

#define TO_INGRESS 1u /* BPF_F_INGRESS */

#define ETH_BYTES 14u
#define MACS_BYTES 12u
#define TAG_BYTES 4u
#define IPV4_BYTES 20u
#define IPV6_BYTES 40u
#define LEAST_HEADERS (ETH_BYTES + IPV4_BYTES + 8u)
#define VID_MASK 0x0fffu
#define PROTOCOL_UDP 17u
#define KIND_BROADCAST 1u /* PACKET_BROADCAST */
#define KIND_MULTICAST 2u

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define NETWORK16(word) __builtin_bswap16(word)
#define NETWORK32(word) __builtin_bswap32(word)
#else
#define NETWORK16(word) (word)
#define NETWORK32(word) (word)
#endif

#define TAG_PROTOCOL NETWORK16(0x8100)
#define IPV4_PROTOCOL NETWORK16(0x0800)
#define IPV6_PROTOCOL NETWORK16(0x86dd)

/*
 * In an skb that has come without the other end's queue. Such a frame leaves by a queue: if it went
 * on and on from switch to switch around a loop, its processor would do nothing else.
 */
#define DIRECT_MARK 0x5350u
/* And in one that was sent round, with its number. */
#define ROUND_MARK 0x8000u
#define ROUND_MASK 0x7fffu

/* What the filter tells the ingress program. */
struct answer {
	uint32_t waits; /* at an interface, until the ingress program has taken it; 0: nowhere */
	uint32_t bytes; /* of the frame */
	uint32_t fence;
	uint32_t ringed; /* 1 + the slot of a frame that the ring has by then; 0: of none */
	uint32_t round;	 /* the mark of a frame that is to come again; 0: it is not */
	uint32_t count;
	uint32_t as_is;
	uint16_t tci;
	uint8_t retag;
	uint8_t direct; /* the last port's other end may be handed it */
	uint8_t to_host;
	uint8_t first;	  /* of the ports, the one to begin with */
	uint32_t watched; /* as the slot has it */
	uint32_t udp_at;  /* where its UDP header begins; 0: it is no datagram, or not its head */
	uint32_t end_at;  /* and where the IP packet ends */
	/* what the program of health says to itself */
	uint32_t way;
	uint32_t packets_at;
	uint32_t packet_count;
	uint64_t egress[FP_PATH_EGRESS_MAX / 8];
};

_Static_assert(sizeof(struct answer) <= FP_PATH_ANSWER_BYTES, "the map has room for it");

/* The loader puts in their place: the value of a map, and maps. */
extern struct fp_path_shared fp_shared;
extern struct fp_map fp_sets;
extern struct fp_map fp_slots;
extern struct fp_map fp_fdb;
extern struct fp_map fp_answer;
extern struct fp_map fp_healths;
extern struct fp_map fp_programs;

/* The port of the frame's interface; the programs are the same for all. */
INLINE uint32_t port_of(const struct __sk_buff *skb)
{
#pragma unroll
	for (uint32_t i = 0; i < FP_PATH_PROBES; i++) {
		uint32_t port = fp_shared.homes[(skb->ifindex + i) & (FP_PATH_HOMES - 1)] - 1u;

		if (port < FP_PATH_PORTS && fp_shared.ports[port].ifindex == skb->ifindex)
			return port;
	}
	return FP_PATH_PORTS;
}

INLINE struct answer *answer_here(void)
{
	uint32_t only = 0;

	return bpf_map_lookup_elem(&fp_answer, &only);
}

INLINE void fence(struct answer *answer)
{
	if (fp_shared.strict)
		/* an exchange: one that leaves its result unread orders nothing, if it only adds */
		__sync_lock_test_and_set(&answer->fence, 0);
	else
		__asm__ volatile("" ::: "memory");
}

INLINE void count(uint64_t *word, uint64_t by)
{
	__sync_fetch_and_add(word, by);
}

INLINE void wait_for(const struct __sk_buff *skb, struct answer *answer)
{
	answer->bytes = skb->len;
	answer->waits = skb->ifindex;
}

/* Somebody's program before ours may have taken a frame away, and left us an answer. */
INLINE bool is_about(const struct answer *answer, const struct __sk_buff *skb)
{
	return answer->waits == skb->ifindex && answer->bytes == skb->len;
}

#endif
