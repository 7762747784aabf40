#include "fp_retire.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ROOM_MIN 64u

int fp_retire_room(struct fp_retirees *retirees, uint32_t more)
{
	uint32_t room = retirees->room ? retirees->room : ROOM_MIN;
	struct fp_retired *grown;

	while (room < retirees->count + more)
		room *= 2;
	if (room == retirees->room)
		return 0;
	grown = realloc(retirees->list, room * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	retirees->list = grown;
	retirees->room = room;
	return 0;
}

void fp_retire(struct fp_retirees *retirees, void *object, uint64_t seq, enum fp_retired_kind kind)
{
	if (object)
		retirees->list[retirees->count++] =
			(struct fp_retired){.object = object, .seq = seq, .kind = kind};
}

static void release(struct fp_reaper *reaper, const struct fp_retired *retired,
		    struct fp_stats *stats)
{
	struct fp_port *port = retired->object;

	if (retired->kind != FP_RETIRED_PORT) {
		free(retired->object);
		return;
	}
	if (port->replaced)
		fp_count(&stats[port->id].stats[FP_STAT_RING_STUCK],
			 fp_ring_waiting(&port->data) + fp_ring_waiting(&port->control));
	fp_reaper_give(reaper, port);
}

void fp_retire_free(struct fp_retirees *retirees, uint64_t seen_seq, struct fp_stats *stats)
{
	uint32_t freed = 0;

	while (freed < retirees->count && retirees->list[freed].seq <= seen_seq)
		release(&retirees->reaper, &retirees->list[freed++], stats);
	if (!freed)
		return;
	retirees->count -= freed;
	memmove(retirees->list, retirees->list + freed, retirees->count * sizeof(*retirees->list));
}
