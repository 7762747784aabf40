#include "flood.h"
#include "clock.h"
#include "namespace.h"
#include "wire.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define BURST_NS 1000000ULL

int flood_open(struct flood *flood, const char *netns, const char *interface)
{
	int err = namespace_enter(netns);

	flood->fd = err ? err : wire_open(interface, flood->mac);
	if (flood->fd >= 0)
		return 0;
	fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name, netns, strerror(-flood->fd));
	return flood->fd;
}

uint64_t flood_due(const struct flood *flood, uint64_t start_ns)
{
	return (monotonic_ns() - start_ns + BURST_NS) * flood->rate / 1000000000ULL;
}

void flood_wait(void)
{
	struct timespec ts = {.tv_nsec = (long)BURST_NS / 2};

	nanosleep(&ts, NULL);
}

void flood_print(const struct flood *flood, uint64_t start_ns)
{
	printf("{\"sent\": %llu, \"refused\": %llu, \"seconds\": %.6f}\n",
	       (unsigned long long)flood->sent, (unsigned long long)flood->refused,
	       (double)(monotonic_ns() - start_ns) / 1e9);
}
