#include "fp_batch.h"

#include <linux/virtio_net.h>
#include <stddef.h>

#include "fp_segment.h"

#define GSO_UDP_L4 5 /* VIRTIO_NET_HDR_GSO_UDP_L4, missing from older headers */
#define IP_DF 0x4000u
#define IP_BYTES_MAX 65535u
#define GATHER_BYTES_PER_PORT 500u /* payload of a frame, for each port it goes to */
#define UDP_CHECKSUM_OFFSET 6u

_Static_assert(sizeof(struct virtio_net_hdr) == FP_VNET_BYTES, "virtio header");
_Static_assert(FP_VNET_BYTES + FP_ETH_BYTES + 2 * FP_TAG_BYTES + FP_IPV6_BYTES + FP_UDP_BYTES <=
		       FP_UNIT_HEADER_MAX,
	       "headers of a run");

void fp_batch_reset(struct fp_batch *batch)
{
	batch->frame_count = 0;
	batch->unit_count = 0;
	batch->iov_count = 0;
	batch->gathered_bytes = 0;
	batch->epoch++;
}

/*
 * GSO computes fresh checksums, so only what is known to be good may join: an unfinished one with
 * the right pseudo-header sum (the payload never left this host), or a finished one that we verify
 * here. It must never launder a corrupted payload.
 */
static bool checksum_good(const struct virtio_net_hdr *vnet, const struct fp_frame *frame,
			  uint32_t udp_bytes)
{
	const uint8_t *ip = frame->data + frame->l3_offset;
	const uint8_t *udp = ip + frame->header_bytes;
	uint64_t pseudo =
		fp_sum_pseudo(ip, frame->family == FP_FAMILY_IPV6, FP_IPPROTO_UDP, udp_bytes);

	if (!(vnet->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM)) {
		if (!fp_read16(udp + UDP_CHECKSUM_OFFSET))
			return false;
		return fp_sum_fold(pseudo + fp_sum(udp, udp_bytes)) == 0xffff;
	}
	return vnet->csum_start == frame->l3_offset + frame->header_bytes &&
	       vnet->csum_offset == UDP_CHECKSUM_OFFSET &&
	       fp_read16(udp + UDP_CHECKSUM_OFFSET) == fp_sum_fold(pseudo);
}

bool fp_udp_parse(const uint8_t *vnet_bytes, const struct fp_frame *frame, struct fp_udp *udp)
{
	const uint8_t *ip = frame->data + frame->l3_offset;
	uint32_t ip_bytes = frame->family == FP_FAMILY_IPV6 ? FP_IPV6_BYTES : FP_IPV4_BYTES;
	uint32_t udp_bytes = frame->total_bytes - ip_bytes;
	struct virtio_net_hdr vnet;
	uint32_t fragment = IP_DF;

	memcpy(&vnet, vnet_bytes, sizeof(vnet));
	/* no options or extensions, nothing behind the datagram (padding would be lost) */
	if (vnet.gso_type != VIRTIO_NET_HDR_GSO_NONE || frame->protocol != FP_IPPROTO_UDP ||
	    frame->header_bytes != ip_bytes ||
	    frame->l3_offset + frame->total_bytes != frame->len_bytes || udp_bytes <= FP_UDP_BYTES)
		return false;
	if (frame->family == FP_FAMILY_IPV4)
		fragment = fp_read16(ip + 6);
	if ((fragment & ~IP_DF) || fp_read16(ip + ip_bytes + 4) != udp_bytes ||
	    !checksum_good(&vnet, frame, udp_bytes))
		return false;
	udp->l2_bytes = frame->l3_offset;
	udp->ip_bytes = ip_bytes;
	udp->payload_bytes = udp_bytes - FP_UDP_BYTES;
	udp->ip_id = fp_read16(ip + 4);
	udp->atomic = fragment & IP_DF;
	return true;
}

/* Same MACs, tag, IP header apart from lengths, ID and checksum, and UDP ports. */
static bool same_flow(const uint8_t *a, const uint8_t *b, const struct fp_udp *udp)
{
	const uint8_t *ip_a = a + udp->l2_bytes;
	const uint8_t *ip_b = b + udp->l2_bytes;

	if (memcmp(a, b, udp->l2_bytes))
		return false;
	if (udp->ip_bytes == FP_IPV6_BYTES) /* traffic class, flow label; from Next Header on */
		return !memcmp(ip_a, ip_b, 4) && !memcmp(ip_a + 6, ip_b + 6, 38);
	return !memcmp(ip_a, ip_b, 2) && !memcmp(ip_a + 6, ip_b + 6, 4) &&
	       !memcmp(ip_a + 12, ip_b + 12, 8) && !memcmp(ip_a + 20, ip_b + 20, 4);
}

/* The VLAN that it leaves in; those who leave as they came are among themselves. */
static uint32_t vlan_of(const struct fp_frame *frame, const struct fp_verdict *verdict)
{
	return frame->vlan | (uint32_t)verdict->tagging << 16;
}

static bool joins(const struct fp_batch *batch, const struct fp_unit *unit,
		  const struct fp_frame *frame, const struct fp_udp *udp,
		  const struct fp_verdict *verdict)
{
	const uint8_t *first;

	if (unit->closed || unit->frames == FP_UNIT_FRAMES_MAX || unit->l2_bytes != udp->l2_bytes ||
	    udp->payload_bytes > unit->segment_bytes)
		return false;
	if (udp->ip_bytes + FP_UDP_BYTES + unit->payload_bytes + udp->payload_bytes > IP_BYTES_MAX)
		return false;
	if (!udp->atomic && udp->ip_id != unit->next_id)
		return false;
	if (unit->vlan != vlan_of(frame, verdict) ||
	    memcmp(unit->ports, verdict->ports, sizeof(unit->ports)))
		return false;
	first = (const uint8_t *)batch->frames[unit->first].iov.iov_base + FP_VNET_BYTES;
	return same_flow(first, frame->data, udp);
}

static struct iovec without_vnet(const struct iovec *iov)
{
	return (struct iovec){
		.iov_base = (uint8_t *)iov->iov_base + FP_VNET_BYTES,
		.iov_len = iov->iov_len - FP_VNET_BYTES,
	};
}

static struct iovec bare_of(const struct iovec *iov)
{
	struct virtio_net_hdr vnet;

	memcpy(&vnet, iov->iov_base, sizeof(vnet));
	if ((vnet.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) || vnet.gso_type != VIRTIO_NET_HDR_GSO_NONE)
		return (struct iovec){0};
	return without_vnet(iov);
}

static uint32_t open_slot(const struct fp_frame *frame)
{
	uint64_t words[2] = {0};

	memcpy(words, frame->data, 12);
	words[1] |= (uint64_t)frame->vlan << 32;
	return (uint32_t)(((words[0] ^ words[1] * UINT64_C(0xbf58476d1ce4e5b9)) *
			   UINT64_C(0x9e3779b97f4a7c15)) >>
			  48) &
	       (FP_BATCH_OPEN - 1);
}

/* How the frames of a new unit leave; most need no other spelling than they have. */
static void plan_tags(struct fp_unit *unit, const struct fp_frame *frame,
		      const struct fp_verdict *verdict)
{
	uint64_t others = 0;

	unit->tagged = frame->tci != FP_NO_TAG;
	unit->tci = (uint16_t)(unit->tagged ? (frame->tci & ~FP_VLAN_ID_MASK) | frame->vlan
					    : frame->vlan);
	for (uint32_t i = 0; i < FP_MASK_WORDS; i++)
		others |= verdict->ports[i] &
			  (unit->tagged ? verdict->untagged[i] : ~verdict->untagged[i]);
	unit->respelled = others;
	memcpy(unit->untagged, verdict->untagged, sizeof(unit->untagged));
}

void fp_batch_add(struct fp_batch *batch, const struct fp_rx *rx, const struct fp_frame *frame,
		  const struct fp_verdict *verdict, bool coalesce)
{
	uint32_t index = batch->frame_count++;
	struct fp_batch_frame *added = &batch->frames[index];
	uint32_t slot = open_slot(frame);
	struct fp_udp udp = {0};
	bool candidate = coalesce && fp_udp_parse(rx->vnet, frame, &udp);
	struct fp_unit *unit;

	/* VLAN-2: a tag of a priority alone gets the VLAN's; where there is none, it goes */
	if (verdict->tagging && frame->tci != FP_NO_TAG &&
	    (frame->tci & FP_VLAN_ID_MASK) != frame->vlan)
		fp_tag_write(fp_rx_frame(rx) + FP_TAG_OFFSET, FP_ETHERTYPE_TAG,
			     (frame->tci & ~FP_VLAN_ID_MASK) | frame->vlan);
	added->iov.iov_base = rx->vnet;
	added->iov.iov_len = FP_VNET_BYTES + frame->len_bytes;
	added->bare = bare_of(&added->iov);
	added->mtu_bytes = fp_segment_mtu(rx->vnet, frame);
	added->next = FP_NO_FRAME;
	added->payload_bytes = udp.payload_bytes;
	added->payload_offset = FP_VNET_BYTES + udp.l2_bytes + udp.ip_bytes + FP_UDP_BYTES;
	if (candidate && batch->open[slot].epoch == batch->epoch) {
		unit = &batch->units[batch->open[slot].unit];
		if (joins(batch, unit, frame, &udp, verdict)) {
			batch->frames[unit->last].next = index;
			unit->last = index;
			unit->frames++;
			unit->frames_bytes += frame->len_bytes;
			unit->payload_bytes += udp.payload_bytes;
			unit->next_id = (uint16_t)(udp.ip_id + 1);
			unit->closed = udp.payload_bytes < unit->segment_bytes;
			return;
		}
	}
	/* Whatever was open here is overtaken by this unit and closed by being forgotten. */
	batch->open[slot].epoch = batch->epoch;
	batch->open[slot].unit = batch->unit_count;
	unit = &batch->units[batch->unit_count++];
	memcpy(unit->ports, verdict->ports, sizeof(unit->ports));
	unit->vlan = vlan_of(frame, verdict);
	unit->respelled = false;
	if (verdict->tagging)
		plan_tags(unit, frame, verdict);
	unit->first = unit->last = index;
	unit->frames = 1;
	unit->frames_bytes = frame->len_bytes;
	unit->payload_bytes = unit->segment_bytes = udp.payload_bytes;
	unit->l2_bytes = udp.l2_bytes;
	unit->ip_bytes = udp.ip_bytes;
	unit->next_id = (uint16_t)(udp.ip_id + 1);
	unit->closed = !candidate;
}

/* Headers once, with the lengths of the whole; the kernel cuts it as it was. */
static void build_header(const struct fp_batch *batch, struct fp_unit *unit)
{
	const uint8_t *first = batch->frames[unit->first].iov.iov_base;
	uint32_t header_bytes = unit->l2_bytes + unit->ip_bytes + FP_UDP_BYTES;
	uint32_t udp_bytes = FP_UDP_BYTES + unit->payload_bytes;
	uint8_t *header = unit->header + FP_TAG_BYTES;
	uint8_t *ip = header + FP_VNET_BYTES + unit->l2_bytes;
	uint8_t *udp = ip + unit->ip_bytes;
	bool ipv6 = unit->ip_bytes == FP_IPV6_BYTES;
	struct virtio_net_hdr vnet = {
		.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
		.gso_type = GSO_UDP_L4,
		.hdr_len = (__virtio16)header_bytes,
		.gso_size = (__virtio16)unit->segment_bytes,
		.csum_start = (__virtio16)(unit->l2_bytes + unit->ip_bytes),
		.csum_offset = UDP_CHECKSUM_OFFSET,
	};

	unit->header_tagged = unit->tagged;
	memcpy(header, &vnet, sizeof(vnet));
	memcpy(header + FP_VNET_BYTES, first + FP_VNET_BYTES, header_bytes);
	if (ipv6) {
		fp_write16(ip + 4, udp_bytes);
	} else {
		fp_write16(ip + 2, FP_IPV4_BYTES + udp_bytes);
		fp_write16(ip + 10, 0);
		fp_write16(ip + 10, (uint16_t)~fp_sum_fold(fp_sum(ip, FP_IPV4_BYTES)));
	}
	fp_write16(udp + 4, udp_bytes);
	fp_write16(udp + UDP_CHECKSUM_OFFSET,
		   fp_sum_fold(fp_sum_pseudo(ip, ipv6, FP_IPPROTO_UDP, udp_bytes)));
}

/*
 * The kernel takes 40 to 60 ns for each piece of a gathered send, once per egress port; putting the
 * pieces together here costs about 0.1 ns a byte, once.
 */
static bool worth_gathering(const struct fp_batch *batch, const struct fp_unit *unit)
{
	uint32_t ports = 0;

	for (uint32_t i = 0; i < FP_MASK_WORDS; i++)
		ports += (uint32_t)__builtin_popcountll(unit->ports[i]);
	return unit->segment_bytes <= GATHER_BYTES_PER_PORT * ports &&
	       unit->payload_bytes <= FP_BATCH_GATHER_BYTES - batch->gathered_bytes;
}

static struct iovec *gather(struct fp_batch *batch, const struct fp_unit *unit, struct iovec *iov)
{
	uint8_t *to = batch->gathered + batch->gathered_bytes;

	(++iov)->iov_base = to;
	iov->iov_len = unit->payload_bytes;
	for (uint32_t f = unit->first; f != FP_NO_FRAME; f = batch->frames[f].next) {
		const struct fp_batch_frame *frame = &batch->frames[f];

		memcpy(to, (uint8_t *)frame->iov.iov_base + frame->payload_offset,
		       frame->payload_bytes);
		to += frame->payload_bytes;
	}
	batch->gathered_bytes += unit->payload_bytes;
	return iov;
}

static struct iovec *point(struct fp_batch *batch, const struct fp_unit *unit, struct iovec *iov)
{
	for (uint32_t f = unit->first; f != FP_NO_FRAME; f = batch->frames[f].next) {
		const struct fp_batch_frame *frame = &batch->frames[f];

		(++iov)->iov_base = (uint8_t *)frame->iov.iov_base + frame->payload_offset;
		iov->iov_len = frame->payload_bytes;
	}
	return iov;
}

void fp_batch_build(struct fp_batch *batch)
{
	for (uint32_t u = 0; u < batch->unit_count; u++) {
		struct fp_unit *unit = &batch->units[u];
		struct iovec *iov = &batch->iovs[batch->iov_count];

		if (unit->frames < 2)
			continue;
		build_header(batch, unit);
		unit->iov_first = batch->iov_count;
		iov->iov_base = unit->header + FP_TAG_BYTES;
		iov->iov_len = FP_VNET_BYTES + unit->l2_bytes + unit->ip_bytes + FP_UDP_BYTES;
		iov = worth_gathering(batch, unit) ? gather(batch, unit, iov)
						   : point(batch, unit, iov);
		batch->iov_count = (uint32_t)(iov + 1 - batch->iovs);
		unit->iov_count = batch->iov_count - unit->iov_first;
	}
}

static void spell(struct iovec *iov, bool tagged, uint32_t tci)
{
	if (tagged) {
		iov->iov_base = fp_tag_push(iov->iov_base, FP_ETHERTYPE_TAG, tci);
		iov->iov_len += FP_TAG_BYTES;
	} else {
		iov->iov_base = fp_tag_pop(iov->iov_base);
		iov->iov_len -= FP_TAG_BYTES;
	}
}

void fp_batch_spell(struct fp_batch *batch, struct fp_unit *unit, bool run, uint32_t port)
{
	bool tagged = !fp_mask_has(unit->untagged, port);
	uint32_t tags_bytes = unit->frames * FP_TAG_BYTES;

	if (tagged == (run ? unit->header_tagged : unit->tagged))
		return;
	if (run) {
		unit->frames_bytes += tagged ? tags_bytes : 0u - tags_bytes;
		spell(&batch->iovs[unit->iov_first], tagged, unit->tci);
		unit->header_tagged = tagged;
		return;
	}
	for (uint32_t f = unit->first; f != FP_NO_FRAME; f = batch->frames[f].next) {
		struct fp_batch_frame *frame = &batch->frames[f];

		spell(&frame->iov, tagged, unit->tci);
		if (frame->bare.iov_len)
			frame->bare = without_vnet(&frame->iov);
	}
	unit->tagged = tagged;
}
