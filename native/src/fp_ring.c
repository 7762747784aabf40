#include "fp_ring.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fp_atomic.h"
#include "fp_frame.h"

#define BLOCK_BYTES 65536u
#define OVERSIZE_QUEUE_BYTES (8 << 20)
#define GAPS 4u /* as many processors as may write to a ring, with none behind them, at once */
#define PREFETCH_AHEAD 4u
#define IP_BYTES_MAX 65535u

_Static_assert(BLOCK_BYTES % FP_SLOT_BYTES == 0, "slots lie behind one another, over blocks");
_Static_assert(FP_SLOTS_MIN *FP_SLOT_BYTES >= BLOCK_BYTES, "the smallest ring has a block");
_Static_assert(FP_SLOT_BYTES % TPACKET_ALIGNMENT == 0, "the kernel's demand");
_Static_assert(FP_FRAME_BYTES_MAX >= FP_VNET_BYTES + FP_ETH_BYTES + FP_TAG_BYTES + IP_BYTES_MAX,
	       "the largest frame is read whole, and is no longer with its tag");
_Static_assert(FP_OVERSIZE_BYTES >= FP_TAG_ROOM + FP_FRAME_BYTES_MAX, "and tags find room");
/* In a slot the kernel leaves an address and 16 bytes between its header and the IP header. */
_Static_assert(sizeof(struct sockaddr_ll) + 16u >= FP_VNET_BYTES + FP_ETH_BYTES + FP_TAG_ROOM,
	       "so they do there");

static int set_option(int fd, int option, int value)
{
	return setsockopt(fd, SOL_PACKET, option, &value, sizeof(value)) ? -errno : 0;
}

static int map_slots(struct fp_ring *ring)
{
	size_t bytes = (size_t)ring->slots * FP_SLOT_BYTES;

	ring->map =
		mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring->fd, 0);
	if (ring->map == MAP_FAILED) {
		ring->map = NULL;
		return -errno;
	}
	/* A child of this process would keep the socket: it has nothing to read here. */
	if (madvise(ring->map, bytes, MADV_DONTFORK)) {
		/* then it is only closed later */
	}
	return 0;
}

int fp_ring_open(struct fp_ring *ring, uint32_t slots, const char **stage)
{
	struct tpacket_req request = {
		.tp_block_size = BLOCK_BYTES,
		.tp_frame_size = FP_SLOT_BYTES,
		.tp_block_nr = slots / (BLOCK_BYTES / FP_SLOT_BYTES),
		.tp_frame_nr = slots,
	};
	int queue_bytes = OVERSIZE_QUEUE_BYTES;
	int err;

	memset(ring, 0, sizeof(*ring));
	ring->slots = slots;
	*stage = "packet socket";
	ring->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (ring->fd < 0)
		return -errno;
	*stage = "ring options";
	err = set_option(ring->fd, PACKET_VERSION, TPACKET_V2);
	if (!err)
		err = set_option(ring->fd, PACKET_VNET_HDR, 1);
	if (!err)
		err = set_option(ring->fd, PACKET_COPY_THRESH, 1);
	if (!err)
		err = set_option(ring->fd, PACKET_IGNORE_OUTGOING, 1);
	if (err)
		goto out;
	/* Without the privilege for FORCE the queue is only smaller. */
	if (setsockopt(ring->fd, SOL_SOCKET, SO_RCVBUFFORCE, &queue_bytes, sizeof(queue_bytes)))
		setsockopt(ring->fd, SOL_SOCKET, SO_RCVBUF, &queue_bytes, sizeof(queue_bytes));
	*stage = "ring memory";
	if (setsockopt(ring->fd, SOL_PACKET, PACKET_RX_RING, &request, sizeof(request))) {
		err = -errno;
		goto out;
	}
	err = map_slots(ring);
	if (!err)
		return 0;
out:
	fp_ring_close(ring);
	return err;
}

/* What the other process has set, and we go by. */
static bool is_so(int fd, int option, int value)
{
	int got = -1;
	socklen_t len = sizeof(got);

	return !getsockopt(fd, SOL_PACKET, option, &got, &len) && got == value;
}

int fp_ring_map(struct fp_ring *ring, int fd, uint32_t slots)
{
	int err;

	memset(ring, 0, sizeof(*ring));
	ring->fd = fd;
	ring->slots = slots;
	if (!is_so(fd, PACKET_VERSION, TPACKET_V2) || !is_so(fd, PACKET_VNET_HDR, 1))
		err = -EPROTO;
	else
		err = map_slots(ring);
	if (err)
		ring->fd = -1;
	return err;
}

void fp_ring_resume(struct fp_ring *ring, uint32_t taken)
{
	ring->next = taken & (ring->slots - 1);
	ring->released = taken;
	fp_store_relaxed(&ring->taken, taken); /* no loop runs yet */
}

void fp_ring_close(struct fp_ring *ring)
{
	if (ring->map)
		munmap(ring->map, (size_t)ring->slots * FP_SLOT_BYTES);
	if (ring->fd >= 0)
		close(ring->fd);
	ring->map = NULL;
	ring->fd = -1;
}

static struct tpacket2_hdr *slot_header(const struct fp_ring *ring, uint32_t slot)
{
	return (struct tpacket2_hdr *)(void *)(ring->map + (size_t)slot * FP_SLOT_BYTES);
}

static _Atomic uint32_t *slot_status(const struct fp_ring *ring, uint32_t slot)
{
	_Static_assert(sizeof(_Atomic uint32_t) == sizeof(__u32), "tp_status is a plain word");
	return (_Atomic uint32_t *)(void *)&slot_header(ring, slot)->tp_status;
}

bool fp_ring_ready(const struct fp_ring *ring)
{
	/* relaxed: only a hint; fp_ring_take() acquires */
	return fp_load_relaxed(&ring->taken) - ring->released < ring->slots &&
	       (fp_load_relaxed(slot_status(ring, ring->next)) & TP_STATUS_USER);
}

static bool is_there(const struct fp_ring *ring, uint32_t place)
{
	/* relaxed: nothing of the slots is read */
	return fp_load_relaxed(slot_status(ring, place & (ring->slots - 1))) & TP_STATUS_USER;
}

/*
 * By halves: those that are there follow one another. But for those that a processor has a place
 * for, and writes still: behind one may be another's, so some are looked at beyond the first gap.
 */
uint32_t fp_ring_end(const struct fp_ring *ring, uint32_t from)
{
	uint32_t limit = ring->released + ring->slots;
	uint32_t room = limit - from;
	uint32_t gap = 0;

	while (room) {
		uint32_t half = room / 2;

		if (is_there(ring, from + half)) {
			from += half + 1;
			room -= half + 1;
		} else {
			room = half;
		}
	}
	for (uint32_t at = from; at != limit && gap < GAPS; at++) {
		gap = is_there(ring, at) ? 0 : gap + 1;
		if (!gap)
			from = at + 1;
	}
	return from;
}

void fp_ring_prefetch(const struct fp_ring *ring)
{
	uint32_t slot = (ring->next + PREFETCH_AHEAD) & (ring->slots - 1);
	const uint8_t *p = (const uint8_t *)slot_header(ring, slot);

	__builtin_prefetch(p);
	__builtin_prefetch(p + 64);
	__builtin_prefetch(p + 128);
}

/* A frame the slot could not hold waits whole in the socket's queue, in ring order. */
static void read_oversize(const struct fp_ring *ring, uint8_t *buffer, struct fp_rx *rx)
{
	uint8_t *vnet = buffer + FP_TAG_ROOM;
	ssize_t got = -1;

	/*
	 * A pending error, say of the interface going down, is told once in place of the frame. The
	 * frame must not be left: the next slot would get it for its own.
	 */
	for (int tries = 0; got < 0 && tries < 3; tries++) {
		got = recv(ring->fd, vnet, FP_FRAME_BYTES_MAX, MSG_DONTWAIT | MSG_TRUNC);
		if (got < 0 && errno == EAGAIN)
			break;
	}
	rx->oversize = true;
	rx->whole = got == (ssize_t)(rx->len_bytes + FP_VNET_BYTES) && got <= FP_FRAME_BYTES_MAX;
	rx->vnet = vnet;
}

bool fp_ring_take(struct fp_ring *ring, uint8_t *buffer, struct fp_rx *rx)
{
	struct tpacket2_hdr *header = slot_header(ring, ring->next);
	uint32_t status;

	if (fp_load_relaxed(&ring->taken) - ring->released == ring->slots)
		return false;
	/* acquire: pairs with the kernel's release of the slot */
	status = fp_load_acquire(slot_status(ring, ring->next));
	if (!(status & TP_STATUS_USER))
		return false;
	if ((status & TP_STATUS_COPY) && !buffer)
		return false;
	rx->len_bytes = header->tp_len;
	rx->vnet = (uint8_t *)header + header->tp_mac - FP_VNET_BYTES;
	rx->oversize = false;
	rx->losing = (status & TP_STATUS_LOSING) != 0; /* until its drops are read, fp_watch.h */
	rx->whole = header->tp_snaplen == header->tp_len;
	if (status & TP_STATUS_COPY)
		read_oversize(ring, buffer, rx);
	/* the tag that the kernel took off goes back in its place */
	if (rx->whole && (status & TP_STATUS_VLAN_VALID) && rx->len_bytes >= FP_TAG_OFFSET) {
		rx->vnet = fp_tag_push(rx->vnet,
				       status & TP_STATUS_VLAN_TPID_VALID ? header->tp_vlan_tpid
									  : ETH_P_8021Q,
				       header->tp_vlan_tci);
		rx->len_bytes += FP_TAG_BYTES;
	}
	ring->next = ring->next + 1 == ring->slots ? 0 : ring->next + 1;
	/* relaxed: the loop's own; the control thread only compares it with an older one */
	fp_store_relaxed(&ring->taken, fp_load_relaxed(&ring->taken) + 1);
	return true;
}

void fp_ring_release(struct fp_ring *ring)
{
	uint32_t taken = fp_load_relaxed(&ring->taken);

	while (ring->released != taken) {
		uint32_t slot = ring->released++ & (ring->slots - 1);

		/* release: all reads of the slot are before this store */
		fp_store_release(slot_status(ring, slot), TP_STATUS_KERNEL);
	}
}

bool fp_ring_empty(const struct fp_ring *ring, uint32_t *taken)
{
	*taken = fp_load_relaxed(&ring->taken);
	/* relaxed: nothing of the slot is read */
	return !(fp_load_relaxed(slot_status(ring, *taken & (ring->slots - 1))) & TP_STATUS_USER);
}
