/* BPF programs written out by hand: instructions, loading one, and memory it shares with us. */
#ifndef TRAFFIC_PROGRAM_H
#define TRAFFIC_PROGRAM_H

#include <linux/bpf.h>
#include <stddef.h>
#include <stdint.h>

/* One BPF instruction, in the order of struct bpf_insn. */
#define INSN(c, d, s, o, i)                                                                        \
	(struct bpf_insn)                                                                          \
	{                                                                                          \
		.code = (c), .dst_reg = (d), .src_reg = (s), .off = (o), .imm = (i)                \
	}
#define MOV(d, s) INSN(BPF_ALU64 | BPF_MOV | BPF_X, d, s, 0, 0)
#define MOV_IMM(d, i) INSN(BPF_ALU64 | BPF_MOV | BPF_K, d, 0, 0, i)
#define ADD(d, s) INSN(BPF_ALU64 | BPF_ADD | BPF_X, d, s, 0, 0)
#define ADD_IMM(d, i) INSN(BPF_ALU64 | BPF_ADD | BPF_K, d, 0, 0, i)
#define MUL(d, s) INSN(BPF_ALU64 | BPF_MUL | BPF_X, d, s, 0, 0)
#define SHIFT_LEFT(d, i) INSN(BPF_ALU64 | BPF_LSH | BPF_K, d, 0, 0, i)
#define LOAD(size, d, s, o) INSN(BPF_LDX | BPF_MEM | (size), d, s, o, 0)
#define STORE(size, d, o, s) INSN(BPF_STX | BPF_MEM | (size), d, s, o, 0)
#define ATOMIC_ADD(d, o, s) INSN(BPF_STX | BPF_ATOMIC | BPF_DW, d, s, o, BPF_ADD)
#define CALL(f) INSN(BPF_JMP | BPF_CALL, 0, 0, 0, f)
#define JUMP_IF(op, d, s, to) INSN(BPF_JMP | (op) | BPF_X, d, s, to, 0)
#define JUMP_IF_IMM(op, d, i, to) INSN(BPF_JMP | (op) | BPF_K, d, 0, to, i)
#define JUMP_IF32(op, d, s, to) INSN(BPF_JMP32 | (op) | BPF_X, d, s, to, 0)
#define EXIT() INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0)

/* Memory of that size, zeroed, that a program names by the descriptor (BPF_PSEUDO_MAP_VALUE) and
 * we see at `mapped`. Returns the descriptor or -errno. */
int program_memory(size_t bytes, void **mapped);

/* Load a socket filter. Returns its descriptor or -errno, then with the verifier's words on
 * stderr. */
int program_load(const struct bpf_insn *code, uint32_t len);

#endif
