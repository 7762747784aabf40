#include "fp_isolate.h"

#include <errno.h>
#include <unistd.h>

#include "fp_bpf.h"

#define TCX_VERDICT_DROP 2 /* TCX_DROP of linux/bpf.h since kernel 6.6 */

static const struct bpf_insn drop[] = {
	{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = TCX_VERDICT_DROP},
	{.code = BPF_JMP | BPF_EXIT},
};

int fp_isolate(int program_fd, int ifindex, int before_fd, int *link_fd)
{
	int own_fd = -1;
	int fd;

	if (program_fd < 0) {
		own_fd = fp_bpf_load(BPF_PROG_TYPE_SCHED_CLS, drop, sizeof(drop) / sizeof(drop[0]));
		if (own_fd < 0)
			return own_fd;
		program_fd = own_fd;
	}
	fd = fp_bpf_attach_ingress(program_fd, ifindex, before_fd);
	if (fd == -ENOENT && before_fd >= 0) /* somebody has taken that off */
		fd = fp_bpf_attach_ingress(program_fd, ifindex, -1);
	if (own_fd >= 0)
		close(own_fd); /* the link holds it */
	if (fd < 0)
		return fd;
	*link_fd = fd;
	return 0;
}
