#include "fp_loop.h"

#include <errno.h>

#include "fp_clock.h"
#include "fp_handover.h"
#include "fp_process.h"
#include "fp_segment.h"
#include "fp_wait.h"

/*
 * Frames of all rings in one pass. What a pass touches should still be in the cache when it is
 * sent: slots are 2 KiB apart and share few cache sets.
 */
#define PASS_FRAMES 256u
#define PASS_SENDS 1024u    /* some 2 ms: whoever comes next waits for them */
#define CONTROL_SENDS 512u  /* of them for control rings: data has its turn */
#define CONTROL_FRAMES 128u /* of them from control rings */
#define CONTROL_OVERSIZE 8u /* buffers that control rings leave to data */
#define VISIT_FRAMES 32u    /* of one ring before the next port has its turn */
#define VISIT_SENDS 64u	    /* likewise: a broadcast costs as many as there are ports */
#define VISIT_OVERSIZE 4u

_Static_assert(PASS_FRAMES <= FP_BATCH_FRAMES, "a pass fits the batch");
_Static_assert(FP_SEGMENTS_MAX <= FP_BATCH_FRAMES, "so do the segments of a frame");
_Static_assert(FP_SEGMENT_ROOM <= FP_SEGMENTS_BYTES, "and find room");
_Static_assert(CONTROL_OVERSIZE < FP_OVERSIZE_BUFFERS, "data has buffers of its own");
_Static_assert(PASS_FRAMES <= FP_FLOWS, "a pass touches no more flows than are remembered");

enum ring_kind { CONTROL, DATA };

/* Whatever the next frame is, its segments have room. */
static bool room_for_segments(const struct fp_worker *worker)
{
	return worker->segments_used + FP_SEGMENT_ROOM <= FP_SEGMENTS_BYTES &&
	       worker->batch.frame_count + FP_SEGMENTS_MAX <= FP_BATCH_FRAMES;
}

/* One visit of a ring: a port's share of frames, of sends and of buffers for oversize frames. */
static uint32_t take_ring(struct fp_switch *sw, struct fp_worker *worker,
			  const struct fp_table *table, struct fp_port *port, struct fp_ring *ring,
			  uint32_t budget, uint32_t oversize_end, uint64_t now_ns)
{
	uint32_t sends_end = worker->sends + VISIT_SENDS;
	uint32_t taken = 0;
	struct fp_rx rx;

	if (sends_end > worker->sends_max)
		sends_end = worker->sends_max;
	if (oversize_end > worker->oversize_used + VISIT_OVERSIZE)
		oversize_end = worker->oversize_used + VISIT_OVERSIZE;
	while (taken < budget && worker->sends < sends_end && room_for_segments(worker)) {
		uint8_t *buffer = NULL;

		if (worker->oversize_used < oversize_end)
			buffer = worker->oversize +
				 (size_t)worker->oversize_used * FP_OVERSIZE_BYTES;
		if (!fp_ring_take(ring, buffer, &rx))
			break;
		fp_ring_prefetch(ring);
		worker->oversize_used += rx.oversize;
		fp_process(sw, worker, table, port->id, &rx, now_ns);
		taken++;
	}
	return taken;
}

static struct fp_ring *ring_of(struct fp_port *port, enum ring_kind kind)
{
	return kind == CONTROL ? &port->control : &port->data;
}

/*
 * Round robin over the rings of one kind: visits of bounded size, again at those that had more,
 * until all are empty or the budget is spent. *first moves behind the last port that had its visit,
 * or by one: whoever fills the pass, or takes all the buffers, is not first again.
 */
static uint32_t take_round(struct fp_switch *sw, struct fp_worker *worker,
			   const struct fp_table *table, enum ring_kind kind, uint32_t budget,
			   uint64_t now_ns)
{
	uint32_t *first = kind == CONTROL ? &worker->control_first : &worker->data_first;
	uint32_t oversize_end = kind == CONTROL ? CONTROL_OVERSIZE : FP_OVERSIZE_BUFFERS;
	struct fp_port *busy[FP_PORTS_MAX];
	uint32_t busy_count = worker->port_count;
	uint32_t taken = 0;
	uint32_t visited = 0;

	worker->from_data = kind == DATA;
	for (uint32_t i = 0; i < busy_count; i++)
		busy[i] = worker->ports[(*first + i) % busy_count];
	while (busy_count && taken < budget && worker->sends < worker->sends_max) {
		uint32_t kept = 0;

		for (uint32_t i = 0;
		     i < busy_count && taken < budget && worker->sends < worker->sends_max;
		     i++, visited++) {
			uint32_t room = budget - taken;
			uint32_t got;

			got = take_ring(sw, worker, table, busy[i], ring_of(busy[i], kind),
					room < VISIT_FRAMES ? room : VISIT_FRAMES, oversize_end,
					now_ns);
			taken += got;
			if (got)
				busy[kept++] = busy[i];
		}
		busy_count = kept;
	}
	*first += visited < worker->port_count ? visited : 1;
	return taken;
}

uint32_t fp_loop_pass(struct fp_switch *sw, struct fp_worker *worker, const struct fp_table *table)
{
	uint64_t now_ns = fp_now_ns();
	uint32_t taken;

	fp_batch_reset(&worker->batch);
	worker->oversize_used = 0;
	worker->segments_used = 0;
	worker->sends = 0;
	worker->punted = false;
	worker->flows.touched_count = 0;
	fp_count(&worker->passes, 1);
	worker->sends_max = CONTROL_SENDS;
	taken = take_round(sw, worker, table, CONTROL, CONTROL_FRAMES, now_ns);
	worker->sends_max = PASS_SENDS;
	taken += take_round(sw, worker, table, DATA, PASS_FRAMES - taken, now_ns);
	if (!taken) {
		worker->cut.on = false; /* nothing is left of it */
		return 0;
	}
	fp_batch_build(&worker->batch);
	fp_tx_batch(&worker->tx, table, &worker->batch, worker->stats);
	for (uint32_t i = 0; i < worker->port_count; i++) {
		fp_ring_release(&worker->ports[i]->control);
		fp_ring_release(&worker->ports[i]->data);
	}
	fp_flows_flush(&worker->flows, now_ns);
	fp_process_watch(worker, now_ns);
	fp_handover_pass(sw, worker, table, now_ns);
	if (worker->punted)
		fp_switch_handed_up(sw);
	return taken;
}

static void read_ports(struct fp_worker *worker, const struct fp_table *table)
{
	worker->seq_ports = table->seq;
	fp_process_forget(worker, table);
	worker->port_count = 0;
	for (uint32_t i = 0; i < FP_PORTS_MAX; i++) {
		if (table->ports[i] && table->ports[i]->worker == worker->id)
			worker->ports[worker->port_count++] = table->ports[i];
	}
	worker->polls[0] = (struct pollfd){.fd = worker->wake_fd, .events = POLLIN};
	for (uint32_t i = 0; i < worker->port_count; i++) {
		const struct fp_port *port = worker->ports[i];

		worker->polls[1 + 2 * i] = (struct pollfd){.fd = port->data.fd, .events = POLLIN};
		worker->polls[2 + 2 * i] =
			(struct pollfd){.fd = port->control.fd, .events = POLLIN};
	}
}

const struct fp_table *fp_loop_read(struct fp_switch *sw, struct fp_worker *worker)
{
	bool gone = fp_joins_settle(&worker->joins, worker->ports, worker->port_count);
	/*
	 * acquire: pairs with the release in fp_publish_end(); one table per pass, read after what
	 * has been decided
	 */
	const struct fp_table *table = fp_load_acquire(&sw->table);

	if (gone)
		fp_slots_settle(&worker->slots);
	if (table->seq != worker->seq_ports)
		read_ports(worker, table);
	else if (gone)
		fp_process_forget(worker, table);
	return table;
}

int fp_loop_run(struct fp_switch *sw, uint32_t index)
{
	struct fp_worker *worker;
	int err = 0;

	if (index >= sw->worker_count)
		return -EINVAL;
	worker = sw->workers[index];
	worker->port_count = 0; /* what an earlier run knew may be freed */
	worker->seq_ports = FP_SEQ_IDLE;
	fp_wait_begin();
	/* seq_cst: either the reaper sees us running or we see the table it published */
	atomic_store_explicit(&worker->seq_seen, 0, memory_order_seq_cst);
	atomic_thread_fence(memory_order_seq_cst);
	while (!err && !fp_load_relaxed(&sw->stop)) {
		const struct fp_table *table = fp_loop_read(sw, worker);

		/* release: the last use of older tables and ports is before; pairs with reap() */
		fp_store_release(&worker->seq_seen, table->seq);
		if (!fp_loop_pass(sw, worker, table))
			err = fp_wait(sw, worker);
	}
	/* release: as above, of every table */
	fp_store_release(&worker->seq_seen, FP_SEQ_IDLE);
	return err;
}
