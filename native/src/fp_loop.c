#include "fp_loop.h"

#include <errno.h>
#include <linux/virtio_net.h>
#include <stddef.h>
#include <string.h>

#include "fp_clock.h"
#include "fp_cost.h"
#include "fp_decide.h"
#include "fp_handover.h"
#include "fp_unicast.h"
#include "fp_mask.h"
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
#define TAGS_BYTES (2 * FP_TAG_BYTES)

_Static_assert(PASS_FRAMES <= FP_BATCH_FRAMES, "a pass fits the batch");
_Static_assert(FP_SEGMENTS_MAX <= FP_BATCH_FRAMES, "so do the segments of a frame");
_Static_assert(FP_SEGMENT_ROOM <= FP_SEGMENTS_BYTES, "and find room");
_Static_assert(CONTROL_OVERSIZE < FP_OVERSIZE_BUFFERS, "data has buffers of its own");
_Static_assert(PASS_FRAMES <= FP_FLOWS, "a pass touches no more flows than are remembered");

enum ring_kind { CONTROL, DATA };

/* Whether the control plane gets the frame; if not, *reason is what keeps it from there. */
static bool hand_up(const struct fp_table *table, struct fp_port *port,
		    const struct fp_frame *frame, uint64_t now_ns, enum fp_reason *reason)
{
	struct fp_punted head = {
		.time_ns = now_ns,
		.frame_len = frame->len_bytes - (frame->tci == FP_NO_TAG ? 0 : FP_TAG_BYTES),
		.port = (uint16_t)port->id,
		.cost = (uint16_t)fp_cost(table, frame),
		.tci = frame->tci,
		.vlan = frame->vlan,
	};

	/* No wire carried this: a frame that somebody meant to be cut, thousands of records long.
	 */
	*reason = FP_DROP_CONTROL_SIZE;
	if (frame->len_bytes > table->mtu[port->id] + FP_ETH_BYTES + TAGS_BYTES)
		return false;
	*reason = FP_DROP_RATE_LIMITED;
	if (!fp_limit_take(&port->punt->limit, head.cost, now_ns))
		return false;
	*reason = FP_DROP_PUNT_FULL;
	return fp_punt_put(port->punt, &head, frame->data);
}

/* Every flow is decided anew: both words only ever grow, and so never make a sum of before. */
static void forget_flows(struct fp_worker *worker, const struct fp_table *table)
{
	worker->flows.epoch = table->seq + worker->joins.changes + 1;
}

static void punt(struct fp_worker *worker, const struct fp_table *table, uint32_t port,
		 const struct fp_frame *frame, struct fp_verdict *verdict, uint64_t now_ns)
{
	struct fp_stats *stats = &worker->stats[port];
	uint32_t known = worker->joins.count;
	enum fp_reason reason;
	bool put = hand_up(table, table->ports[port], frame, now_ns, &reason);

	worker->punted |= put;
	if (put && frame->control &&
	    fp_joins_note(&worker->joins, table, frame, table->ports[port], now_ns)) {
		forget_flows(worker, table);
		for (; known < worker->joins.count; known++) /* the ring gets what they join */
			fp_slots_void(&worker->slots, worker->joins.joins[known].vlan,
				      worker->joins.joins[known].group);
	}
	if (verdict->action != FP_ACTION_PUNT) /* it is forwarded all the same */
		fp_count(&stats->stats[put ? FP_STAT_PUNT_COPIES : FP_STAT_PUNT_COPIES_LOST], 1);
	else if (!put)
		verdict->reason = (uint8_t)reason;
}

/*
 * A frame whose offload the kernel would refuse leaves as the frames it stands for; take_ring() has
 * seen to it that there is room. What is not understood is lost at each egress, and counted there
 * for what it is.
 */
static void send_segments(struct fp_worker *worker, const struct fp_rx *rx,
			  const struct fp_frame *frame, const struct fp_verdict *verdict)
{
	struct fp_segments plan;

	if (!fp_segment_plan(rx->vnet, frame, &plan)) {
		fp_mask_for_each(verdict->ports, port)
			fp_count(&worker->stats[port].stats[FP_STAT_TX_DROP_GSO], 1);
		return;
	}
	for (uint32_t i = 0; i < plan.count; i++) {
		struct fp_rx cut = {.vnet = worker->segments + worker->segments_used + FP_TAG_ROOM};
		struct fp_frame part = *frame;

		cut.len_bytes = fp_segment_write(&plan, frame->data, i, cut.vnet);
		part.data = fp_rx_frame(&cut);
		part.len_bytes = cut.len_bytes;
		worker->segments_used += FP_TAG_ROOM + FP_VNET_BYTES + cut.len_bytes;
		fp_batch_add(&worker->batch, &cut, &part, verdict, false);
	}
}

/* Whatever the next frame is, its segments have room. */
static bool room_for_segments(const struct fp_worker *worker)
{
	return worker->segments_used + FP_SEGMENT_ROOM <= FP_SEGMENTS_BYTES &&
	       worker->batch.frame_count + FP_SEGMENTS_MAX <= FP_BATCH_FRAMES;
}

/* Counts the verdict and lets the frame leave. */
static void finish(struct fp_worker *worker, const struct fp_table *table, uint32_t port,
		   const struct fp_rx *rx, const struct fp_frame *frame,
		   const struct fp_verdict *verdict)
{
	uint32_t units = worker->batch.unit_count;
	uint32_t runs = 0;
	uint32_t singles = 0;

	fp_count(&worker->stats[port].reasons[verdict->reason], 1);
	if (fp_mask_empty(verdict->ports))
		return;
	for (uint32_t i = 0; i < FP_MASK_WORDS; i++) {
		uint64_t coalesce = verdict->ports[i] & table->coalesce[i];

		runs += (uint32_t)__builtin_popcountll(coalesce);
		singles += (uint32_t)__builtin_popcountll(verdict->ports[i] ^ coalesce);
	}
	if (fp_segment_needed(rx->vnet, frame)) {
		send_segments(worker, rx, frame, verdict);
		worker->sends += (worker->batch.unit_count - units) * (runs + singles);
		return;
	}
	fp_batch_add(&worker->batch, rx, frame, verdict, runs != 0);
	worker->sends += singles + (worker->batch.unit_count - units) * runs;
}

static void decide_flow(struct fp_switch *sw, struct fp_worker *worker,
			const struct fp_table *table, uint32_t port, const struct fp_frame *frame,
			const struct fp_flow_key *key, struct fp_flow *flow, uint64_t now_ns)
{
	struct fp_stream *stream = &flow->stream;

	fp_flow_flush(&worker->flows, flow, now_ns);
	flow->key = *key;
	fp_decide(table, frame, port, -1, &flow->verdict);
	flow->ahead = fp_joins_grant(&worker->joins, table, frame, port, &flow->verdict);
	memset(stream, 0, sizeof(*stream));
	stream->vlan = frame->vlan;
	stream->port = (uint16_t)port;
	memcpy(stream->source, frame->source, sizeof(stream->source));
	memcpy(stream->group, frame->group, sizeof(stream->group));
	stream->ttl = fp_frame_ttl(frame);
	flow->epoch = worker->flows.epoch;
	flow->slot = NULL;
	if (flow->verdict.learn) {
		flow->slot = fp_streams_find(&worker->streams, stream, now_ns);
		fp_unicast_learn(sw, &worker->stats[port], table, frame, port, now_ns);
	}
	fp_handover_find(sw, worker, flow);
}

/* Its length without a tag, if it is of the kind that the kernel's programs serve. */
static uint32_t sample(const struct fp_rx *rx, const struct fp_frame *frame)
{
	bool ipv6 = frame->family == FP_FAMILY_IPV6;

	if (frame->header_bytes != (ipv6 ? FP_IPV6_BYTES : FP_IPV4_BYTES) ||
	    (ipv6 && frame->protocol != FP_IPPROTO_UDP) ||
	    rx->vnet[offsetof(struct virtio_net_hdr, gso_type)] != VIRTIO_NET_HDR_GSO_NONE)
		return FP_NOT_PLAIN;
	return frame->len_bytes - (frame->tci == FP_NO_TAG ? 0 : FP_TAG_BYTES);
}

/* The flow's turn in the kernel has begun: what was before it in the ring is lost there. */
static bool is_cut(const struct fp_worker *worker, const struct fp_flow *flow)
{
	return worker->cut.on && worker->cut.place == flow->place &&
	       worker->cut.generation == flow->generation;
}

static void let_go(struct fp_worker *worker, uint32_t port, const struct fp_verdict *verdict)
{
	fp_count(&worker->stats[port].reasons[verdict->reason], 1);
	fp_mask_for_each(verdict->ports, egress)
		fp_count(&worker->stats[egress].stats[FP_STAT_TX_DROP_FULL], 1);
}

/* By the flow cache. */
static void process_flow(struct fp_switch *sw, struct fp_worker *worker,
			 const struct fp_table *table, uint32_t port, const struct fp_rx *rx,
			 const struct fp_frame *frame, uint64_t now_ns)
{
	struct fp_flow_key key = {.port = (uint16_t)port, .protocol = frame->protocol};
	uint64_t pass = fp_load_relaxed(&worker->passes);
	struct fp_flow *flow;
	bool known;

	memcpy(key.l2, frame->data, frame->l3_offset);
	memcpy(key.source, frame->source, sizeof(key.source));
	memcpy(key.group, frame->group, sizeof(key.group));
	flow = fp_flows_find(&worker->flows, &key, &known);
	if (!known) {
		decide_flow(sw, worker, table, port, frame, &key, flow, now_ns);
	} else if (flow->pass != pass && flow->verdict.learn) {
		fp_unicast_learn(sw, &worker->stats[port], table, frame, port, now_ns);
	}
	if (flow->pass != pass) {
		flow->pass = pass;
		flow->stream.ttl = fp_frame_ttl(frame);
		flow->sample = sample(rx, frame);
		flow->paused = now_ns - flow->heard_ns >= FP_PAUSE_NS;
		flow->heard_ns = now_ns;
		worker->flows.touched[worker->flows.touched_count++] =
			(uint16_t)(flow - worker->flows.flows);
	}
	flow->frames++;
	flow->bytes += frame->len_bytes;
	flow->ringed += worker->from_data;
	if (flow->verdict.punt)
		punt(worker, table, port, frame, &flow->verdict, now_ns);
	if (is_cut(worker, flow))
		let_go(worker, port, &flow->verdict);
	else
		finish(worker, table, port, rx, frame, &flow->verdict);
}

static void process(struct fp_switch *sw, struct fp_worker *worker, const struct fp_table *table,
		    uint32_t port, const struct fp_rx *rx, uint64_t now_ns)
{
	struct fp_stats *stats = &worker->stats[port];
	struct fp_verdict verdict;
	struct fp_frame frame;
	enum fp_kind kind;
	int32_t fdb_port = -1;
	int32_t also = -1;

	fp_count(&stats->stats[FP_STAT_RX_FRAMES], 1);
	fp_count(&stats->stats[FP_STAT_RX_BYTES], rx->len_bytes);
	if (rx->oversize)
		fp_count(&stats->stats[FP_STAT_RX_OVERSIZE], 1);
	if (!rx->whole || !fp_frame_parse(fp_rx_frame(rx), rx->len_bytes, &frame)) {
		fp_count(&stats->reasons[FP_DROP_TRUNCATED], 1);
		return;
	}
	fp_decide_vlan(table, port, &frame);
	kind = fp_decide_kind(&frame);
	if (kind == FP_KIND_FLOW) {
		process_flow(sw, worker, table, port, rx, &frame, now_ns);
		return;
	}
	if (kind == FP_KIND_UNICAST)
		fdb_port = fp_unicast_lookup(sw, &frame, now_ns, &also);
	fp_decide(table, &frame, port, fdb_port, &verdict);
	if (also >= 0)
		fp_decide_also(table, port, (uint32_t)also, &verdict);
	if (verdict.learn)
		fp_unicast_learn(sw, stats, table, &frame, port, now_ns);
	if (verdict.punt)
		punt(worker, table, port, &frame, &verdict, now_ns);
	finish(worker, table, port, rx, &frame, &verdict);
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
		process(sw, worker, table, port->id, &rx, now_ns);
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
	fp_handover_pass(sw, worker, table, taken, now_ns);
	if (worker->punted)
		fp_switch_handed_up(sw);
	return taken;
}

static void read_ports(struct fp_worker *worker, const struct fp_table *table)
{
	worker->seq_ports = table->seq;
	forget_flows(worker, table);
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

	if (table->seq != worker->seq_ports)
		read_ports(worker, table);
	else if (gone)
		forget_flows(worker, table);
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
