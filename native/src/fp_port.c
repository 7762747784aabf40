#include "fp_port.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_arp.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fp_attach.h"
#include "fp_bpf.h"
#include "fp_garbage.h"
#include "fp_guard.h"
#include "fp_thread.h"

#define TX_QUEUE_BYTES (16 << 20)
#define TIED_PORTS 64u /* five sockets each: a third of what a user may usually have in flight */
#define FANOUT_UNIQUE_ID 0x2000	      /* PACKET_FANOUT_FLAG_UNIQUEID, newer than some headers */
#define FANOUT_IGNORE_OUTGOING 0x4000 /* PACKET_FANOUT_FLAG_IGNORE_OUTGOING, likewise */

/*
 * Picks the ring: 1 (control) for IGMP, PIM, MLD and probes of loop guards sent to a group address,
 * else 0. Written with the kernel's offsets so that it does not depend on where the
 * header starts. MLD is recognised by its hop-by-hop header with ICMPv6 behind it. Unicast of those
 * protocols (PIM registers) is data: the filter that keeps what takes the short cut out of a ring
 * is on the data ring.
 */
static struct sock_filter steering[] = {
	BPF_STMT(BPF_LD | BPF_B | BPF_ABS, (uint32_t)SKF_LL_OFF),
	BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 1, 1, 0),
	BPF_STMT(BPF_RET | BPF_K, 0),
	BPF_STMT(BPF_LD | BPF_H | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_PROTOCOL)),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETH_P_IP, 0, 6),
	BPF_STMT(BPF_LD | BPF_B | BPF_ABS, (uint32_t)(SKF_NET_OFF + 9)),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_IGMP, 11, 0),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_PIM, 10, 0),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, FP_IPPROTO_PROBE, 0, 8),
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)(SKF_NET_OFF + 16)),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, FP_PROBE_GROUP, 7, 6),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETH_P_IPV6, 0, 5),
	BPF_STMT(BPF_LD | BPF_B | BPF_ABS, (uint32_t)(SKF_NET_OFF + 6)),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_PIM, 4, 0),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_HOPOPTS, 0, 2),
	BPF_STMT(BPF_LD | BPF_B | BPF_ABS, (uint32_t)(SKF_NET_OFF + 40)),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_ICMPV6, 1, 0),
	BPF_STMT(BPF_RET | BPF_K, 0),
	BPF_STMT(BPF_RET | BPF_K, 1),
};

struct isolation {
	struct fp_port *port;
	struct fp_kernel *kernel;
};

static struct sock_filter refuse_all[] = {BPF_STMT(BPF_RET | BPF_K, 0)};

static int bind_to(int fd, int ifindex, uint16_t protocol)
{
	struct sockaddr_ll address = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(protocol),
		.sll_ifindex = ifindex,
	};

	return bind(fd, (struct sockaddr *)&address, sizeof(address)) ? -errno : 0;
}

/* The decision reads Ethernet headers; a tunnel or loopback has none or not for us. */
static int check_ethernet(int fd)
{
	struct sockaddr_ll address;
	socklen_t len = sizeof(address);

	if (getsockname(fd, (struct sockaddr *)&address, &len))
		return -errno;
	return address.sll_hatype == ARPHRD_ETHER ? 0 : -EPROTONOSUPPORT;
}

static int set_filter(int fd, struct sock_filter *code, unsigned short len)
{
	struct sock_fprog program = {.len = len, .filter = code};

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) ? -errno : 0;
}

/* The first ring of the group makes it, with an id the kernel picks; the second joins. */
static int join_fanout(int fd, int *group)
{
	struct sock_fprog program = {.len = sizeof(steering) / sizeof(steering[0]),
				     .filter = steering};
	unsigned int flags = (PACKET_FANOUT_CBPF | FANOUT_IGNORE_OUTGOING) << 16;
	unsigned int argument = *group < 0 ? flags | (unsigned int)FANOUT_UNIQUE_ID << 16
					   : flags | (unsigned int)*group;
	socklen_t len = sizeof(argument);
	bool first = *group < 0;

	if (setsockopt(fd, SOL_PACKET, PACKET_FANOUT, &argument, sizeof(argument)))
		return -errno;
	if (!first)
		return 0;
	if (getsockopt(fd, SOL_PACKET, PACKET_FANOUT, &argument, &len))
		return -errno;
	*group = (int)(argument & 0xffff);
	if (setsockopt(fd, SOL_PACKET, PACKET_FANOUT_DATA, &program, sizeof(program)))
		return -errno;
	return 0;
}

/*
 * Both rings see every frame between bind and join, so both refuse all until the group is whole.
 * The data ring joins first: index 0 of the steering program.
 */
static int open_rings(struct fp_port *port, const struct fp_port_config *config, const char **stage)
{
	uint32_t data_slots = config->ring_slots ? config->ring_slots : FP_RING_SLOTS_DEFAULT;
	uint32_t control_slots =
		config->control_slots ? config->control_slots : FP_CONTROL_SLOTS_DEFAULT;
	struct fp_ring *rings[2] = {&port->data, &port->control};
	struct packet_mreq promisc = {.mr_ifindex = port->ifindex, .mr_type = PACKET_MR_PROMISC};
	int group = -1;
	int err;

	err = fp_ring_open(&port->data, data_slots, stage);
	if (!err)
		err = fp_ring_open(&port->control, control_slots, stage);
	if (err)
		return err;
	for (int i = 0; i < 2 && !err; i++) {
		*stage = "binding";
		err = set_filter(rings[i]->fd, refuse_all, 1);
		if (!err)
			err = bind_to(rings[i]->fd, port->ifindex, ETH_P_ALL);
		if (err)
			break;
		*stage = "not an Ethernet interface";
		err = check_ethernet(rings[i]->fd);
		if (err)
			break;
		*stage = "fanout";
		err = join_fanout(rings[i]->fd, &group);
	}
	if (err)
		return err;
	*stage = "promiscuous mode";
	if (setsockopt(port->data.fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &promisc, sizeof(promisc)))
		return -errno;
	return 0;
}

static int start_ring(const struct fp_ring *ring)
{
	int off = 0;

	return setsockopt(ring->fd, SOL_SOCKET, SO_DETACH_FILTER, &off, sizeof(off)) ? -errno : 0;
}

/* Keeps out of the data ring what the kernel serves, in place of the filter it had. */
static bool filter_served(const struct fp_port *port, const struct fp_kernel *kernel)
{
	return !setsockopt(port->data.fd, SOL_SOCKET, SO_ATTACH_BPF, &kernel->filter_fd,
			   sizeof(kernel->filter_fd));
}

/* From here on frames come into the rings, and into those of the port they replace no more. */
static int start_rings(struct fp_port *port, struct fp_port *replaces,
		       const struct fp_kernel *kernel)
{
	int err = 0;

	if (replaces) {
		err = set_filter(replaces->data.fd, refuse_all, 1);
		if (!err)
			err = set_filter(replaces->control.fd, refuse_all, 1);
		replaces->replaced = true;
	}
	if (!err)
		err = start_ring(&port->control);
	fp_store_relaxed(&port->served,
			 fp_load_relaxed(&port->served) && !err && filter_served(port, kernel));
	if (!err && !fp_load_relaxed(&port->served))
		err = start_ring(&port->data);
	return err;
}

static int open_tx(int ifindex, bool bypass, bool vnet, int *out)
{
	int queue_bytes = TX_QUEUE_BYTES;
	int on = 1;
	int err = 0;
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	if (vnet && setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof(on)))
		err = -errno;
	if (!err && bypass && setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof(on)))
		err = -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &queue_bytes, sizeof(queue_bytes)))
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &queue_bytes, sizeof(queue_bytes));
	if (!err)
		err = bind_to(fd, ifindex, 0);
	if (err) {
		close(fd);
		return err;
	}
	*out = fd;
	return 0;
}

/* A thread of its own, beside the one that makes the rings: the kernel is quick with them then. */
static void *isolate(void *argument)
{
	struct isolation *isolation = argument;

	fp_attach(isolation->port, isolation->kernel, -1);
	return NULL;
}

bool fp_port_slots_valid(uint32_t slots)
{
	return !slots || (slots >= FP_SLOTS_MIN && slots <= FP_SLOTS_MAX && !(slots & (slots - 1)));
}

static int open_sockets(struct fp_port *port, const struct fp_port_config *config,
			const char **stage)
{
	int err = open_rings(port, config, stage);

	if (err)
		return err;
	*stage = "transmit socket";
	err = open_tx(port->ifindex, true, true, &port->tx_fd);
	if (!err)
		err = open_tx(port->ifindex, false, true, &port->tx_qdisc_fd);
	if (!err)
		err = open_tx(port->ifindex, true, false, &port->tx_bare_fd);
	return err;
}

static void clear(struct fp_port *port)
{
	port->tx_fd = port->tx_bare_fd = port->tx_qdisc_fd = port->isolate_fd = port->knot = -1;
	port->data.fd = port->control.fd = -1;
}

struct fp_port *fp_port_new(const struct fp_port_config *config)
{
	struct fp_port *port = calloc(1, sizeof(*port));

	if (!port)
		return NULL;
	port->flags = config->flags;
	fp_store_relaxed(&port->needs_qdisc, !(config->flags & FP_OPEN_QDISC_BYPASS));
	port->ifindex = config->ifindex;
	port->isolated = ENOTSUP;
	clear(port);
	return port;
}

int fp_port_make(const struct fp_port_config *config, struct fp_kernel *kernel,
		 struct fp_port **out, const char **stage)
{
	struct isolation isolation = {.kernel = kernel};
	bool later = kernel && config->flags & FP_OPEN_LATER && fp_attach_load(kernel);
	struct fp_port *port;
	pthread_t beside;
	bool has_beside;
	int err;

	*stage = "ring size";
	if (!fp_port_slots_valid(config->ring_slots) || !fp_port_slots_valid(config->control_slots))
		return -EINVAL;
	*stage = "memory";
	port = fp_port_new(config);
	if (!port)
		return -ENOMEM;
	if (later)
		port->isolated = EINPROGRESS;
	isolation.port = port;
	has_beside = kernel && !later && !fp_thread_start(&beside, isolate, &isolation);
	err = fp_punt_new(config->punt_bytes ? config->punt_bytes : FP_PUNT_BYTES_DEFAULT,
			  &port->punt);
	if (!err)
		err = open_sockets(port, config, stage);
	if (has_beside)
		pthread_join(beside, NULL);
	else if (!err && kernel && !later)
		isolate(&isolation);
	if (err)
		fp_port_free(port);
	else
		*out = port;
	return err;
}

/*
 * What keeps the host's stack off the port was another process's: ours is there now, and comes
 * before it. Closed is not gone, as long as that process has it open as well, and goes on as it did
 * if somebody takes ours off.
 */
static void replace_program(struct fp_port *port, int before)
{
	if (port->isolate_fd >= 0) {
		fp_bpf_detach(before);
		close(before);
		return;
	}
	port->isolate_fd = before;
	port->isolated = 0;
}

int fp_port_program(const struct fp_port_config *config, struct fp_kernel *kernel,
		    struct fp_port **out)
{
	struct fp_port *port = fp_port_new(config);

	if (!port)
		return -ENOMEM;
	fp_attach(port, kernel, config->program_fd > 0 ? config->program_fd : -1);
	if (config->program_fd > 0)
		replace_program(port, config->program_fd);
	*out = port;
	return 0;
}

/* Where there is no room for one more interface it is only kept from the host's stack. */
static bool serve(struct fp_port *port, const struct fp_kernel *kernel)
{
	if (fp_kernel_serve(kernel, port->id, port->worker, port->ifindex,
			    port->flags & FP_OPEN_SHORTCUT, port->flags & FP_OPEN_ISOLATE))
		return true;
	port->isolated = -fp_attach_drop(port);
	return false;
}

static void tie_sockets(struct fp_port *port)
{
	const int sockets[] = {port->data.fd, port->control.fd, port->tx_fd, port->tx_bare_fd,
			       port->tx_qdisc_fd};
	int fds[sizeof(sockets) / sizeof(sockets[0])];
	uint32_t count = 0;

	for (size_t i = 0; i < sizeof(sockets) / sizeof(sockets[0]); i++)
		if (sockets[i] >= 0)
			fds[count++] = sockets[i];
	if (port->id < TIED_PORTS)
		port->knot = fp_garbage_tie(fds, count);
}

int fp_port_start(struct fp_port *port, uint32_t id, struct fp_kernel *kernel,
		  struct fp_port *replaces)
{
	port->id = id;
	port->worker = id % kernel->workers;
	tie_sockets(port);
	if (fp_load_relaxed(&port->served))
		fp_store_relaxed(&port->served, serve(port, kernel));
	else if (port->isolated == EINPROGRESS)
		fp_kernel_reach(kernel, id, port->ifindex);
	if (!port->handed)
		return start_rings(port, replaces, kernel);
	/* Its program, when it comes, keeps the host's stack off it from its first moment on. */
	if (port->isolated == EINPROGRESS)
		fp_kernel_serve(kernel, id, port->worker, port->ifindex,
				port->flags & FP_OPEN_SHORTCUT, port->flags & FP_OPEN_ISOLATE);
	return 0;
}

void fp_port_take(struct fp_port *port, struct fp_port *program, struct fp_kernel *kernel)
{
	port->isolate_fd = program->isolate_fd;
	port->isolated = program->isolated;
	program->isolate_fd = -1;
	if (fp_load_relaxed(&program->served) && serve(port, kernel))
		fp_store_relaxed(&port->served, filter_served(port, kernel));
	fp_port_free(program);
}

void fp_port_inherit(struct fp_port *port, struct fp_port *before)
{
	port->flags = before->flags;
	fp_store_relaxed(&port->served, fp_load_relaxed(&before->served));
	port->isolated = before->isolated;
	port->isolate_fd = before->isolate_fd;
	before->isolate_fd = -1;
}

struct fp_port *fp_port_bare(struct fp_port *port)
{
	struct fp_port *taken = port->isolate_fd < 0 ? NULL : calloc(1, sizeof(*taken));

	if (taken) {
		clear(taken);
		fp_port_inherit(taken, port);
	}
	return taken;
}

void fp_port_free(struct fp_port *port)
{
	if (!port)
		return;
	if (port->knot >= 0)
		fp_garbage_untie(port->knot);
	if (port->isolate_fd >= 0)
		close(port->isolate_fd);
	if (port->tx_qdisc_fd >= 0)
		close(port->tx_qdisc_fd);
	if (port->tx_bare_fd >= 0)
		close(port->tx_bare_fd);
	if (port->tx_fd >= 0)
		close(port->tx_fd);
	fp_ring_close(&port->control);
	fp_ring_close(&port->data);
	if (!port->punt_passed_on)
		fp_punt_free(port->punt);
	free(port);
}

/* Counts what the kernel dropped, as what it is: of a full ring, or of one that has stopped. */
static void look_at(struct fp_stats *stats, struct fp_watch *watch, const struct fp_ring *ring)
{
	uint64_t drops = fp_watch_look(watch, ring);

	fp_count(&stats->stats[watch->stuck ? FP_STAT_RING_STUCK : FP_STAT_RING_DROPS], drops);
}

bool fp_port_look(struct fp_port *port, struct fp_stats *stats)
{
	look_at(stats, &port->data_watch, &port->data);
	look_at(stats, &port->control_watch, &port->control);
	return port->data_watch.stuck || port->control_watch.stuck;
}
