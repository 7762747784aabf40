/*
 * A tag put into a frame and taken out of it, in place: the virtio header and the MAC addresses
 * move by its four bytes, and what they say of offsets behind the tag with them. Whoever has frames
 * to send leaves FP_TAG_ROOM in front of the virtio header: for the tag that the kernel took off,
 * and for one that was never there.
 */
#ifndef FP_TAG_H
#define FP_TAG_H

#include <linux/virtio_net.h>

#include "fp_frame.h"

#define FP_VNET_BYTES 10u
#define FP_TAG_ROOM (2u * FP_TAG_BYTES)

/* Both take a virtio header with a frame behind it, and return where it lies then. */
uint8_t *fp_tag_push(uint8_t *vnet, uint32_t tpid, uint32_t tci);
uint8_t *fp_tag_pop(uint8_t *vnet);

#endif
