/*
 * The decision: (table, frame, ingress port) to a verdict. Pure: no state, no counters, no clock;
 * any thread that may read the table may call it. This is the only place that says what a frame is
 * (design: the steering filter of the control ring merely picks a queue).
 */
#ifndef FP_DECIDE_H
#define FP_DECIDE_H

#include "fp_frame.h"
#include "fp_table.h"

/* fdb_port: where the fdb has the unicast destination, or -1. */
void fp_decide(const struct fp_table *table, const struct fp_frame *frame, uint32_t in_port,
	       int32_t fdb_port, struct fp_verdict *verdict);

/* The same for an address that has just moved: the port it moved away from gets the frame too. */
void fp_decide_also(const struct fp_table *table, uint32_t in_port, uint32_t also,
		    struct fp_verdict *verdict);

/* An IPv4 address as the 128-bit key of a row (v4-mapped). */
static inline void fp_map_ipv4(uint32_t address, uint8_t *key)
{
	memset(key, 0, 10);
	key[10] = 0xff;
	key[11] = 0xff;
	key[12] = (uint8_t)(address >> 24);
	key[13] = (uint8_t)(address >> 16);
	key[14] = (uint8_t)(address >> 8);
	key[15] = (uint8_t)address;
}

#endif
