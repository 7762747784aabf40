#include "segment.h"

#include "check.h"
#include "packets.h"

#define GSO_UDP_L4 5u /* VIRTIO_NET_HDR_GSO_UDP_L4 */
#define SEGMENTS_MAX 64u

static uint16_t read16(const uint8_t *at)
{
	return (uint16_t)((uint16_t)at[0] << 8 | at[1]);
}

static void write16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

/* The checksum field holds the sum of the pseudo-header: sum all, write the complement. */
static void finish_checksum(struct wire_frame *frame, uint32_t start, uint32_t offset)
{
	uint16_t sum;

	CHECK(start + offset + 2 <= frame->len_bytes);
	sum = (uint16_t)~packet_sum(frame->bytes + start, frame->len_bytes - start, 0);
	write16(frame->bytes + start + offset, sum ? sum : 0xffff);
}

static uint32_t one_frame(const struct virtio_net_hdr *vnet, const uint8_t *bytes,
			  uint32_t len_bytes, struct wire_frame *frame)
{
	CHECK(len_bytes <= sizeof(frame->bytes));
	memcpy(frame->bytes, bytes, len_bytes);
	frame->len_bytes = len_bytes;
	frame->coalesced = false;
	if (vnet->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM)
		finish_checksum(frame, vnet->csum_start, vnet->csum_offset);
	return 1;
}

/* Where the IP header is, and how long it is in either family. */
struct layout {
	uint32_t ip_at;
	uint32_t udp_at;
	bool ipv6;
};

static void check_ipv4(const uint8_t *ip, uint32_t ip_bytes)
{
	CHECK_EQ(ip[0], 0x45);
	CHECK_EQ(ip[9], 17);
	CHECK_EQ(read16(ip + 2), ip_bytes);
	CHECK_EQ(packet_sum(ip, 20, 0), 0xffff);
}

static void check_ipv6(const uint8_t *ip, uint32_t ip_bytes)
{
	CHECK_EQ(ip[0] >> 4, 6);
	CHECK_EQ(ip[6], 17);
	CHECK_EQ(read16(ip + 4), ip_bytes - 40);
}

static uint32_t behind_tags(const uint8_t *bytes)
{
	uint32_t at = 14;

	while (read16(bytes + at - 2) == 0x8100 || read16(bytes + at - 2) == 0x88a8)
		at += 4;
	return at;
}

/* What the kernel checks, and what it would silently get wrong. */
static struct layout checked_headers(const struct virtio_net_hdr *vnet, const uint8_t *bytes,
				     uint32_t len_bytes)
{
	uint32_t ip_at = behind_tags(bytes);
	bool ipv6 = read16(bytes + ip_at - 2) == 0x86dd;
	uint32_t udp_at = ip_at + (ipv6 ? 40 : 20);
	const uint8_t *ip = bytes + ip_at;

	CHECK_EQ(vnet->flags, VIRTIO_NET_HDR_F_NEEDS_CSUM);
	CHECK_EQ(vnet->hdr_len, udp_at + 8);
	CHECK_EQ(vnet->csum_start, udp_at);
	CHECK_EQ(vnet->csum_offset, 6);
	CHECK(vnet->gso_size > 0);
	CHECK(len_bytes > udp_at + 8);
	CHECK(ipv6 || read16(bytes + ip_at - 2) == 0x0800);
	if (ipv6)
		check_ipv6(ip, len_bytes - ip_at);
	else
		check_ipv4(ip, len_bytes - ip_at);
	CHECK_EQ(read16(bytes + udp_at + 4), len_bytes - udp_at);
	CHECK_EQ(read16(bytes + udp_at + 6), packet_pseudo_sum(ip, len_bytes - udp_at));
	return (struct layout){.ip_at = ip_at, .udp_at = udp_at, .ipv6 = ipv6};
}

static void cut(const uint8_t *bytes, const struct layout *at, uint32_t index,
		const uint8_t *payload, uint32_t payload_bytes, struct wire_frame *frame)
{
	uint8_t *ip = frame->bytes + at->ip_at;
	uint8_t *udp = frame->bytes + at->udp_at;

	frame->len_bytes = at->udp_at + 8 + payload_bytes;
	frame->coalesced = true;
	CHECK(frame->len_bytes <= sizeof(frame->bytes));
	memcpy(frame->bytes, bytes, at->udp_at + 8);
	memcpy(udp + 8, payload, payload_bytes);
	if (at->ipv6) {
		write16(ip + 4, 8 + payload_bytes);
	} else {
		write16(ip + 2, 28 + payload_bytes);
		write16(ip + 4, read16(ip + 4) + index);
		packet_ip_checksum(ip);
	}
	write16(udp + 4, 8 + payload_bytes);
	write16(udp + 6, packet_pseudo_sum(ip, 8 + payload_bytes));
	finish_checksum(frame, at->udp_at, 6);
}

uint32_t segment(const uint8_t *vnet_bytes, uint32_t bytes, struct wire_frame *frames,
		 uint32_t frames_max)
{
	const uint8_t *frame = vnet_bytes + FP_VNET_BYTES;
	struct virtio_net_hdr vnet;
	uint32_t count = 0;
	struct layout at;
	uint32_t payload_at;
	uint32_t len_bytes;

	CHECK(bytes > FP_VNET_BYTES && frames_max);
	len_bytes = bytes - FP_VNET_BYTES;
	memcpy(&vnet, vnet_bytes, FP_VNET_BYTES);
	if (vnet.gso_type == VIRTIO_NET_HDR_GSO_NONE)
		return one_frame(&vnet, frame, len_bytes, frames);
	CHECK_EQ(vnet.gso_type, GSO_UDP_L4);
	at = checked_headers(&vnet, frame, len_bytes);
	payload_at = at.udp_at + 8;
	while (payload_at < len_bytes) {
		uint32_t payload_bytes = len_bytes - payload_at;

		if (payload_bytes > vnet.gso_size)
			payload_bytes = vnet.gso_size;
		CHECK(count < frames_max && count < SEGMENTS_MAX);
		cut(frame, &at, count, frame + payload_at, payload_bytes, &frames[count]);
		payload_at += payload_bytes;
		count++;
	}
	return count;
}
