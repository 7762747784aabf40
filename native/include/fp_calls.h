/*
 * The calls of the contract (fp_contract.h), which cffi reads behind its structures.
 *
 * Threads: "control" calls come from one thread at a time; fp_loop_run() is the loop thread's only
 * call. Everything else may be called while loops run. Calls return 0 (or a count) and -errno on
 * failure unless they say otherwise.
 */
struct fp_switch;
struct fp_port;

uint32_t fp_contract_version(void);
const char *fp_reason_name(uint32_t reason);
uint32_t fp_reason_action(uint32_t reason);
const char *fp_stat_name(uint32_t stat);
/* "new", "off", ... */
const char *fp_path_name(uint32_t path);
/* Whether the kernel serves it. */
int fp_path_is_kernel(uint32_t path);

/*
 * Life of a switch. fp_switch_free() only after every loop has returned; it waits until the kernel
 * has closed all ports. Their programs let everything pass then, and go in the kernel's own time.
 */
struct fp_switch *fp_switch_new(const struct fp_config *config);
void fp_switch_free(struct fp_switch *sw);
void fp_switch_stop(struct fp_switch *sw);

/*
 * Opens sockets and rings on an interface of the caller's network namespace. The port joins the
 * forwarding at the next publish that names it. On failure *stage names the step that failed;
 * *isolated is the errno of isolation (0: done).
 *
 * Nearly all of it is waiting for the kernel, and any thread may do that: fp_port_prepare() makes a
 * port that takes nothing in yet, of which fp_port_adopt() makes one of the switch, whatever comes
 * of it, or which fp_port_discard() takes back, before fp_switch_free().
 *
 * The program at the interface takes longest, with the kernel's lock on all interfaces held. With
 * FP_OPEN_LATER the port goes without, *isolated is EINPROGRESS, and until it has its program the
 * rings alone serve what comes in. fp_port_attach() makes one, in any thread, fp_port_attached()
 * hands it over to the port: -ENOENT if that does not wait for it. It serves by it from the next
 * publish on that names it.
 */
int fp_port_prepare(struct fp_switch *sw, const struct fp_port_config *config,
		    struct fp_port **prepared, const char **stage);
int fp_port_adopt(struct fp_switch *sw, uint32_t port, struct fp_port *prepared, int32_t *isolated,
		  const char **stage);
void fp_port_discard(struct fp_switch *sw, struct fp_port *prepared);
int fp_port_attach(struct fp_switch *sw, const struct fp_port_config *config,
		   struct fp_port **program);
int fp_port_attached(struct fp_switch *sw, uint32_t port, struct fp_port *program,
		     int32_t *isolated);
int fp_port_open(struct fp_switch *sw, uint32_t port, const struct fp_port_config *config,
		 int32_t *isolated, const char **stage);
/*
 * 1 when a ring of the port has stopped for good: the kernel met a frame that it cannot describe to
 * a ring. fp_port_reopen() replaces rings and sockets by new ones of the same interface, and a
 * program that is gone, published at once; the port's state in the table, the fdb and its isolation
 * stay. When it fails the port takes nothing in any more: close it.
 */
int fp_port_stuck(struct fp_switch *sw, uint32_t port);
/*
 * The descriptor of a port's program, -1: it has none. fp_program_lost() is 1 when somebody took it
 * off the interface, and what the filter leaves to it is lost: of any thread, for it waits for the
 * kernel's lock on interfaces, so of a descriptor of the caller's own.
 */
int fp_port_program_fd(struct fp_switch *sw, uint32_t port);
int fp_program_lost(int fd);
int fp_port_reopen(struct fp_switch *sw, uint32_t port, const struct fp_port_config *config,
		   int32_t *isolated, const char **stage);
/*
 * Keeps the host stack off an open port or lets it see the port, in place: no frame is lost by it.
 * -ENOTSUP: the port has not the program for that, and takes another opening.
 */
int fp_port_isolate(struct fp_switch *sw, uint32_t port, int isolate);
/* FP_OPEN_QDISC_BYPASS of an open port, in place likewise. */
int fp_port_bypass(struct fp_switch *sw, uint32_t port, int bypass);
/* Its link was down and is up again before any table said so: that costs what going down costs. */
int fp_port_flapped(struct fp_switch *sw, uint32_t port);
/* Publishes a table without the port, which threads of their own close when no loop can reach it.
 */
int fp_port_close(struct fp_switch *sw, uint32_t port);

/*
 * A switch goes on in another process. fp_port_hand() says what an open port is made of; all of it
 * stays open here. fp_port_receive() makes a port of it there, for fp_port_adopt(): descriptors are
 * the port's then, but for the program's and if it fails, and nothing is changed that the one who
 * handed it would notice. fp_port_resume() has it go on where the other's loops were stopped,
 * before the first loop runs, and fp_port_unfilter() takes the other's filter from its ring, which
 * keeps nothing out any more: that only once the other one cannot go on after all. Meanwhile
 * fp_switch_quiet() has the kernel serve nothing: all comes into the rings; fp_switch_go() takes
 * fp_switch_stop() back, so that loops can run again.
 */
int fp_port_hand(struct fp_switch *sw, uint32_t port, struct fp_port_handed *handed);
int fp_port_receive(struct fp_switch *sw, const struct fp_port_handed *handed,
		    const struct fp_port_config *config, struct fp_port **prepared,
		    const char **stage);
int fp_port_resume(struct fp_switch *sw, uint32_t port, uint32_t data_taken,
		   uint32_t control_taken);
int fp_port_unfilter(struct fp_switch *sw, uint32_t port);
int fp_switch_quiet(struct fp_switch *sw, int quiet, int kernel);
void fp_switch_go(struct fp_switch *sw);

/* Applies the changes to a copy of what changed, and swaps it in; never waits. */
int fp_switch_publish(struct fp_switch *sw, const struct fp_row *rows, uint32_t row_count,
		      const struct fp_vlan *vlans, uint32_t vlan_count,
		      const struct fp_members *members, uint32_t members_count,
		      const struct fp_port_state *ports, uint32_t port_count);
uint64_t fp_switch_row_count(struct fp_switch *sw);
/*
 * Watched ports get no runs while this descriptor is readable (-1: none), nor during a hold: what
 * waits there may say that a neighbour takes runs no longer. Who reads it holds first and lets go
 * when what it read is published.
 */
int fp_switch_watch(struct fp_switch *sw, int fd);
int fp_switch_hold(struct fp_switch *sw, int hold);
uint64_t fp_switch_retired(struct fp_switch *sw);
/*
 * Whether streams may be served inside the kernel, at first not; a change holds from the next frame
 * of each. 0, or the -errno for which the kernel cannot, and then nothing has changed.
 */
int fp_switch_kernel(struct fp_switch *sw, int allowed);
/*
 * Watches the health of streams, enum fp_health_mode, from the next frame of each on; at first not.
 */
int fp_switch_health(struct fp_switch *sw, uint32_t mode);
/*
 * Adds what the kernel has counted since the last time to streams and counters, and keeps the
 * sources of its streams in the fdb: before they are read, and once a second. Returns how many
 * streams it serves.
 */
int fp_kernel_fold(struct fp_switch *sw);

/* Forwards until fp_switch_stop(); 0 when stopped, -errno on a fault of the loop. */
int fp_loop_run(struct fp_switch *sw, uint32_t worker);

/*
 * Punted frames: a descriptor that is readable while some wait, and the taking of them: a fair mix
 * of all ports, until what was taken costs as much as the budget.
 */
int fp_punt_fd(struct fp_switch *sw);
int64_t fp_punt_drain(struct fp_switch *sw, uint8_t *buffer, uint32_t buffer_bytes,
		      uint32_t budget);
/*
 * All that was taken is decided, and what follows from it published: joins in it that were served
 * ahead are served no longer (fp_joins.h).
 */
void fp_punt_decided(struct fp_switch *sw);

/*
 * Sends an untagged frame in a VLAN, on those of the ports that are in it, with a tag where
 * they have it tagged; tci, or FP_NO_TAG: of the tag it came with, whose priority it keeps.
 * from: the port it came from, whose horizon does not get it, or -1. *sent gets the ports that
 * took it.
 */
int fp_inject(struct fp_switch *sw, uint32_t vlan, uint32_t tci, int32_t from,
	      const uint64_t *ports, const uint8_t *frame, uint32_t frame_len, uint64_t *sent);

/* What the live table says of such a frame; the fdb and all counters stay as they are. */
int fp_explain(struct fp_switch *sw, uint32_t port, const uint8_t *frame, uint32_t frame_len,
	       struct fp_verdict *verdict);

/* stats: FP_STAT_MAX words, reasons: FP_REASON_MAX words; not mutually consistent. */
int fp_stats_read(struct fp_switch *sw, uint32_t port, uint64_t *stats, uint64_t *reasons);
/* One reason's counter of every port: FP_PORTS_MAX words. */
int fp_reason_read(struct fp_switch *sw, uint32_t reason, uint64_t *counts);
int fp_worker_read(struct fp_switch *sw, uint32_t worker, struct fp_worker_stats *stats);

/* Both return the number of entries written. port or vlan -1: any. */
int fp_fdb_dump(struct fp_switch *sw, struct fp_fdb_entry *entries, uint32_t entries_max);
/* Grows when an address returns to where it was, and when it is claimed in vain; and the entries of
 * which that is so within a time. */
uint64_t fp_fdb_disputes(struct fp_switch *sw);
int fp_fdb_disputed(struct fp_switch *sw, struct fp_fdb_entry *entries, uint32_t entries_max,
		    uint64_t within_ns);
int fp_fdb_flush(struct fp_switch *sw, int32_t port, int32_t vlan);
/*
 * Forgets the addresses that were silent for longer, at all ports but one and those that are
 * sticky; how many, or -ENOMEM.
 */
int fp_fdb_age(struct fp_switch *sw, uint32_t but_port, uint64_t silent_ns);
/* Learns what another process knew, but for what has aged; how many. Before the loops run. */
int fp_fdb_load(struct fp_switch *sw, const struct fp_fdb_entry *entries, uint32_t count);
int fp_stream_dump(struct fp_switch *sw, struct fp_stream *streams, uint32_t streams_max);
/*
 * Has streams go on from what another process dumped, before the first loop runs; ports[n] is here
 * what port n was there, FP_PORTS_MAX for one that is not here. Returns how many it took.
 */
int fp_stream_load(struct fp_switch *sw, const struct fp_stream *streams, uint32_t count,
		   const uint16_t *ports);
/* The same of what is known of their health, behind them; dumped while no loop runs. */
int fp_health_dump(struct fp_switch *sw, struct fp_stream_health *healths, uint32_t healths_max);
int fp_health_load(struct fp_switch *sw, const struct fp_stream_health *healths, uint32_t count,
		   const uint16_t *ports);
