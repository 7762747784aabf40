/*
 * Any order of puts and takes: the ring gives back what it took in, whole and in order, and takes
 * whatever fits. The input is a list of three bytes each: put a frame of that length, or take that
 * many.
 */
#include "check.h"
#include "fp_punt.h"
#include "fuzz.h"

#define RING_BYTES (1u << 18)
#define WAITING_MAX (RING_BYTES / 24)

static uint32_t waiting[WAITING_MAX]; /* lengths */
static uint32_t first;
static uint32_t count;
static uint64_t number;

static void put(struct fp_punt *punt, uint32_t len_bytes)
{
	static uint8_t frame[FP_FRAME_BYTES_MAX];
	struct fp_punted head = {.tci = FP_NO_TAG, .time_ns = number, .frame_len = len_bytes};
	uint64_t held = 0;
	bool taken;

	memset(frame, (int)(number & 0xff), len_bytes);
	for (uint32_t i = 0; i < count; i++)
		held += fp_punted_bytes(waiting[(first + i) % WAITING_MAX]);
	taken = fp_punt_put(punt, &head, frame);
	if (held + fp_punted_bytes(len_bytes) > RING_BYTES)
		CHECK(!taken);
	else if (held + 2 * fp_punted_bytes(len_bytes) <= RING_BYTES)
		/* there is room however much of the ring's end is skipped for it */
		CHECK(taken || held);
	if (!taken)
		return;
	waiting[(first + count++) % WAITING_MAX] = len_bytes;
	number++;
}

static void take(struct fp_punt *punt, uint32_t most)
{
	const struct fp_punted *record;

	while (most-- && (record = fp_punt_peek(punt)) != NULL) {
		const uint8_t *bytes = (const uint8_t *)(record + 1);

		CHECK(count > 0);
		CHECK_EQ(record->time_ns, number - count);
		CHECK_EQ(record->frame_len, waiting[first]);
		for (uint32_t i = 0; i < record->frame_len; i++)
			CHECK(bytes[i] == (uint8_t)(number - count));
		fp_punt_pop(punt, record);
		first = (first + 1) % WAITING_MAX;
		count--;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fp_punt *punt = NULL;

	CHECK_EQ(fp_punt_new(RING_BYTES, &punt), 0);
	first = count = 0;
	number = 0;
	for (; size >= 3; data += 3, size -= 3) {
		uint32_t length =
			(data[1] | (uint32_t)data[2] << 8) & (data[0] & 1 ? 0x3ff : 0xffff);

		if (data[0] & 2)
			take(punt, length & 0xff);
		else
			put(punt, length);
	}
	take(punt, UINT32_MAX);
	CHECK_EQ(count, 0);
	fp_punt_free(punt);
	return 0;
}
