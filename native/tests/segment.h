/*
 * What becomes of a sent datagram (virtio header and frame) on the wire, as the kernel's
 * documentation of virtio headers says: an unfinished checksum is finished, a coalesced UDP send is
 * cut into the frames it stands for. Written from that description, not from the code that builds
 * such sends.
 */
#ifndef SEGMENT_H
#define SEGMENT_H

#include <stdbool.h>
#include <stdint.h>

struct wire_frame {
	uint32_t len_bytes;
	bool coalesced; /* was one of several in its send */
	uint8_t bytes[2048];
};

/*
 * The frames of one datagram; returns how many. Fails the test when the virtio header or the
 * headers of a coalesced send are not what the kernel asks for.
 */
uint32_t segment(const uint8_t *vnet, uint32_t bytes, struct wire_frame *frames,
		 uint32_t frames_max);

#endif
