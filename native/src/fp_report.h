/*
 * Reads out of a report what its host joins, as far as the loop serves that ahead (fp_joins.h): by
 * all means less than the control plane reads, never anything else. Pure.
 */
#ifndef FP_REPORT_H
#define FP_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "fp_frame.h"

struct fp_report_join {
	uint8_t group[FP_ADDRESS_BYTES];
	uint8_t source[FP_ADDRESS_BYTES];
	bool any; /* of any source */
};

/*
 * The joins of a control frame, at most so many; 0 for anything but a report that is whole, right
 * and not from afar. Of any source but some is none here, nor is any source in the SSM range.
 */
uint32_t fp_report_joins(const struct fp_frame *frame, struct fp_report_join *joins, uint32_t max);

#endif
