/*
 * The decision: (table, frame, ingress port) to a verdict. Pure: no state, no counters, no clock;
 * any thread that may read the table may call it. This is the only place that says what a frame is:
 * others read its fields, its kind or the verdict. Excepted are programs of the kernel, which pick
 * a queue (fp_port.c) or take what the fdb or a loop has decided (bpf/); tests/netns holds those
 * to this.
 */
#ifndef FP_DECIDE_H
#define FP_DECIDE_H

#include "fp_frame.h"
#include "fp_guard.h"
#include "fp_mask.h"
#include "fp_table.h"

/* What must be known of a frame before anything of the table is asked. */
enum fp_kind {
	FP_KIND_UNICAST, /* ask the fdb for its destination */
	FP_KIND_FLOW,	 /* data of a stream: all its frames have one verdict */
	FP_KIND_OTHER
};

static inline enum fp_kind fp_decide_kind(const struct fp_frame *frame)
{
	if (!fp_mac_is_multicast(frame->data))
		return FP_KIND_UNICAST;
	if (!frame->family || frame->ip_error || frame->service_tag || frame->control ||
	    fp_guard_is_probe(frame))
		return FP_KIND_OTHER;
	if (frame->family == FP_FAMILY_IPV4)
		return frame->data[0] == 0x01 ? FP_KIND_FLOW : FP_KIND_OTHER;
	/* Neighbour discovery is nobody's stream: each host has one to each other. */
	return frame->data[0] == 0x33 && !fp_frame_is_discovery(frame) ? FP_KIND_FLOW
								       : FP_KIND_OTHER;
}

/*
 * At a port that filters a frame has the VLAN of its 802.1Q tag; without one, or with one that
 * says only a priority or is a provider's and opaque here, that of the port (PVID), or 0: none.
 * Elsewhere it stays as it came.
 */
static inline void fp_decide_vlan(const struct fp_table *table, uint32_t in_port,
				  struct fp_frame *frame)
{
	if (fp_mask_has(table->filters, in_port) && (!frame->vlan || frame->service_tag))
		frame->vlan = table->pvid[in_port];
}

/* fdb_port: where the fdb has the unicast destination, or -1. */
void fp_decide(const struct fp_table *table, const struct fp_frame *frame, uint32_t in_port,
	       int32_t fdb_port, struct fp_verdict *verdict);

/* The same for an address that has just moved: the port it moved away from gets the frame too. */
void fp_decide_also(const struct fp_table *table, uint32_t in_port, uint32_t also,
		    struct fp_verdict *verdict);

/* Takes from a set what is of the port's horizon: they never forward to each other. */
void fp_decide_horizon(const struct fp_table *table, uint32_t in_port, uint64_t *ports);

/*
 * The tag with which a frame of the VLAN leaves by a port, or FP_NO_TAG; tci: of the tag that it
 * came with, likewise. Without untagged ports and PVIDs every frame leaves as it came.
 */
uint32_t fp_decide_tci(const struct fp_vlan_policy *policy, uint32_t port, uint32_t vlan,
		       uint32_t tci);

#endif
