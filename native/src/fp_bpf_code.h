/*
 * A kernel program being written, instruction by instruction, for fp_isolate.c and
 * fp_shortcut_program.c only. Instructions come in order; a jump to FP_BPF_END is filled in when
 * the common end is known.
 */
#ifndef FP_BPF_CODE_H
#define FP_BPF_CODE_H

#include <linux/bpf.h>
#include <linux/bpf_common.h>
#include <stdint.h>

#define FP_BPF_CODE_MAX 224
#define FP_BPF_END INT16_MAX

struct fp_bpf_code {
	struct bpf_insn code[FP_BPF_CODE_MAX];
	uint32_t count;
};

static inline void emit(struct fp_bpf_code *p, uint32_t code, uint32_t dst, uint32_t src,
			int32_t off, int32_t imm)
{
	p->code[p->count++] = (struct bpf_insn){
		.code = (uint8_t)code,
		.dst_reg = (uint8_t)(dst & 0x0f),
		.src_reg = (uint8_t)(src & 0x0f),
		.off = (int16_t)off,
		.imm = imm,
	};
}

static inline void emit_move(struct fp_bpf_code *p, uint32_t dst, uint32_t src)
{
	emit(p, BPF_ALU64 | BPF_MOV | BPF_X, dst, src, 0, 0);
}

static inline void emit_number(struct fp_bpf_code *p, uint32_t dst, int32_t number)
{
	emit(p, BPF_ALU64 | BPF_MOV | BPF_K, dst, 0, 0, number);
}

/* A 64-bit number or, with source BPF_PSEUDO_MAP_FD, a map. */
static inline void emit_number64(struct fp_bpf_code *p, uint32_t dst, uint32_t source,
				 uint64_t number)
{
	emit(p, BPF_LD | BPF_DW | BPF_IMM, dst, source, 0, (int32_t)(uint32_t)number);
	emit(p, 0, 0, 0, 0, (int32_t)(uint32_t)(number >> 32));
}

static inline void emit_load(struct fp_bpf_code *p, uint32_t size, uint32_t dst, uint32_t src,
			     int32_t off)
{
	emit(p, BPF_LDX | BPF_MEM | size, dst, src, off, 0);
}

static inline void emit_store(struct fp_bpf_code *p, uint32_t size, uint32_t dst, int32_t off,
			      uint32_t src)
{
	emit(p, BPF_STX | BPF_MEM | size, dst, src, off, 0);
}

static inline void emit_call(struct fp_bpf_code *p, int32_t function)
{
	emit(p, BPF_JMP | BPF_CALL, 0, 0, 0, function);
}

static inline void emit_exit(struct fp_bpf_code *p)
{
	emit(p, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

/* The common end of all jumps to it: the program returns the result. */
static inline void emit_end(struct fp_bpf_code *p, int32_t result)
{
	for (uint32_t i = 0; i < p->count; i++) {
		if (p->code[i].off == FP_BPF_END)
			p->code[i].off = (int16_t)(p->count - i - 1);
	}
	emit_number(p, BPF_REG_0, result);
	emit_exit(p);
}

#endif
