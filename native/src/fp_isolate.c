#include "fp_isolate.h"

#include <unistd.h>

#include "fp_bpf.h"

#define TCX_VERDICT_DROP 2 /* TCX_DROP of linux/bpf.h since kernel 6.6 */

int fp_isolate(struct fp_bpf_code *ingress, int ifindex, int *link_fd)
{
	int program_fd;
	int fd;

	emit_end(ingress, TCX_VERDICT_DROP);
	program_fd = fp_bpf_load(BPF_PROG_TYPE_SCHED_CLS, ingress->code, ingress->count);
	if (program_fd < 0)
		return program_fd;
	fd = fp_bpf_attach_ingress(program_fd, ifindex);
	close(program_fd); /* the link holds it */
	if (fd < 0)
		return fd;
	*link_fd = fd;
	return 0;
}
