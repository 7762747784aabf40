#include "packets.h"

#include <string.h>

#define UDP_BYTES 8u

struct packet packet_udp(void)
{
	struct packet packet = {
		.src = {0x02, 0, 0, 0, 0, 0x01},
		.ttl = 8,
		.protocol = 17,
		.ip_id = 100,
		.fragment = 0x4000,
		.source = 0x0a000001,
		.source_port = 5004,
		.port = 5006,
		.payload_bytes = 100,
	};

	packet_set_group(&packet, 0xef010203);
	return packet;
}

struct packet packet_udp6(void)
{
	struct packet packet = packet_udp();

	packet.ipv6 = true;
	memcpy(packet.source6, (const uint8_t[]){0x20, 0x01, 0x0d, 0xb8}, 4);
	packet.source6[15] = 1;
	packet_set_group6(&packet, 0xff3e0000, 0x1234);
	return packet;
}

void packet_set_group6(struct packet *packet, uint32_t first, uint32_t last)
{
	memset(packet->group6, 0, sizeof(packet->group6));
	for (uint32_t i = 0; i < 4; i++) {
		packet->group6[i] = (uint8_t)(first >> (24 - 8 * i));
		packet->group6[12 + i] = (uint8_t)(last >> (24 - 8 * i));
	}
	memset(packet->dst, 0x33, 2);
	memcpy(packet->dst + 2, packet->group6 + 12, 4);
}

void packet_extend(struct packet *packet, uint8_t header, uint16_t value)
{
	uint8_t *at = packet->extensions + packet->extensions_bytes;

	if (packet->extensions_bytes)
		at[-8] = header;
	else
		packet->first_header = header;
	memset(at, 0, 8);
	at[0] = packet->protocol;
	at[2] = (uint8_t)(value >> 8);
	at[3] = (uint8_t)value;
	packet->extensions_bytes += 8;
}

void packet_set_icmp6(struct packet *packet, uint8_t type)
{
	packet->protocol = 58;
	packet->source_port = (uint16_t)(type << 8);
}

void packet_set_group(struct packet *packet, uint32_t group)
{
	packet->group = group;
	packet->dst[0] = 0x01;
	packet->dst[1] = 0x00;
	packet->dst[2] = 0x5e;
	packet->dst[3] = (uint8_t)((group >> 16) & 0x7f);
	packet->dst[4] = (uint8_t)(group >> 8);
	packet->dst[5] = (uint8_t)group;
}

uint16_t packet_sum(const uint8_t *bytes, uint32_t len_bytes, uint16_t start)
{
	uint32_t sum = start;

	for (uint32_t i = 0; i < len_bytes; i++) {
		sum += i % 2 ? bytes[i] : (uint32_t)bytes[i] << 8;
		sum = (sum & 0xffff) + (sum >> 16);
	}
	return (uint16_t)sum;
}

uint16_t packet_pseudo_sum(const uint8_t *ip, uint32_t udp_bytes)
{
	bool ipv6 = ip[0] >> 4 == 6;
	uint8_t tail[4] = {0, ipv6 ? 17 : ip[9], (uint8_t)(udp_bytes >> 8), (uint8_t)udp_bytes};

	return packet_sum(tail, 4, ipv6 ? packet_sum(ip + 8, 32, 0) : packet_sum(ip + 12, 8, 0));
}

void packet_ip_checksum(uint8_t *ip)
{
	uint16_t sum;

	ip[10] = ip[11] = 0;
	sum = (uint16_t)~packet_sum(ip, (ip[0] & 15u) * 4u, 0);
	ip[10] = (uint8_t)(sum >> 8);
	ip[11] = (uint8_t)sum;
}

static void put16(uint8_t **at, uint32_t value)
{
	*(*at)++ = (uint8_t)(value >> 8);
	*(*at)++ = (uint8_t)value;
}

static void put32(uint8_t **at, uint32_t value)
{
	put16(at, value >> 16);
	put16(at, value & 0xffff);
}

static void put_checksum(const struct packet *packet, uint8_t *vnet, uint8_t *ip, uint8_t *udp)
{
	uint32_t udp_bytes = UDP_BYTES + packet->payload_bytes;
	uint16_t pseudo = packet_pseudo_sum(ip, udp_bytes);
	struct virtio_net_hdr header = {0};
	uint16_t sum = (uint16_t)~packet_sum(udp, udp_bytes, pseudo);

	switch (packet->checksum) {
	case CHECKSUM_GOOD:
		sum = sum ? sum : 0xffff;
		break;
	case CHECKSUM_WRONG:
		sum ^= 0x5555;
		break;
	case CHECKSUM_ABSENT:
		sum = 0;
		break;
	case CHECKSUM_PARTIAL:
	case CHECKSUM_PARTIAL_WRONG:
		header.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
		header.csum_start = (uint16_t)(udp - vnet - FP_VNET_BYTES);
		header.csum_offset = 6;
		sum = packet->checksum == CHECKSUM_PARTIAL ? pseudo : pseudo ^ 0x0101;
		break;
	}
	memcpy(vnet, &header, FP_VNET_BYTES);
	udp[6] = (uint8_t)(sum >> 8);
	udp[7] = (uint8_t)sum;
}

/* Where the UDP header goes. */
static uint8_t *put_ipv4(const struct packet *packet, uint8_t *ip)
{
	uint32_t header_bytes = 20u + packet->options_bytes;
	uint8_t *at = ip;

	*at++ = (uint8_t)(0x40 | header_bytes / 4);
	*at++ = packet->tos;
	put16(&at, header_bytes + UDP_BYTES + packet->payload_bytes);
	put16(&at, packet->ip_id);
	put16(&at, packet->fragment);
	*at++ = packet->ttl;
	*at++ = packet->protocol;
	put16(&at, 0);
	put32(&at, packet->source);
	put32(&at, packet->group);
	memset(at, 1, packet->options_bytes); /* no-operation options */
	at += packet->options_bytes;
	packet_ip_checksum(ip);
	return at;
}

static uint8_t *put_ipv6(const struct packet *packet, uint8_t *ip)
{
	uint8_t *at = ip;

	put32(&at, UINT32_C(6) << 28 | (uint32_t)packet->tos << 20 | packet->flow_label);
	put16(&at, packet->extensions_bytes + UDP_BYTES + packet->payload_bytes);
	*at++ = packet->extensions_bytes ? packet->first_header : packet->protocol;
	*at++ = packet->ttl;
	memcpy(at, packet->source6, 16);
	memcpy(at + 16, packet->group6, 16);
	at += 32;
	memcpy(at, packet->extensions, packet->extensions_bytes);
	return at + packet->extensions_bytes;
}

uint32_t packet_build(const struct packet *packet, uint8_t *vnet)
{
	uint8_t *at = vnet + FP_VNET_BYTES;
	uint8_t *ip;
	uint8_t *udp;

	memcpy(at, packet->dst, 6);
	memcpy(at + 6, packet->src, 6);
	at += 12;
	if (packet->tpid) {
		put16(&at, packet->tpid);
		put16(&at, packet->tci);
	}
	put16(&at, packet->ethertype ? packet->ethertype : packet->ipv6 ? 0x86dd : 0x0800);
	ip = at;
	at = udp = packet->ipv6 ? put_ipv6(packet, ip) : put_ipv4(packet, ip);
	put16(&at, packet->source_port);
	put16(&at, packet->port);
	put16(&at, UDP_BYTES + packet->payload_bytes + packet->rest_bytes);
	put16(&at, 0);
	for (uint32_t i = 0; i < packet->payload_bytes; i++)
		*at++ = packet->payload ? packet->payload[i] : (uint8_t)(packet->fill + i);
	put_checksum(packet, vnet, ip, udp);
	memset(at, 0, packet->padding_bytes);
	at += packet->padding_bytes;
	return (uint32_t)(at - vnet) - FP_VNET_BYTES;
}
