/*
 * Publishing: a finished table takes the place of the live one, and what it no longer names is
 * retired. Control thread only; never waits for a loop. fp_switch_publish(), of the contract, is
 * the usual way; this is for who opens and closes ports.
 */
#ifndef FP_PUBLISH_H
#define FP_PUBLISH_H

#include "fp_switch.h"

/* A copy of the live table, and room to retire what it will replace; NULL: no memory. */
struct fp_table *fp_publish_begin(struct fp_switch *sw);
/* Swaps it in. port: one that it names no longer, or NULL. */
void fp_publish_end(struct fp_switch *sw, struct fp_table *table, struct fp_port *port);

#endif
