/* The stream table: counting, bounds, and the flow cache in front of it. */
#include "check.h"
#include "fp_flows.h"
#include "fp_mask.h"

static struct fp_stream stream_of(uint32_t n)
{
	struct fp_stream stream = {.vlan = (uint16_t)(n % 7), .port = (uint16_t)(n % 5)};

	memcpy(stream.source, &n, sizeof(n));
	memcpy(stream.group + 12, &n, sizeof(n));
	return stream;
}

static void test_counts_add_up_and_the_last_verdict_stays(void)
{
	struct fp_streams streams;
	struct fp_stream key = stream_of(5);
	struct fp_verdict verdict = {.ports = {1, 2, 3, 4}, .reason = FP_FORWARD_GROUP};
	struct fp_stream_slot *slot;
	struct fp_stream out[4];

	CHECK_EQ(fp_streams_init(&streams, 16), 0);
	CHECK_EQ(fp_streams_read(&streams, out, 4), 0);
	slot = fp_streams_find(&streams, &key, 1000);
	CHECK(slot == fp_streams_find(&streams, &key, 2000));
	fp_streams_add(slot, &key, &verdict, 3, 300, 5000);
	verdict.reason = FP_DROP_NO_MEMBER;
	verdict.registered = 1;
	verdict.ports[0] = 0;
	key.ttl = 7;
	fp_streams_add(slot, &key, &verdict, 1, 64, 6000);
	CHECK_EQ(fp_streams_read(&streams, out, 4), 1);
	CHECK_BYTES(out[0].group, key.group, 16);
	CHECK_BYTES(out[0].source, key.source, 16);
	CHECK_EQ(out[0].vlan, key.vlan);
	CHECK_EQ(out[0].port, key.port);
	CHECK_EQ(out[0].frames, 4);
	CHECK_EQ(out[0].bytes, 364);
	CHECK_EQ(out[0].first_ns, 1000);
	CHECK_EQ(out[0].last_ns, 6000);
	CHECK_EQ(out[0].reason, FP_DROP_NO_MEMBER);
	CHECK_EQ(out[0].registered, 1);
	CHECK_EQ(out[0].ttl, 7);
	CHECK_EQ(out[0].ports[0], 0);
	CHECK_EQ(out[0].ports[3], 4);
	fp_streams_destroy(&streams);
}

static void test_every_part_of_the_key_makes_another_stream(void)
{
	struct fp_streams streams;
	struct fp_stream base = stream_of(0);
	struct fp_stream keys[5];
	struct fp_stream out[64];

	CHECK_EQ(fp_streams_init(&streams, 64), 0);
	for (uint32_t i = 0; i < 5; i++)
		keys[i] = base;
	keys[1].vlan++;
	keys[2].port++;
	keys[3].source[15]++;
	keys[4].group[15]++;
	for (uint32_t i = 0; i < 5; i++)
		fp_streams_find(&streams, &keys[i], 1);
	CHECK_EQ(fp_streams_read(&streams, out, 64), 5);
	fp_streams_destroy(&streams);
}

static void test_more_streams_than_room_keep_the_loudest(void)
{
	struct fp_streams streams;
	struct fp_stream loud = stream_of(1000000);
	struct fp_verdict verdict = {0};
	struct fp_stream out[1024];
	struct fp_stream_slot *slot;
	uint32_t count;
	bool found = false;

	CHECK_EQ(fp_streams_init(&streams, 256), 0);
	for (uint32_t n = 0; n < 10000; n++) {
		struct fp_stream key = stream_of(n);

		slot = fp_streams_find(&streams, &loud, n);
		fp_streams_add(slot, &loud, &verdict, 1, 100, n);
		fp_streams_find(&streams, &key, n);
	}
	count = fp_streams_read(&streams, out, 1024);
	CHECK_EQ(count, 256);
	for (uint32_t i = 0; i < count; i++)
		found |= !memcmp(out[i].group, loud.group, 16) && out[i].frames == 10000;
	CHECK(found);
	CHECK_EQ(fp_streams_read(&streams, out, 10), 10);
	fp_streams_destroy(&streams);
}

/* Seven ports with ten thousand flows each leave an eighth, of one a bucket, what it has. */
static void test_a_flood_of_flows_evicts_the_flooders_own(void)
{
	struct fp_streams streams;
	struct fp_stream own[32];
	struct fp_stream out[256];
	uint32_t kept = 0;
	uint32_t count;

	CHECK_EQ(fp_streams_init(&streams, 256), 0); /* 32 buckets */
	for (uint32_t n = 0; n < 32; n++) {
		own[n] = stream_of(2000000 + n);
		own[n].port = 7;
		fp_streams_find(&streams, &own[n], 1); /* silent from now on */
	}
	count = fp_streams_read(&streams, out, 256);
	CHECK_EQ(count, 32);
	for (uint32_t n = 0; n < 70000; n++) {
		struct fp_stream key = stream_of(n);

		key.port = (uint16_t)(n % 7);
		fp_streams_find(&streams, &key, 2 + n);
	}
	count = fp_streams_read(&streams, out, 256);
	CHECK_EQ(count, 256);
	for (uint32_t i = 0; i < count; i++)
		kept += out[i].port == 7 ? 1 : 0;
	CHECK(kept >= 20); /* those that share a bucket with another of the eighth may go */
	fp_streams_destroy(&streams);
}

/* A slot that was given to another stream is not credited with the old one's frames. */
static void test_frames_of_a_lost_slot_are_not_given_to_its_new_stream(void)
{
	struct fp_streams streams;
	struct fp_stream first = stream_of(1);
	struct fp_verdict verdict = {0};
	struct fp_stream_slot *slot;
	struct fp_stream out[8];

	CHECK_EQ(fp_streams_init(&streams, 8), 0); /* one bucket */
	slot = fp_streams_find(&streams, &first, 1);
	for (uint32_t n = 2; n <= 9; n++) {
		struct fp_stream key = stream_of(n);

		fp_streams_find(&streams, &key, n);
	}
	CHECK(!fp_streams_add(slot, &first, &verdict, 5, 500, 20));
	CHECK_EQ(fp_streams_read(&streams, out, 8), 8);
	for (uint32_t i = 0; i < 8; i++)
		CHECK_EQ(out[i].frames, 0);
	fp_streams_destroy(&streams);
}

static void test_flow_is_known_only_with_its_key_and_its_table(void)
{
	static struct fp_flows flows;
	struct fp_flow_key key = {.port = 3, .protocol = 17, .source = {1}, .group = {2}};
	struct fp_flow_key other = key;
	struct fp_flow *flow;
	bool known;

	flows.epoch = 7;
	flow = fp_flows_find(&flows, &key, &known);
	CHECK(!known);
	flow->key = key;
	flow->epoch = 7;
	CHECK(fp_flows_find(&flows, &key, &known) == flow && known);
	for (uint32_t byte = 0; byte < sizeof(key); byte++) {
		other = key;
		((uint8_t *)&other)[byte] ^= 0x40;
		fp_flows_find(&flows, &other, &known);
		CHECK(!known);
	}
	flows.epoch = 8; /* a publish forgets every verdict */
	fp_flows_find(&flows, &key, &known);
	CHECK(!known);
}

static void test_flush_moves_the_counts_of_the_pass_once(void)
{
	static struct fp_flows flows;
	struct fp_streams streams;
	struct fp_stream out[8];

	CHECK_EQ(fp_streams_init(&streams, 8), 0);
	flows.flows[9].stream = stream_of(1);
	flows.flows[9].slot = fp_streams_find(&streams, &flows.flows[9].stream, 1);
	flows.flows[9].frames = 4;
	flows.flows[9].bytes = 400;
	flows.touched[flows.touched_count++] = 9;
	fp_flows_flush(&flows, 50);
	fp_flows_flush(&flows, 60);
	CHECK_EQ(fp_streams_read(&streams, out, 8), 1);
	CHECK_EQ(out[0].frames, 4);
	CHECK_EQ(out[0].bytes, 400);
	CHECK_EQ(out[0].last_ns, 50);
	fp_streams_destroy(&streams);
}

int main(void)
{
	RUN(test_counts_add_up_and_the_last_verdict_stays);
	RUN(test_every_part_of_the_key_makes_another_stream);
	RUN(test_more_streams_than_room_keep_the_loudest);
	RUN(test_a_flood_of_flows_evicts_the_flooders_own);
	RUN(test_frames_of_a_lost_slot_are_not_given_to_its_new_stream);
	RUN(test_flow_is_known_only_with_its_key_and_its_table);
	RUN(test_flush_moves_the_counts_of_the_pass_once);
	return 0;
}
