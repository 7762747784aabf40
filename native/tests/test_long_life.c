/*
 * Counts of 32 bits run over in a switch that lives long: what is counted of a flow's frames in the
 * ring, and of the ring's own, in a day of 50 000 a second. Nothing is lost, doubled or overtaken.
 */
#include "check.h"
#include "fp_clock.h"
#include "fp_slots.h"
#include "programs.h"
#include "served.h"

#define PASS 256u   /* frames that one takes */
#define BEHIND 400u /* that wait then: more than for the next one */
#define BEFORE 300u /* of these, so many before the counts run over */

/* The kernel has had the stream, and both counts run over among what waits after so many passes. */
static void start_late(struct lab *lab, const struct packet *packet, uint32_t passes)
{
	struct fake_ring *data = &lab->ports[0].data;
	uint32_t from = UINT32_MAX - passes * PASS - BEFORE + 1;
	struct fp_path_slot *slot;

	start(lab, 3);
	until_served(lab, packet);
	slot = &lab->sw->workers[0]->slots.slots[0];
	CHECK_EQ(slot->ringed, slot->done);
	slot->ringed = slot->done = from;
	fp_ring_resume(data->ring, from);
	data->next = data->ring->next;
	programs_take_back(lab, GROUP);
}

static void check_ran_over(const struct lab *lab)
{
	CHECK(lab->sw->workers[0]->slots.slots[0].ringed < INT32_MAX);
	CHECK(fp_load_relaxed(&lab->ports[0].data.ring->taken) < INT32_MAX);
}

/* Two passes over a ring that is not empty between them, nor after them. */
static void pass_twice(struct lab *lab, const struct packet *packet, uint32_t *waiting)
{
	for (; *waiting < PASS + BEHIND; ++*waiting)
		CHECK(!receive(lab, 0, packet));
	*waiting -= lab_pass(lab);
	drain(lab);
	*waiting -= lab_pass(lab);
	drain(lab);
	CHECK_EQ(*waiting, BEHIND - PASS);
}

/* What left the ring is counted, or, where that was not counted for a while, found by a mark. */
static void test_ring_that_is_never_empty_is_not_overtaken(void)
{
	struct packet packet = packet_udp();
	struct lab lab;

	for (uint32_t marked = 0; marked < 2; marked++) {
		uint32_t waiting = 0;

		start_late(&lab, &packet, 3);
		if (marked)
			CHECK_EQ(fp_switch_kernel(lab.sw, 0), 0);
		pass_twice(&lab, &packet, &waiting);
		CHECK_EQ(fp_switch_kernel(lab.sw, 1), 0);
		pass_twice(&lab, &packet, &waiting);
		pass_twice(&lab, &packet, &waiting);
		CHECK(!receive(&lab, 0, &packet));
		lab_run(&lab);
		drain(&lab);
		check_ran_over(&lab);
		CHECK(step(&lab, &packet));
		CHECK_EQ(lab_stat(&lab, 1, FP_STAT_TX_FRAMES),
			 lab_stat(&lab, 0, FP_STAT_RX_FRAMES));
		lab_end(&lab);
	}
}

/* The ring has lost so many that what waits there is let go. */
static void test_what_is_let_go_does_not_come_after_what_is_newer(void)
{
	struct packet packet = packet_udp();
	uint32_t sent = 0;
	struct lab lab;

	start_late(&lab, &packet, 1);
	for (uint32_t i = 0; i < PASS + BEHIND; i++)
		CHECK(!receive(&lab, 0, &packet));
	programs_lose(true);
	for (uint32_t i = 0; i < 3 * FAKE_SLOTS; i++)
		CHECK(!receive(&lab, 0, &packet));
	programs_lose(false);
	CHECK_EQ(lab_pass(&lab), PASS);
	sent = lab_sent(&lab, 1);
	CHECK_EQ(sent, PASS);
	CHECK(receive(&lab, 0, &packet));
	lab_run(&lab);
	CHECK_EQ(lab_sent(&lab, 1), 0);
	check_ran_over(&lab);
	CHECK(step(&lab, &packet));
	lab_end(&lab);
}

int main(void)
{
	RUN(test_ring_that_is_never_empty_is_not_overtaken);
	RUN(test_what_is_let_go_does_not_come_after_what_is_newer);
	return 0;
}
