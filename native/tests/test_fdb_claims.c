/* An address that several ports claim: who gets its frames (F-12). */
#include "check.h"
#include "fdb_claims.h"

/* The owner is heard every 150 ms, the thief every millisecond. */
static void test_thief_gets_an_address_until_its_owner_is_heard_and_no_more(void)
{
	uint32_t stolen = 0;

	start(100);
	learn(0, mac_of(1), 3, START);
	for (uint32_t ms = 1; ms <= 60000; ms++) {
		learn(0, mac_of(1), 4, START + ms * MS);
		if (ms % 150 == 0)
			learn(0, mac_of(1), 3, START + ms * MS);
		stolen += port_now(0, mac_of(1), START + ms * MS) == 4;
	}
	CHECK(stolen < 150);
	CHECK(fp_load_relaxed(&fdb.disputes) >= 59);
}

/* One who claims it for a moment is known by its return, though he says nothing more. */
static void test_return_to_its_port_tells_of_who_took_it(void)
{
	start(100);
	learn(0, mac_of(1), 3, START);
	learn(0, mac_of(1), 4, START + SECOND);
	CHECK_EQ(fp_load_relaxed(&fdb.disputes), 0); /* it may have moved */
	learn(0, mac_of(1), 3, START + 2 * SECOND);
	CHECK_EQ(fp_load_relaxed(&fdb.disputes), 1);
	learn(0, mac_of(1), 3, START + 3 * SECOND);
	CHECK_EQ(fp_load_relaxed(&fdb.disputes), 1);
}

/* Who gets the frames of the first address: the port, and the other one. */
static bool serves(int32_t port, uint64_t ms)
{
	int32_t also;
	int32_t at = fp_fdb_lookup(&fdb, 0, mac_of(1), START + ms * MS, &also);

	return at < 0 || at == port || also == port; /* unknown: all get it */
}

static void test_old_port_is_told_for_five_seconds_if_the_new_one_says_much(void)
{
	int32_t also;

	start(100);
	learn(0, mac_of(1), 3, START);
	for (uint32_t n = 0; n < 8; n++) {
		learn(0, mac_of(1), 4, START + 100 * SECOND);
		CHECK_EQ(fp_fdb_lookup(&fdb, 0, mac_of(1), START + 100 * SECOND, &also), 4);
		CHECK_EQ(also, n < 7 ? -1 : 3); /* who says little is only where it is */
	}
	CHECK_EQ(fp_fdb_lookup(&fdb, 0, mac_of(1), START + 105 * SECOND, &also), 4);
	CHECK_EQ(also, 3);
	CHECK_EQ(fp_fdb_lookup(&fdb, 0, mac_of(1), START + 105 * SECOND + MS, &also), 4);
	CHECK_EQ(also, -1);
}

static void test_address_that_moves_and_comes_back_is_at_one_port_only(void)
{
	int32_t also;

	start(100);
	for (uint32_t n = 0; n < 20; n++) {
		uint32_t port = 3 + n % 2;
		uint64_t now_ns = START + n * 3 * SECOND;

		learn(0, mac_of(1), port, now_ns);
		CHECK_EQ(fp_fdb_lookup(&fdb, 0, mac_of(1), now_ns, &also), port);
		CHECK_EQ(also, -1);
	}
}

struct talker {
	uint32_t port;
	uint32_t from_ms;
	uint32_t to_ms;
	uint32_t every_ms;
};

/*
 * Milliseconds without service of the first of the talkers, here and at a bridge where who spoke
 * last is served. All have the one address; in a millisecond the last one speaks first.
 */
static void play(const struct talker *talkers, uint32_t count, uint32_t end_ms, uint32_t *lost,
		 uint32_t *bridge)
{
	uint32_t last = UINT32_MAX;

	start(100);
	*lost = *bridge = 0;
	for (uint32_t ms = 0; ms < end_ms; ms++) {
		for (uint32_t i = count; i-- > 0;) {
			const struct talker *talker = &talkers[i];

			if (ms < talker->from_ms || ms >= talker->to_ms ||
			    (ms - talker->from_ms) % talker->every_ms)
				continue;
			learn(0, mac_of(1), talker->port, START + ms * MS);
			last = talker->port;
		}
		if (ms < talkers[0].from_ms)
			continue;
		*lost += !serves((int32_t)talkers[0].port, ms);
		*bridge += last != talkers[0].port;
	}
}

#define MINUTES 400000u

/*
 * Whoever was first, and whatever the rates: at most until its next words, and never more than a
 * bridge would take from it.
 */
static void test_host_that_speaks_now_and_then_loses_nothing_more_to_a_thief(void)
{
	static const uint32_t rates_ms[] = {1, 3, 50, 200, 1000, 5000, 30000, 64500};
	static const uint32_t own_ms[] = {10, 200, 1000, 4000};
	static const uint32_t from_ms[] = {0, 100, 70000, 310000};

	for (uint32_t r = 0; r < 8; r++) {
		for (uint32_t o = 0; o < 4; o++) {
			for (uint32_t first = 0; first < 4; first++) {
				struct talker talkers[] = {
					{3, from_ms[first], MINUTES, own_ms[o]},
					{4, first ? 0 : 7, MINUTES - 60000, rates_ms[r]},
				};
				uint32_t lost, bridge;

				play(talkers, 2, MINUTES, &lost, &bridge);
				CHECK(lost <= bridge);
				CHECK(lost <= 2 * own_ms[o] || rates_ms[r] > 64000);
			}
		}
	}
}

/* Thieves on two ports who were there first, in bursts with pauses. */
static void test_thieves_take_no_more_than_they_would_from_a_bridge(void)
{
	struct talker talkers[40] = {{3, 100000, MINUTES, 150}};
	uint32_t count = 1;
	uint32_t lost, bridge;

	for (uint32_t ms = 0; count < 40; ms += 10000, count++)
		talkers[count] = (struct talker){4 + count % 2, ms, ms + 1200, 3};
	play(talkers, count, MINUTES, &lost, &bridge);
	CHECK(bridge > 10000);
	CHECK(lost < bridge / 10);
}

/* Three stations of one address at random: who spoke last is served, as at a bridge. */
static void test_who_spoke_last_is_served(void)
{
	uint32_t random = 1;
	uint32_t now_ms = 0;

	start(100);
	for (uint32_t n = 0; n < 1000000; n++) {
		uint32_t port;
		uint32_t later;

		random = random * 1664525 + 1013904223;
		port = 3 + (random >> 28) % 3;
		later = 1u << (random >> 24 & 15); /* up to half a minute */
		learn(0, mac_of(1), port, START + now_ms * MS);
		CHECK(serves((int32_t)port, now_ms));
		CHECK(serves((int32_t)port, now_ms + 5000));
		CHECK(serves((int32_t)port, now_ms + 299000));
		now_ms += random >> 20 & 1 ? (random >> 16 & 1) : later;
	}
}

static void test_dispute_is_told_with_both_ports_and_forgotten(void)
{
	struct fp_fdb_entry entry;

	start(100);
	learn(7, mac_of(9), 3, START);
	learn(7, mac_of(9), 4, START + MS);
	CHECK_EQ(fp_fdb_read(&fdb, &entry, 1, START + MS, 0), 1);
	CHECK_EQ(entry.rival, FP_FDB_NO_RIVAL);
	learn(7, mac_of(9), 3, START + SECOND);
	CHECK_EQ(learn(7, mac_of(9), 5, START + SECOND + MS), FP_FDB_DAMPED);
	CHECK_EQ(fp_fdb_read(&fdb, &entry, 1, START + 2 * SECOND, 3 * SECOND), 1);
	CHECK_EQ(entry.port, 3);
	CHECK_EQ(entry.rival, 5);
	CHECK_EQ(entry.claimed_ns, SECOND - MS);
	CHECK_EQ(fp_fdb_read(&fdb, &entry, 1, START + 5 * SECOND, 3 * SECOND), 0);
	CHECK_EQ(fp_fdb_read(&fdb, &entry, 1, START + 66 * SECOND, 0), 1);
	CHECK_EQ(entry.rival, FP_FDB_NO_RIVAL);
}

/* A loop that was pulled: who came round in it is nobody's rival. */
static void test_dispute_ends_with_the_port_that_claims(void)
{
	struct fp_fdb_entry entry;
	int32_t also;

	start(100);
	for (uint32_t n = 0; n < 8; n++) {
		learn(0, mac_of(1), 3, START);
		learn(0, mac_of(1), 4, START);
	}
	learn(0, mac_of(1), 3, START);
	CHECK_EQ(fp_fdb_read(&fdb, &entry, 1, START, SECOND), 1);
	CHECK_EQ(entry.rival, 4);
	CHECK_EQ(fp_fdb_flush_matching(&fdb, 5, -1), 0);
	CHECK_EQ(fp_fdb_read(&fdb, &entry, 1, START, SECOND), 1);
	CHECK_EQ(fp_fdb_flush_matching(&fdb, 4, -1), 0);
	CHECK_EQ(fp_fdb_read(&fdb, &entry, 1, START, SECOND), 0);
	CHECK_EQ(fp_fdb_lookup(&fdb, 0, mac_of(1), START, &also), 3);
	CHECK_EQ(also, -1);
}

static void test_address_of_a_sticky_port_stays_until_it_ages(void)
{
	uint64_t sticky[FP_MASK_WORDS] = {8};
	struct fp_fdb_claim claim = {
		.mac = mac_of(1), .port = 4, .sticky = sticky, .asked = true, .shortcut_port = -1};
	int32_t also;

	start(100);
	learn(0, mac_of(1), 3, START);
	for (uint32_t n = 1; n < 300; n++) {
		claim.now_ns = START + n * SECOND;
		CHECK_EQ(fp_fdb_learn(&fdb, &claim), FP_FDB_DAMPED);
		CHECK_EQ(fp_fdb_lookup(&fdb, 0, mac_of(1), claim.now_ns, &also), 3);
		CHECK_EQ(also, -1); /* and nobody else hears what is sent to it */
	}
	claim.now_ns = START + 301 * SECOND;
	CHECK_EQ(fp_fdb_learn(&fdb, &claim), FP_FDB_MOVED);
}

/* What the short cut carries the loops do not see: they ask before a hold ends. */
static void test_owner_whose_frames_take_the_short_cut_keeps_its_address(void)
{
	struct fp_fdb_claim claim = {.mac = mac_of(1), .port = 4, .shortcut_port = -1};

	start(100);
	learn(0, mac_of(1), 3, START);
	learn(0, mac_of(1), 4, START + MS);
	learn(0, mac_of(1), 3, START + 2 * MS);
	claim.now_ns = START + 6 * SECOND;
	CHECK_EQ(fp_fdb_learn(&fdb, &claim), FP_FDB_ASK);
	CHECK(!claim.changed);
	CHECK_EQ(port_now(0, mac_of(1), claim.now_ns), 3);
	claim.asked = true;
	claim.shortcut_port = 3;
	claim.shortcut_ns = START + 5 * SECOND;
	CHECK_EQ(fp_fdb_learn(&fdb, &claim), FP_FDB_DAMPED);
	CHECK(claim.changed);
	CHECK_EQ(claim.place.port, 3);
	CHECK_EQ(claim.place.heard_ns, START + 5 * SECOND);
	CHECK_EQ(claim.place.also, 4);
	CHECK_EQ(claim.place.also_ns, claim.now_ns);
	CHECK_EQ(fp_fdb_learn(&fdb, &claim), FP_FDB_DAMPED);
	CHECK(!claim.changed); /* the short cut knows it already */
	claim.now_ns = START + 8 * SECOND;
	CHECK_EQ(fp_fdb_learn(&fdb, &claim), FP_FDB_MOVED);
	CHECK_EQ(claim.place.port, 4);
	CHECK_EQ(claim.place.also, 3);
}

/* It aged here while the short cut carried it: a claim is a move like any other. */
static void test_address_that_only_the_short_cut_knows_is_not_new(void)
{
	struct fp_fdb_claim claim = {
		.mac = mac_of(1), .port = 4, .now_ns = START, .shortcut_port = -1};

	start(100);
	CHECK_EQ(fp_fdb_learn(&fdb, &claim), FP_FDB_ASK);
	claim.asked = true;
	claim.shortcut_port = 3;
	claim.shortcut_ns = START - MS;
	CHECK_EQ(fp_fdb_learn(&fdb, &claim), FP_FDB_MOVED);
	CHECK_EQ(learn(0, mac_of(1), 3, START + SECOND), FP_FDB_MOVED);
	CHECK_EQ(learn(0, mac_of(1), 4, START + SECOND), FP_FDB_DAMPED);
	CHECK_EQ(entries_at(START), 1);
}

/* A thief who was first floods addresses between its claims: the host stays known. */
static void test_flood_does_not_make_the_fdb_forget_whom_it_was_stolen_from(void)
{
	uint32_t lost = 0;

	start(500);
	for (uint32_t ms = 0; ms < 5000; ms++) {
		uint64_t now_ns = START + ms * MS;

		learn(0, mac_of(1), 7, now_ns);
		for (uint32_t n = 0; n < 20; n++)
			learn(0, mac_of(1000 + 20 * ms + n), 7, now_ns);
		if (ms % 100 == 50)
			learn(0, mac_of(1), 3, now_ns);
		lost += ms >= 150 && !serves(3, ms);
	}
	CHECK_EQ(lost, 0);
	CHECK(fp_load_relaxed(&fdb.count) <= 500);
}

/*
 * A hostile game: a flood of addresses still waits in the ring when the first theft begins, thefts
 * of 1.2 s come again and again, and the host speaks every 200 ms. Which addresses meet in a bucket
 * is luck; with bad luck the host was dark for 44 of 60 s.
 */
static void test_flood_before_a_theft_makes_no_owner_of_the_thief(void)
{
	for (uint64_t seed = 1; seed <= 20; seed++) {
		uint32_t lost = 0;
		uint32_t made_up = 1000;

		start(8192);
		fdb.seed = seed * UINT64_C(0x9e3779b97f4a7c15);
		learn(0, mac_of(1), 3, START);
		for (uint32_t ms = 0; ms < 60000; ms++) {
			uint64_t now_ns = START + ms * MS;

			for (uint32_t n = 0; ms >= 500 && ms < 1100 && n < 60; n++)
				learn(0, mac_of(made_up++), 7, now_ns);
			if (ms >= 1000 && (ms - 1000) % 8000 < 1200 && ms % 3 == 0)
				learn(0, mac_of(1), 7, now_ns);
			if (ms % 200 == 150)
				learn(0, mac_of(1), 3, now_ns);
			lost += !serves(3, ms);
		}
		CHECK(lost < 200);
	}
}

int main(void)
{
	RUN(test_thief_gets_an_address_until_its_owner_is_heard_and_no_more);
	RUN(test_return_to_its_port_tells_of_who_took_it);
	RUN(test_old_port_is_told_for_five_seconds_if_the_new_one_says_much);
	RUN(test_address_that_moves_and_comes_back_is_at_one_port_only);
	RUN(test_host_that_speaks_now_and_then_loses_nothing_more_to_a_thief);
	RUN(test_thieves_take_no_more_than_they_would_from_a_bridge);
	RUN(test_who_spoke_last_is_served);
	RUN(test_dispute_is_told_with_both_ports_and_forgotten);
	RUN(test_dispute_ends_with_the_port_that_claims);
	RUN(test_address_of_a_sticky_port_stays_until_it_ages);
	RUN(test_owner_whose_frames_take_the_short_cut_keeps_its_address);
	RUN(test_address_that_only_the_short_cut_knows_is_not_new);
	RUN(test_flood_does_not_make_the_fdb_forget_whom_it_was_stolen_from);
	RUN(test_flood_before_a_theft_makes_no_owner_of_the_thief);
	fp_fdb_destroy(&fdb);
	return 0;
}
