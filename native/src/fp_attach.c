#include "fp_attach.h"

#include <errno.h>
#include <pthread.h>
#include <time.h>
#include <unistd.h>

#include "fp_bpf.h"
#include "fp_isolate.h"

#define ATTACH_TRIES 200
#define ATTACH_AGAIN_NS 5000000

static int attach_drop(struct fp_port *port, int before_fd)
{
	int fd;
	int err;

	if (!(port->flags & FP_OPEN_ISOLATE))
		return -ENOTSUP;
	err = fp_isolate(-1, port->ifindex, before_fd, &fd);
	if (err)
		return err;
	if (port->isolate_fd >= 0)
		close(port->isolate_fd);
	port->isolate_fd = fd;
	return 0;
}

int fp_attach_drop(struct fp_port *port)
{
	return attach_drop(port, port->isolate_fd);
}

/* Its program at the ingress hook, with those of the switch or without. 0, or -errno. */
static int attach(struct fp_port *port, const struct fp_kernel *kernel, int before_fd)
{
	int copy_fd;
	int err;

	if (!fp_load_relaxed(&port->served))
		return attach_drop(port, before_fd);
	/* The kernel takes no program twice, and that of a port that closes is on its way out. */
	for (int tries = 0; tries < ATTACH_TRIES; tries++) {
		err = fp_isolate(kernel->ingress_fd, port->ifindex, before_fd, &port->isolate_fd);
		if (err != -EEXIST)
			return err;
		nanosleep(&(struct timespec){.tv_nsec = ATTACH_AGAIN_NS}, NULL);
	}
	/* Whose else it is, a copy goes before it. */
	copy_fd = fp_kernel_copy(kernel);
	if (copy_fd < 0)
		return copy_fd;
	err = fp_isolate(copy_fd, port->ifindex, before_fd, &port->isolate_fd);
	close(copy_fd);
	return err;
}

bool fp_attach_load(struct fp_kernel *kernel)
{
	static pthread_mutex_t loading = PTHREAD_MUTEX_INITIALIZER;
	int err;

	pthread_mutex_lock(&loading);
	err = fp_kernel_load(kernel);
	pthread_mutex_unlock(&loading);
	return !err;
}

void fp_attach(struct fp_port *port, struct fp_kernel *kernel, int before_fd)
{
	int err;

	/* relaxed, here and below: a hint to the loops, which a publish follows */
	fp_store_relaxed(&port->served, fp_attach_load(kernel));
	err = attach(port, kernel, before_fd);
	/* Without the program the filter would keep out what nobody sends on. */
	if (err)
		fp_store_relaxed(&port->served, false);
	port->isolated = -err;
}

bool fp_attach_is_lost(const struct fp_port *port)
{
	return port->isolate_fd >= 0 && fp_bpf_is_detached(port->isolate_fd);
}

void fp_attach_again(struct fp_port *port, struct fp_kernel *kernel)
{
	close(port->isolate_fd);
	port->isolate_fd = -1;
	fp_attach(port, kernel, -1);
}
