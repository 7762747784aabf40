/*
 * Frames by which loops are found, and changes of a network that has loops on purpose: the probes
 * of this switch and its like, and BPDUs. Pure. What comes of them is the control plane's to say
 * (snoop/proto/loops.py, snoop/proto/topology.py).
 */
#ifndef FP_GUARD_H
#define FP_GUARD_H

#include "fp_frame.h"

/*
 * 224.0.0.254 and protocol 253 are there for experiments (RFC 4727, RFC 3692): bridges flood the
 * group, and a host's IP lets it go without a word. An EtherType that it does not know it counts as
 * a frame lost in reception, one a second, and whoever watches that for trouble would find it.
 */
#define FP_IPPROTO_PROBE 253u
#define FP_PROBE_GROUP 0xe00000feu
#define FP_LLC_BPDU_BYTES 3u
#define FP_LLC_PVST_BYTES 8u

static inline bool fp_guard_is_probe(const struct fp_frame *frame)
{
	static const uint8_t group[FP_MAC_BYTES] = {0x01, 0x00, 0x5e, 0x00, 0x00, 0xfe};

	return frame->family == FP_FAMILY_IPV4 && !frame->ip_error && !frame->service_tag &&
	       frame->protocol == FP_IPPROTO_PROBE && !memcmp(frame->data, group, sizeof(group)) &&
	       fp_read32(frame->group + 12) == FP_PROBE_GROUP;
}

/* Of a group address: a BPDU that tells of a topology change, IEEE 802.1D 9.3, or one in a VLAN. */
static inline bool fp_guard_is_change(const struct fp_frame *frame)
{
	static const uint8_t bridges[FP_MAC_BYTES] = {0x01, 0x80, 0xc2, 0x00, 0x00, 0x00};
	static const uint8_t pvst[FP_MAC_BYTES] = {0x01, 0x00, 0x0c, 0xcc, 0xcc, 0xcd};
	static const uint8_t llc[FP_LLC_BPDU_BYTES] = {0x42, 0x42, 0x03};
	static const uint8_t snap[FP_LLC_PVST_BYTES] = {0xaa, 0xaa, 0x03, 0x00,
							0x00, 0x0c, 0x01, 0x0b};
	uint32_t offset = frame->l3_offset;
	const uint8_t *bpdu;

	if (frame->service_tag)
		return false;
	if (!memcmp(frame->data, bridges, FP_MAC_BYTES) &&
	    frame->len_bytes >= offset + sizeof(llc) &&
	    !memcmp(frame->data + offset, llc, sizeof(llc)))
		offset += FP_LLC_BPDU_BYTES;
	else if (!memcmp(frame->data, pvst, FP_MAC_BYTES) &&
		 frame->len_bytes >= offset + sizeof(snap) &&
		 !memcmp(frame->data + offset, snap, sizeof(snap)))
		offset += FP_LLC_PVST_BYTES;
	else
		return false;
	/* protocol, version, type, flags; a notification ends with its type */
	if (frame->len_bytes < offset + 4)
		return false;
	bpdu = frame->data + offset;
	if (fp_read16(bpdu) || (bpdu[3] != 0x80 && frame->len_bytes < offset + 5))
		return false;
	return bpdu[3] == 0x80 || ((bpdu[3] == 0x00 || bpdu[3] == 0x02) && bpdu[4] & 1);
}

#endif
