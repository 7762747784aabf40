/* Port sets: FP_PORTS_MAX bits in FP_MASK_WORDS words, bit p of word p / 64. */
#ifndef FP_MASK_H
#define FP_MASK_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "fp.h"

_Static_assert(FP_PORTS_MAX == 64 * FP_MASK_WORDS, "a bit a port");

static inline void fp_mask_set(uint64_t *mask, uint32_t port)
{
	mask[port / 64] |= UINT64_C(1) << (port % 64);
}

static inline void fp_mask_clear(uint64_t *mask, uint32_t port)
{
	mask[port / 64] &= ~(UINT64_C(1) << (port % 64));
}

static inline bool fp_mask_has(const uint64_t *mask, uint32_t port)
{
	return (mask[port / 64] >> (port % 64)) & 1;
}

static inline bool fp_mask_empty(const uint64_t *mask)
{
	uint64_t any = 0;

	for (uint32_t i = 0; i < FP_MASK_WORDS; i++)
		any |= mask[i];
	return !any;
}

/* The next port of the set at or after *port; false when there is none. */
static inline bool fp_mask_next(const uint64_t *mask, uint32_t *port)
{
	uint32_t word = *port / 64;
	uint64_t bits;

	if (word >= FP_MASK_WORDS)
		return false;
	bits = mask[word] & (~UINT64_C(0) << (*port % 64));
	while (!bits) {
		if (++word == FP_MASK_WORDS)
			return false;
		bits = mask[word];
	}
	*port = word * 64 + (uint32_t)__builtin_ctzll(bits);
	return true;
}

#define fp_mask_for_each(mask, port) for (uint32_t port = 0; fp_mask_next((mask), &port); port++)

#endif
