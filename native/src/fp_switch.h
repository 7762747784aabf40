/*
 * The switch: what the control thread owns (the newest table, what waits to be freed, the ports)
 * and what each loop thread owns (struct fp_worker). The words they share have a table in
 * native/README.md.
 */
#ifndef FP_SWITCH_H
#define FP_SWITCH_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

#include "fp.h"
#include "fp_atomic.h"
#include "fp_batch.h"
#include "fp_fdb.h"
#include "fp_flows.h"
#include "fp_health.h"
#include "fp_joins.h"
#include "fp_pace.h"
#include "fp_kernel.h"
#include "fp_port.h"
#include "fp_retire.h"
#include "fp_shortcut.h"
#include "fp_slots.h"
#include "fp_stats.h"
#include "fp_storm.h"
#include "fp_streams.h"
#include "fp_table.h"
#include "fp_tx.h"

#define FP_OVERSIZE_BUFFERS 32u /* of one pass */
#define FP_SEGMENTS_BYTES (1u << 20)
#define FP_SEQ_IDLE UINT64_MAX /* seq_seen of a worker whose loop does not run */

/* A flow whose frames in the ring are let go, see fp_handover.c. */
struct fp_cut {
	bool on;
	uint32_t place;
	const struct fp_port *port;
	uint32_t end;	 /* those that the ring gives out before this one, free-running */
	uint32_t tries;	 /* that are left to have the kernel begin */
	uint64_t served; /* by the kernel, before it was to begin */
};

struct fp_worker {
	/* set by the control thread before the loop runs */
	uint32_t id;
	int wake_fd;
	/* written by the loop */
	_Alignas(64) _Atomic uint64_t seq_seen;
	_Atomic uint64_t passes;
	_Atomic uint64_t sleeps;
	/* the loop's own */
	_Alignas(64) uint64_t seq_ports; /* of the table that ports[] was read from */
	uint32_t port_count;
	uint32_t control_first; /* where the next pass begins: control rings and data rings */
	uint32_t data_first; /* each turn by what they themselves took, or one starves the other */
	uint32_t oversize_used;
	uint32_t sends;	     /* what this pass will take, about */
	uint32_t sends_max;  /* and how many may be, of the round that is on */
	struct fp_pace pace; /* of what ends a wait */
	bool punted;
	bool unwatched; /* a flow of this pass wants a state of health */
	bool from_data; /* the ring that is being taken from is a data ring */
	struct fp_cut cut;
	struct fp_port *ports[FP_PORTS_MAX];
	/*
	 * What it sleeps on: wake_fd, then the rings of ports[]. poll and not epoll, whose standing
	 * wait entries cost the sender's core 50 ns a frame while the loop is awake.
	 */
	struct pollfd polls[1 + 2 * FP_PORTS_MAX];
	struct fp_batch batch;
	struct fp_tx tx;
	struct fp_flows flows;
	struct fp_joins joins;
	struct fp_storm storms[FP_PORTS_MAX];
	uint8_t *oversize;
	uint8_t *segments; /* frames of this pass that were cut here, FP_SEGMENTS_BYTES */
	uint32_t segments_used;
	/* shared, by their own rules */
	struct fp_slots slots;
	struct fp_streams streams;
	struct fp_healths healths;
	struct fp_stats stats[FP_PORTS_MAX];
};

#define FP_EXCUSED 2 /* counters */

struct fp_switch {
	struct fp_config config;
	_Atomic(struct fp_table *) table;
	_Atomic uint32_t stop;
	_Atomic uint32_t deciding; /* the control thread was handed something, see fp_wait() */
	_Atomic uint32_t kernel_allowed;
	_Atomic uint32_t health; /* enum fp_health_mode */
	struct fp_news news;
	int punt_fd;
	struct fp_fdb fdb;
	struct fp_kernel kernel;
	struct fp_shortcut shortcut;
	uint32_t worker_count;
	struct fp_worker *workers[FP_WORKERS_MAX];
	/* the control thread's own */
	struct fp_port *opened[FP_PORTS_MAX]; /* open, in the table or not yet */
	struct fp_stats control_stats[FP_PORTS_MAX];
	struct fp_retirees retirees;
	struct fp_turn punt_turn;
	uint64_t folded_ns;		/* when what the kernel has counted was last added */
	uint64_t refused[FP_PORTS_MAX]; /* copies, as far as they are counted */
	struct {
		uint64_t looked_ns;
		uint64_t seen[FP_PORTS_MAX][FP_EXCUSED][2]; /* by the last look, the one before */
	} excuse;					    /* fp_excuse.h */
};

/* There is something to decide: the control thread's descriptor is readable. */
void fp_switch_handed_up(struct fp_switch *sw);

/* Makes descriptors of a sleeping loop readable. */
void fp_worker_wake(const struct fp_worker *worker);

#endif
