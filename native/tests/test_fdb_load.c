/* What another process knew of unicast addresses: learned but for what cannot be true. */
#include "check.h"
#include "fp_clock.h"
#include "lab.h"

#define SECOND 1000000000ull
#define MANY 5000u

static struct fp_fdb_entry known(uint16_t n, uint16_t port, uint64_t age_ns)
{
	return (struct fp_fdb_entry){
		.age_ns = age_ns,
		.mac = {2, 0, 0, 1, (uint8_t)(n >> 8), (uint8_t)n},
		.vlan = 7,
		.port = port,
		.rival = FP_FDB_NO_RIVAL,
	};
}

static const struct fp_fdb_entry *found(const struct fp_fdb_entry *entries, int count, uint16_t n)
{
	const struct fp_fdb_entry wanted = known(n, 0, 0);

	for (int i = 0; i < count; i++)
		if (!memcmp(entries[i].mac, wanted.mac, FP_MAC_BYTES))
			return &entries[i];
	return NULL;
}

static void test_it_is_where_it_was_and_as_old(void)
{
	const struct fp_fdb_entry told[] = {known(1, 0, 0), known(2, 1, 2 * SECOND)};
	const struct fp_fdb_entry *entry;
	struct fp_fdb_entry entries[8];
	struct lab lab;
	int count;

	lab_start(&lab, 2);
	CHECK_EQ(fp_fdb_load(lab.sw, told, 2), 2);
	count = fp_fdb_dump(lab.sw, entries, 8);
	CHECK_EQ(count, 2);
	entry = found(entries, count, 2);
	CHECK(entry && entry->port == 1 && entry->vlan == 7);
	CHECK(entry->age_ns >= 2 * SECOND && entry->rival == FP_FDB_NO_RIVAL);
	CHECK(found(entries, count, 1)->age_ns < entry->age_ns);
	/* the same once more, older: what is known is younger */
	CHECK_EQ(fp_fdb_load(lab.sw, told, 2), 0);
	CHECK_EQ(fp_fdb_dump(lab.sw, entries, 8), 2);
	lab_end(&lab);
}

static void test_what_cannot_be_is_left_out_and_the_rest_learned(void)
{
	struct fp_config config = lab_config();
	const struct fp_fdb_entry told[] = {
		known(1, FP_PORTS_MAX, 0),
		known(2, 65535, 0),
		known(3, 0, config.fdb_ageing_ns + 1),
		known(4, 0, fp_now_ns() + 60 * SECOND),
		known(5, 0, UINT64_MAX),
		known(6, 1, SECOND),
	};
	struct fp_fdb_entry entries[8];
	struct lab lab;

	lab_start(&lab, 2);
	CHECK_EQ(fp_fdb_load(lab.sw, told, 0), 0);
	CHECK_EQ(fp_fdb_load(lab.sw, told, 6), 1);
	CHECK_EQ(fp_fdb_dump(lab.sw, entries, 8), 1);
	CHECK(found(entries, 1, 6));
	lab_end(&lab);
}

/* A file may tell of more than there is room for: the fdb stays bounded. */
static void test_more_than_there_is_room_for(void)
{
	struct fp_config config = lab_config();
	struct fp_fdb_entry *told = calloc(MANY, sizeof(*told));
	struct fp_fdb_entry *entries = calloc(MANY, sizeof(*entries));
	struct fp_switch *sw;
	int count;

	CHECK(told && entries);
	config.fdb_max = 100;
	sw = fp_switch_new(&config);
	CHECK(sw);
	for (uint16_t n = 0; n < MANY; n++)
		told[n] = known(n, n % 2, n);
	CHECK(fp_fdb_load(sw, told, MANY) >= 100);
	count = fp_fdb_dump(sw, entries, MANY);
	CHECK(count > 0 && count <= 100);
	fp_switch_free(sw);
	free(entries);
	free(told);
}

int main(void)
{
	RUN(test_it_is_where_it_was_and_as_old);
	RUN(test_what_cannot_be_is_left_out_and_the_rest_learned);
	RUN(test_more_than_there_is_room_for);
	return 0;
}
