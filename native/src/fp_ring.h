/*
 * A TPACKET_V2 receive ring with virtio headers. Slots are handed out in order and given back in
 * order, possibly many later:
 *
 *   fp_ring_take()     acquire: pairs with the kernel's release of the slot
 *   fp_ring_release()  release: all reads of the oldest taken slots are before this store
 *
 * Only the loop thread of the port takes and releases. Nothing else in the fast path touches
 * tp_status.
 */
#ifndef FP_RING_H
#define FP_RING_H

#include <stdbool.h>
#include <stdint.h>

#include "fp.h"
#include "fp_atomic.h"
#include "fp_tag.h"

#define FP_SLOTS_MIN 32u
#define FP_SLOTS_MAX (1u << 20)

struct fp_ring {
	int fd;
	uint32_t slots;
	uint8_t *map;
	uint32_t next;		/* the slot the kernel fills next for us to take */
	uint32_t released;	/* the oldest slot taken and not released; free-running */
	_Atomic uint32_t taken; /* free-running; the loop's, and the control thread looks at it */
};

/*
 * One received frame: the virtio header and the frame behind it in one piece, the tag re-inserted,
 * in the slot or in a buffer beside the ring.
 */
struct fp_rx {
	uint8_t *vnet;	    /* with room for a tag before it */
	uint32_t len_bytes; /* of the frame, without the virtio header */
	bool whole;	    /* false: truncated, never forward or parse */
	bool oversize;	    /* read beside the ring */
	bool losing;	    /* the ring has lost frames lately */
};

static inline uint8_t *fp_rx_frame(const struct fp_rx *rx)
{
	return rx->vnet + FP_VNET_BYTES;
}

/* Opens an unbound ring that sees nothing yet. On failure *stage says what failed. */
int fp_ring_open(struct fp_ring *ring, uint32_t slots, const char **stage);
/*
 * The same ring in another process: maps it, and fp_ring_resume() goes on where that one was left,
 * with no slot taken. The kernel refuses to map it at another size than it has.
 */
int fp_ring_map(struct fp_ring *ring, int fd, uint32_t slots);
void fp_ring_resume(struct fp_ring *ring, uint32_t taken);
void fp_ring_close(struct fp_ring *ring);

bool fp_ring_ready(const struct fp_ring *ring);
/*
 * How many frames will have been taken, free-running, when all that are there have; `from`: that it
 * is no less. The loop, or when no loop can reach the ring any more.
 */
uint32_t fp_ring_end(const struct fp_ring *ring, uint32_t from);

/*
 * Takes the next frame; false when none is ready. An oversize frame is read into buffer
 * (FP_OVERSIZE_BYTES of room); without a buffer it is left for the next pass.
 */
#define FP_OVERSIZE_BYTES (FP_FRAME_BYTES_MAX + 64u)
bool fp_ring_take(struct fp_ring *ring, uint8_t *buffer, struct fp_rx *rx);
/* Gives every taken slot back to the kernel. */
void fp_ring_release(struct fp_ring *ring);
/* For the control thread: no frame waits to be taken; *taken is how many were, free-running. */
bool fp_ring_empty(const struct fp_ring *ring, uint32_t *taken);
/* How many frames wait; likewise. */
static inline uint32_t fp_ring_waiting(const struct fp_ring *ring)
{
	uint32_t taken = fp_load_relaxed(&ring->taken);

	return fp_ring_end(ring, taken) - taken;
}
/* Touches the header of a frame some way ahead of its use. */
void fp_ring_prefetch(const struct fp_ring *ring);

#endif
