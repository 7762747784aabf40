/* Who is served by a drain: shares by cost, quiet ports first, bounded, nobody forgotten. */
#include "check.h"
#include "fp_drain.h"

#define RING_BYTES (1u << 18)
#define FRAME_BYTES 64u

struct bench_ports {
	struct fp_port *ports[FP_PORTS_MAX];
	struct fp_turn turn;
	uint64_t now_ns;
	uint32_t costs[FP_PORTS_MAX]; /* of what the last drain took */
	uint32_t frames[FP_PORTS_MAX];
	uint32_t order[FP_PORTS_MAX]; /* when each was first served in it; 0: not */
};

static uint8_t buffer[1 << 20];

static void start(struct bench_ports *b, uint32_t count)
{
	memset(b, 0, sizeof(*b));
	for (uint32_t id = 0; id < count; id++) {
		b->ports[id] = calloc(1, sizeof(**b->ports));
		CHECK(b->ports[id]);
		b->ports[id]->id = id;
		CHECK_EQ(fp_punt_new(RING_BYTES, &b->ports[id]->punt), 0);
	}
}

static void end(struct bench_ports *b)
{
	for (uint32_t id = 0; id < FP_PORTS_MAX; id++) {
		if (b->ports[id])
			fp_punt_free(b->ports[id]->punt);
		free(b->ports[id]);
	}
}

static bool put(struct bench_ports *b, uint32_t id, uint32_t cost, uint32_t bytes)
{
	static uint8_t frame[FP_FRAME_BYTES_MAX];
	struct fp_punted head = {
		.tci = FP_NO_TAG,
		.time_ns = b->now_ns,
		.frame_len = bytes,
		.port = (uint16_t)id,
		.cost = (uint16_t)cost,
	};

	return fp_punt_put(b->ports[id]->punt, &head, frame);
}

static void fill(struct bench_ports *b, uint32_t id, uint32_t cost)
{
	while (put(b, id, cost, FRAME_BYTES)) {
	}
}

static struct fp_drained drain(struct bench_ports *b, uint32_t buffer_bytes, uint32_t budget)
{
	struct fp_drained drained =
		fp_drain(b->ports, &b->turn, b->now_ns, buffer, buffer_bytes, budget);
	uint32_t served = 0;

	memset(b->costs, 0, sizeof(b->costs));
	memset(b->frames, 0, sizeof(b->frames));
	memset(b->order, 0, sizeof(b->order));
	for (uint32_t at = 0; at < drained.bytes;) {
		struct fp_punted head;

		memcpy(&head, buffer + at, sizeof(head));
		if (!b->order[head.port])
			b->order[head.port] = ++served;
		b->costs[head.port] += head.cost;
		b->frames[head.port]++;
		at += fp_punted_bytes(head.frame_len);
	}
	return drained;
}

/* F-3: one batch of the others, however many flood and whatever each frame costs. */
static void test_frame_of_a_quiet_port_is_first_in_the_next_batch(void)
{
	struct bench_ports b;

	start(&b, 8);
	for (uint32_t round = 0; round < 50; round++) {
		uint32_t quiet = round % 8;

		for (uint32_t id = 0; id < 8; id++) {
			if (id != quiet)
				fill(&b, id, 1 + id * 26);
		}
		drain(&b, sizeof(buffer), 64);
		while (b.ports[quiet]->punt->waited) /* it was a flooding one before */
			drain(&b, sizeof(buffer), 64);
		CHECK(put(&b, quiet, 1, FRAME_BYTES));
		CHECK(drain(&b, sizeof(buffer), 64).more);
		CHECK_EQ(b.frames[quiet], 1);
		for (uint32_t id = 0; id < 8; id++)
			CHECK_EQ(b.order[id], id == quiet); /* alone: nothing else delays it */
	}
	end(&b);
}

static void test_flooding_ports_share_by_cost(void)
{
	uint64_t totals[4] = {0};
	struct bench_ports b;
	static const uint32_t costs[4] = {1, 5, 30, 183};

	start(&b, 4);
	for (uint32_t round = 0; round < 400; round++) {
		for (uint32_t id = 0; id < 4; id++)
			fill(&b, id, costs[id]);
		drain(&b, sizeof(buffer), 400);
		for (uint32_t id = 0; id < 4; id++)
			totals[id] += b.costs[id];
	}
	for (uint32_t id = 0; id < 4; id++) {
		CHECK(totals[id] > 400u * 400 / 4 * 9 / 10);
		CHECK(totals[id] < 400u * 400 / 4 * 12 / 10);
	}
	end(&b);
}

static void test_batch_costs_its_budget_and_one_frame_more_at_most(void)
{
	struct bench_ports b;
	uint32_t cost = 0;

	start(&b, 3);
	for (uint32_t id = 0; id < 3; id++)
		fill(&b, id, 183);
	for (uint32_t round = 0; round < 20; round++) {
		cost = 0;
		CHECK(drain(&b, sizeof(buffer), 100).more);
		for (uint32_t id = 0; id < 3; id++)
			cost += b.costs[id];
		CHECK(cost > 0 && cost < 100 + 183);
	}
	end(&b);
}

/* Those that come back as new each time may take half; the rest goes on being served. */
static void test_ports_that_wait_are_not_starved_by_ports_that_come_and_go(void)
{
	uint64_t waited = 0;
	struct bench_ports b;

	start(&b, 256);
	fill(&b, 255, 1);
	for (uint32_t round = 0; round < 400; round++) {
		for (uint32_t id = 0; id < 255; id++)
			put(&b, id, 1, FRAME_BYTES);
		drain(&b, sizeof(buffer), 100);
		waited += b.costs[255];
	}
	CHECK(waited >= 2 * FP_DRAIN_QUANTUM);
	end(&b);
}

static void test_every_waiting_port_has_its_turn_within_one_round(void)
{
	bool served[FP_PORTS_MAX] = {false};
	struct bench_ports b;

	start(&b, 256);
	for (uint32_t id = 0; id < 256; id++)
		fill(&b, id, 1);
	drain(&b, sizeof(buffer), 100); /* they are known as waiting now */
	for (uint32_t round = 0; round < 256 * FP_DRAIN_QUANTUM / 100 + 1; round++) {
		drain(&b, sizeof(buffer), 100);
		for (uint32_t id = 0; id < 256; id++)
			served[id] |= b.frames[id] > 0;
	}
	for (uint32_t id = 0; id < 256; id++)
		CHECK(served[id]);
	end(&b);
}

/* A long frame that does not fit what is left of the buffer is the next batch's. */
static void test_small_buffer_takes_what_fits_and_says_that_more_waits(void)
{
	uint32_t smallest = fp_punted_bytes(FP_FRAME_BYTES_MAX);
	struct bench_ports b;
	uint32_t drains = 0;
	uint32_t frames = 0;

	start(&b, 2);
	for (uint32_t id = 0; id < 2; id++) {
		CHECK(put(&b, id, 1, 30000));
		CHECK(put(&b, id, 1, 60000));
	}
	while (frames < 4) {
		bool more = drain(&b, smallest, 1000).more;

		frames += b.frames[0] + b.frames[1];
		CHECK_EQ(more, frames < 4);
		CHECK(++drains < 5);
	}
	CHECK_EQ(drain(&b, smallest, 1000).bytes, 0);
	end(&b);
}

/* A record that costs more than a quantum waits some turns and not for ever. */
static void test_costliest_frame_is_taken_alone_and_among_others(void)
{
	struct bench_ports b;

	start(&b, 2);
	CHECK(put(&b, 0, UINT16_MAX, FRAME_BYTES));
	CHECK(!drain(&b, sizeof(buffer), 1).more);
	CHECK_EQ(b.frames[0], 1);
	CHECK(put(&b, 0, 8000, FRAME_BYTES));
	for (uint32_t round = 0; !b.frames[0]; round++) {
		fill(&b, 1, 1);
		drain(&b, sizeof(buffer), 400);
		CHECK(round <= 8000 / FP_DRAIN_QUANTUM);
	}
	end(&b);
}

/*
 * A flood leaves no seconds behind it: what waited too long goes unread, and is counted, down to
 * what a port may ask at once.
 */
static void test_old_frames_of_a_flood_go_unread_and_a_burst_is_kept(void)
{
	uint64_t taken = 0;
	uint32_t sent = 0;
	struct bench_ports b;

	start(&b, 2);
	while (put(&b, 0, 10, FRAME_BYTES))
		sent++;
	drain(&b, sizeof(buffer), 100);
	taken += b.frames[0];
	b.now_ns = FP_DRAIN_STALE_NS - 1;
	CHECK(put(&b, 0, 10, FRAME_BYTES));
	CHECK(put(&b, 1, 1, FRAME_BYTES));
	drain(&b, sizeof(buffer), 100);
	drain(&b, sizeof(buffer), 100);
	taken += b.frames[0];
	CHECK_EQ(b.ports[0]->punt->stale, 0);
	b.now_ns++;
	do {
		bool more = drain(&b, sizeof(buffer), 100).more;

		taken += b.frames[0];
		CHECK(more == (fp_punt_waiting(b.ports[0]->punt) > 0));
	} while (fp_punt_waiting(b.ports[0]->punt));
	CHECK(sent > 2 * FP_DRAIN_KEPT_COST / 10);
	CHECK_EQ(b.ports[0]->punt->stale + taken, sent + 1);
	CHECK(taken >= FP_DRAIN_KEPT_COST / 10);
	CHECK(taken < FP_DRAIN_KEPT_COST / 10 + 100);
	CHECK_EQ(b.ports[1]->punt->stale, 0);
	end(&b);
}

/* However late: the control thread was held up, and these wait for it and behind nobody. */
static void test_burst_waits_for_a_late_control_thread(void)
{
	uint32_t costs[] = {1, 300, 8000};
	uint32_t counts[] = {4000, 13, 1};
	struct bench_ports b;

	for (uint32_t i = 0; i < 3; i++) {
		uint32_t frames = 0;

		start(&b, 1);
		for (uint32_t n = 0; n < counts[i]; n++)
			CHECK(put(&b, 0, costs[i], 8));
		b.now_ns = 60 * FP_DRAIN_STALE_NS;
		for (uint32_t round = 0; round < 1000 && frames < counts[i]; round++) {
			drain(&b, sizeof(buffer), 200);
			frames += b.frames[0];
		}
		CHECK_EQ(frames, counts[i]);
		CHECK_EQ(b.ports[0]->punt->stale, 0);
		end(&b);
	}
}

int main(void)
{
	RUN(test_frame_of_a_quiet_port_is_first_in_the_next_batch);
	RUN(test_flooding_ports_share_by_cost);
	RUN(test_batch_costs_its_budget_and_one_frame_more_at_most);
	RUN(test_ports_that_wait_are_not_starved_by_ports_that_come_and_go);
	RUN(test_every_waiting_port_has_its_turn_within_one_round);
	RUN(test_small_buffer_takes_what_fits_and_says_that_more_waits);
	RUN(test_old_frames_of_a_flood_go_unread_and_a_burst_is_kept);
	RUN(test_burst_waits_for_a_late_control_thread);
	RUN(test_costliest_frame_is_taken_alone_and_among_others);
	return 0;
}
