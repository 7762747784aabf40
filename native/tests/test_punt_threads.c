/*
 * Two loop threads punt into the rings of their ports, the control thread drains all of them and
 * sets limits beside it: every record whole, in its port's order, none lost that was taken in.
 */
#include <pthread.h>
#include <sched.h>

#include "check.h"
#include "fp_drain.h"

#define RECORDS 20000u /* of each port */
#define RING_BYTES (1u << 18)
#define PORTS 4u
#define WORKERS 2u

static struct fp_port *ports[FP_PORTS_MAX];

static uint32_t length_of(uint32_t number)
{
	return number % 1000 == 0 ? 60000 : 40 + number * 13 % 300;
}

static bool punt(struct fp_port *port, uint32_t number, uint64_t now_ns)
{
	static _Thread_local uint8_t frame[FP_FRAME_BYTES_MAX];
	struct fp_punted head = {
		.tci = FP_NO_TAG,
		.time_ns = number,
		.frame_len = length_of(number),
		.port = (uint16_t)port->id,
		.cost = (uint16_t)(1 + number % 40),
	};

	fp_limit_take(&port->punt->limit, head.cost, now_ns); /* read beside the setting of it */
	memset(frame, (int)(number & 0xff), head.frame_len);
	return fp_punt_put(port->punt, &head, frame);
}

static void *produce(void *argument)
{
	uint32_t worker = *(uint32_t *)argument;
	uint32_t next[PORTS] = {0};
	uint32_t left = RECORDS * PORTS / WORKERS;

	while (left) {
		for (uint32_t id = worker; id < PORTS; id += WORKERS) {
			if (next[id] < RECORDS && punt(ports[id], next[id], left)) {
				next[id]++;
				left--;
			} else {
				sched_yield();
			}
		}
	}
	return NULL;
}

static uint32_t check_records(const uint8_t *buffer, uint32_t bytes, uint32_t *next)
{
	uint32_t count = 0;
	uint32_t at = 0;

	while (at < bytes) {
		struct fp_punted head;

		memcpy(&head, buffer + at, sizeof(head));
		CHECK(head.port < PORTS);
		CHECK_EQ(head.time_ns, next[head.port]);
		CHECK_EQ(head.frame_len, length_of(next[head.port]));
		for (uint32_t i = 0; i < head.frame_len; i++)
			CHECK(buffer[at + sizeof(head) + i] == (uint8_t)next[head.port]);
		next[head.port]++;
		at += fp_punted_bytes(head.frame_len);
		count++;
	}
	return count;
}

static void test_records_cross_between_threads_whole_and_in_order(void)
{
	static uint8_t buffer[200000];
	uint32_t workers[WORKERS] = {0, 1};
	uint32_t next[PORTS] = {0};
	pthread_t producers[WORKERS];
	uint32_t count = 0;
	struct fp_turn turn = {0};

	for (uint32_t id = 0; id < PORTS; id++) {
		ports[id] = calloc(1, sizeof(**ports));
		CHECK(ports[id]);
		ports[id]->id = id;
		CHECK_EQ(fp_punt_new(RING_BYTES, &ports[id]->punt), 0);
	}
	for (uint32_t i = 0; i < WORKERS; i++)
		CHECK(!pthread_create(&producers[i], NULL, produce, &workers[i]));
	while (count < RECORDS * PORTS) {
		struct fp_drained drained =
			fp_drain(ports, &turn, 0, buffer, sizeof(buffer), 1 + count % 500);

		count += check_records(buffer, drained.bytes, next);
		fp_limit_set(&ports[count % PORTS]->punt->limit, count % 3000, count % 7);
		if (!drained.bytes)
			sched_yield();
	}
	for (uint32_t i = 0; i < WORKERS; i++)
		CHECK(!pthread_join(producers[i], NULL));
	CHECK(!fp_drain(ports, &turn, 0, buffer, sizeof(buffer), 100).more);
	for (uint32_t id = 0; id < PORTS; id++) {
		fp_punt_free(ports[id]->punt);
		free(ports[id]);
	}
}

int main(void)
{
	RUN(test_records_cross_between_threads_whole_and_in_order);
	return 0;
}
