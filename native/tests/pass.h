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
/*
 * From now on frames have VLANs: that of their tag, or pvid, and leave with a tag but by ports that
 * have their VLAN as pass_set_untagged() says. pvid 0: they leave as they came.
 */
void pass_set_pvid(uint16_t pvid);
/* The VLAN that a port has without a tag; 0: none. */
void pass_set_untagged(uint32_t port, uint16_t vlan);
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
/* Sends the pass; the sends of port 0. */
uint32_t pass_sent(void);
void pass_end(void);

/* What holds for runs of either family. */

/* Each of `other` differs from `base` in one thing that a receiver sees: another send. */
void pass_check_other_flows(struct packet base, const struct packet *other, uint32_t count);
/* Each of `odd` goes alone, amid frames that are `plain`. */
void pass_check_never_joined(struct packet plain, const struct packet *odd, uint32_t count);
/* Checksums that are good, or as they are to be, are joined; no other is. */
void pass_check_checksums(struct packet packet);
/* Whatever is mixed arrives as it was, and much of it together. */
void pass_check_mixtures(uint64_t seed, struct packet (*draw)(uint64_t *seed));

#endif
