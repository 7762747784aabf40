/*
 * One thread publishes, another reads as a loop does: it must never see rows and policies of two
 * publishes at once, nor anything that has been freed.
 */
#include <pthread.h>

#include "check.h"
#include "fp_decide.h"
#include "lab.h"
#include "rows.h"

#define PUBLISHES 10000u
#define ROWS 6u

static struct fp_switch *sw;
static _Atomic uint32_t done;

static void key_of(uint32_t n, uint8_t *group)
{
	fp_map_ipv4(0xef000000 + n * 7919, group); /* rows of different shards */
}

/* Every word of publish g says g. */
static void publish(uint64_t g)
{
	struct fp_row rows[ROWS + 1] = {0};
	struct fp_vlan vlan = ipv4_policy(FP_VLAN_ANY, FP_VLAN_ACTIVE, 0, 0);

	for (uint32_t n = 0; n <= ROWS; n++) {
		rows[n].op = FP_ROW_SET;
		rows[n].flags = FP_ROW_ANY_SOURCE;
		key_of(n, rows[n].group);
		for (uint32_t i = 0; i < FP_MASK_WORDS; i++)
			rows[n].ports[i] = g;
	}
	/* one more row comes and goes, so that shards grow and shrink */
	key_of((uint32_t)(ROWS + (g & ~1u) % 512), rows[ROWS].group);
	rows[ROWS].op = g % 2 ? FP_ROW_DELETE : FP_ROW_SET;
	for (uint32_t i = 0; i < FP_MASK_WORDS; i++)
		vlan.mrouters[i] = vlan.unregistered[i] = g;
	CHECK_EQ(fp_switch_publish(sw, rows, ROWS + 1, &vlan, 1, NULL, 0, NULL, 0), 0);
}

static void check_image(const struct fp_table *table, uint64_t *last)
{
	const struct fp_policy *policy = fp_table_policy(table, 0, FP_FAMILY_IPV4);
	uint64_t g = policy->mrouters[0];

	CHECK(g >= *last);
	*last = g;
	for (uint32_t n = 0; n < ROWS; n++) {
		const struct fp_entry *entry;
		uint8_t group[16];

		key_of(n, group);
		entry = fp_table_find(table, 0, group, NULL);
		CHECK(entry);
		for (uint32_t i = 0; i < FP_MASK_WORDS; i++)
			CHECK(entry->ports[i] == g && policy->mrouters[i] == g);
	}
	CHECK_EQ(table->row_count, ROWS + (g % 2 ? 0 : 1));
}

/* As fp_loop_run() takes and leaves tables. */
static void *read_tables(void *argument)
{
	struct fp_worker *worker = argument;
	uint64_t last = 0;

	atomic_store(&worker->seq_seen, 0);
	atomic_thread_fence(memory_order_seq_cst);
	do {
		const struct fp_table *table = fp_load_acquire(&sw->table);

		fp_store_release(&worker->seq_seen, table->seq);
		for (uint32_t n = 0; n < 20; n++)
			check_image(table, &last);
	} while (!fp_load_relaxed(&done));
	fp_store_release(&worker->seq_seen, FP_SEQ_IDLE);
	return NULL;
}

/* Idea 137 */
static void test_reader_sees_one_publish_or_the_next_and_nothing_freed(void)
{
	struct fp_config config = lab_config();
	uint64_t most_retired = 0;
	pthread_t readers[2];

	config.workers = 2;
	sw = fp_switch_new(&config);
	CHECK(sw);
	publish(2);
	for (uint32_t i = 0; i < 2; i++)
		CHECK(!pthread_create(&readers[i], NULL, read_tables, sw->workers[i]));
	/* And on, where the readers get no processor: something has to be read meanwhile. */
	for (uint64_t g = 3; g < PUBLISHES || (!most_retired && g < 100 * PUBLISHES); g++) {
		uint64_t retired;

		publish(g);
		retired = fp_switch_retired(sw);
		most_retired = retired > most_retired ? retired : most_retired;
	}
	fp_store_relaxed(&done, 1);
	for (uint32_t i = 0; i < 2; i++)
		CHECK(!pthread_join(readers[i], NULL));
	CHECK_EQ(fp_switch_retired(sw), 0);
	CHECK(most_retired > 0);
	fp_switch_free(sw);
}

int main(void)
{
	RUN(test_reader_sees_one_publish_or_the_next_and_nothing_freed);
	return 0;
}
