/*
 * Every allocation fails once: the call says -ENOMEM (or NULL), nothing has changed and, says the
 * address sanitizer's variant, nothing has leaked. Linked with --wrap for malloc, calloc, realloc
 * and aligned_alloc.
 */
#include <errno.h>

#include "check.h"
#include "fp_decide.h"
#include "lab.h"
#include "rows.h"

static uint64_t left = UINT64_MAX; /* allocations until one fails */

void *__real_malloc(size_t bytes);
void *__real_calloc(size_t count, size_t bytes);
void *__real_realloc(void *old, size_t bytes);
void *__real_aligned_alloc(size_t alignment, size_t bytes);
void *__wrap_malloc(size_t bytes);
void *__wrap_calloc(size_t count, size_t bytes);
void *__wrap_realloc(void *old, size_t bytes);
void *__wrap_aligned_alloc(size_t alignment, size_t bytes);

static bool fails(void)
{
	return left != UINT64_MAX && left-- == 0;
}

void *__wrap_malloc(size_t bytes)
{
	return fails() ? NULL : __real_malloc(bytes);
}

void *__wrap_calloc(size_t count, size_t bytes)
{
	return fails() ? NULL : __real_calloc(count, bytes);
}

void *__wrap_realloc(void *old, size_t bytes)
{
	return fails() ? NULL : __real_realloc(old, bytes);
}

void *__wrap_aligned_alloc(size_t alignment, size_t bytes)
{
	return fails() ? NULL : __real_aligned_alloc(alignment, bytes);
}

static void test_switch_is_made_whole_or_not_at_all(void)
{
	struct fp_config config = lab_config();
	struct fp_switch *sw = NULL;
	uint32_t failures = 0;

	config.workers = 3;
	for (; !sw; failures++) {
		left = failures;
		sw = fp_switch_new(&config);
	}
	left = UINT64_MAX;
	CHECK(failures > 10); /* a switch, its table, its fdb, and some for each worker */
	fp_switch_free(sw);
}

static struct fp_row group_row(uint32_t n, uint64_t ports)
{
	return ipv4_row(0, 0xef000000 + n, 0, ports);
}

static void check_table(struct fp_switch *sw, uint32_t rows, uint64_t ports)
{
	const struct fp_table *table = fp_load_relaxed(&sw->table);

	CHECK_EQ(fp_switch_row_count(sw), rows);
	for (uint32_t n = 0; n < rows; n++) {
		struct fp_row row = group_row(n, 0);
		const struct fp_entry *entry = fp_table_find(table, 0, row.group, NULL);

		CHECK(entry && entry->ports[0] == ports);
	}
	CHECK_EQ(fp_table_policy(table, 9, FP_FAMILY_IPV4)->mrouters[0], ports);
}

static int publish(struct fp_switch *sw, uint32_t count, uint64_t ports)
{
	struct fp_vlan vlans[2] = {ipv4_policy(9, 0, ports, 0),
				   ipv4_policy(10 + (uint32_t)ports, 0, 0, 0)};
	struct fp_row rows[40];

	for (uint32_t n = 0; n < count; n++)
		rows[n] = group_row(n, ports);
	return fp_switch_publish(sw, rows, count, vlans, 2, NULL, 0, NULL, 0);
}

/* SNOOP-28: the old table or the new one, whatever fails on the way. */
static void test_publish_that_runs_out_of_memory_leaves_the_table_as_it_was(void)
{
	struct fp_config config = lab_config();
	struct fp_switch *sw = fp_switch_new(&config);
	uint32_t failures = 0;
	int err;

	CHECK(sw);
	CHECK_EQ(publish(sw, 20, 1), 0);
	do {
		left = failures;
		err = publish(sw, 40, 2);
		left = UINT64_MAX;
		if (err) {
			CHECK_EQ(err, (uint64_t)-ENOMEM);
			check_table(sw, 20, 1);
			failures++;
		}
	} while (err);
	CHECK(failures > 20); /* the directory, the policies, and most of the shards */
	check_table(sw, 40, 2);
	fp_switch_free(sw);
}

static void test_port_that_cannot_be_closed_for_want_of_memory_stays_open(void)
{
	struct lab lab;

	lab_start(&lab, 2);
	left = 0;
	CHECK_EQ(fp_port_close(lab.sw, 1), (uint64_t)-ENOMEM);
	left = UINT64_MAX;
	CHECK_EQ(lab_explain(&lab, 1).reason, FP_FLOOD_NO_QUERIER);
	CHECK_EQ(fp_port_close(lab.sw, 1), 0);
	lab_end(&lab);
}

int main(void)
{
	RUN(test_switch_is_made_whole_or_not_at_all);
	RUN(test_publish_that_runs_out_of_memory_leaves_the_table_as_it_was);
	RUN(test_port_that_cannot_be_closed_for_want_of_memory_stays_open);
	return 0;
}
