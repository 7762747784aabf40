/* Loading the programs of a port: the bytecode, with what is this port's and this switch's in it.
 */
#include <errno.h>
#include <linux/bpf.h>
#include <string.h>

#include "fp_bpf.h"
#include "fp_kernel.h"

/* What goes in the place of a symbol that the source leaves undefined. */
enum put { PUT_SHARED, PUT_SETS, PUT_SLOTS, PUT_HEALTHS, PUT_FDB, PUT_ANSWER, PUT_PROGRAMS };

struct place {
	uint32_t insn; /* the first of the two that load 64 bits */
	enum put put;
};

#include "fp_kernel_code.h"

#define CODE_MAX 2048u
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

_Static_assert(COUNT(filter_code) <= CODE_MAX && COUNT(health_code) <= CODE_MAX &&
		       COUNT(ingress_code) <= CODE_MAX,
	       "fits");

static void put(const struct fp_kernel *kernel, enum put what, struct bpf_insn *insn)
{
	insn->src_reg = BPF_PSEUDO_MAP_FD;
	switch (what) {
	case PUT_SHARED:
		insn->src_reg = BPF_PSEUDO_MAP_VALUE;
		insn[1].imm = insn->imm; /* where in the value */
		insn->imm = kernel->shared_fd;
		break;
	case PUT_SETS:
		insn->imm = kernel->sets_fd;
		break;
	case PUT_SLOTS:
		insn->imm = kernel->slots_fd;
		break;
	case PUT_HEALTHS:
		insn->imm = kernel->healths_fd;
		break;
	case PUT_FDB:
		insn->imm = kernel->fdb_fd;
		break;
	case PUT_PROGRAMS:
		insn->imm = kernel->programs_fd;
		break;
	case PUT_ANSWER:
		insn->imm = kernel->answer_fd;
		break;
	}
}

static int load(const struct fp_kernel *kernel, uint32_t type, const uint64_t *words, size_t count,
		const struct place *places, size_t place_count)
{
	struct bpf_insn code[CODE_MAX];

	memcpy(code, words, count * sizeof(*words));
	for (size_t i = 0; i < place_count; i++)
		put(kernel, places[i].put, &code[places[i].insn]);
	return fp_bpf_load(type, code, (uint32_t)count);
}

int fp_kernel_copy(const struct fp_kernel *kernel)
{
	return load(kernel, BPF_PROG_TYPE_SCHED_CLS, ingress_code, COUNT(ingress_code),
		    ingress_places, COUNT(ingress_places));
}

/* The program that the filter goes on to. Without it nothing would be known of any health. */
static int load_health(struct fp_kernel *kernel)
{
	uint32_t index = FP_PATH_PROGRAM_HEALTH;

	kernel->health_fd = load(kernel, BPF_PROG_TYPE_SOCKET_FILTER, health_code,
				 COUNT(health_code), health_places, COUNT(health_places));
	if (kernel->health_fd < 0)
		return kernel->health_fd;
	return fp_bpf_map_set(kernel->programs_fd, &index, &kernel->health_fd);
}

int fp_kernel_load(struct fp_kernel *kernel)
{
	int err;

	if (!fp_kernel_ready(kernel))
		return kernel->err;
	if (kernel->health_fd < 0 && (err = load_health(kernel)))
		return err;
	if (kernel->filter_fd < 0)
		kernel->filter_fd = load(kernel, BPF_PROG_TYPE_SOCKET_FILTER, filter_code,
					 COUNT(filter_code), filter_places, COUNT(filter_places));
	if (kernel->filter_fd < 0)
		return kernel->filter_fd;
	if (kernel->ingress_fd < 0)
		kernel->ingress_fd = fp_kernel_copy(kernel);
	return kernel->ingress_fd < 0 ? kernel->ingress_fd : 0;
}
