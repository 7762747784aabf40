/*
 * What a publish has replaced and some loop may still use: freed, oldest first, when every loop has
 * seen a table of at least the seq it was retired with. Control thread only.
 */
#ifndef FP_RETIRE_H
#define FP_RETIRE_H

#include <stdint.h>

#include "fp_port.h"
#include "fp_reaper.h"
#include "fp_stats.h"

enum fp_retired_kind { FP_RETIRED_MEMORY, FP_RETIRED_PORT };

struct fp_retired {
	void *object;
	uint64_t seq;
	enum fp_retired_kind kind;
};

struct fp_retirees {
	struct fp_retired *list;
	uint32_t count;
	uint32_t room;
	struct fp_reaper reaper; /* of the ports among them */
};

/* Room for so many more, so that fp_retire() cannot fail; 0 or -ENOMEM. */
int fp_retire_room(struct fp_retirees *retirees, uint32_t more);
/* object NULL: nothing to do. */
void fp_retire(struct fp_retirees *retirees, void *object, uint64_t seq, enum fp_retired_kind kind);
/* Frees what every loop has moved past, ports behind the back of who calls; stats by port: what
 * waited in rings that were replaced. */
void fp_retire_free(struct fp_retirees *retirees, uint64_t seen_seq, struct fp_stats *stats);

#endif
