/* The counting receiver: a BPF socket filter that checks and counts each datagram where the socket
 * would queue it.
 *
 * It runs after the host's whole receive path (IP, membership, UDP checksum, socket lookup) and in
 * place of the copy to a process: the receivers of a bench share the machine's cores with the
 * switch, in life they have their own. The counters live in a mapped array: reading them costs no
 * syscall and disturbs nothing.
 */
#ifndef TRAFFIC_FILTER_H
#define TRAFFIC_FILTER_H

#include "payload.h"

#include <stdint.h>

/* Written by the filter alone (softirq), read and zeroed by the sink while no traffic runs. */
struct filter_counters {
	uint64_t datagrams;
	uint64_t foreign; /* no magic, or cut short: not ours, not counted above */
	uint64_t gaps;	  /* times a sequence number was not the expected one */
	uint64_t bytes;	  /* UDP payload */
	uint64_t batches; /* arrivals: below datagrams when the kernel handed over several in one */
	uint64_t first_ns; /* CLOCK_MONOTONIC of the first datagram since the last reset */
	uint64_t last_ns;
	uint64_t pad;
	uint32_t next_seq[TRAFFIC_FLOWS_MAX];
};

struct filter {
	int map_fd;
	int prog_fd;
	struct filter_counters *counters; /* mapped, page aligned */
};

/* Make the map and load the program; skip: bytes of a datagram before its payload. Returns 0 or
 * -errno; on success filter_close() releases all of it. */
int filter_open(struct filter *filter, int skip_bytes);
void filter_close(struct filter *filter);

#endif
