#include "fp_process.h"

#include <linux/virtio_net.h>
#include <stddef.h>
#include <string.h>

#include "fp_announce.h"
#include "fp_cost.h"
#include "fp_decide.h"
#include "fp_handover.h"
#include "fp_mask.h"
#include "fp_renew.h"
#include "fp_segment.h"
#include "fp_unicast.h"

#define ANNOUNCEMENTS 0x100u /* beside the protocol of a flow */
#define TAGS_BYTES (2 * FP_TAG_BYTES)

/*
 * Probes, BPDUs (fp_guard.h) and announcements have shares of their own, which take nothing of what
 * the port has for IGMP, MLD and PIM; and BPDUs that go round in a loop hide no probe.
 */
static bool take_share(struct fp_storm *own, struct fp_port *port, const struct fp_frame *frame,
		       uint32_t cost, uint64_t now_ns, enum fp_reason *reason)
{
	*reason = FP_DROP_PROBE_LIMITED;
	if (!frame->family)
		return fp_storm_take(&own->change_due_ns, FP_CHANGE_RATE, FP_CHANGE_BURST, now_ns);
	if (fp_guard_is_probe(frame))
		return fp_storm_take(&own->probe_due_ns, FP_PROBE_RATE, FP_PROBE_BURST, now_ns);
	*reason = FP_DROP_RATE_LIMITED;
	if (fp_announce_is(frame))
		return fp_storm_take(&own->announcement_due_ns, FP_ANNOUNCE_RATE, FP_ANNOUNCE_BURST,
				     now_ns);
	return fp_limit_take(&port->punt->limit, cost, now_ns);
}

/* Whether the control plane gets the frame; if not, *reason is what keeps it from there. */
static bool hand_up(const struct fp_table *table, struct fp_port *port, struct fp_storm *own,
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
	if (!take_share(own, port, frame, head.cost, now_ns, reason))
		return false;
	*reason = FP_DROP_PUNT_FULL;
	return fp_punt_put(port->punt, &head, frame->data);
}

/* Both words only ever grow, and so never make a sum of before. */
void fp_process_forget(struct fp_worker *worker, const struct fp_table *table)
{
	worker->flows.epoch = table->seq + worker->joins.changes + 1;
}

static void punt(struct fp_switch *sw, struct fp_worker *worker, const struct fp_table *table,
		 uint32_t port, const struct fp_frame *frame, struct fp_verdict *verdict,
		 uint64_t now_ns)
{
	struct fp_stats *stats = &worker->stats[port];
	uint32_t known = worker->joins.count;
	enum fp_reason reason;
	bool put =
		hand_up(table, table->ports[port], &worker->storms[port], frame, now_ns, &reason);

	worker->punted |= put;
	if (put && frame->control &&
	    fp_joins_note(&worker->joins, table, frame, table->ports[port], now_ns)) {
		fp_process_forget(worker, table);
		for (; known < worker->joins.count; known++)
			fp_renew_joined(sw, worker, table, &worker->joins.joins[known]);
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

/* The state of health of its stream, or that it wants one, and when it asks. */
static void find_health(const struct fp_switch *sw, struct fp_worker *worker, struct fp_flow *flow,
			uint64_t now_ns)
{
	/* relaxed: who changes it publishes, and then every flow is decided anew */
	uint32_t mode = fp_load_relaxed(&sw->health);

	flow->unwatched = false;
	flow->health = 0;
	if (mode == FP_HEALTH_OFF)
		return;
	flow->health = fp_health_find(&worker->healths, &worker->streams, flow->slot);
	flow->unwatched =
		!flow->health && (mode == FP_HEALTH_ALL || !fp_mask_empty(flow->verdict.ports));
	worker->unwatched |= flow->unwatched && flow->ask_ns <= now_ns;
}

void fp_process_watch(struct fp_worker *worker, uint64_t now_ns)
{
	struct fp_flows *flows = &worker->flows;

	/* the control thread makes states too, when it has the slots */
	if (!worker->unwatched || !fp_slots_try_lock(&worker->slots))
		return;
	worker->unwatched = false;
	for (uint32_t i = 0; i < flows->touched_count; i++) {
		struct fp_flow *flow = &flows->flows[flows->touched[i]];

		if (!flow->unwatched || !flow->slot || flow->ask_ns > now_ns)
			continue;
		flow->health =
			fp_health_take(&worker->healths, &worker->streams, flow->slot, now_ns);
		flow->unwatched = !flow->health;
		flow->ask_ns = now_ns + FP_HEALTH_ASK_NS;
	}
	fp_slots_unlock(&worker->slots);
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
	flow->health = 0;
	flow->unwatched = false;
	flow->ask_ns = 0;
	if (flow->verdict.learn) {
		flow->slot = fp_streams_find(&worker->streams, stream, now_ns);
		find_health(sw, worker, flow, now_ns);
		fp_unicast_learn(sw, &worker->stats[port], table, frame, port, now_ns);
	}
	fp_handover_find(sw, worker, flow);
	fp_handover_look(&worker->slots, flow);
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
static bool is_cut(const struct fp_worker *worker, const struct fp_port *port,
		   const struct fp_flow *flow)
{
	const struct fp_cut *cut = &worker->cut;
	uint64_t key[FP_PATH_KEY_WORDS];

	/* relaxed: the loop's own */
	if (!cut->on || cut->port != port || !worker->from_data ||
	    (int32_t)(cut->end - fp_load_relaxed(&port->data.taken)) < 0)
		return false;
	fp_slots_key(&flow->key, key); /* whatever has become of its place since */
	return !memcmp(key, worker->slots.slots[cut->place].key, sizeof(key));
}

static uint64_t *due_of(struct fp_switch *sw, struct fp_worker *worker, uint32_t port,
			enum fp_storm_kind kind)
{
	if (kind == FP_STORM_UNREGISTERED && sw->kernel.shared)
		return &sw->kernel.shared->ports[port].storm_due_ns;
	return &worker->storms[port].due_ns[kind];
}

/* Counts it, and lets it leave unless it is one flood too many of its port. */
static void finish_limited(struct fp_switch *sw, struct fp_worker *worker,
			   const struct fp_table *table, uint32_t port, const struct fp_rx *rx,
			   const struct fp_frame *frame, const struct fp_verdict *verdict,
			   uint64_t now_ns)
{
	uint32_t limit = table->storm_limit[port];
	enum fp_storm_kind kind;
	struct fp_verdict cut;

	if (!limit || !fp_storm_concerns(table, frame->family, verdict, &kind) ||
	    fp_storm_take(due_of(sw, worker, port, kind), limit, limit, now_ns)) {
		finish(worker, table, port, rx, frame, verdict);
		return;
	}
	cut = *verdict;
	fp_storm_cut(table, frame->family, kind, &cut);
	finish(worker, table, port, rx, frame, &cut);
}

static void let_go(struct fp_worker *worker, uint32_t port, const struct fp_verdict *verdict)
{
	fp_count(&worker->stats[port].reasons[verdict->reason], 1);
	fp_mask_for_each(verdict->ports, egress)
		fp_count(&worker->stats[egress].stats[FP_STAT_TX_DROP_FULL], 1);
}

static void look(const struct fp_worker *worker, struct fp_flow *flow, const struct fp_rx *rx,
		 const struct fp_frame *frame, uint64_t now_ns)
{
	struct fp_health_state *state = fp_health_state(&worker->healths, flow->health);

	if (!state) { /* another stream has it */
		flow->health = fp_health_find(&worker->healths, &worker->streams, flow->slot);
		flow->unwatched = !flow->health;
		flow->ask_ns = now_ns + FP_HEALTH_ASK_NS;
		state = fp_health_state(&worker->healths, flow->health);
	}
	if (state)
		fp_health_look(state, frame, rx->vnet, rx->losing, now_ns);
}

/* By the flow cache. */
static void process_flow(struct fp_switch *sw, struct fp_worker *worker,
			 const struct fp_table *table, uint32_t port, const struct fp_rx *rx,
			 const struct fp_frame *frame, uint64_t now_ns)
{
	/* Announcements are a flow of their own: of others to that group nobody gets copies. */
	struct fp_flow_key key = {
		.port = (uint16_t)port,
		.protocol = frame->protocol | (fp_announce_is(frame) ? ANNOUNCEMENTS : 0),
	};
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
		if (flow->unwatched && flow->slot) /* the control thread may have got it one */
			find_health(sw, worker, flow, now_ns);
		flow->pass = pass;
		flow->stream.ttl = fp_frame_ttl(frame);
		flow->sample = sample(rx, frame);
		fp_handover_look(&worker->slots, flow);
		worker->flows.touched[worker->flows.touched_count++] =
			(uint16_t)(flow - worker->flows.flows);
	}
	flow->frames++;
	flow->bytes += frame->len_bytes;
	flow->ringed += worker->from_data;
	/* relaxed: the loop's own */
	flow->beyond +=
		worker->from_data && flow->marked &&
		(int32_t)(fp_load_relaxed(&table->ports[port]->data.taken) - flow->mark_end) > 0;
	if (flow->verdict.punt)
		punt(sw, worker, table, port, frame, &flow->verdict, now_ns);
	if (is_cut(worker, table->ports[port], flow)) {
		let_go(worker, port, &flow->verdict);
		return;
	}
	if (flow->health)
		look(worker, flow, rx, frame, now_ns);
	if (flow->ahead) /* somebody has joined it, though the table does not say so yet */
		finish(worker, table, port, rx, frame, &flow->verdict);
	else
		finish_limited(sw, worker, table, port, rx, frame, &flow->verdict, now_ns);
}

void fp_process(struct fp_switch *sw, struct fp_worker *worker, const struct fp_table *table,
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
		punt(sw, worker, table, port, &frame, &verdict, now_ns);
	finish_limited(sw, worker, table, port, rx, &frame, &verdict, now_ns);
}
