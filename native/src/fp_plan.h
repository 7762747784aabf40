/*
 * What a slot is to say for a verdict: which ports in which order, and with which tag. Pure, as
 * fp_decide() is; that the two say the same of every frame is all that matters here.
 */
#ifndef FP_PLAN_H
#define FP_PLAN_H

#include "fp_choice.h"
#include "fp_slots.h"
#include "fp_table.h"

/* The tag that the frames of a key come with, as a frame has it: TCI or FP_NO_TAG. */
static inline uint32_t fp_plan_tci(const uint64_t *key)
{
	return (uint32_t)(key[2] >> 32);
}

/*
 * allowed: streams may be served inside the kernel. tci: as fp_plan_tci(). A slot has no ports of
 * UDP, so of a group of announcements that are read the kernel has nothing.
 */
void fp_plan_facts(const struct fp_table *table, uint32_t in_port, const uint8_t *group,
		   uint32_t tci, bool allowed, const struct fp_verdict *verdict,
		   struct fp_choice_facts *facts);
/* Only of what the facts let the kernel have. */
void fp_plan_make(const struct fp_table *table, const uint64_t *key,
		  const struct fp_verdict *verdict, const struct fp_choice_facts *facts,
		  struct fp_slot_plan *plan);

#endif
