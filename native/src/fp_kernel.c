#include "fp_kernel.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#include "fp_bpf.h"
#include "fp_mask.h"
#include "fp_shortcut_map.h"
#include "fp_table.h"

#define FDB_LEAST 64u
#define SETS_LEAST 256u
#define SLOTS_A_STREAM 2u /* so few that hash alike that a set has room for them */

_Static_assert(FP_PATH_PORTS == FP_PORTS_MAX && FP_PATH_SHARDS == FP_SHARDS, "one page, two names");
_Static_assert(FP_PATH_UNTAGGED == FP_NO_TAG, "likewise");

/* 0, or -errno and nothing is made. */
static int map_memory(uint32_t value_bytes, uint32_t count, int *fd, void **memory)
{
	size_t bytes = (size_t)value_bytes * count;

	*fd = fp_bpf_map_new(BPF_MAP_TYPE_ARRAY, sizeof(uint32_t), value_bytes, count,
			     BPF_F_MMAPABLE);
	if (*fd < 0)
		return *fd;
	*memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, *fd, 0);
	if (*memory != MAP_FAILED)
		return 0;
	*memory = NULL;
	return -errno;
}

static size_t slot_count(const struct fp_kernel *kernel)
{
	return (size_t)kernel->workers * kernel->sets * FP_PATH_WAYS;
}

static size_t set_count(const struct fp_kernel *kernel)
{
	return (size_t)kernel->workers * kernel->sets;
}

static int make_maps(struct fp_kernel *kernel, const struct fp_config *config)
{
	uint32_t fdb_max = config->fdb_max < FDB_LEAST ? FDB_LEAST : config->fdb_max;
	void *memory = NULL;
	int err;

	if (__BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__)
		return -ENOTSUP; /* the bytecode is for the others */
	err = map_memory(sizeof(struct fp_path_shared), 1, &kernel->shared_fd, &memory);
	kernel->shared = memory;
	if (!err) {
		err = map_memory(sizeof(struct fp_path_set), (uint32_t)set_count(kernel),
				 &kernel->sets_fd, &memory);
		kernel->map = memory;
	}
	if (!err) {
		err = map_memory(sizeof(struct fp_path_slot), (uint32_t)slot_count(kernel),
				 &kernel->slots_fd, &memory);
		kernel->slots = memory;
	}
	if (!err) {
		err = map_memory(sizeof(struct fp_health_state), kernel->healths_count,
				 &kernel->healths_fd, &memory);
		kernel->healths = memory;
	}
	if (err)
		return err;
	kernel->fdb_fd = fp_bpf_map_new(BPF_MAP_TYPE_LRU_HASH, sizeof(struct fp_shortcut_key),
					sizeof(struct fp_shortcut_value), fdb_max, 0);
	kernel->answer_fd = fp_bpf_map_new(BPF_MAP_TYPE_PERCPU_ARRAY, sizeof(uint32_t),
					   FP_PATH_ANSWER_BYTES, 1, 0);
	kernel->programs_fd =
		fp_bpf_map_new(BPF_MAP_TYPE_PROG_ARRAY, sizeof(uint32_t), sizeof(uint32_t), 1, 0);
	if (kernel->fdb_fd < 0)
		return kernel->fdb_fd;
	if (kernel->answer_fd < 0)
		return kernel->answer_fd;
	return kernel->programs_fd < 0 ? kernel->programs_fd : 0;
}

void fp_kernel_init(struct fp_kernel *kernel, const struct fp_config *config)
{
	memset(kernel, 0, sizeof(*kernel));
	kernel->shared_fd = kernel->slots_fd = kernel->fdb_fd = kernel->answer_fd = -1;
	kernel->filter_fd = kernel->ingress_fd = kernel->health_fd = -1;
	kernel->sets_fd = kernel->healths_fd = kernel->programs_fd = -1;
	kernel->workers = config->workers;
	kernel->healths_count = config->workers * fp_kernel_healths_count(config);
	kernel->sets = SETS_LEAST;
	while (kernel->sets * FP_PATH_WAYS < config->streams_max * SLOTS_A_STREAM)
		kernel->sets *= 2;
	kernel->err = make_maps(kernel, config);
	if (!kernel->err &&
	    getrandom(&kernel->shared->seed, sizeof(kernel->shared->seed), GRND_NONBLOCK) < 0)
		kernel->err = -errno;
	if (kernel->err) {
		int err = kernel->err;

		fp_kernel_destroy(kernel);
		kernel->err = err;
		return;
	}
	kernel->shared->ageing_ns = config->fdb_ageing_ns;
	kernel->shared->set_mask = kernel->sets - 1;
#if defined(__x86_64__) || defined(__i386__)
	kernel->shared->strict = 0; /* loads stay in order there */
#else
	kernel->shared->strict = 1;
#endif
}

void fp_kernel_destroy(struct fp_kernel *kernel)
{
	int *fds[] = {&kernel->shared_fd,  &kernel->sets_fd,   &kernel->slots_fd,
		      &kernel->healths_fd, &kernel->fdb_fd,    &kernel->answer_fd,
		      &kernel->filter_fd,  &kernel->health_fd, &kernel->ingress_fd,
		      &kernel->programs_fd};

	if (kernel->map)
		munmap(kernel->map, set_count(kernel) * sizeof(*kernel->map));
	if (kernel->slots)
		munmap(kernel->slots, slot_count(kernel) * sizeof(*kernel->slots));
	if (kernel->healths)
		munmap(kernel->healths, kernel->healths_count * sizeof(*kernel->healths));
	if (kernel->shared)
		munmap(kernel->shared, sizeof(*kernel->shared));
	kernel->map = NULL;
	kernel->slots = NULL;
	kernel->healths = NULL;
	kernel->shared = NULL;
	for (uint32_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
		if (*fds[i] >= 0)
			close(*fds[i]);
		*fds[i] = -1;
	}
}

bool fp_kernel_serve(const struct fp_kernel *kernel, uint32_t port, uint32_t worker, int ifindex,
		     bool unicast, bool isolate)
{
	struct fp_path_port *served = &kernel->shared->ports[port];

	if (served->ifindex != (uint32_t)ifindex)
		fp_kernel_leave(kernel, port);
	served->first_slot = worker * kernel->sets * FP_PATH_WAYS;
	served->unicast = unicast;
	served->streams = 1;
	served->to_host = !isolate;
	served->ifindex = (uint32_t)ifindex;
	for (uint32_t i = 0; i < FP_PATH_PROBES; i++) {
		uint32_t place = ((uint32_t)ifindex + i) & (FP_PATH_HOMES - 1);

		if (kernel->shared->homes[place] == port + 1)
			return true; /* its rings are opened again */
		if (!kernel->shared->homes[place]) {
			/* release: all that is said of the port is before */
			__atomic_store_n(&kernel->shared->homes[place], (uint16_t)(port + 1),
					 __ATOMIC_RELEASE);
			return true;
		}
	}
	return false;
}

void fp_kernel_reach(const struct fp_kernel *kernel, uint32_t port, int ifindex)
{
	if (fp_kernel_ready(kernel))
		kernel->shared->ports[port].ifindex = (uint32_t)ifindex;
}

void fp_kernel_isolate(const struct fp_kernel *kernel, uint32_t port, bool isolate)
{
	/* relaxed: nothing is published through it */
	__atomic_store_n(&kernel->shared->ports[port].to_host, !isolate, __ATOMIC_RELAXED);
}

void fp_kernel_leave(const struct fp_kernel *kernel, uint32_t port)
{
	if (!fp_kernel_ready(kernel))
		return;
	kernel->shared->ports[port].ifindex = 0;
	/* for others: interfaces come with ever other numbers */
	for (uint32_t place = 0; place < FP_PATH_HOMES; place++) {
		if (kernel->shared->homes[place] == port + 1)
			__atomic_store_n(&kernel->shared->homes[place], 0, __ATOMIC_RELAXED);
	}
}
