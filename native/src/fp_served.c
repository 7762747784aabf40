#include "fp_served.h"

#include <errno.h>
#include <string.h>

#include "fp_clock.h"
#include "fp_excuse.h"
#include "fp_fold.h"
#include "fp_mask.h"
#include "fp_publish.h"
#include "fp_renew.h"

#define LOCKED_SLOTS 256u /* at a time: the loop has its turn */
#define FRESH_NS FP_NS_PER_MS
#define SERVING_NS (2 * FP_NS_PER_S) /* a stream of which there was a frame within this */

static void set_shards(struct fp_path_shared *shared, uint64_t seq)
{
	for (uint32_t i = 0; i < FP_SHARDS; i++)
		/* release: the table is stored; pairs with the programs' look at it */
		fp_word_release(&shared->shard_seq[i], seq);
}

/* Whether anything but rows of groups is another: what any decision may depend on. */
static bool all_void(const struct fp_table *old, const struct fp_table *table)
{
	return old->vlans != table->vlans || old->floods_seq != table->floods_seq ||
	       memcmp(old->up, table->up, sizeof(old->up)) ||
	       memcmp(old->held, table->held, sizeof(old->held)) ||
	       memcmp(old->reserved, table->reserved, sizeof(old->reserved)) ||
	       memcmp(old->coalesce, table->coalesce, sizeof(old->coalesce)) ||
	       memcmp(old->rings, table->rings, sizeof(old->rings)) ||
	       memcmp(old->names, table->names, sizeof(old->names)) ||
	       memcmp(old->filters, table->filters, sizeof(old->filters)) ||
	       memcmp(old->trunks, table->trunks, sizeof(old->trunks)) ||
	       memcmp(old->ports, table->ports, sizeof(old->ports)) ||
	       memcmp(old->mtu, table->mtu, sizeof(old->mtu)) ||
	       memcmp(old->pvid, table->pvid, sizeof(old->pvid)) ||
	       memcmp(old->horizon, table->horizon, sizeof(old->horizon));
}

void fp_served_ports(struct fp_switch *sw, const struct fp_port_state *ports, uint32_t port_count)
{
	for (uint32_t i = 0; sw->kernel.shared && i < port_count; i++) {
		struct fp_path_port *port = &sw->kernel.shared->ports[ports[i].port];

		/* release: whoever is said to be there is; the address is for one that is */
		fp_word_release(&port->peer, 0);
		memcpy(port->peer_mac, ports[i].peer_mac, sizeof(port->peer_mac));
		fp_word_release(&port->peer, ports[i].flags & FP_PORT_PEER ? 1 : 0);
		/* relaxed: each frame goes by the old limit or the new */
		fp_word_store(&port->storm_one_ns,
			      ports[i].storm_limit ? FP_NS_PER_S / ports[i].storm_limit : 0);
	}
}

void fp_served_publish(struct fp_switch *sw, const struct fp_table *old,
		       const struct fp_table *table)
{
	struct fp_path_shared *shared = sw->kernel.shared;
	bool changed[FP_SHARDS];
	bool any = false;

	/* relaxed: this thread alone writes it */
	if (!shared || !fp_load_relaxed(&sw->kernel_allowed))
		return;
	if (all_void(old, table)) {
		fp_renew(sw, table, NULL);
		set_shards(shared, table->seq);
		return;
	}
	for (uint32_t i = 0; i < FP_SHARDS; i++)
		any |= changed[i] = old->shards[i] != table->shards[i];
	if (any)
		fp_renew(sw, table, changed);
	for (uint32_t i = 0; i < FP_SHARDS && any; i++) {
		if (changed[i])
			/* release: as in set_shards() */
			fp_word_release(&shared->shard_seq[i], table->seq);
	}
}

/* A new table, so that the loops ask again about every flow. */
int fp_switch_kernel(struct fp_switch *sw, int allowed)
{
	struct fp_table *table;

	if (allowed) {
		int err = sw->kernel.shared ? fp_kernel_load(&sw->kernel) : -ENOTSUP;

		if (err)
			return sw->kernel.err ? sw->kernel.err : err;
	}
	/* relaxed: this thread alone writes it, and nothing is published through it */
	if (fp_load_relaxed(&sw->kernel_allowed) == (allowed != 0))
		return 0;
	table = fp_publish_begin(sw);
	if (!table)
		return -ENOMEM;
	fp_store_relaxed(&sw->kernel_allowed, allowed != 0);
	if (sw->kernel.shared)
		set_shards(sw->kernel.shared, allowed ? table->seq : UINT64_MAX);
	fp_publish_end(sw, table, NULL);
	return 0;
}

int fp_switch_health(struct fp_switch *sw, uint32_t mode)
{
	struct fp_table *table;

	/* relaxed: this thread alone writes it */
	if (mode > FP_HEALTH_ALL)
		return -EINVAL;
	if (fp_load_relaxed(&sw->health) == mode)
		return 0;
	table = fp_publish_begin(sw);
	if (!table)
		return -ENOMEM;
	fp_store_relaxed(&sw->health, mode);
	for (uint32_t i = 0; i < sw->worker_count; i++) /* they were not looked at until now */
		fp_healths_pass_over(&sw->workers[i]->healths);
	/* every decision is made anew, and says whether its stream is watched */
	if (sw->kernel.shared && fp_load_relaxed(&sw->kernel_allowed))
		set_shards(sw->kernel.shared, table->seq);
	fp_publish_end(sw, table, NULL);
	return 0;
}

/* What the programs could not send is no frame that was sent. */
void fp_served_refused(struct fp_switch *sw)
{
	if (!sw->kernel.shared)
		return;
	for (uint32_t port = 0; port < FP_PORTS_MAX; port++) {
		uint64_t refused = fp_word_load(&sw->kernel.shared->ports[port].refused);
		uint64_t more = refused - sw->refused[port];
		struct fp_stats *stats = &sw->control_stats[port];

		if (!more)
			continue;
		sw->refused[port] = refused;
		fp_count(&stats->stats[FP_STAT_TX_FRAMES], 0 - more);
		fp_count(&stats->stats[FP_STAT_TX_SENDS], 0 - more);
		fp_count(&stats->stats[FP_STAT_TX_DROP_ERROR], more);
	}
}

static bool is_serving(const struct fp_path_slot *slot, uint64_t now_ns)
{
	return fp_word_load(&slot->mode) == FP_MODE_KERNEL &&
	       fp_word_load(&slot->last_ns) + SERVING_NS > now_ns;
}

static uint32_t fold_worker(struct fp_switch *sw, struct fp_worker *worker, uint64_t now_ns)
{
	struct fp_slots *slots = &worker->slots;
	uint32_t count = fp_slots_used(slots);
	uint32_t serving = 0;

	for (uint32_t first = 0; first < count; first += LOCKED_SLOTS) {
		uint32_t end = first + LOCKED_SLOTS < count ? first + LOCKED_SLOTS : count;

		fp_slots_lock(slots);
		for (uint32_t i = first; i < end; i++) {
			fp_fold_slot(sw, slots, i, sw->control_stats);
			fp_renew_watch(sw, worker, i, now_ns);
			serving += is_serving(&slots->slots[i], now_ns);
		}
		fp_slots_unlock(slots);
	}
	return serving;
}

int fp_kernel_fold(struct fp_switch *sw)
{
	uint64_t now_ns = fp_now_ns();
	uint32_t serving = 0;

	fp_excuse_look(sw);
	if (!sw->kernel.shared)
		return 0;
	for (uint32_t i = 0; i < sw->worker_count; i++)
		serving += fold_worker(sw, sw->workers[i], now_ns);
	fp_served_refused(sw);
	sw->folded_ns = fp_now_ns();
	return (int)serving;
}

void fp_served_settle(struct fp_switch *sw)
{
	if (sw->kernel.shared && fp_now_ns() - sw->folded_ns > FRESH_NS)
		fp_kernel_fold(sw);
}
