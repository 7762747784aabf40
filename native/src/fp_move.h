/*
 * Where the frames of an address go that is heard at two ports (F-12). Pure: one word a fdb entry,
 * which says who else is heard with the entry's address.
 *
 * A first claim moves the address at once: who moves falls silent at its old port. Heard there
 * again it has not moved: it returns, and is held there as long as it is heard every two seconds.
 *
 * Whose address it is cannot be known: who was first may as well be the thief, and a host that was
 * silent, unplugged or forgotten comes back second. So nobody is cut off. Once one is held and the
 * other claims it again, or had said a few things, the address is *shared*: frames go to the port,
 * and to the other one if it was heard within five seconds, or last. Who spoke last gets them, as
 * on every bridge, and who speaks now and then loses nothing, whichever of the two it is. An
 * address that has just moved and says much is shared with its old port as well: the host there may
 * only be listening.
 *
 * 64 s after the last claim all is forgotten, and when the other port goes down.
 */
#ifndef FP_MOVE_H
#define FP_MOVE_H

#include <stdbool.h>
#include <stdint.h>

#define FP_MOVE_SHARE_MS 5000u
#define FP_MOVE_HOLD_MS 2000u
#define FP_MOVE_MEMORY_MS 64000u
#define FP_MOVE_SEEN_MS 1000u /* how exactly times are kept; who spoke last: to the millisecond */

#define FP_MOVE_FRAMES_FEW 2u /* no stray: shared when the address returns */
#define FP_MOVE_FRAMES_MAX 7u

/* A dispute, unpacked; the word 0 is none. */
struct fp_move {
	uint64_t time_ms; /* held: of the last claim; else of the move */
	uint32_t other;	  /* held: who claims it; else the port it moved away from */
	uint32_t frames;  /* since it moved, up to FP_MOVE_FRAMES_MAX */
	bool held;
	bool shared;
};

uint64_t fp_move_pack(const struct fp_move *move);
struct fp_move fp_move_unpack(uint64_t word);

/* There is a dispute, and it is not forgotten. */
bool fp_move_known(uint64_t word, uint64_t now_ms);
/* Moved so recently that it may still be at the other port. */
bool fp_move_unsure(uint64_t word, uint64_t now_ms);
/* The word after the address was heard once more where it is. */
uint64_t fp_move_heard(uint64_t word, uint64_t now_ms);
/* The other port gets the frames of the address as well. */
bool fp_move_shares(uint64_t word, uint64_t heard_ms, uint64_t now_ms);
/* How old the time may be at which the address was last heard at its port. */
uint64_t fp_move_refresh_ms(uint64_t word, uint64_t heard_ms);
/* Held, and the port was heard so recently that a claim from another does not move it. */
bool fp_move_refuses(uint64_t word, uint64_t heard_ms, uint64_t now_ms);
/* The word after such a claim; the same if there is nothing new to say. */
uint64_t fp_move_refused(uint64_t word, uint32_t claimant, bool sticky, uint64_t heard_ms,
			 uint64_t now_ms);
/* The word after the address moved from port to claimant. */
uint64_t fp_move_moved(uint64_t word, uint32_t port, uint32_t claimant, uint64_t now_ms);

#endif
