/* The programs of the short cut, written instruction by instruction, and their attaching. */
#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>

#include "fp_clock.h"
#include "fp_move.h"
#include "fp_shortcut.h"
#include "fp_shortcut_map.h"

/* From linux/bpf.h of kernel 6.6; the headers at hand may be older. */
#define ATTACH_TCX_INGRESS 46
#define TCX_VERDICT_DROP 2

#define PROGRAM_MAX 160
#define SEGMENT_HEADERS 28 /* IPv4 and UDP */
#define TO_RING INT16_MAX  /* jump target that is filled in when it is known */

/* A program being written: instructions in order, jumps to the common end fixed up by finish(). */
struct program {
	struct bpf_insn code[PROGRAM_MAX];
	uint32_t count;
};

static void put(struct program *p, uint32_t code, uint32_t dst, uint32_t src, int32_t off,
		int32_t imm)
{
	p->code[p->count++] = (struct bpf_insn){
		.code = (uint8_t)code,
		.dst_reg = (uint8_t)(dst & 0x0f),
		.src_reg = (uint8_t)(src & 0x0f),
		.off = (int16_t)off,
		.imm = imm,
	};
}

static void move(struct program *p, uint32_t dst, uint32_t src)
{
	put(p, BPF_ALU64 | BPF_MOV | BPF_X, dst, src, 0, 0);
}

static void move_number(struct program *p, uint32_t dst, int32_t number)
{
	put(p, BPF_ALU64 | BPF_MOV | BPF_K, dst, 0, 0, number);
}

static void load(struct program *p, uint32_t size, uint32_t dst, uint32_t src, int32_t off)
{
	put(p, BPF_LDX | BPF_MEM | size, dst, src, off, 0);
}

static void store(struct program *p, uint32_t size, uint32_t dst, int32_t off, uint32_t src)
{
	put(p, BPF_STX | BPF_MEM | size, dst, src, off, 0);
}

static void call(struct program *p, int32_t function)
{
	put(p, BPF_JMP | BPF_CALL, 0, 0, 0, function);
}

/* Leaves the frame to the ring when the comparison with a number holds. */
static void ring_if(struct program *p, uint32_t comparison, uint32_t dst, int32_t number)
{
	put(p, BPF_JMP | comparison | BPF_K, dst, 0, TO_RING, number);
}

static void ring_if_reg(struct program *p, uint32_t comparison, uint32_t dst, uint32_t src)
{
	put(p, BPF_JMP | comparison | BPF_X, dst, src, TO_RING, 0);
}

/* A 64-bit number or, with source BPF_PSEUDO_MAP_FD, a map. */
static void load64(struct program *p, uint32_t dst, uint32_t source, uint64_t number)
{
	put(p, BPF_LD | BPF_DW | BPF_IMM, dst, source, 0, (int32_t)(uint32_t)number);
	put(p, 0, 0, 0, 0, (int32_t)(uint32_t)(number >> 32));
}

/* r0 = the value of the key at the stack offset. */
static void lookup(struct program *p, int map_fd, int32_t key_off)
{
	load64(p, BPF_REG_1, BPF_PSEUDO_MAP_FD, (uint64_t)map_fd);
	move(p, BPF_REG_2, BPF_REG_10);
	put(p, BPF_ALU64 | BPF_ADD | BPF_K, BPF_REG_2, 0, 0, key_off);
	call(p, BPF_FUNC_map_lookup_elem);
}

#define KEY_OFF (-8)
#define MACS_OFF (-32)

/* r0 = the fdb entry of the address at macs_off; r9 holds the VLAN. */
static void lookup_address(struct program *p, const struct fp_shortcut *shortcut, int32_t macs_off)
{
	for (int32_t i = 0; i < ETH_ALEN; i += 2) {
		load(p, BPF_H, BPF_REG_1, BPF_REG_10, macs_off + i);
		store(p, BPF_H, BPF_REG_10, KEY_OFF + i, BPF_REG_1);
	}
	store(p, BPF_H, BPF_REG_10, KEY_OFF + ETH_ALEN, BPF_REG_9);
	lookup(p, shortcut->fdb_fd, KEY_OFF);
	ring_if(p, BPF_JEQ, BPF_REG_0, 0);
}

/*
 * Both programs: r7 = the source's entry, r8 = now, r9 = the destination's entry,
 * or off to the ring: multicast, a service tag, an address that is unknown, aged
 * or on the wrong side, or a frame too large for the egress.
 */
static void write_questions(struct program *p, const struct fp_shortcut *shortcut, int ifindex)
{
	move(p, BPF_REG_6, BPF_REG_1);
	load(p, BPF_W, BPF_REG_1, BPF_REG_6, offsetof(struct __sk_buff, pkt_type));
	ring_if(p, BPF_JEQ, BPF_REG_1, PACKET_MULTICAST); /* at once: streams come this way */
	ring_if(p, BPF_JEQ, BPF_REG_1, PACKET_BROADCAST);
	move(p, BPF_REG_1, BPF_REG_6);
	move_number(p, BPF_REG_2, 0);
	move(p, BPF_REG_3, BPF_REG_10);
	put(p, BPF_ALU64 | BPF_ADD | BPF_K, BPF_REG_3, 0, 0, MACS_OFF);
	move_number(p, BPF_REG_4, 2 * ETH_ALEN);
	call(p, BPF_FUNC_skb_load_bytes);
	ring_if(p, BPF_JNE, BPF_REG_0, 0);
	move_number(p, BPF_REG_9, 0);
	load(p, BPF_W, BPF_REG_1, BPF_REG_6, offsetof(struct __sk_buff, vlan_present));
	put(p, BPF_JMP | BPF_JEQ | BPF_K, BPF_REG_1, 0, 4, 0); /* untagged: over the next four */
	load(p, BPF_W, BPF_REG_1, BPF_REG_6, offsetof(struct __sk_buff, vlan_proto));
	ring_if(p, BPF_JNE, BPF_REG_1, htons(ETH_P_8021Q));
	load(p, BPF_W, BPF_REG_9, BPF_REG_6, offsetof(struct __sk_buff, vlan_tci));
	put(p, BPF_ALU64 | BPF_AND | BPF_K, BPF_REG_9, 0, 0, 0x0fff);
	lookup_address(p, shortcut, MACS_OFF + ETH_ALEN);
	move(p, BPF_REG_7, BPF_REG_0);
	load(p, BPF_W, BPF_REG_1, BPF_REG_7, offsetof(struct value, ifindex));
	ring_if(p, BPF_JNE, BPF_REG_1, ifindex);
	lookup_address(p, shortcut, MACS_OFF);
	move(p, BPF_REG_9, BPF_REG_0);
	load(p, BPF_W, BPF_REG_1, BPF_REG_9, offsetof(struct value, ifindex));
	ring_if(p, BPF_JEQ, BPF_REG_1, ifindex);
	call(p, BPF_FUNC_ktime_get_ns);
	move(p, BPF_REG_8, BPF_REG_0);
	load(p, BPF_DW, BPF_REG_1, BPF_REG_9, offsetof(struct value, seen_ns));
	put(p, BPF_ALU64 | BPF_SUB | BPF_X, BPF_REG_0, BPF_REG_1, 0, 0);
	load64(p, BPF_REG_1, 0, shortcut->ageing_ns);
	ring_if_reg(p, BPF_JSGT, BPF_REG_0, BPF_REG_1);
	load(p, BPF_W, BPF_REG_1, BPF_REG_6, offsetof(struct __sk_buff, gso_size));
	/* the device segments it: what counts is a segment, with the least of headers */
	put(p, BPF_ALU64 | BPF_ADD | BPF_K, BPF_REG_1, 0, 0, ETH_HLEN + SEGMENT_HEADERS);
	put(p, BPF_JMP | BPF_JNE | BPF_K, BPF_REG_1, 0, 1, ETH_HLEN + SEGMENT_HEADERS);
	load(p, BPF_W, BPF_REG_1, BPF_REG_6, offsetof(struct __sk_buff, len));
	load(p, BPF_W, BPF_REG_2, BPF_REG_9, offsetof(struct value, frame_max));
	ring_if_reg(p, BPF_JGT, BPF_REG_1, BPF_REG_2);
}

/* Adds one frame to two neighbouring counters of the port whose id is at KEY_OFF. */
static void count_frame(struct program *p, const struct fp_shortcut *shortcut, size_t frames_off)
{
	lookup(p, shortcut->count_fd, KEY_OFF);
	put(p, BPF_JMP | BPF_JEQ | BPF_K, BPF_REG_0, 0, 4, 0);
	move_number(p, BPF_REG_1, 1);
	put(p, BPF_STX | BPF_ATOMIC | BPF_DW, BPF_REG_0, BPF_REG_1, (int32_t)frames_off, BPF_ADD);
	load(p, BPF_W, BPF_REG_1, BPF_REG_6, offsetof(struct __sk_buff, len));
	put(p, BPF_STX | BPF_ATOMIC | BPF_DW, BPF_REG_0, BPF_REG_1, (int32_t)frames_off + 8,
	    BPF_ADD);
}

/* Leaves out the next instructions when the comparison holds. */
static void skip_if_reg(struct program *p, uint32_t comparison, uint32_t dst, uint32_t src,
			int32_t count)
{
	put(p, BPF_JMP | comparison | BPF_X, dst, src, count, 0);
}

/*
 * A copy for the other port that the destination r9 is heard at, on the terms of
 * fp_move_shares(): lately, or there last.
 */
static void write_copy(struct program *p, const struct fp_shortcut *shortcut, int ifindex)
{
	uint32_t jumps[3];

	load(p, BPF_W, BPF_REG_1, BPF_REG_9, offsetof(struct value, also_ifindex));
	jumps[0] = p->count;
	put(p, BPF_JMP | BPF_JEQ | BPF_K, BPF_REG_1, 0, 0, 0);
	jumps[1] = p->count;
	put(p, BPF_JMP | BPF_JEQ | BPF_K, BPF_REG_1, 0, 0, ifindex);
	load(p, BPF_DW, BPF_REG_1, BPF_REG_9, offsetof(struct value, also_ns));
	load(p, BPF_DW, BPF_REG_2, BPF_REG_9, offsetof(struct value, seen_ns));
	skip_if_reg(p, BPF_JGT, BPF_REG_1, BPF_REG_2, 4);
	load64(p, BPF_REG_2, 0, FP_MOVE_SHARE_MS * FP_NS_PER_MS);
	put(p, BPF_ALU64 | BPF_ADD | BPF_X, BPF_REG_1, BPF_REG_2, 0, 0);
	jumps[2] = p->count;
	skip_if_reg(p, BPF_JLT, BPF_REG_1, BPF_REG_8, 0);
	load(p, BPF_W, BPF_REG_1, BPF_REG_9, offsetof(struct value, also_port));
	store(p, BPF_W, BPF_REG_10, KEY_OFF, BPF_REG_1);
	count_frame(p, shortcut, offsetof(struct fp_shortcut_counts, tx_frames));
	move(p, BPF_REG_1, BPF_REG_6);
	load(p, BPF_W, BPF_REG_2, BPF_REG_9, offsetof(struct value, also_ifindex));
	move_number(p, BPF_REG_3, 0);
	call(p, BPF_FUNC_clone_redirect);
	for (uint32_t i = 0; i < 3; i++)
		p->code[jumps[i]].off = (int16_t)(p->count - jumps[i] - 1);
}

static void write_redirect(struct program *p, const struct fp_shortcut *shortcut, uint32_t port,
			   int ifindex)
{
	store(p, BPF_DW, BPF_REG_7, offsetof(struct value, seen_ns), BPF_REG_8);
	move_number(p, BPF_REG_1, (int32_t)port);
	store(p, BPF_W, BPF_REG_10, KEY_OFF, BPF_REG_1);
	count_frame(p, shortcut, offsetof(struct fp_shortcut_counts, rx_frames));
	load(p, BPF_W, BPF_REG_1, BPF_REG_9, offsetof(struct value, port));
	store(p, BPF_W, BPF_REG_10, KEY_OFF, BPF_REG_1);
	count_frame(p, shortcut, offsetof(struct fp_shortcut_counts, tx_frames));
	write_copy(p, shortcut, ifindex);
	load(p, BPF_W, BPF_REG_1, BPF_REG_9, offsetof(struct value, ifindex));
	move_number(p, BPF_REG_2, 0);
	call(p, BPF_FUNC_redirect);
	put(p, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

/* The common end of all jumps to the ring, and the loading. -errno or the program. */
static int finish(struct program *p, uint32_t type, int32_t to_ring)
{
	union bpf_attr attr;

	for (uint32_t i = 0; i < p->count; i++) {
		if (p->code[i].off == TO_RING)
			p->code[i].off = (int16_t)(p->count - i - 1);
	}
	move_number(p, BPF_REG_0, to_ring);
	put(p, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
	memset(&attr, 0, sizeof(attr));
	attr.prog_type = type;
	attr.insns = pointer(p->code);
	attr.insn_cnt = p->count;
	attr.license = pointer("MIT");
	return bpf(BPF_PROG_LOAD, &attr);
}

static int attach_ingress(int program_fd, int ifindex)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.link_create.prog_fd = (uint32_t)program_fd;
	attr.link_create.target_ifindex = (uint32_t)ifindex;
	attr.link_create.attach_type = ATTACH_TCX_INGRESS;
	return bpf(BPF_LINK_CREATE, &attr);
}

/* Keeps out of the ring what the ingress program redirects. */
static int filter_ring(const struct fp_shortcut *shortcut, int ifindex, int ring_fd)
{
	struct program filter = {.count = 0};
	int fd;
	int err = 0;

	write_questions(&filter, shortcut, ifindex);
	move_number(&filter, BPF_REG_0, 0);
	put(&filter, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
	fd = finish(&filter, BPF_PROG_TYPE_SOCKET_FILTER, -1);
	if (fd < 0)
		return fd;
	if (setsockopt(ring_fd, SOL_SOCKET, SO_ATTACH_BPF, &fd, sizeof(fd)))
		err = -errno;
	close(fd);
	return err;
}

int fp_shortcut_attach(const struct fp_shortcut *shortcut, uint32_t port, int ifindex, int ring_fd,
		       int *link_fd, bool *filtered)
{
	bool redirects =
		shortcut && shortcut->fdb_fd >= 0 && !filter_ring(shortcut, ifindex, ring_fd);
	struct program ingress = {.count = 0};
	int program_fd;
	int fd;

	if (redirects) {
		write_questions(&ingress, shortcut, ifindex);
		write_redirect(&ingress, shortcut, port, ifindex);
	}
	program_fd = finish(&ingress, BPF_PROG_TYPE_SCHED_CLS, TCX_VERDICT_DROP);
	fd = program_fd < 0 ? program_fd : attach_ingress(program_fd, ifindex);
	if (program_fd >= 0)
		close(program_fd);
	/* Without the program the filter would keep out what nobody redirects. */
	*filtered = redirects && fd >= 0;
	if (fd >= 0)
		*link_fd = fd;
	return fd < 0 ? fd : 0;
}
