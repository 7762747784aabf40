/* The table image against a naive array: every row, every image, also after failures. */
#include <errno.h>

#include "check.h"
#include "fp_decide.h"
#include "fp_mask.h"
#include "rows.h"

#define ROWS 600u
#define ROUNDS 250u
#define KEPT 8u /* older images that are looked at again */

struct naive {
	struct fp_row row;
	bool set;
};

struct snapshot {
	struct fp_table *table;
	struct naive rows[ROWS];
};

static struct naive naive[ROWS];

/* Row n of a small world, so that sets, changes and deletes meet each other. */
static struct fp_row row_of(uint32_t n)
{
	struct fp_row row = {.vlan = (uint16_t)(n % 3 * 10), .op = FP_ROW_SET};

	fp_map_ipv4(0xef000000 | n / 6 % 50, row.group);
	if (n % 2)
		row.flags = FP_ROW_ANY_SOURCE;
	else
		fp_map_ipv4(0x0a000000 | n / 300, row.source);
	if (n % 2 && n / 300) /* any-source rows of the second half: other groups */
		fp_map_ipv4(0xe8000000 | n, row.group);
	return row;
}

static const struct fp_entry *find(const struct fp_table *table, const struct fp_row *row)
{
	return fp_table_find(table, row->vlan, row->group,
			     row->flags & FP_ROW_ANY_SOURCE ? NULL : row->source);
}

static void check_rows(const struct fp_table *table, const struct naive *rows)
{
	uint64_t count = 0;

	for (uint32_t n = 0; n < ROWS; n++) {
		struct fp_row row = row_of(n);
		const struct fp_entry *entry = find(table, &row);

		CHECK_EQ(entry != NULL, rows[n].set);
		if (entry)
			CHECK_BYTES(entry->ports, rows[n].row.ports, sizeof(row.ports));
		count += rows[n].set;
	}
	CHECK_EQ(table->row_count, count);
}

static void change(struct fp_table *table, uint64_t *seed)
{
	uint32_t n = check_below(seed, ROWS);
	struct fp_row row = row_of(n);

	row.op = check_below(seed, 3) ? FP_ROW_SET : FP_ROW_DELETE;
	for (uint32_t i = 0; i < FP_MASK_WORDS; i++)
		row.ports[i] = check_random(seed);
	CHECK_EQ(fp_table_apply_row(table, &row), 0);
	naive[n].set = row.op == FP_ROW_SET;
	naive[n].row = row;
}

/* An image that has been published never changes, whatever is built from it. */
static void test_random_changes_agree_with_an_array_and_leave_old_images_alone(void)
{
	static struct snapshot kept[KEPT];
	uint64_t seed = 7;
	uint32_t oldest = 0;
	uint32_t newest = 0;

	kept[0].table = fp_table_new();
	CHECK(kept[0].table);
	for (uint32_t round = 1; round < ROUNDS; round++) {
		struct fp_table *table = fp_table_copy(kept[newest % KEPT].table);

		CHECK(table);
		for (uint32_t i = check_below(&seed, 40); i; i--)
			change(table, &seed);
		if (check_below(&seed, 10) == 0) { /* a publish that fails half way */
			fp_table_discard(table, kept[newest % KEPT].table);
			memcpy(naive, kept[newest % KEPT].rows, sizeof(naive));
			check_rows(kept[newest % KEPT].table, naive);
			continue;
		}
		newest++;
		if (newest - oldest == KEPT) { /* what the switch retires is what a discard frees */
			fp_table_discard(kept[oldest % KEPT].table,
					 kept[(oldest + 1) % KEPT].table);
			oldest++;
		}
		kept[newest % KEPT].table = table;
		memcpy(kept[newest % KEPT].rows, naive, sizeof(naive));
		for (uint32_t i = oldest; i <= newest; i++)
			check_rows(kept[i % KEPT].table, kept[i % KEPT].rows);
	}
	for (; oldest != newest; oldest++)
		fp_table_discard(kept[oldest % KEPT].table, kept[(oldest + 1) % KEPT].table);
	fp_table_free(kept[newest % KEPT].table);
}

static uint64_t slots_of(const struct fp_table *table)
{
	uint64_t slots = 0;

	for (uint32_t i = 0; i < FP_SHARDS; i++)
		slots += table->shards[i] ? table->shards[i]->slots : 0;
	return slots;
}

static struct fp_row group_row(uint32_t n, enum fp_row_op op)
{
	struct fp_row row = ipv4_row(0, 0xe1000000 + n, 0, n);

	row.op = (uint8_t)op;
	return row;
}

static void test_table_grows_with_its_rows_and_shrinks_with_them(void)
{
	struct fp_table *table = fp_table_new();
	const uint32_t count = 65536;
	uint64_t slots;

	CHECK(table);
	for (uint32_t n = 0; n < count; n++) {
		struct fp_row row = group_row(n, FP_ROW_SET);

		CHECK_EQ(fp_table_apply_row(table, &row), 0);
	}
	CHECK_EQ(table->row_count, count);
	slots = slots_of(table);
	CHECK(3 * slots >= 4ul * count && slots <= 8 * count);
	for (uint32_t n = 0; n < count; n++) {
		struct fp_row row = group_row(n, FP_ROW_DELETE);
		const struct fp_entry *entry = find(table, &row);

		CHECK(entry && entry->ports[0] == n);
		CHECK_EQ(fp_table_apply_row(table, &row), 0);
		CHECK(!find(table, &row));
	}
	CHECK_EQ(table->row_count, 0);
	CHECK(slots_of(table) < slots / 4);
	fp_table_free(table);
}

static void test_deleting_what_is_not_there_changes_nothing(void)
{
	struct fp_table *table = fp_table_new();
	struct fp_row row = group_row(1, FP_ROW_DELETE);
	struct fp_vlan vlan = ipv4_policy(7, 0, 0, 0);
	bool own = false;

	CHECK(table);
	vlan.op = FP_ROW_DELETE;
	CHECK_EQ(fp_table_apply_row(table, &row), 0);
	CHECK_EQ(fp_table_apply_vlan(table, &vlan, &own), 0);
	CHECK(!own);
	CHECK_EQ(table->row_count, 0);
	CHECK_EQ(slots_of(table), 0);
	fp_table_free(table);
}

/* SNOOP-33: the any-source row is not the row of source 0.0.0.0, nor of ::. */
static void test_any_source_row_is_no_source_row(void)
{
	struct fp_table *table = fp_table_new();
	struct fp_row any = group_row(1, FP_ROW_SET);
	struct fp_row zeros[2] = {any, any};

	CHECK(table);
	memset(zeros[1].source, 0, sizeof(zeros[1].source)); /* the other is ::ffff:0.0.0.0 */
	CHECK_EQ(fp_table_apply_row(table, &any), 0);
	for (uint32_t n = 0; n < 2; n++) {
		zeros[n].flags = 0;
		zeros[n].ports[0] = 98 + n;
		CHECK(!find(table, &zeros[n]));
		CHECK_EQ(fp_table_apply_row(table, &zeros[n]), 0);
	}
	CHECK_EQ(table->row_count, 3);
	CHECK_EQ(find(table, &any)->ports[0], 1);
	CHECK_EQ(find(table, &zeros[0])->ports[0], 98);
	CHECK_EQ(find(table, &zeros[1])->ports[0], 99);
	fp_table_free(table);
}

static void test_always_flood_rows_are_counted_through_every_change(void)
{
	struct fp_table *table = fp_table_new();
	struct fp_row row = group_row(1, FP_ROW_SET);

	CHECK(table);
	row = flood_row(row.group, 104);
	CHECK_EQ(fp_table_apply_row(table, &row), 0);
	CHECK_EQ(fp_table_apply_row(table, &row), 0);
	CHECK_EQ(table->floods.counts[104], 1);
	CHECK_EQ(table->row_count, 1);
	row.op = FP_ROW_DELETE;
	CHECK_EQ(fp_table_apply_row(table, &row), 0);
	CHECK_EQ(fp_table_apply_row(table, &row), 0);
	CHECK_EQ(table->floods.counts[104], 0);
	CHECK_EQ(table->floods.lengths[1], 0);
	row.prefix_bits = 129;
	CHECK_EQ(fp_table_apply_row(table, &row), (uint64_t)-EINVAL);
	fp_table_free(table);
}

/* A longer prefix, a shorter one and a row of the same group are three rows; each length is asked.
 */
static void test_prefixes_of_every_length_are_found(void)
{
	struct fp_table *table = fp_table_new();
	uint8_t group[FP_ADDRESS_BYTES];
	uint8_t other[FP_ADDRESS_BYTES];

	CHECK(table);
	ipv6_key(0xff3e1234, 0x89abcdef, group);
	for (uint32_t bits = 1; bits <= 128; bits++) {
		struct fp_row row = flood_row(group, bits);

		memcpy(other, group, sizeof(other));
		other[(bits - 1) / 8] ^= (uint8_t)(0x80u >> (bits - 1) % 8);
		CHECK_EQ(fp_table_apply_row(table, &row), 0);
		CHECK(fp_table_floods(table, FP_FAMILY_IPV6, group));
		CHECK(!fp_table_floods(table, FP_FAMILY_IPV6, other));
		row.op = FP_ROW_DELETE;
		CHECK_EQ(fp_table_apply_row(table, &row), 0);
		CHECK(!fp_table_floods(table, FP_FAMILY_IPV6, group));
	}
	for (uint32_t bits = 0; bits <= 128; bits += 64) {
		struct fp_row row = flood_row(group, bits);

		CHECK_EQ(fp_table_apply_row(table, &row), 0);
	}
	CHECK_EQ(table->row_count, 3);
	CHECK(fp_table_floods(table, FP_FAMILY_IPV6, other)); /* all groups */
	fp_map_ipv4(0xef010203, other);
	CHECK(!fp_table_floods(table, FP_FAMILY_IPV4, other)); /* of that family */
	fp_table_free(table);
}

/* Where a row lies depends on the seed, what is found does not. */
static void test_rows_are_found_whatever_the_seed(void)
{
	struct fp_table *plain = fp_table_new();
	struct fp_table *seeded = fp_table_new();
	uint32_t same = 0;

	seeded->seed = UINT64_C(0x0123456789abcdef);
	for (uint32_t n = 0; n < 2000; n++) {
		struct fp_row row = group_row(n, FP_ROW_SET);

		CHECK_EQ(fp_table_apply_row(plain, &row), 0);
		CHECK_EQ(fp_table_apply_row(seeded, &row), 0);
		CHECK(find(plain, &row) && find(seeded, &row));
	}
	for (uint32_t i = 0; i < FP_SHARDS; i++)
		same += plain->shards[i] && seeded->shards[i] &&
			plain->shards[i]->count == seeded->shards[i]->count;
	CHECK(same < FP_SHARDS / 2);
	CHECK_EQ(plain->row_count, seeded->row_count);
	fp_table_free(plain);
	fp_table_free(seeded);
}

static void test_port_without_sockets_is_never_up(void)
{
	struct fp_table *table = fp_table_new();
	struct fp_port_state state = {.port = 255, .flags = FP_PORT_UP | FP_PORT_COALESCE};

	CHECK(table);
	CHECK_EQ(fp_table_apply_port(table, &state), 0);
	CHECK(!fp_mask_has(table->up, 255));
	table->ports[255] = (struct fp_port *)(void *)table; /* only looked at for being there */
	CHECK_EQ(fp_table_apply_port(table, &state), 0);
	CHECK(fp_mask_has(table->up, 255) && fp_mask_has(table->coalesce, 255));
	state.flags = 0;
	CHECK_EQ(fp_table_apply_port(table, &state), 0);
	CHECK(fp_mask_empty(table->up) && fp_mask_empty(table->coalesce));
	state.port = 256;
	CHECK_EQ(fp_table_apply_port(table, &state), (uint64_t)-EINVAL);
	fp_table_free(table);
}

static void test_mask_walks_every_port_once(void)
{
	uint64_t mask[FP_MASK_WORDS] = {0};
	uint32_t ports[] = {0, 1, 63, 64, 127, 191, 192, 255};
	uint32_t i = 0;

	fp_mask_for_each(mask, port) CHECK(false);
	for (uint32_t n = 0; n < sizeof(ports) / sizeof(ports[0]); n++)
		fp_mask_set(mask, ports[n]);
	fp_mask_for_each(mask, port) CHECK_EQ(port, ports[i++]);
	CHECK_EQ(i, sizeof(ports) / sizeof(ports[0]));
	fp_mask_clear(mask, 255);
	CHECK(!fp_mask_has(mask, 255) && fp_mask_has(mask, 192) && !fp_mask_empty(mask));
}

int main(void)
{
	RUN(test_random_changes_agree_with_an_array_and_leave_old_images_alone);
	RUN(test_table_grows_with_its_rows_and_shrinks_with_them);
	RUN(test_deleting_what_is_not_there_changes_nothing);
	RUN(test_any_source_row_is_no_source_row);
	RUN(test_always_flood_rows_are_counted_through_every_change);
	RUN(test_prefixes_of_every_length_are_found);
	RUN(test_rows_are_found_whatever_the_seed);
	RUN(test_port_without_sockets_is_never_up);
	RUN(test_mask_walks_every_port_once);
	return 0;
}
