#include "filter.h"
#include "program.h"

#include <stddef.h>
#include <sys/mman.h>
#include <unistd.h>

/* Frame pointer offsets of the program's two copies of struct traffic_payload, placed so that the
 * fields behind the 16-bit magic are aligned: the verifier wants that of the stack.
 */
#define FIRST (-26)
#define LAST (-50)
#define PAYLOAD_BYTES ((int)sizeof(struct traffic_payload))
#define UDP_BYTES 8

#define COUNTER(field) ((short)offsetof(struct filter_counters, field))
#define SKB(field) ((short)offsetof(struct __sk_buff, field))
#define SEQ ((short)offsetof(struct traffic_payload, seq))
#define FLOW ((short)offsetof(struct traffic_payload, flow))

/* r6 skb, r7 counters, r8 datagrams in this arrival, r9 its first sequence number and then the
 * flow's slot.
 *
 * An arrival is one datagram, or, on a socket that asked for UDP_GRO, a run of gso_segs of them; of
 * a run the first and the last sequence number are checked. Jump offsets count instructions: `out`
 * and `foreign` are the last two blocks.
 */
static int counting_load(int map_fd, int skip_bytes)
{
	struct bpf_insn code[] = {
		/*  0 */ MOV(BPF_REG_6, BPF_REG_1),
		/*  1 */
		INSN(BPF_LD | BPF_DW | BPF_IMM, BPF_REG_7, BPF_PSEUDO_MAP_VALUE, 0, map_fd),
		/*  2 */ INSN(0, 0, 0, 0, 0),
		/*  3 */ MOV_IMM(BPF_REG_2, UDP_BYTES + skip_bytes),
		/*  4 */ MOV(BPF_REG_3, BPF_REG_10),
		/*  5 */ ADD_IMM(BPF_REG_3, FIRST),
		/*  6 */ MOV_IMM(BPF_REG_4, PAYLOAD_BYTES),
		/*  7 */ CALL(BPF_FUNC_skb_load_bytes),
		/*  8 */ JUMP_IF_IMM(BPF_JNE, BPF_REG_0, 0, 46), /* -> foreign */
		/*  9 */ LOAD(BPF_H, BPF_REG_1, BPF_REG_10, FIRST),
		/* 10 */ JUMP_IF_IMM(BPF_JNE, BPF_REG_1, TRAFFIC_MAGIC, 44), /* -> foreign */
		/* 11 */ LOAD(BPF_W, BPF_REG_8, BPF_REG_6, SKB(gso_segs)),
		/* 12 */ JUMP_IF_IMM(BPF_JNE, BPF_REG_8, 0, 1),
		/* 13 */ MOV_IMM(BPF_REG_8, 1),
		/* counted here: whatever the sequence numbers say, they arrived */
		/* 14 */ ATOMIC_ADD(BPF_REG_7, COUNTER(datagrams), BPF_REG_8),
		/* 15 */ MOV_IMM(BPF_REG_1, 1),
		/* 16 */ ATOMIC_ADD(BPF_REG_7, COUNTER(batches), BPF_REG_1),
		/* 17 */ LOAD(BPF_W, BPF_REG_1, BPF_REG_6, SKB(len)),
		/* 18 */ ADD_IMM(BPF_REG_1, -UDP_BYTES),
		/* 19 */ ATOMIC_ADD(BPF_REG_7, COUNTER(bytes), BPF_REG_1),
		/* 20 */ CALL(BPF_FUNC_ktime_get_ns),
		/* 21 */ STORE(BPF_DW, BPF_REG_7, COUNTER(last_ns), BPF_REG_0),
		/* 22 */ LOAD(BPF_DW, BPF_REG_1, BPF_REG_7, COUNTER(first_ns)),
		/* 23 */ JUMP_IF_IMM(BPF_JNE, BPF_REG_1, 0, 1),
		/* 24 */ STORE(BPF_DW, BPF_REG_7, COUNTER(first_ns), BPF_REG_0),
		/* last payload of the run: at 8 + (segments - 1) * gso_size */
		/* 25 */ LOAD(BPF_W, BPF_REG_2, BPF_REG_6, SKB(gso_size)),
		/* 26 */ MOV(BPF_REG_1, BPF_REG_8),
		/* 27 */ ADD_IMM(BPF_REG_1, -1),
		/* 28 */ MUL(BPF_REG_2, BPF_REG_1),
		/* 29 */ ADD_IMM(BPF_REG_2, UDP_BYTES + skip_bytes),
		/* 30 */ MOV(BPF_REG_1, BPF_REG_6),
		/* 31 */ MOV(BPF_REG_3, BPF_REG_10),
		/* 32 */ ADD_IMM(BPF_REG_3, LAST),
		/* 33 */ MOV_IMM(BPF_REG_4, PAYLOAD_BYTES),
		/* 34 */ CALL(BPF_FUNC_skb_load_bytes),
		/* 35 */ JUMP_IF_IMM(BPF_JNE, BPF_REG_0, 0, 17), /* -> out: a short last one is only
								    counted */
		/* 36 */ LOAD(BPF_W, BPF_REG_1, BPF_REG_10, FIRST + FLOW),
		/* 37 */ JUMP_IF_IMM(BPF_JGE, BPF_REG_1, TRAFFIC_FLOWS_MAX, 15), /* -> out */
		/* 38 */ SHIFT_LEFT(BPF_REG_1, 2),
		/* 39 */ ADD(BPF_REG_1, BPF_REG_7), /* r1 = counters + flow * 4, next_seq[] at its
						       offset */
		/* 40 */ LOAD(BPF_W, BPF_REG_9, BPF_REG_10, FIRST + SEQ),
		/* 41 */ LOAD(BPF_W, BPF_REG_2, BPF_REG_1, COUNTER(next_seq)),
		/* 42 */ LOAD(BPF_W, BPF_REG_3, BPF_REG_10, LAST + SEQ),
		/* 43 */ MOV(BPF_REG_4, BPF_REG_3),
		/* 44 */ ADD_IMM(BPF_REG_4, 1),
		/* 45 */ STORE(BPF_W, BPF_REG_1, COUNTER(next_seq), BPF_REG_4),
		/* 46 */ JUMP_IF32(BPF_JNE, BPF_REG_2, BPF_REG_9, 4), /* -> gap */
		/* 47 */ ADD(BPF_REG_9, BPF_REG_8),
		/* 48 */ JUMP_IF32(BPF_JNE, BPF_REG_9, BPF_REG_4, 2), /* -> gap: the run is not
									 whole */
		/* 49 */ MOV_IMM(BPF_REG_0, 0),
		/* 50 */ EXIT(),
		/* gap: */
		/* 51 */ MOV_IMM(BPF_REG_1, 1),
		/* 52 */ ATOMIC_ADD(BPF_REG_7, COUNTER(gaps), BPF_REG_1),
		/* out: */
		/* 53 */ MOV_IMM(BPF_REG_0, 0),
		/* 54 */ EXIT(),
		/* foreign: */
		/* 55 */ MOV_IMM(BPF_REG_1, 1),
		/* 56 */ ATOMIC_ADD(BPF_REG_7, COUNTER(foreign), BPF_REG_1),
		/* 57 */ MOV_IMM(BPF_REG_0, 0),
		/* 58 */ EXIT(),
	};
	return program_load(code, sizeof(code) / sizeof(code[0]));
}

int filter_open(struct filter *filter, int skip_bytes)
{
	void *mapped;
	int err;

	filter->prog_fd = -1;
	filter->counters = NULL;
	filter->map_fd = err = program_memory(sizeof(struct filter_counters), &mapped);
	if (err < 0)
		return err;
	filter->counters = mapped;
	filter->prog_fd = err = counting_load(filter->map_fd, skip_bytes);
	if (err < 0)
		filter_close(filter);
	return err < 0 ? err : 0;
}

void filter_close(struct filter *filter)
{
	if (filter->counters)
		munmap(filter->counters, sizeof(struct filter_counters));
	if (filter->prog_fd >= 0)
		close(filter->prog_fd);
	if (filter->map_fd >= 0)
		close(filter->map_fd);
	filter->counters = NULL;
	filter->prog_fd = filter->map_fd = -1;
}
