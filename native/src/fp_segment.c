#include "fp_segment.h"

#include <linux/virtio_net.h>
#include <stddef.h>

#include "fp_ring.h"

#define GSO_UDP_L4 5 /* VIRTIO_NET_HDR_GSO_UDP_L4, missing from older headers */
#define GRE_BYTES 4u
#define TCP_BYTES 20u
#define TCP_CHECKSUM 16u
#define UDP_CHECKSUM 6u
#define TCP_FLAGS 13u
#define TCP_FIN 0x01u
#define TCP_PSH 0x08u
#define TCP_CWR 0x80u
#define GRE_CHECKSUM 0x8000u
/* routing, sequence number, unknown bits, versions: all but checksum and key */
#define GRE_REFUSED 0x5fffu
#define IP_FRAGMENT 0x3fffu
#define TAGS_MAX 4u

enum protocol { IN_IPV4 = 4, TCP = 6, IN_IPV6 = 41, GRE = 47 };

/* An IP header that was read: what follows it and where. */
struct ip {
	uint32_t at;
	uint32_t end;
	uint8_t protocol;
	bool ipv6;
};

static struct virtio_net_hdr vnet_of(const uint8_t *bytes)
{
	struct virtio_net_hdr vnet;

	memcpy(&vnet, bytes, sizeof(vnet));
	return vnet;
}

static uint32_t gso_of(const struct virtio_net_hdr *vnet)
{
	return vnet->gso_type & ~(uint32_t)VIRTIO_NET_HDR_GSO_ECN;
}

static bool read_ipv4(const struct fp_frame *frame, uint32_t at, struct ip *ip)
{
	const uint8_t *header = frame->data + at;
	uint32_t bytes;

	if (frame->len_bytes < at + FP_IPV4_BYTES || header[0] >> 4 != 4)
		return false;
	bytes = (header[0] & 0x0fu) * 4u;
	if (bytes < FP_IPV4_BYTES || fp_read16(header + 2) != frame->len_bytes - at ||
	    at + bytes > frame->len_bytes || (fp_read16(header + 6) & IP_FRAGMENT))
		return false;
	*ip = (struct ip){.at = at, .end = at + bytes, .protocol = header[9]};
	return true;
}

static bool read_ipv6(const struct fp_frame *frame, uint32_t at, struct ip *ip)
{
	const uint8_t *header = frame->data + at;

	if (frame->len_bytes < at + FP_IPV6_BYTES || header[0] >> 4 != 6 ||
	    fp_read16(header + 4) != frame->len_bytes - at - FP_IPV6_BYTES)
		return false;
	*ip = (struct ip){.at = at, .end = at + FP_IPV6_BYTES, .protocol = header[6], .ipv6 = true};
	for (uint32_t i = 0; i < FP_EXTENSIONS_MAX; i++) {
		if (ip->protocol != FP_IPPROTO_HOP_BY_HOP && ip->protocol != FP_IPPROTO_ROUTING &&
		    ip->protocol != FP_IPPROTO_DESTINATION)
			return true;
		if (frame->len_bytes < ip->end + 8)
			return false;
		ip->protocol = frame->data[ip->end];
		ip->end += 8u + 8u * frame->data[ip->end + 1];
	}
	return false;
}

/* The outermost IP header, behind however many tags; read like those inside, by its length. */
static bool read_outermost(const struct fp_frame *frame, struct ip *ip)
{
	uint32_t ethertype = frame->ethertype;
	uint32_t at = frame->l3_offset;

	for (uint32_t i = 0; i < TAGS_MAX && (ethertype == FP_ETHERTYPE_TAG ||
					      ethertype == FP_ETHERTYPE_SERVICE_TAG);
	     i++) {
		if (frame->len_bytes < at + FP_TAG_BYTES)
			return false;
		ethertype = fp_read16(frame->data + at + 2);
		at += FP_TAG_BYTES;
	}
	if (ethertype == FP_ETHERTYPE_IPV4)
		return read_ipv4(frame, at, ip);
	return ethertype == FP_ETHERTYPE_IPV6 && read_ipv6(frame, at, ip);
}

bool fp_segment_needed(const uint8_t *vnet_bytes, const struct fp_frame *frame)
{
	struct virtio_net_hdr vnet = vnet_of(vnet_bytes);
	uint32_t wanted = gso_of(&vnet) == GSO_UDP_L4 ? FP_IPPROTO_UDP : TCP;
	struct ip ip;

	if (vnet.gso_type == VIRTIO_NET_HDR_GSO_NONE)
		return false;
	if (!read_outermost(frame, &ip))
		return true; /* as the plan will say, not understood */
	if (ip.protocol != wanted)
		return true;
	return (vnet.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) && vnet.csum_start != ip.end;
}

/* The IP header in front of the checksum; plausible only if its length is the frame's. */
static bool read_inner(const struct fp_frame *frame, uint32_t gso, uint32_t start, struct ip *ip)
{
	uint8_t wanted = gso == GSO_UDP_L4 ? FP_IPPROTO_UDP : TCP;

	if (gso != VIRTIO_NET_HDR_GSO_TCPV4 && start >= FP_IPV6_BYTES &&
	    read_ipv6(frame, start - FP_IPV6_BYTES, ip) && ip->end == start &&
	    ip->protocol == wanted)
		return true;
	if (gso == VIRTIO_NET_HDR_GSO_TCPV6)
		return false;
	for (uint32_t bytes = FP_IPV4_BYTES; bytes <= 60 && bytes <= start; bytes += 4) {
		if (read_ipv4(frame, start - bytes, ip) && ip->end == start &&
		    ip->protocol == wanted)
			return true;
	}
	return false;
}

static bool add_layer(struct fp_segments *plan, enum fp_layer_kind kind, uint32_t at,
		      const struct ip *ip)
{
	if (plan->layer_count == FP_SEGMENT_LAYERS)
		return false;
	plan->layers[plan->layer_count++] =
		(struct fp_layer){.kind = kind, .at = at, .ip_at = ip->at, .ipv6 = ip->ipv6};
	return true;
}

static bool add_ip(struct fp_segments *plan, const struct ip *ip)
{
	return add_layer(plan, ip->ipv6 ? FP_LAYER_IPV6 : FP_LAYER_IPV4, ip->at, ip);
}

/* The tunnel's own header: its length and checksum are ours to write, what follows it is not. */
static bool add_tunnel(struct fp_segments *plan, const struct fp_frame *frame, const struct ip *ip,
		       uint32_t inner_at)
{
	const uint8_t *header = frame->data + ip->end;

	if (ip->protocol == FP_IPPROTO_UDP) {
		if (ip->end + FP_UDP_BYTES > inner_at ||
		    fp_read16(header + 4) != frame->len_bytes - ip->end)
			return false;
		return add_layer(plan, FP_LAYER_UDP, ip->end, ip);
	}
	if (ip->protocol != GRE || ip->end + GRE_BYTES > inner_at)
		return false;
	if (fp_read16(header) & GRE_REFUSED)
		return false; /* a sequence number would be the same in every segment */
	if ((fp_read16(header) & GRE_CHECKSUM) && ip->end + 2 * GRE_BYTES > inner_at)
		return false;
	return add_layer(plan, FP_LAYER_GRE, ip->end, ip);
}

/* From the outermost IP header to the inner one. */
static bool add_layers(struct fp_segments *plan, const struct fp_frame *frame,
		       const struct ip *inner)
{
	struct ip ip;

	if (!read_outermost(frame, &ip))
		return false;
	while (ip.at != inner->at) {
		if (ip.end > inner->at || !add_ip(plan, &ip))
			return false;
		if (ip.protocol == IN_IPV4 || ip.protocol == IN_IPV6) {
			if (ip.protocol == IN_IPV4 ? !read_ipv4(frame, ip.end, &ip)
						   : !read_ipv6(frame, ip.end, &ip))
				return false;
			continue;
		}
		if (!add_tunnel(plan, frame, &ip, inner->at))
			return false;
		break;
	}
	return add_ip(plan, inner);
}

bool fp_segment_plan(const uint8_t *vnet_bytes, const struct fp_frame *frame,
		     struct fp_segments *plan)
{
	struct virtio_net_hdr vnet = vnet_of(vnet_bytes);
	uint32_t gso = gso_of(&vnet);
	uint32_t start = vnet.csum_start;
	struct ip inner;

	*plan = (struct fp_segments){.csum_at = start, .segment_bytes = vnet.gso_size};
	plan->tcp = gso == VIRTIO_NET_HDR_GSO_TCPV4 || gso == VIRTIO_NET_HDR_GSO_TCPV6;
	if (!(vnet.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) || (!plan->tcp && gso != GSO_UDP_L4) ||
	    vnet.csum_offset != (plan->tcp ? TCP_CHECKSUM : UDP_CHECKSUM) || !vnet.gso_size)
		return false;
	/* odd offsets would turn the bytes of the sums around */
	if (start % 2 || frame->len_bytes < start + (plan->tcp ? TCP_BYTES : FP_UDP_BYTES))
		return false;
	plan->header_bytes =
		start + (plan->tcp ? (frame->data[start + 12] >> 4) * 4u : FP_UDP_BYTES);
	if (plan->header_bytes < start + (plan->tcp ? TCP_BYTES : FP_UDP_BYTES) ||
	    plan->header_bytes >= frame->len_bytes || plan->header_bytes > FP_SEGMENT_HEADER_MAX)
		return false;
	plan->payload_bytes = frame->len_bytes - plan->header_bytes;
	plan->count = (plan->payload_bytes + vnet.gso_size - 1) / vnet.gso_size;
	return plan->count <= FP_SEGMENTS_MAX && read_inner(frame, gso, start, &inner) &&
	       add_layers(plan, frame, &inner);
}

/* What a packet adds to a sum once its own checksum is finished: the complement of its
 * pseudo-header. */
static uint64_t finished_sum(uint16_t pseudo)
{
	uint8_t bytes[2];

	fp_write16(bytes, (uint16_t)~pseudo);
	return fp_sum(bytes, 2);
}

static uint16_t checksum(uint64_t sum)
{
	uint16_t folded = (uint16_t)~fp_sum_fold(sum);

	return folded ? folded : 0xffff;
}

/* A layer of one segment that is length bytes long; pseudo: of the innermost packet. */
static void write_layer(const struct fp_segments *plan, const struct fp_layer *layer,
			uint8_t *frame, uint32_t length, uint32_t index, uint16_t pseudo)
{
	uint8_t *header = frame + layer->at;
	uint32_t bytes = length - layer->at;
	uint64_t sum;

	switch (layer->kind) {
	case FP_LAYER_IPV4:
		fp_write16(header + 2, bytes);
		fp_write16(header + 4, fp_read16(header + 4) + index);
		fp_write16(header + 10, 0);
		fp_write16(header + 10,
			   (uint16_t)~fp_sum_fold(fp_sum(header, (header[0] & 0x0fu) * 4u)));
		return;
	case FP_LAYER_IPV6:
		fp_write16(header + 4, bytes - FP_IPV6_BYTES);
		return;
	case FP_LAYER_UDP:
		fp_write16(header + 4, bytes);
		if (!fp_read16(header + UDP_CHECKSUM))
			return;
		fp_write16(header + UDP_CHECKSUM, 0);
		sum = fp_sum_pseudo(frame + layer->ip_at, layer->ipv6, FP_IPPROTO_UDP, bytes);
		sum += fp_sum(header, plan->csum_at - layer->at) + finished_sum(pseudo);
		fp_write16(header + UDP_CHECKSUM, checksum(sum));
		return;
	case FP_LAYER_GRE:
		if (!(fp_read16(header) & GRE_CHECKSUM))
			return;
		fp_write16(header + 4, 0);
		sum = fp_sum(header, plan->csum_at - layer->at) + finished_sum(pseudo);
		fp_write16(header + 4, (uint16_t)~fp_sum_fold(sum));
		return;
	}
}

static void write_tcp(uint8_t *tcp, uint32_t skipped, bool first, bool last)
{
	uint32_t sequence = fp_read32(tcp + 4) + skipped;

	fp_write16(tcp + 4, sequence >> 16);
	fp_write16(tcp + 6, sequence & 0xffff);
	if (!first)
		tcp[TCP_FLAGS] &= (uint8_t)~TCP_CWR;
	if (!last)
		tcp[TCP_FLAGS] &= (uint8_t) ~(TCP_FIN | TCP_PSH);
}

uint32_t fp_segment_write(const struct fp_segments *plan, const uint8_t *whole, uint32_t index,
			  uint8_t *vnet_bytes)
{
	const struct fp_layer *inner = &plan->layers[plan->layer_count - 1];
	uint32_t skipped = index * plan->segment_bytes;
	uint32_t left = plan->payload_bytes - skipped;
	uint32_t payload = left < plan->segment_bytes ? left : plan->segment_bytes;
	uint32_t length = plan->header_bytes + payload;
	uint32_t offset = plan->tcp ? TCP_CHECKSUM : UDP_CHECKSUM;
	uint8_t *frame = vnet_bytes + FP_VNET_BYTES;
	uint8_t *l4 = frame + plan->csum_at;
	struct virtio_net_hdr vnet = {
		.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
		.csum_start = (__virtio16)plan->csum_at,
		.csum_offset = (__virtio16)offset,
	};
	uint16_t pseudo;

	memcpy(vnet_bytes, &vnet, FP_VNET_BYTES);
	memcpy(frame, whole, plan->header_bytes);
	memcpy(frame + plan->header_bytes, whole + plan->header_bytes + skipped, payload);
	if (plan->tcp)
		write_tcp(l4, skipped, !index, index + 1 == plan->count);
	else
		fp_write16(l4 + 4, length - plan->csum_at);
	pseudo = fp_sum_fold(fp_sum_pseudo(frame + inner->at, inner->kind == FP_LAYER_IPV6,
					   plan->tcp ? TCP : FP_IPPROTO_UDP,
					   length - plan->csum_at));
	fp_write16(l4 + offset, pseudo);
	/* from the inside out: an outer checksum is over inner headers */
	for (uint32_t i = plan->layer_count; i-- > 0;)
		write_layer(plan, &plan->layers[i], frame, length, index, pseudo);
	return length;
}

uint32_t fp_segment_mtu(const uint8_t *vnet_bytes, const struct fp_frame *frame)
{
	struct virtio_net_hdr vnet = vnet_of(vnet_bytes);
	uint32_t start = vnet.csum_start;
	uint32_t header = FP_UDP_BYTES;

	if (vnet.gso_type == VIRTIO_NET_HDR_GSO_NONE ||
	    !(vnet.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) || start < frame->l3_offset ||
	    start + TCP_BYTES > frame->len_bytes)
		return 0;
	if (gso_of(&vnet) != GSO_UDP_L4)
		header = (frame->data[start + 12] >> 4) * 4u;
	return start - frame->l3_offset + header + vnet.gso_size;
}
