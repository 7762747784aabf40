#include "fp_health.h"

#include <errno.h>
#include <linux/virtio_net.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "fp_atomic.h"

#define LOOKED_AT 64u		   /* states, when room is to be made */
#define FULL_NS UINT64_C(20000000) /* and when there was none, so long none is looked at */
#define GSO_UDP_SEGMENTS 5u	   /* VIRTIO_NET_HDR_GSO_UDP_L4, which older headers do not have */
#define FRAGMENT_OFFSET 0x1fffu
#define FRAGMENT_AT 6u
_Static_assert(FP_HEALTH_RTP == (int)FP_HEALTH_IS_RTP && FP_HEALTH_TS == (int)FP_HEALTH_IS_TS,
	       "one word, two names");

_Static_assert(FP_WORKERS_MAX *FP_HEALTH_STREAMS < 1u << FP_HEALTH_PLACE_BITS, "in a handle");

_Static_assert(sizeof(struct fp_health_state) == FP_HEALTH_WORDS * 8, "as it is handed over");

#define EXTENDED 0x10000000u /* of the first word of RTP */

int fp_healths_init(struct fp_healths *healths, struct fp_health_state *memory, uint32_t count,
		    uint32_t first)
{
	healths->states = memory ? memory : calloc(count, sizeof(*memory));
	healths->own = !memory;
	healths->owners = calloc(count, sizeof(*healths->owners));
	healths->count = count;
	healths->first = first;
	if (healths->states && healths->owners)
		return 0;
	fp_healths_destroy(healths);
	return -ENOMEM;
}

void fp_healths_destroy(struct fp_healths *healths)
{
	if (healths->own)
		free(healths->states);
	free(healths->owners);
	healths->states = NULL;
	healths->owners = NULL;
}

static uint32_t handle_of(const struct fp_healths *healths, uint32_t place)
{
	return fp_word_load(&healths->states[place].generation) << FP_HEALTH_PLACE_BITS |
	       (healths->first + place + 1);
}

uint32_t fp_health_find(const struct fp_healths *healths, const struct fp_streams *streams,
			const struct fp_stream_slot *slot)
{
	uint32_t place = fp_streams_watched(streams, slot);

	return place ? handle_of(healths, place - 1) : 0;
}

struct fp_health_state *fp_health_state(const struct fp_healths *healths, uint32_t handle)
{
	struct fp_health_state *state;

	if (!handle)
		return NULL;
	state = &healths->states[fp_health_place(handle) - healths->first];
	return fp_health_is(handle, fp_word_load(&state->generation)) ? state : NULL;
}

/* Nobody's, or somebody's who is to make room. */
static bool may_go(const struct fp_healths *healths, const struct fp_streams *streams,
		   uint32_t place, uint16_t port, uint64_t now_ns)
{
	const struct fp_health_owner *owner = &healths->owners[place];
	const struct fp_stream_slot *slot = &streams->slots[owner->stream];
	const struct fp_health_state *state = &healths->states[place];
	uint64_t last_ns;

	if (!owner->used || fp_streams_watched(streams, slot) != place + 1)
		return true;
	if (!fp_word_load(&state->is) && fp_word_load(&state->rest))
		return true; /* it is nothing known */
	last_ns = fp_streams_last_ns(slot);
	return (now_ns > last_ns && now_ns - last_ns > FP_HEALTH_SILENT_NS) ||
	       healths->port_counts[owner->port] > healths->port_counts[port] + 1;
}

static void give(struct fp_healths *healths, struct fp_streams *streams, uint32_t place,
		 const struct fp_stream_slot *slot, uint16_t port)
{
	struct fp_health_owner *owner = &healths->owners[place];
	struct fp_health_state *state = &healths->states[place];
	uint32_t generation = state->generation + 1;

	if (owner->used) {
		const struct fp_stream_slot *old = &streams->slots[owner->stream];

		healths->port_counts[owner->port]--;
		if (fp_streams_watched(streams, old) == place + 1)
			fp_streams_watch(streams, old, 0);
	}
	/* release: a program that has the old number leaves the rest alone, but for a moment */
	fp_word_release(&state->generation, generation);
	memset((uint8_t *)state + offsetof(struct fp_health_state, epoch), 0,
	       sizeof(*state) - offsetof(struct fp_health_state, epoch));
	*owner = (struct fp_health_owner){
		.stream = fp_streams_index(streams, slot),
		.port = port,
		.used = true,
	};
	healths->port_counts[port]++;
	fp_streams_watch(streams, slot, place + 1);
}

uint32_t fp_health_take(struct fp_healths *healths, struct fp_streams *streams,
			const struct fp_stream_slot *slot, uint64_t now_ns)
{
	uint16_t port = fp_streams_port(slot);
	uint32_t handle = fp_health_find(healths, streams, slot);

	if (!handle && now_ns < healths->full_until_ns)
		return 0;
	for (uint32_t i = 0; i < LOOKED_AT && !handle; i++) {
		uint32_t place = healths->hand;

		healths->hand = (place + 1) % healths->count;
		if (!may_go(healths, streams, place, port, now_ns))
			continue;
		give(healths, streams, place, slot, port);
		handle = handle_of(healths, place);
	}
	if (!handle)
		healths->full_until_ns = now_ns + FULL_NS;
	return handle;
}

void fp_health_pass_over(struct fp_health_state *state)
{
	if (state)
		fp_word_store(&state->epoch, fp_word_load(&state->epoch) + 1);
}

void fp_healths_pass_over(struct fp_healths *healths)
{
	for (uint32_t i = 0; i < healths->count; i++)
		fp_health_pass_over(&healths->states[i]);
}

/* Datagrams ------------------------------------------------------------------------------------ */

static void look_at_packets(struct fp_health_state *state, uint32_t way, const uint8_t *packets,
			    uint32_t count)
{
	for (uint32_t i = 0; i < count; i++, packets += FP_HEALTH_TS_BYTES) {
		uint32_t head = fp_read32(packets);
		bool adapted = packets[3] & 0x20 && packets[4];

		if (packets[0] == FP_HEALTH_TS_SYNC && !fp_health_ts_next(state, way, head))
			fp_health_ts(state, way, head, adapted ? packets[5] >> 7 : 0);
	}
}

/* How many transport packets there are in so many bytes, and nothing else; 0: it is none. */
static uint32_t packets_in(const uint8_t *bytes, uint32_t len_bytes)
{
	uint32_t count = len_bytes / FP_HEALTH_TS_BYTES;

	if (!count || count > FP_HEALTH_TS_MAX || bytes[0] != FP_HEALTH_TS_SYNC ||
	    bytes[(size_t)(count - 1) * FP_HEALTH_TS_BYTES] != FP_HEALTH_TS_SYNC)
		return 0;
	return count;
}

/* Where the payload of RTP begins, behind contributing sources and an extension. */
static uint32_t rtp_bytes(const uint8_t *rtp, uint32_t len_bytes)
{
	uint32_t bytes = FP_HEALTH_RTP_BYTES + (rtp[0] & 15u) * 4;

	if (fp_read32(rtp) & EXTENDED && bytes + 4 <= len_bytes)
		bytes += 4 + 4u * fp_read16(rtp + bytes + 2);
	return bytes;
}

static void look_at_rtp(struct fp_health_state *state, uint32_t ports, const uint8_t *rtp,
			uint32_t len_bytes, bool cut, uint64_t now_ns)
{
	uint32_t header_bytes = rtp_bytes(rtp, len_bytes);
	uint32_t way;
	uint32_t count;

	if (header_bytes > len_bytes) {
		fp_health_misfit(state);
		return;
	}
	way = fp_health_rtp(state, ports, fp_read32(rtp), fp_read32(rtp + 4), fp_read32(rtp + 8),
			    now_ns);
	if (way == FP_HEALTH_WAYS || (rtp[1] & 0x7f) != FP_HEALTH_RTP_TS)
		return;
	count = cut ? 0 : packets_in(rtp + header_bytes, len_bytes - header_bytes);
	if (!count) {
		fp_health_forget_pids(&state->ways[way]);
		return;
	}
	FP_HEALTH_SET(state->is, state->is | FP_HEALTH_IS_TS);
	look_at_packets(state, way, rtp + header_bytes, count);
}

/* cut: a first fragment. */
static void look_at_datagram(struct fp_health_state *state, uint32_t ports, const uint8_t *payload,
			     uint32_t len_bytes, bool cut, uint64_t now_ns)
{
	uint32_t count;
	uint32_t way;

	if (!fp_health_wakes(state))
		return;
	if (len_bytes >= FP_HEALTH_RTP_BYTES && fp_health_is_rtp(fp_read32(payload))) {
		look_at_rtp(state, ports, payload, len_bytes, cut, now_ns);
		return;
	}
	count = cut || len_bytes % FP_HEALTH_TS_BYTES ? 0 : packets_in(payload, len_bytes);
	if (!count) {
		fp_health_ts_break(state, ports);
		return;
	}
	way = fp_health_ts_begin(state, ports, now_ns);
	if (way != FP_HEALTH_WAYS)
		look_at_packets(state, way, payload, count);
}

/* Bytes of each datagram that leaves the frame when it is taken apart, or of all. */
static uint32_t unit_bytes(const uint8_t *vnet, uint32_t len_bytes)
{
	struct virtio_net_hdr header;

	memcpy(&header, vnet, sizeof(header));
	if ((header.gso_type & ~VIRTIO_NET_HDR_GSO_ECN) != GSO_UDP_SEGMENTS || !header.gso_size)
		return len_bytes;
	return header.gso_size;
}

/* The first fragment of a datagram, or all of it. */
static bool begins(const struct fp_frame *frame)
{
	const uint8_t *ip = frame->data + frame->l3_offset;

	if (!frame->family || frame->ip_error || frame->protocol != FP_IPPROTO_UDP)
		return false;
	return frame->family == FP_FAMILY_IPV6 || !(fp_read16(ip + FRAGMENT_AT) & FRAGMENT_OFFSET);
}

void fp_health_look(struct fp_health_state *state, const struct fp_frame *frame,
		    const uint8_t *vnet, bool losing, uint64_t now_ns)
{
	const uint8_t *udp = frame->data + frame->l3_offset + frame->header_bytes;
	uint32_t len_bytes;
	uint32_t step;
	bool cut;

	if (!begins(frame) || frame->total_bytes < frame->header_bytes + FP_UDP_BYTES)
		return;
	if (losing)
		fp_health_pass_over(state);
	len_bytes = frame->total_bytes - frame->header_bytes - FP_UDP_BYTES;
	cut = fp_read16(udp + 4) > len_bytes + FP_UDP_BYTES;
	step = unit_bytes(vnet, len_bytes);
	for (uint32_t at = 0; at < len_bytes; at += step) {
		uint32_t left = len_bytes - at;

		look_at_datagram(state, fp_read32(udp), udp + FP_UDP_BYTES + at,
				 left < step ? left : step, cut, now_ns);
	}
}

uint64_t fp_health_lost(const struct fp_health_state *state, uint64_t now_ns)
{
	uint64_t hole_ns = fp_word_load(&state->hole_ns);
	uint64_t lost = fp_word_load(&state->lost);

	if (!hole_ns || now_ns < hole_ns + FP_HEALTH_LATE_NS)
		return lost;
	for (uint32_t i = 0; i < FP_HEALTH_WAYS; i++) {
		const struct fp_health_way *way = &state->ways[i];

		if (fp_word_load(&way->is) == FP_HEALTH_IS_RTP &&
		    fp_word_load(&way->fits) == FP_HEALTH_BELIEVE)
			lost += fp_health_ones(~fp_word_load(&way->window));
	}
	return lost;
}

void fp_health_read(const struct fp_healths *healths, struct fp_stream *stream, uint64_t now_ns)
{
	const struct fp_health_state *state;
	uint64_t settled;

	if (!stream->health)
		return;
	state = &healths->states[stream->health - 1];
	stream->health = fp_word_load(&state->is);
	stream->health_packets = fp_word_load(&state->packets);
	settled = fp_word_load(&state->lost);
	stream->health_lost = fp_health_lost(state, now_ns);
	stream->health_reordered = fp_word_load(&state->reordered);
	stream->health_duplicates = fp_word_load(&state->duplicates);
	stream->health_errors = fp_word_load(&state->continuity_errors);
	stream->health_restarts = fp_word_load(&state->restarts);
	stream->health_gap_ns = fp_word_load(&state->gap_ns);
	stream->health_damage_ns = fp_word_load(&state->damage_ns);
	if (stream->health_lost != settled &&
	    stream->health_damage_ns < fp_word_load(&state->hole_ns))
		stream->health_damage_ns = fp_word_load(&state->hole_ns);
}

uint32_t fp_health_pack(const struct fp_healths *healths, const struct fp_streams *streams,
			struct fp_stream_health *out, uint32_t out_max)
{
	uint32_t count = 0;

	for (uint32_t place = 0; place < healths->count && count < out_max; place++) {
		const struct fp_health_owner *owner = &healths->owners[place];
		const struct fp_stream_slot *slot = &streams->slots[owner->stream];

		if (!owner->used || fp_streams_watched(streams, slot) != place + 1 ||
		    !fp_streams_get(slot, &out[count].stream))
			continue;
		memcpy(out[count].words, &healths->states[place], sizeof(out[count].words));
		count++;
	}
	return count;
}

void fp_health_put(struct fp_health_state *state, const struct fp_stream_health *health)
{
	uint32_t generation = state->generation;

	memcpy(state, health->words, sizeof(*state));
	state->generation = generation;
}
