/*
 * The filter's look at multicast: frames that a loop has decided (struct fp_path_slot).
 */
#ifndef FP_STREAMS_BPF_H
#define FP_STREAMS_BPF_H

#include "answer.h"
#include "../src/fp_due.h"

/* A frame as far as it is read: two bytes of nothing, so that what follows is aligned. */
union head {
	uint8_t bytes[64];
	uint16_t halves[32];
	uint32_t words[16];
	uint64_t longs[8];
};

#define AT_TYPE 14u /* in bytes of a union head */
#define AT_IP 16u
#define FRAGMENT_OFFSET NETWORK16(0x1fff)

struct reading {
	uint64_t key[FP_PATH_KEY_WORDS];
	bool whole; /* it says of itself what it is, V-4 */
	bool plain; /* and there is nothing in it that needs looking at */
	uint8_t ttl;
	uint32_t udp_at; /* where its UDP header begins; 0: it is no datagram, or not its head */
	uint32_t end_at; /* and where the IP packet ends */
};

INLINE bool sum_is_right(const union head *head)
{
	uint64_t sum = 0;

#pragma unroll
	for (uint32_t i = 0; i < IPV4_BYTES / 4; i++)
		sum += head->words[AT_IP / 4 + i];
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return sum == 0xffff;
}

INLINE void read_ipv4(const union head *head, uint32_t room, struct reading *reading)
{
	union {
		uint32_t words[2];
		uint64_t whole;
	} source = {{NETWORK32(0xffff), head->words[(AT_IP + 12) / 4]}},
	  group = {{NETWORK32(0xffff), head->words[(AT_IP + 16) / 4]}};
	uint32_t total = NETWORK16(head->halves[(AT_IP + 2) / 2]);

	reading->key[3] = 0;
	reading->key[4] = source.whole;
	reading->key[5] = 0;
	reading->key[6] = group.whole;
	reading->plain = head->bytes[AT_IP] == 0x45;
	/* one with options is for the loop to judge */
	reading->whole =
		!reading->plain || (total >= IPV4_BYTES && total <= room && sum_is_right(head));
	reading->ttl = head->bytes[AT_IP + 8];
	reading->udp_at = head->bytes[AT_IP + 9] == PROTOCOL_UDP &&
					  !(head->halves[(AT_IP + 6) / 2] & FRAGMENT_OFFSET)
				  ? ETH_BYTES + IPV4_BYTES
				  : 0;
	reading->end_at = ETH_BYTES + total;
}

INLINE void read_ipv6(const union head *head, uint32_t room, struct reading *reading)
{
	uint32_t payload = NETWORK16(head->halves[(AT_IP + 4) / 2]);

#pragma unroll
	for (uint32_t i = 0; i < 4; i++)
		reading->key[3 + i] = head->longs[(AT_IP + 8) / 8 + i];
	reading->plain = head->bytes[AT_IP + 6] == PROTOCOL_UDP;
	reading->whole = room >= IPV6_BYTES && payload <= room - IPV6_BYTES;
	reading->ttl = head->bytes[AT_IP + 7];
	reading->udp_at = ETH_BYTES + IPV6_BYTES; /* if it is plain */
	reading->end_at = ETH_BYTES + IPV6_BYTES + payload;
}

/* False: it is no IP, or none of a length and version that it claims. */
INLINE bool read_multicast(struct __sk_buff *skb, uint32_t port, struct reading *reading)
{
	uint32_t tci = FP_PATH_UNTAGGED;
	uint32_t room = skb->len - ETH_BYTES;
	union head head;

	head.longs[0] = 0;
	if (bpf_skb_load_bytes(skb, 0, head.bytes + 2, ETH_BYTES + IPV4_BYTES))
		return false;
	if (skb->vlan_present) {
		if (skb->vlan_proto != TAG_PROTOCOL)
			return false;
		tci = skb->vlan_tci;
	}
	reading->key[0] = head.longs[0];
	reading->key[1] = head.longs[1];
	reading->key[2] = (uint64_t)tci << 32 | port;
	if (head.halves[AT_TYPE / 2] == IPV4_PROTOCOL && head.bytes[AT_IP] >> 4 == 4)
		read_ipv4(&head, room, reading);
	else if (head.halves[AT_TYPE / 2] == IPV6_PROTOCOL && head.bytes[AT_IP] >> 4 == 6 &&
		 !bpf_skb_load_bytes(skb, ETH_BYTES + IPV4_BYTES, head.bytes + AT_IP + IPV4_BYTES,
				     IPV6_BYTES - IPV4_BYTES))
		read_ipv6(&head, room, reading);
	else
		return false;
	return reading->whole;
}

/* Which slot of the worker has a flow of that tag, plus one; no branch: it could not be foreseen.
 */
INLINE uint32_t way_of(const struct fp_path_set *set, uint32_t tag)
{
	uint64_t found = 0;

#pragma unroll
	for (uint32_t i = 0; i < FP_PATH_WAYS; i++) {
		uint64_t differs = ONCE(set->tags[i]) ^ tag;

		/* all ones if they are equal */
		found |= (0 - ((differs - 1) >> 63)) & (set->at[i] + 1ull);
	}
	return (uint32_t)found;
}

/* The version comes before all that is read of the slot: what changes later is seen by it. */
INLINE bool slot_is(const struct fp_path_slot *slot, const uint64_t *key, struct answer *answer,
		    uint32_t *version)
{
	uint64_t differ = 0;

	*version = ONCE(slot->version);
	fence(answer);
#pragma unroll
	for (uint32_t i = 0; i < FP_PATH_KEY_WORDS; i++)
		differ |= slot->key[i] ^ key[i];
	return !differ;
}

INLINE struct fp_path_slot *find(const struct fp_path_port *here, const uint64_t *key,
				 struct answer *answer, uint32_t *version, uint32_t *index)
{
	uint64_t hash = fp_path_hash(key, fp_shared.seed);
	uint32_t at =
		here->first_slot / FP_PATH_WAYS + ((uint32_t)(hash >> 32) & fp_shared.set_mask);
	const struct fp_path_set *set = bpf_map_lookup_elem(&fp_sets, &at);
	struct fp_path_slot *slot;

	if (!set)
		return 0;
	at = way_of(set, fp_path_tag_of(hash));
	if (!at)
		return 0;
	at += here->first_slot - 1;
	*index = at;
	slot = bpf_map_lookup_elem(&fp_slots, &at);
	return slot && slot_is(slot, key, answer, version) ? slot : 0;
}

/* Whether the decision of the slot holds, and the ring has none of its frames. */
INLINE bool may_serve(const struct fp_path_slot *slot)
{
	return ONCE(slot->mode) == FP_MODE_KERNEL && ONCE(slot->ringed) == ONCE(slot->done) &&
	       slot->seq >= fp_shared.shard_seq[slot->shard[0] & (FP_PATH_SHARDS - 1)] &&
	       slot->seq >= fp_shared.shard_seq[slot->shard[1] & (FP_PATH_SHARDS - 1)];
}

/* A stream so fast that its runs may gain more: the ring has it until the loop says otherwise. */
INLINE void measure(struct fp_path_slot *slot)
{
	uint64_t now_ns = bpf_ktime_get_ns();
	uint64_t took_ns = now_ns - slot->mark_ns;

	slot->mark_ns = now_ns;
	if (took_ns < slot->fast_ns && now_ns >= slot->try_ns) {
		slot->took_ns = took_ns;
		ONCE(slot->mode) = FP_MODE_RING;
	}
}

/* LOOP-7: one too many of its port goes to routers alone, or to nobody. */
INLINE bool is_over(struct fp_path_port *here)
{
	uint64_t one_ns = here->storm_one_ns;

	return one_ns && !fp_due_take(&here->storm_due_ns, one_ns, FP_PATH_STORM_NS,
				      bpf_ktime_get_coarse_ns());
}

INLINE void copy_egress(const struct fp_path_slot *slot, uint32_t from, uint32_t to,
			struct answer *answer)
{
#pragma unroll
	for (uint32_t i = from / 8; i < to / 8; i++)
		answer->egress[i] = ((const uint64_t *)slot->egress)[i];
}

/* False: its decision is another by now. */
INLINE bool serve(struct __sk_buff *skb, struct fp_path_slot *slot, uint32_t version,
		  const struct reading *reading, struct fp_path_port *here, struct answer *answer)
{
	uint32_t bank = version >> 1 & 1;
	uint32_t bytes = skb->len + (skb->vlan_present ? TAG_BYTES : 0);
	uint64_t before;
	uint8_t routers_at = slot->routers_at;
	uint8_t routers_end = slot->routers_end;
	uint8_t limited = slot->limited;

	answer->count = slot->count;
	answer->as_is = slot->as_is;
	answer->tci = slot->tci;
	answer->retag = slot->retag;
	answer->to_host = here->to_host;
	answer->watched = slot->watched;
	answer->direct = 0; /* it would get there as no multicast (fp_kernel.h) */
	copy_egress(slot, 0, FP_PATH_EGRESS_NEAR, answer);
	if (slot->count > FP_PATH_EGRESS_NEAR)
		copy_egress(slot, FP_PATH_EGRESS_NEAR, FP_PATH_EGRESS_MAX, answer);
	fence(answer);
	if (ONCE(slot->version) != version)
		return false;
	slot->last_ns = bpf_ktime_get_coarse_ns();
	slot->ttl = reading->ttl | FP_PATH_SERVED;
	if (limited && is_over(here)) {
		answer->first = routers_at;
		answer->count = routers_end;
		count(&slot->cut_frames, 1);
		count(&slot->cut_bytes, bytes);
	} else {
		before = __sync_fetch_and_add(&slot->frames[bank], 1);
		count(&slot->bytes[bank], bytes);
		if (!(before & (FP_PATH_RATE_FRAMES - 1)))
			measure(slot);
	}
	answer->udp_at = reading->udp_at;
	answer->end_at = reading->end_at;
	if (answer->count > answer->first)
		wait_for(skb, answer);
	return true;
}

/*
 * A frame of a slot is counted once the ring has it, by the ingress program: whoever reads the
 * count and then finds the ring empty knows that none of these is there any more.
 */
INLINE int to_ring(struct __sk_buff *skb, uint32_t index, struct answer *answer)
{
	answer->ringed = index + 1;
	wait_for(skb, answer);
	return TO_RING;
}

/*
 * What the kernel has sent of a batch of frames waits, behind the rest of the batch, in the queue
 * of the processor, and the loop may be on another one. So the next frames of the flow that are the
 * ring's go through that queue themselves: they are received again, behind what is older.
 */
INLINE int send_round(struct __sk_buff *skb, struct fp_path_slot *slot, struct answer *answer)
{
	uint32_t number = (slot->round + 1u) & ROUND_MASK;

	ONCE(slot->round) = (uint16_t)number;
	answer->round = ROUND_MARK | number;
	wait_for(skb, answer);
	return NOT_TO_RING;
}

INLINE int filter_multicast(struct __sk_buff *skb, uint32_t port, struct answer *answer)
{
	struct fp_path_port *here = &fp_shared.ports[port];
	struct fp_path_slot *slot;
	struct reading reading;
	uint32_t version;
	uint32_t index = 0;

	if (!here->streams || !read_multicast(skb, port, &reading))
		return TO_RING;
	slot = find(here, reading.key, answer, &version, &index);
	if (!slot)
		return TO_RING;
	if (ONCE(slot->round) != ONCE(slot->back)) {
		if (!(skb->tc_index & ROUND_MARK))
			return send_round(skb, slot, answer);
		ONCE(slot->back) = (uint16_t)(skb->tc_index & ROUND_MASK);
		slot->ttl &= ~FP_PATH_SERVED;
		return to_ring(skb, index, answer);
	}
	if (!(version & 1) && reading.plain && !skb->gso_size && skb->len <= slot->frame_max &&
	    may_serve(slot) && serve(skb, slot, version, &reading, here, answer)) {
		if (answer->watched && reading.udp_at)
			bpf_tail_call(skb, &fp_programs, FP_PATH_PROGRAM_HEALTH);
		return NOT_TO_RING;
	}
	if (slot->ttl & FP_PATH_SERVED)
		return send_round(skb, slot, answer);
	return to_ring(skb, index, answer);
}

#endif
