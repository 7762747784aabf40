/* Learning, moving, ageing, flushing; and that no flood of addresses makes the fdb grow. */
#include "check.h"
#include "fdb_claims.h"
#include "fp_fdb_bucket.h"

static void test_learned_address_is_found_in_its_vlan_only(void)
{
	start(100);
	CHECK_EQ(port_now(0, mac_of(1), START), (uint64_t)-1);
	CHECK_EQ(learn(0, mac_of(1), 255, START), FP_FDB_LEARNED);
	CHECK_EQ(learn(0, mac_of(1), 255, START), FP_FDB_KNOWN);
	CHECK_EQ(port_now(0, mac_of(1), START), 255);
	CHECK_EQ(port_now(1, mac_of(1), START), (uint64_t)-1);
	CHECK_EQ(learn(4094, mac_of(1), 0, START), FP_FDB_LEARNED);
	CHECK_EQ(port_now(4094, mac_of(1), START), 0);
	CHECK_EQ(port_now(0, mac_of(1), START), 255);
	CHECK_EQ(entries_at(START), 2);
}

static void test_address_moves_at_once(void)
{
	start(100);
	learn(0, mac_of(1), 3, START);
	CHECK_EQ(learn(0, mac_of(1), 4, START), FP_FDB_MOVED);
	CHECK_EQ(port_now(0, mac_of(1), START), 4);
	CHECK_EQ(learn(0, mac_of(1), 3, START), FP_FDB_MOVED);
	CHECK_EQ(entries_at(START), 1);
}

static void test_address_ages_unless_it_is_heard_again(void)
{
	start(100);
	learn(0, mac_of(1), 3, START);
	learn(0, mac_of(2), 3, START);
	learn(0, mac_of(2), 3, START + 200 * SECOND);
	CHECK_EQ(port_now(0, mac_of(1), START + 300 * SECOND), 3);
	CHECK_EQ(port_now(0, mac_of(1), START + 301 * SECOND), (uint64_t)-1);
	CHECK_EQ(port_now(0, mac_of(2), START + 301 * SECOND), 3);
	CHECK_EQ(entries_at(START + 301 * SECOND), 1);
	CHECK_EQ(entries_at(START + 501 * SECOND), 0);
	/* the place of an aged entry is used again, and is found again */
	learn(0, mac_of(1), 5, START + 502 * SECOND);
	CHECK_EQ(port_now(0, mac_of(1), START + 502 * SECOND), 5);
}

static void test_refresh_raises_the_time_and_nothing_else(void)
{
	struct fp_fdb_entry entry;

	start(100);
	CHECK(!fp_fdb_refresh(&fdb, 0, mac_of(1), 3, START));
	CHECK_EQ(entries_at(START), 0);
	learn(0, mac_of(1), 3, START);
	CHECK(!fp_fdb_refresh(&fdb, 0, mac_of(1), 4, START + 200 * SECOND));
	CHECK(!fp_fdb_refresh(&fdb, 1, mac_of(1), 3, START + 200 * SECOND));
	CHECK_EQ(port_now(0, mac_of(1), START + 301 * SECOND), (uint64_t)-1);
	/* aged, and not yet made room of: what was heard elsewhere brings it back */
	CHECK(fp_fdb_refresh(&fdb, 0, mac_of(1), 3, START + 200 * SECOND));
	CHECK(fp_fdb_refresh(&fdb, 0, mac_of(1), 3, START + 100 * SECOND));
	CHECK_EQ(fp_fdb_read(&fdb, &entry, 1, START + 301 * SECOND, 0), 1);
	CHECK_EQ(entry.port, 3);
	CHECK_EQ(entry.age_ns, 101 * SECOND);
	CHECK_EQ(fp_load_relaxed(&fdb.count), 1);
	CHECK_EQ(fp_load_relaxed(&fdb.port_counts[3]), 1);
}

/* Another thread has lost its core inside the bucket: frames of those who are there go on. */
static void test_refresh_never_waits_for_another_writer(void)
{
	struct fp_fdb_bucket *bucket;

	start(100);
	learn(0, mac_of(1), 3, START);
	bucket = bucket_of(&fdb, key_of(0, mac_of(1)));
	bucket_lock(bucket);
	CHECK(!fp_fdb_refresh(&fdb, 0, mac_of(1), 3, START + 2 * SECOND));
	CHECK_EQ(learn(0, mac_of(1), 3, START + 2 * SECOND), FP_FDB_KNOWN);
	CHECK_EQ(port_now(0, mac_of(1), START), (uint64_t)-1); /* a miss floods one frame */
	bucket_unlock(bucket);
	CHECK_EQ(learn(0, mac_of(1), 3, START + 2 * SECOND), FP_FDB_REFRESHED);
	CHECK_EQ(port_now(0, mac_of(1), START + 302 * SECOND), 3);
}

static void test_dump_tells_age_port_and_vlan(void)
{
	struct fp_fdb_entry entry;

	start(100);
	learn(77, mac_of(0x01020304), 9, START);
	CHECK_EQ(fp_fdb_read(&fdb, &entry, 1, START + 10 * SECOND, 0), 1);
	CHECK_BYTES(entry.mac, mac_of(0x01020304), 6);
	CHECK_EQ(entry.vlan, 77);
	CHECK_EQ(entry.port, 9);
	CHECK_EQ(entry.age_ns, 10 * SECOND);
	CHECK_EQ(fp_fdb_read(&fdb, &entry, 0, START, 0), 0);
}

static void learn_ports_and_vlans(void)
{
	for (uint32_t n = 0; n < 600; n++)
		learn(n % 3, mac_of(n), n % 4, START);
	CHECK_EQ(entries_at(START), 600);
}

static void test_flush_takes_a_port_a_vlan_both_or_all(void)
{
	start(1000);
	learn_ports_and_vlans();
	CHECK_EQ(fp_fdb_flush_matching(&fdb, 1, 2), 50);
	CHECK_EQ(fp_fdb_flush_matching(&fdb, 1, 2), 0);
	CHECK_EQ(port_now(2, mac_of(5), START), (uint64_t)-1);
	CHECK_EQ(port_now(0, mac_of(0), START), 0);
	CHECK_EQ(fp_fdb_flush_matching(&fdb, 1, -1), 100);
	CHECK_EQ(fp_fdb_flush_matching(&fdb, -1, 2), 150);
	CHECK_EQ(entries_at(START), 300);
	CHECK_EQ(fp_fdb_flush_matching(&fdb, -1, -1), 300);
	CHECK_EQ(entries_at(START), 0);
	learn_ports_and_vlans(); /* what was flushed has given its room back */
}

static void test_flood_of_addresses_evicts_and_never_grows(void)
{
	uint64_t learned = 0;
	uint64_t evicted = 0;

	start(500);
	for (uint32_t n = 0; n < 100000; n++) {
		enum fp_fdb_result result = learn(0, mac_of(n), n % 8, START + n * 1000000);

		learned += result == FP_FDB_LEARNED || result == FP_FDB_EVICTED;
		evicted += result == FP_FDB_EVICTED;
		CHECK(port_now(0, mac_of(n), START + n * 1000000) == (int32_t)(n % 8));
		if (n % 1000 == 0)
			CHECK(entries_at(START + n * 1000000) <= 500);
	}
	CHECK_EQ(learned, 100000);
	CHECK_EQ(learned - evicted, fp_load_relaxed(&fdb.count) + 0u);
	CHECK(fp_load_relaxed(&fdb.count) <= 500);
	CHECK(entries_at(START + 100 * SECOND) > 400);
}

/* Others' addresses are older and are not heard: all of them stay. */
static void test_flood_from_one_port_evicts_only_its_own(void)
{
	start(500);
	for (uint32_t n = 0; n < 200; n++)
		learn(0, mac_of(n), n % 7, START);
	for (uint32_t n = 0; n < 100000; n++)
		learn(0, mac_of(1000 + n), 7, START + SECOND + n * MS / 1000);
	for (uint32_t n = 0; n < 200; n++)
		CHECK_EQ(port_now(0, mac_of(n), START + 2 * SECOND), n % 7);
	CHECK(fp_load_relaxed(&fdb.count) <= 500);
	for (int32_t port = 0; port < 8; port++) {
		uint32_t entries = fp_load_relaxed(&fdb.port_counts[port]);

		CHECK_EQ(fp_fdb_flush_matching(&fdb, port, -1), entries);
	}
	CHECK_EQ(fp_load_relaxed(&fdb.count) + 0u, 0);
}

/* Room that nobody lives in any more is taken before anybody's address. */
static void test_what_has_aged_goes_first(void)
{
	start(100);
	for (uint32_t n = 0; n < 90; n++)
		learn(0, mac_of(n), 1, START);
	for (uint32_t n = 0; n < 100; n++)
		learn(0, mac_of(1000 + n), 2, START + 301 * SECOND);
	for (uint32_t n = 0; n < 100; n++)
		CHECK_EQ(port_now(0, mac_of(1000 + n), START + 301 * SECOND), 2);
}

static void test_fdb_of_one_entry_holds_one(void)
{
	start(0);
	for (uint32_t n = 0; n < 100; n++) {
		learn(0, mac_of(n), 1, START + n * SECOND);
		CHECK_EQ(entries_at(START + n * SECOND), 1);
		CHECK_EQ(port_now(0, mac_of(n), START + n * SECOND), 1);
	}
}

static void test_new_ageing_time_holds_for_old_entries(void)
{
	start(100);
	learn(0, mac_of(1), 3, START);
	fdb.ageing_ms = 10000;
	CHECK_EQ(port_now(0, mac_of(1), START + 10 * SECOND), 3);
	CHECK_EQ(port_now(0, mac_of(1), START + 11 * SECOND), (uint64_t)-1);
}

int main(void)
{
	RUN(test_learned_address_is_found_in_its_vlan_only);
	RUN(test_address_moves_at_once);
	RUN(test_address_ages_unless_it_is_heard_again);
	RUN(test_refresh_raises_the_time_and_nothing_else);
	RUN(test_refresh_never_waits_for_another_writer);
	RUN(test_dump_tells_age_port_and_vlan);
	RUN(test_flush_takes_a_port_a_vlan_both_or_all);
	RUN(test_flood_of_addresses_evicts_and_never_grows);
	RUN(test_flood_from_one_port_evicts_only_its_own);
	RUN(test_what_has_aged_goes_first);
	RUN(test_fdb_of_one_entry_holds_one);
	RUN(test_new_ageing_time_holds_for_old_entries);
	fp_fdb_destroy(&fdb);
	return 0;
}
