/* Two loops learn and look up while the control thread dumps and flushes. */
#include <pthread.h>

#include "check.h"
#include "fdb_claims.h"

#define ADDRESSES 4096u
#define MAX_ENTRIES 512u
#define LEARNERS 2u
#define ROUNDS 60000u

static _Atomic uint32_t running;

/* An address is only ever learned at these two ports, so no other can be right. */
static uint32_t port_of(uint32_t n, uint32_t move)
{
	return (n % 120) * 2 + move % 2;
}

static void write_mac(uint32_t n, uint8_t *mac)
{
	memset(mac, 0, 6);
	mac[0] = 0x02;
	mac[4] = (uint8_t)(n >> 8);
	mac[5] = (uint8_t)n;
}

static void *learn_and_look_up(void *argument)
{
	uint64_t seed = *(uint64_t *)argument;

	for (uint32_t round = 0; round < ROUNDS; round++) {
		uint32_t n = check_below(&seed, ADDRESSES);
		uint64_t now_ns = 100 * SECOND + round * (SECOND / 100);
		uint8_t mac[6];
		int32_t port;

		write_mac(n, mac);
		learn(n % 3, mac, port_of(n, (uint32_t)check_random(&seed)), now_ns);
		n = check_below(&seed, ADDRESSES);
		write_mac(n, mac);
		fp_fdb_refresh(&fdb, n % 3, mac, port_of(n, (uint32_t)check_random(&seed)), now_ns);
		port = port_now(n % 3, mac, now_ns);
		CHECK(port == -1 || (uint32_t)port / 2 == n % 120);
	}
	atomic_fetch_sub(&running, 1);
	return NULL;
}

static void check_dump(void)
{
	static struct fp_fdb_entry entries[2 * MAX_ENTRIES];
	uint32_t count = fp_fdb_read(&fdb, entries, 2 * MAX_ENTRIES, 100 * SECOND, 0);

	/* each learner may be one over while it makes room; the dump is not one instant */
	CHECK(count <= MAX_ENTRIES + MAX_ENTRIES / 4);
	for (uint32_t i = 0; i < count; i++) {
		uint32_t n = (uint32_t)entries[i].mac[4] << 8 | entries[i].mac[5];

		CHECK(n < ADDRESSES && entries[i].vlan == n % 3);
		CHECK_EQ(entries[i].port / 2, n % 120);
	}
}

static void test_nobody_reads_a_torn_entry_and_the_bound_holds(void)
{
	uint64_t seeds[LEARNERS] = {1, 2};
	pthread_t learners[LEARNERS];

	CHECK_EQ(fp_fdb_init(&fdb, MAX_ENTRIES, 300 * SECOND), 0);
	atomic_store(&running, LEARNERS);
	for (uint32_t i = 0; i < LEARNERS; i++)
		CHECK(!pthread_create(&learners[i], NULL, learn_and_look_up, &seeds[i]));
	for (uint32_t n = 0; atomic_load(&running); n++) {
		check_dump();
		if (n % 5 == 0)
			fp_fdb_flush_matching(&fdb, (int32_t)(n % 240), (int32_t)(n % 3));
		if (n % 50 == 0)
			fp_fdb_flush_matching(&fdb, -1, -1);
	}
	for (uint32_t i = 0; i < LEARNERS; i++)
		CHECK(!pthread_join(learners[i], NULL));
	CHECK(fp_load_relaxed(&fdb.count) <= MAX_ENTRIES + LEARNERS);
	CHECK_EQ(fp_fdb_flush_matching(&fdb, -1, -1), fp_load_relaxed(&fdb.count) + 0u);
	fp_fdb_destroy(&fdb);
}

int main(void)
{
	RUN(test_nobody_reads_a_torn_entry_and_the_bound_holds);
	return 0;
}
