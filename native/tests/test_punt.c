/* The punt ring: whole records in order, at every offset of the end; fullness; a port's share. */
#include <errno.h>

#include "check.h"
#include "fp_punt.h"

#define RING_BYTES (1u << 19)
#define BUFFER_BYTES (1u << 20)

static uint8_t buffer[BUFFER_BYTES];
static uint8_t frame[FP_FRAME_BYTES_MAX];

static struct fp_punt *start(void)
{
	struct fp_punt *punt = aligned_alloc(64, (sizeof(*punt) + 63) & ~(size_t)63);

	CHECK(punt);
	memset(punt, 0, sizeof(*punt));
	CHECK_EQ(fp_punt_init(punt, RING_BYTES), 0);
	return punt;
}

static void end(struct fp_punt *punt)
{
	fp_punt_destroy(punt);
	free(punt);
}

static bool put(struct fp_punt *punt, uint32_t port, uint32_t number, uint32_t len_bytes)
{
	for (uint32_t i = 0; i < len_bytes; i++)
		frame[i] = (uint8_t)(number + i);
	return fp_punt_put(punt, port, frame, len_bytes, number);
}

/* Takes all that waits; checks that numbers count on from *next. */
static void take_in_order(struct fp_punt *punt, uint32_t *next, uint32_t buffer_bytes)
{
	uint32_t written;

	while ((written = fp_punt_take(punt, buffer, buffer_bytes)) > 0) {
		uint32_t at = 0;

		CHECK(written <= buffer_bytes);
		while (at < written) {
			struct fp_punted head;

			memcpy(&head, buffer + at, sizeof(head));
			CHECK_EQ(head.time_ns, *next);
			CHECK_EQ(head.port, *next % 250);
			at += (uint32_t)sizeof(head);
			for (uint32_t i = 0; i < head.frame_len; i++)
				CHECK(buffer[at + i] == (uint8_t)(*next + i));
			at += (head.frame_len + 7) & ~7u;
			(*next)++;
		}
		CHECK_EQ(at, written);
	}
}

static void test_sizes_that_cannot_work_are_refused(void)
{
	struct fp_punt punt;

	CHECK_EQ(fp_punt_init(&punt, 65536), (uint64_t)-EINVAL);
	CHECK_EQ(fp_punt_init(&punt, RING_BYTES + 8), (uint64_t)-EINVAL);
	CHECK_EQ(fp_punt_init(&punt, 0), (uint64_t)-EINVAL);
}

static void test_records_stay_whole_and_in_order_round_the_end(void)
{
	struct fp_punt *punt = start();
	uint64_t seed = 3;
	uint32_t number = 0;
	uint32_t next = 0;

	while (number < 20000) {
		uint32_t burst = 1 + check_below(&seed, 40);

		while (burst--) {
			uint32_t len = check_below(&seed, 20) ? check_below(&seed, 200)
							      : check_below(&seed, 9000);

			CHECK(put(punt, number % 250, number, len));
			number++;
		}
		take_in_order(punt, &next, BUFFER_BYTES);
		CHECK_EQ(next, number);
	}
	end(punt);
}

/* Every distance of a record from the end, also those that leave no room for a filler. */
static void test_every_remainder_at_the_end_is_skipped(void)
{
	for (uint32_t left = 8; left <= 128; left += 8) {
		struct fp_punt *punt = start();
		uint32_t number = 0;
		uint32_t next = 0;
		uint32_t to_go = RING_BYTES - left;

		while (to_go) {
			uint32_t bytes = to_go > 4096 ? 4096 : to_go;

			if (to_go - bytes > 0 && to_go - bytes < 16)
				bytes -= 16;
			CHECK(put(punt, number % 250, number, bytes - 16));
			number++;
			to_go -= bytes;
			take_in_order(punt, &next, BUFFER_BYTES);
		}
		for (uint32_t i = 0; i < 5; i++, number++)
			CHECK(put(punt, number % 250, number, 64));
		take_in_order(punt, &next, BUFFER_BYTES);
		CHECK_EQ(next, number);
		end(punt);
	}
}

static void test_small_buffer_takes_what_fits_and_leaves_the_rest(void)
{
	struct fp_punt *punt = start();
	uint32_t next = 0;

	for (uint32_t number = 0; number < 50; number++)
		CHECK(put(punt, number % 250, number, 100));
	CHECK_EQ(fp_punt_take(punt, buffer, 100), 0);
	take_in_order(punt, &next, 300);
	CHECK_EQ(next, 50);
	end(punt);
}

static void test_full_ring_refuses_and_takes_again_after_room_is_made(void)
{
	struct fp_punt *punt = start();
	uint32_t number = 0;
	uint32_t next = 0;

	while (put(punt, number % 250, number, 1000))
		number++;
	CHECK(number > RING_BYTES / 1100 && number <= RING_BYTES / 1016);
	CHECK(!put(punt, number % 250, number, 1000));
	take_in_order(punt, &next, BUFFER_BYTES);
	CHECK_EQ(next, number);
	CHECK(put(punt, number % 250, number, FP_FRAME_BYTES_MAX));
	number++;
	take_in_order(punt, &next, BUFFER_BYTES);
	CHECK_EQ(next, number);
	end(punt);
}

/* Design: one flooding port cannot starve the others. */
static void test_one_port_gets_half_and_another_is_still_served(void)
{
	struct fp_punt *punt = start();
	uint32_t flooded = 0;
	uint32_t taken;

	while (put(punt, 7, 0, 1000))
		flooded++;
	CHECK(flooded <= RING_BYTES / 2 / 1016);
	CHECK(flooded >= RING_BYTES / 2 / 1016 - 1);
	for (uint32_t i = 0; i < 100; i++)
		CHECK(put(punt, 8, 0, 1000));
	CHECK(!put(punt, 7, 0, 8));
	taken = fp_punt_take(punt, buffer, 10 * 1016);
	CHECK_EQ(taken, 10 * 1016);
	for (uint32_t i = 0; i < 10; i++)
		CHECK(put(punt, 7, 0, 1000)); /* its share is given back as it is taken */
	CHECK(!put(punt, 7, 0, 1000));
	end(punt);
}

static void test_empty_frame_is_a_record(void)
{
	struct fp_punt *punt = start();

	CHECK(put(punt, 255, 0, 0));
	CHECK_EQ(fp_punt_take(punt, buffer, BUFFER_BYTES), 16);
	CHECK_EQ(fp_punt_take(punt, buffer, BUFFER_BYTES), 0);
	end(punt);
}

int main(void)
{
	RUN(test_sizes_that_cannot_work_are_refused);
	RUN(test_records_stay_whole_and_in_order_round_the_end);
	RUN(test_every_remainder_at_the_end_is_skipped);
	RUN(test_small_buffer_takes_what_fits_and_leaves_the_rest);
	RUN(test_full_ring_refuses_and_takes_again_after_room_is_made);
	RUN(test_one_port_gets_half_and_another_is_still_served);
	RUN(test_empty_frame_is_a_record);
	return 0;
}
