#include "fp_drain.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "fp_clock.h"
#include "fp_switch.h"

struct drain {
	uint8_t *buffer;
	uint32_t room_bytes;
	uint32_t bytes;
	bool full; /* what comes next has no room */
};

/* The ports whose turn it is, from *next on; new: those that had nothing left behind. */
static uint32_t collect(struct fp_port *const *ports, uint32_t next, bool fresh,
			struct fp_port **waiting)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < FP_PORTS_MAX; i++) {
		struct fp_port *port = ports[(next + i) % FP_PORTS_MAX];

		if (port && port->punt->waited != fresh && fp_punt_peek(port->punt))
			waiting[count++] = port;
	}
	return count;
}

/*
 * What has waited too long behind others of its port: whoever sent it sends again, or floods. What
 * a port may ask at once is kept, however late the control thread comes.
 */
static void drop_stale(struct fp_punt *punt, uint64_t now_ns)
{
	const struct fp_punted *record;

	for (uint32_t i = 0; i < FP_DRAIN_STALE_FRAMES; i++) {
		record = fp_punt_peek(punt);
		if (!record || now_ns < record->time_ns + FP_DRAIN_STALE_NS ||
		    fp_punt_waiting(punt) < FP_DRAIN_KEPT_COST + record->cost)
			return;
		fp_punt_pop(punt, record);
		punt->stale++;
	}
}

/* One port's turn: what its deficit and the budget allow. The cost of what it took. */
static uint32_t take(struct drain *drain, struct fp_punt *punt, uint32_t budget)
{
	const struct fp_punted *record;
	uint32_t spent = 0;

	punt->deficit += FP_DRAIN_QUANTUM;
	while (spent < budget && (record = fp_punt_peek(punt)) != NULL) {
		uint32_t need = fp_punted_bytes(record->frame_len);

		if (record->cost > punt->deficit)
			return spent;
		if (need > drain->room_bytes - drain->bytes) {
			drain->full = true;
			return spent;
		}
		memcpy(drain->buffer + drain->bytes, record, need);
		drain->bytes += need;
		spent += record->cost;
		punt->deficit -= record->cost;
		fp_punt_pop(punt, record);
	}
	if (!fp_punt_peek(punt))
		punt->deficit = 0;
	return spent;
}

/* Turns among these until they are empty or the budget is spent; *last: who had the last one. */
static uint32_t round_robin(struct drain *drain, struct fp_port **waiting, uint32_t count,
			    uint32_t budget, uint32_t *last)
{
	uint32_t spent = 0;

	while (count && spent < budget && !drain->full) {
		uint32_t kept = 0;

		for (uint32_t i = 0; i < count; i++) {
			struct fp_port *port = waiting[i];

			if (spent < budget && !drain->full) {
				spent += take(drain, port->punt, budget - spent);
				*last = port->id;
			}
			if (fp_punt_peek(port->punt))
				waiting[kept++] = port;
		}
		count = kept;
	}
	return spent;
}

struct fp_drained fp_drain(struct fp_port *const *ports, struct fp_turn *turn, uint64_t now_ns,
			   uint8_t *buffer, uint32_t buffer_bytes, uint32_t budget)
{
	struct drain drain = {.buffer = buffer, .room_bytes = buffer_bytes};
	struct fp_port *waiting[FP_PORTS_MAX];
	struct fp_port *fresh[FP_PORTS_MAX];
	/* Both lists first: who is served as fresh must not be served again as old. */
	uint32_t waiting_count = collect(ports, turn->next, false, waiting);
	uint32_t fresh_count = collect(ports, turn->next, true, fresh);
	struct fp_drained drained = {0};
	uint32_t last = turn->next;
	uint32_t spent;

	for (uint32_t i = 0; i < waiting_count; i++)
		drop_stale(waiting[i]->punt, now_ns);
	spent = round_robin(&drain, fresh, fresh_count, waiting_count ? budget / 2 : budget, &last);
	turn->fresh = fresh_count && waiting_count && !turn->fresh;
	if (!turn->fresh) {
		round_robin(&drain, waiting, waiting_count,
			    budget - (spent < budget ? spent : budget), &last);
		turn->next = last + 1;
	}
	for (uint32_t i = 0; i < FP_PORTS_MAX; i++) {
		if (ports[i]) {
			ports[i]->punt->waited = fp_punt_peek(ports[i]->punt) != NULL;
			drained.more |= ports[i]->punt->waited;
		}
	}
	drained.bytes = drain.bytes;
	return drained;
}

int fp_punt_fd(struct fp_switch *sw)
{
	return sw->punt_fd;
}

/* Clears the descriptor first: what comes after that makes it readable again. */
int64_t fp_punt_drain(struct fp_switch *sw, uint8_t *buffer, uint32_t buffer_bytes, uint32_t budget)
{
	struct fp_drained drained;
	uint64_t ticks;
	uint64_t one = 1;

	if (buffer_bytes < fp_punted_bytes(FP_FRAME_BYTES_MAX) || !budget)
		return -EINVAL;
	if (read(sw->punt_fd, &ticks, sizeof(ticks)) < 0 && errno != EAGAIN)
		return -errno;
	drained = fp_drain(sw->opened, &sw->punt_turn, fp_now_ns(), buffer, buffer_bytes, budget);
	for (uint32_t port = 0; port < FP_PORTS_MAX; port++) {
		if (sw->opened[port] && sw->opened[port]->punt->stale) {
			fp_count(&sw->control_stats[port].stats[FP_STAT_PUNT_STALE],
				 sw->opened[port]->punt->stale);
			sw->opened[port]->punt->stale = 0;
		}
	}
	if (drained.more && write(sw->punt_fd, &one, sizeof(one)) < 0)
		return -errno;
	return drained.bytes;
}

void fp_punt_decided(struct fp_switch *sw)
{
	fp_store_relaxed(&sw->deciding, 0);
	for (uint32_t port = 0; port < FP_PORTS_MAX; port++) {
		if (sw->opened[port])
			fp_punt_decide(sw->opened[port]->punt);
	}
	/* seq_cst: a loop sees what is decided, or we see what it decided ahead of that */
	atomic_thread_fence(memory_order_seq_cst);
	for (uint32_t i = 0; i < sw->worker_count; i++) {
		/* relaxed: it may be asleep while the kernel serves, and is to look */
		if (fp_load_relaxed(&sw->workers[i]->slots.ahead_count))
			fp_worker_wake(sw->workers[i]);
	}
}
