/*
 * Frames that stand for several (GSO) and that the kernel does not take apart for us: the virtio
 * header has no word for a tunnel, so TCP inside VXLAN, Geneve, GRE, IPIP or SIT comes as a plain
 * TCP offload whose checksum starts somewhere inside, and sent on as it is the kernel refuses it
 * (F-9). Here they become the frames they stand for. Pure; nothing is understood but the outer
 * headers, the IP header that ends where the checksum starts, and the TCP or UDP header behind it:
 * what lies between is the tunnel's own and is copied.
 *
 * The inner checksum stays for the kernel or the receiver to finish, as it came. The outer one is
 * finished without a look at the payload: a finished checksum makes its packet sum up to the
 * complement of its pseudo-header.
 */
#ifndef FP_SEGMENT_H
#define FP_SEGMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "fp_frame.h"

#define FP_SEGMENTS_MAX 256u
#define FP_SEGMENT_HEADER_MAX 384u
#define FP_SEGMENT_LAYERS 6u
/* Room for all segments of one frame, virtio headers and what stays in front of them included. */
#define FP_SEGMENT_ROOM                                                                            \
	(FP_FRAME_BYTES_MAX + FP_SEGMENTS_MAX * (FP_SEGMENT_HEADER_MAX + 3u * sizeof(uint64_t)))

enum fp_layer_kind { FP_LAYER_IPV4, FP_LAYER_IPV6, FP_LAYER_UDP, FP_LAYER_GRE };

struct fp_layer {
	enum fp_layer_kind kind;
	uint32_t at;	/* of its header in the frame */
	uint32_t ip_at; /* of the IP header before a UDP header */
	bool ipv6;	/* and its version */
};

struct fp_segments {
	struct fp_layer
		layers[FP_SEGMENT_LAYERS]; /* outermost first; the inner IP header is last */
	uint32_t layer_count;
	uint32_t csum_at; /* of the inner TCP or UDP header */
	bool tcp;
	uint32_t header_bytes; /* all in front of the payload */
	uint32_t payload_bytes;
	uint32_t segment_bytes; /* payload of every segment but the last */
	uint32_t count;
};

/* The virtio header asks for more than the kernel does for a sender of raw frames. */
bool fp_segment_needed(const uint8_t *vnet, const struct fp_frame *frame);
/* How it is to be cut; false when it is not understood. */
bool fp_segment_plan(const uint8_t *vnet, const struct fp_frame *frame, struct fp_segments *plan);
/* Writes one segment with its virtio header; the length of the frame. */
uint32_t fp_segment_write(const struct fp_segments *plan, const uint8_t *frame, uint32_t index,
			  uint8_t *vnet);
/* What one segment of a GSO frame that the kernel cuts takes of an MTU; 0: no GSO, or not told. */
uint32_t fp_segment_mtu(const uint8_t *vnet, const struct fp_frame *frame);

#endif
