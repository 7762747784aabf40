/* The punt ring: whole records in order, at every offset of the end; fullness. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#include "check.h"
#include "fp_punt.h"

#define RING_BYTES (1u << 18)
#define HEAD_BYTES ((uint32_t)sizeof(struct fp_punted))
#define PORT 250u

static uint8_t frame[FP_FRAME_BYTES_MAX];

/* A ring and the numbers of the next record that is put and taken. */
struct queue {
	struct fp_punt *punt;
	uint32_t put;
	uint32_t taken;
};

static struct queue start(void)
{
	struct queue queue = {0};

	CHECK_EQ(fp_punt_new(RING_BYTES, &queue.punt), 0);
	return queue;
}

static bool put(struct queue *queue, uint32_t len_bytes)
{
	struct fp_punted head = {
		.tci = FP_NO_TAG, .time_ns = queue->put, .frame_len = len_bytes, .port = PORT};

	for (uint32_t i = 0; i < len_bytes; i++)
		frame[i] = (uint8_t)(queue->put + i);
	if (!fp_punt_put(queue->punt, &head, frame))
		return false;
	queue->put++;
	return true;
}

/* Takes all that waits; checks that numbers count on, and that none is missing. */
static void take_in_order(struct queue *queue)
{
	const struct fp_punted *record;

	while ((record = fp_punt_peek(queue->punt)) != NULL) {
		const uint8_t *bytes = (const uint8_t *)(record + 1);

		CHECK(fp_punt_peek(queue->punt) == record);
		CHECK_EQ(record->time_ns, queue->taken);
		CHECK_EQ(record->port, PORT);
		for (uint32_t i = 0; i < record->frame_len; i++)
			CHECK(bytes[i] == (uint8_t)(queue->taken + i));
		fp_punt_pop(queue->punt, record);
		queue->taken++;
	}
	CHECK_EQ(queue->taken, queue->put);
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
	struct queue queue = start();
	uint64_t seed = 3;

	while (queue.put < 20000) {
		uint32_t burst = 1 + check_below(&seed, 20);

		while (burst--) {
			uint32_t len = check_below(&seed, 20) ? check_below(&seed, 200)
							      : check_below(&seed, 9000);

			CHECK(put(&queue, len));
		}
		take_in_order(&queue);
	}
	fp_punt_free(queue.punt);
}

/* Every distance of a record from the end, also those that leave no room for a filler. */
static void test_every_remainder_at_the_end_is_skipped(void)
{
	for (uint32_t left = 8; left <= 128; left += 8) {
		struct queue queue = start();
		uint32_t to_go = RING_BYTES - left;

		while (to_go) {
			uint32_t bytes = to_go > 4096 ? 4096 : to_go;

			if (to_go - bytes > 0 && to_go - bytes < HEAD_BYTES)
				bytes -= HEAD_BYTES;
			CHECK(put(&queue, bytes - HEAD_BYTES));
			to_go -= bytes;
			take_in_order(&queue);
		}
		for (uint32_t i = 0; i < 5; i++)
			CHECK(put(&queue, 64));
		take_in_order(&queue);
		fp_punt_free(queue.punt);
	}
}

static void test_full_ring_refuses_and_takes_again_after_room_is_made(void)
{
	struct queue queue = start();

	while (put(&queue, 1000)) {
	}
	CHECK(queue.put > RING_BYTES / 1100 && queue.put <= RING_BYTES / 1016);
	CHECK(!put(&queue, 1000));
	take_in_order(&queue);
	CHECK(put(&queue, 1000));
	take_in_order(&queue);
	fp_punt_free(queue.punt);
}

/* The smallest ring, empty, has room for the largest frame wherever it stands. */
static void test_largest_frame_fits_an_empty_ring_at_every_offset(void)
{
	struct queue queue = start();

	for (uint32_t n = 0; n < 300; n++) {
		CHECK(put(&queue, FP_FRAME_BYTES_MAX));
		take_in_order(&queue);
		CHECK(put(&queue, n * 37));
		take_in_order(&queue);
	}
	fp_punt_free(queue.punt);
}

static void test_empty_frame_is_a_record(void)
{
	struct queue queue = start();

	CHECK(put(&queue, 0));
	take_in_order(&queue);
	CHECK_EQ(queue.taken, 1);
	CHECK(!fp_punt_peek(queue.punt));
	fp_punt_free(queue.punt);
}

#define MAKERS 12u
#define DEEP_BYTES (1u << 20)

static long resident_bytes(void)
{
	FILE *file = fopen("/proc/self/statm", "r");
	long pages = 0;

	CHECK(file && fscanf(file, "%*d %ld", &pages) == 1);
	fclose(file);
	return pages * sysconf(_SC_PAGESIZE);
}

/* As a thread that opens ports: it lives on. */
static void *make_and_fill(void *given)
{
	pthread_barrier_t *both = given;
	struct fp_punt *punt;

	for (uint32_t times = 0; times < 3; times++) {
		struct fp_punted head = {.tci = FP_NO_TAG, .frame_len = 60000, .port = PORT};

		CHECK_EQ(fp_punt_new(DEEP_BYTES, &punt), 0);
		while (fp_punt_put(punt, &head, frame))
			;
		pthread_barrier_wait(both);
		fp_punt_free(punt);
		pthread_barrier_wait(both);
	}
	pthread_barrier_wait(both);
	return NULL;
}

static void test_queues_leave_nothing_in_the_heaps_of_their_threads(void)
{
	pthread_barrier_t both;
	pthread_t makers[MAKERS];
	long before = resident_bytes();

	CHECK(!pthread_barrier_init(&both, NULL, MAKERS + 1));
	for (uint32_t i = 0; i < MAKERS; i++)
		CHECK(!pthread_create(&makers[i], NULL, make_and_fill, &both));
	for (uint32_t times = 0; times < 6; times++)
		pthread_barrier_wait(&both);
	CHECK(resident_bytes() - before < (long)(MAKERS * DEEP_BYTES / 3));
	pthread_barrier_wait(&both);
	for (uint32_t i = 0; i < MAKERS; i++)
		pthread_join(makers[i], NULL);
	pthread_barrier_destroy(&both);
}

int main(void)
{
	RUN(test_sizes_that_cannot_work_are_refused);
	RUN(test_records_stay_whole_and_in_order_round_the_end);
	RUN(test_every_remainder_at_the_end_is_skipped);
	RUN(test_full_ring_refuses_and_takes_again_after_room_is_made);
	RUN(test_largest_frame_fits_an_empty_ring_at_every_offset);
	RUN(test_empty_frame_is_a_record);
	RUN(test_queues_leave_nothing_in_the_heaps_of_their_threads);
	return 0;
}
