/* What the programs that flood have in common: where from, how fast, and what came of it. */
#ifndef TRAFFIC_FLOOD_H
#define TRAFFIC_FLOOD_H

#include <stdint.h>

struct flood {
	int fd;
	uint8_t mac[6];
	uint64_t rate; /* frames per second */
	uint64_t sent;
	uint64_t refused;
};

/* Open its socket in that namespace. Returns 0, or -errno and has said so. */
int flood_open(struct flood *flood, const char *netns, const char *interface);

/* How many frames are due so long after the start, those of the next burst with them. */
uint64_t flood_due(const struct flood *flood, uint64_t start_ns);

/* Sleep until the next burst may be due. */
void flood_wait(void);

/* Print what was done since the start as one JSON object. */
void flood_print(const struct flood *flood, uint64_t start_ns);

#endif
