#include "fake_port.h"

#include <errno.h>
#include <linux/if_packet.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "check.h"

#define MAC_OFFSET                                                                                 \
	90u /* where the kernel puts the frame: behind header, address and virtio header */
#define WIRE_BYTES (4 << 20)

#define DESCRIPTORS_MAX 1024
#define IOVS_MAX 80u

uint32_t fake_sends;
int fake_refuses_gso = -1;
size_t fake_refuses_below;
static bool is_bare[DESCRIPTORS_MAX]; /* of each descriptor: sends come without virtio header */

int __real_sendmmsg(int fd, struct mmsghdr *messages, unsigned int count, int flags);
int __wrap_sendmmsg(int fd, struct mmsghdr *messages, unsigned int count, int flags);

/* With an empty virtio header in front, so that all arrives in one form and in order. */
static ssize_t send_bare(int fd, const struct msghdr *message, int flags)
{
	struct virtio_net_hdr none = {0};
	struct iovec iovs[IOVS_MAX] = {{.iov_base = &none, .iov_len = FP_VNET_BYTES}};
	struct msghdr whole = {.msg_iov = iovs, .msg_iovlen = message->msg_iovlen + 1};

	CHECK(message->msg_iovlen < IOVS_MAX);
	memcpy(iovs + 1, message->msg_iov, message->msg_iovlen * sizeof(*iovs));
	return sendmsg(fd, &whole, flags);
}

static bool is_coalesced(const struct mmsghdr *message)
{
	const uint8_t *vnet = message->msg_hdr.msg_iov[0].iov_base;

	return vnet[offsetof(struct virtio_net_hdr, gso_type)] != VIRTIO_NET_HDR_GSO_NONE;
}

static bool is_refused(int fd, const struct mmsghdr *message)
{
	size_t bytes = 0;

	for (size_t i = 0; i < message->msg_hdr.msg_iovlen; i++)
		bytes += message->msg_hdr.msg_iov[i].iov_len;
	return bytes < fake_refuses_below ||
	       (fd == fake_refuses_gso && !is_bare[fd] && is_coalesced(message));
}

/* As the kernel: stops at the first message that fails, and fails itself if that is the first. */
int __wrap_sendmmsg(int fd, struct mmsghdr *messages, unsigned int count, int flags)
{
	unsigned int good = 0;

	fake_sends++;
	while (good < count && !is_refused(fd, &messages[good]))
		good++;
	errno = ENOBUFS;
	if (!good)
		return -1;
	if (!is_bare[fd])
		return __real_sendmmsg(fd, messages, good, flags);
	count = good;
	good = 0;
	while (good < count && send_bare(fd, &messages[good].msg_hdr, flags) >= 0)
		good++;
	return good ? (int)good : -1;
}

static void pair(int *ours, int *theirs)
{
	int fds[2];
	int bytes = WIRE_BYTES;

	/* SEQPACKET: datagrams, and an error can be made to wait in front of them */
	CHECK(!socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds));
	for (int i = 0; i < 2; i++) {
		if (setsockopt(fds[i], SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes)))
			setsockopt(fds[i], SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
	}
	*ours = fds[0];
	*theirs = fds[1];
	CHECK(*theirs < DESCRIPTORS_MAX);
	is_bare[*theirs] = false; /* the number may have been another's */
}

static void make_ring(struct fake_ring *fake, struct fp_ring *ring)
{
	ring->slots = FAKE_SLOTS;
	ring->map = mmap(NULL, (size_t)FAKE_SLOTS * FP_SLOT_BYTES, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(ring->map != MAP_FAILED);
	pair(&fake->queue, &ring->fd);
	fake->ring = ring;
	fake->next = 0;
	fake->losing = false;
}

void fake_port_copied(int fd, bool bare)
{
	CHECK(fd >= 0 && fd < DESCRIPTORS_MAX);
	is_bare[fd] = bare;
}

void fake_port_make(struct fake_port *fake, uint32_t id)
{
	struct fp_port *port = calloc(1, sizeof(*port));

	CHECK(port);
	port->id = id;
	port->isolate_fd = port->knot = -1;
	pair(&fake->wire, &port->tx_fd);
	port->tx_bare_fd = dup(port->tx_fd);
	CHECK(port->tx_bare_fd >= 0 && port->tx_bare_fd < DESCRIPTORS_MAX);
	is_bare[port->tx_bare_fd] = true;
	pair(&fake->wire_qdisc, &port->tx_qdisc_fd);
	CHECK_EQ(fp_punt_new(FAKE_PUNT_BYTES, &port->punt), 0);
	make_ring(&fake->data, &port->data);
	make_ring(&fake->control, &port->control);
	fake->port = port;
}

void fake_port_plug(struct fake_port *fake, struct fp_switch *sw)
{
	uint32_t id = fake->port->id;

	CHECK(!sw->opened[id]);
	fake->port->worker = id % sw->worker_count;
	sw->opened[id] = fake->port;
}

void fake_port_unplug(struct fake_port *fake)
{
	close(fake->wire);
	close(fake->wire_qdisc);
	close(fake->data.queue);
	close(fake->control.queue);
}

void fake_port_free(struct fake_port *fake)
{
	fake_port_unplug(fake);
	fp_port_free(fake->port);
}

static bool put(struct fake_ring *fake, const uint8_t *vnet, uint32_t len_bytes,
		uint32_t snap_bytes, uint32_t status, int tci, uint16_t tpid)
{
	uint8_t *slot = fake->ring->map + (size_t)fake->next * FP_SLOT_BYTES;
	struct tpacket2_hdr header = {
		.tp_len = len_bytes,
		.tp_snaplen = snap_bytes,
		.tp_mac = MAC_OFFSET,
		.tp_net = MAC_OFFSET + 14,
	};
	_Atomic uint32_t *shared = (_Atomic uint32_t *)(void *)slot;

	/* acquire: pairs with fp_ring_release() */
	if (fp_load_acquire(shared) != TP_STATUS_KERNEL)
		return false;
	if (tci != FAKE_NO_TAG) {
		header.tp_vlan_tci = (uint16_t)tci;
		header.tp_vlan_tpid = tpid;
		status |= TP_STATUS_VLAN_VALID | (tpid ? TP_STATUS_VLAN_TPID_VALID : 0);
	}
	memcpy(slot + sizeof(header.tp_status), (uint8_t *)&header + sizeof(header.tp_status),
	       sizeof(header) - sizeof(header.tp_status));
	memcpy(slot + MAC_OFFSET - FP_VNET_BYTES, vnet, FP_VNET_BYTES + snap_bytes);
	fake->next = (fake->next + 1) % FAKE_SLOTS;
	/* release: pairs with fp_ring_take() */
	status |= fake->losing ? TP_STATUS_LOSING : 0;
	fp_store_release(shared, status | TP_STATUS_USER);
	return true;
}

bool fake_ring_put(struct fake_ring *fake, const uint8_t *vnet, uint32_t len_bytes, int tci,
		   uint16_t tpid)
{
	uint32_t room = FP_SLOT_BYTES - MAC_OFFSET;

	if (len_bytes <= room)
		return put(fake, vnet, len_bytes, len_bytes, 0, tci, tpid);
	CHECK_EQ(send(fake->queue, vnet, FP_VNET_BYTES + len_bytes, MSG_DONTWAIT),
		 FP_VNET_BYTES + len_bytes);
	return put(fake, vnet, len_bytes, room, TP_STATUS_COPY, tci, tpid);
}

bool fake_ring_put_cut(struct fake_ring *fake, const uint8_t *vnet, uint32_t len_bytes,
		       uint32_t snap_bytes)
{
	return put(fake, vnet, len_bytes, snap_bytes, 0, FAKE_NO_TAG, 0);
}

int32_t fake_wire_read(int wire, uint8_t *buffer, uint32_t buffer_bytes)
{
	return (int32_t)recv(wire, buffer, buffer_bytes, MSG_DONTWAIT);
}
