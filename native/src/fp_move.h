/*
 * Whether an address moves to the port it is claimed from (F-12). Pure: one word a
 * fdb entry, which says with whom the entry's port has been in dispute.
 *
 * Who moves falls silent at its old port, so a first claim moves the address at
 * once, as every bridge does. If it has much to say from there its old port gets its
 * frames as well for five seconds, should the claim be false. An address that is heard at its old
 * port again has not moved: it returns, and is held there as long as it is heard there now and
 * then. The hold is short where the frame may only have been late (a router that takes over while
 * the other's last frames are under way) and grows each time that the dispute begins anew:
 *
 *   strikes  1: back within 100 ms of the claim   held for 100 ms after its last frame
 *            2: back later, or again               1 s
 *            3, 4, 5: and again                    4, 16, 64 s
 *
 * 64 s after the last claim all is forgotten.
 */
#ifndef FP_MOVE_H
#define FP_MOVE_H

#include <stdbool.h>
#include <stdint.h>

#define FP_MOVE_LATE_MS 100u
#define FP_MOVE_STABLE_MS 5000u
#define FP_MOVE_UNSURE_MS 5000u
#define FP_MOVE_MEMORY_MS 64000u
#define FP_MOVE_STRIKES_MAX 5u
#define FP_MOVE_SEEN_MS 1000u /* how exactly the time of a claim that was refused is kept */

#define FP_MOVE_FRAMES_MAX 7u

/* A dispute, unpacked; the word 0 is none. */
struct fp_move {
	uint64_t time_ms; /* held: of the last claim; else of the move */
	uint32_t other;	  /* held: who claims it; else the port it moved away from */
	uint32_t strikes;
	uint32_t frames; /* since it moved, up to FP_MOVE_FRAMES_MAX */
	bool held;
};

uint64_t fp_move_pack(const struct fp_move *move);
struct fp_move fp_move_unpack(uint64_t word);

/* How long an address that is held must be silent at its port before it may move. */
uint64_t fp_move_hold_ms(uint64_t word);
/* Moved so recently that it may still be at the other port: a claim that may be false. */
bool fp_move_unsure(uint64_t word, uint64_t now_ms);
/* And the other port is to get its frames as well. */
bool fp_move_both(uint64_t word, uint64_t now_ms);
/* The word after the address was heard once more where it moved to. */
uint64_t fp_move_heard(uint64_t word, uint64_t now_ms);
/* Held, and the port was heard so recently that a claim from another is refused. */
bool fp_move_refuses(uint64_t word, uint64_t heard_ms, uint64_t now_ms);
/* The word after a claim that was refused; the same if there is nothing new to say. */
uint64_t fp_move_refused(uint64_t word, uint32_t claimant, uint64_t now_ms);
/* The word after the address moved from port to claimant. */
uint64_t fp_move_moved(uint64_t word, uint32_t port, uint32_t claimant, uint64_t now_ms);

#endif
