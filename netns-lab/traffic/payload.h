/* What a datagram of the bench carries, for the source that writes it and the receivers that check
 * it.
 *
 * Both ends run on one machine, so the fields are in host order and packed by hand; 18 bytes is
 * what a 64-byte Ethernet frame (60 without its FCS) leaves behind the Ethernet, IPv4 and UDP
 * headers.
 */
#ifndef TRAFFIC_PAYLOAD_H
#define TRAFFIC_PAYLOAD_H

#include <stdint.h>

#define TRAFFIC_MAGIC 0x5a17
#define TRAFFIC_FLOWS_MAX 65536
#define TRAFFIC_PORT 5004

struct traffic_payload {
	uint16_t magic;
	uint32_t flow;	  /* index of the group within the run */
	uint32_t seq;	  /* counts up by one within the flow, from 0 */
	uint64_t time_ns; /* CLOCK_REALTIME when the batch was filled */
} __attribute__((packed));

/* Of RTP, before it, where a stream is to be one of media. */
#define TRAFFIC_RTP_BYTES 12

_Static_assert(sizeof(struct traffic_payload) == 18, "fits the smallest Ethernet frame");

#endif
