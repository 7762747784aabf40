/* IGMPv3 reports made by hand, for hosts that no kernel plays. */
#ifndef TRAFFIC_REPORT_H
#define TRAFFIC_REPORT_H

#include <stdint.h>

/* RFC 9776 4.2.12; with no sources: a leave and an any-source join. */
#define REPORT_TO_IN 3
#define REPORT_TO_EX 4
#define REPORT_BYTES                                                                               \
	54 /* Ethernet 14, IPv4 with Router Alert 24, IGMPv3 report of one record 16               \
	    */

/* Write a whole frame, checksums included, with one record of that type for the group. Addresses in
 * network order. */
void report_build(uint8_t *frame, const uint8_t *mac, uint32_t source, uint32_t group,
		  uint8_t type);

#endif
