/*
 * The health of a stream as it comes in: what its RTP sequence numbers (RFC 3550) and the
 * continuity counters of its MPEG transport packets (ISO/IEC 13818-1 2.4.3.3) tell of what was lost
 * before it came here. Compiled for the loops and for the kernel's programs, so it knows
 * fixed-width words only; the state lies in a map that both see.
 *
 * A datagram is looked at by whoever sends it on, and the order of these two is kept
 * (fp_handover.h): a state has one writer at a time, whichever that is. What comes by another flow
 * of the same stream may be counted at the same time, so counts are added atomically.
 *
 * A way is one sender of a stream: a pair of UDP ports, and of RTP one SSRC, so that RTCP, a second
 * medium and a sender that began anew are told apart. It is believed after FP_HEALTH_BELIEVE
 * datagrams in a row, of RTP also after FP_HEALTH_BELIEVE_GAPS with small gaps between them; what
 * is counted begins with the second of them.
 */
#ifndef FP_HEALTH_MAP_H
#define FP_HEALTH_MAP_H

#include <stdbool.h>
#include <stdint.h>

#define FP_HEALTH_WAYS 4u	   /* a power of two */
#define FP_HEALTH_PIDS 64u	   /* likewise, of all ways */
#define FP_HEALTH_BELIEVE 4u	   /* datagrams in a row */
#define FP_HEALTH_BELIEVE_GAPS 16u /* with gaps, as where every other one is lost */
#define FP_HEALTH_NEAR 4	   /* numbers ahead, or back, that are no reason to begin anew */
#define FP_HEALTH_WINDOW 64   /* numbers back in which one is late, or known; else it is lost */
#define FP_HEALTH_JUMP 3000   /* numbers ahead that are lost ones: RFC 3550 A.1, MAX_DROPOUT */
#define FP_HEALTH_MISFITS 64u /* in a row, and most of the next are not looked at: */
#define FP_HEALTH_REST 4032u  /* so many */
#define FP_HEALTH_TS_BYTES 188u
#define FP_HEALTH_TS_MAX 7u /* packets of a datagram: what fits into 1500 bytes */
#define FP_HEALTH_TS_SYNC 0x47u
#define FP_HEALTH_NULL_PID 0x1fffu
#define FP_HEALTH_RTP_BYTES 12u
#define FP_HEALTH_RTP_TS 33u		 /* payload type of MPEG-TS, RFC 3551 */
#define FP_HEALTH_GONE_NS 10000000000ull /* a way that is silent so long makes room */
#define FP_HEALTH_WAIT 8u	  /* newcomers that one which may yet be believed outlasts, */
#define FP_HEALTH_WAIT_DOUBLED 8u /* and how often that doubles */

enum fp_health_is { FP_HEALTH_IS_RTP = 1, FP_HEALTH_IS_TS = 2 }; /* as the contract has them */

/*
 * A handle says of a state 1 + its place among those of all workers, and its generation above
 * FP_HEALTH_PLACE_BITS, as far as there is room; 0: none.
 */
#define FP_HEALTH_PLACE_BITS 15u

struct fp_health_way {
	uint64_t last_ns;
	uint64_t window; /* bit n: number highest - n has come, or was never waited for */
	uint32_t ports;	 /* UDP, source and destination */
	uint32_t ssrc;	 /* of RTP */
	uint32_t epoch;	 /* of the state when it was last looked at */
	uint16_t highest;
	uint16_t wild;	/* what would follow the number that was far off last */
	uint8_t is;	/* enum fp_health_is; 0: free */
	uint8_t fits;	/* in a row, up to FP_HEALTH_BELIEVE */
	uint8_t odd;	/* far off in a row; of one not believed all that fitted, with gaps */
	uint8_t turn;	/* what is known of PIDs is of this */
	uint32_t stamp; /* of RTP, the first since it fits */
};

struct fp_health_state {
	uint32_t generation; /* another stream has the state: another number */
	uint32_t epoch;	     /* datagrams may have been passed over: what follows is no loss */
	uint32_t is;	     /* all that was believed, enum fp_health_is */
	uint32_t misfits;    /* datagrams in a row that were nothing known */
	uint32_t rest;	     /* that are still not looked at */
	uint16_t refused;    /* newcomers, since one of those not believed has got on */
	uint16_t doubled;    /* how often FP_HEALTH_WAIT has */
	uint64_t packets;    /* datagrams of believed ways */
	uint64_t lost;
	uint64_t reordered;
	uint64_t duplicates;
	uint64_t continuity_errors;
	uint64_t restarts;
	uint64_t gap_ns;    /* the longest between two datagrams of a way */
	uint64_t damage_ns; /* when something was last found missing */
	uint64_t hole_ns;   /* when a number was last passed over, which may still come */
	struct fp_health_way ways[FP_HEALTH_WAYS];
	uint32_t pids[FP_HEALTH_PIDS];
};

_Static_assert(sizeof(struct fp_health_way) == 40, "two and a half to a line");
_Static_assert(sizeof(struct fp_health_state) == 512, "eight lines");

#define FP_HEALTH_INLINE static inline __attribute__((always_inline))

/* Read by the control thread meanwhile. */
#ifdef __bpf__
#define FP_HEALTH_SET(word, value) (*(volatile typeof(word) *)&(word) = (value))
#else
#define FP_HEALTH_SET(word, value) __atomic_store_n(&(word), (value), __ATOMIC_RELAXED)
#endif

FP_HEALTH_INLINE uint32_t fp_health_place(uint32_t handle)
{
	return (handle & ((1u << FP_HEALTH_PLACE_BITS) - 1)) - 1;
}

/* Whether the state is still the one that the handle names. */
FP_HEALTH_INLINE bool fp_health_is(uint32_t handle, uint32_t generation)
{
	return !((generation << FP_HEALTH_PLACE_BITS ^ handle) >> FP_HEALTH_PLACE_BITS);
}

FP_HEALTH_INLINE void fp_health_add(uint64_t *count, uint64_t by)
{
	__sync_fetch_and_add(count, by);
}

FP_HEALTH_INLINE bool fp_health_believed(const struct fp_health_way *way)
{
	return way->fits == FP_HEALTH_BELIEVE;
}

/* It is nothing known: after many of these in a row few are looked at. */
FP_HEALTH_INLINE void fp_health_misfit(struct fp_health_state *state)
{
	if (++state->misfits < FP_HEALTH_MISFITS)
		return;
	state->misfits = 0;
	state->rest = FP_HEALTH_REST;
	state->epoch++;
}

/* Whether the next datagram is to be looked at. */
FP_HEALTH_INLINE bool fp_health_wakes(struct fp_health_state *state)
{
	if (!state->rest)
		return true;
	state->rest--;
	return false;
}

/*
 * 1 for 0, else 0: by arithmetic and not by a branch, for the kernel's verifier would follow what
 * comes next for both, and the compiler makes one of all that it can look through.
 */
FP_HEALTH_INLINE uint32_t fp_health_none(uint32_t bits)
{
	uint64_t none = ((uint64_t)bits - 1) >> 63;

	__asm__("" : "+r"(none));
	return (uint32_t)none;
}

FP_HEALTH_INLINE uint64_t fp_health_ones(uint64_t bits)
{
	bits -= bits >> 1 & 0x5555555555555555ull;
	bits = (bits & 0x3333333333333333ull) + (bits >> 2 & 0x3333333333333333ull);
	bits = (bits + (bits >> 4)) & 0x0f0f0f0f0f0f0f0full;
	return bits * 0x0101010101010101ull >> 56;
}

/* Numbers that nobody waits for any more: holes of a window, and so many more. */
FP_HEALTH_INLINE void fp_health_lose(struct fp_health_state *state, const struct fp_health_way *way,
				     uint64_t holes, uint64_t more)
{
	if (!(holes | more))
		return;
	fp_health_add(&state->lost, fp_health_ones(holes) + more);
	FP_HEALTH_SET(state->damage_ns, way->last_ns);
}

/* What is known of its transport packets is of before something that was not seen. */
FP_HEALTH_INLINE void fp_health_forget_pids(struct fp_health_way *way)
{
	way->turn++;
}

#endif
