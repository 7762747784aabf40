/* The counters of all threads and of the short cut, added up for the control plane. */
#include <errno.h>
#include <string.h>

#include "fp_served.h"

static void add_block(const struct fp_stats *block, uint64_t *stats, uint64_t *reasons)
{
	for (uint32_t i = 0; i < FP_STAT_MAX; i++)
		stats[i] += fp_load_relaxed(&block->stats[i]);
	for (uint32_t i = 0; i < FP_REASON_MAX; i++)
		reasons[i] += fp_load_relaxed(&block->reasons[i]);
}

static void add_shortcut(const struct fp_switch *sw, uint32_t port, uint64_t *stats,
			 uint64_t *reasons)
{
	struct fp_shortcut_counts counts;

	fp_shortcut_read(&sw->shortcut, port, &counts);
	stats[FP_STAT_SHORTCUT_FRAMES] += counts.rx_frames;
	stats[FP_STAT_RX_FRAMES] += counts.rx_frames;
	stats[FP_STAT_RX_BYTES] += counts.rx_bytes;
	stats[FP_STAT_TX_FRAMES] += counts.tx_frames;
	stats[FP_STAT_TX_BYTES] += counts.tx_bytes;
	stats[FP_STAT_TX_SENDS] += counts.tx_frames;
	reasons[FP_FORWARD_UNICAST] += counts.rx_frames;
}

int fp_stats_read(struct fp_switch *sw, uint32_t port, uint64_t *stats, uint64_t *reasons)
{
	if (port >= FP_PORTS_MAX)
		return -EINVAL;
	fp_served_settle(sw);
	if (sw->opened[port])
		fp_port_look(sw->opened[port], &sw->control_stats[port]);
	memset(stats, 0, FP_STAT_MAX * sizeof(*stats));
	memset(reasons, 0, FP_REASON_MAX * sizeof(*reasons));
	add_block(&sw->control_stats[port], stats, reasons);
	for (uint32_t i = 0; i < sw->worker_count; i++)
		add_block(&sw->workers[i]->stats[port], stats, reasons);
	add_shortcut(sw, port, stats, reasons);
	return 0;
}

int fp_reason_read(struct fp_switch *sw, uint32_t reason, uint64_t *counts)
{
	if (reason >= FP_REASON_MAX)
		return -EINVAL;
	fp_served_settle(sw);
	for (uint32_t port = 0; port < FP_PORTS_MAX; port++) {
		counts[port] = fp_load_relaxed(&sw->control_stats[port].reasons[reason]);
		for (uint32_t i = 0; i < sw->worker_count; i++)
			counts[port] +=
				fp_load_relaxed(&sw->workers[i]->stats[port].reasons[reason]);
	}
	return 0;
}

int fp_worker_read(struct fp_switch *sw, uint32_t index, struct fp_worker_stats *stats)
{
	const struct fp_worker *worker;

	if (index >= sw->worker_count)
		return -EINVAL;
	worker = sw->workers[index];
	*stats = (struct fp_worker_stats){
		.passes = fp_load_relaxed(&worker->passes),
		.sleeps = fp_load_relaxed(&worker->sleeps),
	};
	return 0;
}
