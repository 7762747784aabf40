/*
 * Reading a frame, once: Ethernet, one tag, the IP header with its extensions. What comes later
 * reads the fields. Pure; every read is behind its length check. A frame here is as it was on the
 * wire, with its tag in place (fp_ring re-inserts it).
 */
#ifndef FP_FRAME_H
#define FP_FRAME_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "fp.h"

#define FP_ETH_BYTES 14u
#define FP_TAG_BYTES 4u
#define FP_TAG_OFFSET 12u
#define FP_IPV4_BYTES 20u
#define FP_IPV6_BYTES 40u
#define FP_UDP_BYTES 8u
#define FP_VLAN_ID_MASK 0x0fffu

#define FP_ETHERTYPE_IPV4 0x0800u
#define FP_ETHERTYPE_IPV6 0x86ddu
#define FP_ETHERTYPE_TAG 0x8100u
#define FP_ETHERTYPE_SERVICE_TAG 0x88a8u

#define FP_IPPROTO_HOP_BY_HOP 0u
#define FP_IPPROTO_IGMP 2u
#define FP_IPPROTO_UDP 17u
#define FP_IPPROTO_ROUTING 43u
#define FP_IPPROTO_FRAGMENT 44u
#define FP_IPPROTO_AUTHENTICATION 51u
#define FP_IPPROTO_ICMPV6 58u
#define FP_IPPROTO_DESTINATION 60u
#define FP_IPPROTO_PIM 103u
#define FP_EXTENSIONS_MAX 8u /* of IPv6, as the control plane reads them (wire/ipv6.py) */

struct fp_frame {
	const uint8_t *data;
	uint32_t len_bytes;
	uint32_t l3_offset;
	uint32_t tci;	    /* of its 802.1Q tag, or FP_NO_TAG */
	uint16_t vlan;	    /* 0: untagged or priority-tagged; fp_decide_vlan() may know better */
	uint16_t ethertype; /* behind the first tag; a second tag shows here */
	bool service_tag;   /* the first tag is 802.1ad: fp_decide never looks behind it, VLAN-6 */
	/* of an IP header right behind that tag; without one, or with an error, protocol is 0 */
	uint8_t family;	       /* enum fp_family, or 0: there is none */
	bool ip_error;	       /* of V-4, SNOOP-36: header checksum; SNOOP-54: extensions */
	bool control;	       /* a message of IGMP or MLD (W-5) */
	uint8_t protocol;      /* behind the extensions; FP_IPPROTO_FRAGMENT: not the first */
	uint8_t icmp6_type;    /* 0: it is not ICMPv6 */
	uint32_t header_bytes; /* options and extensions included */
	uint32_t total_bytes;
	uint8_t source[16]; /* v4-mapped, as in the keys of rows and streams */
	uint8_t group[16];
};

/* TTL or Hop Limit of a frame with an IP header that was parsed: a `family`, and no `ip_error`. */
static inline uint8_t fp_frame_ttl(const struct fp_frame *frame)
{
	return frame->data[frame->l3_offset + (frame->family == FP_FAMILY_IPV6 ? 7 : 8)];
}

/* Neighbour discovery: solicitations, advertisements and redirects of hosts and routers. */
static inline bool fp_frame_is_discovery(const struct fp_frame *frame)
{
	return frame->icmp6_type >= 133 && frame->icmp6_type <= 137;
}

static inline uint16_t fp_read16(const uint8_t *p)
{
	return (uint16_t)((uint32_t)p[0] << 8 | p[1]);
}

static inline uint32_t fp_read32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline void fp_write16(uint8_t *p, uint32_t value)
{
	p[0] = (uint8_t)(value >> 8);
	p[1] = (uint8_t)value;
}

/* Room of FP_TAG_BYTES, behind the MAC addresses, becomes a tag. */
static inline void fp_tag_write(uint8_t *at, uint32_t tpid, uint32_t tci)
{
	fp_write16(at, tpid);
	fp_write16(at + 2, tci);
}

static inline bool fp_mac_is_multicast(const uint8_t *mac)
{
	return mac[0] & 1;
}

/* An IPv4 address as the 128-bit key of a row (v4-mapped). */
static inline void fp_map_ipv4(uint32_t address, uint8_t *key)
{
	memset(key, 0, 10);
	key[10] = 0xff;
	key[11] = 0xff;
	key[12] = (uint8_t)(address >> 24);
	key[13] = (uint8_t)(address >> 16);
	key[14] = (uint8_t)(address >> 8);
	key[15] = (uint8_t)address;
}

/* A multicast MAC address as the key of a row. */
static inline void fp_map_mac(const uint8_t *mac, uint8_t *key)
{
	memset(key, 0, FP_ADDRESS_BYTES);
	key[0] = 0x01;
	memcpy(key + FP_ADDRESS_BYTES - FP_MAC_BYTES, mac, FP_MAC_BYTES);
}

/* False when the frame is shorter than its Ethernet header and tag. */
bool fp_frame_parse(const uint8_t *data, uint32_t len_bytes, struct fp_frame *frame);

/* Internet checksum arithmetic: an unfolded sum over bytes, and its folding to 16 bits. */
uint64_t fp_sum(const uint8_t *data, uint32_t len_bytes);
uint16_t fp_sum_fold(uint64_t sum);
/* Of the pseudo-header that the IP header at ip makes for so many bytes of a protocol, unfolded. */
uint64_t fp_sum_pseudo(const uint8_t *ip, bool ipv6, uint32_t protocol, uint32_t bytes);

#endif
