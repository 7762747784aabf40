/*
 * The short cut of known unicast: a map of addresses, by which the kernel's programs (fp_kernel.h)
 * send a frame on when they know both of its own, and leave every other one to the ring.
 *
 * Why: bulk TCP arrives as frames of 64 KiB, and copying each twice costs more than both hosts
 * spend on it; in the kernel nothing is copied.
 *
 * The map follows the fdb: the loop adds what it learns, the control thread flushes. An address
 * that is claimed at a second port gets its frames at both, if both have the VLAN alike: a frame
 * leaves with the tag that its destination's entry says. A redirected frame refreshes its
 * source's entry here and is not seen by the fdb, so what the fdb has forgotten is asked of
 * fp_shortcut_lookup().
 */
#ifndef FP_SHORTCUT_H
#define FP_SHORTCUT_H

#include <stdbool.h>
#include <stdint.h>

#include "fp.h"
#include "fp_kernel.h"

struct fp_shortcut {
	int fdb_fd; /* the path's; -1: there is no short cut */
	struct fp_path_shared *shared;
	uint64_t ageing_ns;
	uint32_t entries_max;
};

struct fp_shortcut_counts {
	uint64_t rx_frames;
	uint64_t rx_bytes;
	uint64_t tx_frames;
	uint64_t tx_bytes;
};

struct fp_shortcut_entry {
	uint8_t mac[FP_MAC_BYTES];
	uint16_t vlan;
	uint32_t port;
	int32_t also; /* or -1 */
	uint64_t seen_ns;
};

struct fp_shortcut_target {
	uint32_t port;
	uint32_t mtu;
	uint16_t horizon; /* of the port, 0: none */
	bool untagged;	  /* the port has the VLAN without a tag */
	uint64_t seen_ns;
	int32_t also; /* -1: none; else as fp_move_shares() says of these two times */
	uint64_t also_ns;
};

/* By the path's map; without one it does nothing, and a switch works all the same. */
void fp_shortcut_init(struct fp_shortcut *shortcut, const struct fp_kernel *kernel,
		      const struct fp_config *config);

/* The VLAN of what comes untagged, of all ports; one that no address is in: none. Control. */
void fp_shortcut_classify(const struct fp_shortcut *shortcut, const uint16_t pvids[FP_PORTS_MAX]);
/* Any thread. */
void fp_shortcut_learn(const struct fp_shortcut *shortcut, uint32_t vlan, const uint8_t *mac,
		       const struct fp_shortcut_target *target);
void fp_shortcut_forget(const struct fp_shortcut *shortcut, uint32_t vlan, const uint8_t *mac);
/*
 * The port of an address that has not aged, or -1; *seen_ns (CLOCK_MONOTONIC) is when it was
 * learned or last the source of a redirected frame.
 */
int32_t fp_shortcut_lookup(const struct fp_shortcut *shortcut, uint32_t vlan, const uint8_t *mac,
			   uint64_t now_ns, uint64_t *seen_ns);
/* Forgets the entries of which stale() says so. */
void fp_shortcut_flush(const struct fp_shortcut *shortcut,
		       bool (*stale)(const void *context, const struct fp_shortcut_entry *entry),
		       const void *context);
/* The addresses one after the other; first begins anew. False at the end. */
bool fp_shortcut_next(const struct fp_shortcut *shortcut, bool first,
		      struct fp_shortcut_entry *entry);
void fp_shortcut_read(const struct fp_shortcut *shortcut, uint32_t port,
		      struct fp_shortcut_counts *counts);

#endif
