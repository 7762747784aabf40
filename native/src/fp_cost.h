/*
 * What a control frame will cost the control plane, in units of a report with one group record,
 * which is some 25 us of it: the figures behind the factors are in native/README.md. A bound from
 * the frame's own lengths, not from what it says of itself. Pure.
 */
#ifndef FP_COST_H
#define FP_COST_H

#include <stdint.h>

#include "fp_frame.h"
#include "fp_table.h"

/* At least 1, at most UINT16_MAX. The frame is IGMP, MLD or PIM. */
uint32_t fp_cost(const struct fp_table *table, const struct fp_frame *frame);

#endif
