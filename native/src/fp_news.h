/*
 * What stops runs to watched ports: a descriptor with news of neighbours that nobody has read yet,
 * and a hold while what was read is not published. The control thread writes both words, the loops
 * look before they send a run to a watched port.
 */
#ifndef FP_NEWS_H
#define FP_NEWS_H

#include <poll.h>
#include <stdbool.h>

#include "fp_atomic.h"

struct fp_table;

struct fp_news {
	_Atomic int fd; /* -1: none */
	_Atomic uint32_t hold;
	_Atomic(struct fp_table *) *live; /* the newest table; set before the loops run */
};

/*
 * Did anything happen that may have made a neighbour one that takes no runs, and is not in this
 * table? Looks at the descriptor first: it is emptied under a hold; and at the live table last: a
 * pass may go on with an older one when the hold has ended.
 */
static inline bool fp_news_doubt(const struct fp_news *news, const struct fp_table *table)
{
	/* relaxed: a descriptor is all there is to it */
	struct pollfd waiting = {.fd = fp_load_relaxed(&news->fd), .events = POLLIN};

	if (waiting.fd >= 0 && poll(&waiting, 1, 0))
		return true;
	/* seq_cst: pairs with the fence in fp_switch_hold(), before the descriptor is read */
	atomic_thread_fence(memory_order_seq_cst);
	/* acquire: pairs with the release that ends a hold, after the publish it was for */
	return fp_load_acquire(&news->hold) || fp_load_relaxed(news->live) != table;
}

#endif
