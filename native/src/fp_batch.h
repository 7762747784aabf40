/*
 * One pass of a loop: the frames taken and the units they leave in. A unit is one frame, or several
 * of one UDP flow that may leave as one send (VIRTIO_NET_HDR_GSO_UDP_L4). Pure bookkeeping: no I/O.
 *
 * Order: units are sent in the order they were opened. A frame joins the open unit of its (source
 * MAC, destination MAC, tag) or opens a new one, so frames of one such triple never overtake each
 * other (IEEE 802.1); frames of different groups may be regrouped within the pass.
 */
#ifndef FP_BATCH_H
#define FP_BATCH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include "fp.h"
#include "fp_frame.h"
#include "fp_mask.h"
#include "fp_ring.h"

#define FP_BATCH_FRAMES 1024u
#define FP_BATCH_OPEN 1024u /* open units that are remembered; a power of two */
#define FP_UNIT_FRAMES_MAX 64u
#define FP_UNIT_HEADER_MAX 80u /* with a tag more than it came with */
#define FP_BATCH_GATHER_BYTES (2u << 20)
#define FP_NO_FRAME UINT32_MAX

/* What makes a frame a candidate; filled by fp_udp_parse(). */
struct fp_udp {
	uint32_t l2_bytes;
	uint32_t ip_bytes;
	uint32_t payload_bytes;
	uint16_t ip_id;
	bool atomic; /* DF, or IPv6: there is no ID that carries a meaning, RFC 6864 */
};

struct fp_batch_frame {
	struct iovec iov;   /* virtio header and frame */
	struct iovec bare;  /* the frame alone, if its virtio header says nothing; else empty */
	uint32_t mtu_bytes; /* what a segment of it takes of an MTU; 0: as long as it is */
	uint32_t next;	    /* of its unit, FP_NO_FRAME at the end */
	uint32_t payload_offset;
	uint32_t payload_bytes;
};

struct fp_unit {
	uint64_t ports[FP_MASK_WORDS];
	uint32_t first;
	uint32_t last;
	uint32_t frames;
	uint32_t frames_bytes; /* the sum of the frame lengths, as the header of its run is */
	uint32_t payload_bytes;
	uint32_t segment_bytes; /* payload of every frame but the last */
	uint32_t l2_bytes;
	uint32_t ip_bytes;
	uint16_t next_id;
	bool closed;
	uint32_t vlan;
	bool respelled;	    /* some of the ports have it otherwise than it came */
	bool tagged;	    /* as its frames are now */
	bool header_tagged; /* as the header of its run is */
	uint16_t tci;	    /* of the tag */
	uint64_t untagged[FP_MASK_WORDS];
	/* the coalesced form, made by fp_unit_build() */
	uint32_t iov_first;
	uint32_t iov_count;
	uint8_t header[FP_UNIT_HEADER_MAX];
};

struct fp_batch {
	uint32_t frame_count;
	uint32_t unit_count;
	uint32_t iov_count;
	uint32_t epoch;
	struct fp_batch_frame frames[FP_BATCH_FRAMES];
	struct fp_unit units[FP_BATCH_FRAMES];
	uint32_t gathered_bytes;
	struct iovec iovs[2 * FP_BATCH_FRAMES];
	struct {
		uint32_t epoch;
		uint32_t unit;
	} open[FP_BATCH_OPEN];
	uint8_t gathered[FP_BATCH_GATHER_BYTES];
};

void fp_batch_reset(struct fp_batch *batch);
/*
 * Adds a frame that goes where its verdict says; coalesce: some of the ports allow joining it to
 * others.
 */
void fp_batch_add(struct fp_batch *batch, const struct fp_rx *rx, const struct fp_frame *frame,
		  const struct fp_verdict *verdict, bool coalesce);
/* Whether the frame may be part of a coalesced send at all; checks its checksums. */
bool fp_udp_parse(const uint8_t *vnet, const struct fp_frame *frame, struct fp_udp *udp);
/* Makes the coalesced form of every unit of two frames or more. */
void fp_batch_build(struct fp_batch *batch);
/*
 * Before a unit that is respelled is sent by a port, as a run or frame by frame: its tags as the
 * port has them, VLAN-5. In place: what another port had of it must have been sent.
 */
void fp_batch_spell(struct fp_batch *batch, struct fp_unit *unit, bool run, uint32_t port);

#endif
