#include "fp_watch.h"

#include <linux/if_packet.h>
#include <sys/socket.h>

#define PASS_SLOTS 256u /* taken and not yet given back: of one pass at most */

void fp_watch_judge(struct fp_watch *watch, uint32_t slots, const struct fp_look *look)
{
	uint64_t most = watch->waiting + look->delivered;
	uint32_t taken = look->taken - watch->taken; /* both free-running */

	if (look->drops && look->empty && (!taken || most + PASS_SLOTS < slots))
		watch->stuck = true;
	watch->waiting = look->empty || taken > most ? 0 : most - taken;
	watch->taken = look->taken;
}

uint64_t fp_watch_look(struct fp_watch *watch, const struct fp_ring *ring)
{
	struct tpacket_stats stats = {0};
	socklen_t len = sizeof(stats);
	struct fp_look look = {0};

	if (getsockopt(ring->fd, SOL_PACKET, PACKET_STATISTICS, &stats, &len))
		return 0;
	look.drops = stats.tp_drops;
	look.delivered = stats.tp_packets - stats.tp_drops;
	look.empty = fp_ring_empty(ring, &look.taken);
	fp_watch_judge(watch, ring->slots, &look);
	return look.drops;
}
