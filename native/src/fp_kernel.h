/*
 * The kernel's half of the switch: two programs, the same at all ports, and the maps that they
 * share with the loops. The filter on the port's data ring says of every frame whether the kernel
 * serves it, and keeps it out of the ring if so; the program at the port's tcx ingress hook, which
 * the same frame meets next, does what the filter said. One look, one answer: no frame takes both
 * ways or none.
 *
 * Known unicast goes by a map that follows the fdb (fp_shortcut.h), multicast by slots that hold
 * the loop's decisions (fp_slots.h). What neither knows, or the programs cannot do, is the ring's.
 *
 * Known unicast to the address of a veth pair's other end is handed over directly
 * (bpf_redirect_peer), past the queue between. Multicast is not: the kernel calls what it hands
 * over the host's own, so a firewall there that asks for multicast misses it, and IPv4 looks up a
 * route for each datagram in place of once a socket, which costs more than the queue (an eighth of
 * the sender's time at one port).
 *
 * Needs CAP_BPF and a kernel from 6.6 on; without them everything goes by the rings. The kernel
 * removes programs and maps with their descriptors, however the process ends.
 */
#ifndef FP_KERNEL_H
#define FP_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fp.h"
#include "fp_health.h"
#include "fp_path_map.h"

struct fp_kernel {
	int err;       /* -errno for which there are no maps; 0: there are */
	int shared_fd; /* -1 likewise, as the others */
	int sets_fd;
	int slots_fd;
	int fdb_fd;
	int healths_fd;
	int programs_fd; /* those that another goes on to */
	int answer_fd;	 /* what the filter tells the ingress program, of each processor */
	int filter_fd;	 /* the programs */
	int health_fd;
	int ingress_fd;
	struct fp_path_shared *shared;	 /* NULL: there are no maps */
	struct fp_path_set *map;	 /* one worker's behind another's */
	struct fp_path_slot *slots;	 /* likewise */
	struct fp_health_state *healths; /* likewise, fp_kernel_healths_count() of each worker */
	uint32_t healths_count;		 /* of all */
	uint32_t sets;			 /* of FP_PATH_WAYS slots, of one worker; a power of two */
	uint32_t workers;
};

/* Makes the maps; a switch without them works all the same, err says why. */
void fp_kernel_init(struct fp_kernel *kernel, const struct fp_config *config);
void fp_kernel_destroy(struct fp_kernel *kernel);

static inline bool fp_kernel_ready(const struct fp_kernel *kernel)
{
	return kernel->shared != NULL;
}

/* How many streams of a worker can be watched. */
static inline uint32_t fp_kernel_healths_count(const struct fp_config *config)
{
	uint32_t streams = config->streams_max ? config->streams_max : 1;

	return streams < FP_HEALTH_STREAMS ? streams : FP_HEALTH_STREAMS;
}

/* The slots of a worker. */
static inline struct fp_path_slot *fp_kernel_slots(const struct fp_kernel *kernel, uint32_t worker)
{
	return kernel->slots + (size_t)worker * kernel->sets * FP_PATH_WAYS;
}

/* And its sets. */
static inline struct fp_path_set *fp_kernel_sets(const struct fp_kernel *kernel, uint32_t worker)
{
	return kernel->map + (size_t)worker * kernel->sets;
}

/*
 * Loads the programs, with the first port that has use for them: 0, or -errno as of fp_bpf.h
 * (fp_kernel_load.c).
 */
int fp_kernel_load(struct fp_kernel *kernel);
/* Another of the ingress programs: its descriptor, the caller's to close, or -errno. */
int fp_kernel_copy(const struct fp_kernel *kernel);
/*
 * From here on what the port's programs know is served, known unicast only if `unicast`, and the
 * host's stack kept off the port only if `isolate`. False: no room for one more interface whose
 * number is so like others', and nothing is.
 */
bool fp_kernel_serve(const struct fp_kernel *kernel, uint32_t port, uint32_t worker, int ifindex,
		     bool unicast, bool isolate);
/* What others' programs serve leaves by the port from here on, though it has none itself. */
void fp_kernel_reach(const struct fp_kernel *kernel, uint32_t port, int ifindex);
/* Of a port that is served, at once and for every frame: it takes both ways or one. */
void fp_kernel_isolate(const struct fp_kernel *kernel, uint32_t port, bool isolate);
/* From here on nothing is: for a port that closes. */
void fp_kernel_leave(const struct fp_kernel *kernel, uint32_t port);

#endif
