/*
 * Ports on their way from one process to another (fp_contract.h): what one is made of, a port made
 * of that, and the kernel's half quiet meanwhile.
 */
#include <errno.h>
#include <linux/if_packet.h>
#include <sys/socket.h>

#include "fp_attach.h"
#include "fp_publish.h"

int fp_port_hand(struct fp_switch *sw, uint32_t id, struct fp_port_handed *handed)
{
	const struct fp_port *port = id < FP_PORTS_MAX ? sw->opened[id] : NULL;

	if (!port)
		return -ENOENT;
	*handed = (struct fp_port_handed){
		.ifindex = port->ifindex,
		.data_fd = port->data.fd,
		.control_fd = port->control.fd,
		.tx_fd = port->tx_fd,
		.tx_bare_fd = port->tx_bare_fd,
		.tx_qdisc_fd = port->tx_qdisc_fd,
		.program_fd = port->isolate_fd,
		.ring_slots = port->data.slots,
		.control_slots = port->control.slots,
		/* relaxed: exact once no loop runs, whose threads have been joined */
		.data_taken = fp_load_relaxed(&port->data.taken),
		.control_taken = fp_load_relaxed(&port->control.taken),
	};
	return 0;
}

/* It is bound there: nobody is handed a ring of another interface. */
static int check_bound(int fd, int ifindex)
{
	struct sockaddr_ll address;
	socklen_t len = sizeof(address);

	if (getsockname(fd, (struct sockaddr *)&address, &len))
		return -errno;
	return address.sll_family == AF_PACKET && address.sll_ifindex == ifindex ? 0 : -ENODEV;
}

static int map_rings(struct fp_port *port, const struct fp_port_handed *handed)
{
	const int fds[] = {handed->data_fd, handed->control_fd, handed->tx_fd, handed->tx_bare_fd,
			   handed->tx_qdisc_fd};
	int err = 0;

	for (uint32_t i = 0; !err && i < sizeof(fds) / sizeof(fds[0]); i++)
		/* the last may be another way to the one before */
		if (fds[i] >= 0 || i < 4)
			err = check_bound(fds[i], port->ifindex);
	if (!err)
		err = fp_ring_map(&port->data, handed->data_fd, handed->ring_slots);
	if (!err)
		err = fp_ring_map(&port->control, handed->control_fd, handed->control_slots);
	return err;
}

/*
 * What keeps the host's stack off it: our program, to come; else what the other process has there,
 * which stays; else one that only drops, or why there can be none.
 */
static void keep_off(struct fp_port *port, const struct fp_port_handed *handed,
		     struct fp_kernel *kernel)
{
	if (port->flags & FP_OPEN_LATER && fp_attach_load(kernel))
		port->isolated = EINPROGRESS;
	else
		port->isolated = handed->program_fd >= 0 ? 0 : -fp_attach_drop(port);
}

static int make_of(const struct fp_port_handed *handed, const struct fp_port_config *config,
		   struct fp_kernel *kernel, struct fp_port **out, const char **stage)
{
	struct fp_port *port;
	int err;

	*stage = "ring size";
	if (!handed->ring_slots || !handed->control_slots ||
	    !fp_port_slots_valid(handed->ring_slots) || !fp_port_slots_valid(handed->control_slots))
		return -EINVAL;
	*stage = "memory";
	port = fp_port_new(config);
	if (!port)
		return -ENOMEM;
	port->handed = true;
	keep_off(port, handed, kernel);
	err = fp_punt_new(config->punt_bytes ? config->punt_bytes : FP_PUNT_BYTES_DEFAULT,
			  &port->punt);
	if (!err) {
		*stage = "rings of another process";
		err = map_rings(port, handed);
	}
	if (err) {
		port->data.fd = port->control.fd = -1; /* still of who called */
		fp_port_free(port);
		return err;
	}
	port->tx_fd = handed->tx_fd;
	port->tx_bare_fd = handed->tx_bare_fd;
	port->tx_qdisc_fd = handed->tx_qdisc_fd < 0 ? handed->tx_fd : handed->tx_qdisc_fd;
	/* relaxed: no loop knows the port yet */
	fp_store_relaxed(&port->needs_qdisc, !(config->flags & FP_OPEN_QDISC_BYPASS));
	*out = port;
	return 0;
}

int fp_port_receive(struct fp_switch *sw, const struct fp_port_handed *handed,
		    const struct fp_port_config *config, struct fp_port **prepared,
		    const char **stage)
{
	return make_of(handed, config, &sw->kernel, prepared, stage);
}

static struct fp_port *find_handed(struct fp_switch *sw, uint32_t id)
{
	struct fp_port *port = id < FP_PORTS_MAX ? sw->opened[id] : NULL;

	return port && port->handed ? port : NULL;
}

/*
 * What it had when the other process last looked is not known here: that it was full, and that some
 * of it was taken since, makes the first look no judge of what the kernel has dropped.
 */
static void resume(struct fp_ring *ring, struct fp_watch *watch, uint32_t taken)
{
	fp_ring_resume(ring, taken);
	*watch = (struct fp_watch){.waiting = ring->slots, .taken = taken - 1};
}

int fp_port_resume(struct fp_switch *sw, uint32_t id, uint32_t data_taken, uint32_t control_taken)
{
	struct fp_port *port = find_handed(sw, id);

	if (!port)
		return -ENOENT;
	resume(&port->data, &port->data_watch, data_taken);
	resume(&port->control, &port->control_watch, control_taken);
	return 0;
}

int fp_port_unfilter(struct fp_switch *sw, uint32_t id)
{
	struct fp_port *port = find_handed(sw, id);
	int off = 0;

	if (!port)
		return -ENOENT;
	if (setsockopt(port->data.fd, SOL_SOCKET, SO_DETACH_FILTER, &off, sizeof(off)) &&
	    errno != ENOENT)
		return -errno;
	return 0;
}

int fp_switch_quiet(struct fp_switch *sw, int quiet, int kernel)
{
	int err = fp_switch_kernel(sw, !quiet && kernel);

	for (uint32_t i = 0; sw->kernel.shared && i < FP_PORTS_MAX; i++) {
		const struct fp_port *port = sw->opened[i];

		if (port && fp_load_relaxed(&port->served))
			/* relaxed: each frame goes by the old word or the new */
			__atomic_store_n(&sw->kernel.shared->ports[i].unicast,
					 !quiet && port->flags & FP_OPEN_SHORTCUT,
					 __ATOMIC_RELAXED);
	}
	return err;
}

void fp_switch_go(struct fp_switch *sw)
{
	fp_store_relaxed(&sw->stop, 0); /* no loop runs: nothing is published through it */
}
