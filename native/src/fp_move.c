#include "fp_move.h"

#define OTHER_MASK 0xffu
#define STRIKES_SHIFT 8
#define STRIKES_MASK 0x7u
#define HELD_BIT (UINT64_C(1) << 11)
#define PRESENT_BIT (UINT64_C(1) << 12)
#define FRAMES_SHIFT 13
#define FRAMES_MASK 0x7u
#define TIME_SHIFT 16

static const uint32_t hold_ms[FP_MOVE_STRIKES_MAX + 1] = {0, 100, 1000, 4000, 16000, 64000};

uint64_t fp_move_pack(const struct fp_move *move)
{
	return move->time_ms << TIME_SHIFT | PRESENT_BIT | (move->held ? HELD_BIT : 0) |
	       (uint64_t)move->strikes << STRIKES_SHIFT | (uint64_t)move->frames << FRAMES_SHIFT |
	       (move->other & OTHER_MASK);
}

struct fp_move fp_move_unpack(uint64_t word)
{
	return (struct fp_move){
		.time_ms = word >> TIME_SHIFT,
		.other = (uint32_t)word & OTHER_MASK,
		.strikes = (uint32_t)(word >> STRIKES_SHIFT) & STRIKES_MASK,
		.frames = (uint32_t)(word >> FRAMES_SHIFT) & FRAMES_MASK,
		.held = word & HELD_BIT,
	};
}

static bool forgotten(const struct fp_move *move, uint64_t now_ms)
{
	return now_ms > move->time_ms + FP_MOVE_MEMORY_MS;
}

uint64_t fp_move_hold_ms(uint64_t word)
{
	return word & HELD_BIT ? hold_ms[fp_move_unpack(word).strikes] : 0;
}

bool fp_move_unsure(uint64_t word, uint64_t now_ms)
{
	struct fp_move move = fp_move_unpack(word);

	return word && !move.held && now_ms <= move.time_ms + FP_MOVE_UNSURE_MS;
}

bool fp_move_both(uint64_t word, uint64_t now_ms)
{
	return fp_move_unsure(word, now_ms) && fp_move_unpack(word).frames == FP_MOVE_FRAMES_MAX;
}

uint64_t fp_move_heard(uint64_t word, uint64_t now_ms)
{
	struct fp_move move = fp_move_unpack(word);

	if (!fp_move_unsure(word, now_ms) || move.frames == FP_MOVE_FRAMES_MAX)
		return word;
	move.frames++;
	return fp_move_pack(&move);
}

bool fp_move_refuses(uint64_t word, uint64_t heard_ms, uint64_t now_ms)
{
	struct fp_move move = fp_move_unpack(word);

	if (!move.held || forgotten(&move, now_ms))
		return false;
	return now_ms <= heard_ms + hold_ms[move.strikes];
}

uint64_t fp_move_refused(uint64_t word, uint32_t claimant, uint64_t now_ms)
{
	struct fp_move move = fp_move_unpack(word);

	if (word && move.held && move.other == claimant && now_ms < move.time_ms + FP_MOVE_SEEN_MS)
		return word;
	move.held = true;
	move.other = claimant;
	move.time_ms = now_ms;
	return fp_move_pack(&move);
}

uint64_t fp_move_moved(uint64_t word, uint32_t port, uint32_t claimant, uint64_t now_ms)
{
	struct fp_move move = fp_move_unpack(word);

	if (!word || forgotten(&move, now_ms))
		move = (struct fp_move){.other = port, .time_ms = now_ms};
	else if (move.held)
		/* silent for its hold: it moves, and what it did is remembered */
		move = (struct fp_move){.other = port, .time_ms = now_ms, .strikes = move.strikes};
	else if (claimant == move.other) {
		bool late = !move.strikes && now_ms <= move.time_ms + FP_MOVE_LATE_MS;
		uint32_t strikes = move.strikes ? move.strikes + 1 : late ? 1 : 2;

		move = (struct fp_move){
			.other = port,
			.time_ms = now_ms,
			.strikes = strikes < FP_MOVE_STRIKES_MAX ? strikes : FP_MOVE_STRIKES_MAX,
			.held = true,
		};
	} else if (now_ms > move.time_ms + FP_MOVE_STABLE_MS) {
		move.other = port;
		move.time_ms = now_ms;
	} /* else a third port, soon after: the one it was taken from is still the other */
	return fp_move_pack(&move);
}
