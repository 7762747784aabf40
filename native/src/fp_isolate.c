#include "fp_isolate.h"

#include <errno.h>
#include <linux/bpf.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* From linux/bpf.h of kernel 6.6; the headers at hand may be older. */
#define ATTACH_TCX_INGRESS 46
#define TCX_VERDICT_DROP 2

static int bpf(int command, union bpf_attr *attr)
{
	long fd = syscall(SYS_bpf, command, attr, sizeof(*attr));

	return fd < 0 ? -errno : (int)fd;
}

int fp_isolate_open(int ifindex, int *link_fd)
{
	static const struct bpf_insn program[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K,
		 .dst_reg = BPF_REG_0,
		 .imm = TCX_VERDICT_DROP},
		{.code = BPF_JMP | BPF_EXIT},
	};
	union bpf_attr attr;
	int program_fd;
	int fd;

	memset(&attr, 0, sizeof(attr));
	attr.prog_type = BPF_PROG_TYPE_SCHED_CLS;
	attr.insns = (uint64_t)(uintptr_t)program;
	attr.insn_cnt = sizeof(program) / sizeof(program[0]);
	attr.license = (uint64_t)(uintptr_t) "MIT";
	program_fd = bpf(BPF_PROG_LOAD, &attr);
	if (program_fd < 0)
		return program_fd;
	memset(&attr, 0, sizeof(attr));
	attr.link_create.prog_fd = (uint32_t)program_fd;
	attr.link_create.target_ifindex = (uint32_t)ifindex;
	attr.link_create.attach_type = ATTACH_TCX_INGRESS;
	fd = bpf(BPF_LINK_CREATE, &attr);
	close(program_fd);
	if (fd < 0)
		return fd;
	*link_fd = fd;
	return 0;
}
