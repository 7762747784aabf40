/*
 * The programs of the short cut, written instruction by instruction: what redirects at a port's
 * ingress hook, and what keeps the same frames out of its ring. Both ask the same questions, and
 * leave to the ring whatever one of them says no to.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <stddef.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fp_bpf.h"
#include "fp_clock.h"
#include "fp_frame.h"
#include "fp_move.h"
#include "fp_shortcut.h"
#include "fp_shortcut_map.h"

#define SEGMENT_HEADERS (FP_ETH_BYTES + FP_IPV4_BYTES + FP_UDP_BYTES)

/* Leaves the frame to the ring when the comparison with a number holds. */
static void ring_if(struct fp_bpf_code *p, uint32_t comparison, uint32_t dst, int32_t number)
{
	emit(p, BPF_JMP | comparison | BPF_K, dst, 0, FP_BPF_END, number);
}

static void ring_if_reg(struct fp_bpf_code *p, uint32_t comparison, uint32_t dst, uint32_t src)
{
	emit(p, BPF_JMP | comparison | BPF_X, dst, src, FP_BPF_END, 0);
}

/* r0 = the value of the key at the stack offset. */
static void lookup(struct fp_bpf_code *p, int map_fd, int32_t key_off)
{
	emit_number64(p, BPF_REG_1, BPF_PSEUDO_MAP_FD, (uint64_t)map_fd);
	emit_move(p, BPF_REG_2, BPF_REG_10);
	emit(p, BPF_ALU64 | BPF_ADD | BPF_K, BPF_REG_2, 0, 0, key_off);
	emit_call(p, BPF_FUNC_map_lookup_elem);
}

#define KEY_OFF (-8)
#define VLAN_OFF (KEY_OFF + FP_MAC_BYTES)
#define MACS_OFF (-32)

/* r0 = the fdb entry of the address at macs_off; r9 holds the VLAN. */
static void lookup_address(struct fp_bpf_code *p, const struct fp_shortcut *shortcut,
			   int32_t macs_off)
{
	for (int32_t i = 0; i < FP_MAC_BYTES; i += 2) {
		emit_load(p, BPF_H, BPF_REG_1, BPF_REG_10, macs_off + i);
		emit_store(p, BPF_H, BPF_REG_10, KEY_OFF + i, BPF_REG_1);
	}
	emit_store(p, BPF_H, BPF_REG_10, VLAN_OFF, BPF_REG_9);
	lookup(p, shortcut->fdb_fd, KEY_OFF);
	ring_if(p, BPF_JEQ, BPF_REG_0, 0);
}

/* r9 = the VLAN, of the tag or of the port; one that no address is in: none (VLAN-2, 6). */
static void classify(struct fp_bpf_code *p, const struct fp_shortcut *shortcut, uint32_t port)
{
	uint64_t pvid = (uint64_t)(port * sizeof(uint16_t)) << 32 | (uint32_t)shortcut->pvid_fd;

	emit_number(p, BPF_REG_9, 0);
	emit_load(p, BPF_W, BPF_REG_1, BPF_REG_6, offsetof(struct __sk_buff, vlan_present));
	emit(p, BPF_JMP | BPF_JEQ | BPF_K, BPF_REG_1, 0, 4, 0); /* untagged: over the next four */
	emit_load(p, BPF_W, BPF_REG_1, BPF_REG_6, offsetof(struct __sk_buff, vlan_proto));
	ring_if(p, BPF_JNE, BPF_REG_1, htons(ETH_P_8021Q));
	emit_load(p, BPF_W, BPF_REG_9, BPF_REG_6, offsetof(struct __sk_buff, vlan_tci));
	emit(p, BPF_ALU64 | BPF_AND | BPF_K, BPF_REG_9, 0, 0, FP_VLAN_ID_MASK);
	emit(p, BPF_JMP | BPF_JNE | BPF_K, BPF_REG_9, 0, 3, 0);
	emit_number64(p, BPF_REG_1, BPF_PSEUDO_MAP_VALUE, pvid);
	emit_load(p, BPF_H, BPF_REG_9, BPF_REG_1, 0);
}

/*
 * Both programs: r7 = the source's entry, r8 = now, r9 = the destination's entry, or off to the
 * ring: multicast, a service tag, an address that is unknown, aged, on the wrong side or behind the
 * same split horizon, a tag that would come to light behind the one taken off, or a frame too large
 * for the egress. The key is the destination's.
 */
static void write_questions(struct fp_bpf_code *p, const struct fp_shortcut *shortcut,
			    uint32_t port, int ifindex)
{
	emit_move(p, BPF_REG_6, BPF_REG_1);
	emit_load(p, BPF_W, BPF_REG_1, BPF_REG_6, offsetof(struct __sk_buff, pkt_type));
	ring_if(p, BPF_JEQ, BPF_REG_1, PACKET_MULTICAST); /* at once: streams come this way */
	ring_if(p, BPF_JEQ, BPF_REG_1, PACKET_BROADCAST);
	emit_move(p, BPF_REG_1, BPF_REG_6);
	emit_number(p, BPF_REG_2, 0);
	emit_move(p, BPF_REG_3, BPF_REG_10);
	emit(p, BPF_ALU64 | BPF_ADD | BPF_K, BPF_REG_3, 0, 0, MACS_OFF);
	emit_number(p, BPF_REG_4, 2 * FP_MAC_BYTES);
	emit_call(p, BPF_FUNC_skb_load_bytes);
	ring_if(p, BPF_JNE, BPF_REG_0, 0);
	classify(p, shortcut, port);
	lookup_address(p, shortcut, MACS_OFF + FP_MAC_BYTES);
	emit_move(p, BPF_REG_7, BPF_REG_0);
	emit_load(p, BPF_W, BPF_REG_1, BPF_REG_7, offsetof(struct value, ifindex));
	ring_if(p, BPF_JNE, BPF_REG_1, ifindex);
	lookup_address(p, shortcut, MACS_OFF);
	emit_move(p, BPF_REG_9, BPF_REG_0);
	emit_load(p, BPF_W, BPF_REG_1, BPF_REG_9, offsetof(struct value, ifindex));
	ring_if(p, BPF_JEQ, BPF_REG_1, ifindex);
	emit_load(p, BPF_H, BPF_REG_1, BPF_REG_9, offsetof(struct value, horizon));
	emit(p, BPF_JMP | BPF_JEQ | BPF_K, BPF_REG_1, 0, 2, 0);
	emit_load(p, BPF_H, BPF_REG_2, BPF_REG_7, offsetof(struct value, horizon));
	ring_if_reg(p, BPF_JEQ, BPF_REG_1, BPF_REG_2);
	emit_load(p, BPF_H, BPF_REG_1, BPF_REG_9, offsetof(struct value, untagged));
	emit(p, BPF_JMP | BPF_JEQ | BPF_K, BPF_REG_1, 0, 2, 0);
	emit_load(p, BPF_W, BPF_REG_1, BPF_REG_6, offsetof(struct __sk_buff, protocol));
	ring_if(p, BPF_JEQ, BPF_REG_1, htons(ETH_P_8021Q));
	emit_call(p, BPF_FUNC_ktime_get_ns);
	emit_move(p, BPF_REG_8, BPF_REG_0);
	emit_load(p, BPF_DW, BPF_REG_1, BPF_REG_9, offsetof(struct value, seen_ns));
	emit(p, BPF_ALU64 | BPF_SUB | BPF_X, BPF_REG_0, BPF_REG_1, 0, 0);
	emit_number64(p, BPF_REG_1, 0, shortcut->ageing_ns);
	ring_if_reg(p, BPF_JSGT, BPF_REG_0, BPF_REG_1);
	emit_load(p, BPF_W, BPF_REG_1, BPF_REG_6, offsetof(struct __sk_buff, gso_size));
	/* the device segments it: what counts is a segment, with the least of headers */
	emit(p, BPF_ALU64 | BPF_ADD | BPF_K, BPF_REG_1, 0, 0, SEGMENT_HEADERS);
	emit(p, BPF_JMP | BPF_JNE | BPF_K, BPF_REG_1, 0, 1, SEGMENT_HEADERS);
	emit_load(p, BPF_W, BPF_REG_1, BPF_REG_6, offsetof(struct __sk_buff, len));
	emit_load(p, BPF_W, BPF_REG_2, BPF_REG_9, offsetof(struct value, frame_max));
	ring_if_reg(p, BPF_JGT, BPF_REG_1, BPF_REG_2);
}

/* Adds one frame to two neighbouring counters of the port whose id is at KEY_OFF. */
static void count_frame(struct fp_bpf_code *p, const struct fp_shortcut *shortcut,
			size_t frames_off)
{
	lookup(p, shortcut->count_fd, KEY_OFF);
	emit(p, BPF_JMP | BPF_JEQ | BPF_K, BPF_REG_0, 0, 4, 0);
	emit_number(p, BPF_REG_1, 1);
	emit(p, BPF_STX | BPF_ATOMIC | BPF_DW, BPF_REG_0, BPF_REG_1, (int32_t)frames_off, BPF_ADD);
	emit_load(p, BPF_W, BPF_REG_1, BPF_REG_6, offsetof(struct __sk_buff, len));
	emit(p, BPF_STX | BPF_ATOMIC | BPF_DW, BPF_REG_0, BPF_REG_1, (int32_t)frames_off + 8,
	     BPF_ADD);
}

/* Counts the frame out by the port that the destination's entry, r9, has at port_off. */
static void count_out(struct fp_bpf_code *p, const struct fp_shortcut *shortcut, size_t port_off)
{
	emit_load(p, BPF_W, BPF_REG_1, BPF_REG_9, (int32_t)port_off);
	emit_store(p, BPF_W, BPF_REG_10, KEY_OFF, BPF_REG_1);
	count_frame(p, shortcut, offsetof(struct fp_shortcut_counts, tx_frames));
}

/* A jump over what is written until land(). */
static uint32_t jump_if(struct fp_bpf_code *p, uint32_t comparison, uint32_t dst, int32_t number)
{
	emit(p, BPF_JMP | comparison | BPF_K, dst, 0, 0, number);
	return p->count - 1;
}

static uint32_t jump_if_reg(struct fp_bpf_code *p, uint32_t comparison, uint32_t dst, uint32_t src)
{
	emit(p, BPF_JMP | comparison | BPF_X, dst, src, 0, 0);
	return p->count - 1;
}

static void land(struct fp_bpf_code *p, uint32_t jump)
{
	p->code[jump].off = (int16_t)(p->count - jump - 1);
}

/* Takes the tag off, if there is one; a frame that cannot be changed is lost. */
static void pop_tag(struct fp_bpf_code *p)
{
	uint32_t bare;

	emit_load(p, BPF_W, BPF_REG_1, BPF_REG_6, offsetof(struct __sk_buff, vlan_present));
	bare = jump_if(p, BPF_JEQ, BPF_REG_1, 0);
	emit_move(p, BPF_REG_1, BPF_REG_6);
	emit_call(p, BPF_FUNC_skb_vlan_pop);
	ring_if(p, BPF_JNE, BPF_REG_0, 0);
	land(p, bare);
}

/*
 * The frame as the destination r9 has the VLAN (VLAN-5). A tag that is the VLAN's stays, and so
 * does all of a switch that does not filter; any other is a priority tag, and gives its priority.
 */
static void write_tag(struct fp_bpf_code *p)
{
	uint32_t tagged;
	uint32_t same;
	uint32_t done;

	emit_load(p, BPF_H, BPF_REG_1, BPF_REG_9, offsetof(struct value, untagged));
	tagged = jump_if(p, BPF_JEQ, BPF_REG_1, 0);
	pop_tag(p);
	done = jump_if(p, BPF_JA, 0, 0);
	land(p, tagged);
	emit_load(p, BPF_W, BPF_REG_7, BPF_REG_6, offsetof(struct __sk_buff, vlan_tci));
	emit_move(p, BPF_REG_1, BPF_REG_7);
	emit(p, BPF_ALU64 | BPF_AND | BPF_K, BPF_REG_1, 0, 0, FP_VLAN_ID_MASK);
	emit_load(p, BPF_H, BPF_REG_2, BPF_REG_10, VLAN_OFF);
	same = jump_if_reg(p, BPF_JEQ, BPF_REG_1, BPF_REG_2);
	pop_tag(p);
	emit_load(p, BPF_H, BPF_REG_3, BPF_REG_10, VLAN_OFF);
	emit(p, BPF_ALU64 | BPF_OR | BPF_X, BPF_REG_3, BPF_REG_7, 0, 0);
	emit_move(p, BPF_REG_1, BPF_REG_6);
	emit_number(p, BPF_REG_2, htons(ETH_P_8021Q));
	emit_call(p, BPF_FUNC_skb_vlan_push);
	ring_if(p, BPF_JNE, BPF_REG_0, 0);
	land(p, same);
	land(p, done);
}

/*
 * A copy for the other port that the destination r9 is heard at, on the terms of fp_move_shares():
 * lately, or there last.
 */
static void write_copy(struct fp_bpf_code *p, const struct fp_shortcut *shortcut, int ifindex)
{
	uint32_t latest;
	uint32_t over[3];

	emit_load(p, BPF_W, BPF_REG_1, BPF_REG_9, offsetof(struct value, also_ifindex));
	over[0] = jump_if(p, BPF_JEQ, BPF_REG_1, 0);
	over[1] = jump_if(p, BPF_JEQ, BPF_REG_1, ifindex);
	emit_load(p, BPF_DW, BPF_REG_1, BPF_REG_9, offsetof(struct value, also_ns));
	emit_load(p, BPF_DW, BPF_REG_2, BPF_REG_9, offsetof(struct value, seen_ns));
	latest = jump_if_reg(p, BPF_JGT, BPF_REG_1, BPF_REG_2);
	emit_number64(p, BPF_REG_2, 0, FP_MOVE_SHARE_MS * FP_NS_PER_MS);
	emit(p, BPF_ALU64 | BPF_ADD | BPF_X, BPF_REG_1, BPF_REG_2, 0, 0);
	over[2] = jump_if_reg(p, BPF_JLT, BPF_REG_1, BPF_REG_8);
	land(p, latest);
	count_out(p, shortcut, offsetof(struct value, also_port));
	emit_move(p, BPF_REG_1, BPF_REG_6);
	emit_load(p, BPF_W, BPF_REG_2, BPF_REG_9, offsetof(struct value, also_ifindex));
	emit_number(p, BPF_REG_3, 0);
	emit_call(p, BPF_FUNC_clone_redirect);
	for (uint32_t i = 0; i < sizeof(over) / sizeof(over[0]); i++)
		land(p, over[i]);
}

static void write_redirect(struct fp_bpf_code *p, const struct fp_shortcut *shortcut, uint32_t port,
			   int ifindex)
{
	emit_store(p, BPF_DW, BPF_REG_7, offsetof(struct value, seen_ns), BPF_REG_8);
	write_tag(p);
	emit_number(p, BPF_REG_1, (int32_t)port);
	emit_store(p, BPF_W, BPF_REG_10, KEY_OFF, BPF_REG_1);
	count_frame(p, shortcut, offsetof(struct fp_shortcut_counts, rx_frames));
	count_out(p, shortcut, offsetof(struct value, port));
	write_copy(p, shortcut, ifindex);
	emit_load(p, BPF_W, BPF_REG_1, BPF_REG_9, offsetof(struct value, ifindex));
	emit_number(p, BPF_REG_2, 0);
	emit_call(p, BPF_FUNC_redirect);
	emit_exit(p);
}

void fp_shortcut_write(const struct fp_shortcut *shortcut, uint32_t port, int ifindex,
		       struct fp_bpf_code *ingress)
{
	write_questions(ingress, shortcut, port, ifindex);
	write_redirect(ingress, shortcut, port, ifindex);
}

int fp_shortcut_filter(const struct fp_shortcut *shortcut, uint32_t port, int ifindex, int ring_fd)
{
	struct fp_bpf_code filter = {.count = 0};
	int fd;
	int err = 0;

	if (shortcut->fdb_fd < 0)
		return -ENOTSUP;
	write_questions(&filter, shortcut, port, ifindex);
	emit_number(&filter, BPF_REG_0, 0);
	emit_exit(&filter);
	emit_end(&filter, -1);
	fd = fp_bpf_load(BPF_PROG_TYPE_SOCKET_FILTER, filter.code, filter.count);
	if (fd < 0)
		return fd;
	if (setsockopt(ring_fd, SOL_SOCKET, SO_ATTACH_BPF, &fd, sizeof(fd)))
		err = -errno;
	close(fd); /* the socket holds it */
	return err;
}
