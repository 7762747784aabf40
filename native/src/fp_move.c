#include "fp_move.h"

#define OTHER_MASK 0xffu
#define HELD_BIT (UINT64_C(1) << 8)
#define SHARED_BIT (UINT64_C(1) << 9)
#define PRESENT_BIT (UINT64_C(1) << 10)
#define FRAMES_SHIFT 11
#define FRAMES_MASK 0x7u
#define TIME_SHIFT 16

uint64_t fp_move_pack(const struct fp_move *move)
{
	return move->time_ms << TIME_SHIFT | PRESENT_BIT | (move->held ? HELD_BIT : 0) |
	       (move->shared ? SHARED_BIT : 0) | (uint64_t)move->frames << FRAMES_SHIFT |
	       (move->other & OTHER_MASK);
}

struct fp_move fp_move_unpack(uint64_t word)
{
	return (struct fp_move){
		.time_ms = word >> TIME_SHIFT,
		.other = (uint32_t)word & OTHER_MASK,
		.frames = (uint32_t)(word >> FRAMES_SHIFT) & FRAMES_MASK,
		.held = word & HELD_BIT,
		.shared = word & SHARED_BIT,
	};
}

static bool forgotten(const struct fp_move *move, uint64_t now_ms)
{
	return now_ms > move->time_ms + FP_MOVE_MEMORY_MS;
}

bool fp_move_known(uint64_t word, uint64_t now_ms)
{
	struct fp_move move = fp_move_unpack(word);

	return word && !forgotten(&move, now_ms);
}

bool fp_move_unsure(uint64_t word, uint64_t now_ms)
{
	struct fp_move move = fp_move_unpack(word);

	return word && !move.held && !move.shared && now_ms <= move.time_ms + FP_MOVE_SHARE_MS;
}

uint64_t fp_move_heard(uint64_t word, uint64_t now_ms)
{
	struct fp_move move = fp_move_unpack(word);

	if (!fp_move_unsure(word, now_ms))
		return word;
	move.frames++;
	move.shared = move.frames == FP_MOVE_FRAMES_MAX;
	return fp_move_pack(&move);
}

bool fp_move_shares(uint64_t word, uint64_t heard_ms, uint64_t now_ms)
{
	struct fp_move move = fp_move_unpack(word);

	return move.shared &&
	       (now_ms <= move.time_ms + FP_MOVE_SHARE_MS || move.time_ms > heard_ms);
}

uint64_t fp_move_refresh_ms(uint64_t word, uint64_t heard_ms)
{
	return word && fp_move_unpack(word).time_ms >= heard_ms ? 1 : FP_MOVE_SEEN_MS;
}

bool fp_move_refuses(uint64_t word, uint64_t heard_ms, uint64_t now_ms)
{
	struct fp_move move = fp_move_unpack(word);

	return move.held && !forgotten(&move, now_ms) && now_ms <= heard_ms + FP_MOVE_HOLD_MS;
}

uint64_t fp_move_refused(uint64_t word, uint32_t claimant, bool sticky, uint64_t heard_ms,
			 uint64_t now_ms)
{
	struct fp_move move = fp_move_unpack(word);

	if (word && move.held && move.other == claimant && move.shared == !sticky &&
	    move.time_ms > heard_ms && now_ms < move.time_ms + FP_MOVE_SEEN_MS)
		return word;
	move = (struct fp_move){
		/* after the port was heard, also within one millisecond */
		.time_ms = now_ms > heard_ms ? now_ms : heard_ms + 1,
		.other = claimant,
		.held = true,
		.shared = !sticky,
	};
	return fp_move_pack(&move);
}

uint64_t fp_move_moved(uint64_t word, uint32_t port, uint32_t claimant, uint64_t now_ms)
{
	struct fp_move before = fp_move_unpack(word);
	struct fp_move move = {.time_ms = now_ms, .other = port};

	if (!word || forgotten(&before, now_ms))
		return fp_move_pack(&move);
	move.shared = before.shared;
	if (before.held)
		return fp_move_pack(&move); /* it was silent at its port */
	if (claimant == before.other) {
		move.held = true;
		move.shared = before.shared || before.frames >= FP_MOVE_FRAMES_FEW;
	} else if (now_ms <= before.time_ms + FP_MOVE_SHARE_MS) {
		move = before; /* a third port: the one it was taken from is still the other */
	}
	return fp_move_pack(&move);
}
