/*
 * The kernel's programs (bpf/fp_kernel.bpf.c) compiled for this machine, over maps that are plain
 * memory: what comes to a port goes through them before it comes to its ring, as in the kernel.
 * Only their multicast is here: the map of addresses is empty.
 */
#ifndef PROGRAMS_H
#define PROGRAMS_H

#include "lab.h"

#define PROGRAMS_EGRESS_MAX 64u

/* A frame that the kernel has sent by one port. */
struct programs_copy {
	uint32_t port;
	uint32_t len_bytes;
	uint32_t tci; /* FP_NO_TAG: none */
};

/* Gives a switch slots of memory in place of what the kernel offers, and has its ports served. */
void programs_start(struct lab *lab);
/*
 * A frame (without its tag; TCI, or FAKE_NO_TAG) comes to a port: true when the kernel served it,
 * else it is in the data ring.
 */
bool programs_receive(struct lab *lab, uint32_t port, const struct packet *packet, int tci);
/* From now on what is for the ring is lost there, as in one that is full. */
void programs_lose(bool lose);
/* From now on a program of somebody else's, before that of the port, takes every frame. */
void programs_take(bool take);
/* What the kernel sent of the last frame that it served. */
uint32_t programs_copies(struct programs_copy copies[PROGRAMS_EGRESS_MAX]);
/* The program's look at the health of a stream, by one frame of it without a tag. */
void programs_look(struct fp_health_state *state, const uint8_t *frame, uint32_t len_bytes);
/* The next frame of what the first worker serves of the group, without a VLAN, is the ring's. */
void programs_take_back(struct lab *lab, uint32_t group);
/* The clock that the programs see. */
void programs_set_clock(uint64_t now_ns);

#endif
