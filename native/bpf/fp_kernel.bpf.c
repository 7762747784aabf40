/*
 * The kernel's half of the switch (src/fp_kernel.h): the filter of a port's data ring, and what
 * then becomes of the frame at the port's tcx ingress hook. The kernel asks the two one after the
 * other about the same frame, on one processor and with nothing between, so the filter's answer
 * waits in memory of that processor. The bytecode is checked in, src/fp_kernel_code.h; build.py
 * makes it.
 *
 * fp_decide() alone says what a frame is: the programs know frames that a loop has decided
 * (struct fp_path_slot) and addresses that it has learned. All else is the ring's.
 */
#include <stdbool.h>

#include "kernel_calls.h"
#include "../src/fp_move.h"
#include "../src/fp_path_map.h"
#include "../src/fp_shortcut_map.h"

#define TO_RING (-1) /* all of it: what a socket filter returns is a length */
#define NOT_TO_RING 0
#define DROPPED 2 /* TCX_DROP */

#define ETH_BYTES 14u
#define MACS_BYTES 12u
#define TAG_BYTES 4u
#define IPV4_BYTES 20u
#define IPV6_BYTES 40u
#define LEAST_HEADERS (ETH_BYTES + IPV4_BYTES + 8u)
#define VID_MASK 0x0fffu
#define PROTOCOL_UDP 17u
#define KIND_BROADCAST 1u /* PACKET_BROADCAST */
#define KIND_MULTICAST 2u

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define NETWORK16(word) __builtin_bswap16(word)
#define NETWORK32(word) __builtin_bswap32(word)
#else
#define NETWORK16(word) (word)
#define NETWORK32(word) (word)
#endif

#define TAG_PROTOCOL NETWORK16(0x8100)
#define IPV4_PROTOCOL NETWORK16(0x0800)
#define IPV6_PROTOCOL NETWORK16(0x86dd)

/*
 * In an skb that has come without the other end's queue. Such a frame leaves by a queue: if it went
 * on and on from switch to switch around a loop, its processor would do nothing else.
 */
#define DIRECT_MARK 0x5350u

/* What the filter tells the ingress program. */
struct answer {
	uint32_t waits; /* at an interface, until the ingress program has taken it; 0: nowhere */
	uint32_t bytes; /* of the frame */
	uint32_t fence;
	uint32_t count;
	uint32_t as_is;
	uint16_t tci;
	uint8_t retag;
	uint8_t direct; /* the last port's other end may be handed it */
	uint64_t egress[FP_PATH_EGRESS_MAX / 8];
};

/* The loader puts in their place: the value of a map, and maps. */
extern struct fp_path_shared fp_shared;
extern struct fp_map fp_slots;
extern struct fp_map fp_fdb;
extern struct fp_map fp_answer;

/* The port of the frame's interface; the programs are the same for all. */
INLINE uint32_t port_of(const struct __sk_buff *skb)
{
#pragma unroll
	for (uint32_t i = 0; i < FP_PATH_PROBES; i++) {
		uint32_t port = fp_shared.homes[(skb->ifindex + i) & (FP_PATH_HOMES - 1)] - 1u;

		if (port < FP_PATH_PORTS && fp_shared.ports[port].ifindex == skb->ifindex)
			return port;
	}
	return FP_PATH_PORTS;
}

INLINE struct answer *answer_here(void)
{
	uint32_t only = 0;

	return bpf_map_lookup_elem(&fp_answer, &only);
}

INLINE void fence(struct answer *answer)
{
	if (fp_shared.strict)
		__sync_fetch_and_add(&answer->fence, 0);
	else
		__asm__ volatile("" ::: "memory");
}

INLINE void count(uint64_t *word, uint64_t by)
{
	__sync_fetch_and_add(word, by);
}

INLINE void wait_for(const struct __sk_buff *skb, struct answer *answer)
{
	answer->bytes = skb->len;
	answer->waits = skb->ifindex;
}

/* Somebody's program before ours may have taken a frame away, and left us an answer. */
INLINE bool is_about(const struct answer *answer, const struct __sk_buff *skb)
{
	return answer->waits == skb->ifindex && answer->bytes == skb->len;
}

/* Multicast ------------------------------------------------------------------------------------ */

/* A frame as far as it is read: two bytes of nothing, so that what follows is aligned. */
union head {
	uint8_t bytes[64];
	uint16_t halves[32];
	uint32_t words[16];
	uint64_t longs[8];
};

#define AT_TYPE 14u /* in bytes of a union head */
#define AT_IP 16u

struct reading {
	uint64_t key[FP_PATH_KEY_WORDS];
	bool whole; /* it says of itself what it is, V-4 */
	bool plain; /* and there is nothing in it that needs looking at */
	uint8_t ttl;
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

/* The version comes before all that is read of the slot: what changes later is seen by it. */
INLINE bool slot_is(const struct fp_path_slot *slot, uint32_t tag, const uint64_t *key,
		    struct answer *answer, uint32_t *version)
{
	uint64_t differ = 0;

	if (ONCE(slot->tag) != tag)
		return false;
	*version = ONCE(slot->version);
	fence(answer);
#pragma unroll
	for (uint32_t i = 0; i < FP_PATH_KEY_WORDS; i++)
		differ |= slot->key[i] ^ key[i];
	return !differ;
}

INLINE struct fp_path_slot *find(const struct fp_path_port *here, const uint64_t *key,
				 struct answer *answer, uint32_t *version)
{
	uint64_t hash = fp_path_hash(key, fp_shared.seed);
	uint32_t tag = fp_path_tag_of(hash);
	uint32_t first =
		here->first_slot + ((uint32_t)(hash >> 32) & fp_shared.set_mask) * FP_PATH_WAYS;

#pragma unroll
	for (uint32_t i = 0; i < FP_PATH_WAYS; i++) {
		uint32_t at = first + i;
		struct fp_path_slot *slot = bpf_map_lookup_elem(&fp_slots, &at);

		if (slot && slot_is(slot, tag, key, answer, version))
			return slot;
	}
	return 0;
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

INLINE int serve(struct __sk_buff *skb, struct fp_path_slot *slot, uint32_t version,
		 const struct reading *reading, struct answer *answer)
{
	uint32_t bank = version >> 1 & 1;
	uint32_t bytes = skb->len + (skb->vlan_present ? TAG_BYTES : 0);
	uint64_t before;

	answer->count = slot->count;
	answer->as_is = slot->as_is;
	answer->tci = slot->tci;
	answer->retag = slot->retag;
	answer->direct = 0; /* it would get there as no multicast (fp_kernel.h) */
#pragma unroll
	for (uint32_t i = 0; i < FP_PATH_EGRESS_MAX / 8; i++)
		answer->egress[i] = ((const uint64_t *)slot->egress)[i];
	fence(answer);
	if (ONCE(slot->version) != version) {
		__sync_fetch_and_add(&slot->ringed, 1);
		return TO_RING;
	}
	before = __sync_fetch_and_add(&slot->frames[bank], 1);
	count(&slot->bytes[bank], bytes);
	slot->last_ns = bpf_ktime_get_coarse_ns();
	slot->ttl = reading->ttl;
	if (!(before & (FP_PATH_RATE_FRAMES - 1)))
		measure(slot);
	if (answer->count)
		wait_for(skb, answer);
	return NOT_TO_RING;
}

INLINE int filter_multicast(struct __sk_buff *skb, uint32_t port, struct answer *answer)
{
	const struct fp_path_port *here = &fp_shared.ports[port];
	struct fp_path_slot *slot;
	struct reading reading;
	uint32_t version;

	if (!here->streams || !read_multicast(skb, port, &reading))
		return TO_RING;
	slot = find(here, reading.key, answer, &version);
	if (!slot)
		return TO_RING;
	if (!(version & 1) && reading.plain && !skb->gso_size && skb->len <= slot->frame_max &&
	    may_serve(slot))
		return serve(skb, slot, version, &reading, answer);
	__sync_fetch_and_add(&slot->ringed, 1);
	return TO_RING;
}

/* Known unicast -------------------------------------------------------------------------------- */

/* The VLAN, of the tag or of the port; one that no address is in: none (VLAN-2, 6). */
INLINE bool classify(struct __sk_buff *skb, const struct fp_path_port *here, uint16_t *vlan)
{
	*vlan = 0;
	if (skb->vlan_present) {
		if (skb->vlan_proto != TAG_PROTOCOL)
			return false;
		*vlan = skb->vlan_tci & VID_MASK;
	}
	if (!*vlan)
		*vlan = here->pvid;
	return true;
}

/* The device segments what is too long for the wire: what counts is a segment. */
INLINE bool fits(struct __sk_buff *skb, const struct fp_shortcut_value *to)
{
	uint32_t bytes = skb->gso_size ? skb->gso_size + LEAST_HEADERS : skb->len;

	return bytes <= to->frame_max;
}

/* What keeps a frame from one of two known addresses to the other, or makes it the ring's. */
INLINE bool may_pass(struct __sk_buff *skb, uint32_t port, const struct fp_shortcut_value *from,
		     const struct fp_shortcut_value *to, uint64_t now_ns)
{
	if (from->port != port || to->port == port)
		return false;
	if (to->horizon && to->horizon == from->horizon)
		return false;
	/* a tag that would come to light behind the one taken off */
	if (to->untagged && skb->protocol == TAG_PROTOCOL)
		return false;
	if ((int64_t)(now_ns - to->seen_ns) > (int64_t)fp_shared.ageing_ns)
		return false;
	return fits(skb, to);
}

/* VLAN-5: a tag that is the VLAN's stays; any other is a priority tag, and gives its priority. */
INLINE void spell(struct __sk_buff *skb, const struct fp_shortcut_value *to, uint16_t vlan,
		  struct answer *answer)
{
	uint16_t tci = skb->vlan_present ? skb->vlan_tci : 0;

	answer->retag = skb->vlan_present ? FP_TAG_POP : 0;
	answer->tci = tci | vlan;
	answer->as_is = 0;
	if (to->untagged)
		return;
	if ((tci & VID_MASK) == vlan)
		answer->as_is = answer->count;
	else
		answer->retag |= FP_TAG_PUSH;
}

INLINE void count_out(uint32_t port, uint32_t bytes)
{
	struct fp_path_port *out = &fp_shared.ports[port & (FP_PATH_PORTS - 1)];

	count(&out->tx_frames, 1);
	count(&out->tx_bytes, bytes);
}

INLINE bool is_peers(const uint16_t *mac, uint32_t port)
{
	const struct fp_path_port *out = &fp_shared.ports[port & (FP_PATH_PORTS - 1)];
	const uint16_t *peer = (const uint16_t *)out->peer_mac;

	return mac[0] == peer[0] && mac[1] == peer[1] && mac[2] == peer[2];
}

/* On the terms of fp_move_shares(): lately, or there last. */
INLINE bool also_there(const struct fp_shortcut_value *to, uint32_t port, uint64_t now_ns)
{
	return to->also != FP_SHORTCUT_NONE && to->also != port &&
	       (to->also_ns > to->seen_ns || to->also_ns + FP_MOVE_SHARE_MS * 1000000ull >= now_ns);
}

INLINE int filter_unicast(struct __sk_buff *skb, uint32_t port, struct answer *answer)
{
	struct fp_path_port *here = &fp_shared.ports[port];
	struct fp_shortcut_key to_key = {};
	struct fp_shortcut_key from_key = {};
	uint16_t macs[MACS_BYTES / 2];
	struct fp_shortcut_value *from;
	struct fp_shortcut_value *to;
	uint64_t now_ns;
	uint16_t vlan;
	uint8_t *egress = (uint8_t *)answer->egress;

	if (!here->unicast || bpf_skb_load_bytes(skb, 0, macs, MACS_BYTES) ||
	    !classify(skb, here, &vlan))
		return TO_RING;
	__builtin_memcpy(to_key.mac, macs, 6);
	__builtin_memcpy(from_key.mac, macs + 3, 6);
	to_key.vlan = from_key.vlan = vlan;
	from = bpf_map_lookup_elem(&fp_fdb, &from_key);
	to = from ? bpf_map_lookup_elem(&fp_fdb, &to_key) : 0;
	if (!to)
		return TO_RING;
	now_ns = bpf_ktime_get_ns();
	if (!may_pass(skb, port, from, to, now_ns))
		return TO_RING;
	from->seen_ns = now_ns;
	answer->count = 1;
	egress[0] = (uint8_t)to->port;
	if (also_there(to, port, now_ns)) {
		egress[0] = (uint8_t)to->also;
		egress[1] = (uint8_t)to->port;
		answer->count = 2;
		count_out(to->also, skb->len);
	}
	spell(skb, to, vlan, answer);
	answer->direct = is_peers(macs, to->port);
	count(&here->rx_frames, 1);
	count(&here->rx_bytes, skb->len);
	count_out(to->port, skb->len);
	wait_for(skb, answer);
	return NOT_TO_RING;
}

SECTION("filter")
int fp_filter(struct __sk_buff *skb)
{
	struct answer *answer = answer_here();
	uint32_t port = port_of(skb);

	if (!answer)
		return TO_RING;
	answer->waits = 0;
	if (port >= FP_PATH_PORTS || skb->pkt_type == KIND_BROADCAST)
		return TO_RING;
	if (skb->pkt_type == KIND_MULTICAST)
		return filter_multicast(skb, port, answer);
	return filter_unicast(skb, port, answer);
}

/* Sending -------------------------------------------------------------------------------------- */

INLINE struct fp_path_port *egress_of(const struct answer *answer, uint32_t i)
{
	const uint8_t *egress = (const uint8_t *)answer->egress;

	return &fp_shared.ports[egress[i & (FP_PATH_EGRESS_MAX - 1)]];
}

/* False: the frame cannot be changed. */
INLINE bool spell_as(struct __sk_buff *skb, const struct answer *answer)
{
	if (answer->retag & FP_TAG_POP && bpf_skb_vlan_pop(skb))
		return false;
	return !(answer->retag & FP_TAG_PUSH) || !bpf_skb_vlan_push(skb, TAG_PROTOCOL, answer->tci);
}

/* The last port gets the frame itself. */
INLINE int send_last(struct __sk_buff *skb, const struct answer *answer)
{
	const struct fp_path_port *port = egress_of(answer, ONCE(answer->count) - 1);

	if (answer->direct && port->peer) {
		skb->tc_index = DIRECT_MARK;
		return (int)bpf_redirect_peer(port->ifindex, 0);
	}
	return (int)bpf_redirect(port->ifindex, 0);
}

INLINE void send_copy(struct __sk_buff *skb, struct fp_path_port *port)
{
	if (bpf_clone_redirect(skb, port->ifindex, 0))
		count(&port->refused, 1);
}

/*
 * The ports that get the frame as it came, then the others. Each loop counts from 0, and reads anew
 * where it begins: the kernel's verifier looks at it once, not for every end of the one before.
 */
SECTION("ingress")
int fp_ingress(struct __sk_buff *skb)
{
	struct answer *answer = answer_here();
	uint32_t first;

	if (!answer || !is_about(answer, skb))
		return DROPPED;
	answer->waits = 0;
	if (skb->tc_index == DIRECT_MARK) {
		skb->tc_index = 0;
		answer->direct = 0;
	}
	for (uint32_t i = 0;
	     i < FP_PATH_EGRESS_MAX && i < ONCE(answer->as_is) && i + 1 < answer->count; i++)
		send_copy(skb, egress_of(answer, i));
	first = ONCE(answer->as_is);
	if (first >= ONCE(answer->count))
		return send_last(skb, answer);
	if (!spell_as(skb, answer)) {
		for (uint32_t i = 0; i < FP_PATH_EGRESS_MAX && first + i < answer->count; i++)
			count(&egress_of(answer, first + i)->refused, 1);
		return DROPPED;
	}
	for (uint32_t i = 0; i < FP_PATH_EGRESS_MAX && first + i + 1 < answer->count; i++)
		send_copy(skb, egress_of(answer, first + i));
	return send_last(skb, answer);
}
