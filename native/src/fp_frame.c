#include "fp_frame.h"

#define FRAGMENT_OFFSET 0xfff8u

/*
 * Sums native 32-bit words into 64 bits: one's complement addition does not care for byte order as
 * long as the folded result is swapped once (RFC 1071).
 */
uint64_t fp_sum(const uint8_t *data, uint32_t len_bytes)
{
	uint64_t sum = 0;
	uint64_t sum2 = 0;
	uint32_t i = 0;
	uint32_t words[4];

	for (; i + 16 <= len_bytes; i += 16) {
		memcpy(words, data + i, sizeof(words));
		sum += (uint64_t)words[0] + words[1];
		sum2 += (uint64_t)words[2] + words[3];
	}
	sum += sum2;
	for (; i + 4 <= len_bytes; i += 4) {
		memcpy(words, data + i, 4);
		sum += words[0];
	}
	if (i < len_bytes) {
		words[0] = 0;
		memcpy(words, data + i, len_bytes - i);
		sum += words[0];
	}
	return sum;
}

uint16_t fp_sum_fold(uint64_t sum)
{
	uint16_t folded;
	uint8_t bytes[2];

	sum = (sum & 0xffffffffu) + (sum >> 32);
	sum = (sum & 0xffffffffu) + (sum >> 32);
	sum = (sum & 0xffffu) + (sum >> 16);
	sum = (sum & 0xffffu) + (sum >> 16);
	folded = (uint16_t)sum;
	memcpy(bytes, &folded, sizeof(bytes));
	return fp_read16(bytes);
}

uint64_t fp_sum_pseudo(const uint8_t *ip, bool ipv6, uint32_t protocol, uint32_t bytes)
{
	uint8_t tail[4] = {0, (uint8_t)protocol, (uint8_t)(bytes >> 8), (uint8_t)bytes};

	return fp_sum(tail, 4) + (ipv6 ? fp_sum(ip + 8, 32) : fp_sum(ip + 12, 8));
}

static bool parse_ipv4(struct fp_frame *frame)
{
	const uint8_t *header = frame->data + frame->l3_offset;
	uint32_t room = frame->len_bytes - frame->l3_offset;
	uint32_t header_bytes;
	uint32_t total_bytes;

	if (room < FP_IPV4_BYTES || header[0] >> 4 != 4)
		return false;
	header_bytes = (header[0] & 0x0fu) * 4u;
	total_bytes = fp_read16(header + 2);
	if (header_bytes < FP_IPV4_BYTES || total_bytes < header_bytes || total_bytes > room)
		return false;
	if (fp_sum_fold(fp_sum(header, header_bytes)) != 0xffff)
		return false;
	frame->header_bytes = header_bytes;
	frame->total_bytes = total_bytes;
	frame->protocol = header[9];
	frame->control = frame->protocol == FP_IPPROTO_IGMP;
	fp_map_ipv4(fp_read32(header + 12), frame->source);
	fp_map_ipv4(fp_read32(header + 16), frame->group);
	return true;
}

/* Bytes of an extension header; 0: it is none, and what it names ends the chain. */
static uint32_t extension_bytes(const uint8_t *header, uint32_t protocol)
{
	switch (protocol) {
	case FP_IPPROTO_HOP_BY_HOP:
	case FP_IPPROTO_ROUTING:
	case FP_IPPROTO_DESTINATION:
		return 8u + 8u * header[1];
	case FP_IPPROTO_AUTHENTICATION:
		return 8u + 4u * header[1];
	case FP_IPPROTO_FRAGMENT:
		return 8;
	default:
		return 0;
	}
}

static bool is_extension(uint32_t protocol)
{
	static const uint8_t nothing[2] = {0};

	return extension_bytes(nothing, protocol) != 0;
}

/* SNOOP-54: from the fixed header to what the datagram carries. */
static bool walk_extensions(struct fp_frame *frame)
{
	const uint8_t *ip = frame->data + frame->l3_offset;
	uint32_t protocol = ip[6];
	uint32_t at = FP_IPV6_BYTES;

	for (uint32_t i = 0; is_extension(protocol); i++) {
		const uint8_t *header = ip + at;

		if (i == FP_EXTENSIONS_MAX || (i && protocol == FP_IPPROTO_HOP_BY_HOP) ||
		    at + 8 > frame->total_bytes)
			return false;
		at += extension_bytes(header, protocol);
		if (at > frame->total_bytes)
			return false;
		if (protocol == FP_IPPROTO_FRAGMENT && fp_read16(header + 2) & FRAGMENT_OFFSET)
			break; /* the middle of something */
		protocol = header[0];
	}
	frame->protocol = (uint8_t)protocol;
	frame->header_bytes = at;
	return true;
}

/* W-5, SNOOP-55: MLD and MRD, and nothing else of ICMPv6. */
static bool is_mld(uint8_t icmp6_type)
{
	return (icmp6_type >= 130 && icmp6_type <= 132) || icmp6_type == 143 ||
	       (icmp6_type >= 151 && icmp6_type <= 153);
}

static bool parse_ipv6(struct fp_frame *frame)
{
	const uint8_t *header = frame->data + frame->l3_offset;
	uint32_t room = frame->len_bytes - frame->l3_offset;

	if (room < FP_IPV6_BYTES || header[0] >> 4 != 6 ||
	    fp_read16(header + 4) > room - FP_IPV6_BYTES)
		return false;
	frame->total_bytes = FP_IPV6_BYTES + fp_read16(header + 4);
	if (!walk_extensions(frame))
		return false;
	if (frame->protocol == FP_IPPROTO_ICMPV6 && frame->header_bytes < frame->total_bytes) {
		frame->icmp6_type = header[frame->header_bytes];
		frame->control = is_mld(frame->icmp6_type);
	}
	memcpy(frame->source, header + 8, sizeof(frame->source));
	memcpy(frame->group, header + 24, sizeof(frame->group));
	return true;
}

bool fp_frame_parse(const uint8_t *data, uint32_t len_bytes, struct fp_frame *frame)
{
	*frame = (struct fp_frame){
		.data = data,
		.len_bytes = len_bytes,
		.l3_offset = FP_ETH_BYTES,
		.tci = FP_NO_TAG,
	};
	if (len_bytes < FP_ETH_BYTES)
		return false;
	frame->ethertype = fp_read16(data + 12);
	if (frame->ethertype == FP_ETHERTYPE_TAG || frame->ethertype == FP_ETHERTYPE_SERVICE_TAG) {
		if (len_bytes < FP_ETH_BYTES + FP_TAG_BYTES)
			return false;
		frame->service_tag = frame->ethertype == FP_ETHERTYPE_SERVICE_TAG;
		if (!frame->service_tag)
			frame->tci = fp_read16(data + 14);
		frame->vlan = fp_read16(data + 14) & FP_VLAN_ID_MASK;
		frame->ethertype = fp_read16(data + 16);
		frame->l3_offset = FP_ETH_BYTES + FP_TAG_BYTES;
	}
	if (frame->ethertype == FP_ETHERTYPE_IPV4) {
		frame->family = FP_FAMILY_IPV4;
		frame->ip_error = !parse_ipv4(frame);
	} else if (frame->ethertype == FP_ETHERTYPE_IPV6) {
		frame->family = FP_FAMILY_IPV6;
		frame->ip_error = !parse_ipv6(frame);
	}
	return true;
}
