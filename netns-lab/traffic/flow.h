/* One stream of the source: its headers, ready to copy, and the checksum all of its frames share.
 */
#ifndef TRAFFIC_FLOW_H
#define TRAFFIC_FLOW_H

#include <stdint.h>

#define FLOW_HEADERS 42 /* Ethernet 14, IPv4 20, UDP 8 */

struct flow {
	uint8_t headers[FLOW_HEADERS];
	uint32_t index;
	uint32_t seq; /* of the next frame */
	uint32_t sum; /* UDP sum of everything but the payload's seq and time */
};

/* What the streams of one run have in common. Addresses in network order, the size without FCS. */
struct flow_plan {
	uint32_t source;
	uint32_t group; /* of the first stream; the others count up from it */
	uint32_t size_bytes;
	uint16_t port; /* UDP, both ends */
	uint8_t mac[6];
	const uint8_t *filler; /* what follows struct traffic_payload in every frame */
};

/* Prepare the stream of that index, its sequence starting at 0. */
void flow_build(struct flow *flow, uint32_t index, const struct flow_plan *plan);

/* Write headers and payload of the stream's next frame; the filler behind them is already there. */
void flow_frame_next(struct flow *flow, uint64_t now_ns, uint8_t *frame);

#endif
