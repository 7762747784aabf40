#include "fp_switch.h"

#include <errno.h>
#include <linux/if_packet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fp_clock.h"
#include "fp_decide.h"
#include "fp_mask.h"

_Static_assert(sizeof(struct fp_row) == 72, "contract");
_Static_assert(sizeof(struct fp_vlan) == 72, "contract");
_Static_assert(sizeof(struct fp_port_state) == 16, "contract");
_Static_assert(sizeof(struct fp_verdict) == 40, "contract");
_Static_assert(sizeof(struct fp_fdb_entry) == 32, "contract");
_Static_assert(sizeof(struct fp_config) == 24, "contract");
_Static_assert(sizeof(struct fp_port_config) == 20, "contract");

uint32_t fp_contract_version(void)
{
	return FP_CONTRACT_VERSION;
}

static void worker_free(struct fp_worker *worker)
{
	if (!worker)
		return;
	if (worker->wake_fd >= 0)
		close(worker->wake_fd);
	fp_streams_destroy(&worker->streams);
	free(worker->oversize);
	free(worker->segments);
	free(worker);
}

static struct fp_worker *worker_new(uint32_t id, const struct fp_config *config)
{
	size_t bytes = (sizeof(struct fp_worker) + 63) & ~(size_t)63;
	struct fp_worker *worker = aligned_alloc(64, bytes);

	if (!worker)
		return NULL;
	memset(worker, 0, bytes);
	worker->id = id;
	worker->seq_ports = UINT64_MAX;
	fp_store_relaxed(&worker->seq_seen, FP_SEQ_IDLE);
	worker->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	worker->oversize = malloc((size_t)FP_OVERSIZE_BUFFERS * FP_OVERSIZE_BYTES);
	worker->segments = malloc(FP_SEGMENTS_BYTES);
	if (worker->wake_fd < 0 || !worker->oversize || !worker->segments ||
	    fp_streams_init(&worker->streams, config->streams_max)) {
		worker_free(worker);
		return NULL;
	}
	return worker;
}

struct fp_switch *fp_switch_new(const struct fp_config *config)
{
	size_t bytes = (sizeof(struct fp_switch) + 63) & ~(size_t)63;
	struct fp_switch *sw;

	if (!config->workers || config->workers > FP_WORKERS_MAX)
		return NULL;
	sw = aligned_alloc(64, bytes);
	if (!sw)
		return NULL;
	memset(sw, 0, bytes);
	sw->config = *config;
	fp_store_relaxed(&sw->news.fd, -1);
	sw->news.live = &sw->table;
	fp_shortcut_init(&sw->shortcut, config->fdb_max, config->fdb_ageing_ns);
	sw->punt_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	fp_store_relaxed(&sw->table, fp_table_new());
	if (sw->punt_fd < 0 || !fp_load_relaxed(&sw->table) ||
	    fp_fdb_init(&sw->fdb, config->fdb_max, config->fdb_ageing_ns) ||
	    getrandom(&fp_load_relaxed(&sw->table)->seed, sizeof(uint64_t), GRND_NONBLOCK) < 0)
		goto out;
	for (; sw->worker_count < config->workers; sw->worker_count++) {
		sw->workers[sw->worker_count] = worker_new(sw->worker_count, config);
		if (!sw->workers[sw->worker_count])
			goto out;
		sw->workers[sw->worker_count]->tx.news = &sw->news;
	}
	return sw;
out:
	fp_switch_free(sw);
	return NULL;
}

static void release(struct fp_switch *sw, const struct fp_retired *retired)
{
	struct fp_port *port = retired->object;

	if (retired->kind != FP_RETIRED_PORT) {
		free(retired->object);
		return;
	}
	if (port->replaced)
		fp_count(&sw->control_stats[port->id].stats[FP_STAT_RING_STUCK],
			 fp_ring_waiting(&port->data) + fp_ring_waiting(&port->control));
	fp_port_free(port);
}

void fp_switch_free(struct fp_switch *sw)
{
	if (!sw)
		return;
	for (uint32_t i = 0; i < sw->retired_count; i++)
		release(sw, &sw->retired[i]);
	free(sw->retired);
	for (uint32_t i = 0; i < FP_PORTS_MAX; i++)
		fp_port_free(sw->opened[i]);
	fp_table_free(fp_load_relaxed(&sw->table));
	for (uint32_t i = 0; i < sw->worker_count; i++)
		worker_free(sw->workers[i]);
	fp_fdb_destroy(&sw->fdb);
	fp_shortcut_destroy(&sw->shortcut);
	if (sw->punt_fd >= 0)
		close(sw->punt_fd);
	free(sw);
}

void fp_worker_wake(const struct fp_worker *worker)
{
	uint64_t one = 1;

	if (write(worker->wake_fd, &one, sizeof(one)) < 0) {
		/* the counter is at its limit: the loop is woken already */
	}
}

void fp_switch_stop(struct fp_switch *sw)
{
	fp_store_relaxed(&sw->stop, 1); /* nothing else is published through it */
	for (uint32_t i = 0; i < sw->worker_count; i++)
		fp_worker_wake(sw->workers[i]);
}

int fp_switch_watch(struct fp_switch *sw, int fd)
{
	fp_store_relaxed(&sw->news.fd, fd); /* a descriptor is all there is to it */
	return 0;
}

int fp_switch_hold(struct fp_switch *sw, int hold)
{
	fp_store_release(&sw->news.hold, hold ? 1u : 0u);
	/* seq_cst: the descriptor is read after this; pairs with fp_news_doubt() */
	atomic_thread_fence(memory_order_seq_cst);
	return 0;
}

/* Frees what every loop has moved past; oldest first, so it stops at the first that is not. */
static void reap(struct fp_switch *sw)
{
	uint64_t seen = UINT64_MAX;
	uint32_t freed = 0;

	/* seq_cst: pairs with the start of fp_loop_run() */
	atomic_thread_fence(memory_order_seq_cst);
	for (uint32_t i = 0; i < sw->worker_count; i++) {
		/* acquire: pairs with the release of seq_seen in the loop */
		uint64_t seq = fp_load_acquire(&sw->workers[i]->seq_seen);

		seen = seq < seen ? seq : seen;
	}
	while (freed < sw->retired_count && sw->retired[freed].seq <= seen)
		release(sw, &sw->retired[freed++]);
	sw->retired_count -= freed;
	memmove(sw->retired, sw->retired + freed, sw->retired_count * sizeof(*sw->retired));
}

static int retire_room(struct fp_switch *sw, uint32_t more)
{
	uint32_t room = sw->retired_room ? sw->retired_room : 64;
	struct fp_retired *grown;

	while (room < sw->retired_count + more)
		room *= 2;
	if (room == sw->retired_room)
		return 0;
	grown = realloc(sw->retired, room * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	sw->retired = grown;
	sw->retired_room = room;
	return 0;
}

static void retire(struct fp_switch *sw, void *object, uint64_t seq, enum fp_retired_kind kind)
{
	if (object)
		sw->retired[sw->retired_count++] =
			(struct fp_retired){.object = object, .seq = seq, .kind = kind};
}

/* Swaps in a finished table; the caller has made room for what it replaces. */
static void swap_in(struct fp_switch *sw, struct fp_table *old, struct fp_table *table)
{
	/* release: the table is whole before it can be seen; pairs with the loop's acquire */
	fp_store_release(&sw->table, table);
	for (uint32_t i = 0; i < FP_SHARDS; i++) {
		if (old->shards[i] != table->shards[i])
			retire(sw, old->shards[i], table->seq, FP_RETIRED_MEMORY);
	}
	if (old->vlans != table->vlans)
		retire(sw, old->vlans, table->seq, FP_RETIRED_MEMORY);
	retire(sw, old, table->seq, FP_RETIRED_MEMORY);
	for (uint32_t i = 0; i < sw->worker_count; i++)
		fp_worker_wake(sw->workers[i]);
	reap(sw);
}

/* The short cut knows neither whether a port is up nor, later, its MTU: what changes must go. */
static bool shortcut_stale(const struct fp_table *old, const struct fp_table *table,
			   const struct fp_port_state *state)
{
	return !(state->flags & FP_PORT_UP) || old->mtu[state->port] != table->mtu[state->port];
}

int fp_switch_publish(struct fp_switch *sw, const struct fp_row *rows, uint32_t row_count,
		      const struct fp_vlan *vlans, uint32_t vlan_count,
		      const struct fp_port_state *ports, uint32_t port_count)
{
	struct fp_table *old = fp_load_relaxed(&sw->table); /* only this thread stores it */
	struct fp_table *table = fp_table_copy(old);
	bool changed[FP_PORTS_MAX] = {false};
	bool vlans_own = false;
	int err = table ? retire_room(sw, FP_SHARDS + 2) : -ENOMEM;

	for (uint32_t i = 0; i < row_count && !err; i++)
		err = fp_table_apply_row(table, &rows[i]);
	for (uint32_t i = 0; i < vlan_count && !err; i++)
		err = fp_table_apply_vlan(table, &vlans[i], &vlans_own);
	for (uint32_t i = 0; i < port_count && !err; i++) {
		if (ports[i].port < FP_PORTS_MAX)
			table->ports[ports[i].port] = sw->opened[ports[i].port];
		err = fp_table_apply_port(table, &ports[i]);
	}
	if (err) {
		if (table)
			fp_table_discard(table, old);
		return err;
	}
	for (uint32_t i = 0; i < port_count; i++)
		changed[i % FP_PORTS_MAX] = shortcut_stale(old, table, &ports[i]);
	swap_in(sw, old, table);
	for (uint32_t i = 0; i < port_count; i++) {
		struct fp_port *port = sw->opened[ports[i].port];

		if (port)
			fp_limit_set(&port->punt->limit, ports[i].igmp_rate, ports[i].igmp_burst);
		if (changed[i % FP_PORTS_MAX])
			fp_shortcut_flush(&sw->shortcut, ports[i].port, -1);
	}
	return 0;
}

uint64_t fp_switch_row_count(struct fp_switch *sw)
{
	return fp_load_relaxed(&sw->table)->row_count;
}

uint64_t fp_switch_retired(struct fp_switch *sw)
{
	reap(sw);
	return sw->retired_count;
}

int fp_port_open(struct fp_switch *sw, uint32_t id, const struct fp_port_config *config,
		 int32_t *isolated, const char **stage)
{
	struct fp_port *port;
	int err;

	*stage = "port number";
	if (id >= FP_PORTS_MAX)
		return -EINVAL;
	if (sw->opened[id])
		return -EEXIST;
	err = fp_port_create(id, config, &sw->shortcut, NULL, &port, isolated, stage);
	if (err)
		return err;
	port->worker = id % sw->worker_count;
	sw->opened[id] = port;
	return 0;
}

int fp_port_reopen(struct fp_switch *sw, uint32_t id, const struct fp_port_config *config,
		   int32_t *isolated, const char **stage)
{
	struct fp_table *old = fp_load_relaxed(&sw->table); /* only this thread stores it */
	struct fp_port *before = id < FP_PORTS_MAX ? sw->opened[id] : NULL;
	struct fp_table *table = NULL;
	struct fp_port *port;
	uint64_t stats[FP_STAT_MAX];
	uint64_t reasons[FP_REASON_MAX];
	int err;

	*stage = "port number";
	if (!before)
		return -ENOENT;
	*stage = "memory";
	table = fp_table_copy(old);
	if (!table || retire_room(sw, FP_SHARDS + 3)) {
		free(table);
		return -ENOMEM;
	}
	err = fp_port_create(id, config, &sw->shortcut, before, &port, isolated, stage);
	if (err) {
		free(table);
		return err;
	}
	fp_stats_read(sw, id, stats, reasons); /* the rings' drops are lost with them */
	port->worker = before->worker;
	fp_store_relaxed(&port->needs_qdisc, fp_load_relaxed(&before->needs_qdisc));
	/* The same loop goes on putting into it, by the old port or the new. */
	fp_punt_free(port->punt);
	port->punt = before->punt;
	before->punt_passed_on = true;
	sw->opened[id] = port;
	if (table->ports[id])
		table->ports[id] = port;
	swap_in(sw, old, table);
	retire(sw, before, table->seq, FP_RETIRED_PORT);
	reap(sw);
	fp_count(&sw->control_stats[id].stats[FP_STAT_RING_REOPENED], 1);
	return 0;
}

int fp_port_close(struct fp_switch *sw, uint32_t id)
{
	struct fp_table *old = fp_load_relaxed(&sw->table); /* only this thread stores it */
	struct fp_port *port = id < FP_PORTS_MAX ? sw->opened[id] : NULL;
	struct fp_port_state state = {.port = (uint16_t)id};
	struct fp_table *table;
	uint64_t stats[FP_STAT_MAX];
	uint64_t reasons[FP_REASON_MAX];

	if (!port)
		return -ENOENT;
	table = fp_table_copy(old);
	if (!table || retire_room(sw, FP_SHARDS + 3)) {
		free(table);
		return -ENOMEM;
	}
	fp_stats_read(sw, id, stats, reasons); /* the rings' drops are lost with them */
	table->ports[id] = NULL;
	fp_table_apply_port(table, &state);
	sw->opened[id] = NULL;
	swap_in(sw, old, table);
	fp_shortcut_flush(&sw->shortcut, (int32_t)id, -1);
	retire(sw, port, table->seq, FP_RETIRED_PORT);
	reap(sw);
	return 0;
}

int fp_explain(struct fp_switch *sw, uint32_t port, const uint8_t *data, uint32_t len,
	       struct fp_verdict *verdict)
{
	const struct fp_table *table = fp_load_relaxed(&sw->table); /* only this thread stores it */
	struct fp_frame frame;
	int32_t fdb_port = -1;
	int32_t also = -1;

	if (port >= FP_PORTS_MAX)
		return -EINVAL;
	memset(verdict, 0, sizeof(*verdict));
	verdict->reason = FP_DROP_TRUNCATED;
	if (!fp_frame_parse(data, len, &frame))
		return 0;
	if (!fp_mac_is_multicast(data))
		fdb_port = fp_fdb_lookup(&sw->fdb, frame.vlan, data, fp_now_ns(), &also);
	fp_decide(table, &frame, port, fdb_port, verdict);
	if (also >= 0)
		fp_decide_also(table, port, (uint32_t)also, verdict);
	return 0;
}
