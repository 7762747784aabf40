/* What the control thread reads and sends besides publishing: punts, injects, counters, dumps. */
#include <errno.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fp_clock.h"
#include "fp_mask.h"
#include "fp_switch.h"

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

int fp_inject(struct fp_switch *sw, const uint64_t *ports, const uint8_t *frame, uint32_t frame_len,
	      uint64_t *sent)
{
	struct virtio_net_hdr vnet = {.gso_type = VIRTIO_NET_HDR_GSO_NONE};
	struct iovec iov[2] = {
		{.iov_base = &vnet, .iov_len = FP_VNET_BYTES},
		{.iov_base = (void *)(uintptr_t)frame, .iov_len = frame_len},
	};
	struct msghdr message = {.msg_iov = iov, .msg_iovlen = 2};

	memset(sent, 0, FP_MASK_WORDS * sizeof(*sent));
	fp_mask_for_each(ports, port)
	{
		_Atomic uint64_t *stats = sw->control_stats[port].stats;
		const struct fp_port *to = sw->opened[port];

		if (!to || sendmsg(fp_port_tx_fd(to), &message, MSG_DONTWAIT) < 0) {
			fp_count(&stats[FP_STAT_INJECT_DROPS], 1);
			continue;
		}
		fp_mask_set(sent, port);
		fp_count(&stats[FP_STAT_INJECT_FRAMES], 1);
		fp_count(&stats[FP_STAT_TX_FRAMES], 1);
		fp_count(&stats[FP_STAT_TX_SENDS], 1);
		fp_count(&stats[FP_STAT_TX_BYTES], frame_len);
	}
	return 0;
}

/* Counts what the kernel dropped, as what it is: of a full ring, or of one that has stopped. */
static void look_at(struct fp_stats *stats, struct fp_watch *watch, const struct fp_ring *ring)
{
	uint64_t drops = fp_watch_look(watch, ring);

	fp_count(&stats->stats[watch->stuck ? FP_STAT_RING_STUCK : FP_STAT_RING_DROPS], drops);
}

static void look_at_rings(struct fp_switch *sw, struct fp_port *port)
{
	look_at(&sw->control_stats[port->id], &port->data_watch, &port->data);
	look_at(&sw->control_stats[port->id], &port->control_watch, &port->control);
}

int fp_port_stuck(struct fp_switch *sw, uint32_t id)
{
	struct fp_port *port = id < FP_PORTS_MAX ? sw->opened[id] : NULL;

	if (!port)
		return 0;
	look_at_rings(sw, port);
	return port->data_watch.stuck || port->control_watch.stuck;
}

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
	if (sw->opened[port])
		look_at_rings(sw, sw->opened[port]);
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
	for (uint32_t port = 0; port < FP_PORTS_MAX; port++) {
		counts[port] = 0;
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

/*
 * Frames that take the short cut refresh their source there and not in the fdb: a dump
 * tells the younger age, and has what only the short cut still knows. It writes nothing.
 */
static uint32_t add_shortcut_entries(const struct fp_switch *sw, struct fp_fdb_entry *entries,
				     uint32_t count, uint32_t entries_max, uint64_t now_ns)
{
	struct fp_shortcut_entry entry = {0};
	bool more = fp_shortcut_next(&sw->shortcut, true, &entry);
	uint32_t most = entries_max < sw->fdb.max_entries ? entries_max : sw->fdb.max_entries;

	for (uint32_t i = 0; more && i < 2 * sw->shortcut.entries_max && count < most; i++) {
		uint64_t age_ns = now_ns > entry.seen_ns ? now_ns - entry.seen_ns : 0;
		int32_t also;

		if (age_ns <= sw->shortcut.ageing_ns &&
		    fp_fdb_lookup(&sw->fdb, entry.vlan, entry.mac, now_ns, &also) < 0) {
			entries[count] = (struct fp_fdb_entry){
				.age_ns = age_ns,
				.vlan = entry.vlan,
				.port = (uint16_t)entry.port,
				.rival = FP_FDB_NO_RIVAL,
			};
			memcpy(entries[count++].mac, entry.mac, sizeof(entry.mac));
		}
		more = fp_shortcut_next(&sw->shortcut, false, &entry);
	}
	return count;
}

int fp_fdb_dump(struct fp_switch *sw, struct fp_fdb_entry *entries, uint32_t entries_max)
{
	uint64_t now_ns = fp_now_ns();
	uint32_t count = fp_fdb_read(&sw->fdb, entries, entries_max, now_ns, 0);

	for (uint32_t i = 0; i < count; i++) {
		struct fp_fdb_entry *entry = &entries[i];
		uint64_t seen_ns = 0;
		int32_t port = fp_shortcut_lookup(&sw->shortcut, entry->vlan, entry->mac, now_ns,
						  &seen_ns);
		uint64_t age_ns = now_ns > seen_ns ? now_ns - seen_ns : 0;

		if (port == (int32_t)entry->port && age_ns < entry->age_ns)
			entry->age_ns = age_ns;
	}
	return (int)add_shortcut_entries(sw, entries, count, entries_max, now_ns);
}

uint64_t fp_fdb_disputes(struct fp_switch *sw)
{
	return fp_load_relaxed(&sw->fdb.disputes);
}

int fp_fdb_disputed(struct fp_switch *sw, struct fp_fdb_entry *entries, uint32_t entries_max,
		    uint64_t within_ns)
{
	return (int)fp_fdb_read(&sw->fdb, entries, entries_max, fp_now_ns(), within_ns);
}

int fp_fdb_flush(struct fp_switch *sw, int32_t port, int32_t vlan)
{
	fp_shortcut_flush(&sw->shortcut, port, vlan);
	return (int)fp_fdb_flush_matching(&sw->fdb, port, vlan);
}

int fp_stream_dump(struct fp_switch *sw, struct fp_stream *streams, uint32_t streams_max)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < sw->worker_count; i++)
		count += fp_streams_read(&sw->workers[i]->streams, streams + count,
					 streams_max - count);
	return (int)count;
}
