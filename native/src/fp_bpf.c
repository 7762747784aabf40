#include "fp_bpf.h"

#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Of linux/bpf.h since kernel 6.6; the headers may be older. */
#define ATTACH_TCX_INGRESS 46
#define ATTACH_BEFORE (1u << 3)
#define ATTACH_TO_LINK (1u << 13) /* what it is before, or behind, is said by a link */

static int bpf(int command, union bpf_attr *attr)
{
	long result = syscall(SYS_bpf, command, attr, sizeof(*attr));

	return result < 0 ? -errno : (int)result;
}

static uint64_t pointer(const void *p)
{
	return (uint64_t)(uintptr_t)p;
}

int fp_bpf_map_new(uint32_t type, uint32_t key_bytes, uint32_t value_bytes, uint32_t entries_max,
		   uint32_t flags)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.map_type = type;
	attr.key_size = key_bytes;
	attr.value_size = value_bytes;
	attr.max_entries = entries_max;
	attr.map_flags = flags;
	return bpf(BPF_MAP_CREATE, &attr);
}

static int element(int command, int map_fd, const void *key, const void *value)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.map_fd = (uint32_t)map_fd;
	attr.key = pointer(key);
	attr.value = pointer(value);
	return bpf(command, &attr);
}

int fp_bpf_map_get(int map_fd, const void *key, void *value)
{
	return element(BPF_MAP_LOOKUP_ELEM, map_fd, key, value);
}

int fp_bpf_map_set(int map_fd, const void *key, const void *value)
{
	return element(BPF_MAP_UPDATE_ELEM, map_fd, key, value);
}

int fp_bpf_map_delete(int map_fd, const void *key)
{
	return element(BPF_MAP_DELETE_ELEM, map_fd, key, NULL);
}

int fp_bpf_map_next(int map_fd, const void *key, void *next)
{
	return element(BPF_MAP_GET_NEXT_KEY, map_fd, key, next);
}

int fp_bpf_load(uint32_t type, const struct bpf_insn *code, uint32_t count)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.prog_type = type;
	attr.insns = pointer(code);
	attr.insn_cnt = count;
	attr.license = pointer("MIT");
	return bpf(BPF_PROG_LOAD, &attr);
}

int fp_bpf_attach_ingress(int program_fd, int ifindex, int before_fd)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.link_create.prog_fd = (uint32_t)program_fd;
	attr.link_create.target_ifindex = (uint32_t)ifindex;
	attr.link_create.attach_type = ATTACH_TCX_INGRESS;
	attr.link_create.flags = ATTACH_BEFORE;
	if (before_fd >= 0) {
		attr.link_create.flags |= ATTACH_TO_LINK;
		attr.link_create.target_btf_id = (uint32_t)before_fd; /* its place: relative_fd */
	}
	return bpf(BPF_LINK_CREATE, &attr);
}

int fp_bpf_detach(int link_fd)
{
	union bpf_attr attr = {.link_detach.link_fd = (uint32_t)link_fd};

	return bpf(BPF_LINK_DETACH, &attr);
}

bool fp_bpf_is_detached(int link_fd)
{
	struct bpf_link_info info = {0};
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.info.bpf_fd = (uint32_t)link_fd;
	attr.info.info_len = sizeof(info);
	attr.info.info = pointer(&info);
	/* Of a tcx link the interface stands where that of an XDP link does. */
	return !bpf(BPF_OBJ_GET_INFO_BY_FD, &attr) && !info.xdp.ifindex;
}
