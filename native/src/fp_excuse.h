/*
 * Frames that nobody could send because their link was about to be down: the news of it comes a
 * little later than the first refusal, which looks like an egress that is full or faulty. When the
 * news is there, which may be that the link is up again, what was counted so since the look before
 * the last, within one second at least and two or so at most, is counted as FP_STAT_TX_DROP_DOWN.
 * Control thread only.
 */
#ifndef FP_EXCUSE_H
#define FP_EXCUSE_H

#include "fp_switch.h"

/* Remembers the counts, now and then; to be called more often than that. */
void fp_excuse_look(struct fp_switch *sw);
/* The ports that are up in one table and not in the next. */
void fp_excuse_down(struct fp_switch *sw, const uint64_t *before, const uint64_t *up);
/* One that was down and is up again between two tables. */
void fp_excuse_flapped(struct fp_switch *sw, uint32_t port);

#endif
