#include "fp_switch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <unistd.h>

#include "fp_garbage.h"

_Static_assert(sizeof(struct fp_row) == 72, "contract");
_Static_assert(sizeof(struct fp_vlan) == 72, "contract");
_Static_assert(sizeof(struct fp_members) == 72, "contract");
_Static_assert(sizeof(struct fp_port_state) == 32, "contract");
_Static_assert(sizeof(struct fp_verdict) == 72, "contract");
_Static_assert(sizeof(struct fp_fdb_entry) == 32, "contract");
_Static_assert(sizeof(struct fp_config) == 24, "contract");
_Static_assert(sizeof(struct fp_port_config) == 24, "contract");
_Static_assert(sizeof(struct fp_port_handed) == 44, "contract");
_Static_assert(sizeof(struct fp_punted) == 24, "contract");
_Static_assert(sizeof(struct fp_stream) == 176, "contract");
_Static_assert(sizeof(struct fp_worker_stats) == 16, "contract");

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
	fp_slots_destroy(&worker->slots);
	fp_healths_destroy(&worker->healths);
	fp_streams_destroy(&worker->streams);
	free(worker->oversize);
	free(worker->segments);
	free(worker);
}

static int init_slots(struct fp_worker *worker, const struct fp_kernel *kernel)
{
	if (!fp_kernel_ready(kernel))
		return 0;
	return fp_slots_init(&worker->slots, fp_kernel_slots(kernel, worker->id),
			     fp_kernel_sets(kernel, worker->id), kernel->sets,
			     kernel->shared->seed);
}

static int init_healths(struct fp_worker *worker, const struct fp_config *config,
			const struct fp_kernel *kernel)
{
	uint32_t count = fp_kernel_healths_count(config);
	struct fp_health_state *memory =
		fp_kernel_ready(kernel) ? kernel->healths + (size_t)worker->id * count : NULL;

	return fp_healths_init(&worker->healths, memory, count, worker->id * count);
}

static struct fp_worker *worker_new(uint32_t id, const struct fp_config *config,
				    const struct fp_kernel *kernel)
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
	    fp_streams_init(&worker->streams, config->streams_max) || init_slots(worker, kernel) ||
	    init_healths(worker, config, kernel)) {
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
	fp_reaper_init(&sw->retirees.reaper);
	fp_store_relaxed(&sw->news.fd, -1);
	sw->news.live = &sw->table;
	fp_kernel_init(&sw->kernel, config);
	fp_shortcut_init(&sw->shortcut, &sw->kernel, config);
	sw->punt_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	fp_store_relaxed(&sw->table, fp_table_new());
	if (sw->punt_fd < 0 || !fp_load_relaxed(&sw->table) ||
	    fp_fdb_init(&sw->fdb, config->fdb_max, config->fdb_ageing_ns) ||
	    getrandom(&fp_load_relaxed(&sw->table)->seed, sizeof(uint64_t), GRND_NONBLOCK) < 0)
		goto out;
	for (; sw->worker_count < config->workers; sw->worker_count++) {
		sw->workers[sw->worker_count] = worker_new(sw->worker_count, config, &sw->kernel);
		if (!sw->workers[sw->worker_count])
			goto out;
		sw->workers[sw->worker_count]->tx.news = &sw->news;
	}
	return sw;
out:
	fp_switch_free(sw);
	return NULL;
}

/* The programs of all ports pass everything on from here on, and the kernel takes them away. */
static void leave_programs(struct fp_switch *sw)
{
	int fds[FP_GARBAGE_MAX];
	struct fp_port *ports[FP_GARBAGE_MAX];
	uint32_t count = 0;

	for (uint32_t i = 0; i < FP_PORTS_MAX && count < FP_GARBAGE_MAX; i++) {
		struct fp_port *port = sw->opened[i];

		if (!port || !fp_load_relaxed(&port->served))
			continue; /* none, or one that drops all */
		fp_kernel_leave(&sw->kernel, i);
		fds[count] = port->isolate_fd;
		ports[count++] = port;
	}
	if (!count || fp_garbage_give(fds, count))
		return;
	while (count)
		ports[--count]->isolate_fd = -1;
}

void fp_switch_free(struct fp_switch *sw)
{
	if (!sw)
		return;
	leave_programs(sw);
	fp_retire_free(&sw->retirees, UINT64_MAX, sw->control_stats);
	free(sw->retirees.list);
	for (uint32_t i = 0; i < FP_PORTS_MAX; i++)
		fp_reaper_give(&sw->retirees.reaper, sw->opened[i]);
	fp_reaper_destroy(&sw->retirees.reaper);
	fp_table_free(fp_load_relaxed(&sw->table));
	for (uint32_t i = 0; i < sw->worker_count; i++)
		worker_free(sw->workers[i]);
	fp_fdb_destroy(&sw->fdb);
	fp_kernel_destroy(&sw->kernel);
	if (sw->punt_fd >= 0)
		close(sw->punt_fd);
	free(sw);
}

void fp_switch_handed_up(struct fp_switch *sw)
{
	uint64_t one = 1;

	fp_store_relaxed(&sw->deciding, 1);
	if (write(sw->punt_fd, &one, sizeof(one)) < 0) {
		/* the counter is at its limit: the descriptor is readable already */
	}
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
