#include "fp_tag.h"

#define MOVED_BYTES (FP_VNET_BYTES + FP_TAG_OFFSET)

_Static_assert(sizeof(struct virtio_net_hdr) == FP_VNET_BYTES, "virtio header");

/* An offset that a virtio header gives; one within the MAC addresses is nonsense, and stays. */
static uint16_t moved(uint32_t offset, int32_t by_bytes)
{
	return (uint16_t)(offset > FP_TAG_OFFSET ? (uint32_t)((int32_t)offset + by_bytes) : offset);
}

static uint8_t *move(uint8_t *vnet_bytes, int32_t by_bytes)
{
	uint8_t *to = vnet_bytes - by_bytes;
	struct virtio_net_hdr vnet;

	memcpy(&vnet, vnet_bytes, FP_VNET_BYTES);
	if (vnet.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM)
		vnet.csum_start = moved(vnet.csum_start, by_bytes);
	if (vnet.gso_type != VIRTIO_NET_HDR_GSO_NONE)
		vnet.hdr_len = moved(vnet.hdr_len, by_bytes);
	memmove(to, vnet_bytes, MOVED_BYTES);
	memcpy(to, &vnet, FP_VNET_BYTES);
	return to;
}

uint8_t *fp_tag_push(uint8_t *vnet, uint32_t tpid, uint32_t tci)
{
	uint8_t *to = move(vnet, FP_TAG_BYTES);

	fp_tag_write(to + MOVED_BYTES, tpid, tci);
	return to;
}

uint8_t *fp_tag_pop(uint8_t *vnet)
{
	return move(vnet, -(int32_t)FP_TAG_BYTES);
}
