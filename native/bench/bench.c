/* bench [--json] [--scale FACTOR] */
#include "pieces.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv)
{
	struct bench bench = {.scale = 1};
	bool json = false;

	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--json")) {
			json = true;
		} else if (!strcmp(argv[i], "--scale") && i + 1 < argc) {
			bench.scale = strtod(argv[++i], NULL);
		} else {
			fprintf(stderr, "usage: bench [--json] [--scale FACTOR]\n");
			return 2;
		}
	}
	bench_begin(json);
	bench_decide(&bench);
	bench_health(&bench);
	bench_batch(&bench);
	bench_publish(&bench);
	bench_punt(&bench);
	bench_end();
	return 0;
}
