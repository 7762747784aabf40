/*
 * The kernel's half of the switch: two programs a port, and the maps that they share with the
 * loops. The filter on the port's data ring says of every frame whether the kernel serves it, and
 * keeps it out of the ring if so; the program at the port's tcx ingress hook, which the same frame
 * meets next, does what the filter said. One look, one answer: no frame takes both ways or none.
 *
 * Known unicast goes by a map that follows the fdb (fp_shortcut.h), multicast by slots that hold
 * the loop's decisions (fp_slots.h). What neither knows, or the programs cannot do, is the ring's.
 *
 * Needs CAP_BPF and a kernel from 6.6 on; without them everything goes by the rings. The kernel
 * removes programs and maps with their descriptors, however the process ends.
 */
#ifndef FP_PATH_H
#define FP_PATH_H

#include <stdint.h>

#include "fp.h"
#include "fp_path_map.h"

struct fp_path {
	int err;       /* -errno for which there are no maps; 0: there are */
	int shared_fd; /* -1 likewise, as the others */
	int slots_fd;
	int fdb_fd;
	int scratch_fd; /* what the filter tells the ingress program, per processor */
	struct fp_path_shared *shared; /* NULL: there are no maps */
	struct fp_path_slot
		*slots; /* sets * FP_PATH_WAYS a worker, one worker's behind another's */
	uint32_t sets;	/* of one worker; a power of two */
	uint32_t workers;
	uint64_t ageing_ns; /* of the fdb */
};

/* Makes the maps; a switch without them works all the same, err says why. */
void fp_path_init(struct fp_path *path, const struct fp_config *config);
void fp_path_destroy(struct fp_path *path);

#endif
