/*
 * A port: an interface with its two receive rings, its transmit sockets and the program that keeps
 * the host stack off it. Made and freed by any thread, one at a time, as the kernel takes its time
 * for both, opened and closed by the control thread; the rings belong to one loop
 * thread; the transmit sockets may be used by any thread. Everything the kernel holds for a port
 * goes with its descriptors, so a killed process leaves nothing behind: the program at once, so
 * that the next one's does not find it there, the sockets soon after it (fp_garbage.h).
 *
 * A port is closed by publishing a table without it and freed when every loop has passed that table
 * (fp_retire.h).
 */
#ifndef FP_PORT_H
#define FP_PORT_H

#include <stdbool.h>
#include <stdint.h>

#include "fp.h"
#include "fp_atomic.h"
#include "fp_kernel.h"
#include "fp_punt.h"
#include "fp_ring.h"
#include "fp_stats.h"
#include "fp_watch.h"

#define FP_RING_SLOTS_DEFAULT 4096u
#define FP_CONTROL_SLOTS_DEFAULT 2048u
#define FP_PUNT_BYTES_DEFAULT (1u << 20)

struct fp_port {
	uint32_t id;
	uint32_t worker;
	int ifindex;
	/* it is not bypassed: it is not to be, or the bypass path cannot segment for this device */
	_Atomic uint32_t needs_qdisc;
	int tx_fd;	 /* the usual way out */
	int tx_bare_fd;	 /* likewise without virtio headers, a little cheaper; or -1 */
	int tx_qdisc_fd; /* through the qdisc layer, which can segment */
	uint32_t flags;	 /* of fp_port_config */
	int isolated;	 /* 0, or the errno of isolation; EINPROGRESS: its program is to come */
	int isolate_fd;	 /* tcx link of the program that keeps the host stack off, or lets it see */
	int knot;	 /* what has its sockets closed behind a dead process, or -1 */
	/* what comes in may be served inside the kernel; the control thread's, the loops read it */
	_Atomic bool served;
	struct fp_ring data;
	struct fp_ring control;
	struct fp_punt *punt; /* its frames on their way to the control plane */
	/* the control thread's own */
	struct fp_watch data_watch;
	struct fp_watch control_watch;
	bool replaced;	      /* by fp_port_reopen(): what waits in its rings is lost */
	bool punt_passed_on;  /* likewise: its queue is the new port's now */
	bool handed;	      /* by another process: its rings take frames already */
	struct fp_port *next; /* fp_reaper.h */
};

/*
 * Any thread: all that takes long. Nothing comes in yet. kernel: NULL leaves the program at the
 * interface to whoever has it. On failure *stage says which step failed.
 */
int fp_port_make(const struct fp_port_config *config, struct fp_kernel *kernel,
		 struct fp_port **out, const char **stage);
/*
 * Frames come in from here on. replaces: an open port of the same interface whose place it takes,
 * or NULL. Its rings refuse every frame from the moment the new ones take them.
 */
int fp_port_start(struct fp_port *port, uint32_t id, struct fp_kernel *kernel,
		  struct fp_port *replaces);
/* One without anything yet, or NULL; and whether a ring may have so many slots, 0: the default. */
struct fp_port *fp_port_new(const struct fp_port_config *config);
bool fp_port_slots_valid(uint32_t slots);
/* Any thread: the program of such a port that waits for it, as a port that is nothing else. */
int fp_port_program(const struct fp_port_config *config, struct fp_kernel *kernel,
		    struct fp_port **out);
/* It is the port's from here on, and the kernel serves. */
void fp_port_take(struct fp_port *port, struct fp_port *program, struct fp_kernel *kernel);
/*
 * The program at the interface, which can be there only once, is another port's from here on: of
 * one that replaces it, or of one that is nothing else, for who closes it now and the rest later.
 */
void fp_port_inherit(struct fp_port *port, struct fp_port *before);
struct fp_port *fp_port_bare(struct fp_port *port);
void fp_port_free(struct fp_port *port);
/* Counts what the kernel has dropped since the last look; true when a ring has stopped for good. */
bool fp_port_look(struct fp_port *port, struct fp_stats *stats);

static inline int fp_port_tx_fd(const struct fp_port *port)
{
	/* relaxed: either way out takes every frame, or says so */
	return fp_load_relaxed(&port->needs_qdisc) ? port->tx_qdisc_fd : port->tx_fd;
}

#endif
