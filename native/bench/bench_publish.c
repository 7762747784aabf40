/* A publish: its cost follows what changes, not what there is. */
#include "pieces.h"
#include "check.h"
#include "fp_decide.h"
#include "lab.h"
#include "rows.h"

#define AT_ONCE 4096u

static struct fp_row row_of(uint32_t n, uint64_t ports)
{
	return ipv4_row(0, 0xe1000000 + n, 0, ports);
}

static void publish(const char *what, uint64_t count, uint32_t groups)
{
	static struct fp_row rows[AT_ONCE];
	struct fp_config config = lab_config();
	struct fp_switch *sw = fp_switch_new(&config);
	uint64_t seed = 1;
	uint64_t start_ns;

	CHECK(sw);
	for (uint32_t n = 0; n < groups; n += AT_ONCE) {
		uint32_t more = groups - n < AT_ONCE ? groups - n : AT_ONCE;

		for (uint32_t i = 0; i < more; i++)
			rows[i] = row_of(n + i, 2);
		CHECK_EQ(fp_switch_publish(sw, rows, more, NULL, 0, NULL, 0, NULL, 0), 0);
	}
	start_ns = fp_now_ns();
	for (uint64_t n = 0; n < count; n++) {
		struct fp_row row = row_of(check_below(&seed, groups), n);

		CHECK_EQ(fp_switch_publish(sw, &row, 1, NULL, 0, NULL, 0, NULL, 0), 0);
	}
	bench_report(what, start_ns, count);
	fp_switch_free(sw);
}

void bench_publish(const struct bench *bench)
{
	uint64_t count = bench_count(bench, 50000);

	publish("publish: 1 row of 1", count, 1);
	publish("publish: 1 row of 10000", count, 10000);
	publish("publish: 1 row of 65536", count, 65536);
}
