#include "fp_flows.h"

#include <string.h>

#define KEY_WORDS 7u

_Static_assert(sizeof(struct fp_flow_key) == KEY_WORDS * sizeof(uint64_t), "hashed as words");
_Static_assert(FP_FLOWS <= UINT16_MAX + 1 && !(FP_FLOWS & (FP_FLOWS - 1)), "fits touched[]");

struct fp_flow *fp_flows_find(struct fp_flows *flows, const struct fp_flow_key *key, bool *known)
{
	uint64_t words[KEY_WORDS];
	uint64_t hash;
	struct fp_flow *flow;

	memcpy(words, key, sizeof(words));
	hash = (words[0] ^ words[1] * UINT64_C(0xbf58476d1ce4e5b9)) * UINT64_C(0x9e3779b97f4a7c15);
	/* what differs between sources, and between groups, may differ in the same bits */
	hash = (hash ^ (hash >> 29) ^ words[2] ^ words[3] ^ words[4]) *
	       UINT64_C(0x94d049bb133111eb);
	hash = (hash ^ (hash >> 31) ^ words[5] ^ words[6]) * UINT64_C(0xbf58476d1ce4e5b9);
	flow = &flows->flows[(hash >> 40) & (FP_FLOWS - 1)];
	*known = flow->epoch == flows->epoch && !memcmp(&flow->key, key, sizeof(*key));
	return flow;
}

/* Without room the frames are not credited: an empty ring will say as much (fp_handover.c). */
static void credit(struct fp_flows *flows, struct fp_flow *flow)
{
	if (flow->place != FP_NO_PLACE && flows->credit_count < FP_CREDITS)
		flows->credits[flows->credit_count++] = (struct fp_credit){
			.place = flow->place,
			.generation = flow->generation,
			.frames = flow->ringed,
			.beyond = flow->beyond,
			.sample = flow->sample,
		};
	flow->ringed = flow->beyond = 0;
}

void fp_flow_flush(struct fp_flows *flows, struct fp_flow *flow, uint64_t now_ns)
{
	/* A flow whose stream has lost its slot is empty, so that its next frame finds one. */
	if (flow->frames && flow->slot &&
	    !fp_streams_add(flow->slot, &flow->stream, &flow->verdict, flow->frames, flow->bytes,
			    now_ns))
		flow->epoch = 0;
	flow->frames = flow->bytes = 0;
	if (flow->ringed)
		credit(flows, flow);
}

void fp_flows_flush(struct fp_flows *flows, uint64_t now_ns)
{
	for (uint32_t i = 0; i < flows->touched_count; i++)
		fp_flow_flush(flows, &flows->flows[flows->touched[i]], now_ns);
}
