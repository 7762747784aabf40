/*
 * The punt ring: frames for the control plane, single producer (a loop thread),
 * single consumer (the control thread). Records are a struct fp_punted and the
 * frame, padded to 8 bytes, contiguous; a record that would cross the end is
 * preceded by padding. No port may hold more than half of the ring, so a port
 * that floods cannot starve the others (two of them together can).
 */
#ifndef FP_PUNT_H
#define FP_PUNT_H

#include <stdbool.h>
#include <stdint.h>

#include "fp.h"
#include "fp_atomic.h"

struct fp_punt {
	uint8_t *bytes;
	uint32_t size_bytes; /* a power of two */
	/* written by the loop */
	_Alignas(64) _Atomic uint64_t tail;
	uint64_t put_bytes[FP_PORTS_MAX];
	/* written by the control thread */
	_Alignas(64) _Atomic uint64_t head;
	_Atomic uint64_t taken_bytes[FP_PORTS_MAX];
};

int fp_punt_init(struct fp_punt *punt, uint32_t size_bytes);
void fp_punt_destroy(struct fp_punt *punt);
/* False when the ring, or the port's share of it, is full. */
bool fp_punt_put(struct fp_punt *punt, uint32_t port, const uint8_t *frame, uint32_t frame_len,
		 uint64_t now_ns);
/* Moves whole records into the buffer; the bytes written. */
uint32_t fp_punt_take(struct fp_punt *punt, uint8_t *buffer, uint32_t buffer_bytes);

#endif
