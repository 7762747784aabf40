#include "arrivals.h"
#include "clock.h"
#include "payload.h"
#include "program.h"
#include "wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <sys/socket.h>

/* Frame pointer offset of the program's copy of a frame from its UDP destination port on, placed
 * so that the payload's sequence number is aligned. */
#define COPY (-32)
#define COPY_BYTES (6 + (int)sizeof(struct traffic_payload))
#define FROM 36 /* Ethernet 14, IPv4 20, UDP source port 2 */
#define PAYLOAD (COPY + 6)
#define SEQ (PAYLOAD + (short)offsetof(struct traffic_payload, seq))

/* r7 the times, r8 the datagram's place in them. Jump offsets count instructions. */
static int stamping_load(int memory_fd, uint16_t port)
{
	struct bpf_insn code[] = {
		/*  0 */
		INSN(BPF_LD | BPF_DW | BPF_IMM, BPF_REG_7, BPF_PSEUDO_MAP_VALUE, 0, memory_fd),
		/*  1 */ INSN(0, 0, 0, 0, 0),
		/*  2 */ MOV_IMM(BPF_REG_2, FROM),
		/*  3 */ MOV(BPF_REG_3, BPF_REG_10),
		/*  4 */ ADD_IMM(BPF_REG_3, COPY),
		/*  5 */ MOV_IMM(BPF_REG_4, COPY_BYTES),
		/*  6 */ CALL(BPF_FUNC_skb_load_bytes),
		/*  7 */ JUMP_IF_IMM(BPF_JNE, BPF_REG_0, 0, 12), /* -> out */
		/*  8 */ LOAD(BPF_H, BPF_REG_1, BPF_REG_10, COPY),
		/*  9 */ JUMP_IF_IMM(BPF_JNE, BPF_REG_1, htons(port), 10), /* -> out */
		/* 10 */ LOAD(BPF_H, BPF_REG_1, BPF_REG_10, PAYLOAD),
		/* 11 */ JUMP_IF_IMM(BPF_JNE, BPF_REG_1, TRAFFIC_MAGIC, 8), /* -> out */
		/* 12 */ LOAD(BPF_W, BPF_REG_8, BPF_REG_10, SEQ),
		/* 13 */ INSN(BPF_ALU64 | BPF_AND | BPF_K, BPF_REG_8, 0, 0, ARRIVALS_MAX - 1),
		/* 14 */ SHIFT_LEFT(BPF_REG_8, 3),
		/* 15 */ ADD(BPF_REG_8, BPF_REG_7),
		/* 16 */ LOAD(BPF_DW, BPF_REG_1, BPF_REG_8, 0),
		/* 17 */ JUMP_IF_IMM(BPF_JNE, BPF_REG_1, 0, 2), /* -> out */
		/* 18 */ CALL(BPF_FUNC_ktime_get_ns),
		/* 19 */ STORE(BPF_DW, BPF_REG_8, 0, BPF_REG_0),
		/* out: */
		/* 20 */ MOV_IMM(BPF_REG_0, 0),
		/* 21 */ EXIT(),
	};

	return program_load(code, sizeof(code) / sizeof(code[0]));
}

int arrivals_open(struct arrivals *arrivals, const char *interface, uint16_t port)
{
	uint8_t mac[6];
	void *mapped;
	int one = 1, program, memory, fd = wire_open(interface, mac);

	if (fd < 0)
		return fd;
	memory = program_memory(ARRIVALS_MAX * sizeof(uint64_t), &mapped);
	if (memory < 0)
		return memory;
	arrivals->ns = mapped;
	arrivals->offset_ns = (int64_t)(realtime_ns() - monotonic_ns());
	program = stamping_load(memory, port);
	if (program < 0)
		return program;
	if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_BPF, &program, sizeof(program)) ||
	    setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof(one)))
		return -errno;
	return wire_listen(fd, interface, ETH_P_ALL);
}

uint64_t arrival_ns(const struct arrivals *arrivals, uint32_t seq)
{
	for (uint32_t back = 0; back < ARRIVALS_RUN && back <= seq; back++) {
		uint64_t ns = __atomic_load_n(&arrivals->ns[(seq - back) % ARRIVALS_MAX],
					      __ATOMIC_RELAXED);

		if (ns)
			return ns + (uint64_t)arrivals->offset_ns;
	}
	return 0;
}
