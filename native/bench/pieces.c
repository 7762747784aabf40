#include "pieces.h"

#include <stdio.h>

static bool as_json;
static bool first;

uint64_t bench_count(const struct bench *bench, uint64_t usual)
{
	uint64_t count = (uint64_t)((double)usual * bench->scale);

	return count ? count : 1;
}

void bench_begin(bool json)
{
	as_json = json;
	first = true;
	if (as_json)
		printf("{\"bench\": [");
}

void bench_end(void)
{
	if (as_json)
		printf("\n]}\n");
}

void bench_report(const char *what, uint64_t start_ns, uint64_t count)
{
	double ns = (double)(fp_now_ns() - start_ns) / (double)count;

	if (as_json)
		printf("%s\n  {\"what\": \"%s\", \"ns\": %.2f, \"count\": %llu}", first ? "" : ",",
		       what, ns, (unsigned long long)count);
	else
		printf("%10.1f ns  %s\n", ns, what);
	first = false;
}

void bench_keep(uint64_t value)
{
	__asm__ volatile("" : : "r"(value));
}
