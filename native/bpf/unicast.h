/*
 * The filter's look at the rest: from one address that the fdb has learned to another.
 */
#ifndef FP_UNICAST_BPF_H
#define FP_UNICAST_BPF_H

#include "answer.h"

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
	if (!to->untagged && (tci & VID_MASK) == vlan)
		answer->retag = 0;
	else if (!to->untagged)
		answer->retag |= FP_TAG_PUSH;
	answer->as_is = answer->retag ? 0 : answer->count;
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
	answer->to_host = here->to_host;
	count(&here->rx_frames, 1);
	count(&here->rx_bytes, skb->len);
	count_out(to->port, skb->len);
	wait_for(skb, answer);
	return NOT_TO_RING;
}

#endif
