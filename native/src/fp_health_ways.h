/*
 * The senders of a stream whose health is watched (fp_health_map.h): which there are, who of them
 * is believed, and what a number tells. For the loops and the kernel's programs.
 */
#ifndef FP_HEALTH_WAYS_H
#define FP_HEALTH_WAYS_H

#include "fp_health_map.h"

/* The way of a datagram, or FP_HEALTH_WAYS. */
FP_HEALTH_INLINE uint32_t fp_health_way_of(const struct fp_health_state *state, uint32_t is,
					   uint32_t ports, uint32_t ssrc)
{
	uint32_t found = 0;

	for (uint32_t i = 0; i < FP_HEALTH_WAYS; i++) {
		const struct fp_health_way *way = &state->ways[i];

		found |=
			fp_health_none((way->ports ^ ports) | (way->ssrc ^ ssrc) | (way->is ^ is)) *
			(FP_HEALTH_WAYS + i);
	}
	return found ? found & (FP_HEALTH_WAYS - 1) : FP_HEALTH_WAYS;
}

/* What stood before datagrams were passed over is forgotten. */
FP_HEALTH_INLINE void fp_health_resume(struct fp_health_state *state, struct fp_health_way *way,
				       uint16_t number, uint64_t now_ns)
{
	if (fp_health_believed(way))
		fp_health_lose(state, way, ~way->window, 0);
	way->epoch = state->epoch;
	way->highest = (uint16_t)(number - 1);
	way->window = ~0ull;
	if (fp_health_believed(way))
		way->odd = 0;
	fp_health_forget_pids(way);
	way->last_ns = now_ns;
}

/* Whether one that may yet be believed makes room: too many came for whom there was none. */
FP_HEALTH_INLINE bool fp_health_yields(struct fp_health_state *state)
{
	if (state->refused < FP_HEALTH_WAIT << (state->doubled & 15))
		return false;
	state->refused = 0;
	if (state->doubled < FP_HEALTH_WAIT_DOUBLED)
		state->doubled++;
	return true;
}

/*
 * The first of a way: a free one, or one that is gone. Of those not believed the one longest silent
 * makes room as well, but only now and then, and the longer the more often: who is interleaved with
 * more than there are places would else never come to four in a row.
 */
FP_HEALTH_INLINE void fp_health_begin(struct fp_health_state *state, uint32_t is, uint32_t ports,
				      uint32_t ssrc, uint16_t number, uint32_t stamp,
				      uint64_t now_ns)
{
	uint64_t oldest_ns = now_ns + 1;
	struct fp_health_way *place = 0;
	bool yields = fp_health_yields(state);

	fp_health_misfit(state);
	for (uint32_t i = 0; i < FP_HEALTH_WAYS; i++) {
		struct fp_health_way *way = &state->ways[i];
		uint64_t until_ns = way->is ? way->last_ns : 0;

		if (fp_health_believed(way) || (way->is && !yields))
			until_ns += FP_HEALTH_GONE_NS;
		if (until_ns < oldest_ns) {
			oldest_ns = until_ns;
			place = way;
		}
	}
	if (!place) {
		state->refused++;
		return;
	}
	if (!yields)
		state->doubled = 0;
	fp_health_resume(state, place, number, now_ns);
	place->highest = number;
	place->is = (uint8_t)is;
	place->ports = ports;
	place->ssrc = ssrc;
	place->stamp = stamp;
	place->fits = 1;
	place->odd = 1;
}

/* The time since the last one; that of a loop and that of a program may differ by a tick. */
FP_HEALTH_INLINE void fp_health_time(struct fp_health_state *state, struct fp_health_way *way,
				     uint64_t now_ns)
{
	if (now_ns <= way->last_ns)
		return;
	if (now_ns - way->last_ns > state->gap_ns && fp_health_believed(way))
		FP_HEALTH_SET(state->gap_ns, now_ns - way->last_ns);
	way->last_ns = now_ns;
}

/* It is believed, and so were so many before. */
FP_HEALTH_INLINE void fp_health_believe(struct fp_health_state *state, struct fp_health_way *way,
					uint32_t is, uint32_t before)
{
	way->fits = FP_HEALTH_BELIEVE;
	way->odd = 0;
	state->refused = 0;
	FP_HEALTH_SET(state->is, state->is | is);
	fp_health_add(&state->packets, before);
}

/* One more of a believed way. */
FP_HEALTH_INLINE void fp_health_fits(struct fp_health_state *state)
{
	state->misfits = 0;
	fp_health_add(&state->packets, 1);
}

/*
 * A number of RTP that is not believed yet; true: now it is. What comes again or late fits without
 * being one more; what is missing is waited for from the second on.
 */
FP_HEALTH_INLINE bool fp_health_hint(struct fp_health_state *state, struct fp_health_way *way,
				     uint16_t number, uint32_t stamp, bool stands)
{
	int32_t ahead = (int16_t)(number - way->highest);

	fp_health_misfit(state);
	if (ahead <= 0 && ahead >= -FP_HEALTH_NEAR) {
		FP_HEALTH_SET(way->window, way->window | 1ull << -ahead);
		return false;
	}
	way->highest = number;
	if (ahead < 0 || ahead > FP_HEALTH_NEAR) {
		FP_HEALTH_SET(way->window, ~0ull); /* anew */
		way->stamp = stamp;
		way->fits = 1;
		way->odd = 1;
		return false;
	}
	/* between the first two may be what came before anybody looked */
	FP_HEALTH_SET(way->window, way->odd > 1 ? way->window << (ahead & 7) | 1 : ~0ull);
	if (ahead > 1)
		FP_HEALTH_SET(state->hole_ns, way->last_ns);
	way->fits = (uint8_t)(ahead > 1 ? 1 : way->fits + 1);
	way->odd++;
	state->refused = 0;
	if (way->fits < FP_HEALTH_BELIEVE && way->odd < FP_HEALTH_BELIEVE_GAPS)
		return false;
	if (stands) {
		way->fits = FP_HEALTH_BELIEVE - 1;
		way->odd = FP_HEALTH_BELIEVE_GAPS - 1;
		return false;
	}
	fp_health_believe(state, way, FP_HEALTH_IS_RTP, way->odd - 1u);
	return true;
}

/*
 * A number of a believed way; true: it is the newest. As RFC 3550 A.1, but that what follows a
 * number from before the window is a sender that began anew only if it goes on: two paths with a
 * wider gap between them look the same at first.
 */
FP_HEALTH_INLINE bool fp_health_number(struct fp_health_state *state, struct fp_health_way *way,
				       uint16_t number)
{
	int32_t ahead = (int16_t)(number - way->highest);

	if (ahead > 0 && ahead <= FP_HEALTH_JUMP) {
		uint32_t shift = ahead < FP_HEALTH_WINDOW ? (uint32_t)ahead : FP_HEALTH_WINDOW;
		uint64_t gone = ~way->window >> ((FP_HEALTH_WINDOW - shift) & 63);

		FP_HEALTH_SET(way->window, way->window << (shift - 1) << 1 | 1);
		fp_health_lose(state, way, gone, (uint32_t)ahead - shift);
		if (ahead > 1) {
			FP_HEALTH_SET(state->hole_ns, way->last_ns);
			fp_health_forget_pids(way); /* one that comes late is no error of theirs */
		}
	} else if (ahead <= 0 && ahead > -FP_HEALTH_WINDOW) {
		uint64_t bit = 1ull << -ahead;

		if (way->window & bit) {
			fp_health_add(&state->duplicates, 1);
		} else {
			FP_HEALTH_SET(way->window, way->window | bit);
			fp_health_add(&state->reordered, 1);
		}
		return false;
	} else if (way->odd && number == way->wild &&
		   (ahead > 0 || ahead < -FP_HEALTH_JUMP || way->odd >= FP_HEALTH_WINDOW)) {
		fp_health_lose(state, way, ~way->window, 0);
		FP_HEALTH_SET(way->window, ~0ull);
		fp_health_forget_pids(way);
		fp_health_add(&state->restarts, 1);
	} else {
		way->odd = (uint8_t)(way->odd && number == way->wild ? way->odd + 1 : 1);
		way->wild = (uint16_t)(number + 1);
		return false;
	}
	way->odd = 0;
	way->highest = number;
	return true;
}

/*
 * A datagram of RTP. It is believed by numbers one behind the other, and a timestamp that does not
 * stand: else any counter would do (type 33 has packets that say what it is). Its way, if there is
 * something to be read of its transport packets: it is believed, and newer than all; else
 * FP_HEALTH_WAYS.
 */
FP_HEALTH_INLINE uint32_t fp_health_rtp(struct fp_health_state *state, uint32_t ports,
					uint32_t first_word, uint32_t stamp, uint32_t ssrc,
					uint64_t now_ns)
{
	uint32_t at = fp_health_way_of(state, FP_HEALTH_IS_RTP, ports, ssrc);
	struct fp_health_way *way = &state->ways[at & (FP_HEALTH_WAYS - 1)];
	uint16_t number = (uint16_t)first_word;

	if (at == FP_HEALTH_WAYS) {
		fp_health_begin(state, FP_HEALTH_IS_RTP, ports, ssrc, number, stamp, now_ns);
		return FP_HEALTH_WAYS;
	}
	if (way->epoch != state->epoch)
		fp_health_resume(state, way, number, now_ns);
	fp_health_time(state, way, now_ns);
	if (!fp_health_believed(way)) {
		if (!fp_health_hint(state, way, number, stamp,
				    way->stamp == stamp &&
					    (first_word >> 16 & 0x7f) != FP_HEALTH_RTP_TS))
			return FP_HEALTH_WAYS;
		fp_health_fits(state);
		return at;
	}
	fp_health_fits(state);
	return fp_health_number(state, way, number) ? at : FP_HEALTH_WAYS;
}

/* Whether the second byte can be one of RTP, and not of RTCP beside it (RFC 5761 4). */
FP_HEALTH_INLINE bool fp_health_is_rtp(uint32_t first_word)
{
	uint32_t type = first_word >> 16 & 0x7f;

	return first_word >> 30 == 2 && (type < 64 || type > 95);
}

/*
 * Between datagrams of nothing but transport packets one that is something else: they are not in a
 * row, and what a sender cuts without regard to packets (1472 bytes) is no loss.
 */
FP_HEALTH_INLINE void fp_health_ts_break(struct fp_health_state *state, uint32_t ports)
{
	uint32_t at = fp_health_way_of(state, FP_HEALTH_IS_TS, ports, 0);
	struct fp_health_way *way = &state->ways[at & (FP_HEALTH_WAYS - 1)];

	fp_health_misfit(state);
	if (at == FP_HEALTH_WAYS)
		return;
	fp_health_forget_pids(way);
	if (!fp_health_believed(way))
		way->fits = 0;
}

/* A datagram of nothing but transport packets; its way or FP_HEALTH_WAYS likewise. */
FP_HEALTH_INLINE uint32_t fp_health_ts_begin(struct fp_health_state *state, uint32_t ports,
					     uint64_t now_ns)
{
	uint32_t at = fp_health_way_of(state, FP_HEALTH_IS_TS, ports, 0);
	struct fp_health_way *way = &state->ways[at & (FP_HEALTH_WAYS - 1)];

	if (at == FP_HEALTH_WAYS) {
		fp_health_begin(state, FP_HEALTH_IS_TS, ports, 0, 0, 0, now_ns);
		return FP_HEALTH_WAYS;
	}
	if (way->epoch != state->epoch)
		fp_health_resume(state, way, 0, now_ns);
	fp_health_time(state, way, now_ns);
	if (!fp_health_believed(way)) {
		fp_health_misfit(state);
		state->refused = 0;
		if (++way->fits < FP_HEALTH_BELIEVE)
			return FP_HEALTH_WAYS;
		fp_health_believe(state, way, FP_HEALTH_IS_TS, FP_HEALTH_BELIEVE - 1);
	}
	fp_health_fits(state);
	return at;
}

#endif
