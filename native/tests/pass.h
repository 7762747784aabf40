/*
 * One pass of a loop as the tests of coalescing see it: frames go in with the ports they are meant
 * for, what left by each port is cut into wire frames and held against what went in. Whatever was
 * joined, each port must have got exactly its frames, and those of one (source MAC, destination
 * MAC, VLAN) in their order.
 */
#ifndef PASS_H
#define PASS_H

#include <stdint.h>

#include "packets.h"

#define PASS_PORTS 4u
#define PASS_FRAMES 400u

/* Makes the ports, coalescing, with this MTU. */
void pass_start(uint32_t mtu);
void pass_set_coalesce(uint32_t port, bool coalesce);
void pass_set_mtu(uint32_t port, uint32_t mtu);
/* Adds a frame for the ports of the mask. */
void pass_add(const struct packet *packet, uint64_t ports);
/* Adds count frames whose ids count up and whose payloads differ; packet goes on with the next. */
void pass_add_run(struct packet *packet, uint32_t count, uint64_t ports);
/* Adds the frame as it lies behind a virtio header. */
void pass_add_bytes(const uint8_t *vnet, uint32_t len_bytes, uint64_t ports);
/* Sends the pass, checks every port against what was added, and is ready for the next one. */
void pass_send(void);
/* Of the last pass: the sends of one port, and how many of its frames left in a send of several. */
uint32_t pass_sends(uint32_t port);
uint32_t pass_coalesced(uint32_t port);
void pass_end(void);

#endif
