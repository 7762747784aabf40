/*
 * A loop learns while ports leave their VLAN and come back: once it has moved past a table, nothing
 * of what it learned by that one is left.
 */
#include <pthread.h>
#include <sched.h>

#include "check.h"
#include "fp_clock.h"
#include "fp_mask.h"
#include "fp_unicast.h"
#include "lab.h"
#include "rows.h"

#define CHANGES 400u
#define HOSTS 16u /* at each port */
#define VLAN 10u

static struct lab lab;
static _Atomic uint64_t learned;

static const uint8_t *mac_at(uint32_t port, uint32_t host)
{
	static _Thread_local uint8_t mac[6] = {0x02};

	mac[4] = (uint8_t)port;
	mac[5] = (uint8_t)(host + 1);
	return mac;
}

static void hear(struct fp_worker *worker, const struct fp_table *table, uint32_t port,
		 uint32_t host)
{
	uint8_t data[14] = {0x02, [5] = 0x77};
	struct fp_frame frame = {.data = data, .vlan = VLAN};

	memcpy(data + 6, mac_at(port, host), 6);
	if (fp_mask_has(fp_table_vlan(table, VLAN)->members, port)) /* as fp_decide says `learn` */
		fp_unicast_learn(lab.sw, &worker->stats[port], table, &frame, port, fp_now_ns());
}

/* What fp_loop_run() does around its passes, of two frames each. */
static void *run(void *argument)
{
	struct fp_worker *worker = lab.sw->workers[0];

	for (uint32_t n = 0; !fp_load_relaxed(&lab.sw->stop); n++) {
		const struct fp_table *table = fp_load_acquire(&lab.sw->table);

		fp_store_release(&worker->seq_seen, table->seq);
		hear(worker, table, 0, n % HOSTS);
		hear(worker, table, 1, n % HOSTS);
		fp_count(&learned, 1);
	}
	fp_store_release(&worker->seq_seen, FP_SEQ_IDLE);
	return argument;
}

/* Port 1 is in the VLAN or not, and the loop goes by that; port 0 always is. */
static void publish(bool member)
{
	struct fp_members members = vlan_members(VLAN, member ? 3 : 1, 0);

	CHECK_EQ(fp_switch_publish(lab.sw, NULL, 0, NULL, 0, &members, 1, NULL, 0), 0);
	while (fp_load_acquire(&lab.sw->workers[0]->seq_seen) <
	       fp_load_relaxed(&lab.sw->table)->seq)
		sched_yield();
}

static uint32_t known_at(uint32_t port)
{
	uint32_t count = 0;
	uint64_t seen_ns;
	int32_t also;

	for (uint32_t host = 0; host < HOSTS; host++) {
		const uint8_t *mac = mac_at(port, host);

		count += fp_fdb_lookup(&lab.sw->fdb, VLAN, mac, 0, &also) >= 0;
		count += fp_shortcut_lookup(&lab.sw->shortcut, VLAN, mac, 0, &seen_ns) >= 0;
	}
	return count;
}

static void test_nothing_stays_of_a_port_that_has_left(void)
{
	uint32_t found = 0;
	pthread_t loop;

	lab_start(&lab, 2);
	publish(true);
	CHECK(!pthread_create(&loop, NULL, run, NULL));
	for (uint32_t n = 0; n < CHANGES; n++) {
		uint64_t before = fp_load_relaxed(&learned);

		publish(true);
		while (fp_load_relaxed(&learned) - before < n % 24)
			sched_yield();
		found += known_at(1) != 0;
		publish(false);
		CHECK_EQ(known_at(1), 0);
	}
	CHECK(found > CHANGES / 10);
	CHECK(known_at(0) >= HOSTS);
	fp_switch_stop(lab.sw);
	CHECK(!pthread_join(loop, NULL));
	lab_end(&lab);
}

int main(void)
{
	RUN(test_nothing_stays_of_a_port_that_has_left);
	return 0;
}
