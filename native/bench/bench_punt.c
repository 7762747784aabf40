/* The punt ring: a report in, a report out. */
#include "bench.h"
#include "check.h"
#include "fp_punt.h"

#define REPORT_BYTES 60u
#define AT_ONCE 64u

void bench_punt(const struct bench *bench)
{
	struct fp_punt *punt = aligned_alloc(64, (sizeof(*punt) + 63) & ~(size_t)63);
	uint64_t rounds = bench_count(bench, 60000);
	static uint8_t buffer[1 << 20];
	uint8_t frame[REPORT_BYTES] = {0};
	uint64_t start_ns;

	CHECK(punt);
	memset(punt, 0, sizeof(*punt));
	CHECK_EQ(fp_punt_init(punt, 1 << 20), 0);
	start_ns = bench_now_ns();
	for (uint64_t round = 0; round < rounds; round++) {
		for (uint32_t n = 0; n < AT_ONCE; n++)
			CHECK(fp_punt_put(punt, n % 8, frame, REPORT_BYTES, round));
		bench_keep(fp_punt_take(punt, buffer, sizeof(buffer)));
	}
	bench_report("punt: a report of 60 bytes put and taken", start_ns, rounds * AT_ONCE);
	fp_punt_destroy(punt);
	free(punt);
}
