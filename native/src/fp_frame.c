#include "fp_frame.h"

bool fp_frame_parse(const uint8_t *data, uint32_t len_bytes, struct fp_frame *frame)
{
	frame->data = data;
	frame->len_bytes = len_bytes;
	frame->l3_offset = FP_ETH_BYTES;
	frame->vlan = 0;
	frame->service_tag = false;
	if (len_bytes < FP_ETH_BYTES)
		return false;
	frame->ethertype = fp_read16(data + 12);
	if (frame->ethertype != FP_ETHERTYPE_TAG && frame->ethertype != FP_ETHERTYPE_SERVICE_TAG)
		return true;
	if (len_bytes < FP_ETH_BYTES + FP_TAG_BYTES)
		return false;
	frame->service_tag = frame->ethertype == FP_ETHERTYPE_SERVICE_TAG;
	frame->vlan = fp_read16(data + 14) & FP_VLAN_ID_MASK;
	frame->ethertype = fp_read16(data + 16);
	frame->l3_offset = FP_ETH_BYTES + FP_TAG_BYTES;
	return true;
}

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

bool fp_ipv4_parse(const struct fp_frame *frame, struct fp_ipv4 *ip)
{
	const uint8_t *header = frame->data + frame->l3_offset;
	uint32_t room = frame->len_bytes - frame->l3_offset;

	if (room < FP_IPV4_BYTES || header[0] >> 4 != 4)
		return false;
	ip->header_bytes = (header[0] & 0x0fu) * 4u;
	ip->total_bytes = fp_read16(header + 2);
	if (ip->header_bytes < FP_IPV4_BYTES || ip->total_bytes < ip->header_bytes ||
	    ip->total_bytes > room)
		return false;
	if (fp_sum_fold(fp_sum(header, ip->header_bytes)) != 0xffff)
		return false;
	ip->protocol = header[9];
	ip->source = fp_read32(header + 12);
	ip->group = fp_read32(header + 16);
	return true;
}
