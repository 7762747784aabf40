/*
 * Frames for the tests, made field by field, with the virtio header in front of them as it lies in
 * a ring slot. The checksum arithmetic is the textbook's and shares nothing with the code under
 * test.
 */
#ifndef PACKETS_H
#define PACKETS_H

#include <linux/virtio_net.h>
#include <stdbool.h>
#include <stdint.h>

#include "fp_frame.h"
#include "fp_ring.h"

#define PACKET_BYTES_MAX 65600u

enum udp_checksum {
	CHECKSUM_GOOD,
	CHECKSUM_WRONG,
	CHECKSUM_ABSENT,	/* zero: the sender made none */
	CHECKSUM_PARTIAL,	/* left to the receiver's side: NEEDS_CSUM */
	CHECKSUM_PARTIAL_WRONG, /* likewise, with a bad pseudo-header sum */
};

struct packet {
	uint8_t dst[6];
	uint8_t src[6];
	uint16_t tpid; /* 0: no tag */
	uint16_t tci;
	uint16_t ethertype; /* 0: that of its family */
	bool ipv6;
	uint8_t tos;
	uint8_t ttl;
	uint8_t protocol;
	uint8_t options_bytes; /* of the IPv4 header, a multiple of 4 */
	/* of IPv6: a chain of extension headers, each of which names the next, the last `protocol`
	 */
	uint8_t extensions[64];
	uint8_t extensions_bytes;
	uint8_t first_header; /* of the chain, if there is one */
	uint32_t flow_label;
	uint8_t source6[16];
	uint8_t group6[16];
	uint16_t ip_id;
	uint16_t fragment; /* flags and offset as on the wire */
	uint32_t source;
	uint32_t group;
	uint16_t source_port;
	uint16_t port;
	uint16_t payload_bytes;
	uint16_t rest_bytes;	/* of the datagram, in other fragments */
	uint16_t padding_bytes; /* behind the datagram */
	uint8_t fill;		/* the payload counts up from it, */
	const uint8_t *payload; /* if this is NULL */
	enum udp_checksum checksum;
};

/* A good UDP datagram of one stream: 10.0.0.1 to 239.1.2.3, DF, untagged, 100 bytes. */
struct packet packet_udp(void);
/* The same over IPv6: 2001:db8::1 to ff3e::1234. */
struct packet packet_udp6(void);
/* Changes the group and the destination MAC with it (W-6). */
void packet_set_group(struct packet *packet, uint32_t group);
/* Likewise: a group by its first 32 bits and its last. */
void packet_set_group6(struct packet *packet, uint32_t first, uint32_t last);
/* One more extension header of 8 bytes in front of `protocol`; value: its bytes 2 and 3. */
void packet_extend(struct packet *packet, uint8_t header, uint16_t value);
/* Makes it ICMPv6 of that type. */
void packet_set_icmp6(struct packet *packet, uint8_t type);
/* Writes virtio header and frame; returns the length of the frame. */
uint32_t packet_build(const struct packet *packet, uint8_t *vnet);
/* One's complement sum of big-endian 16-bit words, folded; start from an earlier sum or 0. */
uint16_t packet_sum(const uint8_t *bytes, uint32_t len_bytes, uint16_t start);
/* The folded sum of the UDP pseudo-header of the IP header at ip. */
uint16_t packet_pseudo_sum(const uint8_t *ip, uint32_t udp_bytes);
/* Recomputes the IPv4 header checksum. */
void packet_ip_checksum(uint8_t *ip);

#endif
