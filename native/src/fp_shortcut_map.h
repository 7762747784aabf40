/*
 * What the map of known unicast holds: for fp_shortcut.c, which fills it, and the kernel's
 * programs. As in fp_path_map.h, fixed-width words only.
 */
#ifndef FP_SHORTCUT_MAP_H
#define FP_SHORTCUT_MAP_H

#include <stdint.h>

#define FP_SHORTCUT_NONE 0xffffu /* in place of a port */

struct fp_shortcut_key {
	uint8_t mac[6];
	uint16_t vlan;
};

struct fp_shortcut_value {
	uint64_t seen_ns;
	uint64_t also_ns;
	uint32_t frame_max; /* of what need not be segmented, MAC header included */
	uint16_t port;
	uint16_t also;	   /* where the address is heard as well, or FP_SHORTCUT_NONE */
	uint16_t horizon;  /* of both ports, 0: none */
	uint16_t untagged; /* both have the VLAN without a tag */
	uint32_t pad;
};

_Static_assert(sizeof(struct fp_shortcut_key) == 8, "built on the program's stack");
_Static_assert(sizeof(struct fp_shortcut_value) == 32, "no hidden padding");

#endif
