/*
 * Inside the short cut: what its map holds, for fp_shortcut.c (the maps) and fp_shortcut_program.c
 * (the programs) only.
 */
#ifndef FP_SHORTCUT_MAP_H
#define FP_SHORTCUT_MAP_H

#include <stdint.h>

#include "fp.h"

struct key {
	uint8_t mac[FP_MAC_BYTES];
	uint16_t vlan;
};

struct value {
	uint32_t ifindex;
	uint32_t frame_max; /* of what need not be segmented, MAC header included */
	uint64_t seen_ns;
	uint32_t port;
	uint32_t also_ifindex; /* 0: none */
	uint64_t also_ns;
	uint32_t also_port;
	uint16_t horizon;  /* of both ports, 0: none */
	uint16_t untagged; /* both have the VLAN without a tag */
};

_Static_assert(sizeof(struct key) == 8, "built on the program's stack");
_Static_assert(sizeof(struct value) == 40, "no hidden padding");

#endif
