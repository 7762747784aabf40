#include "fp_punt.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fp_frame.h"

#define PADDING UINT16_MAX /* port of a record that only fills the end */

_Static_assert(PADDING >= FP_PORTS_MAX, "no port is called so");
_Static_assert(sizeof(struct fp_punted) % 8 == 0, "records lie behind one another");
_Static_assert(_Alignof(struct fp_punted) == 8, "a record lies at any multiple of 8");

/* What the ring and what is before it lie in, and an end that nobody may touch. */
static size_t mapped_bytes(uint32_t size_bytes, size_t *end_bytes)
{
	size_t page_bytes = (size_t)sysconf(_SC_PAGESIZE);

	*end_bytes = page_bytes;
	return (sizeof(struct fp_punt) + size_bytes + page_bytes - 1) & ~(page_bytes - 1);
}

int fp_punt_new(uint32_t size_bytes, struct fp_punt **out)
{
	size_t mapped;
	size_t end;
	uint8_t *pages;
	struct fp_punt *punt;

	/* Twice: the largest record may need to skip nearly as much at the end. */
	if (size_bytes < 2 * fp_punted_bytes(FP_FRAME_BYTES_MAX) || size_bytes > 1u << 30 ||
	    size_bytes & (size_bytes - 1))
		return -EINVAL;
	mapped = mapped_bytes(size_bytes, &end);
	pages = mmap(NULL, mapped + end, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		     0);
	if (pages == MAP_FAILED)
		return -ENOMEM;
	if (mprotect(pages + mapped, end, PROT_NONE)) {
		munmap(pages, mapped + end);
		return -ENOMEM;
	}
	punt = (struct fp_punt *)(void *)(pages + mapped - sizeof(*punt) - size_bytes);
	punt->size_bytes = size_bytes;
	*out = punt;
	return 0;
}

void fp_punt_free(struct fp_punt *punt)
{
	size_t mapped;
	size_t end;

	if (!punt)
		return;
	mapped = mapped_bytes(punt->size_bytes, &end);
	munmap(punt->bytes + punt->size_bytes - mapped, mapped + end);
}

static void put_frame(uint8_t *at, const struct fp_punted *head, const uint8_t *frame)
{
	uint32_t macs_bytes = head->tci == FP_NO_TAG ? 0 : FP_TAG_OFFSET;

	memcpy(at, head, sizeof(*head));
	at += sizeof(*head);
	memcpy(at, frame, macs_bytes);
	frame += macs_bytes ? macs_bytes + FP_TAG_BYTES : 0;
	memcpy(at + macs_bytes, frame, head->frame_len - macs_bytes);
}

bool fp_punt_put(struct fp_punt *punt, const struct fp_punted *head, const uint8_t *frame)
{
	uint64_t tail = fp_load_relaxed(&punt->tail);
	/* acquire: the consumer is done with what we overwrite; pairs with fp_punt_pop() */
	uint64_t free_from = fp_load_acquire(&punt->head);
	uint32_t need = fp_punted_bytes(head->frame_len);
	uint32_t offset = (uint32_t)(tail & (punt->size_bytes - 1));
	uint32_t to_end = punt->size_bytes - offset;
	uint32_t padding = need > to_end ? to_end : 0;

	if (tail + padding + need - free_from > punt->size_bytes)
		return false;
	if (padding) {
		struct fp_punted filler = {.port = PADDING};

		if (padding >= sizeof(filler))
			memcpy(punt->bytes + offset, &filler, sizeof(filler));
		tail += padding;
		offset = 0;
	}
	put_frame(punt->bytes + offset, head, frame);
	fp_store_relaxed(&punt->put_cost, fp_load_relaxed(&punt->put_cost) + head->cost);
	/* release: the record is before the new tail; pairs with fp_punt_peek() */
	fp_store_release(&punt->tail, tail + need);
	return true;
}

const struct fp_punted *fp_punt_peek(struct fp_punt *punt)
{
	uint64_t head = fp_load_relaxed(&punt->head);
	const struct fp_punted *record = NULL;

	/* acquire: pairs with the release of the tail in fp_punt_put() */
	while (head != fp_load_acquire(&punt->tail)) {
		uint32_t offset = (uint32_t)(head & (punt->size_bytes - 1));
		uint32_t to_end = punt->size_bytes - offset;

		record = (const void *)(punt->bytes + offset);
		if (to_end >= sizeof(*record) && record->port != PADDING)
			return record;
		head += to_end;
		/* release: as in fp_punt_pop() */
		fp_store_release(&punt->head, head);
	}
	return NULL;
}

void fp_punt_pop(struct fp_punt *punt, const struct fp_punted *record)
{
	uint64_t head = fp_load_relaxed(&punt->head);

	punt->popped_cost += record->cost;
	/* release: all reads of the record are before the room is given back */
	fp_store_release(&punt->head, head + fp_punted_bytes(record->frame_len));
}

void fp_punt_decide(struct fp_punt *punt)
{
	/* release: the table is stored before; pairs with fp_joins_settle() */
	fp_store_release(&punt->decided, fp_load_relaxed(&punt->head));
}

uint64_t fp_punt_waiting(const struct fp_punt *punt)
{
	return fp_load_relaxed(&punt->put_cost) - punt->popped_cost;
}
