/*
 * A switch with one worker and some fake ports, all up, and the questions tests ask it. The loop
 * runs when the test says so (lab_pass) or in a thread of its own.
 */
#ifndef LAB_H
#define LAB_H

#include "fake_port.h"
#include "packets.h"

#define LAB_PORTS_MAX 8u

struct lab {
	struct fp_switch *sw;
	uint32_t port_count;
	struct fake_port ports[LAB_PORTS_MAX];
};

struct fp_config lab_config(void);
void lab_start(struct lab *lab, uint32_t port_count);
/* Fails the test unless every port's frames are the sum of its reasons. */
void lab_end(struct lab *lab);
/* Publishes the state of one port. */
void lab_set_port(struct lab *lab, uint32_t port, bool up, uint32_t mtu);
/* Publishes the default policy. */
void lab_set_policy(struct lab *lab, uint8_t flags, uint64_t mrouters, uint64_t unregistered);
/* Publishes a row; source 0: the any-source row. */
void lab_set_row(struct lab *lab, uint32_t group, uint32_t source, uint64_t ports);

/* Puts a frame into the data ring of a port. */
void lab_receive(struct lab *lab, uint32_t port, const struct packet *packet);
/* One pass of the loop; the number of frames taken. */
uint32_t lab_pass(struct lab *lab);
/* Passes until there is nothing to take; the number of frames taken. */
uint32_t lab_run(struct lab *lab);
/* How many datagrams a port has sent since it was last asked. */
uint32_t lab_sent(struct lab *lab, uint32_t port);
/* Where a plain multicast frame at that port would go. */
struct fp_verdict lab_explain(struct lab *lab, uint32_t port);

uint64_t lab_stat(struct lab *lab, uint32_t port, enum fp_stat stat);
uint64_t lab_reason(struct lab *lab, uint32_t port, enum fp_reason reason);

#endif
