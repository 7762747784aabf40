/* One stream of the source: its headers, ready to copy, and the checksum all of its frames share.
 */
#ifndef TRAFFIC_FLOW_H
#define TRAFFIC_FLOW_H

#include "payload.h"

#include <stdbool.h>
#include <stdint.h>

#define FLOW_HEADERS 42	     /* Ethernet 14, IPv4 20, UDP 8 */
#define FLOW_HEADERS_IPV6 62 /* Ethernet 14, IPv6 40, UDP 8 */
#define FLOW_TAG 4

struct flow {
	uint8_t headers[FLOW_HEADERS_IPV6 + FLOW_TAG];
	uint32_t headers_bytes;
	uint32_t index;
	uint32_t seq; /* of the next frame */
	uint32_t sum; /* UDP sum of everything but what changes: seq and time */
	bool rtp;
};

/* What the streams of one run have in common. Addresses in network order, IPv4 in the first four
 * bytes; the size without FCS. */
struct flow_plan {
	bool ipv6;
	uint8_t source[16];
	uint8_t group[16]; /* of the first stream; the others count up from it */
	uint32_t size_bytes;
	uint16_t port; /* UDP, both ends */
	uint16_t vlan; /* of an 802.1Q tag; 0: none */
	uint8_t mac[6];
	const uint8_t *to;     /* hardware address of who gets it; NULL: that of the group */
	const uint8_t *filler; /* what follows struct traffic_payload in every frame */
	bool rtp; /* a header of RTP before that, whose numbers and times are those of seq */
};

static inline uint32_t flow_tag(const struct flow_plan *plan)
{
	return plan->vlan ? FLOW_TAG : 0;
}

/* How long headers are. */
static inline uint32_t flow_headers(const struct flow_plan *plan)
{
	return flow_tag(plan) + (plan->ipv6 ? FLOW_HEADERS_IPV6 : FLOW_HEADERS);
}

/* What stands before struct traffic_payload in all. */
static inline uint32_t flow_payload(const struct flow_plan *plan)
{
	return flow_headers(plan) + (plan->rtp ? TRAFFIC_RTP_BYTES : 0);
}

/* Prepare the stream of that index, its sequence starting at 0. */
void flow_build(struct flow *flow, uint32_t index, const struct flow_plan *plan);

/* Write headers and payload of the stream's next frame; the filler behind them is already there. */
void flow_frame_next(struct flow *flow, uint64_t now_ns, uint8_t *frame);

#endif
