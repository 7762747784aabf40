/*
 * What was learned goes when it holds no more: by whoever publishes, and by a loop that still goes
 * by an older table. The short cut is asked too, where the kernel lets us make its maps.
 */
#include "check.h"
#include "fp_loop.h"
#include "fp_unicast.h"
#include "lab.h"
#include "rows.h"

#define FILTERS (FP_PORT_UP | FP_PORT_FILTERS)

struct port {
	uint16_t pvid;
	uint16_t horizon;
	uint32_t mtu;
	uint8_t flags;
};

/* Ports 0 to 2, as they are at the start: all in VLAN 10 untagged, 0 and 1 in 20 as well. */
static const struct port start_ports[3] = {
	{10, 0, 1500, FILTERS}, {10, 0, 1500, FILTERS}, {10, 0, 1500, FILTERS}};

static void publish(struct lab *lab, const struct port *ports, const struct fp_members *members)
{
	struct fp_port_state states[3] = {0};

	for (uint32_t i = 0; i < 3; i++) {
		states[i].port = (uint16_t)i;
		states[i].mtu = ports[i].mtu;
		states[i].flags = ports[i].flags;
		states[i].pvid = ports[i].pvid;
		states[i].horizon = ports[i].horizon;
	}
	CHECK_EQ(fp_switch_publish(lab->sw, NULL, 0, NULL, 0, members, 3, states, 3), 0);
}

static const struct fp_members *members(uint64_t in_10, uint64_t untagged, uint64_t in_20)
{
	static struct fp_members rows[3];

	rows[0] = vlan_members(FP_VLAN_ANY, 0, 0);
	rows[1] = vlan_members(10, in_10, untagged);
	rows[2] = vlan_members(20, in_20, 0);
	return rows;
}

static const uint8_t *mac(uint32_t host)
{
	static uint8_t address[6] = {0x02};

	address[5] = (uint8_t)(host + 1);
	return address;
}

static void say(struct lab *lab, uint32_t port, uint32_t vlan)
{
	struct packet packet = packet_udp();

	memcpy(packet.src, mac(port), 6);
	memcpy(packet.dst, mac(7), 6);
	packet.tpid = vlan ? 0x8100 : 0;
	packet.tci = (uint16_t)vlan;
	lab_receive(lab, port, &packet);
}

/* Ports 0 to 2 have said something in VLAN 10, 0 and 1 in 20. */
static void start(struct lab *lab)
{
	lab_start(lab, 3);
	publish(lab, start_ports, members(7, 7, 3));
	for (uint32_t port = 0; port < 3; port++)
		say(lab, port, 0);
	say(lab, 0, 20);
	say(lab, 1, 20);
	lab_run(lab);
}

/* Whether the fdb, or with cut the short cut, has the host in that VLAN. */
static bool knows(struct lab *lab, bool cut, uint32_t vlan, uint32_t host)
{
	uint64_t seen_ns;
	int32_t also;

	if (cut)
		return fp_shortcut_lookup(&lab->sw->shortcut, vlan, mac(host), 0, &seen_ns) >= 0;
	return fp_fdb_lookup(&lab->sw->fdb, vlan, mac(host), 0, &also) >= 0;
}

/* Bit 0 to 2: the hosts it knows in VLAN 10, bit 4 and 5: in VLAN 20. */
static uint32_t known(struct lab *lab, bool cut)
{
	uint32_t bits = 0;

	for (uint32_t host = 0; host < 3; host++)
		bits |= (uint32_t)knows(lab, cut, 10, host) << host |
			(uint32_t)knows(lab, cut, 20, host) << (4 + host);
	return bits;
}

static void check_known(struct lab *lab, uint32_t fdb, uint32_t cut)
{
	CHECK_EQ(known(lab, false), fdb);
	if (lab->sw->shortcut.fdb_fd >= 0)
		CHECK_EQ(known(lab, true), cut);
}

struct change {
	uint32_t port;
	struct port now;
	uint64_t in_10;
	uint64_t untagged;
	uint32_t fdb; /* what is known afterwards, as known() says it */
	uint32_t cut;
};

static const struct change changes[] = {
	{1, {10, 0, 1500, FILTERS}, 7, 7, 0x37, 0x37},			/* nothing */
	{1, {0, 0, 1500, FILTERS}, 5, 5, 0x35, 0x35},			/* it leaves VLAN 10 */
	{1, {0, 0, 1500, FILTERS}, 7, 5, 0x35, 0x35},			/* has it with a tag */
	{1, {20, 0, 1500, FILTERS}, 7, 7, 0x15, 0x15},			/* another PVID */
	{1, {10, 5, 1500, FILTERS}, 7, 7, 0x37, 0x15},			/* a split horizon */
	{1, {10, 0, 9000, FILTERS}, 7, 7, 0x37, 0x15},			/* another MTU */
	{1, {10, 0, 1500, FP_PORT_FILTERS}, 7, 7, 0x15, 0x15},		/* it is down */
	{1, {10, 0, 1500, FILTERS | FP_PORT_STICKY}, 7, 7, 0x37, 0x37}, /* no concern of ours */
};

static void test_publish_forgets_what_holds_no_more(void)
{
	for (uint32_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		const struct change *change = &changes[i];
		struct port ports[3];
		struct lab lab;

		start(&lab);
		check_known(&lab, 0x37, 0x37);
		memcpy(ports, start_ports, sizeof(ports));
		ports[change->port] = change->now;
		publish(&lab, ports, members(change->in_10, change->untagged, 3));
		check_known(&lab, change->fdb, change->cut);
		lab_end(&lab);
	}
}

/* A loop that took its table before the publish learns afterwards: the same must be forgotten. */
static void test_loop_on_an_older_table_leaves_nothing_behind(void)
{
	for (uint32_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		const struct change *change = &changes[i];
		const struct fp_table *older;
		struct fp_worker *worker;
		struct port ports[3];
		struct lab lab;

		start(&lab);
		CHECK_EQ(fp_fdb_flush(lab.sw, -1, -1), 5);
		worker = lab.sw->workers[0];
		older = fp_load_relaxed(&lab.sw->table);
		fp_store_release(&worker->seq_seen, older->seq); /* it is in use */
		memcpy(ports, start_ports, sizeof(ports));
		ports[change->port] = change->now;
		publish(&lab, ports, members(change->in_10, change->untagged, 3));
		for (uint32_t port = 0; port < 3; port++)
			say(&lab, port, 0);
		say(&lab, 0, 20);
		say(&lab, 1, 20);
		while (fp_loop_pass(lab.sw, worker, older) > 0) {
		}
		check_known(&lab, change->fdb, change->cut);
		fp_store_release(&worker->seq_seen, FP_SEQ_IDLE);
		lab_end(&lab);
	}
}

/* A closed port may be opened again at once, of the same interface: the fdb waits for it. */
static void test_closed_port_leaves_the_short_cut_and_stays_in_the_fdb(void)
{
	struct lab lab;

	start(&lab);
	CHECK_EQ(fp_port_close(lab.sw, 1), 0);
	check_known(&lab, 0x37, 0x15);
	CHECK_EQ(fp_fdb_flush(lab.sw, 1, -1), 2);
	check_known(&lab, 0x15, 0x15);
	lab_end(&lab);
}

static void test_forget_is_of_one_port(void)
{
	struct lab lab;

	start(&lab);
	fp_fdb_forget(&lab.sw->fdb, 10, mac(1), 2);
	CHECK_EQ(known(&lab, false), 0x37);
	fp_fdb_forget(&lab.sw->fdb, 10, mac(1), 1);
	CHECK_EQ(known(&lab, false), 0x35);
	lab_end(&lab);
}

int main(void)
{
	RUN(test_publish_forgets_what_holds_no_more);
	RUN(test_loop_on_an_older_table_leaves_nothing_behind);
	RUN(test_closed_port_leaves_the_short_cut_and_stays_in_the_fdb);
	RUN(test_forget_is_of_one_port);
	return 0;
}
