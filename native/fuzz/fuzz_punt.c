/*
 * Any order of puts and takes: the ring gives back what it took in, whole and in
 * order, and takes whatever fits. The input is a list of three bytes each: put a
 * frame of that length at that port, or take with a buffer of that size.
 */
#include "check.h"
#include "fp_punt.h"
#include "fuzz.h"

#define RING_BYTES (1u << 19)
#define WAITING_MAX (RING_BYTES / 16)

struct waiting {
	uint32_t len_bytes;
	uint8_t port;
};

static struct waiting waiting[WAITING_MAX];
static uint32_t first;
static uint32_t count;
static uint64_t number;

static uint32_t record_bytes(uint32_t len_bytes)
{
	return 16 + (len_bytes + 7) / 8 * 8;
}

static void put(struct fp_punt *punt, uint8_t port, uint32_t len_bytes)
{
	static uint8_t frame[FP_FRAME_BYTES_MAX];
	uint64_t held = 0;
	uint64_t all = 0;
	bool taken;

	memset(frame, (int)(number & 0xff), len_bytes);
	for (uint32_t i = 0; i < count; i++) {
		const struct waiting *w = &waiting[(first + i) % WAITING_MAX];

		all += record_bytes(w->len_bytes);
		held += w->port == port ? record_bytes(w->len_bytes) : 0;
	}
	taken = fp_punt_put(punt, port, frame, len_bytes, number);
	if (held + record_bytes(len_bytes) > RING_BYTES / 2)
		CHECK(!taken);
	else if (all + record_bytes(UINT16_MAX) + record_bytes(len_bytes) <= RING_BYTES)
		/* there is room however much of the ring's end was skipped */
		CHECK(taken);
	if (!taken)
		return;
	waiting[(first + count++) % WAITING_MAX] =
		(struct waiting){.len_bytes = len_bytes, .port = port};
	number++;
}

static void take(struct fp_punt *punt, uint32_t buffer_bytes)
{
	uint8_t *buffer = malloc(buffer_bytes ? buffer_bytes : 1);
	uint32_t bytes;
	uint32_t at = 0;

	CHECK(buffer);
	bytes = fp_punt_take(punt, buffer, buffer_bytes);
	CHECK(bytes <= buffer_bytes);
	while (at < bytes) {
		const struct waiting *w = &waiting[first];
		struct fp_punted head;

		CHECK(count > 0);
		memcpy(&head, buffer + at, sizeof(head));
		CHECK_EQ(head.time_ns, number - count);
		CHECK_EQ(head.port, w->port);
		CHECK_EQ(head.frame_len, w->len_bytes);
		for (uint32_t i = 0; i < w->len_bytes; i++)
			CHECK(buffer[at + 16 + i] == (uint8_t)(number - count));
		at += record_bytes(w->len_bytes);
		first = (first + 1) % WAITING_MAX;
		count--;
	}
	CHECK_EQ(at, bytes);
	if (count) /* what is left did not fit */
		CHECK(record_bytes(waiting[first].len_bytes) > buffer_bytes - bytes);
	free(buffer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fp_punt *punt = aligned_alloc(64, (sizeof(*punt) + 63) & ~(size_t)63);

	CHECK(punt);
	memset(punt, 0, sizeof(*punt));
	CHECK_EQ(fp_punt_init(punt, RING_BYTES), 0);
	first = count = 0;
	number = 0;
	for (; size >= 3; data += 3, size -= 3) {
		uint32_t length =
			(data[1] | (uint32_t)data[2] << 8) & (data[0] & 1 ? 0x3ff : 0xffff);

		if (data[0] & 2)
			take(punt, length * 2);
		else
			put(punt, data[0] >> 2 & 7, length);
	}
	take(punt, 2 * RING_BYTES);
	CHECK_EQ(count, 0);
	fp_punt_destroy(punt);
	free(punt);
	return 0;
}
