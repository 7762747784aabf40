/* bench [--json] [--scale FACTOR] */
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static _Bool json;
static _Bool first = 1;

uint64_t bench_count(const struct bench *bench, uint64_t usual)
{
	uint64_t count = (uint64_t)((double)usual * bench->scale);

	return count ? count : 1;
}

void bench_report(const char *what, uint64_t start_ns, uint64_t count)
{
	double ns = (double)(fp_now_ns() - start_ns) / (double)count;

	if (json)
		printf("%s\n  {\"what\": \"%s\", \"ns\": %.2f, \"count\": %llu}", first ? "" : ",",
		       what, ns, (unsigned long long)count);
	else
		printf("%10.1f ns  %s\n", ns, what);
	first = 0;
}

void bench_keep(uint64_t value)
{
	__asm__ volatile("" : : "r"(value));
}

int main(int argc, char **argv)
{
	struct bench bench = {.scale = 1};

	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--json")) {
			json = 1;
		} else if (!strcmp(argv[i], "--scale") && i + 1 < argc) {
			bench.scale = strtod(argv[++i], NULL);
		} else {
			fprintf(stderr, "usage: bench [--json] [--scale FACTOR]\n");
			return 2;
		}
	}
	if (json)
		printf("{\"bench\": [");
	bench_decide(&bench);
	bench_batch(&bench);
	bench_publish(&bench);
	bench_punt(&bench);
	if (json)
		printf("\n]}\n");
	return 0;
}
