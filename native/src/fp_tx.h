/*
 * Sending a pass: one sendmmsg per egress port straight out of the slots. A full or broken egress
 * drops for that port only and is counted there; it never stalls the other ports.
 */
#ifndef FP_TX_H
#define FP_TX_H

#include <stdint.h>
#include <sys/socket.h>

#include "fp_batch.h"
#include "fp_port.h"
#include "fp_stats.h"
#include "fp_table.h"
#include "fp_news.h"

struct fp_tx {
	struct mmsghdr messages[FP_BATCH_FRAMES];
	struct {
		uint32_t frames;
		uint32_t bytes;
		bool bare; /* goes by tx_bare_fd */
	} sizes[FP_BATCH_FRAMES];
	uint16_t units[FP_PORTS_MAX][FP_BATCH_FRAMES];
	uint32_t unit_counts[FP_PORTS_MAX];
	const struct fp_news *news; /* what stops runs to watched ports; NULL: nothing */
};

/* Sends every unit of a built batch; stats: one block per port. */
void fp_tx_batch(struct fp_tx *tx, const struct fp_table *table, struct fp_batch *batch,
		 struct fp_stats *stats);
/* The counter a failed send moves. */
enum fp_stat fp_tx_drop_stat(int err);

#endif
