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
#include "health.h"
#include "streams.h"
#include "unicast.h"

INLINE struct fp_path_port *egress_of(const struct answer *answer, uint32_t i)
{
	const uint8_t *egress = (const uint8_t *)answer->egress;

	return &fp_shared.ports[egress[i & (FP_PATH_EGRESS_MAX - 1)]];
}

/*
 * Somebody's program before ours took the frame away: it was counted and not sent. Not one that the
 * ring has, or that was to come again: of that nothing was counted.
 */
INLINE void take_back(struct answer *answer)
{
	uint32_t first = answer->first;

	if (answer->ringed | answer->round)
		return;

	for (uint32_t i = 0; i < FP_PATH_EGRESS_MAX && first + i < ONCE(answer->count); i++)
		count(&egress_of(answer, first + i)->refused, 1);
}

SECTION("filter")
int fp_filter(struct __sk_buff *skb)
{
	struct answer *answer = answer_here();
	uint32_t port = port_of(skb);

	if (!answer)
		return TO_RING;
	if (answer->waits)
		take_back(answer);
	answer->waits = 0;
	answer->ringed = 0;
	answer->round = 0;
	answer->first = 0;
	if (port >= FP_PATH_PORTS || skb->pkt_type == KIND_BROADCAST)
		return TO_RING;
	if (skb->pkt_type == KIND_MULTICAST)
		return filter_multicast(skb, port, answer);
	return filter_unicast(skb, port, answer);
}

/*
 * The rest of the filter where a stream is watched. A program of its own: the kernel's verifier
 * would go through all of it for each way through the filter that leads there.
 */
SECTION("health")
int fp_health(struct __sk_buff *skb)
{
	struct answer *answer = answer_here();

	if (answer)
		look_at(skb, answer);
	return NOT_TO_RING;
}

/* Sending -------------------------------------------------------------------------------------- */

/* False: the frame cannot be changed. */
INLINE bool spell_as(struct __sk_buff *skb, const struct answer *answer)
{
	if (answer->retag & FP_TAG_POP && bpf_skb_vlan_pop(skb))
		return false;
	return !(answer->retag & FP_TAG_PUSH) || !bpf_skb_vlan_push(skb, TAG_PROTOCOL, answer->tci);
}

/* As it was when it came. */
INLINE void spell_back(struct __sk_buff *skb, const struct answer *answer, uint16_t tci)
{
	if (answer->retag & FP_TAG_PUSH)
		bpf_skb_vlan_pop(skb);
	if (answer->retag & FP_TAG_POP)
		bpf_skb_vlan_push(skb, TAG_PROTOCOL, tci);
}

/* What nobody sends on. */
INLINE int leave(const struct __sk_buff *skb)
{
	uint32_t port = port_of(skb);

	return port < FP_PATH_PORTS && !fp_shared.ports[port].to_host ? DROPPED : TO_HOST;
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

/* The taps, the ring among them, were asked before: it is there, or lost. */
INLINE void count_ringed(struct answer *answer)
{
	uint32_t index = answer->ringed - 1;
	struct fp_path_slot *slot = bpf_map_lookup_elem(&fp_slots, &index);

	fence(answer);
	if (slot)
		__sync_fetch_and_add(&slot->ringed, 1);
}

INLINE void send_copy(struct __sk_buff *skb, struct fp_path_port *port)
{
	if (bpf_clone_redirect(skb, port->ifindex, 0))
		count(&port->refused, 1);
}

/*
 * The ports that get the frame as it came, then the others. Each loop counts from 0, and reads anew
 * where it begins: the kernel's verifier looks at it once, not for every end of the one before.
 * Where the host's stack gets it as well all others get copies.
 */
SECTION("ingress")
int fp_ingress(struct __sk_buff *skb)
{
	struct answer *answer = answer_here();
	uint16_t tci = (uint16_t)skb->vlan_tci;
	uint32_t copies;
	uint32_t first;

	if (!answer || !is_about(answer, skb))
		return leave(skb);
	answer->waits = 0;
	if (answer->round) {
		skb->tc_index = (uint16_t)answer->round;
		return (int)bpf_redirect(skb->ifindex, TO_INGRESS);
	}
	if (answer->ringed) {
		if (skb->tc_index & ROUND_MARK)
			skb->tc_index = 0;
		count_ringed(answer);
		return leave(skb);
	}
	if (skb->tc_index == DIRECT_MARK) {
		skb->tc_index = 0;
		answer->direct = 0;
	}
	copies = answer->count - !answer->to_host;
	first = answer->first;
	for (uint32_t i = 0;
	     i < FP_PATH_EGRESS_MAX && first + i < ONCE(answer->as_is) && first + i < copies; i++)
		send_copy(skb, egress_of(answer, first + i));
	if (first < ONCE(answer->as_is))
		first = ONCE(answer->as_is);
	if (first >= ONCE(answer->count))
		return answer->to_host ? TO_HOST : send_last(skb, answer);
	if (!spell_as(skb, answer)) {
		for (uint32_t i = 0; i < FP_PATH_EGRESS_MAX && first + i < answer->count; i++)
			count(&egress_of(answer, first + i)->refused, 1);
		return leave(skb);
	}
	copies = ONCE(answer->count) - !answer->to_host;
	for (uint32_t i = 0; i < FP_PATH_EGRESS_MAX && first + i < copies; i++)
		send_copy(skb, egress_of(answer, first + i));
	if (!answer->to_host)
		return send_last(skb, answer);
	spell_back(skb, answer, tci);
	return TO_HOST;
}
