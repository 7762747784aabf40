/*
 * The lengths of the prefixes that always flood, in bits of the 128 that an address has (IPv4 is
 * v4-mapped). The prefixes themselves are rows of the table: a group is looked up once for every
 * length in use. Part of a table image; the control thread writes, any thread reads.
 */
#ifndef FP_FLOODS_H
#define FP_FLOODS_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "fp.h"

#define FP_PREFIX_BITS_MAX 128u
#define FP_PREFIX_WORDS 3u
#define FP_PREFIX_BITS_IPV4 96u /* every IPv4 address has these */

struct fp_floods {
	uint64_t lengths[FP_PREFIX_WORDS]; /* those with a count */
	uint32_t counts[FP_PREFIX_BITS_MAX + 1];
};

static inline void fp_floods_add(struct fp_floods *floods, uint32_t bits)
{
	floods->counts[bits]++;
	floods->lengths[bits / 64] |= UINT64_C(1) << bits % 64;
}

static inline void fp_floods_remove(struct fp_floods *floods, uint32_t bits)
{
	if (!--floods->counts[bits])
		floods->lengths[bits / 64] &= ~(UINT64_C(1) << bits % 64);
}

/* The longest length in use below `below` and not below `least`, or -1. */
static inline int32_t fp_floods_next(const struct fp_floods *floods, uint32_t below, uint32_t least)
{
	for (uint32_t word = FP_PREFIX_WORDS; word-- > 0;) {
		uint64_t bits = floods->lengths[word];

		if (below < word * 64 + 64)
			bits = below <= word * 64
				       ? 0
				       : bits & (UINT64_MAX >> (64 - (below - word * 64)));
		if (bits) {
			uint32_t found = word * 64 + 63 - (uint32_t)__builtin_clzll(bits);

			return found < least ? -1 : (int32_t)found;
		}
	}
	return -1;
}

/* The first bits of an address, the others zero. */
static inline void fp_prefix_cut(const uint8_t *address, uint32_t bits, uint8_t *prefix)
{
	uint32_t whole = bits / 8;

	memset(prefix, 0, FP_ADDRESS_BYTES);
	memcpy(prefix, address, whole);
	if (bits % 8)
		prefix[whole] = (uint8_t)(address[whole] & 0xff00u >> bits % 8);
}

#endif
