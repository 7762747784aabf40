/* Learning, moving, ageing, flushing; and that no flood of addresses makes the fdb grow. */
#include "check.h"
#include "fdb_claims.h"

#define SECOND UINT64_C(1000000000)
#define MS UINT64_C(1000000)
#define START (100 * SECOND)

static const uint8_t *mac_of(uint32_t n)
{
	static uint8_t mac[6];

	mac[0] = 0x02;
	mac[2] = (uint8_t)(n >> 24);
	mac[3] = (uint8_t)(n >> 16);
	mac[4] = (uint8_t)(n >> 8);
	mac[5] = (uint8_t)n;
	return mac;
}

static void start(struct fp_fdb *fdb, uint32_t max_entries)
{
	memset(fdb, 0, sizeof(*fdb));
	CHECK_EQ(fp_fdb_init(fdb, max_entries, 300 * SECOND), 0);
	fdb->seed = 2; /* which addresses meet in a bucket must not be luck here */
}

static uint32_t entries_of(struct fp_fdb *fdb, uint64_t now_ns)
{
	static struct fp_fdb_entry entries[32768];

	return fp_fdb_read(fdb, entries, 32768, now_ns, 0);
}

static void test_learned_address_is_found_in_its_vlan_only(void)
{
	struct fp_fdb fdb;

	start(&fdb, 100);
	CHECK_EQ(port_now(&fdb, 0, mac_of(1), START), (uint64_t)-1);
	CHECK_EQ(learn(&fdb, 0, mac_of(1), 255, START), FP_FDB_LEARNED);
	CHECK_EQ(learn(&fdb, 0, mac_of(1), 255, START), FP_FDB_KNOWN);
	CHECK_EQ(port_now(&fdb, 0, mac_of(1), START), 255);
	CHECK_EQ(port_now(&fdb, 1, mac_of(1), START), (uint64_t)-1);
	CHECK_EQ(learn(&fdb, 4094, mac_of(1), 0, START), FP_FDB_LEARNED);
	CHECK_EQ(port_now(&fdb, 4094, mac_of(1), START), 0);
	CHECK_EQ(port_now(&fdb, 0, mac_of(1), START), 255);
	CHECK_EQ(entries_of(&fdb, START), 2);
	fp_fdb_destroy(&fdb);
}

static void test_address_moves_at_once(void)
{
	struct fp_fdb fdb;

	start(&fdb, 100);
	learn(&fdb, 0, mac_of(1), 3, START);
	CHECK_EQ(learn(&fdb, 0, mac_of(1), 4, START), FP_FDB_MOVED);
	CHECK_EQ(port_now(&fdb, 0, mac_of(1), START), 4);
	CHECK_EQ(learn(&fdb, 0, mac_of(1), 3, START), FP_FDB_MOVED);
	CHECK_EQ(entries_of(&fdb, START), 1);
	fp_fdb_destroy(&fdb);
}

/* The owner is heard every 150 ms, the thief every millisecond. */
static void test_thief_gets_an_address_until_its_owner_is_heard_and_no_more(void)
{
	struct fp_fdb fdb;
	uint32_t stolen = 0;

	start(&fdb, 100);
	learn(&fdb, 0, mac_of(1), 3, START);
	for (uint32_t ms = 1; ms <= 60000; ms++) {
		learn(&fdb, 0, mac_of(1), 4, START + ms * MS);
		if (ms % 150 == 0)
			learn(&fdb, 0, mac_of(1), 3, START + ms * MS);
		stolen += port_now(&fdb, 0, mac_of(1), START + ms * MS) == 4;
	}
	CHECK(stolen < 150);
	CHECK(fp_load_relaxed(&fdb.disputes) >= 59);
	fp_fdb_destroy(&fdb);
}

/* Both get the frames of an address that moved and talks, until it is sure where it is. */
static void test_old_port_is_told_for_five_seconds(void)
{
	struct fp_fdb fdb;
	int32_t also;

	start(&fdb, 100);
	learn(&fdb, 0, mac_of(1), 3, START);
	CHECK_EQ(fp_fdb_lookup(&fdb, 0, mac_of(1), START, &also), 3);
	CHECK_EQ(also, -1);
	for (uint32_t n = 0; n < 8; n++) {
		CHECK_EQ(also, -1); /* who says little is only where it is */
		learn(&fdb, 0, mac_of(1), 4, START);
		CHECK_EQ(fp_fdb_lookup(&fdb, 0, mac_of(1), START, &also), 4);
	}
	CHECK_EQ(fp_fdb_lookup(&fdb, 0, mac_of(1), START + 5 * SECOND, &also), 4);
	CHECK_EQ(also, 3);
	CHECK_EQ(fp_fdb_lookup(&fdb, 0, mac_of(1), START + 5 * SECOND + MS, &also), 4);
	CHECK_EQ(also, -1);
	learn(&fdb, 0, mac_of(1), 3, START + 5 * SECOND);
	CHECK_EQ(fp_fdb_lookup(&fdb, 0, mac_of(1), START + 5 * SECOND, &also), 3);
	CHECK_EQ(also, -1); /* it is held */
	fp_fdb_destroy(&fdb);
}

static void test_dispute_is_told_with_both_ports_and_forgotten(void)
{
	struct fp_fdb_entry entry;
	struct fp_fdb fdb;

	start(&fdb, 100);
	learn(&fdb, 7, mac_of(9), 3, START);
	learn(&fdb, 7, mac_of(9), 4, START + MS);
	CHECK_EQ(fp_fdb_read(&fdb, &entry, 1, START + MS, 0), 1);
	CHECK_EQ(entry.rival, FP_FDB_NO_RIVAL);
	learn(&fdb, 7, mac_of(9), 3, START + SECOND);
	CHECK_EQ(learn(&fdb, 7, mac_of(9), 5, START + SECOND + MS), FP_FDB_DAMPED);
	CHECK_EQ(fp_fdb_read(&fdb, &entry, 1, START + 2 * SECOND, 3 * SECOND), 1);
	CHECK_EQ(entry.port, 3);
	CHECK_EQ(entry.rival, 5);
	CHECK_EQ(entry.claimed_ns, SECOND - MS);
	CHECK_EQ(fp_fdb_read(&fdb, &entry, 1, START + 5 * SECOND, 3 * SECOND), 0);
	CHECK_EQ(fp_fdb_read(&fdb, &entry, 1, START + 66 * SECOND, 0), 1);
	CHECK_EQ(entry.rival, FP_FDB_NO_RIVAL);
	fp_fdb_destroy(&fdb);
}

static void test_address_of_a_sticky_port_stays_until_it_ages(void)
{
	uint64_t sticky[FP_MASK_WORDS] = {8};
	struct fp_fdb_claim claim = {
		.mac = mac_of(1), .port = 4, .sticky = sticky, .asked = true, .shortcut_port = -1};
	struct fp_fdb fdb;

	start(&fdb, 100);
	learn(&fdb, 0, mac_of(1), 3, START);
	for (uint32_t n = 1; n < 300; n++) {
		claim.now_ns = START + n * SECOND;
		CHECK_EQ(fp_fdb_learn(&fdb, &claim), FP_FDB_DAMPED);
	}
	claim.now_ns = START + 301 * SECOND;
	CHECK_EQ(fp_fdb_learn(&fdb, &claim), FP_FDB_MOVED);
	fp_fdb_destroy(&fdb);
}

/* What the short cut carries the loops do not see: they ask before a hold ends. */
static void test_owner_whose_frames_take_the_short_cut_keeps_its_address(void)
{
	struct fp_fdb_claim claim = {.mac = mac_of(1), .port = 4, .shortcut_port = -1};
	struct fp_fdb fdb;

	start(&fdb, 100);
	learn(&fdb, 0, mac_of(1), 3, START);
	learn(&fdb, 0, mac_of(1), 4, START + MS);
	learn(&fdb, 0, mac_of(1), 3, START + 2 * MS);
	claim.now_ns = START + 50 * MS;
	CHECK_EQ(fp_fdb_learn(&fdb, &claim), FP_FDB_DAMPED);
	claim.now_ns = START + 200 * MS;
	CHECK_EQ(fp_fdb_learn(&fdb, &claim), FP_FDB_ASK);
	CHECK_EQ(port_now(&fdb, 0, mac_of(1), claim.now_ns), 3);
	claim.asked = true;
	claim.shortcut_port = 3;
	claim.shortcut_ns = START + 150 * MS;
	CHECK_EQ(fp_fdb_learn(&fdb, &claim), FP_FDB_DAMPED);
	claim.now_ns = START + 400 * MS;
	CHECK_EQ(fp_fdb_learn(&fdb, &claim), FP_FDB_MOVED);
	fp_fdb_destroy(&fdb);
}

/* It aged here while the short cut carried it: a claim is a move like any other. */
static void test_address_that_only_the_short_cut_knows_is_not_new(void)
{
	struct fp_fdb_claim claim = {
		.mac = mac_of(1), .port = 4, .now_ns = START, .shortcut_port = -1};
	struct fp_fdb fdb;

	start(&fdb, 100);
	CHECK_EQ(fp_fdb_learn(&fdb, &claim), FP_FDB_ASK);
	claim.asked = true;
	claim.shortcut_port = 3;
	claim.shortcut_ns = START - MS;
	CHECK_EQ(fp_fdb_learn(&fdb, &claim), FP_FDB_MOVED);
	CHECK_EQ(learn(&fdb, 0, mac_of(1), 3, START + SECOND), FP_FDB_MOVED);
	CHECK_EQ(learn(&fdb, 0, mac_of(1), 4, START + SECOND), FP_FDB_DAMPED);
	CHECK_EQ(entries_of(&fdb, START), 1);
	fp_fdb_destroy(&fdb);
}

static void test_address_ages_unless_it_is_heard_again(void)
{
	struct fp_fdb fdb;

	start(&fdb, 100);
	learn(&fdb, 0, mac_of(1), 3, START);
	learn(&fdb, 0, mac_of(2), 3, START);
	learn(&fdb, 0, mac_of(2), 3, START + 200 * SECOND);
	CHECK_EQ(port_now(&fdb, 0, mac_of(1), START + 300 * SECOND), 3);
	CHECK_EQ(port_now(&fdb, 0, mac_of(1), START + 301 * SECOND), (uint64_t)-1);
	CHECK_EQ(port_now(&fdb, 0, mac_of(2), START + 301 * SECOND), 3);
	CHECK_EQ(entries_of(&fdb, START + 301 * SECOND), 1);
	CHECK_EQ(entries_of(&fdb, START + 501 * SECOND), 0);
	/* the place of an aged entry is used again, and is found again */
	learn(&fdb, 0, mac_of(1), 5, START + 502 * SECOND);
	CHECK_EQ(port_now(&fdb, 0, mac_of(1), START + 502 * SECOND), 5);
	fp_fdb_destroy(&fdb);
}

static void test_dump_tells_age_port_and_vlan(void)
{
	struct fp_fdb fdb;
	struct fp_fdb_entry entry;

	start(&fdb, 100);
	learn(&fdb, 77, mac_of(0x01020304), 9, START);
	CHECK_EQ(fp_fdb_read(&fdb, &entry, 1, START + 10 * SECOND, 0), 1);
	CHECK_BYTES(entry.mac, mac_of(0x01020304), 6);
	CHECK_EQ(entry.vlan, 77);
	CHECK_EQ(entry.port, 9);
	CHECK_EQ(entry.age_ns, 10 * SECOND);
	CHECK_EQ(fp_fdb_read(&fdb, &entry, 0, START, 0), 0);
	fp_fdb_destroy(&fdb);
}

static void learn_ports_and_vlans(struct fp_fdb *fdb)
{
	for (uint32_t n = 0; n < 600; n++)
		learn(fdb, n % 3, mac_of(n), n % 4, START);
	CHECK_EQ(entries_of(fdb, START), 600);
}

static void test_flush_takes_a_port_a_vlan_both_or_all(void)
{
	struct fp_fdb fdb;

	start(&fdb, 1000);
	learn_ports_and_vlans(&fdb);
	CHECK_EQ(fp_fdb_flush_matching(&fdb, 1, 2), 50);
	CHECK_EQ(fp_fdb_flush_matching(&fdb, 1, 2), 0);
	CHECK_EQ(port_now(&fdb, 2, mac_of(5), START), (uint64_t)-1);
	CHECK_EQ(port_now(&fdb, 0, mac_of(0), START), 0);
	CHECK_EQ(fp_fdb_flush_matching(&fdb, 1, -1), 100);
	CHECK_EQ(fp_fdb_flush_matching(&fdb, -1, 2), 150);
	CHECK_EQ(entries_of(&fdb, START), 300);
	CHECK_EQ(fp_fdb_flush_matching(&fdb, -1, -1), 300);
	CHECK_EQ(entries_of(&fdb, START), 0);
	learn_ports_and_vlans(&fdb); /* what was flushed has given its room back */
	fp_fdb_destroy(&fdb);
}

static void test_flood_of_addresses_evicts_and_never_grows(void)
{
	struct fp_fdb fdb;
	uint64_t learned = 0;
	uint64_t evicted = 0;

	start(&fdb, 500);
	for (uint32_t n = 0; n < 100000; n++) {
		enum fp_fdb_result result = learn(&fdb, 0, mac_of(n), n % 8, START + n * 1000000);

		learned += result == FP_FDB_LEARNED || result == FP_FDB_EVICTED;
		evicted += result == FP_FDB_EVICTED;
		CHECK(port_now(&fdb, 0, mac_of(n), START + n * 1000000) == (int32_t)(n % 8));
		if (n % 1000 == 0)
			CHECK(entries_of(&fdb, START + n * 1000000) <= 500);
	}
	CHECK_EQ(learned, 100000);
	CHECK_EQ(learned - evicted, fp_load_relaxed(&fdb.count) + 0u);
	CHECK(fp_load_relaxed(&fdb.count) <= 500);
	CHECK(entries_of(&fdb, START + 100 * SECOND) > 400);
	fp_fdb_destroy(&fdb);
}

/* Others' addresses are older and are not heard: all of them stay. */
static void test_flood_from_one_port_evicts_only_its_own(void)
{
	struct fp_fdb fdb;

	start(&fdb, 500);
	for (uint32_t n = 0; n < 200; n++)
		learn(&fdb, 0, mac_of(n), n % 7, START);
	for (uint32_t n = 0; n < 100000; n++)
		learn(&fdb, 0, mac_of(1000 + n), 7, START + SECOND + n * MS / 1000);
	for (uint32_t n = 0; n < 200; n++)
		CHECK_EQ(port_now(&fdb, 0, mac_of(n), START + 2 * SECOND), n % 7);
	CHECK(fp_load_relaxed(&fdb.count) <= 500);
	for (int32_t port = 0; port < 8; port++) {
		uint32_t entries = fp_load_relaxed(&fdb.port_counts[port]);

		CHECK_EQ(fp_fdb_flush_matching(&fdb, port, -1), entries);
	}
	CHECK_EQ(fp_load_relaxed(&fdb.count) + 0u, 0);
	fp_fdb_destroy(&fdb);
}

/* Room that nobody lives in any more is taken before anybody's address. */
static void test_what_has_aged_goes_first(void)
{
	struct fp_fdb fdb;

	start(&fdb, 100);
	for (uint32_t n = 0; n < 90; n++)
		learn(&fdb, 0, mac_of(n), 1, START);
	for (uint32_t n = 0; n < 100; n++)
		learn(&fdb, 0, mac_of(1000 + n), 2, START + 301 * SECOND);
	for (uint32_t n = 0; n < 100; n++)
		CHECK_EQ(port_now(&fdb, 0, mac_of(1000 + n), START + 301 * SECOND), 2);
	fp_fdb_destroy(&fdb);
}

static void test_fdb_of_one_entry_holds_one(void)
{
	struct fp_fdb fdb;

	start(&fdb, 0);
	for (uint32_t n = 0; n < 100; n++) {
		learn(&fdb, 0, mac_of(n), 1, START + n * SECOND);
		CHECK_EQ(entries_of(&fdb, START + n * SECOND), 1);
		CHECK_EQ(port_now(&fdb, 0, mac_of(n), START + n * SECOND), 1);
	}
	fp_fdb_destroy(&fdb);
}

static void test_new_ageing_time_holds_for_old_entries(void)
{
	struct fp_fdb fdb;

	start(&fdb, 100);
	learn(&fdb, 0, mac_of(1), 3, START);
	fp_store_relaxed(&fdb.ageing_ms, 10000);
	CHECK_EQ(port_now(&fdb, 0, mac_of(1), START + 10 * SECOND), 3);
	CHECK_EQ(port_now(&fdb, 0, mac_of(1), START + 11 * SECOND), (uint64_t)-1);
	fp_fdb_destroy(&fdb);
}

int main(void)
{
	RUN(test_learned_address_is_found_in_its_vlan_only);
	RUN(test_address_moves_at_once);
	RUN(test_thief_gets_an_address_until_its_owner_is_heard_and_no_more);
	RUN(test_old_port_is_told_for_five_seconds);
	RUN(test_dispute_is_told_with_both_ports_and_forgotten);
	RUN(test_address_of_a_sticky_port_stays_until_it_ages);
	RUN(test_owner_whose_frames_take_the_short_cut_keeps_its_address);
	RUN(test_address_that_only_the_short_cut_knows_is_not_new);
	RUN(test_address_ages_unless_it_is_heard_again);
	RUN(test_dump_tells_age_port_and_vlan);
	RUN(test_flush_takes_a_port_a_vlan_both_or_all);
	RUN(test_flood_of_addresses_evicts_and_never_grows);
	RUN(test_flood_from_one_port_evicts_only_its_own);
	RUN(test_what_has_aged_goes_first);
	RUN(test_fdb_of_one_entry_holds_one);
	RUN(test_new_ageing_time_holds_for_old_entries);
	return 0;
}
