#include "program.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static int bpf(int command, union bpf_attr *attr)
{
	long ret = syscall(SYS_bpf, command, attr, sizeof(*attr));

	return ret < 0 ? -errno : (int)ret;
}

int program_memory(size_t bytes, void **mapped)
{
	union bpf_attr attr = {
		.map_type = BPF_MAP_TYPE_ARRAY,
		.key_size = 4,
		.value_size = (uint32_t)bytes,
		.max_entries = 1,
		.map_flags = BPF_F_MMAPABLE,
	};
	int fd = bpf(BPF_MAP_CREATE, &attr);

	if (fd < 0)
		return fd;
	*mapped = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (*mapped == MAP_FAILED) {
		int err = -errno;

		close(fd);
		return err;
	}
	return fd;
}

int program_load(const struct bpf_insn *code, uint32_t len)
{
	static char log[16384];
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_SOCKET_FILTER,
		.insns = (uint64_t)(uintptr_t)code,
		.insn_cnt = len,
		.license = (uint64_t)(uintptr_t) "GPL", /* bpf_ktime_get_ns asks for it */
		.log_buf = (uint64_t)(uintptr_t)log,
		.log_size = sizeof(log),
		.log_level = 1,
	};
	int fd = bpf(BPF_PROG_LOAD, &attr);

	if (fd < 0)
		fprintf(stderr, "the kernel refused the filter: %s\n%s\n", strerror(-fd), log);
	return fd;
}
