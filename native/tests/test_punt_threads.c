/* One thread punts, another drains: every record whole, in order, none lost that was taken in. */
#include <pthread.h>
#include <sched.h>

#include "check.h"
#include "fp_punt.h"

#define RECORDS 60000u
#define RING_BYTES (1u << 19)

static struct fp_punt *punt;

static uint32_t length_of(uint32_t number)
{
	return number % 1000 == 0 ? 60000 : 40 + number * 13 % 300;
}

static void *produce(void *argument)
{
	static uint8_t frame[FP_FRAME_BYTES_MAX];
	uint64_t *refused = argument;

	for (uint32_t number = 0; number < RECORDS; number++) {
		memset(frame, (int)(number & 0xff), length_of(number));
		while (!fp_punt_put(punt, number % 256, frame, length_of(number), number)) {
			(*refused)++;
			sched_yield();
		}
	}
	return NULL;
}

static void check_records(const uint8_t *buffer, uint32_t bytes, uint32_t *next)
{
	uint32_t at = 0;

	while (at < bytes) {
		struct fp_punted head;

		memcpy(&head, buffer + at, sizeof(head));
		at += (uint32_t)sizeof(head);
		CHECK_EQ(head.time_ns, *next);
		CHECK_EQ(head.port, *next % 256);
		CHECK_EQ(head.frame_len, length_of(*next));
		for (uint32_t i = 0; i < head.frame_len; i++)
			CHECK(buffer[at + i] == (uint8_t)*next);
		at += (head.frame_len + 7) & ~7u;
		(*next)++;
	}
}

static void test_records_cross_between_threads_whole_and_in_order(void)
{
	static uint8_t buffer[200000];
	uint64_t refused = 0;
	uint32_t next = 0;
	pthread_t producer;

	punt = aligned_alloc(64, (sizeof(*punt) + 63) & ~(size_t)63);
	CHECK(punt);
	memset(punt, 0, sizeof(*punt));
	CHECK_EQ(fp_punt_init(punt, RING_BYTES), 0);
	CHECK(!pthread_create(&producer, NULL, produce, &refused));
	while (next < RECORDS) {
		uint32_t bytes = fp_punt_take(punt, buffer, sizeof(buffer));

		check_records(buffer, bytes, &next);
		if (!bytes)
			sched_yield();
	}
	CHECK(!pthread_join(producer, NULL));
	CHECK_EQ(fp_punt_take(punt, buffer, sizeof(buffer)), 0);
	fprintf(stderr, "refused %" PRIu64 " times\n", refused);
	fp_punt_destroy(punt);
	free(punt);
}

int main(void)
{
	RUN(test_records_cross_between_threads_whole_and_in_order);
	return 0;
}
