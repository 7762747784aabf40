#include "fp_punt.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PADDING UINT16_MAX /* port of a record that only fills the end */

_Static_assert(sizeof(struct fp_punted) == 16, "contract");

static uint32_t record_bytes(uint32_t frame_len)
{
	return (uint32_t)sizeof(struct fp_punted) + ((frame_len + 7u) & ~7u);
}

int fp_punt_init(struct fp_punt *punt, uint32_t size_bytes)
{
	if (size_bytes < 4 * FP_FRAME_BYTES_MAX || size_bytes & (size_bytes - 1))
		return -EINVAL;
	punt->bytes = malloc(size_bytes);
	punt->size_bytes = size_bytes;
	return punt->bytes ? 0 : -ENOMEM;
}

void fp_punt_destroy(struct fp_punt *punt)
{
	free(punt->bytes);
	punt->bytes = NULL;
}

bool fp_punt_put(struct fp_punt *punt, uint32_t port, const uint8_t *frame, uint32_t frame_len,
		 uint64_t now_ns)
{
	uint64_t tail = fp_load_relaxed(&punt->tail);
	/* acquire: the consumer is done with what we overwrite; pairs with fp_punt_take() */
	uint64_t head = fp_load_acquire(&punt->head);
	uint32_t need = record_bytes(frame_len);
	uint32_t offset = (uint32_t)(tail & (punt->size_bytes - 1));
	uint32_t to_end = punt->size_bytes - offset;
	uint32_t padding = need > to_end ? to_end : 0;
	struct fp_punted record = {.time_ns = now_ns, .frame_len = frame_len};
	uint64_t held = punt->put_bytes[port] - fp_load_relaxed(&punt->taken_bytes[port]);

	if (tail + padding + need - head > punt->size_bytes || held + need > punt->size_bytes / 2)
		return false;
	if (padding) {
		struct fp_punted filler = {.port = PADDING};

		if (padding >= sizeof(filler)) {
			filler.frame_len = padding - (uint32_t)sizeof(filler);
			memcpy(punt->bytes + offset, &filler, sizeof(filler));
		}
		tail += padding;
		offset = 0;
	}
	record.port = (uint16_t)port;
	memcpy(punt->bytes + offset, &record, sizeof(record));
	memcpy(punt->bytes + offset + sizeof(record), frame, frame_len);
	punt->put_bytes[port] += need;
	/* release: the record is before the new tail; pairs with fp_punt_take() */
	fp_store_release(&punt->tail, tail + need);
	return true;
}

uint32_t fp_punt_take(struct fp_punt *punt, uint8_t *buffer, uint32_t buffer_bytes)
{
	/* acquire: pairs with the release of the tail in fp_punt_put() */
	uint64_t tail = fp_load_acquire(&punt->tail);
	uint64_t head = fp_load_relaxed(&punt->head);
	uint32_t written = 0;

	while (head != tail) {
		uint32_t offset = (uint32_t)(head & (punt->size_bytes - 1));
		uint32_t to_end = punt->size_bytes - offset;
		struct fp_punted record;
		uint32_t need;

		if (to_end < sizeof(record)) {
			head += to_end;
			continue;
		}
		memcpy(&record, punt->bytes + offset, sizeof(record));
		if (record.port == PADDING) {
			head += to_end;
			continue;
		}
		need = record_bytes(record.frame_len);
		if (need > buffer_bytes - written)
			break;
		memcpy(buffer + written, punt->bytes + offset, need);
		written += need;
		head += need;
		fp_count(&punt->taken_bytes[record.port], need);
	}
	/* release: all reads of the records are before the room is given back */
	fp_store_release(&punt->head, head);
	return written;
}
