/*
 * The filter's look at the datagrams of a stream that the kernel serves (../src/fp_health_map.h).
 * It reads single words where they lie: each is behind a check of the frame's length, for the
 * kernel ends a program that reads beyond, and the frame would be nobody's.
 */
#ifndef FP_HEALTH_BPF_H
#define FP_HEALTH_BPF_H

#include "answer.h"
#include "../src/fp_health_map.h"
#include "../src/fp_health_pids.h"
#include "../src/fp_health_ways.h"

#define UDP_BYTES 8u
#define EXTENDED 0x10000000u /* of the first word of RTP */

/* How many transport packets there are in so many bytes; 0: it is none. */
INLINE uint32_t packets_in(struct __sk_buff *skb, uint32_t at, uint32_t len)
{
	uint32_t count = len / FP_HEALTH_TS_BYTES;

	if (!count || count > FP_HEALTH_TS_MAX || load_byte(skb, at) != FP_HEALTH_TS_SYNC ||
	    load_byte(skb, at + (count - 1) * FP_HEALTH_TS_BYTES) != FP_HEALTH_TS_SYNC)
		return 0;
	return count;
}

/*
 * What is known comes from memory: the kernel's verifier forgets what it knew of it, and does not
 * go through all of this for each way that leads here.
 */
INLINE void look_at_packets(struct __sk_buff *skb, struct fp_health_state *state,
			    struct answer *answer)
{
	uint32_t way = ONCE(answer->way) & (FP_HEALTH_WAYS - 1);
	uint32_t count = ONCE(answer->packet_count);
	uint32_t at = ONCE(answer->packets_at);

#pragma clang loop unroll(disable)
	for (uint32_t i = 0; i < FP_HEALTH_TS_MAX && i < count; i++, at += FP_HEALTH_TS_BYTES) {
		uint32_t head = (uint32_t)load_word(skb, at);
		uint32_t field; /* of adaptation: its length, its flags */

		if (head >> 24 != FP_HEALTH_TS_SYNC || fp_health_ts_next(state, way, head))
			continue;
		field = (uint32_t)load_half(skb, at + 4);
		fp_health_ts(state, way, head,
			     head >> 5 & field >> 7 & (1 ^ fp_health_none(field >> 8)) & 1);
	}
}

/*
 * A payload of so many bytes at `at`; ports: of its UDP header. As fp_health_look(), which is what
 * tests/test_health.c holds it to.
 */
INLINE void look_at_payload(struct __sk_buff *skb, struct fp_health_state *state,
			    struct answer *answer, uint32_t ports, uint32_t at, uint32_t len,
			    bool cut)
{
	uint64_t now_ns = bpf_ktime_get_coarse_ns();
	uint32_t first = len >= FP_HEALTH_RTP_BYTES ? (uint32_t)load_word(skb, at) : 0;
	uint32_t way = FP_HEALTH_WAYS;
	uint32_t count = 0;

	if (fp_health_is_rtp(first)) {
		uint32_t header = FP_HEALTH_RTP_BYTES + (first >> 24 & 15) * 4;

		if (first & EXTENDED && header + 4 <= len)
			header += 4 + 4 * (uint32_t)load_half(skb, at + header + 2);
		if (header > len) {
			fp_health_misfit(state);
			return;
		}
		way = fp_health_rtp(state, ports, first, (uint32_t)load_word(skb, at + 4),
				    (uint32_t)load_word(skb, at + 8), now_ns);
		if (way == FP_HEALTH_WAYS || (first >> 16 & 0x7f) != FP_HEALTH_RTP_TS)
			return;
		at += header;
		count = cut ? 0 : packets_in(skb, at, len - header);
		if (!count) {
			fp_health_forget_pids(&state->ways[way & (FP_HEALTH_WAYS - 1)]);
			return;
		}
		FP_HEALTH_SET(state->is, state->is | FP_HEALTH_IS_TS);
	} else {
		count = cut || len % FP_HEALTH_TS_BYTES ? 0 : packets_in(skb, at, len);
		if (!count) {
			fp_health_ts_break(state, ports);
			return;
		}
		way = fp_health_ts_begin(state, ports, now_ns);
	}
	ONCE(answer->way) = way;
	ONCE(answer->packets_at) = at;
	ONCE(answer->packet_count) = way < FP_HEALTH_WAYS ? count : 0;
	look_at_packets(skb, state, answer);
}

/* What the filter says of a frame that it has served. */
INLINE void look_at(struct __sk_buff *skb, struct answer *answer)
{
	uint32_t handle = answer->watched;
	uint32_t place = fp_health_place(handle);
	uint32_t at = answer->udp_at + UDP_BYTES;
	uint32_t end_at = answer->end_at;
	struct fp_health_state *state = bpf_map_lookup_elem(&fp_healths, &place);

	if (!state || !fp_health_is(handle, ONCE(state->generation)) || end_at > skb->len ||
	    end_at <= at || !fp_health_wakes(state))
		return;
	look_at_payload(skb, state, answer, (uint32_t)load_word(skb, answer->udp_at), at,
			end_at - at, (uint32_t)load_half(skb, at - 4) > end_at - at + UDP_BYTES);
}

#endif
