/* The punt ring: whole records in order, at every offset of the end; fullness. */
#include <errno.h>

#include "check.h"
#include "fp_punt.h"

#define RING_BYTES (1u << 18)
#define HEAD_BYTES ((uint32_t)sizeof(struct fp_punted))
#define PORT 250u

static uint8_t frame[FP_FRAME_BYTES_MAX];

static struct fp_punt *start(void)
{
	struct fp_punt *punt = NULL;

	CHECK_EQ(fp_punt_new(RING_BYTES, &punt), 0);
	return punt;
}

static bool put(struct fp_punt *punt, uint32_t number, uint32_t len_bytes)
{
	struct fp_punted head = {
		.tci = FP_NO_TAG, .time_ns = number, .frame_len = len_bytes, .port = PORT};

	for (uint32_t i = 0; i < len_bytes; i++)
		frame[i] = (uint8_t)(number + i);
	return fp_punt_put(punt, &head, frame);
}

/* Takes all that waits; checks that numbers count on from *next. */
static void take_in_order(struct fp_punt *punt, uint32_t *next)
{
	const struct fp_punted *record;

	while ((record = fp_punt_peek(punt)) != NULL) {
		const uint8_t *bytes = (const uint8_t *)(record + 1);

		CHECK(fp_punt_peek(punt) == record);
		CHECK_EQ(record->time_ns, *next);
		CHECK_EQ(record->port, PORT);
		for (uint32_t i = 0; i < record->frame_len; i++)
			CHECK(bytes[i] == (uint8_t)(*next + i));
		fp_punt_pop(punt, record);
		(*next)++;
	}
}

static void test_sizes_that_cannot_work_are_refused(void)
{
	struct fp_punt *punt;

	CHECK_EQ(fp_punt_new(1u << 17, &punt), (uint64_t)-EINVAL);
	CHECK_EQ(fp_punt_new(RING_BYTES + 8, &punt), (uint64_t)-EINVAL);
	CHECK_EQ(fp_punt_new(1u << 31, &punt), (uint64_t)-EINVAL);
	CHECK_EQ(fp_punt_new(0, &punt), (uint64_t)-EINVAL);
	fp_punt_free(NULL);
}

static void test_records_stay_whole_and_in_order_round_the_end(void)
{
	struct fp_punt *punt = start();
	uint64_t seed = 3;
	uint32_t number = 0;
	uint32_t next = 0;

	while (number < 20000) {
		uint32_t burst = 1 + check_below(&seed, 20);

		while (burst--) {
			uint32_t len = check_below(&seed, 20) ? check_below(&seed, 200)
							      : check_below(&seed, 9000);

			CHECK(put(punt, number, len));
			number++;
		}
		take_in_order(punt, &next);
		CHECK_EQ(next, number);
	}
	fp_punt_free(punt);
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

			if (to_go - bytes > 0 && to_go - bytes < HEAD_BYTES)
				bytes -= HEAD_BYTES;
			CHECK(put(punt, number, bytes - HEAD_BYTES));
			number++;
			to_go -= bytes;
			take_in_order(punt, &next);
		}
		for (uint32_t i = 0; i < 5; i++, number++)
			CHECK(put(punt, number, 64));
		take_in_order(punt, &next);
		CHECK_EQ(next, number);
		fp_punt_free(punt);
	}
}

static void test_full_ring_refuses_and_takes_again_after_room_is_made(void)
{
	struct fp_punt *punt = start();
	uint32_t number = 0;
	uint32_t next = 0;

	while (put(punt, number, 1000))
		number++;
	CHECK(number > RING_BYTES / 1100 && number <= RING_BYTES / 1016);
	CHECK(!put(punt, number, 1000));
	take_in_order(punt, &next);
	CHECK_EQ(next, number);
	fp_punt_free(punt);
}

/* The smallest ring, empty, has room for the largest frame wherever it stands. */
static void test_largest_frame_fits_an_empty_ring_at_every_offset(void)
{
	struct fp_punt *punt = start();
	uint32_t number = 0;
	uint32_t next = 0;

	for (uint32_t n = 0; n < 300; n++) {
		CHECK(put(punt, number, FP_FRAME_BYTES_MAX));
		number++;
		take_in_order(punt, &next);
		CHECK(put(punt, number, n * 37));
		number++;
		take_in_order(punt, &next);
	}
	CHECK_EQ(next, number);
	fp_punt_free(punt);
}

static void test_empty_frame_is_a_record(void)
{
	struct fp_punt *punt = start();
	uint32_t next = 0;

	CHECK(put(punt, 0, 0));
	take_in_order(punt, &next);
	CHECK_EQ(next, 1);
	CHECK(!fp_punt_peek(punt));
	fp_punt_free(punt);
}

int main(void)
{
	RUN(test_sizes_that_cannot_work_are_refused);
	RUN(test_records_stay_whole_and_in_order_round_the_end);
	RUN(test_every_remainder_at_the_end_is_skipped);
	RUN(test_full_ring_refuses_and_takes_again_after_room_is_made);
	RUN(test_largest_frame_fits_an_empty_ring_at_every_offset);
	RUN(test_empty_frame_is_a_record);
	return 0;
}
