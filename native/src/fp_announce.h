/*
 * Session announcements (SAP, RFC 2974): data like any other, of which the control plane gets a
 * copy, for the names of groups. Pure. What they say is read there (snoop/wire/sap.py).
 */
#ifndef FP_ANNOUNCE_H
#define FP_ANNOUNCE_H

#include "fp_frame.h"

#define FP_ANNOUNCE_PORT 9875u
#define FP_ANNOUNCE_COST 8u /* of reading one, in group records */
#define FP_FRAGMENT_FIELD 0x3fffu

/* SAY-61: 224.2.127.254, 224.0.0.255, 239.*.255.255; ff0X::2:7ffe. */
static inline bool fp_announce_is_group(uint32_t family, const uint8_t *group)
{
	uint32_t last = fp_read32(group + 12);

	if (family == FP_FAMILY_IPV4)
		return last == 0xe0027ffeu || last == 0xe00000ffu ||
		       (last & 0xff00ffffu) == 0xef00ffffu;
	return last == 0x00027ffeu && (fp_read32(group) & 0xfff0ffffu) == 0xff000000u &&
	       group[1] >= 2 && !fp_read32(group + 4) && !fp_read32(group + 8);
}

/* A whole UDP datagram to their port and one of their groups; of IPv6 no fragment with an offset.
 */
static inline bool fp_announce_is(const struct fp_frame *frame)
{
	const uint8_t *ip = frame->data + frame->l3_offset;

	if (frame->protocol != FP_IPPROTO_UDP || frame->service_tag ||
	    !fp_announce_is_group(frame->family, frame->group))
		return false;
	if (frame->header_bytes + FP_UDP_BYTES > frame->total_bytes)
		return false;
	if (frame->family == FP_FAMILY_IPV4 && fp_read16(ip + 6) & FP_FRAGMENT_FIELD)
		return false;
	return fp_read16(ip + frame->header_bytes + 2) == FP_ANNOUNCE_PORT;
}

#endif
