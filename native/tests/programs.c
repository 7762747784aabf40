#include "programs.h"

#include <linux/bpf.h>
#include <sys/mman.h>
#include <unistd.h>

#include "check.h"
#include "fp_clock.h"
#include "fp_slots.h"

#define SETS 16u

/* Helpers and maps of the programs, in place of bpf/kernel_calls.h. */
#define FP_KERNEL_CALLS_H
/* They are no threads of this program: thread sanitizer does not know what orders their words. */
#define SECTION(name) __attribute__((no_sanitize_thread))
#define INLINE static inline __attribute__((no_sanitize_thread))
#define ONCE(word) (*(volatile typeof(word) *)&(word))

struct fp_map {
	int unused;
};

struct frame_in_kernel {
	struct __sk_buff skb; /* first: the programs know no more */
	const uint8_t *bytes;
	bool tagged;
	uint16_t tci;
};

static struct fp_path_shared *shared;
static struct fp_path_set *set_memory;
static struct fp_path_slot *slot_memory;
static struct fp_health_state *health_memory;
static struct fp_map sets_map;
static struct fp_map slots_map;
static struct fp_map healths_map;
static struct fp_map programs_map;
static struct fp_map addresses_map;
static struct fp_map answer_map;
static uint64_t answer_memory[32];
static struct programs_copy copies_made[PROGRAMS_EGRESS_MAX];
static uint32_t copy_count;
static uint64_t clock_ns;
static bool ring_is_full;
static bool comes_again;
static bool is_taken;

static void *bpf_map_lookup_elem(struct fp_map *map, const void *key)
{
	uint32_t index;

	memcpy(&index, key, sizeof(index));
	if (map == &sets_map)
		return &set_memory[index];
	if (map == &slots_map)
		return &slot_memory[index];
	if (map == &healths_map)
		return &health_memory[index];
	return map == &answer_map ? answer_memory : NULL;
}

static uint64_t bpf_ktime_get_ns(void)
{
	return clock_ns ? clock_ns : fp_now_ns();
}

static uint64_t bpf_ktime_get_coarse_ns(void)
{
	return bpf_ktime_get_ns();
}

static long send_by(struct __sk_buff *skb, uint32_t ifindex)
{
	const struct frame_in_kernel *frame = (const struct frame_in_kernel *)(void *)skb;

	CHECK(copy_count < PROGRAMS_EGRESS_MAX);
	copies_made[copy_count++] = (struct programs_copy){
		.port = ifindex - 1,
		.len_bytes = skb->len + (frame->tagged ? FP_TAG_BYTES : 0),
		.tci = frame->tagged ? frame->tci : FP_NO_TAG,
	};
	return 0;
}

static struct __sk_buff *current;

static bool goes_on;

static long bpf_tail_call(void *skb, struct fp_map *programs, uint32_t index)
{
	(void)skb;
	CHECK(programs == &programs_map && index == FP_PATH_PROGRAM_HEALTH);
	goes_on = true;
	return -1; /* the caller goes on to its end, which says the same */
}

static long bpf_clone_redirect(struct __sk_buff *skb, uint32_t ifindex, uint64_t flags)
{
	(void)flags;
	return send_by(skb, ifindex);
}

static long bpf_redirect(uint32_t ifindex, uint64_t flags)
{
	if (flags) { /* to ingress: through the queue of received frames, that is empty */
		comes_again = true;
		return 0;
	}
	return send_by(current, ifindex);
}

static long bpf_redirect_peer(uint32_t ifindex, uint64_t flags)
{
	return bpf_redirect(ifindex, flags);
}

static long bpf_skb_vlan_push(struct __sk_buff *skb, uint16_t proto, uint16_t tci)
{
	struct frame_in_kernel *frame = (struct frame_in_kernel *)(void *)skb;

	(void)proto;
	frame->tagged = true;
	frame->tci = tci;
	return 0;
}

static long bpf_skb_vlan_pop(struct __sk_buff *skb)
{
	((struct frame_in_kernel *)(void *)skb)->tagged = false;
	return 0;
}

static uint64_t load(const void *skb, uint64_t at, uint32_t bytes)
{
	const struct frame_in_kernel *frame = skb;
	uint64_t value = 0;

	CHECK(at + bytes <= frame->skb.len); /* in the kernel the program would end here */
	for (uint32_t i = 0; i < bytes; i++)
		value = value << 8 | frame->bytes[at + i];
	return value;
}

static uint64_t load_byte(const void *skb, uint64_t at)
{
	return load(skb, at, 1);
}

static uint64_t load_half(const void *skb, uint64_t at)
{
	return load(skb, at, 2);
}

static uint64_t load_word(const void *skb, uint64_t at)
{
	return load(skb, at, 4);
}

static long bpf_skb_load_bytes(const void *skb, uint32_t offset, void *to, uint32_t len)
{
	const struct frame_in_kernel *frame = skb;

	if (offset + len > frame->skb.len)
		return -1;
	memcpy(to, frame->bytes + offset, len);
	return 0;
}

#define fp_shared (*shared)
#define fp_sets sets_map
#define fp_slots slots_map
#define fp_healths healths_map
#define fp_programs programs_map
#define fp_fdb addresses_map
#define fp_answer answer_map
#define extern static
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#pragma GCC diagnostic ignored "-Wunknown-pragmas"
#include "../bpf/fp_kernel.bpf.c"
#pragma GCC diagnostic pop
#undef extern
#undef fp_shared
#undef fp_sets
#undef fp_slots
#undef fp_healths
#undef fp_programs
#undef fp_fdb
#undef fp_answer

static void *memory(size_t bytes)
{
	void *made = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(made != MAP_FAILED);
	return made;
}

static int descriptor(void)
{
	int fd = dup(STDERR_FILENO);

	CHECK(fd >= 0);
	return fd;
}

/* A worker's states are where the programs see them. */
static void move_health(struct fp_worker *worker, const struct fp_kernel *kernel)
{
	struct fp_healths *healths = &worker->healths;
	uint32_t count = healths->count;

	fp_healths_destroy(healths);
	memset(healths, 0, sizeof(*healths));
	CHECK_EQ(fp_healths_init(healths, kernel->healths + worker->id * count, count,
				 worker->id * count),
		 0);
}

void programs_start(struct lab *lab)
{
	struct fp_switch *sw = lab->sw;
	struct fp_kernel *kernel = &sw->kernel;

	fp_kernel_destroy(kernel);
	kernel->err = 0;
	kernel->filter_fd = descriptor(); /* they are loaded */
	kernel->health_fd = descriptor();
	kernel->ingress_fd = descriptor();
	kernel->workers = sw->worker_count;
	kernel->sets = SETS;
	kernel->shared = shared = memory(sizeof(*shared));
	kernel->map = set_memory = memory((size_t)sw->worker_count * SETS * sizeof(*set_memory));
	kernel->slots = slot_memory =
		memory((size_t)sw->worker_count * SETS * FP_PATH_WAYS * sizeof(*slot_memory));
	kernel->healths_count = sw->worker_count * sw->workers[0]->healths.count;
	kernel->healths = health_memory = memory(kernel->healths_count * sizeof(*health_memory));
	shared->seed = 42;
	shared->set_mask = SETS - 1;
	sw->shortcut.shared = NULL;
	sw->shortcut.fdb_fd = -1;
	for (uint32_t i = 0; i < sw->worker_count; i++) {
		struct fp_slots *slots = &sw->workers[i]->slots;

		fp_slots_destroy(slots);
		memset(slots, 0, sizeof(*slots));
		CHECK_EQ(fp_slots_init(slots, fp_kernel_slots(kernel, i), fp_kernel_sets(kernel, i),
				       SETS, shared->seed),
			 0);
		move_health(sw->workers[i], kernel);
	}
	for (uint32_t i = 0; i < lab->port_count; i++) {
		fp_store_relaxed(&lab->ports[i].port->served, true);
		fp_kernel_serve(kernel, i, lab->ports[i].port->worker, (int)i + 1, false, true);
	}
	clock_ns = 0;
	ring_is_full = false;
	is_taken = false;
	CHECK_EQ(fp_switch_kernel(sw, 1), 0);
}

/* The host's stack gets what is for it, as it came, and nothing else. */
static void check_host(const struct frame_in_kernel *frame, uint32_t port, int tci, int result)
{
	bool tagged = tci != FAKE_NO_TAG;

	CHECK_EQ(result == TO_HOST, shared->ports[port].to_host);
	if (result == TO_HOST)
		CHECK(frame->tagged == tagged && (!tagged || frame->tci == (uint16_t)tci));
}

bool programs_receive(struct lab *lab, uint32_t port, const struct packet *packet, int tci)
{
	static uint8_t vnet[PACKET_BYTES_MAX];
	struct virtio_net_hdr header;
	bool ringed;
	int result;
	struct frame_in_kernel frame = {
		.skb = {.ifindex = port + 1, .pkt_type = KIND_MULTICAST},
		.bytes = vnet + FP_VNET_BYTES,
		.tagged = tci != FAKE_NO_TAG,
		.tci = (uint16_t)tci,
	};

	frame.skb.len = packet_build(packet, vnet);
	frame.skb.vlan_present = frame.tagged;
	frame.skb.vlan_tci = frame.tci;
	frame.skb.vlan_proto = TAG_PROTOCOL;
	memcpy(&header, vnet, sizeof(header));
	frame.skb.gso_size = header.gso_type == VIRTIO_NET_HDR_GSO_NONE ? 0 : header.gso_size;
	current = &frame.skb;
	do {
		comes_again = false;
		copy_count = 0;
		goes_on = false;
		ringed = fp_filter(&frame.skb) != NOT_TO_RING;
		if (goes_on)
			CHECK_EQ(fp_health(&frame.skb), NOT_TO_RING);
		lab->ports[port].data.losing |= ringed && ring_is_full;
		CHECK(!ringed || ring_is_full ||
		      fake_ring_put(&lab->ports[port].data, vnet, frame.skb.len, tci, 0x8100));
		if (is_taken)
			return !ringed;
		result = fp_ingress(&frame.skb);
	} while (comes_again);
	check_host(&frame, port, tci, result);
	CHECK(!ringed || !copy_count);
	return !ringed;
}

void programs_look(struct fp_health_state *state, const uint8_t *bytes, uint32_t len_bytes)
{
	struct frame_in_kernel frame = {.skb = {.len = len_bytes}, .bytes = bytes};
	struct fp_health_state *others = health_memory;
	struct answer answer = {.watched = state->generation << FP_HEALTH_PLACE_BITS | 1};
	struct reading reading;

	health_memory = state;
	if (read_multicast(&frame.skb, 0, &reading) && reading.plain && reading.udp_at) {
		answer.udp_at = reading.udp_at;
		answer.end_at = reading.end_at;
		look_at(&frame.skb, &answer);
	}
	health_memory = others;
}

uint32_t programs_copies(struct programs_copy copies[PROGRAMS_EGRESS_MAX])
{
	memcpy(copies, copies_made, copy_count * sizeof(*copies));
	return copy_count;
}

void programs_lose(bool lose)
{
	ring_is_full = lose;
}

void programs_take(bool take)
{
	is_taken = take;
}

void programs_take_back(struct lab *lab, uint32_t group)
{
	struct fp_slots *slots = &lab->sw->workers[0]->slots;
	uint8_t address[FP_ADDRESS_BYTES];

	fp_map_ipv4(group, address);
	for (uint32_t i = fp_slots_of_group(slots, 0, address, 0); i != FP_NO_PLACE;
	     i = fp_slots_of_group(slots, 0, address, i + 1))
		fp_slots_void(slots, i);
}

void programs_set_clock(uint64_t now_ns)
{
	clock_ns = now_ns;
}
