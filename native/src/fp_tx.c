#include "fp_tx.h"

#include <errno.h>
#include <linux/virtio_net.h>
#include <stddef.h>
#include <string.h>

#include "fp_mask.h"

#define GIVE_UP_AFTER 64u /* refused sends of one port in a row: it is full, drop its rest */

_Static_assert(FP_BATCH_FRAMES <= UINT16_MAX + 1, "units[] has their numbers");

enum fp_stat fp_tx_drop_stat(int err)
{
	switch (err) {
	case EAGAIN:
	case ENOBUFS:
	case ENOMEM:
		return FP_STAT_TX_DROP_FULL;
	case EMSGSIZE:
		return FP_STAT_TX_DROP_MTU;
	case ENETDOWN:
	case ENXIO:
	case ENODEV:
		return FP_STAT_TX_DROP_DOWN;
	default:
		return FP_STAT_TX_DROP_ERROR;
	}
}

static void add_message(struct fp_tx *tx, uint32_t at, struct iovec *iov, uint32_t iov_count,
			uint32_t frames, uint32_t bytes)
{
	tx->messages[at].msg_hdr = (struct msghdr){.msg_iov = iov, .msg_iovlen = iov_count};
	tx->sizes[at].frames = frames;
	tx->sizes[at].bytes = bytes;
	tx->sizes[at].bare = false;
}

static void add_frame(struct fp_tx *tx, uint32_t at, struct fp_batch_frame *frame, bool bare)
{
	uint32_t bytes = (uint32_t)frame->iov.iov_len - FP_VNET_BYTES;

	bare = bare && frame->bare.iov_len;
	add_message(tx, at, bare ? &frame->bare : &frame->iov, 1, 1, bytes);
	tx->sizes[at].bare = bare;
}

/* What is still to be sent is given its virtio header back: it goes by the qdisc path too. */
static void unbare(struct fp_tx *tx, uint32_t first, uint32_t end)
{
	for (uint32_t i = first; i < end; i++) {
		struct msghdr *message = &tx->messages[i].msg_hdr;
		char *bare = (char *)message->msg_iov;

		if (!tx->sizes[i].bare)
			continue;
		message->msg_iov =
			(struct iovec *)(void *)(bare + offsetof(struct fp_batch_frame, iov) -
						 offsetof(struct fp_batch_frame, bare));
		tx->sizes[i].bare = false;
	}
}

/* The kernel sends a GSO frame on whatever its segments' size; a wire would not take them. */
static bool too_large(const struct fp_batch_frame *frame, uint32_t mtu, struct fp_stats *stats)
{
	if (frame->mtu_bytes <= mtu)
		return false;
	fp_count(&stats->stats[FP_STAT_TX_DROP_MTU], 1);
	return true;
}

/* Asked for each port just before it is sent to: a pass to many ports may take a while. */
static bool may_run(const struct fp_tx *tx, const struct fp_table *table, uint32_t port)
{
	if (!fp_mask_has(table->coalesce, port))
		return false;
	return !tx->news || !fp_mask_has(table->watched, port) || !fp_news_doubt(tx->news, table);
}

/* The messages of one port: units whole where the port may, else frame by frame. */
static uint32_t fill(struct fp_tx *tx, const struct fp_table *table, struct fp_batch *batch,
		     uint32_t port, struct fp_stats *stats)
{
	bool coalesce = batch->iov_count && may_run(tx, table, port);
	bool bare = table->ports[port]->tx_bare_fd >= 0 &&
		    !fp_load_relaxed(&table->ports[port]->needs_qdisc);
	uint32_t count = 0;

	for (uint32_t i = 0; i < tx->unit_counts[port]; i++) {
		struct fp_unit *unit = &batch->units[tx->units[port][i]];

		bool run = unit->frames > 1 && coalesce &&
			   unit->segment_bytes + unit->ip_bytes + FP_UDP_BYTES <= table->mtu[port];

		if (unit->respelled)
			fp_batch_spell(batch, unit, run, port);
		if (run) {
			add_message(tx, count++, &batch->iovs[unit->iov_first], unit->iov_count,
				    unit->frames, unit->frames_bytes);
			continue;
		}
		for (uint32_t f = unit->first; f != FP_NO_FRAME; f = batch->frames[f].next) {
			if (!too_large(&batch->frames[f], table->mtu[port], stats))
				add_frame(tx, count++, &batch->frames[f], bare);
		}
	}
	return count;
}

static bool is_gso(const struct msghdr *message)
{
	struct virtio_net_hdr vnet;

	memcpy(&vnet, message->msg_iov[0].iov_base, sizeof(vnet));
	return vnet.gso_type != VIRTIO_NET_HDR_GSO_NONE;
}

static void count_sent(const struct fp_tx *tx, uint32_t first, uint32_t end, struct fp_stats *stats)
{
	uint64_t frames = 0;
	uint64_t bytes = 0;
	uint64_t coalesced = 0;

	for (uint32_t i = first; i < end; i++) {
		frames += tx->sizes[i].frames;
		bytes += tx->sizes[i].bytes;
		coalesced += tx->sizes[i].frames > 1 ? tx->sizes[i].frames : 0;
	}
	fp_count(&stats->stats[FP_STAT_TX_FRAMES], frames);
	fp_count(&stats->stats[FP_STAT_TX_BYTES], bytes);
	fp_count(&stats->stats[FP_STAT_TX_COALESCED], coalesced);
	fp_count(&stats->stats[FP_STAT_TX_SENDS], end - first);
}

/*
 * The bypass path refuses what the device cannot segment by itself (ENOBUFS, the same as full); the
 * qdisc path segments in software. So a refused GSO frame gets a second try there, and if that
 * works the port stays with the qdisc path: one queue, so that frames keep their order.
 */
static bool sent_by_qdisc(struct fp_port *port, struct fp_tx *tx, uint32_t at, int *err)
{
	if (*err != ENOBUFS || fp_load_relaxed(&port->needs_qdisc) || tx->sizes[at].bare ||
	    !is_gso(&tx->messages[at].msg_hdr))
		return false;
	if (sendmsg(port->tx_qdisc_fd, &tx->messages[at].msg_hdr, MSG_DONTWAIT) >= 0) {
		fp_store_relaxed(&port->needs_qdisc, 1);
		return true;
	}
	*err = errno;
	return false;
}

/* Sends what goes by the same socket as the first; as sendmmsg. */
static int send_run(struct fp_tx *tx, const struct fp_port *port, uint32_t first, uint32_t count)
{
	bool bare = tx->sizes[first].bare;
	uint32_t run = 1;

	while (first + run < count && tx->sizes[first + run].bare == bare)
		run++;
	return sendmmsg(bare ? port->tx_bare_fd : fp_port_tx_fd(port), tx->messages + first, run,
			MSG_DONTWAIT);
}

static void send_port(struct fp_tx *tx, struct fp_port *port, uint32_t count,
		      struct fp_stats *stats)
{
	uint32_t full = 0;
	uint32_t done = 0;

	while (done < count) {
		int sent = send_run(tx, port, done, count);
		int err = errno;
		enum fp_stat drop;
		bool gso;

		if (sent > 0) {
			full = 0; /* a filter on the way out refuses some, and is no full queue */
			count_sent(tx, done, done + (uint32_t)sent, stats);
			done += (uint32_t)sent;
			continue;
		}
		if (err == EINTR)
			continue;
		if (sent_by_qdisc(port, tx, done, &err)) {
			count_sent(tx, done, done + 1, stats);
			done++;
			unbare(tx, done, count);
			continue;
		}
		gso = !tx->sizes[done].bare && is_gso(&tx->messages[done].msg_hdr);
		drop = fp_tx_drop_stat(err);
		fp_count(&stats->stats[drop], tx->sizes[done].frames);
		done++;
		if (drop != FP_STAT_TX_DROP_FULL && drop != FP_STAT_TX_DROP_DOWN)
			continue;
		/* ENOBUFS also says that it cannot be cut: no reason to give up on others' frames
		 */
		if (gso && drop == FP_STAT_TX_DROP_FULL)
			continue;
		if (++full < GIVE_UP_AFTER)
			continue;
		for (; done < count; done++)
			fp_count(&stats->stats[drop], tx->sizes[done].frames);
	}
}

void fp_tx_batch(struct fp_tx *tx, const struct fp_table *table, struct fp_batch *batch,
		 struct fp_stats *stats)
{
	uint64_t ports[FP_MASK_WORDS] = {0};

	for (uint32_t u = 0; u < batch->unit_count; u++) {
		const struct fp_unit *unit = &batch->units[u];

		for (uint32_t i = 0; i < FP_MASK_WORDS; i++)
			ports[i] |= unit->ports[i];
		fp_mask_for_each(unit->ports, port) tx->units[port][tx->unit_counts[port]++] =
			(uint16_t)u;
	}
	fp_mask_for_each(ports, port)
	{
		uint32_t count = fill(tx, table, batch, port, &stats[port]);

		tx->unit_counts[port] = 0;
		send_port(tx, table->ports[port], count, &stats[port]);
	}
}
